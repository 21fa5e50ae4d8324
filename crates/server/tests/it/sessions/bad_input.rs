//! What a client of sessions is answered that breaks a rule, and that nobody else notices.

use serde_json::{Value, json};

use crate::harness::{End, Server, Session, secret};

fn hello() -> Value {
    json!({"type": "hello", "version": 1, "secret": secret("offender")})
}

fn hello_with(member: &str, value: Value) -> Value {
    let mut hello = hello();
    hello[member] = value;
    hello
}

/// A message, the code of the `error` that answers it, and of the close.
type Row = (Value, &'static str, u16);

/// Sends each of the rows on a connection of its own, after hello where `greeted`, beside a room that goes on.
async fn check(server: &Server, rows: Vec<Row>, greeted: bool) {
    let mut ann = Session::join(server, "/", "ann").await;
    let mut sent = ann.welcome["head"].as_u64().unwrap();
    ann.entries(sent as usize).await;
    let mut id = ann.welcome["last_op"].as_u64().unwrap();
    for (message, error, close) in rows {
        let mut offender = Session::silent(server, "/").await;
        if greeted {
            offender.send(hello_with("since", ann.at(sent))).await;
            offender.next().await;
        }
        match &message {
            Value::String(text) => offender.send_text(text).await,
            message => offender.send(message.clone()).await,
        }
        let answer = offender.next().await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(error)),
            "{message}"
        );
        let reason = answer["reason"].as_str().unwrap();
        assert!(!reason.is_empty());
        match offender.end().await {
            End::Closed(code, told) => {
                assert_eq!(code, close, "{message}");
                assert!(reason.starts_with(told.as_str()), "{told}");
            }
            End::Broken => panic!("no close frame after {message}"),
        }
        (id, sent) = (id + 1, sent + 1);
        ann.op(id, "still here").await;
        assert_eq!(ann.stream().await, [json!([sent, format!("ack {id}")])]);
    }
}

#[tokio::test]
async fn a_first_message_that_is_no_good_hello_ends_the_connection() {
    let server = Server::start(&[]).await;
    let rows = vec![
        (json!("hello"), "malformed", 4000),
        (json!(""), "malformed", 4000),
        (json!([]), "malformed", 4000),
        (json!({}), "malformed", 4000),
        (json!({"type": 1}), "malformed", 4000),
        (json!({"type": "helo"}), "unknown_type", 4000),
        (json!({"type": "ping"}), "hello_expected", 4000),
        (json!({"type": "op", "id": 1, "data": 1}), "hello_expected", 4000),
        (json!({"type": "presence", "data": 1}), "hello_expected", 4000),
        (hello_with("version", json!(2)), "unsupported_version", 4001),
        (hello_with("version", json!("1")), "malformed", 4000),
        (hello_with("version", json!(-1)), "malformed", 4000),
        (json!({"type": "hello", "secret": secret("x")}), "malformed", 4000),
        (json!({"type": "hello", "version": 1}), "malformed", 4000),
        (hello_with("kind", json!("table")), "unsupported_kind", 4001),
        (hello_with("secret", json!("short")), "malformed", 4000),
        (hello_with("secret", json!("x".repeat(129))), "malformed", 4000),
        (
            hello_with("secret", json!("not base64url: äöü, and long enough")),
            "malformed",
            4000,
        ),
        (
            hello_with("client", json!("AAAAAAAAAAAAAAAA")),
            "not_your_id",
            4002,
        ),
        (hello_with("client", json!("me")), "malformed", 4000),
        (hello_with("since", json!(3)), "malformed", 4000),
        (
            hello_with("since", json!({"epoch": "x", "seq": 1})),
            "malformed",
            4000,
        ),
        (
            hello_with("since", json!({"epoch": "0000000000000000", "seq": -1})),
            "malformed",
            4000,
        ),
        (
            hello_with("since", json!({"epoch": "0000000000000000", "seq": 1.5})),
            "malformed",
            4000,
        ),
        (
            hello_with("since", json!({"epoch": "0000000000000000", "seq": 1u64 << 53})),
            "malformed",
            4000,
        ),
        (hello_with("presence", json!("yes")), "malformed", 4000),
        (hello_with("head", json!(5)), "malformed", 4000),
        (hello_with("epoch", json!("0000000000000000")), "malformed", 4000),
    ];
    check(&server, rows, false).await;
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_ends_its_connection_and_no_other() {
    let server = Server::start(&[]).await;
    let op = |id: Value| json!({"type": "op", "id": id, "data": 1});
    let rows = vec![
        (hello(), "hello_repeated", 4000),
        (json!("{"), "malformed", 4000),
        (
            json!({"type": "entries", "after": 0, "entries": []}),
            "unknown_type",
            4000,
        ),
        (json!({"type": "ack", "id": 1, "seq": 1}), "unknown_type", 4000),
        (json!({"type": "welcome"}), "unknown_type", 4000),
        (op(json!(0)), "malformed", 4000),
        (op(json!(-1)), "malformed", 4000),
        (op(json!(1.5)), "malformed", 4000),
        (op(json!(1u64 << 53)), "malformed", 4000),
        (op(json!("1")), "malformed", 4000),
        (
            json!("{\"type\":\"op\",\"id\":99999999999999999999999,\"data\":1}"),
            "malformed",
            4000,
        ),
        (json!({"type": "op", "data": 1}), "malformed", 4000),
        (json!({"type": "op", "id": 1}), "malformed", 4000),
        (
            json!({"type": "op", "id": 1, "data": 1, "seq": 7}),
            "malformed",
            4000,
        ),
        (
            json!({"type": "op", "id": 1, "data": 1, "client": "AAAAAAAAAAAAAAAA"}),
            "malformed",
            4000,
        ),
        (
            json!("{\"type\":\"op\",\"id\":1,\"id\":2,\"data\":1}"),
            "malformed",
            4000,
        ),
        (json!({"type": "ping", "data": 1}), "malformed", 4000),
        (json!({"type": "presence"}), "malformed", 4000),
    ];
    check(&server, rows, true).await;
}

#[tokio::test]
async fn an_op_with_bad_data_is_rejected_and_the_connection_goes_on() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    let deep = format!("{}{}", "[".repeat(125), "]".repeat(125));
    for (id, data) in [(1, "\"\\ud800\""), (2, "1e400"), (3, &*deep)] {
        ann.send_text(&format!("{{\"type\":\"op\",\"id\":{id},\"data\":{data}}}"))
            .await;
        let reject = ann.next().await;
        assert_eq!(
            (&reject["type"], &reject["id"], &reject["code"]),
            (&json!("reject"), &json!(id), &json!("bad_data")),
            "{data}"
        );
    }
    let deep_enough = format!("{}{}", "[".repeat(124), "]".repeat(124));
    ann.send_text(&format!("{{\"type\":\"op\",\"id\":4,\"data\":{deep_enough}}}"))
        .await;
    assert_eq!(ann.stream().await, [json!([1, "ack 4"])]);
    let mut bob = Session::join(&server, "/", "bob").await;
    assert_eq!(bob.entries(1).await.len(), 1);
}

