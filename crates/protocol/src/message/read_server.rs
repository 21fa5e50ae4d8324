//! From the text of a frame to what a server means by it.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fields::{Tag, author, epoch, path_of_anything, some, state_hash};
use super::{
    Ack, Durability, ErrorCode, Made, Outcome, PresenceChange, Present, Reject, RejectCode, ResetCode,
    ServerMessage, Welcome, WireConflict, WireEntry,
};
use crate::Malformed;
use crate::ids::{Author, Epoch, OpId, Seq, StateHash, Timestamp};
use crate::path::Path;

/// Reads what a server sent. Members and types that it does not know come from a later minor version: members are passed
/// over, of a type it is `None`.
pub fn read_server<D: DeserializeOwned>(text: &str) -> Result<Option<ServerMessage<D>>, Malformed> {
    Ok(Some(match &*Tag::of(text)?.name {
        "welcome" => serde_json::from_str::<WelcomeText>(text)?.read(),
        "reset" => {
            let ResetText { code, reason } = serde_json::from_str(text)?;
            ServerMessage::Reset { code, reason }
        }
        "entries" => {
            let EntriesText { after, entries } = serde_json::from_str(text)?;
            let entries: Result<_, _> = entries.into_iter().map(EntryText::read).collect();
            ServerMessage::Entries {
                after: Seq(after),
                entries: entries?,
            }
        }
        "ack" => serde_json::from_str::<AckText<D>>(text)?.read()?,
        "reject" => ServerMessage::Reject(serde_json::from_str::<RejectText>(text)?.read()),
        "snapshot" => {
            let SnapshotText { seq, state } = serde_json::from_str(text)?;
            ServerMessage::Snapshot { seq: Seq(seq), state }
        }
        "check" => {
            let CheckText { seq, hash } = serde_json::from_str(text)?;
            ServerMessage::Check { seq: Seq(seq), hash }
        }
        "presence" => serde_json::from_str::<PresenceText<D>>(text)?.read(),
        "pong" => ServerMessage::Pong,
        "error" => {
            let ErrorText { code, reason } = serde_json::from_str(text)?;
            ServerMessage::Error { code, reason }
        }
        _ => return Ok(None),
    }))
}

#[derive(Deserialize)]
struct WelcomeText {
    #[serde(deserialize_with = "author")]
    client: Author,
    #[serde(deserialize_with = "epoch")]
    epoch: Epoch,
    head: u64,
    last_op: u64,
    durability: Durability,
    max_message: u64,
    idle_timeout: u64,
    #[serde(default)]
    snapshot: Option<u64>,
}

impl WelcomeText {
    fn read<D>(self) -> ServerMessage<D> {
        ServerMessage::Welcome(Welcome {
            client: self.client,
            epoch: self.epoch,
            head: Seq(self.head),
            last_op: OpId(self.last_op),
            durability: self.durability,
            max_message: self.max_message,
            idle_timeout: self.idle_timeout,
            snapshot: self.snapshot.map(Seq),
        })
    }
}

#[derive(Deserialize)]
struct ResetText {
    code: ResetCode,
    reason: String,
}

#[derive(Deserialize)]
#[serde(bound = "D: DeserializeOwned")]
struct EntriesText<D> {
    after: u64,
    entries: Vec<EntryText<D>>,
}

#[derive(Deserialize)]
#[serde(bound = "D: DeserializeOwned")]
struct EntryText<D> {
    #[serde(deserialize_with = "author")]
    client: Author,
    id: u64,
    time: u64,
    #[serde(default, deserialize_with = "some")]
    data: Option<D>,
    outcome: Option<Outcome>,
    #[serde(default)]
    conflicts: Vec<ConflictText>,
    #[serde(default, deserialize_with = "some")]
    patches: Option<D>,
}

