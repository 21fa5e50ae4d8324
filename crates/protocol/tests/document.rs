//! Holds `docs/protocol.md` to the code.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use patchcast_protocol::close::{Advice, CloseCode};
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::limits;

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");

/// The rows of the first table under a heading, without its two head rows.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCUMENT
        .split("\n## ")
        .find(|section| section.starts_with(heading))
        .unwrap();
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_document_lists_every_close_code_with_what_a_client_does() {
    let documented: Vec<_> = table("Closing")
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
    let documented: Vec<_> = table("Handshake").into_iter().map(|row| row[0]).collect();
    let expected = Dialect::ALL.map(|dialect| match dialect.subprotocol() {
        None => "(none)".to_owned(),
        Some(name) => format!("`{name}`"),
    });
    assert_eq!(documented, expected);
}

#[test]
fn the_document_states_the_limits() {
    let documented = table("Limits");
    let expected = [
        ("bytes of a message", limits::DEFAULT_MAX_MESSAGE_BYTES),
        ("levels of nesting", limits::MAX_DEPTH),
        ("bytes of a room's name", limits::MAX_ROOM_NAME_BYTES),
        ("chat messages shown", limits::CHAT_WINDOW),
        ("bytes of a chat user name", limits::MAX_CHAT_USER_BYTES),
        ("bytes of a chat text", limits::MAX_CHAT_TEXT_BYTES),
    ];
    for (what, value) in expected {
        let row = documented
            .iter()
            .find(|row| row[0] == what)
            .unwrap_or_else(|| panic!("no row {what:?}"));
        assert_eq!(row[1], value.to_string(), "{what}");
    }
}
