//! A database file that is not what was written: it is refused, or it makes no difference.

use std::fs;
use std::path::Path;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::{Epoch, Seq};
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::log::{Durability, OpenError, SqliteStore, StartupCheck, Store};

use super::{DATABASE, copy, files, written};
use crate::harness::try_refusal;

/// Changes the database of a server that ended in order, and expects that it is refused and left alone. Returns what is said.
async fn refuses(intact: &Path, what: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let directory = copy(intact);
    let path = directory.path().join(DATABASE);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let before = files(directory.path());
    let said = try_refusal(&directory, &[]).await.expect(what);
    assert!(
        said.contains("patchcast.sqlite3 is damaged and was left as it is"),
        "{what}: {said}"
    );
    assert!(files(directory.path()) == before, "{what}: a file was changed");
    said
}

/// The same of what holds entries of the room `/gifts`: the message says so, and which they are, about.
async fn refuses_entries(intact: &Path, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let said = refuses(intact, what, change).await;
    let (_, named) = said.split_once("room patches:gifts: ").expect(&said);
    let mut numbers = named.split(|c: char| !c.is_ascii_digit());
    let seq: u64 = numbers.find(|n| !n.is_empty()).unwrap().parse().unwrap();
    assert!((1..=30).contains(&seq), "{what}: {said}");
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_left_alone() {
    let directory = written().await.terminate().await;
    let intact = directory.path();
    let bytes = fs::read(intact.join(DATABASE)).unwrap();
    let find = |text: &str| {
        let found = bytes
            .windows(text.len())
            .position(|window| window == text.as_bytes());
        found.unwrap_or_else(|| panic!("{text} is in the database"))
    };
    let payload = find("note 017");
    let page = payload / 4096 * 4096;
    refuses(intact, "empty", Vec::clear).await;
    refuses(intact, "cut off in its header", |bytes| bytes.truncate(50)).await;
    refuses(intact, "cut in half", |bytes| bytes.truncate(bytes.len() / 2)).await;
    refuses(intact, "without its last page", |bytes| {
        bytes.truncate(bytes.len() - 4096);
    })
    .await;
    refuses_entries(intact, "a letter of a message", |bytes| bytes[payload + 7] ^= 1).await;
    refuses_entries(intact, "a page's kind", |bytes| bytes[page] ^= 8).await;
    refuses_entries(intact, "a page's number of cells", |bytes| bytes[page + 4] ^= 1).await;
    refuses_entries(intact, "a page of zeroes", |bytes| {
        bytes[page..page + 4096].fill(0);
    })
    .await;
    refuses_entries(intact, "two pages changed places", |bytes| {
        let (first, second) = bytes.split_at_mut(page);
        first[page - 4096..].swap_with_slice(&mut second[..4096]);
    })
    .await;
    refuses(intact, "the name of a room", |bytes| bytes[find("gifts")] ^= 1).await;
    refuses(intact, "the epoch of a room", |bytes| {
        bytes[find("gifts") + 7] ^= 1;
    })
    .await;
    refuses(intact, "not a database", |bytes| bytes[..16].fill(b'x')).await;
}

#[tokio::test]
async fn no_flipped_bit_changes_or_shortens_a_history() {
    let directory = written().await.terminate().await;
    let path = directory.path().join(DATABASE);
    let intact = fs::read(&path).unwrap();
    let expected = contents(&directory.path().join("data")).await.unwrap();
    assert_eq!(expected.len(), ROOMS.len());
    // The header, the surroundings of every name, and a byte here and there of everything else.
    let mut places: Vec<usize> = (0..100).chain((0..intact.len()).step_by(613)).collect();
    for name in ["gifts", "lobby", "board"] {
        for (at, window) in intact.windows(name.len()).enumerate() {
            if window == name.as_bytes() && intact[at - 1] != b'"' {
                places.extend(at - 16..at + name.len());
            }
        }
    }
    let mut refused = 0;
    for at in places {
        let mut bytes = intact.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        match contents(&directory.path().join("data")).await {
            Ok(found) => assert!(found == expected, "byte {at} changed a history without a word"),
            Err(_) => {
                assert!(
                    fs::read(&path).unwrap() == bytes,
                    "byte {at}: the file was changed"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 50, "{refused} were refused");
}

const ROOMS: [(Dialect, &str); 5] = [
    (Dialect::Patches, "gifts"),
    (Dialect::Chat, "lobby"),
    (Dialect::Chat, "team/board"),
    (Dialect::Patches, "lobby"),
    (Dialect::Chat, "gifts"),
];

/// A room's epoch, if it has been written to, and all its payloads.
type Content = (Option<Epoch>, Vec<Vec<u8>>);

/// What is in the rooms, if the store can be opened at all.
async fn contents(data: &Path) -> Result<Vec<Content>, OpenError> {
    let store = SqliteStore::open(data, Durability::Fsync, StartupCheck::Full)?;
    let mut contents = Vec::new();
    for (dialect, name) in ROOMS {
        let name = RoomName::parse(name).unwrap();
        let log = store.open(&RoomId { dialect, name }).await.unwrap();
        let entries = log.read(Seq::START, usize::MAX).await.unwrap();
        let epoch = (!entries.is_empty()).then(|| log.epoch());
        let payloads = entries.iter().map(|entry| entry.payload.to_vec()).collect();
        contents.push((epoch, payloads));
    }
    Ok(contents)
}
