//! What is left after a SIGKILL: everything that any client was shown, in order, once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::Seq;
use patchcast_protocol::limits::CHAT_WINDOW;
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::log::{Durability, SqliteStore, StartupCheck, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Client, Server, patch, seed};

const ROUNDS: usize = 20;
const PATCH_ROOMS: [&str; 2] = ["one", "two/and-more"];
const CHAT: &str = "chat";
const WRITERS: usize = 3;

/// Each round goes on with what the one before left. Its history is read by a joiner of the next server.
#[tokio::test]
async fn what_a_client_was_shown_survives_a_kill_at_any_moment() {
    let seed = seed();
    eprintln!("PATCHCAST_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut directory = Arc::new(tempfile::tempdir().unwrap());
    let mut rooms = PATCH_ROOMS.map(PatchRoom::new);
    let mut chat_witnesses = Vec::new();
    for round in 0..ROUNDS {
        let server = Server::on(directory, &["--threads", "2", "--log", "warn"]).await;
        for room in &mut rooms {
            room.verify(&server).await;
        }
        let shown = Arc::new(watch::Sender::new(0));
        let mut crowd = Vec::new();
        for room in &mut rooms {
            room.enter(&server, round, &shown, &mut random).await;
        }
        for number in 0..=WRITERS {
            let name = format!("{round}.{number}");
            let script = Script::of(name, number, &shown, &mut random);
            let (client, window) = Client::chat(&server, &format!("/{CHAT}")).await;
            crowd.push(tokio::spawn(script.chat(client, window)));
        }
        // From the very first message on to the middle of a busy time.
        let until = if round % 4 == 0 {
            1
        } else {
            random.random_range(1..400)
        };
        let moment = Duration::from_micros(random.random_range(0..3000));
        shown.subscribe().wait_for(|shown| *shown >= until).await.unwrap();
        sleep(moment).await;
        directory = server.kill().await;
        for room in &mut rooms {
            room.collect().await;
        }
        for witness in crowd {
            chat_witnesses.push(witness.await.unwrap());
        }
    }
    let server = Server::on(directory, &[]).await;
    for room in &mut rooms {
        room.verify(&server).await;
        eprintln!("/{}: {} messages", room.path, room.known.len());
    }
    let directory = server.terminate().await;
    let log = chat_log(&directory).await;
    eprintln!("/{CHAT}: {} messages", log.len());
    verify_chat(&log, &chat_witnesses);
}

/// A room of patches over all rounds.
struct PatchRoom {
    path: &'static str,
    /// The history that the last joiner read.
    known: Vec<String>,
    /// Everything that anybody ever tried to send.
    sent: HashSet<String>,
    crowd: Vec<JoinHandle<Witness>>,
    witnesses: Vec<Witness>,
}

/// What one client of a room saw until the server was killed: messages by their names.
struct Witness {
    name: String,
    sent: Vec<String>,
    history: Vec<String>,
    live: Vec<String>,
}

impl PatchRoom {
    fn new(path: &'static str) -> PatchRoom {
        PatchRoom {
            path,
            known: Vec::new(),
            sent: HashSet::new(),
            crowd: Vec::new(),
            witnesses: Vec::new(),
        }
    }

    async fn enter(
        &mut self,
        server: &Server,
        round: usize,
        shown: &Arc<watch::Sender<usize>>,
        random: &mut StdRng,
    ) {
        for number in 0..=WRITERS {
            let script = Script::of(format!("{round}.{number}"), number, shown, random);
            let (client, history) = Client::join(server, &format!("/{}", self.path)).await;
            self.crowd
                .push(tokio::spawn(script.patches(client, names(&history))));
        }
    }

    async fn collect(&mut self) {
        for witness in self.crowd.drain(..) {
            let witness = witness.await.unwrap();
            self.sent.extend(witness.sent.iter().cloned());
            self.witnesses.push(witness);
        }
    }

    /// Holds the history that a joiner reads against what the last round's clients saw.
    async fn verify(&mut self, server: &Server) {
        let (client, history) = Client::join(server, &format!("/{}", self.path)).await;
        client.close().await;
        let history = names(&history);
        assert!(
            history.starts_with(&self.known),
            "what was read once is not what is read now"
        );
        let distinct: HashSet<_> = history.iter().collect();
        assert_eq!(distinct.len(), history.len(), "a message is in the history twice");
        assert!(
            distinct.into_iter().all(|name| self.sent.contains(name)),
            "a message is in the history that nobody sent"
        );
        for witness in self.witnesses.drain(..) {
            let Witness { name, .. } = &witness;
            assert!(
                history.starts_with(&witness.history),
                "{name} was shown another history on joining"
            );
            let own = |message: &&String| message.starts_with(&format!("{name}."));
            let later = &history[witness.history.len()..];
            let others: Vec<_> = later.iter().filter(|message| !own(message)).cloned().collect();
            assert!(
                others.starts_with(&witness.live),
                "{name} was shown\n{:?}\nand the history has\n{others:?}",
                witness.live
            );
            let own: Vec<_> = later.iter().filter(own).cloned().collect();
            assert!(witness.sent.starts_with(&own), "{name} sent in another order");
        }
        self.known = history;
    }
}

/// How one client behaves until its server is gone.
struct Script {
    name: String,
    writes: bool,
    shown: Arc<watch::Sender<usize>>,
    random: StdRng,
}

impl Script {
    /// The last client of each room only reads.
    fn of(name: String, number: usize, shown: &Arc<watch::Sender<usize>>, random: &mut StdRng) -> Script {
        Script {
            name,
            writes: number < WRITERS,
            shown: shown.clone(),
            random: StdRng::from_rng(random),
        }
    }

    async fn patches(mut self, mut client: Client, history: Vec<String>) -> Witness {
        let mut live = Vec::new();
        let write = |name: &str, len| patch(name, "x".repeat(len));
        let sent = self
            .run(&mut client, write, |message| live.extend(names(message)))
            .await;
        Witness {
            name: self.name,
            sent,
            history,
            live,
        }
    }

    /// Returns the windows that it was shown, each newest first.
    async fn chat(mut self, mut client: Client, window: Vec<Value>) -> Vec<Vec<String>> {
        let texts = |window: &[Value]| -> Vec<_> {
            let text = |message: &Value| message["text"].as_str().unwrap().to_owned();
            window.iter().map(text).collect()
        };
        let mut windows = vec![texts(&window)];
        let write = |name: &str, _| serde_json::json!({"user": "u", "text": name}).to_string();
        let read = |message: &str| {
            let message: Value = serde_json::from_str(message).unwrap();
            windows.push(texts(message["msg"].as_array().unwrap()));
        };
        self.run(&mut client, write, read).await;
        windows
    }

    /// Writes now and then and reads everything, until the connection ends. Returns the names of the messages
    /// that it tried to send.
    async fn run(
        &mut self,
        client: &mut Client,
        write: impl Fn(&str, usize) -> String,
        mut read: impl FnMut(&str),
    ) -> Vec<String> {
        let mut sent = Vec::new();
        loop {
            let burst = if self.writes {
                self.random.random_range(1..=8)
            } else {
                0
            };
            for _ in 0..burst {
                let name = format!("{}.{}", self.name, sent.len());
                let message = write(&name, self.random.random_range(0..2000));
                sent.push(name);
                if client.try_send(message).await.is_err() {
                    // What was on its way to this client is still read.
                    self.writes = false;
                    break;
                }
            }
            let pause = sleep(Duration::from_millis(self.random.random_range(0..4)));
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    message = client.next() => match message {
                        Ok(Message::Text(text)) => {
                            read(&text);
                            self.shown.send_modify(|shown| *shown += 1);
                        }
                        Ok(other) => panic!("nobody sends {other:?}"),
                        Err(_) => return sent,
                    },
                    () = &mut pause, if self.writes => break,
                }
            }
        }
    }
}

