//! A disk that keeps what was synced, and of the rest only what a power cut happens to leave.

use std::collections::{BTreeMap, HashMap};

use rand::Rng;
use rand::rngs::StdRng;

use super::trace::Event;

/// The files of the directory, by name.
pub type Image = BTreeMap<String, Vec<u8>>;

/// The unit that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// One directory on a disk.
///
/// What it assumes of file systems: a file's writes since its last sync reach the disk in any order, in part or
/// not at all, and a file may have grown before what it grew by was written (it then reads as zeros). Names
/// change in the order in which they were changed, and for good with a sync of the directory. A file cut
/// short keeps nothing written after the cut unless the cut itself was kept.
#[derive(Default)]
pub struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, FileId>,
    synced_names: BTreeMap<String, FileId>,
    name_changes: Vec<(Serial, NameChange)>,
    syncs: HashMap<usize, Sync>,
    serial: Serial,
}

type FileId = usize;

/// Numbers changes in their order.
type Serial = u64;

#[derive(Default)]
struct File {
    synced: Vec<u8>,
    changes: Vec<(Serial, Change)>,
}

enum Change {
    Write { offset: usize, data: Vec<u8> },
    Truncate { len: usize },
}

enum NameChange {
    Add { name: String, file: FileId },
    Remove { name: String },
    Rename { from: String, to: String },
}

/// A sync that has not returned yet: it covers the changes before `until`.
struct Sync {
    of: Option<FileId>,
    until: Serial,
}

/// Which of the changes that were not synced are on the disk after a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    Nothing,
    /// Only that files have grown, not what they grew by.
    Sizes,
    Everything,
    /// All up to some moment, the last of them torn.
    Beginning,
    /// All but the first write to each file, as when the disk takes later sectors first.
    AllButFirst,
    /// Any of the writes, each whole.
    SomeWrites,
    /// Any of the sectors.
    SomeSectors,
}

impl Survival {
    /// All but [`Survival::Nothing`].
    pub const BY_CHANCE: [Survival; 6] = [
        Survival::Sizes,
        Survival::AllButFirst,
        Survival::SomeSectors,
        Survival::Beginning,
        Survival::SomeWrites,
        Survival::Everything,
    ];
}

impl Disk {
    /// A disk on which `image` is safe.
    pub fn with(image: &Image) -> Disk {
        let mut disk = Disk::default();
        for (name, content) in image {
            disk.names.insert(name.clone(), disk.files.len());
            disk.files.push(File {
                synced: content.clone(),
                changes: Vec::new(),
            });
        }
        disk.synced_names = disk.names.clone();
        disk
    }

    /// Does what the server did.
    pub fn apply(&mut self, event: &Event) {
        self.serial += 1;
        match event {
            Event::Created { name } if self.names.contains_key(name) => {}
            Event::Created { name } => {
                let file = self.files.len();
                self.files.push(File::default());
                let name = name.clone();
                self.change_names(NameChange::Add { name, file });
            }
            Event::Written { name, offset, data } => self.change(
                name,
                Change::Write {
                    offset: *offset,
                    data: data.clone(),
                },
            ),
            Event::Truncated { name, len } => self.change(name, Change::Truncate { len: *len }),
            Event::Renamed { from, to } => self.change_names(NameChange::Rename {
                from: from.clone(),
                to: to.clone(),
            }),
            Event::Removed { name } => self.change_names(NameChange::Remove { name: name.clone() }),
            Event::SyncBegan { call, name } => {
                let of = name.as_ref().map(|name| self.names[name]);
                let until = self.serial;
                self.syncs.insert(*call, Sync { of, until });
            }
            Event::SyncEnded { call } => {
                let sync = self.syncs.remove(call).expect("a sync ends once");
                match sync.of {
                    Some(file) => self.files[file].sync(sync.until),
                    None => self.sync_names(sync.until),
                }
            }
            Event::Sent { .. } => {}
        }
    }

    /// What programs see as long as the power is on.
    pub fn current(&self) -> Image {
        let content = |file: &FileId| {
            let file = &self.files[*file];
            let mut content = file.synced.clone();
            for (_, change) in &file.changes {
                change.make(&mut content);
            }
            content
        };
        self.names
            .iter()
            .map(|(name, file)| (name.clone(), content(file)))
            .collect()
    }

