//! What the server sends often, written piece by piece into the bytes that go to the sockets.

use std::io::Write;

use super::{Ack, Durability};
use crate::entry::Entry;
use crate::ids::{Seq, StateHash};

/// Begins the text of an `entries` message.
pub fn start_entries(out: &mut Vec<u8>, after: Seq) {
    push(
        out,
        format_args!(r#"{{"type":"entries","after":{},"entries":["#, after.0),
    );
}

/// Adds the comma between two entries.
pub fn push_entry_separator(out: &mut Vec<u8>) {
    out.push(b',');
}

/// Adds an entry of a stream, whose payload is JSON.
pub fn push_entry(out: &mut Vec<u8>, entry: &Entry<'_>) {
    start_entry(out, entry);
    out.extend_from_slice(br#""data":"#);
    out.extend_from_slice(entry.payload);
    out.push(b'}');
}

/// Adds an entry of a document. `made` is what [`write_as_sent`](super::write_as_sent) or
/// [`write_made`](super::write_made) has written.
pub fn push_made_entry(out: &mut Vec<u8>, entry: &Entry<'_>, made: &[u8]) {
    start_entry(out, entry);
    out.extend_from_slice(members(made));
}

/// Ends the text of an `entries` message.
pub fn finish_entries(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}");
}

/// Writes the text of an `ack` message, of an op of a stream, or of one that was made just as it was sent.
pub fn push_ack(out: &mut Vec<u8>, ack: &Ack) {
    start_ack(out, ack);
    out.push(b'}');
}

/// Writes the text of an `ack` message, of an op of which there is more to tell. `made` is what [`write_made`](super::write_made) has written.
pub fn push_made_ack(out: &mut Vec<u8>, ack: &Ack, made: &[u8]) {
    start_ack(out, ack);
    out.push(b',');
    out.extend_from_slice(members(made));
}

/// Writes the text of a `snapshot` message, whose state is JSON.
pub fn push_snapshot(out: &mut Vec<u8>, seq: Seq, state: &[u8]) {
    push(
        out,
        format_args!(r#"{{"type":"snapshot","seq":{},"state":"#, seq.0),
    );
    out.extend_from_slice(state);
    out.push(b'}');
}

/// Writes the text of a `check` message.
pub fn push_check(out: &mut Vec<u8>, seq: Seq, hash: StateHash) {
    push(
        out,
        format_args!(r#"{{"type":"check","seq":{},"hash":"{hash}"}}"#, seq.0),
    );
}

impl Durability {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Durability::Fsync => "fsync",
            Durability::Os => "os",
            Durability::Memory => "memory",
        }
    }
}

fn start_entry(out: &mut Vec<u8>, entry: &Entry<'_>) {
    let (client, id, time) = (entry.author, entry.op.0, entry.time.0);
    push(
        out,
        format_args!(r#"{{"client":"{client}","id":{id},"time":{time},"#),
    );
}

/// Without the brace that closes it.
fn start_ack(out: &mut Vec<u8>, ack: &Ack) {
    let (id, seq, time, durability) = (ack.id.0, ack.seq.0, ack.time.0, ack.durability.name());
    push(
        out,
        format_args!(r#"{{"type":"ack","id":{id},"seq":{seq},"time":{time},"durability":"{durability}""#),
    );
}

/// An object without the brace that opens it.
fn members(object: &[u8]) -> &[u8] {
    object.strip_prefix(b"{").unwrap_or(object)
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes all that is written");
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::super::{
        Made, Outcome, ServerMessage, WireConflict, WireEntry, read_server, write_as_sent, write_made,
        write_server,
    };
    use super::*;
    use crate::ids::{Author, OpId, Timestamp};

    const ANN: Author = Author([7; 12]);

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("it is JSON")
    }

    fn entry<'a>(payload: &'a [u8]) -> Entry<'a> {
        Entry {
            seq: Seq(5),
            author: ANN,
            op: OpId(8),
            time: Timestamp(99),
            payload,
        }
    }

    fn wire(data: &str, made: Option<(Outcome, Vec<WireConflict>)>) -> WireEntry<Box<RawValue>> {
        WireEntry {
            client: ANN,
            id: OpId(8),
            time: Timestamp(99),
            data: raw(data),
            made,
        }
    }

    fn transformed() -> Made<Box<RawValue>> {
        let conflict = WireConflict {
            path: vec!["a".into()],
            lost: false,
            seq: Seq(4),
            client: ANN,
        };
        Made {
            outcome: Outcome::Transformed,
            conflicts: vec![conflict],
            patches: raw(r#"[{"op":"remove","path":["a"]}]"#),
        }
    }

    #[test]
    fn what_is_written_piece_by_piece_is_what_serde_writes() {
        let patches = transformed().patches;
        let mut out = Vec::new();
        start_entries(&mut out, Seq(4));
        push_entry(&mut out, &entry(br#"{"a":1}"#));
        for made in [write_as_sent(&transformed().patches), write_made(&transformed())] {
            push_entry_separator(&mut out);
            push_made_entry(&mut out, &entry(b""), made.as_bytes());
        }
        finish_entries(&mut out);
        let entries = vec![
            wire(r#"{"a":1}"#, None),
            wire(patches.get(), Some((Outcome::AsSent, Vec::new()))),
            wire(
                patches.get(),
                Some((Outcome::Transformed, transformed().conflicts)),
            ),
        ];
        let whole = ServerMessage::Entries {
            after: Seq(4),
            entries,
        };
        check_written(&out, whole);

        let ack = Ack {
            id: OpId(8),
            seq: Seq(5),
            time: Timestamp(99),
            durability: Durability::Os,
        };
        out.clear();
        push_ack(&mut out, &ack);
        check_written(&out, ServerMessage::Ack(ack));
        out.clear();
        push_made_ack(&mut out, &ack, write_made(&transformed()).as_bytes());
        check_written(&out, ServerMessage::Made(ack, transformed()));

        out.clear();
        push_snapshot(&mut out, Seq(7), b"[1]");
        let state = raw("[1]");
        check_written(&out, ServerMessage::Snapshot { seq: Seq(7), state });
        let hash = StateHash([0, 1, 2, 3, 4, 5, 6, 0xff]);
        out.clear();
        push_check(&mut out, Seq(7), hash);
        check_written(&out, ServerMessage::Check { seq: Seq(7), hash });
    }

    fn check_written(pieces: &[u8], whole: ServerMessage<Box<RawValue>>) {
        assert_eq!(String::from_utf8_lossy(pieces), write_server(&whole));
        let text = write_server(&whole);
        let read = read_server::<Box<RawValue>>(&text).expect("it was written by us");
        assert_eq!(write_server(&read.expect("it is of this version")), text);
    }
}
