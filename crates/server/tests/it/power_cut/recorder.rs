//! Runs the real server under strace.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::trace::{self, Event};

/// A server whose writes and sends are being recorded.
pub struct Recorder {
    strace: Child,
    /// Kept open: a process that writes to a closed pipe is killed.
    _stdout: BufReader<ChildStdout>,
    server: Pid,
    address: SocketAddr,
    data: PathBuf,
    recording: PathBuf,
}

impl Recorder {
    /// Starts a server on `data`, which is there already, and waits until it listens.
    pub fn start(data: &Path, durability: &str) -> Recorder {
        Recorder::start_with(data, durability, &[])
    }

    /// The same with further arguments.
    pub fn start_with(data: &Path, durability: &str, arguments: &[&str]) -> Recorder {
        let data = data.canonicalize().unwrap();
        let recording = data.with_extension("strace");
        // The shell tells the process id, then becomes the server.
        let mut strace = Command::new("strace")
            .args(trace::OPTIONS)
            .arg("-o")
            .arg(&recording)
            .args(["-e", &format!("trace={}", trace::CALLS)])
            .args(["sh", "-c", r#"echo $$; exec "$0" "$@""#])
            .arg(env!("CARGO_BIN_EXE_patchcast"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
            .args(arguments)
            .args(["--durability", durability, "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(strace.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let (server, listening) = (line(), line());
        let Some(address) = listening.strip_prefix("listening on http://") else {
            panic!("the server did not start: {}", strace.wait().unwrap());
        };
        Recorder {
            strace,
            _stdout: stdout,
            server: Pid::from_raw(server.parse().unwrap()),
            address: address.parse().unwrap(),
            data,
            recording,
        }
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server with a signal, and returns everything it did.
    pub fn stop(mut self, signal: Signal) -> Vec<Event> {
        kill(self.server, signal).unwrap();
        self.strace.wait().unwrap();
        trace::read(&fs::read_to_string(&self.recording).unwrap(), &self.data)
    }
}

impl Drop for Recorder {
    /// After a failed test the server may still run. strace ends with it.
    fn drop(&mut self) {
        if matches!(self.strace.try_wait(), Ok(None)) {
            let _ = kill(self.server, Signal::SIGKILL);
            let _ = self.strace.wait();
        }
    }
}
