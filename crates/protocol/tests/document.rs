//! Holds the pages of `docs` about the wire to the code.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Debug;

use patchcast_protocol::apply::{Document, ErrorKind};
use patchcast_protocol::close::{Advice, CloseCode};
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::limits;
use patchcast_protocol::message::{
    ClientMessage, Durability, ErrorCode, Outcome, Refusal, Reject, RejectCode, ResetCode, ServerMessage,
    read_client, read_server, write_server,
};
use patchcast_protocol::patch::{OpName, Patch};
use patchcast_protocol::value::state_hash;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

const PROTOCOL: &str = include_str!("../../../docs/protocol.md");
const SESSIONS: &str = include_str!("../../../docs/sessions.md");
const DOCUMENTS: &str = include_str!("../../../docs/documents.md");
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
    let is_negotiated = |dialect: &Dialect| Dialect::negotiate(dialect.subprotocol()) == Some(*dialect);
    let names = Dialect::ALL.into_iter().filter(is_negotiated);
    let expected: Vec<_> = names
        .map(|dialect| match dialect.subprotocol() {
            None => "(none)".to_owned(),
            Some(name) => format!("`{name}`"),
        })
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn the_documents_state_the_limits() {
    let mut documented = table(section(PROTOCOL, "Limits"));
    documented.extend(table(section(SESSIONS, "Limits")));
    documented.extend(table(section(DOCUMENTS, "Limits")));
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
        (
            "levels of nesting in the patches of an op",
            limits::MAX_DATA_DEPTH.to_string(),
        ),
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
    for words in [
        format!("patches deeper than {} levels", limits::MAX_DATA_DEPTH),
        format!("a document deeper than {} levels", limits::MAX_DOCUMENT_DEPTH),
        format!("or deeper than {} levels", limits::MAX_DOCUMENT_DEPTH),
    ] {
        assert!(DOCUMENTS.contains(&words), "{words}");
    }
}

#[test]
fn every_message_of_a_client_is_described_with_its_members() {
    let heading = "What a client sends";
    let (in_sessions, in_documents) = (messages(SESSIONS, heading), messages(DOCUMENTS, heading));
    assert_eq!(
        in_sessions.iter().map(|m| m.name).collect::<Vec<_>>(),
        CLIENT_TYPES
    );
    assert_eq!(
        in_documents.iter().map(|m| m.name).collect::<Vec<_>>(),
        CLIENT_TYPES_OF_DOCUMENTS
    );
    for Described { name, example, rows } in in_sessions.iter().chain(&in_documents) {
        let message = read_client(example).unwrap_or_else(|refusal| panic!("{example}: {refusal:?}"));
        assert_eq!(client_type(&message), *name);
        let members: Map<String, Value> = serde_json::from_str(example).unwrap();
        assert_eq!(first_column(rows), keys(&members), "{name}");
        // The reader itself says what it takes, when it meets what it does not. What only documents have stands on their page.
        let elsewhere = in_documents.iter().filter(|other| other.name == *name);
        let elsewhere: Vec<_> = elsewhere.flat_map(|other| first_column(&other.rows)).collect();
        let accepted = names_after_expected(&refused(&with_member(&members, "?")));
        for member in members.keys() {
            assert!(accepted.contains(member), "{member} of {name}");
        }
        for member in &accepted {
            assert!(
                members.contains_key(member) || elsewhere.contains(member),
                "{member} of {name}"
            );
        }
        for row in rows {
            let without = without_member(&members, unquote(row[0]));
            let expected = if accepts_without(name, row, &without) {
                "optional"
            } else {
                "required"
            };
            assert_eq!(row[1], expected, "{} of {name}", row[0]);
        }
    }
}

