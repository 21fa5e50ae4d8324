//! The machine a run is made on: its cores, its limits, its disk.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::{Pid, SysconfVar, sysconf};
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

/// How busy the two cores are with anything but this run, from its beginning on.
pub(crate) struct Bystanders {
    cores: Cores,
    started: Instant,
    /// Seconds that the cores had worked, without this process and its children.
    before: f64,
}

impl Bystanders {
    /// Begins to watch.
    pub(crate) fn watch(cores: Cores) -> Result<Bystanders> {
        Ok(Bystanders {
            cores,
            started: Instant::now(),
            before: busy_seconds(cores)? - own_seconds()?,
        })
    }

    /// The share of both cores' time that others have used so far, between 0 and 1.
    ///
    /// To be asked when all servers have ended: only then does the kernel count them as children.
    pub(crate) fn share(&self) -> Result<f64> {
        let others = busy_seconds(self.cores)? - own_seconds()? - self.before;
        Ok((others / (2.0 * self.started.elapsed().as_secs_f64())).clamp(0.0, 1.0))
    }
}

/// CPU time of this process and of its children that have ended.
fn own_seconds() -> Result<f64> {
    let mut seconds = 0.0;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        for time in [usage.user_time(), usage.system_time()] {
            seconds += time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        }
    }
    Ok(seconds)
}

/// The seconds for which the two cores have worked since the machine was started, steal included.
fn busy_seconds(cores: Cores) -> Result<f64> {
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK)?.context("the kernel does not tell its tick")? as f64;
    let stat = fs::read_to_string("/proc/stat")?;
    let mut ticks = 0;
    for core in [cores.server, cores.generator] {
        let name = format!("cpu{core} ");
        let line = stat
            .lines()
            .find_map(|line| line.strip_prefix(&name))
            .context("a core without /proc/stat")?;
        let fields: Vec<u64> = line
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guest time is already in user.
        ticks += fields.iter().take(8).sum::<u64>() - fields.iter().skip(3).take(2).sum::<u64>();
    }
    Ok(ticks as f64 / ticks_per_second)
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
