//! The commands beside `serve`. Only these files know the client; the server's library does not.

pub mod patch;
pub mod send;
pub mod tail;

use std::io::{self, BufRead, ErrorKind, Read};

use anyhow::{Context, bail, ensure};
use patchcast_client::{Client, Closure, Event, Options, Welcome};
use patchcast_protocol::room::RoomName;

use crate::cli::Room;

/// Runs a command to its end.
pub fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}

/// The URL of a room that is named by its URL or by its name.
fn url(room: &Room) -> anyhow::Result<String> {
    if room.room.starts_with("ws://") || room.room.starts_with("wss://") {
        return Ok(room.room.clone());
    }
    let name = RoomName::from_path(&room.room).with_context(|| format!("{:?} is no room", room.room))?;
    Ok(format!("{}/{}", room.server.trim_end_matches('/'), name.as_str()))
}

/// What the room is now. It costs a connection of its own, whose history nobody takes: what a client is to be given at its beginning, the
/// server says only once there is one.
async fn look(url: &str) -> anyhow::Result<Welcome> {
    let (_client, mut events) = Client::connect(url, Options::default())?;
    let mut link = Link::default();
    while let Some(event) = events.next().await {
        if let Event::Welcomed(welcome) = event {
            return Ok(welcome);
        }
        link.handle(&event)?;
    }
    bail!("the connection has ended");
}

/// Tells the person at the terminal how the connection stands, and nothing twice.
#[derive(Default)]
struct Link {
    told: Option<String>,
}

impl Link {
    /// An error when the server has closed the connection for good.
    fn handle(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Offline(closure) => {
                let why = words(closure);
                if self.told.as_ref() != Some(&why) {
                    eprintln!("patchcast: not connected, trying again: {why}");
                    self.told = Some(why);
                }
            }
            Event::Live if self.told.is_some() => {
                eprintln!("patchcast: connected");
                self.told = None;
            }
            Event::Closed(closure) => bail!("closed by the server: {}", words(closure)),
            _ => {}
        }
        Ok(())
    }
}

fn words(closure: &Closure) -> String {
    match &*closure.reason {
        "" => format!("close code {}", closure.code),
        reason => reason.to_owned(),
    }
}

/// The next line, which may have so many bytes. `None` at the end.
fn read_line(input: &mut impl BufRead, max: usize) -> anyhow::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input.take(max as u64 + 1).read_until(b'\n', &mut line)?;
    ensure!(read <= max, "longer than {max} bytes");
    Ok((read > 0).then_some(line))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_named_by_its_url_or_by_its_name() {
        let of = |room: &str| {
            url(&Room {
                room: room.into(),
                server: "ws://127.0.0.1:5001/".into(),
            })
        };
        assert_eq!(of("notes/today").unwrap(), "ws://127.0.0.1:5001/notes/today");
        assert_eq!(of("/notes").unwrap(), "ws://127.0.0.1:5001/notes");
        assert_eq!(of("/").unwrap(), "ws://127.0.0.1:5001/");
        assert_eq!(of("ws://example.org/x").unwrap(), "ws://example.org/x");
        assert!(of("what is this?").is_err());
    }
}
