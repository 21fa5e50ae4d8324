//! A client of document rooms, blocking: it joins, sends ops, and counts what comes back, without making a document of it.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::frame::{Incoming, Reader, push_masked_text, push_pong};
use crate::message::preview;
use crate::{handshake, joiner};

const PROTOCOL: &str = "patchcast.v1";

/// How a snapshot begins. It is recognised by that, since to parse it would be most of what this client does.
const SNAPSHOT: &[u8] = br#"{"type":"snapshot","seq":"#;

/// One read takes this much at most; a snapshot of 100 KB fits.
const READ_BUFFER: usize = 256 << 10;

/// A member of a document room.
pub(crate) struct Editor {
    stream: TcpStream,
    reader: Reader,
    buffer: Vec<u8>,
    unsent: Vec<u8>,
    progress: Progress,
    /// The id of the last op that was sent.
    sent: u64,
}

/// What a room has told a member.
#[derive(Default)]
struct Progress {
    /// Its own id.
    client: String,
    /// The head that it was welcomed with.
    head: Option<u64>,
    /// The seq of the snapshot that it was given.
    snapshot: Option<u64>,
    /// The seq of the last entry that it has, or that lies under its snapshot.
    position: u64,
    /// The id of the last op of its own whose fate it knows.
    settled: u64,
    /// How many of its ops were transformed or absorbed.
    changed: usize,
    /// Bytes of all messages so far.
    bytes: usize,
}

/// Who joins, and with what.
pub(crate) struct Hello<'a> {
    /// Tells the room's members apart.
    pub(crate) member: usize,
    /// What the document is when there is none yet.
    pub(crate) initial: Option<&'a str>,
}