/// Whether a message is still one that a client sends, be it another one.
fn accepts_without(name: &str, row: &Row, without: &str) -> bool {
    // Without a kind it is a stream, which does not begin as something.
    let text = match (name, row[0]) {
        ("hello", "`kind`") => without.replace(r#","initial":{"gifts":[]}"#, ""),
        _ => without.to_owned(),
    };
    read_client(&text).is_ok()
}

#[test]
fn every_message_of_the_server_is_described_with_its_members() {
    let heading = "What the server sends";
    let (in_sessions, in_documents) = (messages(SESSIONS, heading), messages(DOCUMENTS, heading));
    assert_eq!(
        in_sessions.iter().map(|m| m.name).collect::<Vec<_>>(),
        SERVER_TYPES
    );
    assert_eq!(
        in_documents.iter().map(|m| m.name).collect::<Vec<_>>(),
        SERVER_TYPES_OF_DOCUMENTS
    );
    for Described { name, example, rows } in in_sessions.into_iter().chain(in_documents) {
        let message = read_server::<Box<RawValue>>(example).unwrap().unwrap();
        assert_eq!(server_type(&message), name);
        // So the example has all the members that such a message has.
        assert_eq!(write_server(&message), example);
        let members: Map<String, Value> = serde_json::from_str(example).unwrap();
        assert_eq!(first_column(&rows), keys(&members), "{name}");
        let (optional, always): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row[1] == "optional");
        let mut bare = members.clone();
        for row in optional {
            bare.shift_remove(unquote(row[0]));
        }
        let bare = Value::Object(bare).to_string();
        let message = read_server::<Box<RawValue>>(&bare).unwrap().unwrap();
        assert_eq!(write_server(&message), bare);
        for row in always {
            assert_eq!(row[1], "always", "{} of {name}", row[0]);
            let member = unquote(row[0]);
            let read = read_server::<Box<RawValue>>(&without_member(&members, member));
            // A member that is always written need not be one that our own client reads.
            let left_out = read.is_ok_and(|message| {
                let text = message.map(|message| write_server(&message)).unwrap_or_default();
                serde_json::from_str::<Value>(&text).is_ok_and(|written| written.get(member).is_none())
            });
            assert!(!left_out, "{member} of {name}");
        }
    }
}

#[test]
fn an_entry_is_described_with_its_members() {
    for page in [SESSIONS, DOCUMENTS] {
        let described = messages(page, "What the server sends");
        let entries = described
            .iter()
            .find(|message| message.name == "entries")
            .unwrap();
        let message: Value = serde_json::from_str(entries.example).unwrap();
        let entry = message["entries"][0].as_object().unwrap();
        let (_, rest) = section(page, "What the server sends")
            .split_once("An entry, which")
            .unwrap();
        assert_eq!(first_column(&table(rest)), keys(entry));
        if let Some(conflict) = entry.get("conflicts") {
            let (_, rest) = rest.split_once("A conflict, at").unwrap();
            assert_eq!(first_column(&table(rest)), keys(conflict[0].as_object().unwrap()));
        }
    }
}

#[test]
fn every_code_is_listed_and_every_error_with_the_close_that_follows() {
    let [durability, reset, reject, error] = tables(SESSIONS, "Codes").try_into().unwrap();
    let [outcome, document_reject, document_error] = tables(DOCUMENTS, "Codes").try_into().unwrap();
    assert_eq!(first_column(&durability), variants::<Durability>());
    assert_eq!(first_column(&reset), variants::<ResetCode>());
    assert_eq!(
        first_column(&[reject, document_reject].concat()),
        variants::<RejectCode>()
    );
    assert_eq!(first_column(&outcome), variants::<Outcome>());
    let errors = [error, document_error].concat();
    assert_eq!(first_column(&errors), variants::<ErrorCode>());
    for row in errors {
        let code: ErrorCode = serde_json::from_value(unquote(row[0]).into()).unwrap();
        let closes = code.closes().map(|close| close.number().to_string());
        assert_eq!(row[1], closes.unwrap_or_default(), "{code:?}");
    }
}

