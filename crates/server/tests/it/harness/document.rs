//! A client of a document that is not optimistic: its value is what the room has told it.

use std::collections::BTreeMap;

use patchcast_protocol::apply::apply;
use patchcast_protocol::patch::Patch;
use serde_json::{Value, json};

use super::{End, Server, Session, secret};

/// One connection of a client to a document.
pub struct Document {
    pub session: Session,
    /// As of `seq`.
    pub value: Value,
    /// Up to where the value has everything.
    pub seq: u64,
    last_id: u64,
    /// The patches of the ops that are not answered.
    under_way: BTreeMap<u64, Value>,
}

impl Document {
    /// Joins a document, and makes it be `initial` if there is none.
    pub async fn open(server: &Server, path: &str, name: &str, initial: Value) -> Document {
        let mut hello = hello(name);
        hello["initial"] = initial;
        Document::hello(server, path, hello).await
    }

    /// Joins a document.
    pub async fn join(server: &Server, path: &str, name: &str) -> Document {
        Document::hello(server, path, hello(name)).await
    }

    /// Says `hello`, and reads the welcome and the snapshot.
    pub async fn hello(server: &Server, path: &str, hello: Value) -> Document {
        let session = Session::hello(server, path, hello).await;
        let mut document = Document {
            last_id: session.welcome["last_op"].as_u64().unwrap(),
            session,
            value: Value::Null,
            seq: 0,
            under_way: BTreeMap::new(),
        };
        if !document.session.welcome["snapshot"].is_null() {
            assert_eq!(document.next().await["type"], "snapshot");
        }
        let head = document.session.welcome["head"].as_u64().unwrap();
        document.until(head).await;
        document
    }

    /// Joins again from where an earlier connection was.
    pub async fn again(self, server: &Server, path: &str, name: &str) -> Document {
        let mut hello = hello(name);
        hello["since"] = self.session.at(self.seq);
        let session = Session::hello(server, path, hello).await;
        let mut document = Document { session, ..self };
        if !document.session.welcome["snapshot"].is_null() {
            assert_eq!(document.next().await["type"], "snapshot");
        }
        let head = document.session.welcome["head"].as_u64().unwrap();
        document.until(head).await;
        document
    }

    /// Sends patches that were made on the value as it is and upon all that is under way, and gives their id.
    pub async fn change(&mut self, patches: Value) -> u64 {
        let mut op = json!({"patches": patches});
        if let Some((first, _)) = self.under_way.first_key_value() {
            op["upon"] = (*first).into();
        }
        self.op(op).await
    }

    /// Sends an op, with a new id and the present base where it names none.
    pub async fn op(&mut self, mut op: Value) -> u64 {
        op["type"] = "op".into();
        if op["base"].is_null() {
            op["base"] = self.seq.into();
        }
        if op["id"].is_null() {
            op["id"] = (self.last_id + 1).into();
        }
        let id = op["id"].as_u64().unwrap();
        self.last_id = self.last_id.max(id);
        self.under_way.insert(id, op["patches"].clone());
        self.session.send(op).await;
        id
    }

    /// Sends patches, and waits for the answer.
    pub async fn make(&mut self, patches: Value) -> Value {
        let id = self.change(patches).await;
        self.answer(id).await
    }

    /// The ack or the reject of an op.
    pub async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.next().await;
            if message["id"] == id {
                return message;
            }
        }
    }

    /// The same as [`change`](Self::change), to a server that may have gone.
    pub async fn try_change(&mut self, patches: Value) -> Result<u64, ()> {
        let id = self.last_id + 1;
        let op = json!({"type": "op", "id": id, "base": self.seq, "patches": patches});
        self.last_id = id;
        self.under_way.insert(id, op["patches"].clone());
        match self.session.try_send(&op).await {
            true => Ok(id),
            false => Err(()),
        }
    }

    /// Takes in the next message, or tells how the connection ended.
    pub async fn try_next(&mut self) -> Result<Value, End> {
        let message = self.session.try_next().await?;
        self.take_in(&message);
        Ok(message)
    }

    /// Takes in the next message.
    pub async fn next(&mut self) -> Value {
        let message = self.session.next().await;
        self.take_in(&message);
        message
    }

    fn take_in(&mut self, message: &Value) {
        match message["type"].as_str().unwrap() {
            "snapshot" => {
                self.seq = message["seq"].as_u64().unwrap();
                self.value = message["state"].clone();
            }
            "entries" => {
                let after = message["after"].as_u64().unwrap();
                for (seq, entry) in (after + 1..).zip(message["entries"].as_array().unwrap()) {
                    self.arrive(seq, &entry["patches"]);
                }
            }
            "ack" => {
                let sent = self.under_way.remove(&message["id"].as_u64().unwrap()).unwrap();
                let made = match &message["patches"] {
                    Value::Null => sent,
                    made => made.clone(),
                };
                let seq = message["seq"].as_u64().unwrap();
                if seq > self.seq {
                    self.arrive(seq, &made);
                }
            }
            "reject" => drop(self.under_way.remove(&message["id"].as_u64().unwrap())),
            _ => {}
        }
    }

    /// Takes in what comes until the value is that of `seq`.
    pub async fn until(&mut self, seq: u64) {
        while self.seq < seq {
            self.next().await;
        }
        assert_eq!(self.seq, seq);
    }

    fn arrive(&mut self, seq: u64, patches: &Value) {
        assert_eq!(seq, self.seq + 1);
        let patches: Vec<Patch> = serde_json::from_value(patches.clone()).unwrap();
        self.value = apply(self.value.take(), &patches).unwrap();
        self.seq = seq;
    }
}

/// The hello of the client `name` to a document.
pub fn hello(name: &str) -> Value {
    json!({"type": "hello", "version": 1, "kind": "document", "secret": secret(name)})
}
