//! The command line of `patchcast`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use patchcast_protocol::ids::{Epoch, Seq};
use patchcast_protocol::limits::{DEFAULT_MAX_DOCUMENT_BYTES, DEFAULT_MAX_MESSAGE_BYTES, MAX_SAFE_INTEGER};
use patchcast_server::connection::ConnectionLimits;
use patchcast_server::handshake::Origins;
use patchcast_server::limits::{MAX_DOCUMENT_BYTES, MAX_INBOX_BYTES};
use patchcast_server::log;
use patchcast_server::rooms::Policy;
use patchcast_server::server::Settings;

/// Multiplayer state for React apps: rooms that are logs, connections that are cursors on them.
#[derive(Debug, Parser)]
#[command(name = "patchcast", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve rooms over WebSocket.
    ///
    /// The URL's path names the room. Without a subprotocol a room holds Immer patches; with the subprotocol
    /// `json` it is a chat. With `patchcast.v1` clients speak sessions, as `tail` and `send` do.
    Serve(Serve),
    /// Print a room's entries as JSON lines, and those to come.
    ///
    /// Each line is {"seq", "client", "id", "time", "data"}. It goes on after every interruption, with nothing left out and nothing
    /// twice.
    Tail(Tail),
    /// Store JSON lines from standard input in a room.
    ///
    /// Ends when all of them are durable. Fails when a line is not JSON, or is rejected by the server.
    Send(Send),
    /// Compute with patches: JSON lines from standard input, one case a line, one answer a line.
    ///
    /// A case that cannot be answered gets {"error": {"kind", "path", "message"}}.
    #[command(subcommand)]
    Patch(PatchCommand),
}

#[derive(Debug, Subcommand)]
pub enum PatchCommand {
    /// What patches make of a value: {"base", "patches"} gets {"result"}.
    Apply,
    /// The patches that take patches back: {"base", "patches"} gets {"patches"}.
    Invert,
    /// The fewest patches that do the same: {"base", "patches"} gets {"patches"}, as does {"patches"} of Immer without a base.
    Squash,
    /// Patches that do the same, and that Immer knows, so without moves: {"base", "patches"} gets {"patches"}.
    Expand,
    /// What somebody did, by comparing two states: {"before", "after"} gets {"patches"}.
    Diff,
    /// Patches carried over others of the same base: {"base", "patches", "over"} gets {"patches"}.
    ///
    /// They count as the later ones, unless "side" is "earlier".
    Transform,
    /// Several people's patches of one base, in order of arrival: {"base", "ops": [patches, ..]} gets {"result", "receipts"}.
    ///
    /// A receipt says what became of an op: {"outcome": "as-sent", "transformed" or "absorbed", "conflicts": [{"path", "by", "lost"}]}, or {"error"}.
    Merge,
}

/// Which room a command is about.
#[derive(Debug, Args)]
pub struct Room {
    /// Name of the room, or its URL (ws://HOST:PORT/NAME). `/` is the default room.
    pub room: String,

    /// Server of a room that is given by its name.
    #[arg(
        long,
        env = "PATCHCAST_SERVER",
        value_name = "URL",
        default_value = "ws://127.0.0.1:5001"
    )]
    pub server: String,
}

#[derive(Debug, Args)]
pub struct Tail {
    #[command(flatten)]
    pub room: Room,

    /// Print the entries after this one only.
    #[arg(long, value_name = "SEQ", value_parser = seq)]
    pub since: Option<Seq>,

    /// Fail if the room's log is not this one any more: 16 hexadecimal digits, as told on standard error.
    #[arg(long, value_name = "EPOCH", requires = "since", value_parser = epoch)]
    pub epoch: Option<Epoch>,

    /// End after the newest entry.
    #[arg(long)]
    pub no_follow: bool,
}

