//! The floor: a process that does nothing but write, the least that any server of this kind can cost.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::frame::{Incoming, Reader, push_server_text};
use crate::process::announce;

/// Accepts `connections` sockets. From then on, whatever frame comes in on the first is written to each of the
/// others, one `send()` each. Ends when the first is closed.
///
/// With a `journal`, a frame is first appended to that file and synced to disk: the floor of a server that delivers only what
/// would survive a power cut.
pub(crate) fn run(connections: usize, journal: Option<&Path>) -> Result<()> {
    let mut journal = journal.map(File::create).transpose()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?);
    let mut driver = accept(&listener)?;
    let mut others = Vec::with_capacity(connections);
    for _ in 1..connections {
        let socket = accept(&listener)?;
        // No socket is ever full, since a message is sent when the one before has been received everywhere.
        socket.set_nonblocking(true)?;
        others.push(socket);
    }

    let mut reader = Reader::default();
    let mut buffer = [0; 4096];
    let mut frame = Vec::new();
    loop {
        let n = driver.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        reader.feed(&buffer[..n], |incoming| {
            let Incoming::Text(text) = incoming else {
                return Ok(());
            };
            frame.clear();
            push_server_text(&mut frame, text);
            if let Some(journal) = &mut journal {
                journal.write_all(&frame)?;
                journal.sync_data()?;
            }
            for mut socket in &others {
                let written = socket.write(&frame).context("writing to a socket")?;
                ensure!(
                    written == frame.len(),
                    "a socket took {written} of {} bytes",
                    frame.len()
                );
            }
            Ok(())
        })?;
    }
}

fn accept(listener: &TcpListener) -> Result<TcpStream> {
    let (socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    Ok(socket)
}
