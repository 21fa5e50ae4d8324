//! From the text of a frame to what a client means by it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::fields::{Object, Tag, epoch, op_id, safe_integer, some_author, some_op_id, state_hash};
use super::{Change, ClientMessage, ErrorCode, Hello, Reject, RejectCode, RoomKind};
use crate::ids::{Author, Epoch, OpId, Position, Secret, Seq, StateHash};
use crate::limits::{MAX_DATA_DEPTH, MAX_DOCUMENT_DEPTH, MAX_PRESENCE_BYTES, SESSION_VERSION};
use crate::{Malformed, opaque};

/// What a client is answered whose message is no good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An op that never becomes an entry.
    ///
    /// In a document the answer also says after which entry it takes effect, which only the room knows.
    Reject(Reject),
    /// Any other mistake.
    Error {
        /// Which.
        code: ErrorCode,
        /// The same in words.
        reason: String,
    },
}

impl Refusal {
    fn error(code: ErrorCode, reason: impl Into<String>) -> Refusal {
        Refusal::Error {
            code,
            reason: reason.into(),
        }
    }

    fn reject(id: u64, code: RejectCode, reason: String) -> Refusal {
        Refusal::Reject(Reject {
            id: OpId(id),
            code,
            reason,
            path: None,
            after: None,
        })
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Malformed::from(error).into()
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Refusal::error(ErrorCode::Malformed, malformed.to_string())
    }
}

/// Reads what a client sent, and checks all that can be checked without knowing the room.
///
/// Members that a message does not have are refused: they would be those of a later version, or the server's own.
pub fn read_client(text: &str) -> Result<ClientMessage<&RawValue>, Refusal> {
    let tag = Tag::of(text)?;
    match &*tag.name {
        "hello" => read_hello(text).map(ClientMessage::Hello),
        "op" if tag.patches.is_some() => read_change(text).map(ClientMessage::Change),
        "op" => {
            let Op { id, data, .. } = serde_json::from_str(text)?;
            match opaque::check(data.get(), MAX_DATA_DEPTH) {
                Ok(()) => Ok(ClientMessage::Op { id: OpId(id), data }),
                Err(error) => Err(Refusal::reject(id, RejectCode::BadData, format!("data: {error}"))),
            }
        }
        "presence" => {
            let ShownData { data, .. } = serde_json::from_str(text)?;
            let bad = |reason: String| Refusal::error(ErrorCode::BadPresence, reason);
            if data.get().len() > MAX_PRESENCE_BYTES {
                return Err(bad(format!("presence is above {MAX_PRESENCE_BYTES} bytes")));
            }
            opaque::check(data.get(), MAX_DATA_DEPTH).map_err(|error| bad(format!("data: {error}")))?;
            Ok(ClientMessage::Presence { data })
        }
        "ping" => {
            let Bare { .. } = serde_json::from_str(text)?;
            Ok(ClientMessage::Ping)
        }
        "diverged" => {
            let Diverged { seq, hash, .. } = serde_json::from_str(text)?;
            Ok(ClientMessage::Diverged { seq: Seq(seq), hash })
        }
        unknown => Err(Refusal::error(
            ErrorCode::UnknownType,
            format!("unknown type {unknown:?}; a client sends hello, op, presence, ping and diverged"),
        )),
    }
}

