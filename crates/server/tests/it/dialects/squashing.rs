//! `--squash-after`: who joins late is sent fewer patches, which make the same of the same base. Nobody else notices.

use patchcast_protocol::apply;
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::Seq;
use patchcast_protocol::patch::Patch;
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::log::{Durability, SqliteStore, StartupCheck, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::harness::{Client, Server, history, patch, refusal, seed, within};

/// What it means that patches do the same: applied to `base`, they give the same value.
fn applied(base: &Value, history: &str) -> Value {
    let patches: Vec<Patch> = serde_json::from_str(history).unwrap();
    apply::apply(base.clone(), &patches).unwrap()
}

fn count(history: &str) -> usize {
    serde_json::from_str::<Vec<Value>>(history).unwrap().len()
}

/// The history that a joiner is sent, once it has so few patches. It has at once, unless the machine is very busy.
async fn shortened(server: &Server, path: &str, at_most: usize) -> String {
    let join = async {
        loop {
            let (_, history) = Client::join(server, path).await;
            if count(&history) <= at_most {
                return history;
            }
        }
    };
    within("squashing", join).await
}

/// Changes of real Immer: a base, and messages that lead to the result, back to the base, and to the result again.
fn changes() -> Vec<(Value, Vec<String>)> {
    let samples = [
        include_str!("../../../../protocol/tests/vectors/immer-fuzz-sample.jsonl"),
        include_str!("../../../../protocol/tests/vectors/immer-semantics.jsonl"),
    ];
    let vectors = samples.iter().flat_map(|sample| sample.lines());
    let vectors = vectors.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let changes = vectors.filter_map(|mut vector| {
        let back = vector["inversePatches"].as_array()?.clone();
        let there = vector["patches"].as_array()?.clone();
        let messages = [&there, &back, &there].into_iter();
        let messages = messages.flatten().map(|patch| json!([patch]).to_string());
        Some((vector["base"].take(), messages.collect()))
    });
    changes
        .filter(|(_, messages): &(_, Vec<String>)| messages.len() > 2)
        .collect()
}

#[tokio::test]
async fn squashed_patches_of_immer_do_the_same_over_a_restart_too() {
    let changes = changes();
    assert!(changes.len() > 150, "{}", changes.len());
    let mut server = Server::start(&["--squash-after", "2"]).await;
    for part in [0, 1] {
        for (room, (_, messages)) in changes.iter().enumerate() {
            let (first, second) = messages.split_at(messages.len() / 2);
            let path = format!("/{room}");
            let mut ann = Client::connect(&server, &path).await;
            let mut bob = Client::connect(&server, &path).await;
            drop((ann.text().await, bob.text().await));
            for message in [first, second][part] {
                ann.send(message).await;
                assert_eq!(&bob.text().await, message);
            }
        }
        if part == 0 {
            server = Server::on(server.kill().await, &["--squash-after", "2"]).await;
        }
    }
    let (mut sent, mut received) = (0, 0);
    for (room, (base, messages)) in changes.iter().enumerate() {
        let (_, squashed) = Client::join(&server, &format!("/{room}")).await;
        let all = history(messages);
        assert_eq!(
            applied(base, &squashed),
            applied(base, &all),
            "{squashed} for {all}"
        );
        assert!(count(&squashed) <= count(&all), "{squashed} for {all}");
        sent += count(&all);
        received += count(&squashed);
    }
    assert!(received * 2 < sent, "{sent} became {received}");
}

#[tokio::test]
async fn as_many_patches_as_are_allowed_stay_as_they_were_sent() {
    let server = Server::start(&["--squash-after", "10"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let mut sent = vec![" [ ] ".to_owned()];
    sent.extend((0..10).map(|n| patch("n", n)));
    sent.push("[]".to_owned());
    for message in &sent {
        ann.send(message).await;
        assert_eq!(&bob.text().await, message);
    }
    let (_, found) = Client::join(&server, "/").await;
    assert_eq!(found, history(&sent));
    // One more is one too many. What comes then is as it was sent again, and a message without patches adds nothing.
    let (x, nothing, y) = (patch("n", "x"), "[]".to_owned(), patch("n", "y"));
    for (message, expected) in [
        (&x, history([&x])),
        (&nothing, history([&x])),
        (&y, history([&x, &y])),
    ] {
        ann.send(message).await;
        assert_eq!(&bob.text().await, message);
        let (_, found) = Client::join(&server, "/").await;
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn patches_that_undo_one_another_leave_nothing_behind() {
    let server = Server::start(&["--squash-after", "1"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    for message in [
        r#"[{"op":"add","path":["l",0],"value":1}]"#,
        r#"[{"op":"remove","path":["l",0]}]"#,
    ] {
        ann.send(message).await;
        assert_eq!(bob.text().await, message);
    }
    let (_, found) = Client::join(&server, "/").await;
    assert_eq!(found, "[]");
    ann.send(patch("a", 1)).await;
    bob.text().await;
    let (_, found) = Client::join(&server, "/").await;
    assert_eq!(found, patch("a", 1));
}

#[tokio::test]
async fn the_squash_is_kept_beside_the_whole_history() {
    let messages: Vec<_> = (0..30).map(|n| patch("n", n)).collect();
    let server = Server::start(&["--squash-after", "20"]).await;
    let (mut ann, _) = Client::join(&server, "/gifts").await;
    let (mut bob, _) = Client::join(&server, "/gifts").await;
    for (n, message) in messages.iter().enumerate() {
        ann.send(message).await;
        assert_eq!(&bob.text().await, message);
        if n == 20 {
            assert_eq!(shortened(&server, "/gifts", 1).await, *message);
        }
    }
    let found = shortened(&server, "/gifts", 10).await;
    let directory = server.terminate().await;
    {
        let data = directory.path().join("data");
        let store = SqliteStore::open(&data, Durability::Fsync, StartupCheck::Full).unwrap();
        let (dialect, name) = (Dialect::Patches, RoomName::parse("gifts").unwrap());
        let log = store.open(&RoomId { dialect, name }).await.unwrap();
        let kept = log.snapshot().await.unwrap().unwrap();
        assert_eq!((kept.seq, log.first()), (Seq(21), Seq(1)));
    }
    let server = Server::on(directory, &["--squash-after", "20"]).await;
    let (_, again) = Client::join(&server, "/gifts").await;
    assert_eq!(again, found);
    // Without the flag, everything is as it was sent.
    let server = Server::on(server.terminate().await, &[]).await;
    let (_, whole) = Client::join(&server, "/gifts").await;
    assert_eq!(whole, history(&messages));
    // A history that has become long without it is squashed as soon as somebody joins.
    let server = Server::on(server.terminate().await, &["--squash-after", "5"]).await;
    let (_, found) = Client::join(&server, "/gifts").await;
    assert_eq!(found, messages[29]);
}

#[tokio::test]
async fn a_history_that_cannot_be_made_shorter_is_squashed_ever_more_seldom() {
    const MESSAGES: usize = 500;
    let server = Server::start(&["--squash-after", "10", "--log", "patchcast_server=debug"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    for n in 0..MESSAGES {
        ann.send(patch(&format!("key {n}"), n)).await;
        bob.text().await;
    }
    let (_, found) = Client::join(&server, "/").await;
    assert_eq!(count(&found), MESSAGES);
    let squashed = server.log().matches("the history was squashed").count();
    // After 11 patches, then each time as many as there were and one more: 23, 47, 95, 191, 383.
    assert!((1..=6).contains(&squashed), "{squashed} times");
}

#[tokio::test]
async fn a_damaged_squash_is_told_by_room_and_entry_and_nothing_depends_on_it() {
    let messages: Vec<_> = (0..30).map(|n| patch("n", n)).collect();
    let server = Server::start(&["--squash-after", "20"]).await;
    let (mut ann, _) = Client::join(&server, "/gifts").await;
    let (mut bob, _) = Client::join(&server, "/gifts").await;
    for message in &messages {
        ann.send(message).await;
        assert_eq!(&bob.text().await, message);
    }
    shortened(&server, "/gifts", 29).await;
    let directory = server.terminate().await;
    let database = rusqlite::Connection::open(directory.path().join("data/patchcast.sqlite3")).unwrap();
    let changed = database.execute("UPDATE snapshot SET state = x'00'", []);
    assert_eq!(changed.unwrap(), 1);
    drop(database);
    let said = refusal(&directory, &[]).await;
    assert!(
        said.contains("room patches:gifts: the snapshot of entry "),
        "{said}"
    );
    let server = Server::on(directory, &["--squash-after", "20", "--check", "quick"]).await;
    let (_, found) = Client::join(&server, "/gifts").await;
    assert_eq!(found, history(&messages));
    assert!(
        server.log().contains("the history is not squashed any further"),
        "{}",
        server.log()
    );
}

#[tokio::test]
async fn whoever_joins_when_comes_to_the_same_state_while_many_write() {
    const MESSAGES: usize = 600;
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let server = Server::start(&["--squash-after", "40"]).await;
    let base = json!({"list": [], "keys": {}});
    let mut value = base.clone();
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let mut joiners = Vec::new();
    for n in 0..MESSAGES {
        let message = change(&value, &mut random).to_string();
        value = applied(&value, &message);
        ann.send(&message).await;
        assert_eq!(bob.text().await, message, "what is live is as it was sent");
        if n % 20 == 19 {
            let (joiner, history) = Client::join(&server, "/").await;
            let found = applied(&base, &history);
            assert_eq!(found, value, "seed {seed}");
            joiners.push((joiner, found, n));
        }
    }
    for (mut joiner, mut found, joined) in joiners {
        for _ in joined + 1..MESSAGES {
            found = applied(&found, &joiner.text().await);
        }
        assert_eq!(found, value, "seed {seed}");
    }
}

/// A message of patches that apply to `value`.
fn change(value: &Value, random: &mut StdRng) -> Value {
    let len = value["list"].as_array().unwrap().len();
    let new = json!({"n": random.random_range(0..1000)});
    match random.random_range(0..6) {
        0 | 1 => json!([{"op": "add", "path": ["list", random.random_range(0..=len)], "value": new}]),
        2 if len > 0 => json!([{"op": "remove", "path": ["list", random.random_range(0..len)]}]),
        3 if len > 0 => {
            json!([{"op": "replace", "path": ["list", random.random_range(0..len), "n"], "value": "edited"}])
        }
        4 if len > 1 => json!([
            {"op": "remove", "path": ["list", len - 1]},
            {"op": "add", "path": ["list", 0], "value": new},
        ]),
        5 => json!([]),
        _ => {
            let key = random.random_range(0..9).to_string();
            json!([{"op": "replace", "path": ["keys", key], "value": new}])
        }
    }
}
