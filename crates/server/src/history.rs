//! A room's history in blocks that all joiners share: the history message of the patch dialect, one text frame however
//! long, and the batches of sessions.

use std::cell::RefCell;
use std::rc::Rc;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::{Entries, Head};
use patchcast_protocol::ids::Seq;
use patchcast_protocol::patches::{history_len, inner};
use patchcast_protocol::room::RoomId;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use thiserror::Error;

use crate::dialect::session_batch;
use crate::frame::push_text_header;
use crate::limits::{BLOCK_BYTES, BLOCK_CACHE_BYTES};
use crate::log::{Log, ReadError};
use crate::outlet::{Broken, Outlet};
use crate::squash::Squash;

/// A part of a room's history as it goes on the wire, encoded once for all joiners. Of sessions that is a whole frame; of the
/// patch dialect, for each entry that holds patches, a comma and the patches without the brackets around them.
pub struct Block {
    bytes: Vec<u8>,
    /// Where each entry of the patch dialect ends in `bytes`.
    ends: Vec<u32>,
    after: Seq,
    last: Seq,
}

/// The blocks that one thread keeps, of all its rooms, the least used of which go first.
pub struct BlockCache {
    blocks: RefCell<Cache<(RoomId, Seq), Rc<Block>, ByBytes>>,
}

/// Why a history could not be written to its end. The frame is then unfinished, so the connection must end.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The socket broke or took nothing for too long.
    #[error("the socket takes no more")]
    Broken,
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The entries do not add up to what the head says.
    #[error("the history is {written} bytes long and should be {expected}")]
    WrongLength {
        /// What the frame's header promised.
        expected: u64,
        /// What the entries came to.
        written: u64,
    },
}

impl From<Broken> for HistoryError {
    fn from(_: Broken) -> Self {
        HistoryError::Broken
    }
}

impl BlockCache {
    /// An empty cache that holds up to [`BLOCK_CACHE_BYTES`].
    pub fn new() -> BlockCache {
        let typical_blocks = BLOCK_CACHE_BYTES as usize / BLOCK_BYTES;
        BlockCache {
            blocks: RefCell::new(Cache::with_weighter(typical_blocks, BLOCK_CACHE_BYTES, ByBytes)),
        }
    }

    /// Writes the history of a room up to `head` as one text message, in which `squash` stands for its beginning.
    pub async fn write_history(
        &self,
        room: &RoomId,
        log: &dyn Log,
        squash: &Squash,
        head: Head,
        outlet: &Outlet,
    ) -> Result<(), HistoryError> {
        let expected = history_len(squash.weight_of_history(head));
        let mut opening = Vec::with_capacity(11);
        push_text_header(&mut opening, expected);
        opening.push(b'[');
        // What comes first goes out together with the opening, and an empty history in one piece.
        let mut opening = Some(opening);
        let (mut after, mut written) = (squash.end.seq, squash.inner().len() as u64);
        if written > 0 {
            write_part(outlet, &mut opening, squash.inner()).await?;
        }
        while after < head.seq {
            let block = self.block(room, log, after).await?;
            let part = block.up_to(head.seq);
            after = block.last.min(head.seq);
            // The comma before the first patch of all is one too many.
            let part = if written == 0 && !part.is_empty() {
                &part[1..]
            } else {
                part
            };
            written += part.len() as u64;
            write_part(outlet, &mut opening, part).await?;
        }
        let mut closing = opening.unwrap_or_default();
        closing.push(b']');
        if written + 2 != expected {
            return Err(HistoryError::WrongLength {
                expected,
                written: written + 2,
            });
        }
        outlet.write_all(&closing).await?;
        Ok(())
    }

    /// The block that follows `after`, which must not be the head.
    pub async fn block(&self, room: &RoomId, log: &dyn Log, after: Seq) -> Result<Rc<Block>, ReadError> {
        let key = (room.clone(), after);
        if let Some(block) = self.blocks.borrow().get(&key) {
            return Ok(block.clone());
        }
        let entries = log.read(after, BLOCK_BYTES).await?;
        let full = entries.last() < log.head().seq;
        let block = Rc::new(Block::encode(room.dialect, after, &entries));
        // A block that ends at the head would grow with the next entry.
        if full {
            self.blocks.borrow_mut().insert(key, block.clone());
        }
        Ok(block)
    }
}

/// Writes a part, and before the first one the opening.
async fn write_part(outlet: &Outlet, opening: &mut Option<Vec<u8>>, part: &[u8]) -> Result<(), Broken> {
    match opening.take() {
        Some(mut opening) if part.len() < 4096 => {
            opening.extend_from_slice(part);
            outlet.write_all(&opening).await
        }
        Some(opening) => {
            outlet.write_all(&opening).await?;
            outlet.write_all(part).await
        }
        None => outlet.write_all(part).await,
    }
}

impl Default for BlockCache {
    fn default() -> Self {
        BlockCache::new()
    }
}

impl Block {
    fn encode(dialect: Dialect, after: Seq, entries: &Entries) -> Block {
        if matches!(dialect, Dialect::Sessions | Dialect::Documents) {
            return Block {
                bytes: session_batch(dialect, entries),
                ends: Vec::new(),
                after,
                last: entries.last(),
            };
        }
        let mut bytes = Vec::with_capacity(entries.bytes());
        let mut ends = Vec::with_capacity(entries.len());
        for entry in entries.iter() {
            let patches = inner(entry.payload);
            if !patches.is_empty() {
                bytes.push(b',');
                bytes.extend_from_slice(patches);
            }
            ends.push(
                u32::try_from(bytes.len())
                    .expect("a block holds one message or BLOCK_BYTES, far below 4 GiB"),
            );
        }
        let last = entries.last();
        Block {
            bytes,
            ends,
            after,
            last,
        }
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The last entry in it.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The part of it that lies up to and with the entry `until`.
    fn up_to(&self, until: Seq) -> &[u8] {
        let entries = (until.since(self.after) as usize).min(self.ends.len());
        match entries.checked_sub(1) {
            Some(last) => &self.bytes[..self.ends[last] as usize],
            None => &[],
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(RoomId, Seq), Rc<Block>> for ByBytes {
    fn weight(&self, _: &(RoomId, Seq), block: &Rc<Block>) -> u64 {
        (block.bytes.len() + 4 * block.ends.len() + 64) as u64
    }
}
