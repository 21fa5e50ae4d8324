//! From the text of a frame to a message.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::{
    Ack, ClientMessage, Durability, ErrorCode, Hello, PresenceChange, Present, RejectCode, ResetCode,
    ServerMessage, Welcome, WireEntry,
};
use crate::ids::{Author, Epoch, OpId, Position, Secret, Seq, Timestamp};
use crate::limits::{MAX_DATA_DEPTH, MAX_PRESENCE_BYTES, MAX_SAFE_INTEGER, SESSION_VERSION};
use crate::{Malformed, opaque};

/// What a client is answered whose message is no good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An op that never becomes an entry.
    Reject {
        /// Which.
        id: OpId,
        /// Why.
        code: RejectCode,
        /// The same in words.
        reason: String,
    },
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
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Refusal::error(ErrorCode::Malformed, Malformed::from(error).to_string())
    }
}

/// Reads what a client sent, and checks all that can be checked without knowing the room.
///
/// Members that a message does not have are refused: they would be those of a later version, or the server's own.
pub fn read_client(text: &str) -> Result<ClientMessage<&RawValue>, Refusal> {
    match &*tag(text)? {
        "hello" => read_hello(text).map(ClientMessage::Hello),
        "op" => {
            let Op { id, data, .. } = serde_json::from_str(text)?;
            match opaque::check(data.get(), MAX_DATA_DEPTH) {
                Ok(()) => Ok(ClientMessage::Op { id: OpId(id), data }),
                Err(error) => Err(Refusal::Reject {
                    id: OpId(id),
                    code: RejectCode::BadData,
                    reason: format!("data: {error}"),
                }),
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
        unknown => Err(Refusal::error(
            ErrorCode::UnknownType,
            format!("unknown type {unknown:?}; a client sends hello, op, presence and ping"),
        )),
    }
}

/// Reads what a server sent. Members and types that it does not know come from a later minor version: members are passed
/// over, of a type it is `None`.
pub fn read_server<D: DeserializeOwned>(text: &str) -> Result<Option<ServerMessage<D>>, Malformed> {
    Ok(Some(match &*tag_of(text)? {
        "welcome" => serde_json::from_str::<WelcomeText>(text)?.read(),
        "reset" => {
            let ResetText { code, reason } = serde_json::from_str(text)?;
            ServerMessage::Reset { code, reason }
        }
        "entries" => {
            let EntriesText { after, entries } = serde_json::from_str(text)?;
            let entries = entries.into_iter().map(EntryText::read).collect();
            ServerMessage::Entries {
                after: Seq(after),
                entries,
            }
        }
        "ack" => serde_json::from_str::<AckText>(text)?.read(),
        "reject" => {
            let RejectText { id, code, reason } = serde_json::from_str(text)?;
            ServerMessage::Reject {
                id: OpId(id),
                code,
                reason,
            }
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

fn read_hello(text: &str) -> Result<Hello, Refusal> {
    // Looked at before the rest, which may be other in other versions.
    let Version { version } = serde_json::from_str(text)?;
    if version != u64::from(SESSION_VERSION) {
        return Err(Refusal::error(
            ErrorCode::UnsupportedVersion,
            format!("version {version} is not spoken here; this server speaks {SESSION_VERSION}"),
        ));
    }
    let hello: HelloText<'_> = serde_json::from_str(text)?;
    if hello.kind.as_deref().is_some_and(|kind| kind != "stream") {
        return Err(Refusal::error(
            ErrorCode::UnsupportedKind,
            "this server has rooms of kind stream",
        ));
    }
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
    Ok(Hello {
        secret,
        since: hello.since.map(|Object(position)| position.read()),
        presence: hello.presence,
    })
}

fn tag(text: &str) -> Result<Cow<'_, str>, Refusal> {
    tag_of(text).map_err(|malformed| Refusal::error(ErrorCode::Malformed, malformed.to_string()))
}

fn tag_of(text: &str) -> Result<Cow<'_, str>, Malformed> {
    let Object(Tag { tag }) = serde_json::from_str(text)?;
    Ok(tag)
}

/// A struct that is read from an object and from nothing else: by itself serde takes an array of the members in their
/// order, too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(rename = "type", borrow)]
    tag: Cow<'a, str>,
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
    data: D,
}

impl<D> EntryText<D> {
    fn read(self) -> WireEntry<D> {
        WireEntry {
            client: self.client,
            id: OpId(self.id),
            time: Timestamp(self.time),
            data: self.data,
        }
    }
}

#[derive(Deserialize)]
struct AckText {
    id: u64,
    seq: u64,
    time: u64,
    durability: Durability,
}

impl AckText {
    fn read<D>(self) -> ServerMessage<D> {
        ServerMessage::Ack(Ack {
            id: OpId(self.id),
            seq: Seq(self.seq),
            time: Timestamp(self.time),
            durability: self.durability,
        })
    }
}

#[derive(Deserialize)]
struct RejectText {
    id: u64,
    code: RejectCode,
    reason: String,
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

fn safe_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        number @ 0..=MAX_SAFE_INTEGER => Ok(number),
        number => Err(de::Error::custom(format!(
            "{number} is above {MAX_SAFE_INTEGER}, the largest integer of JavaScript"
        ))),
    }
}

fn op_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match safe_integer(deserializer)? {
        0 => Err(de::Error::custom("the id of an op is at least 1")),
        id => Ok(id),
    }
}

fn epoch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Epoch, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    Epoch::parse(&text).ok_or_else(|| de::Error::custom("an epoch is 16 hexadecimal digits in lower case"))
}

fn author<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Author, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    Author::parse(&text).ok_or_else(|| de::Error::custom("a client's id is 16 characters of base64url"))
}

fn some_author<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Author>, D::Error> {
    author(deserializer).map(Some)
}
