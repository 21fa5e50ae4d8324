//! A client of the sessions dialect that says just what a test tells it to.

use serde_json::{Value, json};

use super::{Client, End, Server, client_of};

/// One connection of a client.
pub struct Session {
    client: Client,
    /// The welcome that it got.
    pub welcome: Value,
}

/// The secret of the client `name`.
pub fn secret(name: &str) -> String {
    format!("{name}-secret-of-22-characters-or-more")
}

impl Session {
    /// Joins a room from the beginning.
    pub async fn join(server: &Server, path: &str, name: &str) -> Session {
        Session::hello(server, path, hello(name)).await
    }

    /// Joins a room from a position.
    pub async fn resume(server: &Server, path: &str, name: &str, since: Value) -> Session {
        let mut hello = hello(name);
        hello["since"] = since;
        Session::hello(server, path, hello).await
    }

    /// Joins a room and wants to be told of the others' presence.
    pub async fn watch(server: &Server, path: &str, name: &str) -> Session {
        let mut hello = hello(name);
        hello["presence"] = true.into();
        Session::hello(server, path, hello).await
    }

    /// Says `hello` and reads the welcome.
    pub async fn hello(server: &Server, path: &str, hello: Value) -> Session {
        let mut session = Session::silent(server, path).await;
        session.send(hello).await;
        session.welcome = session.next().await;
        assert_eq!(session.welcome["type"], "welcome", "{}", session.welcome);
        session
    }

    /// Connects and says nothing.
    pub async fn silent(server: &Server, path: &str) -> Session {
        let client = client_of(server.address(), path, Some("patchcast.v1")).await;
        Session {
            client,
            welcome: Value::Null,
        }
    }

    pub async fn send(&mut self, message: Value) {
        self.client.send(message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.client.send(text).await;
    }

    pub async fn try_send(&mut self, message: &Value) -> bool {
        self.client.try_send(message.to_string()).await.is_ok()
    }

    /// Sends an op.
    pub async fn op(&mut self, id: u64, data: impl Into<Value>) {
        self.send(json!({"type": "op", "id": id, "data": data.into()}))
            .await;
    }

    /// The next message.
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = Value> {
        let text = self.client.text();
        async move { serde_json::from_str(&text.await).unwrap() }
    }

    /// The next message, or how the connection ended.
    pub async fn try_next(&mut self) -> Result<Value, End> {
        let message = self.client.next().await?;
        Ok(serde_json::from_str(message.to_text().unwrap()).unwrap())
    }

    /// The entries of the next message, each as `[seq, data]`; an ack stands as `[seq, "ack ID"]`.
    pub async fn stream(&mut self) -> Vec<Value> {
        entries_of(&self.next().await)
    }

    /// The same of as many messages as it takes until there are `count`.
    pub async fn entries(&mut self, count: usize) -> Vec<Value> {
        let mut entries = Vec::new();
        while entries.len() < count {
            entries.extend(self.stream().await);
        }
        assert_eq!(entries.len(), count, "more than was expected");
        entries
    }

    /// Its position after the entry `seq`.
    pub fn at(&self, seq: u64) -> Value {
        json!({"epoch": self.welcome["epoch"], "seq": seq})
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.welcome["client"].as_str().unwrap()
    }

    /// That nothing more is under way: an answer to a ping comes first.
    pub async fn nothing_more(&mut self) {
        self.send(json!({"type": "ping"})).await;
        assert_eq!(self.next().await, json!({"type": "pong"}));
    }

    /// How the connection ends, whatever comes before.
    #[track_caller]
    pub fn end(&mut self) -> impl Future<Output = End> {
        self.client.end()
    }

    pub async fn close(self) {
        self.client.close().await;
    }
}

fn hello(name: &str) -> Value {
    json!({"type": "hello", "version": 1, "secret": secret(name)})
}

fn entries_of(message: &Value) -> Vec<Value> {
    match message["type"].as_str() {
        Some("ack") => vec![json!([message["seq"], format!("ack {}", message["id"])])],
        Some("entries") => {
            let after = message["after"].as_u64().unwrap();
            let entries = message["entries"].as_array().unwrap();
            let numbered = (after + 1..).zip(entries);
            numbered.map(|(seq, entry)| json!([seq, entry["data"]])).collect()
        }
        // What state a document has there.
        Some("check") => Vec::new(),
        _ => panic!("neither entries nor an ack: {message}"),
    }
}
