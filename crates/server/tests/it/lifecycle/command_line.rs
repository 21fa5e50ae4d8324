//! The command line, and what the process says.

use std::process::Stdio;

use tokio::process::Command;

use crate::harness::{Client, Server, client_of, get, patch, refusal, within};

async fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchcast"));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = within("the command's end", command.output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_help_explains_every_flag_with_its_unit_and_default() {
    let (code, help, _) = run(&["serve", "--help"]).await;
    assert_eq!(code, Some(0));
    let flags = help.split("\n      --").skip(1);
    let flags: Vec<_> = flags.map(|flag| flag.split_once(['\n', ' ']).unwrap()).collect();
    assert!(flags.len() >= 15, "{help}");
    for (name, text) in &flags {
        let variable = format!("[env: PATCHCAST_{}=", name.to_uppercase().replace('-', "_"));
        assert!(text.contains(&variable), "--{name}: {text}");
        for (ending, unit) in [("timeout", "Seconds"), ("max-message", "bytes")] {
            assert!(!name.ends_with(ending) || text.contains(unit), "--{name}: {text}");
        }
        let optional = ["web", "allow-origin", "log-json"].contains(name);
        assert!(optional || text.contains("[default: "), "--{name}: {text}");
    }
}

#[tokio::test]
async fn a_wrong_flag_is_refused_by_its_name_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    for (flag, value) in [
        ("--listen", "localhost"),
        ("--max-message", "0"),
        ("--max-message", "8388609"),
        ("--max-connections", "0"),
        ("--idle-timeout", "-1"),
        ("--idle-timeout", "0"),
        ("--write-timeout", "soon"),
        ("--handshake-timeout", "NaN"),
        ("--threads", "0"),
        ("--durability", "maybe"),
        ("--store", "tape"),
        ("--frobnicate", "1"),
    ] {
        let flag_and_value = format!("{flag}={value}");
        let (code, out, error) = run(&["serve", "--data", data.to_str().unwrap(), &flag_and_value]).await;
        assert_eq!(code, Some(2), "{flag} {value}: {error}");
        assert!(error.contains(flag) && out.is_empty(), "{flag} {value}: {error}");
    }
    assert!(!data.exists());
    let said = refusal(&directory, &["--log", "patchcast=loud"]).await;
    assert!(said.contains("--log"), "{said}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_by_its_name() {
    let server = Server::start(&[]).await;
    let address = server.address().to_string();
    let said = refusal(&tempfile::tempdir().unwrap(), &["--listen", &address]).await;
    assert!(said.contains(&address), "{said}");
}

#[tokio::test]
async fn every_listener_leads_to_the_same_rooms() {
    let server = Server::start(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]).await;
    let &[first, second] = server.addresses() else {
        panic!("two addresses, not {:?}", server.addresses())
    };
    assert_ne!(first, second);
    let mut ann = client_of(first, "/", None).await;
    let mut bob = client_of(second, "/", None).await;
    assert_eq!((ann.text().await, bob.text().await), ("[]".into(), "[]".into()));
    ann.send(patch("a", 1)).await;
    assert_eq!(bob.text().await, patch("a", 1));
    assert_eq!(get(second, "/healthz").await.status, 200);
}

#[tokio::test]
async fn what_clients_write_is_not_in_the_log() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/diary").await;
    let (mut bob, _) = Client::join(&server, "/diary").await;
    ann.send(patch("secret", "hush")).await;
    bob.text().await;
    bob.send("[\"hush\"").await;
    bob.end().await;
    let (mut eve, _) = Client::chat(&server, "/").await;
    eve.post("secret", "hush").await;
    eve.window().await;
    eve.close().await;
    ann.close().await;
    let directory = server.terminate().await;
    let log = std::fs::read_to_string(directory.path().join("stderr")).unwrap();
    assert!(log.contains("the store is open"), "{log}");
    assert!(!log.contains("hush") && !log.contains("secret"), "{log}");
}

#[tokio::test]
async fn the_log_can_be_json_lines() {
    let server = Server::start(&["--log-json", "--log", "debug"]).await;
    Client::join(&server, "/").await.0.close().await;
    let directory = server.terminate().await;
    let log = std::fs::read_to_string(directory.path().join("stderr")).unwrap();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines.iter().any(|line| line["fields"]["message"] == "joined"),
        "{log}"
    );
    assert!(
        lines
            .iter()
            .all(|line| line["level"].is_string() && line["timestamp"].is_string())
    );
}