    /// What is there after a power cut at this moment.
    pub fn after_power_cut(&self, survival: Survival, random: &mut StdRng) -> Image {
        let kept = match survival {
            Survival::Nothing => 0,
            Survival::Everything | Survival::AllButFirst => self.name_changes.len(),
            _ => random.random_range(0..=self.name_changes.len()),
        };
        let mut names = self.synced_names.clone();
        for (_, change) in &self.name_changes[..kept] {
            change.make(&mut names);
        }
        names
            .into_iter()
            .map(|(name, file)| (name, self.files[file].after_power_cut(survival, random)))
            .collect()
    }

    fn change(&mut self, name: &str, change: Change) {
        let file = *self
            .names
            .get(name)
            .unwrap_or_else(|| panic!("{name} was changed but never made"));
        self.files[file].changes.push((self.serial, change));
    }

    fn change_names(&mut self, change: NameChange) {
        change.make(&mut self.names);
        self.name_changes.push((self.serial, change));
    }

    fn sync_names(&mut self, until: Serial) {
        for (_, change) in self.name_changes.extract_if(.., |(serial, _)| *serial < until) {
            change.make(&mut self.synced_names);
        }
    }
}

impl File {
    fn sync(&mut self, until: Serial) {
        for (_, change) in self.changes.extract_if(.., |(serial, _)| *serial < until) {
            change.make(&mut self.synced);
        }
    }

    fn after_power_cut(&self, survival: Survival, random: &mut StdRng) -> Vec<u8> {
        let mut content = self.synced.clone();
        let reached = self.reached(survival, random);
        for (index, (_, change)) in self.changes[..reached].iter().enumerate() {
            let Change::Write { offset, data } = change else {
                change.make(&mut content);
                continue;
            };
            let torn = survival == Survival::Beginning && index + 1 == reached;
            let keep = |random: &mut StdRng| match survival {
                Survival::Nothing | Survival::Sizes => false,
                Survival::Everything => true,
                Survival::Beginning => !torn || random.random(),
                Survival::AllButFirst => index > 0,
                Survival::SomeWrites | Survival::SomeSectors => random.random(),
            };
            if torn || survival == Survival::SomeSectors {
                for (offset, sector) in sectors(*offset, data) {
                    if keep(random) {
                        write(&mut content, offset, sector);
                    }
                }
            } else if keep(random) {
                write(&mut content, *offset, data);
            }
            if survival == Survival::Sizes || random.random_ratio(1, 4) {
                // The file has grown, whether or not what it grew by was written.
                let end = offset + data.len();
                content.resize(content.len().max(end), 0);
            }
        }
        content
    }

    /// How many of the changes may have come to the disk: up to a cut of the file that did not.
    fn reached(&self, survival: Survival, random: &mut StdRng) -> usize {
        match survival {
            Survival::Nothing => 0,
            Survival::Everything | Survival::Sizes => self.changes.len(),
            Survival::Beginning => random.random_range(0..=self.changes.len()),
            Survival::AllButFirst | Survival::SomeWrites | Survival::SomeSectors => self
                .changes
                .iter()
                .position(|(_, change)| matches!(change, Change::Truncate { .. }) && random.random())
                .unwrap_or(self.changes.len()),
        }
    }
}

impl Change {
    fn make(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write { offset, data } => write(content, *offset, data),
            Change::Truncate { len } => content.resize(*len, 0),
        }
    }
}

impl NameChange {
    fn make(&self, names: &mut BTreeMap<String, FileId>) {
        match self {
            NameChange::Add { name, file } => {
                names.insert(name.clone(), *file);
            }
            NameChange::Remove { name } => {
                names.remove(name);
            }
            NameChange::Rename { from, to } => {
                let file = names.remove(from).expect("what is renamed is there");
                names.insert(to.clone(), file);
            }
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

/// The parts of a write that lie in one sector each.
fn sectors(mut offset: usize, mut data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    std::iter::from_fn(move || {
        let (sector, rest) = data
            .split_at_checked(SECTOR - offset % SECTOR)
            .unwrap_or((data, &[]));
        let part = (offset, sector);
        (offset, data) = (offset + sector.len(), rest);
        (!sector.is_empty()).then_some(part)
    })
}
