//! Requests that do not become a connection, and the HTTP status that says why.

use crate::harness::{Client, Server, exchange, handshake, head, patch};

struct Row<'a> {
    what: &'a str,
    request: String,
    status: u16,
    says: &'a str,
}

fn row<'a>(what: &'a str, request: String, status: u16, says: &'a str) -> Row<'a> {
    Row {
        what,
        request,
        status,
        says,
    }
}

async fn check(server: &Server, rows: Vec<Row<'_>>) {
    for row in rows {
        let response = exchange(server.address(), row.request.as_bytes()).await;
        assert_eq!(response.status, row.status, "{}: {response:?}", row.what);
        assert!(response.text().contains(row.says), "{}: {response:?}", row.what);
        if row.status == 426 {
            assert_eq!(response.header("sec-websocket-version"), "13");
            assert_eq!(response.header("upgrade"), "websocket");
        }
    }
    let (mut ann, none) = Client::join(server, "/").await;
    assert_eq!(none, "[]");
    let (mut bob, _) = Client::join(server, "/").await;
    ann.send(patch("a", 1)).await;
    assert_eq!(bob.text().await, patch("a", 1));
}

/// A handshake from which the line that begins with `name` is taken, and to which `with` is added.
fn changed(name: &str, with: &str) -> String {
    let request = handshake("/", with);
    let lines = request.split_inclusive("\r\n");
    let kept: String = lines
        .filter(|line| !line.starts_with(name) || with.contains(*line))
        .collect();
    assert!(name.is_empty() || kept.len() < request.len());
    kept
}

const KEY: &str = "Sec-WebSocket-Key";
const VERSION: &str = "Sec-WebSocket-Version";

#[tokio::test]
async fn a_bad_handshake_gets_the_status_that_names_the_fault() {
    let server = Server::start(&[]).await;
    let with = |headers| handshake("/", headers);
    check(
        &server,
        vec![
            row("no key", changed(KEY, ""), 400, "Sec-WebSocket-Key"),
            row(
                "a short key",
                changed(KEY, "Sec-WebSocket-Key: c2hvcnQ=\r\n"),
                400,
                "Sec-WebSocket-Key",
            ),
            row("no version", changed(VERSION, ""), 426, "version 13"),
            row(
                "an old version",
                changed(VERSION, "Sec-WebSocket-Version: 8\r\n"),
                426,
                "version 13",
            ),
            row(
                "no Connection",
                changed("Connection", ""),
                400,
                "Connection: Upgrade",
            ),
            row(
                "another Connection",
                changed("Connection", "Connection: close\r\n"),
                400,
                "Connection: Upgrade",
            ),
            row("POST", handshake("/", "").replace("GET", "POST"), 405, "GET"),
            row(
                "HTTP/1.0",
                handshake("/", "").replace("HTTP/1.1", "HTTP/1.0"),
                400,
                "HTTP/1.1",
            ),
            row("a body", with("Content-Length: 5\r\n") + "hello", 400, "body"),
            row(
                "a chunked body",
                with("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
                400,
                "body",
            ),
            row(
                "an unknown subprotocol",
                with("Sec-WebSocket-Protocol: soap\r\n"),
                400,
                "subprotocol",
            ),
            row(
                "two unknown ones",
                with("Sec-WebSocket-Protocol: soap, JSON\r\n"),
                400,
                "subprotocol",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_path_that_names_no_room_is_refused_with_the_reason() {
    let server = Server::start(&[]).await;
    let long = format!("/{}", "a".repeat(129));
    let rows = [
        ("/a%20b", "' '"),
        ("/caf%C3%A9", "'é'"),
        ("/%00", "allowed are"),
        ("/a+b", "'+'"),
        ("/a:b", "':'"),
        ("/%2561", "'%'"),
        ("/%ff", "percent-encoded"),
        ("/%4", "percent-encoded"),
        ("/%zz", "percent-encoded"),
        ("//", "segment"),
        ("/a//b", "segment"),
        ("/a/", "segment"),
        ("/..", "segment"),
        ("/../../etc/passwd", "segment"),
        ("/%2e%2e/a", "segment"),
        ("/a/%2E", "segment"),
        ("/a%2f%2fb", "segment"),
        (&long, "longer than 128 bytes"),
    ];
    let rows = rows.map(|(path, says)| row(path, handshake(path, ""), 400, says));
    check(&server, rows.into()).await;
    let longest = format!("/{}", "%61".repeat(128));
    let (_, none) = Client::join(&server, &longest).await;
    assert_eq!(none, "[]");
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_when_the_operator_named_some() {
    let args = [
        "--allow-origin",
        "https://app.example",
        "--allow-origin",
        "http://localhost:5173/",
    ];
    let server = Server::start(&args).await;
    let from = |origin: &str| handshake("/", &format!("Origin: {origin}\r\n"));
    let refused = [
        "https://evil.example",
        "http://app.example",
        "https://app.example.evil.example",
        "https://app.example:444",
        "http://localhost",
        "null",
        "",
    ];
    let rows = refused.map(|origin| row(origin, from(origin), 403, "origin"));
    check(&server, rows.into()).await;
    for origin in [
        "https://app.example",
        "HTTPS://APP.EXAMPLE",
        "http://localhost:5173",
    ] {
        let mut raw = crate::harness::Raw::connect(server.address()).await;
        raw.send(from(origin).as_bytes()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "), "{origin}");
    }
}

#[tokio::test]
async fn a_request_that_is_no_http_or_too_long_is_answered_and_forgotten() {
    let server = Server::start(&[]).await;
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    let many: String = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    let long_path = format!("/{}", "a".repeat(70_000));
    check(
        &server,
        vec![
            row("garbage", "hello, is this the server?\r\n\r\n".into(), 400, ""),
            row(
                "control characters",
                "\u{1}\u{2}\u{3}\u{4}\r\n\r\n".into(),
                400,
                "",
            ),
            row("no such version", head("GET / HTTP/3.7", "Host: a\r\n"), 400, ""),
            row(
                "a space in a header's name",
                handshake("/", "Bad Header: 1\r\n"),
                400,
                "",
            ),
            row("a header that is too long", handshake("/", &long), 431, ""),
            row("too many headers", handshake("/", &many), 431, ""),
            row("a path that is too long", handshake(&long_path, ""), 431, ""),
            row(
                "no upgrade",
                head("GET /gifts HTTP/1.1", "Host: a\r\nConnection: close\r\n"),
                404,
                "WebSocket",
            ),
            row(
                "another upgrade",
                changed("Upgrade", "Upgrade: h2c\r\nConnection: close\r\n"),
                404,
                "WebSocket",
            ),
        ],
    )
    .await;
}
