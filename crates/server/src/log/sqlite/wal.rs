//! Tells a damaged write-ahead log from one whose end was torn by a crash.
//!
//! SQLite's recovery stops at the first frame whose checksum is wrong and takes what follows for the torn end
//! of the last transaction. If that frame was damaged later, acknowledged transactions behind it would be
//! dropped without a word. But every transaction is synced before the next one begins, so a crash tears at
//! most the last: more than one commit of the same generation behind a bad frame means damage.
//!
//! The format: sqlite.org/fileformat2.html, section 4.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Durability, OpenError};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const MAGIC_LITTLE_ENDIAN: u32 = 0x377f_0682;
const MAGIC_BIG_ENDIAN: u32 = 0x377f_0683;

/// Refuses a database whose write-ahead log would be shortened by opening it.
///
/// A log that was written without syncing ([`Durability::Os`]) may rightly be torn anywhere by a power cut.
pub(super) fn verify(database: &Path, durability: Durability) -> Result<(), OpenError> {
    if durability == Durability::Os {
        return Ok(());
    }
    let path = beside(database, "-wal");
    let damaged = |detail: &str| OpenError::Damaged {
        path: path.clone(),
        detail: detail.into(),
    };
    match fs::read(&path) {
        Ok(wal) => check(&wal).map_err(damaged),
        // SQLite removes its index before the log itself, so an index that is left alone has lost its log.
        Err(error) if error.kind() == ErrorKind::NotFound => match beside(database, "-shm").try_exists() {
            Ok(true) => Err(damaged(
                "it was removed after a crash, and with it the last entries",
            )),
            _ => Ok(()),
        },
        Err(source) => Err(OpenError::Io { path, source }),
    }
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn check(wal: &[u8]) -> Result<(), &'static str> {
    // Nothing was ever committed to it: the header is synced before any frame is written, and zeros alone are
    // what a power cut leaves of a file that had grown by it already.
    if wal.len() < HEADER || wal == [0; HEADER] {
        return Ok(());
    }
    let (header, frames) = wal.split_at(HEADER);
    let words = match word(header, 0) {
        MAGIC_LITTLE_ENDIAN => u32::from_le_bytes as fn([u8; 4]) -> u32,
        MAGIC_BIG_ENDIAN => u32::from_be_bytes,
        _ => return Err("its header is not that of a write-ahead log"),
    };
    let mut sum = Sum { words, state: (0, 0) };
    sum.add(&header[..24]);
    if sum.state != (word(header, 24), word(header, 28)) {
        return Err("its header's checksum is wrong");
    }
    let page = word(header, 8) as usize;
    if !page.is_power_of_two() || !(512..=65536).contains(&page) {
        return Err("its page size is impossible");
    }
    let salt = &header[16..24];
    let mut intact = true;
    let mut commits_behind = 0;
    for frame in frames.chunks_exact(FRAME_HEADER + page) {
        let same_generation = &frame[8..16] == salt;
        if intact {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER..]);
            intact = same_generation && sum.state == (word(frame, 16), word(frame, 20));
        }
        if !intact && same_generation && word(frame, 4) != 0 {
            commits_behind += 1;
        }
    }
    if commits_behind > 1 {
        return Err(
            "a frame in its middle is not what was written (if the server ran with durability `os`, start it so once)",
        );
    }
    Ok(())
}

/// The write-ahead log's running checksum.
struct Sum {
    words: fn([u8; 4]) -> u32,
    state: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let (mut a, mut b) = self.state;
        for pair in bytes.chunks_exact(8) {
            a = a
                .wrapping_add((self.words)([pair[0], pair[1], pair[2], pair[3]]))
                .wrapping_add(b);
            b = b
                .wrapping_add((self.words)([pair[4], pair[5], pair[6], pair[7]]))
                .wrapping_add(a);
        }
        self.state = (a, b);
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
