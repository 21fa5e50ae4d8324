//! Holds `docs/protocol.md` and `docs/sessions.md` to the code.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Debug;

use patchcast_protocol::apply::{Document, ErrorKind};
use patchcast_protocol::close::{Advice, CloseCode};
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::limits;
use patchcast_protocol::message::{
    ClientMessage, Durability, ErrorCode, Refusal, RejectCode, ResetCode, ServerMessage, read_client,
    read_server, write_server,
};
use patchcast_protocol::patch::OpName;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

const PROTOCOL: &str = include_str!("../../../docs/protocol.md");
const SESSIONS: &str = include_str!("../../../docs/sessions.md");
const PATCHES: &str = include_str!("../../../docs/patches.md");
const SMALLEST_CLIENT: &str = include_str!("../../../examples/javascript/patchcast.mjs");

type Row = Vec<&'static str>;

#[test]
fn the_document_lists_every_close_code_with_what_a_client_does() {
    let documented: Vec<_> = table(section(PROTOCOL, "Closing"))
        .into_iter()
        .map(|row| row[..3].join(" "))
        .collect();
    let expected = CloseCode::ALL.map(|code| {
        let advice = match code.advice() {
            Advice::Stop => "stop",
            Advice::Wait => "wait",
            Advice::Again => "again",
        };
        format!("{} {} {advice}", code.number(), code.name())
    });
    assert_eq!(documented, expected);
}

#[test]
fn the_document_lists_every_dialect() {
    let documented: Vec<_> = table(section(PROTOCOL, "Handshake"))
        .into_iter()
        .map(|row| row[0])
        .collect();
    let expected = Dialect::ALL.map(|dialect| match dialect.subprotocol() {
        None => "(none)".to_owned(),
        Some(name) => format!("`{name}`"),
    });
    assert_eq!(documented, expected);
}

#[test]
fn the_documents_state_the_limits() {
    let mut documented = table(section(PROTOCOL, "Limits"));
    documented.extend(table(section(SESSIONS, "Limits")));
    documented.extend(table(section(PATCHES, "Limits")));
    let secret = limits::SECRET_CHARACTERS;
    let expected = [
        (
            "bytes of a message",
            limits::DEFAULT_MAX_MESSAGE_BYTES.to_string(),
        ),
        ("levels of nesting", limits::MAX_DEPTH.to_string()),
        ("bytes of a room's name", limits::MAX_ROOM_NAME_BYTES.to_string()),
        ("chat messages shown", limits::CHAT_WINDOW.to_string()),
        (
            "bytes of a chat user name",
            limits::MAX_CHAT_USER_BYTES.to_string(),
        ),
        ("bytes of a chat text", limits::MAX_CHAT_TEXT_BYTES.to_string()),
        (
            "characters of a secret",
            format!("{} to {}", secret.start(), secret.end()),
        ),
        ("levels of nesting in data", limits::MAX_DATA_DEPTH.to_string()),
        ("bytes of a presence", limits::MAX_PRESENCE_BYTES.to_string()),
        ("the largest id or seq", limits::MAX_SAFE_INTEGER.to_string()),
        (
            "levels of nesting in a document",
            limits::MAX_DOCUMENT_DEPTH.to_string(),
        ),
        (
            "bytes of a document, unless its owner chose otherwise",
            limits::DEFAULT_MAX_DOCUMENT_BYTES.to_string(),
        ),
        (
            "items that a batch of patches can make by growing a `length`",
            limits::MAX_LENGTH_GROWTH.to_string(),
        ),
    ];
    for (what, value) in &expected {
        let row = documented
            .iter()
            .find(|row| row[0] == *what)
            .unwrap_or_else(|| panic!("no row {what:?}"));
        assert_eq!(row[1], value, "{what}");
    }
    // Where the text says one of them again, it says the same.
    let in_words = [
        format!("{} to {} characters of base64url", secret.start(), secret.end()),
        format!("at most {} levels deep", limits::MAX_DATA_DEPTH),
        format!("of at most {} bytes; `null`", limits::MAX_PRESENCE_BYTES),
        format!("of the messages: {} |", limits::SESSION_VERSION),
    ];
    for words in in_words {
        assert!(SESSIONS.contains(&words), "{words}");
    }
}

