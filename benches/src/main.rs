//! Measures the Patchcast server beside a bare `write()` loop, both driven by the same generator in the same run.
#![allow(
    clippy::print_stdout,
    reason = "the report of a benchmark is its standard output"
)]

mod crowd;
mod document;
mod editor;
mod exchange;
mod floor;
mod frame;
mod handshake;
mod joiner;
mod lab;
mod machine;
mod message;
mod naive;
mod process;
mod report;
mod scenario;
mod stats;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};

use crate::exchange::Senders;
use crate::lab::{Lab, Subject, build_server, target_dir};
use crate::machine::{Bystanders, Cores, allow_open_files, require_real_disk};
use crate::report::Report;
use crate::scenario::{document_join, document_op, fanout, idle, join, latency};

/// How long anything may take to show progress before the run fails.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// The share of the cores that others may use before the report warns of it.
const BUSY: f64 = 0.05;

/// Measures the Patchcast server: CPU per delivery beside a bare write() loop, memory, joining, latency.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    /// What to measure; without any, everything.
    scenarios: Vec<Scenario>,
    /// The server's binary; without it, the server is built in release mode first.
    #[arg(long, env = "PATCHCAST_BIN", value_name = "FILE")]
    server: Option<PathBuf>,
    /// One more argument for `patchcast serve`, such as --server-arg=--threads=1; may be repeated.
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    server_arg: Vec<String>,
    /// Measures only the peers, not the server.
    #[arg(long, requires = "peer")]
    without_server: bool,
    /// Another server to measure in the same run; may be repeated.
    #[arg(long)]
    peer: Vec<Peer>,
    /// Fails (status 1) when the server misses a bar.
    #[arg(long)]
    check: bool,
    /// Writes all figures to this file too, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder for the servers' data, on a real disk [default: bench-data in the target folder].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Interleaved rounds of fanout and latency.
    #[arg(long, default_value_t = 5, value_parser = at_least(1))]
    rounds: u64,
    /// Deliveries in a round of fanout, one message at a time; four times as many with messages in flight.
    // At 4 us of CPU for a delivery a round spends a third of a second, thousands of times what reading the
    // clock can miss.
    #[arg(long, default_value_t = 80_000, value_parser = at_least(1))]
    deliveries: u64,
    /// Connections in the rooms of fanout.
    #[arg(long, value_delimiter = ',', default_value = "200,1000", value_parser = at_least(2))]
    connections: Vec<u64>,
    /// Messages in flight in the second half of fanout.
    #[arg(long, default_value_t = 32, value_parser = at_least(1))]
    window: u64,
    /// One connection sends all messages in flight, instead of each a connection of its own.
    #[arg(long)]
    one_sender: bool,
    /// Connections of idle.
    #[arg(long, default_value_t = 5_000, value_parser = at_least(1))]
    idle_connections: u64,
    /// Messages in the room of join.
    #[arg(long, default_value_t = 100_000, value_parser = at_least(1))]
    history: u64,
    /// Joins before and after the restart, the first of them reported apart.
    #[arg(long, default_value_t = 8, value_parser = at_least(2))]
    joins: u64,
    /// Connections in the room of latency.
    #[arg(long, default_value_t = 200, value_parser = at_least(2))]
    latency_connections: u64,
    /// Entries of the long document of document-join.
    #[arg(long, default_value_t = 1_000_000, value_parser = at_least(1))]
    document_history: u64,
    /// Entries of the short one.
    #[arg(long, default_value_t = 1_000, value_parser = at_least(1))]
    document_short_history: u64,
    /// Bytes of the documents of document-join.
    #[arg(long, default_value_t = 100_000, value_parser = at_least(1))]
    document_bytes: u64,
    /// Joins of each document after a restart, and as many while another member is there.
    #[arg(long, default_value_t = 15, value_parser = at_least(1))]
    document_joins: u64,
    /// Bytes of the documents of document-op, the smallest first.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,10000000", value_parser = at_least(1))]
    document_sizes: Vec<u64>,
    /// Ops of each kind in a round of document-op.
    #[arg(long, default_value_t = 200, value_parser = at_least(1))]
    document_ops: u64,
    /// Ops of the long run of document-op, during which the server stores snapshots.
    #[arg(long, default_value_t = 25_000, value_parser = at_least(1))]
    document_long_ops: u64,
    /// Core of the servers [default: the first that this process may use].
    #[arg(long, value_name = "N")]
    server_core: Option<usize>,
    /// Core of the generator [default: the next one].
    #[arg(long, value_name = "N")]
    generator_core: Option<usize>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Server CPU per delivery over the floor's: one message at a time, then many in flight.
    Fanout,
    /// Memory per idle connection.
    Idle,
    /// Server CPU per message for joining a long history, also after a restart.
    Join,
    /// Time from sending to the last delivery, for information.
    Latency,
    /// Time for joining a document with a long history, beside one with a short one.
    DocumentJoin,
    /// Server CPU per op on small and on large documents.
    DocumentOp,
}

#[derive(Clone, Copy, ValueEnum)]
enum Peer {
    /// A chat example on tokio-tungstenite: a task and a queue per connection, in memory.
    Naive,
}

