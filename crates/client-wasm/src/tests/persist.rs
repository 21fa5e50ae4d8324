//! What a page leaves behind, the next one takes up. A page that goes is a connection that is closed with ops on it.

use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use super::browser::{FakeSockets, InPlace, delete_storage, fake_sockets, no_storage};
use super::sessions::welcome;
use super::{App, Told, get, new_room, next_turn, state, status};

const PERSIST: &str = r#"{"persist":"drafts"}"#;
const FROM_POSITION: &str = r#"{"persist":{"name":"drafts","from":"position"}}"#;

fn live(value: u32) -> Told {
    Told::Live(value.to_string())
}

fn missed(value: u32) -> Told {
    Told::History(value.to_string())
}

/// Waits until that many sockets were made.
async fn made(sockets: &InPlace<FakeSockets>, count: u32) {
    while sockets.socket_count() < count {
        next_turn().await;
    }
}

/// A page that sends this while it has no connection, and goes.
async fn leave_behind(room: &str, values: &[u32]) {
    let sockets = fake_sockets();
    let page = App::connect_with(room, PERSIST);
    made(&sockets, 1).await;
    for value in values {
        assert!(page.send(&value.to_string()));
    }
    page.close();
}

fn greeted_as(hello: &str) -> String {
    let hello = js_sys::JSON::parse(hello).expect("it is JSON");
    get(&hello, "secret").as_string().expect("it is text")
}

#[wasm_bindgen_test]
async fn what_a_page_could_not_send_the_next_one_does() {
    let room = new_room();
    let bob = App::connect_with(&room, "{}");
    bob.expect(status("open")).await;
    leave_behind(&room, &[1, 2]).await;
    let ann = App::connect_with(&room, PERSIST);
    ann.expect(status("open")).await;
    // This page has not seen them yet.
    ann.expect(live(1)).await;
    ann.expect(live(2)).await;
    assert_eq!(ann.info("own"), true);
    assert_eq!(ann.info("client"), get(&ann.send_function(), "client"));
    bob.expect(live(1)).await;
    bob.expect(live(2)).await;
    ann.send("3");
    bob.expect(live(3)).await;
    assert_eq!((ann.told(), bob.told()), (vec![], vec![]));
}