#[test]
fn every_message_of_a_client_is_described_with_its_members() {
    let described = messages("What a client sends");
    let names: Vec<_> = described.iter().map(|message| message.name).collect();
    assert_eq!(names, CLIENT_TYPES);
    for Described { name, example, rows } in described {
        let message = read_client(example).unwrap_or_else(|refusal| panic!("{example}: {refusal:?}"));
        assert_eq!(client_type(&message), name);
        let members: Map<String, Value> = serde_json::from_str(example).unwrap();
        assert_eq!(
            first_column(&rows),
            members.keys().cloned().collect::<Vec<_>>(),
            "{name}"
        );
        // The reader itself says what it takes, when it meets what it does not.
        let mut accepted = names_after_expected(&refused(&with_member(&members, "?")));
        let mut known: Vec<_> = members.keys().cloned().collect();
        accepted.sort();
        known.sort();
        assert_eq!(known, accepted, "{name}");
        for row in &rows {
            let without = without_member(&members, unquote(row[0]));
            let expected = if read_client(&without).is_ok() {
                "optional"
            } else {
                "required"
            };
            assert_eq!(row[1], expected, "{} of {name}", row[0]);
        }
    }
}

#[test]
fn every_message_of_the_server_is_described_with_its_members() {
    let described = messages("What the server sends");
    let names: Vec<_> = described.iter().map(|message| message.name).collect();
    assert_eq!(names, SERVER_TYPES);
    for Described { name, example, rows } in described {
        let message = read_server::<Box<RawValue>>(example).unwrap().unwrap();
        assert_eq!(server_type(&message), name);
        // So the example has all the members that such a message has.
        assert_eq!(write_server(&message), example);
        let members: Map<String, Value> = serde_json::from_str(example).unwrap();
        assert_eq!(
            first_column(&rows),
            members.keys().cloned().collect::<Vec<_>>(),
            "{name}"
        );
        for row in &rows {
            let member = unquote(row[0]);
            let read = read_server::<Box<RawValue>>(&without_member(&members, member));
            // A member that is always written need not be one that our own client reads.
            let optional = read.is_ok_and(|message| {
                let text = message.map(|message| write_server(&message)).unwrap_or_default();
                serde_json::from_str::<Value>(&text).is_ok_and(|written| written.get(member).is_none())
            });
            let expected = if optional { "optional" } else { "always" };
            assert_eq!(row[1], expected, "{member} of {name}");
        }
    }
}

#[test]
fn an_entry_is_described_with_its_members() {
    let entries = messages("What the server sends").remove(2);
    let message: Value = serde_json::from_str(entries.example).unwrap();
    let entry = message["entries"][0].as_object().unwrap();
    let rows = table(
        section(SESSIONS, "What the server sends")
            .split("An entry, which")
            .nth(1)
            .unwrap(),
    );
    assert_eq!(first_column(&rows), entry.keys().cloned().collect::<Vec<_>>());
}

#[test]
fn every_code_is_listed_and_every_error_with_the_close_that_follows() {
    let mut codes = section(SESSIONS, "Codes")
        .split("Of `")
        .map(|part| first_column(&table(part)));
    assert_eq!(codes.next().unwrap(), variants::<Durability>());
    assert_eq!(codes.next().unwrap(), variants::<ResetCode>());
    assert_eq!(codes.next().unwrap(), variants::<RejectCode>());
    assert_eq!(codes.next().unwrap(), variants::<ErrorCode>());
    assert_eq!(codes.next(), None);
    for row in table(section(SESSIONS, "Codes").split("Of `error`").nth(1).unwrap()) {
        let code: ErrorCode = serde_json::from_value(unquote(row[0]).into()).unwrap();
        let closes = code.closes().map(|close| close.number().to_string());
        assert_eq!(row[1], closes.unwrap_or_default(), "{code:?}");
    }
}

#[test]
fn bad_input_gets_the_answer_that_the_table_says() {
    let rows = table(section(SESSIONS, "Bad input"));
    for row in &rows {
        let (example, answer) = (unquote(row[1]), unquote(row[2]));
        if !example.is_empty() {
            assert_eq!(refusal_code(read_client(example).unwrap_err()), answer, "{row:?}");
        }
    }
    for code in [variants::<RejectCode>(), variants::<ErrorCode>()].concat() {
        assert!(
            rows.iter().any(|row| unquote(row[2]) == code),
            "no bad input gets {code}"
        );
    }
}

#[test]
fn every_kind_of_error_is_described_with_a_patch_that_gets_it() {
    let rows = table(section(PATCHES, "Errors"));
    assert_eq!(first_column(&rows), variants::<ErrorKind>());
    for row in &rows {
        let (kind, value, patch) = (unquote(row[0]), unquote(row[2]), unquote(row[3]));
        if !patch.is_empty() {
            let mut document = Document::new(serde_json::from_str(value).unwrap()).unwrap();
            let patch = serde_json::from_str(patch).unwrap();
            let error = document.apply_unread(vec![patch]).unwrap_err();
            assert_eq!(serde_json::to_value(error.kind).unwrap(), kind);
        }
    }
}

