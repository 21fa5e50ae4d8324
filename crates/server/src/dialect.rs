//! What each dialect makes of a client's message, and of an entry on its way to the clients.

use std::collections::VecDeque;

use patchcast_protocol::chat::{ChatPost, window_message};
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::{Author, Seq, Timestamp};
use patchcast_protocol::limits::CHAT_WINDOW;
use patchcast_protocol::{Malformed, patches};

use crate::cursor::Cursor;
use crate::frame::push_text;
use crate::tail::Tail;

/// The entry that a client's text frame asks for; `None` when the dialect ignores it.
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
    };
    Ok(Some(NewEntry {
        author,
        time,
        weight: weight(dialect, &payload),
        payload,
    }))
}

/// What an entry adds to [`Head::weight`].
pub fn weight(dialect: Dialect, payload: &[u8]) -> u64 {
    match dialect {
        Dialect::Patches => patches::history_weight(payload),
        Dialect::Chat => 0,
    }
}

/// Turns entries into the frames that clients are sent.
pub enum Framer {
    /// An entry is a frame, byte for byte what its author sent.
    Patches,
    /// A frame is the newest messages up to and with the entry's, each of which is kept as JSON, oldest first.
    Chat(VecDeque<Vec<u8>>),
}

impl Framer {
    /// How many of the newest entries must be read before the next one can be framed.
    pub fn lookback(dialect: Dialect) -> u64 {
        match dialect {
            Dialect::Patches => 0,
            Dialect::Chat => CHAT_WINDOW as u64,
        }
    }

    /// The framer and the tail of a room at `head`, whose last entries, as many as
    /// [`lookback`](Self::lookback) says, are `latest`.
    pub fn start(dialect: Dialect, head: Seq, latest: &Entries) -> (Framer, Tail) {
        match dialect {
            Dialect::Patches => (Framer::Patches, Tail::new(head.next())),
            Dialect::Chat => {
                let older = latest.len().saturating_sub(CHAT_WINDOW);
                let window = latest
                    .iter()
                    .skip(older)
                    .map(|entry| entry.payload.to_vec())
                    .collect();
                // A joiner is sent the frame of the head, so there must be one, for an empty room too.
                let mut tail = Tail::new(head);
                push_window(&mut tail, Author(0), &window);
                (Framer::Chat(window), tail)
            }
        }
    }

    /// Adds the next entry's frame to the tail.
    pub fn push(&mut self, tail: &mut Tail, author: Author, payload: &[u8]) {
        match self {
            Framer::Patches => tail.push(author, |out| push_text(out, payload)),
            Framer::Chat(window) => {
                if window.len() == CHAT_WINDOW {
                    window.pop_front();
                }
                window.push_back(payload.to_vec());
                push_window(tail, author, window);
            }
        }
    }

    /// How a connection that joins at `head` is brought up to date.
    pub fn join(&self, head: Head, author: Author) -> (Option<Head>, Cursor) {
        match self {
            Framer::Patches => (Some(head), Cursor::new(head.seq.next(), Some(author))),
            Framer::Chat(_) => (None, Cursor::new(head.seq, None)),
        }
    }

    /// The frames of older entries, read from the log, without those that `skip` wrote. `None` when the
    /// newest frame says all that they did.
    pub fn reframe(dialect: Dialect, entries: &Entries, skip: Option<Author>) -> Option<Vec<u8>> {
        match dialect {
            Dialect::Patches => {
                let mut frames = Vec::with_capacity(entries.payload_bytes() + 10 * entries.len());
                for entry in entries.iter().filter(|entry| Some(entry.author) != skip) {
                    push_text(&mut frames, entry.payload);
                }
                Some(frames)
            }
            Dialect::Chat => None,
        }
    }
}

fn push_window(tail: &mut Tail, author: Author, window: &VecDeque<Vec<u8>>) {
    let message = window_message(window.iter().rev().map(Vec::as_slice));
    tail.push(author, |out| push_text(out, &message));
}
