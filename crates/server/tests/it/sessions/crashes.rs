//! Servers that are killed under many writers, who then send again what was not acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{End, Server, Session, seed};

const ROUNDS: usize = 20;
const WRITERS: usize = 50;

/// Ops that a writer sends in one round, and how many of them it has under way at a time.
const OPS: usize = 10;
const IN_FLIGHT: usize = 4;

/// What one client knows, through all its connections.
#[derive(Default)]
struct Writer {
    name: String,
    /// All entries that it was shown, own ones too.
    seen: Vec<Value>,
    epoch: Value,
    last_id: u64,
    /// Sent, and not acknowledged.
    pending: BTreeMap<u64, Value>,
    acked: BTreeMap<u64, u64>,
}

impl Writer {
    async fn join(&self, server: &Server) -> Session {
        match self.epoch {
            Value::Null => Session::join(server, "/", &self.name).await,
            _ => {
                let since = json!({"epoch": self.epoch, "seq": self.seen.len()});
                Session::resume(server, "/", &self.name, since).await
            }
        }
    }

    /// Writes until the connection ends or `stop` ops were acknowledged.
    async fn write(&mut self, mut session: Session, stop: Option<usize>) {
        self.epoch = session.welcome["epoch"].clone();
        let me = session.id().to_owned();
        let head = session.welcome["head"].as_u64().unwrap();
        while (self.seen.len() as u64) < head {
            let Ok(message) = session.try_next().await else {
                return;
            };
            self.receive(&message, &me);
        }
        for (id, data) in &self.pending {
            if !session
                .try_send(&json!({"type": "op", "id": id, "data": data}))
                .await
            {
                return;
            }
        }
        let last_of_round = self.last_id + OPS as u64;
        loop {
            while self.pending.len() < IN_FLIGHT && self.last_id < last_of_round && stop.is_none() {
                self.last_id += 1;
                let data = json!(format!("{} {}", self.name, self.last_id));
                self.pending.insert(self.last_id, data.clone());
                if !session
                    .try_send(&json!({"type": "op", "id": self.last_id, "data": data}))
                    .await
                {
                    return;
                }
            }
            if stop.is_some_and(|stop| self.pending.is_empty() && self.seen.len() >= stop) {
                session.close().await;
                return;
            }
            match session.try_next().await {
                Ok(message) => self.receive(&message, &me),
                Err(End::Closed(..) | End::Broken) => return,
            }
        }
    }

    fn receive(&mut self, message: &Value, me: &str) {
        match message["type"].as_str().unwrap() {
            "entries" => {
                assert_eq!(message["after"], self.seen.len(), "a gap or a repeat");
                for entry in message["entries"].as_array().unwrap() {
                    if entry["client"] == me {
                        self.settle(entry["id"].as_u64().unwrap(), self.seen.len() as u64 + 1);
                    }
                    self.seen.push(entry["data"].clone());
                }
            }
            "ack" => {
                let (id, seq) = (message["id"].as_u64().unwrap(), message["seq"].as_u64().unwrap());
                if seq == self.seen.len() as u64 + 1 {
                    self.seen.push(self.pending[&id].clone());
                }
                self.settle(id, seq);
            }
            other => panic!("unexpected {other}: {message}"),
        }
    }

    fn settle(&mut self, id: u64, seq: u64) {
        self.pending.remove(&id);
        assert_eq!(*self.acked.entry(id).or_insert(seq), seq, "one op, two entries");
    }
}

#[tokio::test]
async fn every_op_of_fifty_writers_is_there_once_after_twenty_kills() {
    let seed = seed();
    eprintln!("PATCHCAST_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut server = Server::start(&[]).await;
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|n| Writer {
            name: format!("writer-{n}"),
            ..Writer::default()
        })
        .collect();
    for _ in 0..ROUNDS {
        let running = Arc::new(server);
        let mut tasks = JoinSet::new();
        for mut writer in writers.drain(..) {
            let session = writer.join(&running).await;
            tasks.spawn(async move {
                writer.write(session, None).await;
                writer
            });
        }
        let pause = random.random_range(1..30);
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        let Some(killed) = Arc::into_inner(running) else {
            unreachable!("nobody else holds it")
        };
        let directory = killed.kill().await;
        while let Some(writer) = tasks.join_next().await {
            writers.push(writer.unwrap());
        }
        server = Server::on(directory, &[]).await;
    }
    // In peace: everything that is pending is sent again, and everyone hears everything.
    let mut sent = 0;
    for writer in &writers {
        sent += writer.last_id as usize;
    }
    let mut tasks = JoinSet::new();
    for mut writer in writers.drain(..) {
        let session = writer.join(&server).await;
        tasks.spawn(async move {
            writer.write(session, Some(sent)).await;
            writer
        });
    }
    while let Some(writer) = tasks.join_next().await {
        writers.push(writer.unwrap());
    }
    let mut reader = Session::join(&server, "/", "reader").await;
    let entries: Vec<Value> = reader
        .entries(sent)
        .await
        .into_iter()
        .map(|entry| entry[1].clone())
        .collect();
    for writer in &writers {
        assert_eq!(writer.seen, entries, "{} saw another order", writer.name);
        assert_eq!(writer.acked.len() as u64, writer.last_id, "{}", writer.name);
        for (id, seq) in &writer.acked {
            assert_eq!(entries[*seq as usize - 1], format!("{} {id}", writer.name));
        }
    }
    eprintln!("{sent} ops");
}