impl<D> EntryText<D> {
    fn read(self) -> Result<WireEntry<D>, Malformed> {
        let (data, made) = match (self.data, self.patches) {
            (Some(data), None) => (data, None),
            (None, Some(patches)) => {
                let outcome = self.outcome.unwrap_or(Outcome::AsSent);
                (patches, Some((outcome, read_conflicts(self.conflicts))))
            }
            _ => return Err(Malformed::WrongShape("an entry has data or patches".into())),
        };
        Ok(WireEntry {
            client: self.client,
            id: OpId(self.id),
            time: Timestamp(self.time),
            data,
            made,
        })
    }
}

#[derive(Deserialize)]
#[serde(bound = "D: DeserializeOwned")]
struct AckText<D> {
    id: u64,
    seq: u64,
    time: u64,
    durability: Durability,
    outcome: Option<Outcome>,
    #[serde(default)]
    conflicts: Vec<ConflictText>,
    #[serde(default, deserialize_with = "some")]
    patches: Option<D>,
}

impl<D> AckText<D> {
    fn read(self) -> Result<ServerMessage<D>, Malformed> {
        let ack = Ack {
            id: OpId(self.id),
            seq: Seq(self.seq),
            time: Timestamp(self.time),
            durability: self.durability,
        };
        Ok(match (self.outcome, self.patches) {
            (None, None) => ServerMessage::Ack(ack),
            (Some(outcome), Some(patches)) => {
                let conflicts = read_conflicts(self.conflicts);
                let made = Made {
                    outcome,
                    conflicts,
                    patches,
                };
                ServerMessage::Made(ack, made)
            }
            _ => {
                let reason = "an ack has an outcome and patches, or neither";
                return Err(Malformed::WrongShape(reason.into()));
            }
        })
    }
}

#[derive(Deserialize)]
struct ConflictText {
    path: Path,
    lost: bool,
    seq: u64,
    #[serde(deserialize_with = "author")]
    client: Author,
}

fn read_conflicts(conflicts: Vec<ConflictText>) -> Vec<WireConflict> {
    let read = |conflict: ConflictText| WireConflict {
        path: conflict.path,
        lost: conflict.lost,
        seq: Seq(conflict.seq),
        client: conflict.client,
    };
    conflicts.into_iter().map(read).collect()
}

#[derive(Deserialize)]
struct RejectText {
    id: u64,
    code: RejectCode,
    reason: String,
    #[serde(default, deserialize_with = "path_of_anything")]
    path: Option<Path>,
    after: Option<u64>,
}

impl RejectText {
    fn read(self) -> Reject {
        Reject {
            id: OpId(self.id),
            code: self.code,
            reason: self.reason,
            path: self.path,
            after: self.after.map(Seq),
        }
    }
}

#[derive(Deserialize)]
#[serde(bound = "D: DeserializeOwned")]
struct SnapshotText<D> {
    seq: u64,
    state: D,
}

#[derive(Deserialize)]
struct CheckText {
    seq: u64,
    #[serde(deserialize_with = "state_hash")]
    hash: StateHash,
}

#[derive(Deserialize)]
#[serde(bound = "D: DeserializeOwned")]
struct PresenceText<D> {
    #[serde(default)]
    all: bool,
    #[serde(default = "Vec::new")]
    present: Vec<PresentText<D>>,
    #[serde(default)]
    gone: Vec<AuthorText>,
}

#[derive(Deserialize)]
#[serde(bound = "D: DeserializeOwned")]
struct PresentText<D> {
    #[serde(deserialize_with = "author")]
    client: Author,
    data: D,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct AuthorText(#[serde(deserialize_with = "author")] Author);

impl<D> PresenceText<D> {
    fn read(self) -> ServerMessage<D> {
        let present = |PresentText { client, data }| Present { client, data };
        ServerMessage::Presence(PresenceChange {
            all: self.all,
            present: self.present.into_iter().map(present).collect(),
            gone: self.gone.into_iter().map(|AuthorText(client)| client).collect(),
        })
    }
}

#[derive(Deserialize)]
struct ErrorText {
    code: ErrorCode,
    reason: String,
}
