//! Cuts the power at many moments of a recording, opens what is left, and holds it against what had been sent.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::Seq;
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::log::{Durability, ReadError, SqliteStore, StartupCheck, Store};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;

use super::disk::{Disk, Image, Survival};
use super::trace::Event;
use super::traffic::{Mark, ROOMS, Traffic, is_chat, marks};

/// What went wrong after one power cut.
#[derive(Debug)]
pub struct Failure {
    pub fault: Fault,
    /// When the power was cut, and what the disk made of it.
    pub cut: String,
    /// The directory as it was after the cut, kept for whoever looks into it. Only for the first few failures.
    pub kept: Option<PathBuf>,
}

/// How a log can be wrong.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The store was not opened, or not read.
    Refused(String),
    /// A client was shown it, and it is gone.
    Lost(String),
    /// A client was shown two messages in another order, or one of them twice.
    Misordered(String),
    /// It is in the log twice.
    Doubled(String),
    /// Nobody sent it.
    Foreign(String),
    /// The snapshot is not what the entries come to.
    Snapshot(String),
    /// Messages may be lost, and the next server would go on as if it had them all.
    Unnoticed,
}

/// How often the power is cut, and what for.
pub struct Cuts<'a> {
    pub traffic: &'a Traffic,
    pub durability: Durability,
    /// How many of [`Survival::BY_CHANCE`] are tried just before each sync returns, in turn. That nothing survives is
    /// tried each time.
    pub before_syncs: usize,
    /// Between syncs there is a cut once in so many events.
    pub between: u32,
}

/// The outcome of all cuts, and the disk as it was in the end with the power on.
pub struct Outcome {
    pub cuts: usize,
    /// How many snapshots were there after them.
    pub snapshots: usize,
    pub failures: Vec<Failure>,
    pub disk: Disk,
}

/// The moment of a cut is told by the number of the event before which the power went.
struct Cut {
    event: usize,
    survival: Survival,
    image: Image,
}

