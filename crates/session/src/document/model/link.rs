//! A connection of the model: the server's side of one client, as frames.

use std::collections::VecDeque;

use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::{Author, OpId, Position, Seq, StateHash, Timestamp};
use patchcast_protocol::message::{
    Ack, ClientMessage, Durability, Made, Outcome, Reject, ResetCode, RoomKind, ServerMessage, Welcome,
    WireEntry, read_client, write_server,
};
use serde_json::value::{RawValue, to_raw_value};

use super::draw::Draw;
use super::server::{Answer, Bridge, Server};

pub struct Link {
    author: Author,
    bridge: Bridge,
    is_greeted: bool,
    /// Frames for the client.
    pub down: VecDeque<Frame>,
}

pub struct Frame {
    pub text: String,
    /// What is no entry may come before entries that were sent before it.
    may_overtake: bool,
    /// The op that it acknowledges, and what was made of it.
    pub made: Option<(OpId, Edit)>,
}

impl Link {
    pub fn new(author: Author) -> Link {
        Link {
            author,
            bridge: Bridge::new(author),
            is_greeted: false,
            down: VecDeque::new(),
        }
    }

    /// The next frame that may come: mostly the first.
    pub fn next(&mut self, draw: &mut Draw) -> Option<Frame> {
        let early = self.down.iter().position(|frame| frame.may_overtake);
        let index = early.filter(|_| draw.one_in(2)).unwrap_or(0);
        self.down.remove(index)
    }

    /// Takes a frame of the client. `true` if there is a new entry.
    pub fn take(&mut self, server: &mut Server, draw: &mut Draw, frame: &str) -> Result<bool, String> {
        match read_client(frame).map_err(|refusal| format!("{refusal:?}: {frame}"))? {
            ClientMessage::Hello(hello) => {
                let RoomKind::Document { initial } = hello.kind else {
                    return Err("a stream's hello".into());
                };
                if server.head() == Seq::START
                    && let Some(initial) = initial
                {
                    server.begin(self.author, serde_json::from_str(initial.get()).unwrap());
                }
                self.welcome(server, draw, hello.since);
                Ok(server.head() == Seq(1))
            }
            ClientMessage::Change(change) => {
                let after = server.head();
                match server.take(&mut self.bridge, &change)? {
                    Answer::Made { as_sent } => {
                        self.acknowledge(server, change.id, server.head(), as_sent);
                        Ok(true)
                    }
                    Answer::Known(seq) => {
                        self.acknowledge(server, change.id, seq, true);
                        Ok(false)
                    }
                    Answer::Rejected(code) => {
                        let reject = Reject {
                            id: change.id,
                            code,
                            reason: "no".into(),
                            path: None,
                            after: Some(after),
                        };
                        self.push(&ServerMessage::Reject(reject)).may_overtake = true;
                        Ok(false)
                    }
                }
            }
            ClientMessage::Diverged { .. } => Ok(false),
            message => Err(format!("the client says {message:?}")),
        }
    }

    /// Tells the client of an entry that is not its own.
    pub fn tell(&mut self, server: &Server, seq: Seq) {
        if self.is_greeted {
            let entry = server.log[seq.0 as usize - 1].clone();
            let message = ServerMessage::Entries {
                after: Seq(seq.0 - 1),
                entries: vec![wire(&entry)],
            };
            self.push(&message);
        }
    }

    pub fn check(&mut self, seq: Seq, hash: StateHash) {
        if self.is_greeted {
            self.push(&ServerMessage::Check { seq, hash });
        }
    }

    fn welcome(&mut self, server: &Server, draw: &mut Draw, since: Option<Position>) {
        self.is_greeted = true;
        let head = server.head();
        let since = match since {
            Some(position) if position.epoch != server.epoch || position.seq > head => {
                let message = ServerMessage::Reset {
                    code: ResetCode::OtherEpoch,
                    reason: "another log".into(),
                };
                self.push(&message);
                Seq::START
            }
            Some(position) => position.seq,
            None => Seq::START,
        };
        let snapshot = (since < head && draw.one_in(2))
            .then(|| since.plus(1 + draw.below(head.since(since) as usize) as u64));
        self.push(&ServerMessage::Welcome(Welcome {
            client: self.author,
            epoch: server.epoch,
            head,
            last_op: server.last_op(self.author),
            durability: Durability::Memory,
            max_message: 1 << 20,
            idle_timeout: 60_000,
            snapshot,
        }));
        if let Some(seq) = snapshot {
            let state = raw(&server.replay(seq));
            self.push(&ServerMessage::Snapshot { seq, state });
        }
        let mut after = snapshot.unwrap_or(since);
        while after < head {
            let count = 1 + draw.below(head.since(after) as usize);
            let entries = server.log[after.0 as usize..][..count].iter().map(wire).collect();
            self.push(&ServerMessage::Entries { after, entries });
            after = after.plus(count as u64);
        }
    }

    fn acknowledge(&mut self, server: &Server, id: OpId, seq: Seq, as_sent: bool) {
        let ack = Ack {
            id,
            seq,
            time: Timestamp(1),
            durability: Durability::Memory,
        };
        let message = match as_sent {
            true => ServerMessage::Ack(ack),
            false => ServerMessage::Made(
                ack,
                Made {
                    outcome: Outcome::Transformed,
                    conflicts: Vec::new(),
                    patches: raw(&server.log[seq.0 as usize - 1].made.patches()),
                },
            ),
        };
        let made = server.log[seq.0 as usize - 1].made.clone();
        self.push(&message).made = Some((id, made));
    }

    fn push(&mut self, message: &ServerMessage<Box<RawValue>>) -> &mut Frame {
        self.down.push_back(Frame {
            text: write_server(message),
            may_overtake: false,
            made: None,
        });
        self.down.back_mut().unwrap()
    }
}

fn wire(entry: &super::server::Entry) -> WireEntry<Box<RawValue>> {
    WireEntry {
        client: entry.author,
        id: entry.id,
        time: Timestamp(1),
        data: raw(&entry.made.patches()),
        made: Some((Outcome::AsSent, Vec::new())),
    }
}

fn raw<T: serde::Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

/// A hash that no state has.
pub const WRONG: StateHash = StateHash([7; 8]);
