//! Messages that are whole but not what the dialect asks for.

use serde_json::{Value, json};

use super::{Row, check_chat, check_patches, row};
use crate::harness::{Client, Opcode, Raw, Server, frame, patch};

/// The vectors that the protocol's other implementations are held to as well.
const MALFORMED: &str = include_str!("../../../../protocol/tests/vectors/malformed.jsonl");

fn vectors(dialect: &str) -> Vec<Row> {
    let vectors = MALFORMED
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows: Vec<_> = vectors
        .filter(|vector| vector["dialect"] == dialect)
        .map(|vector| {
            let text = |member: &str| vector[member].as_str().unwrap();
            row(text("name"), text_frame(text("message")), 4000, text("reason"))
        })
        .collect();
    assert!(rows.len() >= 5, "{dialect} has {} vectors", rows.len());
    rows
}

fn text_frame(text: &str) -> Vec<u8> {
    frame(Opcode::FIN | Opcode::TEXT, text.as_bytes())
}

fn nested(open: &str, close: &str) -> String {
    let value = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    format!(r#"[{{"op":"add","path":[],"value":{value}}}]"#)
}

fn of_both_dialects() -> Vec<Row> {
    let binary = |payload: &[u8]| frame(Opcode::FIN | Opcode::BINARY, payload);
    let text = |payload: &[u8]| frame(Opcode::FIN | Opcode::TEXT, payload);
    let cut_character = [frame(Opcode::TEXT, b"[\"\xe2\x82"), frame(Opcode::FIN, b"\"]")].concat();
    vec![
        row("a binary message", binary(b"[]"), 1003, "not binary"),
        row("an empty binary message", binary(b""), 1003, "not binary"),
        row("a byte that is no UTF-8", text(b"[\xff]"), 1007, ""),
        row("an overlong encoding", text(b"\"\xc0\xaf\""), 1007, ""),
        row("a surrogate in UTF-8", text(b"\"\xed\xa0\x80\""), 1007, ""),
        row("a cut character", text(b"\"\xe2\x82"), 1007, ""),
        row("a character cut between fragments", cut_character, 1007, ""),
        row(
            "a message that is too large",
            text(&[b' '; (1 << 20) + 1]),
            1009,
            "",
        ),
        row(
            "a nest of 100,000 arrays",
            text_frame(&nested("[", "]")),
            4000,
            "",
        ),
        row(
            "a nest that is never closed",
            text_frame(&"[".repeat(100_000)),
            4000,
            "",
        ),
        row(
            "a nest of 100,000 objects",
            text_frame(&nested(r#"{"":"#, "}")),
            4000,
            "",
        ),
    ]
}

#[tokio::test]
async fn a_malformed_message_closes_its_sender_and_reaches_nobody() {
    let server = Server::start(&[]).await;
    check_patches(&server, "/gifts", vectors("patches")).await;
    check_chat(&server, "/gifts", vectors("json")).await;
}

#[tokio::test]
async fn a_message_of_the_wrong_kind_closes_its_sender_and_reaches_nobody() {
    let server = Server::start(&[]).await;
    check_patches(&server, "/", of_both_dialects()).await;
    check_chat(&server, "/", of_both_dialects()).await;
}

#[tokio::test]
async fn a_nest_beyond_the_limit_is_named_as_such() {
    let server = Server::start(&[]).await;
    check_patches(
        &server,
        "/",
        vec![
            row("arrays", text_frame(&nested("[", "]")), 4000, "nested"),
            row("objects", text_frame(&nested(r#"{"":"#, "}")), 4000, "nested"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_chat_message_that_is_too_long_is_named_as_such() {
    let server = Server::start(&[]).await;
    let post =
        |user: usize, text: usize| json!({"user": "u".repeat(user), "text": "t".repeat(text)}).to_string();
    check_chat(
        &server,
        "/",
        vec![
            row(
                "a long name",
                text_frame(&post(257, 1)),
                4000,
                "user is longer than 256 bytes",
            ),
            row(
                "a long text",
                text_frame(&post(1, 4097)),
                4000,
                "text is longer than 4096 bytes",
            ),
        ],
    )
    .await;
    let (mut ann, _) = Client::chat(&server, "/long").await;
    ann.send(post(256, 4096)).await;
    assert_eq!(ann.window().await.len(), 1);
}

#[tokio::test]
async fn the_largest_message_is_the_operators_choice() {
    let server = Server::start(&["--max-message", "100"]).await;
    let fitting = format!("{}{}", patch("a", 1), " ".repeat(100 - patch("a", 1).len()));
    check_patches(
        &server,
        "/",
        vec![
            row("one byte more", text_frame(&format!("{fitting} ")), 1009, ""),
            row(
                "one byte more in fragments",
                [frame(Opcode::TEXT, fitting.as_bytes()), frame(Opcode::FIN, b" ")].concat(),
                1009,
                "",
            ),
        ],
    )
    .await;
    let (mut ann, _) = Client::join(&server, "/fitting").await;
    let (mut bob, _) = Client::join(&server, "/fitting").await;
    ann.send(&fitting).await;
    assert_eq!(bob.text().await, fitting);
}

#[tokio::test]
async fn what_came_before_a_malformed_message_counts_and_what_comes_after_it_does_not() {
    let server = Server::start(&[]).await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let mut ann = Raw::join(&server, "/").await;
    let before = patch("before", 1);
    let bytes = [
        text_frame(&before),
        text_frame("nonsense"),
        text_frame(&patch("after", 1)),
    ]
    .concat();
    ann.send(&bytes).await;
    assert_eq!(bob.text().await, before);
    ann.end().await;
    let (_, found) = Client::join(&server, "/").await;
    assert_eq!(found, before);
}
