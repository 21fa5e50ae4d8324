//! Logs in one SQLite file: the embedded default.
//!
//! One thread writes and another reads, each with a connection of its own; WAL mode lets them work at the
//! same time. Whatever waits when the writer comes round goes into one transaction and one fsync.

mod boot;
mod check;
mod reader;
mod room_log;
mod rows;
mod schema;
mod snapshot;
mod wal;
mod writer;

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::thread;

use patchcast_protocol::entry::Head;
use patchcast_protocol::ids::Seq;
use patchcast_protocol::message;
use patchcast_protocol::room::RoomId;
use thiserror::Error;
use tokio::sync::watch;

use self::room_log::{Room, SqliteLog};
use super::{BoxFuture, Log, ReadError, Store, new_epoch};

/// What an append has survived when it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: every commit is fsynced (SQLite's `synchronous=FULL`).
    #[default]
    Fsync,
    /// A crash of this process; a power cut may lose the last seconds, never the order (`synchronous=NORMAL`).
    Os,
}

impl From<Durability> for message::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Fsync => message::Durability::Fsync,
            Durability::Os => message::Durability::Os,
        }
    }
}

/// How much of the database is verified before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartupCheck {
    /// Every page and every entry's checksum; reads the whole file.
    #[default]
    Full,
    /// Only the file's header, version and write-ahead log. Damage shows when the damaged entry is read.
    Quick,
}

/// Why a data directory cannot be used. Nothing in it was changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another server runs on it. The lock goes with that process, however it ends.
    #[error("{0} is in use by another server; stop that one or choose another directory")]
    InUse(PathBuf),
    /// Made by a later version of this program: use that one.
    #[error("{path} has format {found}, and this version reads up to {known}; use the newer patchcast that wrote it", known = schema::VERSION)]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
    /// Made before the first release, whose format is another one.
    #[error("{0} was made by a version before 0.1 was released; move it away")]
    Unreleased(PathBuf),
    /// A SQLite file of some other program.
    #[error("{0} is not a Patchcast database; choose another directory")]
    Foreign(PathBuf),
    /// What is in it is not what was written: restore a backup.
    #[error("{path} is damaged and was left as it is: {detail}; restore it from a backup")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The directory or a file in it cannot be read or written.
    #[error("cannot open {path}")]
    Io {
        /// What was being opened.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// SQLite's own refusal.
    #[error("cannot open {path}")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
}

/// A [`Store`] in a directory that this process alone uses.
pub struct SqliteStore {
    rooms: Mutex<HashMap<RoomId, Weak<Room>>>,
    durability: Durability,
    shared: Arc<Shared>,
    writer: mpsc::Sender<writer::Request>,
    reader: mpsc::Sender<reader::Request>,
    writer_thread: Option<thread::JoinHandle<()>>,
    reader_thread: Option<thread::JoinHandle<()>>,
    _lock: File,
}

/// What the writing thread tells the store.
struct Shared {
    writable: AtomicBool,
    failure: watch::Sender<Option<String>>,
}

impl SqliteStore {
    /// Opens the database in `directory`, making both if they are not there, after verifying it as `check` says.
    ///
    /// Blocks while it reads; a full check reads the whole file.
    pub fn open(
        directory: &Path,
        durability: Durability,
        check: StartupCheck,
    ) -> Result<SqliteStore, OpenError> {
        let lock = lock_directory(directory)?;
        let connections = schema::open(&directory.join("patchcast.sqlite3"), durability, check)?;
        let shared = Arc::new(Shared {
            writable: AtomicBool::new(true),
            failure: watch::Sender::new(None),
        });
        let (writer, appends) = mpsc::channel();
        let (reader, reads) = mpsc::channel();
        let writer_thread = spawn("log-writer", {
            let shared = shared.clone();
            move || writer::run(connections.writer, &appends, &shared)
        });
        let reader_thread = spawn("log-reader", move || reader::run(&connections.reader, &reads));
        Ok(SqliteStore {
            rooms: Mutex::default(),
            durability,
            shared,
            writer,
            reader,
            writer_thread: Some(writer_thread),
            reader_thread: Some(reader_thread),
            _lock: lock,
        })
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, HashMap<RoomId, Weak<Room>>> {
        self.rooms
            .lock()
            .expect("no code panics while it holds this lock")
    }

    /// The room as an earlier opening found it, else as it was `found` in the database just now.
    fn enter(&self, name: &RoomId, found: Option<reader::Found>) -> Arc<Room> {
        let mut rooms = self.rooms();
        if let Some(room) = rooms.get(name).and_then(Weak::upgrade) {
            return room;
        }
        let found = found.unwrap_or_else(|| reader::Found {
            id: 0,
            epoch: new_epoch(),
            head: Head::default(),
            first: Seq::START.next(),
        });
        let room = Arc::new(Room {
            name: name.clone(),
            id: AtomicI64::new(found.id),
            epoch: found.epoch,
            head: watch::Sender::new(found.head),
            first: AtomicU64::new(found.first.0),
        });
        // Rooms that nobody holds any more leave their key behind; sweep when it is worth the walk.
        if rooms.len() == rooms.capacity() {
            rooms.retain(|_, room| room.strong_count() > 0);
        }
        rooms.insert(name.clone(), Arc::downgrade(&room));
        room
    }
}

impl Drop for SqliteStore {
    /// Waits until everything that was handed to the writer is decided; SQLite then folds the write-ahead
    /// log into the database. Logs that are still held answer with an error from then on.
    fn drop(&mut self) {
        // The reader ends first: only the last connection to be closed folds, and the reader's may not write.
        // A thread that has ended already needs no telling.
        let _ = self.reader.send(reader::Request::Stop);
        join(self.reader_thread.take());
        let _ = self.writer.send(writer::Request::Stop);
        join(self.writer_thread.take());
    }
}

impl Store for SqliteStore {
    fn open(&self, room: &RoomId) -> BoxFuture<'_, Result<Arc<dyn Log>, ReadError>> {
        let name = room.clone();
        Box::pin(async move {
            let opened = self.rooms().get(&name).and_then(Weak::upgrade);
            let room = match opened {
                Some(room) => room,
                None => {
                    let room = name.clone();
                    let found =
                        room_log::ask(&self.reader, |reply| reader::Request::Find { room, reply }).await?;
                    // While this waited somebody may have opened the room and even appended to it: theirs counts.
                    self.enter(&name, found)
                }
            };
            let log = SqliteLog {
                room,
                writer: self.writer.clone(),
                reader: self.reader.clone(),
            };
            Ok(Arc::new(log) as Arc<dyn Log>)
        })
    }

    fn durability(&self) -> message::Durability {
        self.durability.into()
    }

    fn is_writable(&self) -> bool {
        self.shared.writable.load(Ordering::Relaxed)
    }

    fn failed(&self) -> BoxFuture<'_, String> {
        let mut failure = self.shared.failure.subscribe();
        Box::pin(async move {
            let failure = failure
                .wait_for(Option::is_some)
                .await
                .expect("the store outlives the wait");
            failure.clone().expect("it was waited for")
        })
    }
}

/// Makes the directory if need be and takes its lock, which the operating system ends with the process.
fn lock_directory(directory: &Path) -> Result<File, OpenError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io { path, source }
    };
    fs::create_dir_all(directory).map_err(io(directory))?;
    let path = directory.join("lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .expect("the system can start two more threads")
}

fn join(thread: Option<thread::JoinHandle<()>>) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        tracing::error!("a thread of the log panicked");
    }
}
