//! The machine a run is made on: its cores, its limits, its disk.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::Pid;
use serde::Serialize;

/// The core of the servers and the core of the generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    server: usize,
    generator: usize,
}

impl Cores {
    /// The cores asked for, else the first two that this process may use, and pins this thread to the generator's.
    pub(crate) fn pin(server: Option<usize>, generator: Option<usize>) -> Result<Cores> {
        let allowed = sched_getaffinity(Pid::from_raw(0))?;
        let mut free = (0..CpuSet::count()).filter(|core| {
            allowed.is_set(*core).unwrap_or(false) && Some(*core) != server && Some(*core) != generator
        });
        let mut pick = |asked: Option<usize>| {
            asked
                .or_else(|| free.next())
                .context("the benchmark needs two cores, one of them for the server")
        };
        let cores = Cores {
            server: pick(server)?,
            generator: pick(generator)?,
        };
        ensure!(
            cores.server != cores.generator,
            "server and generator cannot share core {}",
            cores.server
        );
        pin_thread(cores.generator)?;
        Ok(cores)
    }

    /// Starts a process on the server's core, with all its threads to come.
    pub(crate) fn spawn(&self, command: &mut Command) -> Result<Child> {
        // A child inherits the affinity of the thread that starts it: no window in which it is unpinned.
        pin_thread(self.server)?;
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()));
        pin_thread(self.generator)?;
        child
    }
}

/// Lets this process, and the servers that inherit its limits, have `files` open files.
pub(crate) fn allow_open_files(files: u64) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        files <= hard,
        "{files} open files are needed and {hard} allowed: raise the hard limit (ulimit -Hn)"
    );
    if soft < files {
        setrlimit(Resource::RLIMIT_NOFILE, files, hard)?;
    }
    Ok(())
}

/// Fails for a folder in memory, where durability would cost nothing.
pub(crate) fn require_real_disk(folder: &Path) -> Result<()> {
    let kind = statfs(folder)?.filesystem_type();
    ensure!(
        kind != TMPFS_MAGIC,
        "{} is a tmpfs, where storing costs nothing: choose a folder on a disk with --data",
        folder.display()
    );
    Ok(())
}

/// What figures of different machines are told apart by.
#[derive(Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
}

impl Machine {
    /// This machine; what it does not tell is `unknown`.
    pub(crate) fn this() -> Machine {
        let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")
            .ok()
            .map(|kernel| kernel.trim().to_owned());
        Machine {
            cpu: cpu.unwrap_or_else(|| "unknown".to_owned()),
            cores: num_online(),
            kernel: kernel.unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} cores, Linux {}", self.cpu, self.cores, self.kernel)
    }
}

fn num_online() -> usize {
    // Not `available_parallelism`: this thread is pinned.
    fs::read_to_string("/proc/cpuinfo").map_or(0, |info| {
        info.lines().filter(|line| line.starts_with("processor")).count()
    })
}

fn pin_thread(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("pinning to core {core}"))
}
