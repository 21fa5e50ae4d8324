//! Presence: who is there and what they show, never in the log.

use serde_json::{Value, json};

use crate::harness::{Server, Session};

/// What the next presence message says: who shows what, and who has gone.
async fn told(session: &mut Session) -> (Vec<(String, Value)>, Vec<String>) {
    let message = session.next().await;
    assert_eq!(message["type"], "presence", "{message}");
    let list = |name: &str| message[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let present = list("present");
    (
        present
            .iter()
            .map(|one| (text(&one["client"]), one["data"].clone()))
            .collect(),
        list("gone").iter().map(text).collect(),
    )
}

async fn show(session: &mut Session, data: Value) {
    session.send(json!({"type": "presence", "data": data})).await;
}

#[tokio::test]
async fn who_watches_is_told_who_comes_changes_and_goes() {
    let server = Server::start(&[]).await;
    let mut watcher = Session::watch(&server, "/", "watcher").await;
    let mut ann = Session::join(&server, "/", "ann").await;
    let id = ann.id().to_owned();
    show(&mut ann, json!({"at": 1})).await;
    assert_eq!(
        told(&mut watcher).await,
        (vec![(id.clone(), json!({"at": 1}))], vec![])
    );
    show(&mut ann, json!({"at": 2})).await;
    assert_eq!(
        told(&mut watcher).await,
        (vec![(id.clone(), json!({"at": 2}))], vec![])
    );
    show(&mut ann, Value::Null).await;
    assert_eq!(told(&mut watcher).await, (vec![], vec![id.clone()]));
    show(&mut ann, json!("back")).await;
    assert_eq!(
        told(&mut watcher).await,
        (vec![(id.clone(), json!("back"))], vec![])
    );
    // Who did not ask is told nothing.
    ann.nothing_more().await;
    ann.close().await;
    assert_eq!(told(&mut watcher).await, (vec![], vec![id]));
    assert_eq!(watcher.welcome["head"], 0);
    let late = Session::join(&server, "/", "late").await;
    assert_eq!(late.welcome["head"], 0, "presence is not in the log");
}

#[tokio::test]
async fn a_joiner_is_told_of_everyone_after_the_entries() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    let mut bob = Session::watch(&server, "/", "bob").await;
    show(&mut ann, json!("a")).await;
    told(&mut bob).await;
    show(&mut bob, json!("b")).await;
    told(&mut bob).await;
    ann.op(1, "entry").await;
    ann.entries(1).await;
    let mut joiner = Session::watch(&server, "/", "joiner").await;
    assert_eq!(joiner.stream().await, [json!([1, "entry"])]);
    let message = joiner.next().await;
    assert_eq!(message["all"], true);
    let mut shown: Vec<_> = message["present"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["data"].clone())
        .collect();
    shown.sort_by_key(Value::to_string);
    assert_eq!(shown, ["a", "b"]);
}

#[tokio::test]
async fn a_storm_of_changes_is_told_in_few_messages_of_which_the_last_is_the_newest() {
    let server = Server::start(&[]).await;
    let mut watcher = Session::watch(&server, "/", "watcher").await;
    let mut ann = Session::join(&server, "/", "ann").await;
    for n in 0..=3_000 {
        show(&mut ann, json!(n)).await;
    }
    let mut messages = 0;
    loop {
        let (present, _) = told(&mut watcher).await;
        messages += 1;
        if present[0].1 == 3_000 {
            break;
        }
    }
    assert!(messages < 300, "{messages} messages for 3,001 changes");
}

#[tokio::test]
async fn a_connection_that_breaks_takes_its_presence_with_it() {
    let server = Server::start(&["--idle-timeout", "1"]).await;
    let mut watcher = Session::watch(&server, "/", "watcher").await;
    let mut ann = Session::join(&server, "/", "ann").await;
    let id = ann.id().to_owned();
    show(&mut ann, json!(1)).await;
    told(&mut watcher).await;
    // Ann's end takes pings no more, as a machine that was unplugged.
    let unplugged = tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(ann);
    });
    assert_eq!(told(&mut watcher).await, (vec![], vec![id]));
    unplugged.abort();
}

#[tokio::test]
async fn a_newer_connection_takes_over_and_shows_what_it_shows() {
    let server = Server::start(&[]).await;
    let mut watcher = Session::watch(&server, "/", "watcher").await;
    let mut older = Session::join(&server, "/", "ann").await;
    show(&mut older, json!("old")).await;
    told(&mut watcher).await;
    let mut newer = Session::join(&server, "/", "ann").await;
    show(&mut newer, json!("new")).await;
    let id = newer.id().to_owned();
    loop {
        let (present, gone) = told(&mut watcher).await;
        if present == [(id.clone(), json!("new"))] {
            break;
        }
        assert_eq!((present.len(), gone), (0, vec![id.clone()]));
    }
    older.end().await;
    watcher.nothing_more().await;
}