/// The names of the messages whose patches stand in `json`.
fn names(json: &str) -> Vec<String> {
    let patches: Vec<Value> = serde_json::from_str(json).unwrap();
    let name = |patch: &Value| patch["path"][0].as_str().unwrap().to_owned();
    patches.iter().map(name).collect()
}

/// The whole chat, which no client is shown.
async fn chat_log(directory: &TempDir) -> Vec<String> {
    let data = directory.path().join("data");
    let store = SqliteStore::open(&data, Durability::Fsync, StartupCheck::Full).unwrap();
    let room = RoomId {
        dialect: Dialect::Chat,
        name: RoomName::parse(CHAT).unwrap(),
    };
    let log = store.open(&room).await.unwrap();
    let entries = log.read(Seq::START, usize::MAX).await.unwrap();
    let text = |payload: &[u8]| {
        let message: Value = serde_json::from_slice(payload).unwrap();
        message["text"].as_str().unwrap().to_owned()
    };
    entries.iter().map(|entry| text(entry.payload)).collect()
}

/// Every window is the log's end as it was at some moment, and no client was taken back in time.
fn verify_chat(log: &[String], witnesses: &[Vec<Vec<String>>]) {
    let distinct: HashSet<_> = log.iter().collect();
    assert_eq!(distinct.len(), log.len(), "a message is in the chat twice");
    for windows in witnesses {
        let mut ends = 0;
        for window in windows {
            let end = match window.first() {
                Some(newest) => {
                    1 + log
                        .iter()
                        .position(|text| text == newest)
                        .expect("what was shown is in the log")
                }
                None => 0,
            };
            assert!(end >= ends, "a window came after a later one");
            ends = end;
            let expected = log[end.saturating_sub(CHAT_WINDOW)..end].iter().rev();
            assert!(
                expected.eq(window),
                "the window that ended with {:?}",
                window.first()
            );
        }
    }
}