#[tokio::test]
async fn a_bad_presence_is_told_and_the_one_before_stays() {
    let server = Server::start(&[]).await;
    let mut watcher = Session::watch(&server, "/", "watcher").await;
    let mut ann = Session::join(&server, "/", "ann").await;
    ann.send(json!({"type": "presence", "data": "fine"})).await;
    assert_eq!(watcher.next().await["present"][0]["data"], "fine");
    ann.send(json!({"type": "presence", "data": "x".repeat(1023)}))
        .await;
    let error = ann.next().await;
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("error"), &json!("bad_presence"))
    );
    ann.send_text("{\"type\":\"presence\",\"data\":\"\\udc00\"}")
        .await;
    assert_eq!(ann.next().await["code"], "bad_presence");
    ann.nothing_more().await;
    watcher.nothing_more().await;
    ann.send(json!({"type": "presence", "data": "x".repeat(1022)}))
        .await;
    assert_eq!(
        watcher.next().await["present"][0]["data"].as_str().unwrap().len(),
        1022
    );
}

#[tokio::test]
async fn a_binary_message_is_closed_with_its_code() {
    let server = Server::start(&[]).await;
    let mut client = crate::harness::client_of(server.address(), "/", Some("patchcast.v1")).await;
    client
        .send_message(tokio_tungstenite::tungstenite::Message::binary(vec![1]))
        .await;
    assert!(matches!(client.end().await, End::Closed(1003, _)));
}

#[tokio::test]
async fn who_does_not_say_hello_is_told_and_sent_away() {
    let server = Server::start(&[]).await;
    let mut silent = Session::silent(&server, "/").await;
    assert_eq!(silent.next().await["code"], "hello_timeout");
    assert!(matches!(silent.end().await, End::Closed(4201, _)));
}

#[tokio::test]
async fn a_message_above_the_largest_that_the_welcome_named_is_closed_with_1009() {
    let server = Server::start(&["--max-message", "2000"]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    assert_eq!(ann.welcome["max_message"], 2000);
    let around = json!({"type": "op", "id": 1, "data": ""}).to_string().len();
    ann.op(1, "x".repeat(2000 - around)).await;
    assert_eq!(ann.stream().await, [json!([1, "ack 1"])]);
    ann.op(2, "x".repeat(2001 - around)).await;
    assert!(matches!(ann.end().await, End::Closed(1009, _)));
}