#[test]
fn every_operation_is_described() {
    let rows = table(section(PATCHES, "A patch"));
    assert_eq!(first_column(&rows), variants::<OpName>());
}

#[test]
fn the_conversation_is_one_that_the_code_understands() {
    let lines = SESSIONS.lines().filter_map(|line| {
        let client = line.strip_prefix("-> ").map(|text| (true, text));
        client.or_else(|| line.strip_prefix("<- ").map(|text| (false, text)))
    });
    let mut count = 0;
    for (from_client, text) in lines {
        if from_client {
            read_client(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
        } else {
            let message = read_server::<Box<RawValue>>(text).unwrap().unwrap();
            assert_eq!(write_server(&message), text);
        }
        count += 1;
    }
    assert!(count >= 7, "the conversation has {count} lines");
}

#[test]
fn the_smallest_client_is_the_file_that_is_tested() {
    let (_, code) = SMALLEST_CLIENT.split_once("\n\n").unwrap();
    assert_eq!(
        fenced(section(SESSIONS, "The smallest client"), "js"),
        code.trim_end()
    );
}

/// A message as the document describes it.
struct Described {
    name: &'static str,
    example: &'static str,
    rows: Vec<Row>,
}

/// What each heading of the third level in a section describes.
fn messages(heading: &str) -> Vec<Described> {
    let parts = section(SESSIONS, heading).split("\n### `").skip(1);
    parts
        .map(|part| Described {
            name: part.split('`').next().unwrap(),
            example: fenced(part, "json"),
            rows: table(part),
        })
        .collect()
}

/// In the document's order. A new message does not compile here before it has got its name, and its section.
const CLIENT_TYPES: [&str; 4] = ["hello", "op", "presence", "ping"];

fn client_type<D>(message: &ClientMessage<D>) -> &'static str {
    match message {
        ClientMessage::Hello(_) => "hello",
        ClientMessage::Op { .. } => "op",
        ClientMessage::Presence { .. } => "presence",
        ClientMessage::Ping => "ping",
    }
}

const SERVER_TYPES: [&str; 8] = [
    "reset", "welcome", "entries", "ack", "reject", "presence", "pong", "error",
];

fn server_type<D>(message: &ServerMessage<D>) -> &'static str {
    match message {
        ServerMessage::Reset { .. } => "reset",
        ServerMessage::Welcome(_) => "welcome",
        ServerMessage::Entries { .. } => "entries",
        ServerMessage::Ack(_) => "ack",
        ServerMessage::Reject { .. } => "reject",
        ServerMessage::Presence(_) => "presence",
        ServerMessage::Pong => "pong",
        ServerMessage::Error { .. } => "error",
    }
}

/// The names of all variants on the wire, which serde lists when it meets another.
fn variants<T: DeserializeOwned + Debug>() -> Vec<String> {
    names_after_expected(&serde_json::from_value::<T>("?".into()).unwrap_err().to_string())
}

fn names_after_expected(reason: &str) -> Vec<String> {
    let (_, names) = reason.split_once("expected ").unwrap();
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn refused(text: &str) -> String {
    match read_client(text).unwrap_err() {
        Refusal::Error { reason, .. } | Refusal::Reject { reason, .. } => reason,
    }
}

fn refusal_code(refusal: Refusal) -> String {
    let code = match refusal {
        Refusal::Error { code, .. } => serde_json::to_value(code),
        Refusal::Reject { code, .. } => serde_json::to_value(code),
    };
    code.unwrap().as_str().unwrap().to_owned()
}

fn with_member(members: &Map<String, Value>, name: &str) -> String {
    let mut members = members.clone();
    members.insert(name.to_owned(), Value::Null);
    Value::Object(members).to_string()
}

fn without_member(members: &Map<String, Value>, name: &str) -> String {
    let mut members = members.clone();
    members.shift_remove(name).unwrap();
    Value::Object(members).to_string()
}

fn first_column(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| unquote(row[0]).to_owned()).collect()
}

fn unquote(cell: &'static str) -> &'static str {
    cell.trim_matches('`')
}

/// What stands under a heading of the second level.
fn section(document: &'static str, heading: &str) -> &'static str {
    let mut sections = document.split("\n## ");
    sections
        .find(|section| section.lines().next() == Some(heading))
        .unwrap_or_else(|| panic!("no section {heading:?}"))
}

/// The rows of the first table in a text, without its two head rows.
fn table(text: &'static str) -> Vec<Row> {
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    let rows: Vec<Row> = rows
        .skip(2)
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "no table in {text:?}");
    rows
}

/// The first block of code in a language.
fn fenced(text: &'static str, language: &str) -> &'static str {
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("\n```").unwrap().0
}