impl Cuts<'_> {
    /// Plays `events` on `disk`, and cuts the power on copies of it.
    pub fn replay(&self, disk: Disk, events: &[Event], random: &mut StdRng) -> Outcome {
        let shown = Shown::in_sends(events);
        let failures = Mutex::new(Vec::new());
        let snapshots = AtomicUsize::new(0);
        let (sender, cuts) = mpsc::sync_channel(2);
        let cuts = Mutex::new(cuts);
        let work = || {
            let next = || cuts.lock().expect("nobody panics while taking a cut").recv();
            while let Ok(cut) = next() {
                if let Err(failure) = self.judge(&cut, shown.before(cut.event), &snapshots, &failures) {
                    failures
                        .lock()
                        .expect("nobody panics while adding one")
                        .push(failure);
                }
            }
        };
        let (count, disk) = thread::scope(|scope| {
            scope.spawn(work);
            scope.spawn(work);
            self.cut(disk, events, random, sender)
        });
        Outcome {
            cuts: count,
            snapshots: snapshots.into_inner(),
            failures: failures.into_inner().expect("nobody panicked"),
            disk,
        }
    }

    fn cut(
        &self,
        mut disk: Disk,
        events: &[Event],
        random: &mut StdRng,
        cuts: mpsc::SyncSender<Cut>,
    ) -> (usize, Disk) {
        let mut count = 0;
        let mut cut = |disk: &Disk, event, survival, random: &mut StdRng| {
            let image = disk.after_power_cut(survival, random);
            let cut = Cut {
                event,
                survival,
                image,
            };
            cuts.send(cut).expect("the judges work until this ends");
            count += 1;
        };
        let mut by_chance = Survival::BY_CHANCE.into_iter().cycle();
        for (event, happens) in events.iter().enumerate() {
            if matches!(happens, Event::SyncEnded { .. }) {
                // What is safe changes only when a sync returns, so this stands for all moments since the last one.
                cut(&disk, event, Survival::Nothing, random);
                for survival in by_chance.by_ref().take(self.before_syncs) {
                    cut(&disk, event, survival, random);
                }
            } else if random.random_ratio(1, self.between) {
                let survival = by_chance.next().expect("it goes on and on");
                cut(&disk, event, survival, random);
            }
            disk.apply(happens);
        }
        cut(&disk, events.len(), Survival::Nothing, random);
        (count, disk)
    }

    fn judge(
        &self,
        cut: &Cut,
        shown: &[Shown],
        snapshots: &AtomicUsize,
        failures: &Mutex<Vec<Failure>>,
    ) -> Result<(), Failure> {
        let directory = tempfile::tempdir().expect("there is room for a small directory");
        lay_out(&cut.image, directory.path());
        let noticed = if self.durability == Durability::Os && !shown.is_empty() {
            is_noted(&cut.image)
        } else {
            Ok(())
        };
        noticed
            .and_then(|()| self.logs(directory.path(), snapshots))
            .and_then(|logs| check(&logs, shown))
            .map_err(|fault| {
                let kept = (failures.lock().expect("nobody panics while adding one").len() < 3).then(|| {
                    let kept = directory.keep();
                    // As it was before it was opened.
                    lay_out(&cut.image, &kept);
                    kept
                });
                let cut = format!("before event {}, of the unsynced: {:?}", cut.event, cut.survival);
                Failure { fault, cut, kept }
            })
    }

    /// Opens the store and reads each room's messages, every one of which must be as it was sent.
    fn logs(&self, directory: &Path, snapshots: &AtomicUsize) -> Result<Vec<Vec<Mark>>, Fault> {
        let store = SqliteStore::open(directory, self.durability, StartupCheck::Full)
            .map_err(|error| Fault::Refused(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime without anything can be made");
        ROOMS
            .into_iter()
            .map(|room| {
                let name = RoomName::parse(&room.to_string()).expect("a letter is a name");
                let dialect = if is_chat(room) {
                    Dialect::Chat
                } else {
                    Dialect::Patches
                };
                let content = runtime.block_on(async {
                    let log = store.open(&RoomId { dialect, name }).await?;
                    Ok((log.read(Seq::START, usize::MAX).await?, log.snapshot().await?))
                });
                let (entries, snapshot) =
                    content.map_err(|error: ReadError| Fault::Refused(error.to_string()))?;
                let recognised = entries.iter().map(|entry| self.recognise(room, entry.payload));
                let log: Vec<Mark> = recognised.collect::<Result<_, _>>()?;
                if let Some(snapshot) = snapshot {
                    snapshots.fetch_add(1, Ordering::Relaxed);
                    // Every message sets a key of its own, so none of them is squashed away.
                    let squashed: Vec<Mark> = marks(&snapshot.state).collect();
                    if log.get(..snapshot.seq.0 as usize) != Some(&squashed) {
                        return Err(Fault::Snapshot(format!("of {} of room {room}", snapshot.seq)));
                    }
                }
                Ok(log)
            })
            .collect()
    }

    fn recognise(&self, room: char, payload: &[u8]) -> Result<Mark, Fault> {
        let foreign = || Fault::Foreign(format!("in {room}: {}", String::from_utf8_lossy(payload)));
        let mark = marks(payload).next().ok_or_else(foreign)?;
        let text = match is_chat(room) {
            true => {
                let message: Value = serde_json::from_slice(payload).map_err(|_| foreign())?;
                message["text"].as_str().ok_or_else(foreign)?.to_owned()
            }
            false => String::from_utf8(payload.to_vec()).map_err(|_| foreign())?,
        };
        match self.traffic.message(&mark) {
            Some(message) if message == text && mark[1] == room as u8 => Ok(mark),
            _ => Err(foreign()),
        }
    }
}

/// One message that one socket was sent.
struct Shown {
    event: usize,
    socket: usize,
    mark: Mark,
}

/// All that was sent, in order.
struct AllShown(Vec<Shown>);

impl Shown {
    fn in_sends(events: &[Event]) -> AllShown {
        let mut sockets: HashMap<&str, (usize, Vec<u8>)> = HashMap::new();
        let mut shown = Vec::new();
        for (event, happened) in events.iter().enumerate() {
            let Event::Sent { socket, data } = happened else {
                continue;
            };
            let number = sockets.len();
            let (socket, rest) = sockets.entry(socket).or_insert((number, Vec::new()));
            // A mark may lie across two sends; it counts as shown with its end.
            rest.extend_from_slice(data);
            let found = marks(rest).map(|mark| Shown {
                event,
                socket: *socket,
                mark,
            });
            shown.extend(found);
            let keep = rest.len().min(size_of::<Mark>() - 1);
            rest.drain(..rest.len() - keep);
        }
        AllShown(shown)
    }
}

impl AllShown {
    fn before(&self, event: usize) -> &[Shown] {
        &self.0[..self.0.partition_point(|shown| shown.event < event)]
    }
}

fn check(logs: &[Vec<Mark>], shown: &[Shown]) -> Result<(), Fault> {
    let mut places = HashMap::new();
    for mark in logs.iter().flatten() {
        if places.insert(*mark, places.len()).is_some() {
            return Err(Fault::Doubled(text(mark)));
        }
    }
    let mut last: HashMap<usize, usize> = HashMap::new();
    for Shown { socket, mark, .. } in shown {
        let place = *places.get(mark).ok_or_else(|| Fault::Lost(text(mark)))?;
        // A chat's window repeats what was shown before, newest first.
        let in_order =
            is_chat(char::from(mark[1])) || last.insert(*socket, place).is_none_or(|before| before < place);
        if !in_order {
            return Err(Fault::Misordered(text(mark)));
        }
    }
    Ok(())
}

/// The database must say on which boot of the machine it was written without syncing.
fn is_noted(image: &Image) -> Result<(), Fault> {
    let directory = tempfile::tempdir().expect("there is room for a small directory");
    lay_out(image, directory.path());
    let boot: rusqlite::Result<String> =
        rusqlite::Connection::open(directory.path().join("patchcast.sqlite3"))
            .and_then(|database| database.query_row("SELECT boot FROM unsynced", [], |row| row.get(0)));
    match boot {
        Ok(_) => Ok(()),
        Err(rusqlite::Error::QueryReturnedNoRows) => Err(Fault::Unnoticed),
        Err(error) => Err(Fault::Refused(error.to_string())),
    }
}

/// Makes `directory` hold just the files of `image`.
pub fn lay_out(image: &Image, directory: &Path) {
    let listed = fs::read_dir(directory).expect("the directory is there");
    let there: BTreeSet<_> = listed
        .map(|file| file.expect("it can be listed").path())
        .collect();
    for path in there {
        fs::remove_file(path).expect("it is a file");
    }
    for (name, content) in image {
        fs::write(directory.join(name), content).expect("there is room for it");
    }
}

fn text(mark: &Mark) -> String {
    String::from_utf8_lossy(mark).into_owned()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, power cut {}", self.fault, self.cut)?;
        match &self.kept {
            Some(kept) => write!(f, ", kept in {}", kept.display()),
            None => Ok(()),
        }
    }
}