#[test]
fn bad_input_gets_the_answer_that_the_table_says() {
    let mut rows = table(section(SESSIONS, "Bad input"));
    rows.extend(table(section(DOCUMENTS, "Bad input")));
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
    let lines = SESSIONS.lines().chain(DOCUMENTS.lines()).filter_map(|line| {
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

/// One op at a time, as the simplest client sends them.
#[test]
fn what_is_made_in_the_conversation_is_what_the_algebra_makes() {
    let mut state = Value::Null;
    let (mut seq, mut op) = (0, Edit::default());
    let (mut sent, mut conflicts) = (Edit::default(), Vec::new());
    for line in section(DOCUMENTS, "A conversation").lines() {
        let message: Value = match line.split_once(' ') {
            Some(("->" | "<-", text)) => serde_json::from_str(text).unwrap(),
            _ => continue,
        };
        let edit_of = |change: &Value, state: &Value| {
            let patches: Vec<Patch> = serde_json::from_value(change["patches"].clone()).unwrap();
            Edit::of(state, &patches).unwrap()
        };
        match message["type"].as_str().unwrap() {
            "snapshot" => (seq, state) = (message["seq"].as_u64().unwrap(), message["state"].clone()),
            "op" => {
                assert_eq!(message["base"], seq);
                (sent, conflicts) = (edit_of(&message, &state), Vec::new());
                op = sent.clone();
            }
            "entries" => {
                assert_eq!(message["after"], seq);
                for entry in message["entries"].as_array().unwrap() {
                    let edit = edit_of(entry, &state);
                    seq += 1;
                    let carried = op.transform(&edit, Side::Later);
                    conflicts.extend(carried.conflicts.into_iter().map(|conflict| {
                        json!({ "path": conflict.path, "lost": conflict.absorbed, "seq": seq, "client": entry["client"] })
                    }));
                    op = carried.edit;
                    edit.apply(&mut state);
                }
            }
            "ack" => {
                seq += 1;
                assert_eq!(message["seq"], seq);
                assert_eq!(message["patches"], json!(op.patches()));
                assert_eq!(message["outcome"], json!(Outcome::of(&sent, &op)));
                let told = message.get("conflicts").cloned().unwrap_or(json!([]));
                assert_eq!(told, json!(conflicts));
                edit_of(&message, &state).apply(&mut state);
            }
            _ => {}
        }
    }
    let command = fenced(section(DOCUMENTS, "Checking"), "sh");
    assert_eq!(command.split('\'').nth(1).unwrap(), state.to_string());
    assert!(
        command.ends_with(&format!("# {}", state_hash(&state))),
        "{command}"
    );
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
fn messages(page: &'static str, heading: &str) -> Vec<Described> {
    let parts = section(page, heading).split("\n### `").skip(1);
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
const CLIENT_TYPES_OF_DOCUMENTS: [&str; 3] = ["hello", "op", "diverged"];

fn client_type<D>(message: &ClientMessage<D>) -> &'static str {
    match message {
        ClientMessage::Hello(_) => "hello",
        ClientMessage::Op { .. } | ClientMessage::Change(_) => "op",
        ClientMessage::Presence { .. } => "presence",
        ClientMessage::Ping => "ping",
        ClientMessage::Diverged { .. } => "diverged",
    }
}

const SERVER_TYPES: [&str; 8] = [
    "reset", "welcome", "entries", "ack", "reject", "presence", "pong", "error",
];
const SERVER_TYPES_OF_DOCUMENTS: [&str; 6] = ["welcome", "snapshot", "entries", "ack", "reject", "check"];

fn server_type<D>(message: &ServerMessage<D>) -> &'static str {
    match message {
        ServerMessage::Reset { .. } => "reset",
        ServerMessage::Welcome(_) => "welcome",
        ServerMessage::Snapshot { .. } => "snapshot",
        ServerMessage::Entries { .. } => "entries",
        ServerMessage::Ack(_) | ServerMessage::Made(..) => "ack",
        ServerMessage::Reject(_) => "reject",
        ServerMessage::Check { .. } => "check",
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
        Refusal::Error { reason, .. } | Refusal::Reject(Reject { reason, .. }) => reason,
    }
}

fn refusal_code(refusal: Refusal) -> String {
    let code = match refusal {
        Refusal::Error { code, .. } => serde_json::to_value(code),
        Refusal::Reject(reject) => serde_json::to_value(reject.code),
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

fn keys(members: &Map<String, Value>) -> Vec<String> {
    members.keys().cloned().collect()
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

/// All tables of a section.
fn tables(page: &'static str, heading: &str) -> Vec<Vec<Row>> {
    let paragraphs = section(page, heading).split("\n\n");
    paragraphs
        .filter(|text| text.starts_with('|'))
        .map(table)
        .collect()
}

/// The first block of code in a language.
fn fenced(text: &'static str, language: &str) -> &'static str {
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("\n```").unwrap().0
}
