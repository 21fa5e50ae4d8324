//! What all scenarios share: who is measured, where, and how its process is started.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::crowd::{Crowd, Wire};
use crate::machine::Cores;
use crate::process::Process;

/// Connections that the servers are told to expect: more than any scenario opens.
const MAX_CONNECTIONS: &str = "20000";

/// A server under measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The real one, with its durable store.
    Patchcast,
    /// The naive peer, in memory.
    Naive,
}

impl Subject {
    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Subject::Patchcast => "patchcast",
            Subject::Naive => "naive",
        }
    }
}

/// What a delivery costs at the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    /// One `send()` for each delivery.
    Bare,
    /// The same once the message is synced to disk.
    Synced,
}

impl Floor {
    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Floor::Bare => "floor",
            Floor::Synced => "synced floor",
        }
    }
}

/// Starts servers, each on the server's core and with a fresh data folder.
pub(crate) struct Lab {
    pub(crate) cores: Cores,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) server: PathBuf,
    pub(crate) server_args: Vec<String>,
    /// Removed when the run ends.
    pub(crate) scratch: TempDir,
}

/// A server and the room of connections that is kept open to it.
pub(crate) struct Room {
    pub(crate) process: Process,
    pub(crate) crowd: Crowd,
}

impl Lab {
    /// A data folder that no server has used.
    pub(crate) fn fresh_data(&self) -> Result<TempDir> {
        Ok(tempfile::Builder::new()
            .prefix("data-")
            .tempdir_in(&self.scratch)?)
    }

    /// Starts a subject on the data in `data`.
    pub(crate) fn start(&self, subject: Subject, data: &Path) -> Result<Process> {
        let command = match subject {
            Subject::Patchcast => {
                let mut command = Command::new(&self.server);
                command
                    .args([
                        "serve",
                        "--listen",
                        "127.0.0.1:0",
                        "--max-connections",
                        MAX_CONNECTIONS,
                    ])
                    .arg("--data")
                    .arg(data)
                    .args(&self.server_args);
                command
            }
            Subject::Naive => own_command(&["naive"])?,
        };
        self.launch(command, subject.name())
    }

    /// Starts a subject on fresh data, with `connections` in one of its rooms.
    pub(crate) fn open_room(&self, subject: Subject, connections: usize) -> Result<Room> {
        let process = self.start(subject, self.fresh_data()?.keep().as_path())?;
        let crowd = Crowd::join(process.addr(), Wire::WebSocket { path: "/bench" }, connections)
            .with_context(|| format!("joining{}", process.last_words()))?;
        Ok(Room { process, crowd })
    }

    /// Starts a floor process and opens its sockets.
    pub(crate) fn open_floor(&self, floor: Floor, connections: usize) -> Result<Room> {
        let mut command = own_command(&["floor", &connections.to_string()])?;
        if let Floor::Synced = floor {
            command
                .arg("--journal")
                .arg(self.fresh_data()?.keep().join("journal"));
        }
        let process = self.launch(command, floor.name())?;
        let crowd = Crowd::join(process.addr(), Wire::Bare, connections)?;
        Ok(Room { process, crowd })
    }

    fn launch(&self, command: Command, name: &str) -> Result<Process> {
        Process::start(
            command,
            self.cores,
            &self.scratch.path().join(format!("{name}.log")),
        )
        .with_context(|| format!("starting {name}"))
    }
}

/// Builds the server into the target folder that this program comes from, and tells where it is.
pub(crate) fn build_server() -> Result<PathBuf> {
    let target = target_dir()?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--package",
            "patchcast-server",
            "--bin",
            "patchcast",
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .context("running cargo to build the server (or name one with --server)")?;
    ensure!(status.success(), "the server could not be built");
    Ok(target.join("release/patchcast"))
}

/// The target folder that this program was built into.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let target = own
        .ancestors()
        .nth(2)
        .context("this program does not lie in a target folder")?;
    Ok(target.to_owned())
}

fn own_command(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(args);
    Ok(command)
}
