//! `patchcast send`: JSON lines from standard input to a room, until all of them are durable.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use patchcast_client::{Client, NotStored, Options, Position, RawValue, Receipt};
use patchcast_server::limits::MAX_INBOX_BYTES;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::{Link, look, read_line, url};
use crate::cli::Send;

/// Fails when a line is not JSON, which ends the reading, or when one is rejected. All others are stored before it returns.
pub async fn send(args: &Send) -> anyhow::Result<()> {
    let url = url(&args.room)?;
    // The room's past is of no interest here.
    let welcome = look(&url).await?;
    let head = Position {
        epoch: welcome.epoch,
        seq: welcome.head,
    };
    let (client, mut events) = Client::connect(&url, Options::after(head))?;
    let (submitted, mut receipts) = mpsc::channel(LINES_AHEAD);
    let feeder = tokio::spawn(feed(client, read_lines(), submitted));

    let mut link = Link::default();
    let mut sent = Sent::default();
    let mut waiting: VecDeque<(u64, Receipt)> = VecDeque::new();
    let mut reading = true;
    let mut progress = interval(PROGRESS);
    progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
    progress.reset();
    while reading || !waiting.is_empty() {
        tokio::select! {
            submitted = receipts.recv(), if reading => match submitted {
                Some(submitted) => waiting.push_back(submitted),
                None => reading = false,
            },
            (line, outcome) = settled(&mut waiting) => sent.note(line, outcome),
            event = events.next() => {
                let event = event.context("the connection has ended");
                if let Err(closed) = event.and_then(|event| link.handle(&event)) {
                    return Err(closed.context(sent.to_string()));
                }
            }
            _ = progress.tick() => eprintln!("patchcast: {sent}, {} waiting", waiting.len()),
        }
    }
    let (client, outcome) = feeder.await.context("reading the lines")?;
    client.close().await;
    outcome.with_context(|| sent.to_string())?;
    match sent.rejected {
        0 => Ok(()),
        _ => bail!("{sent}"),
    }
}

/// What has become of the lines.
#[derive(Default)]
struct Sent {
    stored: u64,
    rejected: u64,
}

impl Sent {
    fn note<T>(&mut self, line: u64, outcome: Result<T, NotStored>) {
        match outcome {
            Ok(_) => self.stored += 1,
            // An event says why, once for all lines.
            Err(NotStored::Closed) => {}
            Err(error) => {
                self.rejected += 1;
                eprintln!("patchcast: line {line} is rejected: {error}");
            }
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} stored", self.stored)?;
        match self.rejected {
            0 => Ok(()),
            rejected => write!(f, ", {rejected} rejected"),
        }
    }
}

/// The oldest receipt, once it is settled: the server answers in order.
async fn settled(waiting: &mut VecDeque<(u64, Receipt)>) -> (u64, <Receipt as Future>::Output) {
    let Some((line, receipt)) = waiting.front_mut() else {
        return std::future::pending().await;
    };
    let settled = (*line, receipt.await);
    waiting.pop_front();
    settled
}

/// A line's number, counted from 1, and its content.
type Line = (u64, Box<RawValue>);

/// Submits the lines as fast as the client takes them, and gives the client back with what ended the reading.
async fn feed(
    client: Client,
    mut lines: mpsc::Receiver<anyhow::Result<Line>>,
    submitted: mpsc::Sender<(u64, Receipt)>,
) -> (Client, anyhow::Result<()>) {
    while let Some(line) = lines.recv().await {
        let (line, data) = match line {
            Ok(line) => line,
            Err(error) => return (client, Err(error)),
        };
        let receipt = client.submit(data).await;
        if submitted.send((line, receipt)).await.is_err() {
            break;
        }
    }
    (client, Ok(()))
}

/// Reads on a thread of its own: standard input cannot be waited for otherwise.
fn read_lines() -> mpsc::Receiver<anyhow::Result<Line>> {
    let (lines, taken) = mpsc::channel(LINES_AHEAD);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        for number in 1.. {
            let line = read_line(&mut input, MAX_LINE_BYTES).with_context(|| format!("line {number}"));
            let line = match line.transpose() {
                // The end of the input.
                None => return,
                Some(Ok(text)) if text.trim_ascii().is_empty() => continue,
                Some(Ok(text)) => serde_json::from_slice(&text)
                    .map(|data| (number, data))
                    .map_err(|error| anyhow!("line {number} is not JSON: {error}")),
                Some(Err(error)) => Err(error),
            };
            let last = line.is_err();
            if lines.blocking_send(line).is_err() || last {
                return;
            }
        }
    });
    taken
}

/// Bytes of a line: no server can be told to take more.
const MAX_LINE_BYTES: usize = MAX_INBOX_BYTES;

/// Lines that are read before the client has room for them. They are bounded by what the client lets wait, too.
const LINES_AHEAD: usize = 16;

/// How often somebody who waits is told how far it is.
const PROGRESS: Duration = Duration::from_secs(2);