impl Editor {
    /// Joins the document `path` and reads until it has the state and all entries of the moment.
    pub(crate) fn join(addr: SocketAddr, path: &str, hello: &Hello<'_>) -> Result<Editor> {
        let mut stream = handshake::connect(addr)?;
        let early = handshake::upgrade(&mut stream, path, Some(PROTOCOL))?;
        let mut editor = Editor {
            stream,
            reader: Reader::default(),
            buffer: vec![0; READ_BUFFER],
            unsent: Vec::new(),
            progress: Progress::default(),
            sent: 0,
        };
        editor.feed(&early)?;
        let initial = hello
            .initial
            .map_or_else(String::new, |state| format!(r#","initial":{state}"#));
        let secret = format!("benchmark-secret-{:08}", hello.member);
        let hello =
            format!(r#"{{"type":"hello","version":1,"kind":"document","secret":"{secret}"{initial}}}"#);
        push_masked_text(&mut editor.unsent, hello.as_bytes());
        editor.flush()?;
        let least = u64::from(!initial.is_empty());
        editor.until(|progress| {
            progress
                .head
                .is_some_and(|head| progress.position >= head.max(least))
        })?;
        Ok(editor)
    }

    /// The seq of the last entry that it has.
    pub(crate) fn position(&self) -> u64 {
        self.progress.position
    }

    /// How many entries it was sent behind its snapshot when it joined, or in all.
    pub(crate) fn tail(&self) -> u64 {
        self.progress.position - self.progress.snapshot.unwrap_or_default()
    }

    /// Bytes of all messages that it was sent.
    pub(crate) fn bytes(&self) -> usize {
        self.progress.bytes
    }

    /// How many of its ops were transformed or absorbed.
    pub(crate) fn changed(&self) -> usize {
        self.progress.changed
    }

    /// Ops that were sent and are not acknowledged.
    pub(crate) fn pending(&self) -> u64 {
        self.sent - self.progress.settled
    }

    /// Takes an op, made on the state behind its position and upon its pending ops. [`flush`](Editor::flush) sends it.
    pub(crate) fn push(&mut self, patches: &str) -> Result<()> {
        self.sent += 1;
        let (id, base, upon) = (self.sent, self.progress.position, self.progress.settled + 1);
        let upon = if upon == id {
            String::new()
        } else {
            format!(r#","upon":{upon}"#)
        };
        let op = format!(r#"{{"type":"op","id":{id},"base":{base}{upon},"patches":{patches}}}"#);
        push_masked_text(&mut self.unsent, op.as_bytes());
        Ok(())
    }

    /// Sends what was taken.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.unsent).context("sending")?;
        self.unsent.clear();
        Ok(())
    }

    /// Sends what was taken and reads until nothing is pending.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.settle_to(0)
    }

    /// Sends what was taken and reads until so few ops are pending.
    pub(crate) fn settle_to(&mut self, pending: u64) -> Result<()> {
        self.flush()?;
        let least = self.sent.saturating_sub(pending);
        self.until(|progress| progress.settled >= least)
    }

    /// Reads until it has the entry `seq`.
    pub(crate) fn catch_up(&mut self, seq: u64) -> Result<()> {
        self.until(|progress| progress.position >= seq)
    }

    /// Closes as a browser does and waits until the server has hung up.
    pub(crate) fn leave(self) -> Result<()> {
        joiner::leave(self.stream)
    }

    fn until(&mut self, is_so: impl Fn(&Progress) -> bool) -> Result<()> {
        while !is_so(&self.progress) {
            let mut buffer = std::mem::take(&mut self.buffer);
            let n = self.stream.read(&mut buffer).with_context(|| {
                format!(
                    "waiting at entry {} with {} ops pending",
                    self.progress.position,
                    self.pending()
                )
            })?;
            ensure!(n > 0, "the server hung up");
            self.feed(&buffer[..n])?;
            self.buffer = buffer;
        }
        Ok(())
    }

    fn feed(&mut self, input: &[u8]) -> Result<()> {
        let mut pongs = Vec::new();
        self.reader.feed(input, |incoming| match incoming {
            Incoming::Text(text) => self.progress.read(text),
            Incoming::Ping(payload) => {
                push_pong(&mut pongs, payload);
                Ok(())
            }
            Incoming::Close(code) => bail!("the server closed a member of a document, code {code:?}"),
        })?;
        self.stream.write_all(&pongs)?;
        Ok(())
    }
}

impl Progress {
    fn read(&mut self, text: &[u8]) -> Result<()> {
        self.bytes += text.len();
        if let Some(rest) = text.strip_prefix(SNAPSHOT) {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let seq = str::from_utf8(&rest[..digits])?.parse()?;
            self.snapshot = Some(seq);
            self.position = seq;
            return Ok(());
        }
        let message: Message<'_> =
            serde_json::from_slice(text).with_context(|| format!("received {}", preview(text)))?;
        match &*message.kind {
            "welcome" => {
                self.client = message.client.unwrap_or_default().into_owned();
                self.head = message.head;
            }
            "entries" => {
                let after = message.after.context("entries have a position")?;
                ensure!(
                    after == self.position,
                    "entries after {after} came at {}",
                    self.position
                );
                self.position += message.entries.len() as u64;
                let own = message.entries.iter().filter(|entry| entry.client == self.client);
                self.settled = own.map(|entry| entry.id).fold(self.settled, u64::max);
            }
            "ack" => {
                let (id, seq) = (
                    message.id.context("an ack has an id")?,
                    message.seq.context("and a seq")?,
                );
                ensure!(seq == self.position + 1, "entry {seq} came at {}", self.position);
                self.position = seq;
                self.settled = id;
                self.changed += usize::from(message.outcome.is_some_and(|outcome| outcome != "as-sent"));
            }
            "check" | "presence" | "pong" => {}
            _ => bail!("received {}", preview(text)),
        }
        Ok(())
    }
}

/// Whatever a server says, as far as it is looked at.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    client: Option<Cow<'a, str>>,
    head: Option<u64>,
    after: Option<u64>,
    #[serde(default, borrow)]
    entries: Vec<Entry<'a>>,
    id: Option<u64>,
    seq: Option<u64>,
    #[serde(borrow)]
    outcome: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    client: Cow<'a, str>,
    id: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(progress: &mut Progress, texts: &[&str]) -> Result<()> {
        texts.iter().try_for_each(|text| progress.read(text.as_bytes()))
    }

    #[test]
    fn a_snapshot_and_the_entries_behind_it_lead_to_the_head() {
        let mut progress = Progress::default();
        read(
            &mut progress,
            &[
                r#"{"type":"welcome","version":1,"client":"me","head":43,"snapshot":41}"#,
                r#"{"type":"snapshot","seq":41,"state":{"items":[]}}"#,
                r#"{"type":"entries","after":41,"entries":[{"client":"you","id":3,"patches":[]},{"client":"me","id":2,"patches":[]}]}"#,
                r#"{"type":"check","seq":43,"hash":"0011223344556677"}"#,
            ],
        )
        .unwrap();
        assert_eq!((progress.position, progress.head), (43, Some(43)));
        assert_eq!((progress.snapshot, progress.settled), (Some(41), 2));
    }

    #[test]
    fn an_ack_moves_the_position_and_tells_whether_the_op_was_changed() {
        let mut progress = Progress::default();
        read(
            &mut progress,
            &[
                r#"{"type":"ack","id":1,"seq":1,"time":1,"durability":"fsync"}"#,
                r#"{"type":"ack","id":2,"seq":2,"outcome":"transformed","conflicts":[],"patches":[]}"#,
                r#"{"type":"ack","id":3,"seq":3,"outcome":"as-sent","conflicts":[],"patches":[]}"#,
            ],
        )
        .unwrap();
        assert_eq!((progress.position, progress.settled, progress.changed), (3, 3, 1));
    }

    #[test]
    fn a_gap_a_reject_and_an_error_fail_the_run() {
        for text in [
            r#"{"type":"ack","id":1,"seq":5}"#,
            r#"{"type":"entries","after":3,"entries":[{"client":"you","id":3}]}"#,
            r#"{"type":"reject","id":1,"code":"does_not_apply","reason":"no"}"#,
            r#"{"type":"error","code":"malformed","reason":"no"}"#,
        ] {
            assert!(Progress::default().read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