#[wasm_bindgen_test]
async fn an_op_is_stored_before_it_is_sent_and_sent_again_by_the_next_page_unchanged() {
    let room = new_room();
    let sockets = fake_sockets();
    let ann = App::connect_with(&room, PERSIST);
    // Sent before the storage is open.
    let early = ann.receipt("1");
    made(&sockets, 1).await;
    let first = sockets.socket();
    first.open();
    first.receive(welcome(0, 0).into());
    let late = ann.receipt("2");
    assert_eq!((state(&late).as_str(), ann.queued()), ("queued", 2));
    assert!(!first.sent_texts().contains(r#""data":2"#));
    while state(&late) != "sent" {
        next_turn().await;
    }
    assert_eq!(state(&early), "sent");
    let ops = [
        r#"{"type":"op","id":1,"data":1}"#,
        r#"{"type":"op","id":2,"data":2}"#,
    ]
    .join("\n");
    let sent = first.sent_texts();
    assert!(sent.ends_with(&ops), "{sent}");
    ann.close();

    let ann = App::connect_with(&room, PERSIST);
    made(&sockets, 2).await;
    let second = sockets.socket();
    second.open();
    let hello = second.sent_texts();
    assert_eq!(
        greeted_as(&hello),
        greeted_as(sent.lines().next().expect("there is a hello"))
    );
    second.receive(welcome(0, 0).into());
    assert_eq!(second.sent_texts(), [hello, ops].join("\n"));
    assert_eq!(ann.queued(), 2);
    let ack = r#"{"type":"ack","id":1,"seq":1,"time":6,"durability":"fsync"}"#;
    second.receive(ack.into());
    ann.close();

    // What was settled is stored no more.
    let ann = App::connect_with(&room, PERSIST);
    made(&sockets, 3).await;
    assert_eq!(ann.queued(), 1);
}

#[wasm_bindgen_test]
async fn two_tabs_are_two_clients() {
    let room = new_room();
    let sockets = fake_sockets();
    let _ann = App::connect_with(&room, PERSIST);
    made(&sockets, 1).await;
    let _bob = App::connect_with(&room, PERSIST);
    made(&sockets, 2).await;
    let secrets = [sockets.older_socket(), sockets.socket()].map(|socket| {
        socket.open();
        greeted_as(&socket.sent_texts())
    });
    assert_ne!(secrets[0], secrets[1]);
}

#[wasm_bindgen_test]
async fn what_several_tabs_left_behind_one_sends() {
    let room = new_room();
    let bob = App::connect_with(&room, "{}");
    bob.expect(status("open")).await;
    {
        let sockets = fake_sockets();
        let tabs = [1, 2, 3].map(|_| App::connect_with(&room, PERSIST));
        made(&sockets, 3).await;
        for (tab, value) in tabs.iter().zip(["1", "2", "3"]) {
            tab.send(value);
        }
        for tab in tabs {
            tab.close();
        }
    }
    let ann = App::connect_with(&room, PERSIST);
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..3 {
        match bob.next().await {
            Told::Live(value) => seen.push(value),
            other => panic!("{other:?}"),
        }
    }
    seen.sort();
    assert_eq!(seen, ["1", "2", "3"]);
    ann.send("4");
    bob.expect(live(4)).await;
    assert_eq!(bob.told(), []);
}

#[wasm_bindgen_test]
async fn entries_begin_after_those_that_came_before_when_the_app_wants_it_so() {
    let room = new_room();
    let bob = App::connect_with(&room, "{}");
    bob.expect(status("open")).await;
    bob.send("1");
    let unknown = "it is not known up to where the messages have come before";
    let ann = App::connect_with(&room, FROM_POSITION);
    // The app might have state of an earlier life, and the storage might have been lost.
    ann.expect(Told::Reset(unknown.to_owned())).await;
    let mut told = vec![ann.next().await, ann.next().await];
    told.retain(|told| *told != status("open"));
    assert!(matches!(told[..], [Told::History(_) | Told::Live(_)]), "{told:?}");
    ann.send("2");
    bob.expect(live(2)).await;
    ann.close();
    bob.send("3");
    let ann = App::connect_with(&room, FROM_POSITION);
    // Her own op is settled or not, depending on when she went; she sees it in neither case twice.
    let next = ann.next().await;
    if next == missed(2) {
        assert_eq!(ann.info("own"), true);
        ann.expect(missed(3)).await;
    } else {
        assert_eq!(next, missed(3));
    }
    ann.expect(status("open")).await;
    assert_eq!(ann.info("seq"), 3);
    ann.close();
    let eve = App::connect_with(&room, PERSIST);
    for value in 1..=3 {
        eve.expect(missed(value)).await;
    }
}

#[wasm_bindgen_test]
async fn without_storage_it_says_so_once_and_goes_on() {
    let room = new_room();
    let bob = App::connect_with(&room, "{}");
    bob.expect(status("open")).await;
    let _none = no_storage();
    let ann = App::connect_with(&room, PERSIST);
    ann.send("1");
    let why = "what is sent is not kept across reloads: this browser, or this page, has no storage";
    ann.expect(Told::Error(why.to_owned())).await;
    ann.expect(status("open")).await;
    bob.expect(live(1)).await;
    ann.send("2");
    bob.expect(live(2)).await;
    assert_eq!(ann.told(), []);
}

#[wasm_bindgen_test]
async fn a_page_that_goes_before_its_storage_is_open_leaves_nothing_running() {
    let room = new_room();
    let sockets = fake_sockets();
    let ann = App::connect_with(&room, PERSIST);
    let receipt = ann.receipt("1");
    ann.close();
    assert_eq!(get(&get(&receipt, "error"), "code"), "closed");
    // The next one has its turn after whatever that one still did.
    let _bob = App::connect_with(&room, PERSIST);
    made(&sockets, 1).await;
    assert_eq!(sockets.socket_count(), 1);
    assert_eq!(ann.told(), []);
}

#[wasm_bindgen_test]
async fn when_the_storage_is_taken_away_it_says_so_and_sends_all_the_same() {
    let room = new_room();
    let bob = App::connect_with(&room, "{}");
    bob.expect(status("open")).await;
    let ann = App::connect_with(&room, PERSIST);
    ann.expect(status("open")).await;
    JsFuture::from(delete_storage()).await.expect("it is deleted");
    ann.send("1");
    bob.expect(live(1)).await;
    let Told::Error(why) = ann.next().await else {
        panic!("no error");
    };
    assert!(
        why.starts_with("what is sent is not kept across reloads any more: "),
        "{why}"
    );
    ann.send("2");
    bob.expect(live(2)).await;
    assert_eq!(ann.told(), []);
}

#[wasm_bindgen_test]
async fn a_url_that_the_browser_refuses_is_told_once_the_storage_is_open() {
    let ann = App::connect_with("ftp://room", PERSIST);
    let receipt = ann.receipt("1");
    let Told::Status(status, None, reason) = ann.next().await else {
        panic!("no status");
    };
    assert_eq!(status, "closed");
    assert!(reason.starts_with("cannot connect to ftp://room: "), "{reason}");
    let refused = || Told::Error("not sent: the connection is closed for good".to_owned());
    ann.expect(refused()).await;
    assert_eq!(get(&get(&receipt, "error"), "code"), "closed");
    assert!(!ann.send("2"));
    ann.expect(refused()).await;
}
