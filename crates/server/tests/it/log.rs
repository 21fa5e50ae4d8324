//! The conformance suite of `Log` and `Store`: every implementation passes every law.

mod appending;
mod concurrency;
mod crash;
mod reading;

use std::sync::Arc;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::{Author, Seq, Timestamp};
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::log::{
    AppendError, Durability, Log, MemoryStore, ReadError, SqliteStore, StartupCheck, Store,
};
use tempfile::TempDir;

use crate::harness::within;

/// Makes of each law a test for every store.
macro_rules! laws {
    ($($module:ident: $($law:ident),+;)+) => {
        mod memory {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $law() {
                    super::$module::$law(&super::Subject::memory()).await;
                }
            )+)+
        }

        mod sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $law() {
                    super::$module::$law(&super::Subject::sqlite()).await;
                }
            )+)+
        }
    };
}

laws! {
    appending:
        a_log_begins_empty,
        entries_are_numbered_from_one_in_the_order_of_their_batch,
        an_entry_comes_back_as_it_was_written,
        weights_add_up,
        appending_nothing_returns_the_head_and_changes_nothing,
        a_lost_race_names_the_head_and_leaves_nothing,
        a_head_that_is_still_to_come_is_a_lost_race_too,
        two_openings_see_each_others_appends,
        rooms_are_isolated_by_name_and_by_dialect,
        a_room_that_was_closed_is_found_again;
    reading:
        a_read_ends_where_the_next_entry_would_exceed_the_bound,
        a_read_gives_one_entry_however_long_it_is,
        a_read_from_the_head_is_empty_and_from_beyond_it_is_ahead,
        changed_resolves_when_the_head_lies_beyond_what_was_seen,
        a_change_is_seen_through_every_opening;
    concurrency:
        fifty_writers_to_one_room_store_everything_once,
        no_other_entry_lies_within_a_batch,
        a_reader_that_follows_the_head_misses_nothing;
}

/// A store to be put to the test, and the directory that it lies in.
struct Subject {
    store: Arc<dyn Store>,
    _directory: Option<TempDir>,
}

impl Subject {
    fn memory() -> Subject {
        Subject {
            store: Arc::new(MemoryStore::default()),
            _directory: None,
        }
    }

    fn sqlite() -> Subject {
        let directory = tempfile::tempdir().unwrap();
        Subject {
            // Without the wait for the disk, which none of the laws can tell.
            store: Arc::new(SqliteStore::open(directory.path(), Durability::Os, StartupCheck::Full).unwrap()),
            _directory: Some(directory),
        }
    }

    async fn open(&self, name: &str) -> Arc<dyn Log> {
        self.open_as(Dialect::Patches, name).await
    }

    async fn open_as(&self, dialect: Dialect, name: &str) -> Arc<dyn Log> {
        open(&*self.store, dialect, name).await
    }
}

async fn open(store: &dyn Store, dialect: Dialect, name: &str) -> Arc<dyn Log> {
    let name = RoomName::parse(name).unwrap();
    within("opening a room", store.open(&RoomId { dialect, name }))
        .await
        .unwrap()
}

fn entry(payload: impl Into<Vec<u8>>) -> NewEntry {
    let payload = payload.into();
    NewEntry {
        author: Author(7),
        time: Timestamp(1_700_000_000_000),
        weight: payload.len() as u64,
        payload,
    }
}

/// Entries with these payloads.
fn batch(payloads: &[&str]) -> Arc<[NewEntry]> {
    payloads.iter().map(|payload| entry(*payload)).collect()
}

async fn append(log: &dyn Log, after: u64, batch: Arc<[NewEntry]>) -> Result<Head, AppendError> {
    within("an append", log.append(Seq(after), batch)).await
}

async fn read(log: &dyn Log, after: u64, max_bytes: usize) -> Result<Entries, ReadError> {
    within("a read", log.read(Seq(after), max_bytes)).await
}

/// The payloads of all entries after a position, once their numbers were found to be gapless.
async fn payloads(log: &dyn Log, after: u64) -> Vec<String> {
    let entries = read(log, after, usize::MAX).await.unwrap();
    let numbered = entries.iter().enumerate().map(|(index, entry)| {
        assert_eq!(entry.seq, Seq(after + 1 + index as u64));
        String::from_utf8(entry.payload.to_vec()).unwrap()
    });
    let payloads: Vec<_> = numbered.collect();
    assert_eq!(entries.last(), Seq(after + payloads.len() as u64));
    payloads
}