#[derive(Debug, Args)]
pub struct Send {
    #[command(flatten)]
    pub room: Room,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port to listen on; may be given several times. Port 0 takes a free one.
    #[arg(
        long,
        env = "PATCHCAST_LISTEN",
        value_name = "ADDRESS:PORT",
        value_delimiter = ',',
        default_value = "127.0.0.1:5001"
    )]
    pub listen: Vec<SocketAddr>,

    /// Where messages are kept: `sqlite` in the data directory, or `memory` until the server ends.
    #[arg(long, env = "PATCHCAST_STORE", default_value = "sqlite")]
    pub store: StoreKind,

    /// Directory of the `sqlite` store, made if need be. One server at a time may use it.
    #[arg(long, env = "PATCHCAST_DATA", value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,

    /// What a message has survived when others see it: `fsync` a power cut, `os` a crash of the server only.
    #[arg(long, env = "PATCHCAST_DURABILITY", default_value = "fsync")]
    pub durability: Durability,

    /// How the database is verified before it is used: `full` reads all of it, `quick` its header and the
    /// write-ahead log.
    #[arg(long, env = "PATCHCAST_CHECK", default_value = "full")]
    pub check: Check,

    /// Folder with a web page to serve on the same port, such as the built demo.
    #[arg(long, env = "PATCHCAST_WEB", value_name = "DIR")]
    pub web: Option<PathBuf>,

    /// Origin of pages that may connect, such as https://app.example; may be given several times. Without it any page may.
    #[arg(
        long,
        env = "PATCHCAST_ALLOW_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub allow_origin: Vec<String>,

    /// Threads that serve rooms [default: the number of cores]. Each room stays on one of them.
    #[arg(long, env = "PATCHCAST_THREADS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// WebSocket connections at a time; more get the answer 503.
    #[arg(long, env = "PATCHCAST_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub max_connections: u32,

    /// Largest message in bytes; a larger one closes its connection with 1009.
    #[arg(long, env = "PATCHCAST_MAX_MESSAGE", value_name = "BYTES", default_value_t = DEFAULT_MAX_MESSAGE_BYTES as u64, value_parser = clap::value_parser!(u64).range(1..=MAX_INBOX_BYTES as u64))]
    pub max_message: u64,

    /// Largest document in bytes as JSON; an op that would make it larger is rejected.
    #[arg(long, env = "PATCHCAST_MAX_DOCUMENT", value_name = "BYTES", default_value_t = DEFAULT_MAX_DOCUMENT_BYTES as u64, value_parser = clap::value_parser!(u64).range(1..=MAX_DOCUMENT_BYTES as u64))]
    pub max_document: u64,

    /// Entries of a document that are kept at the least [default: all]; 1024 if it is less. What is older goes when a snapshot of the document
    /// is stored that has it.
    #[arg(long, env = "PATCHCAST_RETAIN", value_name = "COUNT")]
    pub retain: Option<u64>,

    /// Patches of a room without a subprotocol, about, that a joiner is sent as they were sent [default: all]. Of a longer history it is sent
    /// fewer, which make the same of the same base.
    #[arg(long, env = "PATCHCAST_SQUASH_AFTER", value_name = "COUNT")]
    pub squash_after: Option<u64>,

    /// Seconds within which a request's head must have arrived.
    #[arg(long, env = "PATCHCAST_HANDSHAKE_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub handshake_timeout: Duration,

    /// Seconds of silence after which a connection is closed; half-way through, its client is pinged.
    #[arg(long, env = "PATCHCAST_IDLE_TIMEOUT", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub idle_timeout: Duration,

    /// Seconds after which a client that takes nothing of what is sent to it is cut off.
    #[arg(long, env = "PATCHCAST_WRITE_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub write_timeout: Duration,

    /// What is logged to standard error: error, warn, info, debug or trace, by module if need be.
    #[arg(long, env = "PATCHCAST_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// Log as JSON lines.
    #[arg(long, env = "PATCHCAST_LOG_JSON")]
    pub log_json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StoreKind {
    Sqlite,
    Memory,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Durability {
    Fsync,
    Os,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Check {
    Full,
    Quick,
}

impl Serve {
    pub fn settings(&self) -> Settings {
        let origins = match &self.allow_origin[..] {
            [] => Origins::Any,
            only => Origins::Only(
                only.iter()
                    .map(|origin| origin.trim_end_matches('/').to_owned())
                    .collect(),
            ),
        };
        Settings {
            listen: self.listen.clone(),
            threads: match self.threads {
                Some(threads) => threads.into(),
                None => available_parallelism().map_or(1, usize::from),
            },
            max_connections: self.max_connections as usize,
            connection: ConnectionLimits {
                max_message: self.max_message as usize,
                idle_timeout: self.idle_timeout,
                write_timeout: self.write_timeout,
            },
            rooms: Policy {
                max_document: self.max_document as usize,
                retain: self.retain,
                squash_after: self.squash_after,
                ..Policy::default()
            },
            handshake_timeout: self.handshake_timeout,
            origins,
            web: self.web.clone(),
        }
    }
}

impl From<Durability> for log::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Fsync => log::Durability::Fsync,
            Durability::Os => log::Durability::Os,
        }
    }
}

impl From<Check> for log::StartupCheck {
    fn from(check: Check) -> Self {
        match check {
            Check::Full => log::StartupCheck::Full,
            Check::Quick => log::StartupCheck::Quick,
        }
    }
}

fn seq(text: &str) -> Result<Seq, String> {
    match text.parse() {
        Ok(seq @ 0..=MAX_SAFE_INTEGER) => Ok(Seq(seq)),
        _ => Err("expected the number of an entry, from 0".into()),
    }
}

fn epoch(text: &str) -> Result<Epoch, String> {
    Epoch::parse(text).ok_or_else(|| "expected 16 hexadecimal digits".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number of seconds from 0.001 to 86400".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
