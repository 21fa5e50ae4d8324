//! The commands beside `serve`: `patchcast tail` and `patchcast send` against a server of their own, `patchcast patch` alone.

mod patch;

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::harness::{Server, within};

fn url(server: &Server) -> String {
    format!("ws://{}", server.address())
}

/// Starts a command with all its streams open.
fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchcast"));
    command.args(args).kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// The exit code and what was printed of a command that is given `input`.
async fn run(args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = start(args);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A command that fails early does not take all of it.
    let feeding = tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
    let output = within("the command's end", child.wait_with_output())
        .await
        .unwrap();
    drop(feeding.await.unwrap());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Sends lines, all of which must be stored.
async fn send(server: &Server, room: &str, input: &str) {
    let (code, out, error) = run(&["send", room, "--server", &url(server)], input).await;
    assert_eq!((code, out.as_str()), (Some(0), ""), "{error}");
}

/// What `tail` prints of the room as it is.
async fn tail(server: &Server, room: &str, args: &[&str]) -> Vec<Value> {
    let server = url(server);
    let mut all = vec!["tail", room, "--no-follow", "--server", &server];
    all.extend(args);
    let (code, out, error) = run(&all, "").await;
    assert_eq!(code, Some(0), "{error}");
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn data(lines: &[Value]) -> Vec<&Value> {
    lines.iter().map(|line| &line["data"]).collect()
}

/// Reads a command's standard error up to a line with `words`.
async fn says(stderr: &mut Lines<BufReader<ChildStderr>>, words: &str) -> String {
    loop {
        let line = within(words, stderr.next_line()).await.unwrap();
        let line = line.unwrap_or_else(|| panic!("it ended without a word of {words}"));
        if line.contains(words) {
            return line;
        }
    }
}

async fn next_entry(stdout: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = within("an entry", stdout.next_line()).await.unwrap().unwrap();
    serde_json::from_str(&line).unwrap()
}

#[tokio::test]
async fn what_is_sent_is_what_tail_prints() {
    let server = Server::start(&[]).await;
    send(&server, "notes", "{\"a\": 1}\n\n  [1, 2]  \n\"last\"").await;
    let lines = tail(&server, "/notes", &[]).await;
    assert_eq!(data(&lines), [&json!({"a": 1}), &json!([1, 2]), &json!("last")]);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], index + 1);
        assert_eq!(line["id"], index + 1);
        assert_eq!(line["client"].as_str().unwrap().len(), 16);
        assert!(line["time"].as_u64().unwrap() > 1_700_000_000_000);
        assert_eq!(line.as_object().unwrap().len(), 5);
    }
    assert_eq!(lines[0]["client"], lines[2]["client"]);
    let room_url = format!("{}/notes", url(&server));
    assert_eq!(tail(&server, &room_url, &["--since", "2"]).await, lines[2..]);
    assert!(tail(&server, "notes", &["--since", "3"]).await.is_empty());
    assert!(tail(&server, "/", &[]).await.is_empty());
}

#[tokio::test]
async fn thousands_of_lines_keep_their_order() {
    let server = Server::start(&[]).await;
    let lines: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    send(&server, "many", &lines.join("\n")).await;
    let printed = tail(&server, "many", &[]).await;
    let printed: Vec<String> = data(&printed).into_iter().map(Value::to_string).collect();
    assert_eq!(printed, lines);
}

#[tokio::test]
async fn an_entry_is_one_line_however_it_was_written() {
    let server = Server::start(&[]).await;
    let mut ann = crate::harness::Session::join(&server, "/pretty", "ann").await;
    ann.send_text("{\"type\":\"op\",\"id\":1,\"data\":{\n\"a\":\r\n[1,\n2]}}")
        .await;
    assert_eq!(ann.next().await["type"], "ack");
    assert_eq!(data(&tail(&server, "pretty", &[]).await), [&json!({"a": [1, 2]})]);
}

