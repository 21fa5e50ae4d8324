//! Verifies a whole database before it is used.

use std::collections::BTreeMap;

use patchcast_protocol::ids::{OpId, Seq};
use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension};

use super::rows::{self, Batch, RoomRow, Row, RowError};
use super::schema::ConnectError;
use super::snapshot::{self, Forgotten, SnapshotRow, digest};

/// Checks every page's structure and every index, and that every room is named as it was, that its entries
/// are numbered without a gap from the first that is kept, add up, and are what was written, that every op is found, and that
/// snapshots, if the database's format has them, are what was written.
pub(super) fn verify(connection: &Connection, has_snapshots: bool) -> Result<(), ConnectError> {
    // Not `quick_check`: a room that is missing from the index of names would begin anew.
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match (verdict.as_str(), verify_content(connection, has_snapshots)) {
        ("ok", content) => content,
        // Pages mean nothing to whoever has to restore a backup; what they hold does.
        (verdict, Err(ConnectError::Damaged(content))) => {
            Err(ConnectError::Damaged(format!("{content} ({verdict})")))
        }
        (verdict, _) => Err(ConnectError::Damaged(verdict.into())),
    }
}

fn verify_content(connection: &Connection, has_snapshots: bool) -> Result<(), ConnectError> {
    let rooms = rows::rooms(connection)?.into_iter();
    let rooms: BTreeMap<i64, RoomRow> = rooms.map(|room| (room.id, room)).collect();
    verify_rooms(connection, &rooms, has_snapshots).map_err(|error| match error {
        RowError::Damaged { room, detail } if rooms.contains_key(&room) => {
            ConnectError::Damaged(format!("{}: {detail}", rooms[&room]))
        }
        error => error.into(),
    })
}

fn verify_rooms(
    connection: &Connection,
    rooms: &BTreeMap<i64, RoomRow>,
    has_snapshots: bool,
) -> Result<(), RowError> {
    let mut ops = Ops::new(connection)?;
    let snapshots = match has_snapshots {
        true => snapshots(connection)?,
        false => BTreeMap::new(),
    };
    if has_snapshots {
        ops.expect_forgotten(&snapshots)?;
    }
    let first = rooms.keys().next().copied().unwrap_or_default();
    let heads = verify_entries(connection, first, &snapshots, &mut ops)?;
    ops.expect_no_others()?;
    if let Some(room) = heads.keys().find(|room| !rooms.contains_key(room)) {
        return Err(RowError::damaged(*room, "it has no name"));
    }
    if let Some(room) = rooms.keys().find(|room| !heads.contains_key(room)) {
        return Err(RowError::damaged(*room, "its entries are lost"));
    }
    match snapshots
        .iter()
        .find(|(room, (seq, _))| heads.get(room) < Some(seq))
    {
        Some((room, (seq, _))) => Err(RowError::damaged(
            *room,
            format!("there is a snapshot of {seq}, and no such entry"),
        )),
        None => Ok(()),
    }
}

/// Of which entry each room's snapshot is, and what the room has forgotten.
type Snapshots = BTreeMap<i64, (Seq, Forgotten)>;

fn snapshots(connection: &Connection) -> Result<Snapshots, RowError> {
    let mut statement = snapshot::select_all(connection)?;
    let mut all = statement.query([])?;
    let mut snapshots = Snapshots::new();
    while let Some(columns) = all.next()? {
        let row = SnapshotRow::read(columns)?;
        snapshots.insert(row.room, (row.seq, row.forgotten));
    }
    Ok(snapshots)
}

/// Returns every room's head. The first room is the one of which something is wrong if nothing can be read.
fn verify_entries(
    connection: &Connection,
    first: i64,
    snapshots: &Snapshots,
    ops: &mut Ops<'_>,
) -> Result<BTreeMap<i64, Seq>, RowError> {
    let mut statement = rows::select_all(connection)?;
    let mut all = statement.query([])?;
    let mut heads = BTreeMap::new();
    let forgotten = |room| {
        snapshots
            .get(&room)
            .map_or(Seq::START, |(_, forgotten)| forgotten.last)
    };
    let (mut room, mut seq, mut weight) = (first, forgotten(first), 0);
    loop {
        let columns = match all.next() {
            Ok(Some(columns)) => columns,
            Ok(None) => return Ok(heads),
            Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseCorrupt) => {
                return Err(error.into());
            }
            Err(error) => {
                let detail = format!("what follows {seq} cannot be read: {error}");
                return Err(RowError::damaged(room, detail));
            }
        };
        let batch = Batch::read(columns.get(2)?, columns)?;
        if batch.room != room {
            room = batch.room;
            (seq, weight) = (forgotten(room), 0);
        }
        for row in batch.entries(batch.first) {
            let row = row?;
            seq = seq.next();
            if row.seq != seq {
                return Err(RowError::damaged(room, format!("{seq} is missing")));
            }
            if row.weight < weight {
                let detail = format!("{seq} does not follow the one before");
                return Err(RowError::damaged(room, detail));
            }
            weight = row.weight;
            ops.expect(&row)?;
        }
        heads.insert(room, seq);
    }
}

/// The index of ops, which must hold every entry with an op, those that are forgotten too, and nothing else.
struct Ops<'c> {
    connection: &'c Connection,
    statement: CachedStatement<'c>,
    found: i64,
}

impl<'c> Ops<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Ops<'c>> {
        Ok(Ops {
            connection,
            statement: rows::select_op(connection)?,
            found: 0,
        })
    }

    /// Ops without an entry are vouched for all together.
    fn expect_forgotten(&mut self, snapshots: &Snapshots) -> Result<(), RowError> {
        let mut digests = BTreeMap::<i64, u64>::new();
        let mut statement = rows::select_forgotten_ops(self.connection)?;
        let mut all = statement.query([])?;
        while let Some(columns) = all.next()? {
            let (room, op, seq) = (columns.get(0)?, columns.get(2)?, columns.get(3)?);
            let author = columns.get_ref(1)?.as_blob().unwrap_or_default();
            let sum = digests.entry(room).or_default();
            *sum = sum.wrapping_add(digest(room, author, op, seq));
            self.found += 1;
        }
        let wrong = |(room, (_, forgotten)): &(&i64, &(Seq, Forgotten))| {
            digests.get(room).copied().unwrap_or_default() != forgotten.ops
        };
        match snapshots.iter().find(wrong) {
            Some((room, (_, Forgotten { last, .. }))) => Err(RowError::damaged(
                *room,
                format!("the ops up to {last}, which is forgotten, are not what was written"),
            )),
            None => Ok(()),
        }
    }

    fn expect(&mut self, row: &Row<'_>) -> Result<(), RowError> {
        if row.op == OpId::NONE {
            return Ok(());
        }
        let key = (row.room, row.author.0, row.op.0.cast_signed());
        let seq: Option<i64> = self.statement.query_row(key, |row| row.get(0)).optional()?;
        if seq != Some(row.seq.0.cast_signed()) {
            let detail = format!("{}, which is {}, is not found there", row.op, row.seq);
            return Err(RowError::damaged(row.room, detail));
        }
        self.found += 1;
        Ok(())
    }

    /// Each entry was found under a key of its own, so as many rows are all there are.
    fn expect_no_others(&self) -> Result<(), RowError> {
        match rows::count_ops(self.connection)? {
            count if count == self.found => Ok(()),
            _ => Err(RowError::damaged(0, "an op is no entry")),
        }
    }
}
