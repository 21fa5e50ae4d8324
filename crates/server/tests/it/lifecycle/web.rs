//! The files and health checks on the same port.

use std::fs;

use tempfile::TempDir;

use crate::harness::{Client, Server, exchange, get, head};

/// A folder like that of a built page, beside which lies a file that is nobody's business.
fn page() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let web = directory.path().join("web");
    fs::create_dir_all(web.join("assets")).unwrap();
    fs::write(directory.path().join("secret.txt"), "secret").unwrap();
    for (name, content) in FILES {
        fs::write(web.join(name), content).unwrap();
    }
    directory
}

const FILES: [(&str, &str); 7] = [
    ("index.html", "<!doctype html><title>demo</title>"),
    ("assets/app-3f2a.js", "export default 1"),
    ("assets/app-77aa.css", "body{}"),
    ("assets/client_bg-91bc.wasm", "\0asm"),
    ("assets/logo.svg", "<svg/>"),
    ("manifest.json", "{}"),
    ("with space ü.txt", "found"),
];

async fn serve(page: &TempDir) -> Server {
    Server::start(&["--web", page.path().join("web").to_str().unwrap()]).await
}

#[tokio::test]
async fn each_file_has_its_type_and_its_caching() {
    let page = page();
    let server = serve(&page).await;
    for (path, content, kind, cache) in [
        ("/", FILES[0].1, "text/html", "no-cache"),
        ("/index.html", FILES[0].1, "text/html", "no-cache"),
        ("/?room=a", FILES[0].1, "text/html", "no-cache"),
        ("/assets/app-3f2a.js", FILES[1].1, "text/javascript", "immutable"),
        ("/assets/app-77aa.css", FILES[2].1, "text/css", "immutable"),
        // Browsers compile it while it loads only when it has just this type.
        (
            "/assets/client_bg-91bc.wasm",
            FILES[3].1,
            "application/wasm",
            "immutable",
        ),
        ("/assets/logo.svg", FILES[4].1, "image/svg+xml", "immutable"),
        ("/manifest.json", FILES[5].1, "application/json", "no-cache"),
        ("/with%20space%20%C3%BC.txt", FILES[6].1, "text/plain", "no-cache"),
    ] {
        let response = get(server.address(), path).await;
        assert_eq!((response.status, response.text()), (200, content), "{path}");
        let found = response.header("content-type");
        assert_eq!(found.split(';').next(), Some(kind), "{path}");
        let found = response.header("cache-control");
        assert!(found.contains(cache), "{path}: {found}");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let page = page();
    let server = serve(&page).await;
    let modified = get(server.address(), "/")
        .await
        .header("last-modified")
        .to_owned();
    let request = head(
        "GET / HTTP/1.1",
        &format!("Host: a\r\nIf-Modified-Since: {modified}\r\n"),
    );
    let mut raw = crate::harness::Raw::connect(server.address()).await;
    raw.send(request.as_bytes()).await;
    let answer = raw.head().await;
    assert!(answer.starts_with("HTTP/1.1 304 "), "{answer}");
    assert!(answer.contains("no-cache"), "{answer}");
}

#[tokio::test]
async fn nothing_outside_the_folder_is_served() {
    let page = page();
    let server = serve(&page).await;
    for path in [
        "/../secret.txt",
        "/../../../../../../../../etc/passwd",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/./../secret.txt",
        "/%252e%252e/secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/index.html%00",
        "/nothing",
        "/assets/nothing.js",
    ] {
        let response = get(server.address(), path).await;
        assert!(
            [400, 404].contains(&response.status),
            "{path}: {}",
            response.status
        );
        let body = String::from_utf8_lossy(&response.body);
        assert!(
            !body.contains("secret") && !body.contains("root:"),
            "{path}: {body}"
        );
        // A file that is missing now may be there after the next build.
        assert_eq!(response.header("cache-control"), "no-store", "{path}");
    }
    let post = head("POST /index.html HTTP/1.1", "Host: a\r\nContent-Length: 0\r\n");
    assert_eq!(exchange(server.address(), post.as_bytes()).await.status, 405);
}

#[tokio::test]
async fn the_page_and_the_room_share_the_path() {
    let page = page();
    let server = serve(&page).await;
    assert_eq!(get(server.address(), "/").await.status, 200);
    let (_, none) = Client::join(&server, "/").await;
    assert_eq!(none, "[]");
}

#[tokio::test]
async fn health_checks_answer_with_and_without_a_page() {
    let page = page();
    for server in [serve(&page).await, Server::start(&["--store", "memory"]).await] {
        let health = get(server.address(), "/healthz").await;
        assert_eq!((health.status, health.text()), (200, "ok\n"));
        let ready = get(server.address(), "/readyz").await;
        assert_eq!((ready.status, ready.text()), (200, "ready\n"));
        assert_eq!(ready.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn without_a_page_the_answer_says_what_this_is() {
    let server = Server::start(&[]).await;
    let response = get(server.address(), "/").await;
    assert_eq!(response.status, 404);
    assert!(response.text().contains("WebSocket"), "{}", response.text());
    assert!(response.text().contains("--web"), "{}", response.text());
}
