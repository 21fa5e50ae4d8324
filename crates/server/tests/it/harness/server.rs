//! A server process that a test starts, signals and ends.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::within;

/// A running `patchcast serve`. Dropping it kills the process.
pub struct Server {
    child: Child,
    addresses: Vec<SocketAddr>,
    directory: Arc<TempDir>,
    log: PathBuf,
    /// Kept open: a process that writes to a closed pipe is killed.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server on a free port with a new data directory.
    pub async fn start(args: &[&str]) -> Server {
        Server::on(Arc::new(tempfile::tempdir().unwrap()), args).await
    }

    /// Starts a server on a data directory that an earlier one may have used.
    pub async fn on(directory: Arc<TempDir>, args: &[&str]) -> Server {
        let mut command = Command::new(BINARY);
        command.args(serve_args(&directory, args));
        Server::launch(directory, command).await
    }

    /// Starts a server through `shell`, which takes a script as its last argument, after it has run
    /// `preparation`: `ulimit` for instance. The script sees the server's arguments; `$3` is the data directory.
    pub async fn prepared(shell: &[&str], preparation: &str, args: &[&str]) -> Server {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Server::prepared_on(directory, shell, preparation, args).await
    }

    /// The same on a data directory that is known before.
    pub async fn prepared_on(
        directory: Arc<TempDir>,
        shell: &[&str],
        preparation: &str,
        args: &[&str],
    ) -> Server {
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]);
        command.arg(format!(r#"{preparation} && exec "$0" "$@""#));
        command.arg(BINARY).args(serve_args(&directory, args));
        Server::launch(directory, command).await
    }

    async fn launch(directory: Arc<TempDir>, mut command: Command) -> Server {
        let log = directory.path().join("stderr");
        let listeners = command
            .as_std()
            .get_args()
            .filter(|arg| *arg == "--listen")
            .count();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut addresses = Vec::new();
        while addresses.len() < listeners {
            let line = within("the server's start", stdout.next_line()).await.unwrap();
            let line =
                line.unwrap_or_else(|| panic!("no server: {}", fs::read_to_string(&log).unwrap_or_default()));
            let address = line
                .strip_prefix("listening on http://")
                .unwrap_or_else(|| panic!("{line}"));
            addresses.push(address.parse().unwrap());
        }
        Server {
            child,
            addresses,
            directory,
            log,
            _stdout: stdout,
        }
    }

    /// Where it listens; the first of its addresses.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All its addresses, in the order of its arguments.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The directory that a next server may go on with. It is removed when nobody holds it any more.
    pub fn directory(&self) -> Arc<TempDir> {
        self.directory.clone()
    }

    /// The directory's subdirectory that holds the store.
    pub fn data(&self) -> PathBuf {
        data_of(self.directory.path())
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the process was not waited for")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).unwrap();
    }

    /// Waits until the process has ended by itself.
    pub async fn exited(&mut self) -> ExitStatus {
        within("the server's end", self.child.wait()).await.unwrap()
    }

    /// Ends the process as the machine's failure would, and returns its directory.
    pub async fn kill(mut self) -> Arc<TempDir> {
        self.signal(Signal::SIGKILL);
        self.exited().await;
        self.directory()
    }

    /// Ends the process as an operator would, and returns its directory. It must succeed.
    pub async fn terminate(mut self) -> Arc<TempDir> {
        self.signal(Signal::SIGTERM);
        let status = self.exited().await;
        assert!(status.success(), "{status}: {}", self.log());
        self.directory()
    }

    /// Memory that the process holds now, in bytes.
    pub fn resident_bytes(&self) -> usize {
        self.status_kib("VmRSS:") * 1024
    }

    /// The most memory that the process has held so far, in bytes.
    pub fn peak_resident_bytes(&self) -> usize {
        self.status_kib("VmHWM:") * 1024
    }

    /// CPU time that the process has used so far, in clock ticks (a hundredth of a second).
    pub fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The fields are counted from after the name, which is in brackets: proc(5).
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks.map(|field| field.parse::<u64>().unwrap()).sum()
    }

    fn status_kib(&self, field: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    /// The process must be gone before its directory is removed.
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        while let Ok(None) = self.child.try_wait() {
            std::thread::yield_now();
        }
    }
}

/// What a server says that refuses to start, or `Err` when it starts. A panic or a signal is no refusal.
pub async fn try_refusal(directory: &TempDir, args: &[&str]) -> Result<String, &'static str> {
    let mut command = Command::new(BINARY);
    let mut child = command
        .args(serve_args(directory, args))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    if within("the server's refusal", stdout.next_line())
        .await
        .unwrap()
        .is_some()
    {
        return Err("it listens");
    }
    let output = within("the server's end", child.wait_with_output())
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}: {said}", output.status);
    Ok(said)
}

/// What a server says that must refuse to start.
pub async fn refusal(directory: &TempDir, args: &[&str]) -> String {
    try_refusal(directory, args).await.unwrap()
}

fn serve_args(directory: &TempDir, args: &[&str]) -> Vec<String> {
    let data = data_of(directory.path());
    let mut all: Vec<String> = vec!["serve".into()];
    if !args.contains(&"--data") {
        all.extend(["--data".into(), data.to_str().unwrap().into()]);
    }
    if !args.contains(&"--listen") {
        all.extend(["--listen".into(), "127.0.0.1:0".into()]);
    }
    all.extend(args.iter().map(|&arg| arg.to_owned()));
    all
}

fn data_of(directory: &Path) -> PathBuf {
    directory.join("data")
}

const BINARY: &str = env!("CARGO_BIN_EXE_patchcast");
