//! The binary `patchcast`.

mod cli;
mod commands;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use patchcast_server::log::{MemoryStore, SqliteStore, Store};
use patchcast_server::server::Server;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command, Serve, StoreKind};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve(&args),
        Command::Tail(args) => commands::block_on(commands::tail::tail(&args)),
        Command::Send(args) => commands::block_on(commands::send::send(&args)),
        Command::Patch(command) => commands::patch::patch(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through the log, which may not be set up, or filtered.
            eprintln!("patchcast: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Serve) -> anyhow::Result<()> {
    start_logging(args)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let store = open_store(args)?;
    let outcome = runtime.block_on(run(args, store.clone()));
    // Connections in the HTTP stage need not be waited for. The store is closed last, by its last owner.
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(store);
    outcome
}

async fn run(args: &Serve, store: Arc<dyn Store>) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Taken, so that a file above its size limit is a failed write and not the end of the process.
    let _too_large = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
    let server = Server::start(args.settings(), store.clone()).await?;
    announce(&server);
    let failure = tokio::select! {
        failure = store.failed() => Some(failure),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    tracing::info!("shutting down");
    tokio::select! {
        () = server.shut_down() => {}
        _ = interrupt.recv() => bail!("interrupted while shutting down"),
    }
    match failure {
        Some(failure) => bail!("the store failed: {failure}"),
        None => Ok(()),
    }
}

/// Programs that start the server read from this on which port it listens.
#[expect(clippy::print_stdout, reason = "the address is this command's output")]
fn announce(server: &Server) {
    for address in server.addresses() {
        println!("listening on http://{address}");
    }
}

fn open_store(args: &Serve) -> anyhow::Result<Arc<dyn Store>> {
    match args.store {
        StoreKind::Memory => Ok(Arc::new(MemoryStore::default())),
        StoreKind::Sqlite => {
            let started = Instant::now();
            let store = SqliteStore::open(&args.data, args.durability.into(), args.check.into())?;
            tracing::info!(data = %args.data.display(), took = ?started.elapsed(), "the store is open");
            Ok(Arc::new(store))
        }
    }
}

fn start_logging(args: &Serve) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&args.log).with_context(|| format!("bad --log filter {:?}", args.log))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match args.log_json {
        true => subscriber.json().init(),
        false => subscriber
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .init(),
    }
    Ok(())
}

/// Every connection takes a file descriptor, and the usual limit of 1,024 is there for old programs' sake.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of file descriptors could not be raised"),
    }
}
