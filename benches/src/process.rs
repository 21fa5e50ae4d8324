//! A server process under measurement: started on its core, its CPU time and memory read, ended for good.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::TIMEOUT;
use crate::machine::Cores;

/// The line that tells where a server listens begins like this.
const LISTENING: &str = "listening on http://";

/// Prints the line that [`Process::start`] waits for.
pub(crate) fn announce(addr: SocketAddr) {
    println!("{LISTENING}{addr}");
}

/// A running server. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    clock: ClockId,
    addr: SocketAddr,
    log: PathBuf,
}

impl Process {
    /// Starts the command and waits until it says where it listens; what it logs goes to `log`.
    pub(crate) fn start(mut command: Command, cores: Cores, log: &Path) -> Result<Process> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?);
        let mut child = cores.spawn(&mut command)?;
        let stdout = child.stdout.take().context("the child's stdout is piped")?;
        let clock = clock_getcpuclockid(Pid::from_raw(child.id().cast_signed()))?;
        let mut process = Process {
            child,
            clock,
            addr: ([127, 0, 0, 1], 0).into(),
            log: log.to_owned(),
        };

        let (found, addr) = mpsc::channel();
        thread::spawn(move || {
            // Reads on after the line, so that the child never blocks on a full pipe.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(addr) = line.strip_prefix(LISTENING).and_then(|addr| addr.parse().ok()) {
                    // Only the first listener is waited for.
                    let _ = found.send(addr);
                }
            }
        });
        match addr.recv_timeout(TIMEOUT) {
            Ok(addr) => process.addr = addr,
            Err(_) => bail!("the server did not say where it listens{}", process.last_words()),
        }
        Ok(process)
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// CPU time so far, user and system, of all threads, ended ones too, once the process has come to rest.
    ///
    /// Waiting charges what a round leaves behind (a checkpoint, a closed connection) to that round.
    pub(crate) fn cpu_at_rest(&self) -> Result<Duration> {
        let deadline = Instant::now() + TIMEOUT;
        let mut before = self.cpu()?;
        while Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
            let now = self.cpu()?;
            if now - before < Duration::from_micros(20) {
                return Ok(now);
            }
            before = now;
        }
        bail!("the server does not come to rest{}", self.last_words())
    }

    /// Where the CPU time was spent so far; threads that have ended are not in it.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
        let mut threads = BTreeMap::<String, f64>::new();
        for task in fs::read_dir(proc.join("task"))? {
            let task = task?.path();
            // A thread may end while the list is read.
            let (Ok(name), Ok(stat)) = (
                fs::read_to_string(task.join("comm")),
                fs::read_to_string(task.join("schedstat")),
            ) else {
                continue;
            };
            let nanos: f64 = stat
                .split(' ')
                .next()
                .unwrap_or_default()
                .parse()
                .context("schedstat")?;
            *threads.entry(name.trim().to_owned()).or_default() += nanos / 1e9;
        }
        let stat = fs::read_to_string(proc.join("stat"))?;
        // The name in parentheses may hold spaces; utime and stime are fields 14 and 15 of the line.
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks = |field: usize| fields.get(field - 3).and_then(|ticks| ticks.parse::<f64>().ok());
        let user_ticks = ticks(14).context("utime")?;
        let system_ticks = ticks(15).context("stime")?;
        Ok(Usage {
            threads,
            user_ticks,
            system_ticks,
        })
    }

    /// What the process holds in memory, in bytes.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
        Ok(Memory {
            rss: kibibytes(&fs::read_to_string(proc.join("status"))?, "VmRSS:")? * 1024,
            pss: kibibytes(&fs::read_to_string(proc.join("smaps_rollup"))?, "Pss:")? * 1024,
        })
    }

    /// Asks it to end with SIGTERM and waits; fails unless it ends with status 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?;
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                ensure!(
                    status.success(),
                    "the server ended with {status}{}",
                    self.last_words()
                );
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not end within {} s of SIGTERM", TIMEOUT.as_secs())
    }

    /// The end of its log, to follow an error message.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(10)..].join("\n");
        if tail.is_empty() {
            String::new()
        } else {
            format!("; its log ends:\n{tail}")
        }
    }

    fn cpu(&self) -> Result<Duration> {
        let time: TimeSpec = clock_gettime(self.clock)
            .with_context(|| format!("the server has ended{}", self.last_words()))?;
        Ok(time.into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a process has spent its CPU time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Seconds by thread name.
    threads: BTreeMap<String, f64>,
    user_ticks: f64,
    system_ticks: f64,
}

impl Usage {
    /// Adds what was spent between two readings.
    pub(crate) fn add(&mut self, earlier: &Usage, later: &Usage) {
        for (name, seconds) in &later.threads {
            let before = earlier.threads.get(name).copied().unwrap_or_default();
            *self.threads.entry(name.clone()).or_default() += (seconds - before).max(0.0);
        }
        self.user_ticks += later.user_ticks - earlier.user_ticks;
        self.system_ticks += later.system_ticks - earlier.system_ticks;
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part: f64, whole: f64| if whole > 0.0 { 100.0 * part / whole } else { 0.0 };
        write!(
            f,
            "{:.0} % in the kernel",
            percent(self.system_ticks, self.user_ticks + self.system_ticks)
        )?;
        let total: f64 = self.threads.values().sum();
        for (name, seconds) in &self.threads {
            let share = percent(*seconds, total);
            if share >= 0.5 {
                write!(f, ", {share:.0} % in thread {name}")?;
            }
        }
        Ok(())
    }
}

/// What a process holds in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident set size.
    pub(crate) rss: u64,
    /// Proportional set size: shared pages divided among those who share them.
    pub(crate) pss: u64,
}

fn kibibytes(text: &str, name: &str) -> Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok())
        .with_context(|| format!("the kernel does not tell {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_line_of_its_name() {
        let status = "VmHWM:\t     900 kB\nVmRSS:\t     123 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:").unwrap(), 123);
        assert!(kibibytes(status, "Pss:").is_err());
    }

    #[test]
    fn usage_is_told_by_thread_and_kernel_share() {
        let usage = |room: f64, store: f64, user_ticks, system_ticks| Usage {
            threads: [("room".to_owned(), room), ("store".to_owned(), store)].into(),
            user_ticks,
            system_ticks,
        };
        let mut spent = Usage::default();
        spent.add(&usage(1.0, 1.0, 10.0, 10.0), &usage(3.0, 1.5, 25.0, 55.0));
        spent.add(&usage(5.0, 5.0, 30.0, 60.0), &usage(6.0, 5.5, 40.0, 90.0));
        assert_eq!(
            spent.to_string(),
            "75 % in the kernel, 75 % in thread room, 25 % in thread store"
        );
    }
}
