//! The server's bounds, each with its reason. What an operator may choose is a flag; these are its defaults.

use std::time::Duration;

/// Payload bytes that one commit gathers. A commit of this size takes some ten milliseconds, and everyone in
/// it waits for all of it.
pub const MAX_COMMIT_BYTES: usize = 8 << 20;

/// Payload bytes, about, in one row of the database: of entries that were appended together. Larger rows would make it dear to look up a
/// single entry, smaller ones to read many.
pub const MAX_ROW_BYTES: usize = 32 << 10;

/// Payload bytes that a room has taken from its sockets but not yet appended. Beyond that it reads no
/// further, so TCP holds the senders back. It must hold at least one message of the largest size.
pub const MAX_INBOX_BYTES: usize = 8 << 20;

/// Bytes that an operator can allow a document. A client that joins is sent all of it, and it is written to the database in one piece.
pub const MAX_DOCUMENT_BYTES: usize = 256 << 20;

/// Events that a room handles in one turn before it writes to its sockets.
pub const MAX_INBOX_TURN: usize = 4096;

/// Framed bytes of a room's latest entries that stay in memory. A client that is further behind is served
/// from the log, which costs a read but no memory.
pub const TAIL_BYTES: usize = 256 << 10;

/// Framed bytes in one piece of the tail: as much as one `write` to a socket usefully takes.
pub const CHUNK_BYTES: usize = 64 << 10;

/// Bytes of one block of a history, which all joiners share: of entries, and what stands around them.
pub const BLOCK_BYTES: usize = 256 << 10;

/// Bytes of history blocks that one thread keeps for the next joiners.
pub const BLOCK_CACHE_BYTES: u64 = 64 << 20;

/// Payload bytes, about, that are squashed at a time, so that a long history is not in memory all at once.
pub const SQUASH_BYTES: usize = 8 << 20;

/// How long a joiner waits when its room's history is just being squashed: what takes longer is a history that was long before the server was told
/// to squash it, and waiting for all of it would be worse than to be sent it.
pub const SQUASH_PATIENCE: Duration = Duration::from_secs(1);

/// Sockets that a room writes to before other rooms of its thread get a turn: about 0.3 ms.
pub const FAN_OUT_TURN: usize = 64;

/// Bytes that one parked connection takes before other tasks of its thread get a turn.
pub const DRAIN_TURN_BYTES: usize = 1 << 20;

/// How often a room tells its members what has changed of the others' presence: often enough for a moving pointer.
pub const PRESENCE_INTERVAL: Duration = Duration::from_millis(100);

/// Bytes of presence that one room sends to all its members in a second. When it would be more, it tells less often: a thousand
/// clients that all move and all watch are told every seven seconds, a hundred every tenth of one.
pub const PRESENCE_BYTES_PER_SECOND: usize = 8 << 20;

/// Clients that went away and that a room remembers, to tell slow readers of. Who is further behind is told anew who is there.
pub const MAX_GONE: usize = 1024;

/// How long a session's first message may take.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// Entries of a document that a client which comes back is sent one by one. When it was away for longer, the state is shorter.
pub const MAX_REPLAY: u64 = 1024;

/// Bytes of entries that a document's joiner is sent after a state that was framed for an earlier one, when a quarter of the state is less.
pub const MAX_SHARED_TAIL_BYTES: usize = 64 << 10;

/// Slices in one vectored write. Each entry of the receiver's own that lies between others' begins a new one.
pub const MAX_SLICES: usize = 64;

/// Bytes of what is for one client alone (pongs, closes, answers to ops that it sent again) and waits because that client does not
/// read. A client that asks for more without reading the answers is cut off. A thousand acks fit, as many as a client of ours has
/// ops under way: one that sends them all again while its history still comes is not cut off for it.
pub const MAX_CONTROL_BYTES: usize = 128 << 10;

