//! The conformance suite of `Log` and `Store`: every implementation passes every law.

mod appending;
mod concurrency;
mod crash;
mod epochs;
mod ops;
mod power;
mod reading;
mod snapshots;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::{Author, OpId, Seq, Timestamp};
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
    epochs:
        all_openings_of_a_room_agree_on_its_epoch,
        every_room_has_an_epoch_of_its_own,
        a_crash_leaves_a_rooms_epoch;
    ops:
        an_op_is_found_by_its_author_and_an_id_at_or_above_its_own,
        an_op_is_found_as_soon_as_its_append_has_returned,
        authors_and_rooms_have_ids_of_their_own,
        ops_are_found_ten_thousand_ops_later_and_after_a_crash,
        an_op_that_is_there_already_is_refused;
    snapshots:
        a_snapshot_comes_back_as_it_was_saved,
        a_newer_snapshot_takes_the_place_of_an_older_one_and_not_the_other_way_round,
        a_snapshot_of_what_is_not_there_is_refused,
        rooms_have_snapshots_and_gaps_of_their_own,
        what_is_forgotten_changes_neither_numbers_nor_head_nor_epoch,
        neither_the_newest_entry_nor_one_after_the_snapshot_is_forgotten,
        of_what_was_appended_together_all_that_was_not_to_be_forgotten_is_kept,
        ops_of_forgotten_entries_are_known_for_good,
        a_reader_behind_what_is_being_forgotten_is_told_so_or_misses_nothing;
    concurrency:
        fifty_writers_to_one_room_store_everything_once,
        no_other_entry_lies_within_a_batch,
        a_reader_that_follows_the_head_misses_nothing;
}

/// A store to be put to the test, and the directory that it lies in.
struct Subject {
    store: Arc<dyn Store>,
    directory: Option<TempDir>,
}

impl Subject {
    fn memory() -> Subject {
        Subject {
            store: Arc::new(MemoryStore::default()),
            directory: None,
        }
    }

    fn sqlite() -> Subject {
        Subject::in_directory(tempfile::tempdir().unwrap())
    }

    fn in_directory(directory: TempDir) -> Subject {
        Subject {
            // Without the wait for the disk, which none of the laws can tell.
            store: Arc::new(SqliteStore::open(directory.path(), Durability::Os, StartupCheck::Full).unwrap()),
            directory: Some(directory),
        }
    }

    /// What is there if the process ends now and another begins. No process survives its memory, so there it is the same store.
    fn after_a_crash(&self) -> Subject {
        match &self.directory {
            Some(directory) => Subject::in_directory(crashed_copy(directory.path())),
            None => Subject {
                store: self.store.clone(),
                directory: None,
            },
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

/// The files as a killed process leaves them: those that it had open, index and all.
fn crashed_copy(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

const ANN: Author = Author([7; 12]);

/// An entry of Ann's that is no op.
fn entry(payload: impl Into<Vec<u8>>) -> NewEntry {
    let payload = payload.into();
    NewEntry {
        author: ANN,
        op: OpId::NONE,
        time: Timestamp(1_700_000_000_000),
        weight: payload.len() as u64,
        payload,
    }
}

/// Entries with these payloads.
fn batch(payloads: &[&str]) -> Arc<[NewEntry]> {
    payloads.iter().map(|payload| entry(*payload)).collect()
}

fn op(author: Author, id: u64) -> NewEntry {
    let op = OpId(id);
    NewEntry {
        author,
        op,
        ..entry(id.to_string())
    }
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