/// What a run starts of itself on the server's core.
#[derive(Subcommand)]
enum Role {
    /// The floor: writes each frame of its first socket to all others.
    #[command(hide = true)]
    Floor {
        /// Sockets to accept.
        connections: usize,
        /// A file to which each frame is appended and synced before it is written to the sockets.
        #[arg(long)]
        journal: Option<PathBuf>,
    },
    /// The naive peer.
    #[command(hide = true)]
    Naive,
}

/// Status 1 is a missed bar under `--check`, status 2 a run that failed.
fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.role {
        Some(Role::Floor { connections, journal }) => {
            floor::run(connections, journal.as_deref()).map(|()| ExitCode::SUCCESS)
        }
        Some(Role::Naive) => naive::run().map(|()| ExitCode::SUCCESS),
        None => measure(&cli),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

fn measure(cli: &Cli) -> Result<ExitCode> {
    let started = Instant::now();
    ensure!(
        cli.one_sender
            || cli
                .connections
                .iter()
                .all(|connections| *connections >= cli.window),
        "{} messages in flight need as many connections, or --one-sender",
        cli.window
    );
    let lab = prepare(cli)?;
    let bystanders = Bystanders::watch(lab.cores)?;
    let mut report = Report::new();
    for scenario in Scenario::value_variants() {
        if !cli.scenarios.is_empty() && !cli.scenarios.contains(scenario) {
            continue;
        }
        run(*scenario, cli, &lab, &mut report)?;
    }
    let others = bystanders.share()?;
    if others > BUSY {
        report.note(format!(
            "Other processes used {:.0} % of the two cores: figures of a busy machine are too high, run it again.",
            others * 100.0
        ));
    }
    println!("{}\n\n{:.0} s", report.table(), started.elapsed().as_secs_f64());
    if let Some(file) = &cli.json {
        fs::write(file, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("writing {}", file.display()))?;
    }
    let missed = report.missed(Subject::Patchcast.name());
    if cli.check && missed > 0 {
        eprintln!("{missed} bars missed");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn prepare(cli: &Cli) -> Result<Lab> {
    let mut subjects = Vec::new();
    let mut server = PathBuf::new();
    if !cli.without_server {
        subjects.push(Subject::Patchcast);
        server = cli.server.clone().map_or_else(build_server, Ok)?;
    }
    subjects.extend(cli.peer.iter().map(|Peer::Naive| Subject::Naive));

    let data = cli
        .data
        .clone()
        .map_or_else(|| target_dir().map(|dir| dir.join("bench-data")), Ok)?;
    fs::create_dir_all(&data).with_context(|| format!("creating {}", data.display()))?;
    require_real_disk(&data)?;
    let most = cli
        .connections
        .iter()
        .chain([&cli.idle_connections, &cli.latency_connections])
        .max();
    // The generator holds a room of each subject and of the floor at once.
    allow_open_files(most.copied().unwrap_or_default() * (subjects.len() as u64 + 1) + 256)?;
    Ok(Lab {
        cores: Cores::pin(cli.server_core, cli.generator_core)?,
        subjects,
        server,
        server_args: cli.server_arg.clone(),
        scratch: tempfile::Builder::new().prefix("run-").tempdir_in(data)?,
    })
}

fn run(scenario: Scenario, cli: &Cli, lab: &Lab, report: &mut Report) -> Result<()> {
    match scenario {
        Scenario::Fanout => {
            let options = fanout::Options {
                connections: cli
                    .connections
                    .iter()
                    .map(|connections| *connections as usize)
                    .collect(),
                rounds: cli.rounds as usize,
                deliveries: cli.deliveries as usize,
                window: cli.window as usize,
                senders: if cli.one_sender {
                    Senders::One
                } else {
                    Senders::Each
                },
            };
            fanout::run(lab, report, &options).context("fanout")
        }
        Scenario::Idle => idle::run(lab, report, cli.idle_connections as usize).context("idle"),
        Scenario::Join => {
            let options = join::Options {
                history: cli.history as usize,
                joins: cli.joins as usize,
            };
            join::run(lab, report, &options).context("join")
        }
        Scenario::Latency => {
            let options = latency::Options {
                connections: cli.latency_connections as usize,
                rounds: cli.rounds as usize,
            };
            latency::run(lab, report, &options).context("latency")
        }
        Scenario::DocumentJoin => {
            let options = document_join::Options {
                histories: [cli.document_history, cli.document_short_history],
                bytes: cli.document_bytes as usize,
                joins: cli.document_joins as usize,
            };
            document_join::run(lab, report, &options).context("document-join")
        }
        Scenario::DocumentOp => {
            let options = document_op::Options {
                sizes: cli.document_sizes.iter().map(|bytes| *bytes as usize).collect(),
                rounds: cli.rounds as usize,
                ops: cli.document_ops as usize,
                long_ops: cli.document_long_ops as usize,
            };
            document_op::run(lab, report, &options).context("document-op")
        }
    }
}

fn at_least(least: u64) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(least..)
}