/// Entries of a document that stay in memory as edits. An op that is further behind is carried over entries from the log: as many as a
/// client may be behind and still be served entries rather than a snapshot.
pub const RECENT_ENTRIES: usize = 1024;

/// Bytes of those entries, in the log. As edits they take several times as much.
pub const RECENT_BYTES: usize = 256 << 10;

/// Entries that an op is carried over. It costs up to some microseconds each, for which the room's whole thread waits.
pub const MAX_BEHIND: u64 = 65_536;

/// Changes of an op, each time that it is carried over an entry: at a tenth of a microsecond, half a second.
pub const MAX_CARRIED: usize = 1 << 22;

/// Bytes of those entries, in the log: a connection whose client sends ops that are far behind keeps them all.
pub const MAX_BEHIND_BYTES: usize = 8 << 20;

/// Bytes, about, of what an op that was refused would have replaced and removed, and that are kept for those that were made upon it. Without
/// this bound a small op that removes much would cost a copy of it, again and again.
pub const MAX_INVERSE_BYTES: usize = 64 << 10;

/// Bytes of a path in a reject or a receipt: its first steps, as many as fit. A path may be as long as a message, and a receipt has many of them.
pub const MAX_TOLD_PATH_BYTES: usize = 1 << 10;

/// Conflicts that a receipt tells of. They are for people to read, and one entry can meet a thousand others in a thousand places.
pub const MAX_CONFLICTS: usize = 32;

/// Entries of a document between two checks of its state's hash: often enough that a client does not go wrong for long.
pub const CHECK_ENTRIES: usize = 256;

/// Entries of a document between two of its snapshots in the store: so many are folded in less time than a state of 100 KB takes to be read, when the
/// room is opened.
pub const SNAPSHOT_ENTRIES: usize = 512;

/// How often a document's room does what costs as much as the document is large, and how many entries it has at hand. Nobody but tests has
/// a reason to choose something else: what is rare becomes frequent with small ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentPace {
    /// See [`MAX_REPLAY`].
    pub max_replay: u64,
    /// See [`RECENT_ENTRIES`].
    pub recent_entries: usize,
    /// See [`CHECK_ENTRIES`].
    pub check_entries: usize,
    /// See [`SNAPSHOT_ENTRIES`].
    pub snapshot_entries: usize,
}

impl Default for DocumentPace {
    fn default() -> Self {
        DocumentPace {
            max_replay: MAX_REPLAY,
            recent_entries: RECENT_ENTRIES,
            check_entries: CHECK_ENTRIES,
            snapshot_entries: SNAPSHOT_ENTRIES,
        }
    }
}

/// Bytes that each connection may keep allocated for reading.
pub const READ_BUFFER_BYTES: usize = 2048;

/// Request lines and headers of a handshake. The least that hyper takes.
pub const MAX_HEAD_BYTES: usize = 8 << 10;

/// Connections in the HTTP stage. Beyond that the listeners accept no more until one is through or
/// [`HTTP_DEADLINE`] ends it; the kernel's backlog holds the others.
pub const MAX_HTTP_CONNECTIONS: usize = 1024;

/// How long one connection may stay in the HTTP stage, reading the demo's files included.
pub const HTTP_DEADLINE: Duration = Duration::from_secs(60);

/// How long a peer may take to answer a close frame before its socket is dropped.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a shutdown takes at the most. Less than the ten seconds after which supervisors kill.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a listener rests when the process has no file descriptor left for the next connection.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_states_the_bounds_that_a_client_meets() {
        let document = include_str!("../../../docs/sessions.md");
        for words in [
            format!("about {} KiB", BLOCK_BYTES >> 10),
            format!("gathered for {} ms", PRESENCE_INTERVAL.as_millis()),
            format!(
                "about {} MiB of presence a second",
                PRESENCE_BYTES_PER_SECOND >> 20
            ),
            format!("within {} seconds", HELLO_TIMEOUT.as_secs()),
        ] {
            assert!(document.contains(&words), "{words}");
        }
    }
}
