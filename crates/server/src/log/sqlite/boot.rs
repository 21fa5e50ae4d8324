//! Notices that a power cut may have taken entries, and then gives every room another epoch.
//!
//! With [`Durability::Os`] the end of a log can be lost, and its numbers are then given to other entries. A client that was shown
//! the lost ones would take the others for what it has already. So while such a server runs, the database says on which boot
//! of the machine; whoever opens it on another one, without the server having ended in order, cannot know what was lost.

use std::fs;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::Durability;
use super::rows::{self, RowError};
use crate::log::new_epoch;

/// Renews the epochs if need be, and notes how this server writes. What it writes must be synced: it is true before the first append.
pub(super) fn begin(connection: &mut Connection, durability: Durability) -> Result<(), RowError> {
    let (noted, present) = (noted(connection)?, boot_id());
    let may_have_lost = noted.as_ref().is_some_and(|noted| *noted != present);
    let note = match durability {
        Durability::Fsync => None,
        Durability::Os => Some(present),
    };
    if noted == note {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if may_have_lost {
        tracing::warn!("entries may have been lost with the machine's end: every room gets another epoch");
        for mut room in rows::rooms(&transaction)? {
            room.epoch = new_epoch();
            rows::update_epoch(&transaction, &room)?;
        }
    }
    transaction.execute("DELETE FROM unsynced", [])?;
    if let Some(boot) = note {
        transaction.execute("INSERT INTO unsynced (boot) VALUES (?)", [boot])?;
    }
    Ok(transaction.commit()?)
}

/// Syncs all that was written, and notes that nothing can be lost any more.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<()> {
    if noted(connection)?.is_none() {
        return Ok(());
    }
    // A commit that is synced takes with it all of the write-ahead log that lies before it.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute("DELETE FROM unsynced", [])?;
    Ok(())
}

fn noted(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("SELECT boot FROM unsynced", [], |row| row.get(0))
        .optional()
}

/// Differs after every start of the machine. Where the system does not tell, it differs each time, so whatever
/// did not end in order counts as a power cut.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_else(|_| new_epoch().to_string())
}
