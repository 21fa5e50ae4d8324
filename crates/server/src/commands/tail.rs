//! `patchcast tail`: a room's entries as JSON lines.

use std::io::{self, BufWriter, Write};

use anyhow::{Context, bail, ensure};
use futures_util::FutureExt;
use patchcast_client::{Client, Entry, Event, Events, Options, Position};
use patchcast_protocol::message::ResetCode;

use super::{Link, is_broken_pipe, look, url};
use crate::cli::Tail;

/// Ends at the room's head if it is told to, and when nobody reads the lines any more.
pub async fn tail(args: &Tail) -> anyhow::Result<()> {
    let url = url(&args.room)?;
    let options = match first_position(args, &url).await? {
        Some(position) => Options::after(position),
        None => Options::default(),
    };
    let (_client, events) = Client::connect(&url, options)?;
    match print(args, events).await {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        outcome => outcome,
    }
}

async fn first_position(args: &Tail, url: &str) -> anyhow::Result<Option<Position>> {
    let Some(seq) = args.since else { return Ok(None) };
    if let Some(epoch) = args.epoch {
        return Ok(Some(Position { epoch, seq }));
    }
    let welcome = look(url).await?;
    let head = welcome.head.0;
    ensure!(
        seq <= welcome.head,
        "--since {}: the room has {head} entries",
        seq.0
    );
    let epoch = welcome.epoch;
    Ok(Some(Position { epoch, seq }))
}

async fn print(args: &Tail, mut events: Events) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut link = Link::default();
    let mut joined = false;
    loop {
        let event = match events.next().now_or_never() {
            Some(event) => event,
            // Whoever reads the lines gets them before this waits, and many at a time while it need not.
            None => {
                out.flush()?;
                events.next().await
            }
        };
        let event = event.context("the connection has ended")?;
        link.handle(&event)?;
        match event {
            Event::Entry(entry) => print_entry(&mut out, &entry)?,
            Event::Welcomed(welcome) if !joined => {
                joined = true;
                eprintln!("patchcast: epoch {}, {} entries", welcome.epoch, welcome.head.0);
            }
            // What comes then has numbers that were printed before: its readers would take it for new.
            Event::Reset { code, .. } => {
                out.flush()?;
                let why = match code {
                    ResetCode::OtherEpoch => "the room's log is another one by now",
                    ResetCode::Ahead => "the room has fewer entries",
                    ResetCode::Forgotten => "the room does not keep these entries any more",
                };
                bail!("{why}; without --since it is printed from its start");
            }
            Event::Live if args.no_follow => return Ok(out.flush()?),
            _ => {}
        }
    }
}

fn print_entry(out: &mut impl Write, entry: &Entry) -> io::Result<()> {
    let (seq, client, id, time) = (entry.seq.0, entry.client, entry.id.0, entry.time.0);
    // JSON has line breaks between its tokens only, where a space is as good.
    let data = entry.data.get().replace(['\n', '\r'], " ");
    writeln!(
        out,
        r#"{{"seq":{seq},"client":"{client}","id":{id},"time":{time},"data":{data}}}"#
    )
}