fn read_hello(text: &str) -> Result<Hello<&RawValue>, Refusal> {
    // Looked at before the rest, which may be other in other versions.
    let Version { version } = serde_json::from_str(text)?;
    if version != u64::from(SESSION_VERSION) {
        return Err(Refusal::error(
            ErrorCode::UnsupportedVersion,
            format!("version {version} is not spoken here; this server speaks {SESSION_VERSION}"),
        ));
    }
    let hello: HelloText<'_> = serde_json::from_str(text)?;
    let kind = match (hello.kind.as_deref(), hello.initial) {
        (None | Some("stream"), None) => RoomKind::Stream,
        (None | Some("stream"), Some(_)) => {
            return Err(Refusal::error(
                ErrorCode::Malformed,
                "`initial` is for rooms of kind document",
            ));
        }
        (Some("document"), initial) => RoomKind::Document { initial },
        (Some(_), _) => {
            return Err(Refusal::error(
                ErrorCode::UnsupportedKind,
                "this server has rooms of kind stream and document",
            ));
        }
    };
    let secret = Secret::parse(&hello.secret).ok_or_else(|| {
        Refusal::error(
            ErrorCode::Malformed,
            "secret must be 22 to 128 characters of base64url",
        )
    })?;
    if hello.client.is_some_and(|client| client != Author::of(&secret)) {
        return Err(Refusal::error(
            ErrorCode::NotYourId,
            "the client's id is not the one that its secret gives",
        ));
    }
    if let RoomKind::Document {
        initial: Some(initial),
    } = kind
    {
        let bad = |error| Refusal::error(ErrorCode::BadInitial, format!("initial: {error}"));
        opaque::check(initial.get(), MAX_DOCUMENT_DEPTH).map_err(bad)?;
    }
    Ok(Hello {
        secret,
        since: hello.since.map(|Object(position)| position.read()),
        presence: hello.presence,
        kind,
    })
}

fn read_change(text: &str) -> Result<Change<&RawValue>, Refusal> {
    let ChangeText {
        id,
        base,
        upon,
        strict,
        reset,
        patches,
        ..
    } = serde_json::from_str(text)?;
    let upon = upon.unwrap_or(id);
    if upon > id {
        let reason = "upon is above the id: it is the first of the ops before this one that it was made upon";
        return Err(Refusal::error(ErrorCode::Malformed, reason));
    }
    let bad = |reason: String| Refusal::reject(id, RejectCode::BadPatches, reason);
    opaque::check(patches.get(), MAX_DATA_DEPTH).map_err(|error| bad(format!("patches: {error}")))?;
    if !patches.get().starts_with('[') {
        return Err(bad("patches are not a list".into()));
    }
    Ok(Change {
        id: OpId(id),
        base: Seq(base),
        upon: OpId(upon),
        strict,
        reset,
        patches,
    })
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HelloText<'a> {
    #[serde(rename = "type")]
    _tag: IgnoredAny,
    #[serde(rename = "version")]
    _version: IgnoredAny,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    secret: Cow<'a, str>,
    #[serde(default, deserialize_with = "some_author")]
    client: Option<Author>,
    #[serde(default)]
    since: Option<Object<PositionText>>,
    #[serde(default)]
    presence: bool,
    #[serde(borrow, default)]
    initial: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionText {
    #[serde(deserialize_with = "epoch")]
    epoch: Epoch,
    #[serde(deserialize_with = "safe_integer")]
    seq: u64,
}

impl PositionText {
    fn read(self) -> Position {
        Position {
            epoch: self.epoch,
            seq: Seq(self.seq),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Op<'a> {
    #[serde(rename = "type")]
    _tag: IgnoredAny,
    #[serde(deserialize_with = "op_id")]
    id: u64,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeText<'a> {
    #[serde(rename = "type")]
    _tag: IgnoredAny,
    #[serde(deserialize_with = "op_id")]
    id: u64,
    #[serde(deserialize_with = "safe_integer")]
    base: u64,
    #[serde(default, deserialize_with = "some_op_id")]
    upon: Option<u64>,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    reset: bool,
    #[serde(borrow)]
    patches: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Diverged {
    #[serde(rename = "type")]
    _tag: IgnoredAny,
    #[serde(deserialize_with = "safe_integer")]
    seq: u64,
    #[serde(deserialize_with = "state_hash")]
    hash: StateHash,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShownData<'a> {
    #[serde(rename = "type")]
    _tag: IgnoredAny,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare {
    #[serde(rename = "type")]
    _tag: IgnoredAny,
}