#[tokio::test]
async fn tail_follows_and_goes_on_after_the_server_was_killed() {
    let server = Server::start(&[]).await;
    let address = server.address().to_string();
    let room = format!("{}/notes", url(&server));
    send(&server, "notes", "1").await;
    let mut child = start(&["tail", &room]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_eq!(next_entry(&mut stdout).await["data"], 1);
    send(&server, "notes", "2\n3").await;
    assert_eq!(next_entry(&mut stdout).await["data"], 2);
    assert_eq!(next_entry(&mut stdout).await["seq"], 3);

    let directory = server.kill().await;
    says(&mut stderr, "trying again").await;
    let server = Server::on(directory, &["--listen", &address]).await;
    send(&server, "notes", "4").await;
    let entry = next_entry(&mut stdout).await;
    assert_eq!((&entry["seq"], &entry["data"]), (&json!(4), &json!(4)));
}

#[tokio::test]
async fn send_waits_for_a_server_that_is_not_there() {
    let server = Server::start(&[]).await;
    let address = server.address().to_string();
    let room = format!("{}/notes", url(&server));
    let directory = server.terminate().await;
    let mut child = start(&["send", &room]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"1\n2\n").await.unwrap();
    drop(stdin);
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    says(&mut stderr, "trying again").await;
    let server = Server::on(directory, &["--listen", &address]).await;
    let status = within("the command's end", child.wait()).await.unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(data(&tail(&server, "notes", &[]).await), [&json!(1), &json!(2)]);
}

#[tokio::test]
async fn send_tells_what_it_waits_for() {
    let server = Server::start(&[]).await;
    let mut child = start(&["send", "notes", "--server", &url(&server)]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"1\n2\n").await.unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    says(&mut stderr, "2 stored, 0 waiting").await;
    drop(stdin);
    let status = within("the command's end", child.wait()).await.unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_line_that_is_not_json_ends_the_sending_by_its_number() {
    let server = Server::start(&[]).await;
    let args = ["send", "notes", "--server", &url(&server)];
    for (bad, says) in [
        ("{\"a\":", "line 2 is not JSON"),
        ("1 2", "line 2 is not JSON"),
        ("hello", "line 2 is not JSON"),
    ] {
        let (code, _, error) = run(&args, &format!("1\n{bad}\n3\n")).await;
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains(says) && error.contains("1 stored"), "{error}");
    }
    let long = "9".repeat((8 << 20) + 1);
    let (code, _, error) = run(&args, &long).await;
    assert_eq!(code, Some(1));
    assert!(
        error.contains("line 1") && error.contains("longer than 8388608 bytes"),
        "{error}"
    );
    assert_eq!(tail(&server, "notes", &[]).await.len(), 3);
}

#[tokio::test]
async fn a_rejected_line_is_told_by_its_number_and_the_others_are_stored() {
    let server = Server::start(&[]).await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    let input = format!("1\n{deep}\n3\n{large}\n5\n");
    let (code, _, error) = run(&["send", "notes", "--server", &url(&server)], &input).await;
    assert_eq!(code, Some(1), "{error}");
    for words in ["line 2 is rejected", "line 4 is rejected", "3 stored, 2 rejected"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert_eq!(
        data(&tail(&server, "notes", &[]).await),
        [&json!(1), &json!(3), &json!(5)]
    );
}

#[tokio::test]
async fn a_place_that_the_room_does_not_have_is_refused_by_name() {
    let server = Server::start(&[]).await;
    let server_url = url(&server);
    send(&server, "notes", "1").await;
    for (args, says) in [
        (&["--since", "2"][..], "the room has 1 entries"),
        (
            &["--since", "1", "--epoch", "0000000000000000"][..],
            "patchcast: ",
        ),
    ] {
        let mut all = vec!["tail", "notes", "--server", &server_url];
        all.extend(args);
        let (code, out, error) = run(&all, "").await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_tail_resumes_by_the_epoch_that_it_was_told() {
    let server = Server::start(&[]).await;
    let server_url = url(&server);
    send(&server, "notes", "1\n2").await;
    let (_, _, said) = run(&["tail", "notes", "--no-follow", "--server", &server_url], "").await;
    let epoch = said.split("epoch ").nth(1).unwrap().split(',').next().unwrap();
    let lines = tail(&server, "notes", &["--since", "1", "--epoch", epoch]).await;
    assert_eq!(data(&lines), [&json!(2)]);
}

#[tokio::test]
async fn what_is_no_room_is_refused_at_once() {
    for command in ["tail", "send"] {
        for (room, words) in [
            ("wss://example.org/notes", "wss:// is not supported"),
            ("no room", "is no room"),
            ("ws://", "URL"),
        ] {
            let (code, _, error) = run(&[command, room], "").await;
            assert_eq!(code, Some(1), "{command} {room}: {error}");
            assert!(error.contains(words), "{command} {room}: {error}");
        }
    }
    for (flag, value) in [("--since", "-1"), ("--since", "1.5"), ("--epoch", "xyz")] {
        let argument = format!("{flag}={value}");
        let (code, _, error) = run(&["tail", "notes", &argument], "").await;
        assert_eq!(code, Some(2), "{argument}: {error}");
    }
}

#[tokio::test]
async fn tail_ends_when_nobody_reads_it_any_more() {
    let server = Server::start(&[]).await;
    send(&server, "notes", "1").await;
    let mut child = start(&["tail", "notes", "--server", &url(&server)]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(next_entry(&mut stdout).await["data"], 1);
    drop(stdout);
    send(&server, "notes", "2").await;
    let status = within("the command's end", child.wait()).await.unwrap();
    assert!(status.success(), "{status}");
}
