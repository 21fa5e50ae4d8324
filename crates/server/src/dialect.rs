//! What each dialect makes of a client's message, and of an entry on its way to the clients.

use std::collections::VecDeque;

use patchcast_protocol::chat::{ChatPost, window_message};
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::{Entries, Entry, Head, NewEntry};
use patchcast_protocol::ids::{Author, OpId, Seq, StateHash, Timestamp};
use patchcast_protocol::limits::CHAT_WINDOW;
use patchcast_protocol::message::{self, Ack, Durability};
use patchcast_protocol::{Malformed, patches};

use crate::cursor::Cursor;
use crate::document::record;
use crate::frame::{push_text, push_text_with};
use crate::tail::Tail;

/// The entry that a text frame of a plain dialect's client asks for; `None` when the dialect ignores it.
pub fn read_message(
    dialect: Dialect,
    text: &str,
    author: Author,
    time: Timestamp,
) -> Result<Option<NewEntry>, Malformed> {
    let payload = match dialect {
        Dialect::Patches => {
            patches::check_message(text)?;
            text.as_bytes().to_vec()
        }
        Dialect::Chat if text.is_empty() => return Ok(None),
        Dialect::Chat => ChatPost::parse(text)?.accepted_at(time).to_json().into_bytes(),
        Dialect::Sessions | Dialect::Documents => {
            unreachable!("sessions read their messages themselves")
        }
    };
    Ok(Some(NewEntry {
        author,
        op: OpId::NONE,
        time,
        weight: weight(dialect, &payload),
        payload,
    }))
}

/// What an entry adds to [`Head::weight`].
pub fn weight(dialect: Dialect, payload: &[u8]) -> u64 {
    match dialect {
        Dialect::Patches => patches::history_weight(payload),
        Dialect::Chat | Dialect::Sessions => 0,
        Dialect::Documents => payload.len() as u64,
    }
}

/// Turns entries into the frames that clients are sent.
pub enum Framer {
    /// An entry is a frame, byte for byte what its author sent.
    Patches,
    /// A frame is the newest messages up to and with the entry's, each of which is kept as JSON, oldest first.
    Chat(VecDeque<Vec<u8>>),
    /// An entry is an `entries` message of one, and to its author an `ack`, which stands for this. Of a stream or of a document.
    Sessions(Dialect, Durability),
}

impl Framer {
    /// How many of the newest entries must be read before the next one can be framed.
    pub fn lookback(dialect: Dialect) -> u64 {
        match dialect {
            Dialect::Patches | Dialect::Sessions | Dialect::Documents => 0,
            Dialect::Chat => CHAT_WINDOW as u64,
        }
    }

    /// The framer and the tail of a room at `head`, whose last entries, as many as
    /// [`lookback`](Self::lookback) says, are `latest`.
    pub fn start(dialect: Dialect, head: Seq, latest: &Entries, durability: Durability) -> (Framer, Tail) {
        match dialect {
            Dialect::Patches => (Framer::Patches, Tail::new(head.next())),
            Dialect::Sessions | Dialect::Documents => {
                (Framer::Sessions(dialect, durability), Tail::new(head.next()))
            }
            Dialect::Chat => {
                let older = latest.len().saturating_sub(CHAT_WINDOW);
                let window = latest
                    .iter()
                    .skip(older)
                    .map(|entry| entry.payload.to_vec())
                    .collect();
                // A joiner is sent the frame of the head, so there must be one, for an empty room too.
                let mut tail = Tail::new(head);
                push_window(&mut tail, Author([0; 12]), &window);
                (Framer::Chat(window), tail)
            }
        }
    }

    /// Adds the next entry's frames to the tail, and behind them what state a document has there.
    pub fn push(&mut self, tail: &mut Tail, entry: &Entry<'_>, check: Option<StateHash>) {
        match self {
            Framer::Patches => tail.push(entry.author, |others, _| push_text(others, entry.payload)),
            Framer::Chat(window) => {
                if window.len() == CHAT_WINDOW {
                    window.pop_front();
                }
                window.push_back(entry.payload.to_vec());
                push_window(tail, entry.author, window);
            }
            Framer::Sessions(dialect, durability) => tail.push(entry.author, |others, own| {
                push_text_with(others, |text| {
                    message::start_entries(text, Seq(entry.seq.0 - 1));
                    push_entry(*dialect, text, entry);
                    message::finish_entries(text);
                });
                push_text_with(own, |text| push_own(*dialect, text, entry, *durability));
                if let Some(hash) = check {
                    for frames in [others, own] {
                        push_text_with(frames, |text| message::push_check(text, entry.seq, hash));
                    }
                }
            }),
        }
    }

    /// How a connection of a plain dialect that joins at `head` is brought up to date.
    pub fn join(&self, head: Head, author: Author) -> (Option<Head>, Cursor) {
        let next = head.seq.next();
        match self {
            Framer::Patches => (Some(head), Cursor::new(next, Some(author), next)),
            Framer::Chat(_) => (None, Cursor::new(head.seq, None, next)),
            Framer::Sessions(..) => unreachable!("sessions join from the position that they name"),
        }
    }
}

/// Writes what the author of `entry` is told in its place.
pub fn push_own(dialect: Dialect, text: &mut Vec<u8>, entry: &Entry<'_>, durability: Durability) {
    let ack = Ack {
        id: entry.op,
        seq: entry.seq,
        time: entry.time,
        durability,
    };
    match dialect {
        Dialect::Documents if !record::is_as_sent(entry.payload) => {
            message::push_made_ack(text, &ack, record::public(entry.payload));
        }
        _ => message::push_ack(text, &ack),
    }
}

fn push_entry(dialect: Dialect, text: &mut Vec<u8>, entry: &Entry<'_>) {
    match dialect {
        Dialect::Documents => message::push_made_entry(text, entry, record::public(entry.payload)),
        _ => message::push_entry(text, entry),
    }
}

/// The frames of entries that were read from the log, as `reader` gets them. `None` when the newest frame says all that
/// they did.
pub fn reframe(dialect: Dialect, entries: &Entries, reader: Option<Author>) -> Option<Vec<u8>> {
    match dialect {
        Dialect::Patches => {
            let mut frames = Vec::with_capacity(entries.bytes());
            for entry in entries.iter().filter(|entry| Some(entry.author) != reader) {
                push_text(&mut frames, entry.payload);
            }
            Some(frames)
        }
        Dialect::Chat => None,
        // Own ones too: the same for every reader, and a client knows its own by their `client` and `id`.
        Dialect::Sessions | Dialect::Documents => Some(session_batch(dialect, entries)),
    }
}

/// One frame with all the entries.
pub fn session_batch(dialect: Dialect, entries: &Entries) -> Vec<u8> {
    let mut frame = Vec::with_capacity(entries.bytes() + 64);
    push_text_with(&mut frame, |text| {
        for (n, entry) in entries.iter().enumerate() {
            match n {
                0 => message::start_entries(text, Seq(entry.seq.0 - 1)),
                _ => message::push_entry_separator(text),
            }
            push_entry(dialect, text, &entry);
        }
        message::finish_entries(text);
    });
    frame
}

fn push_window(tail: &mut Tail, author: Author, window: &VecDeque<Vec<u8>>) {
    let message = window_message(window.iter().rev().map(Vec::as_slice));
    tail.push(author, |others, _| push_text(others, &message));
}
