//! The recent part of a room's log as it goes on the wire: framed once for its author and once for everyone else, shared
//! by all cursors.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use patchcast_protocol::ids::{Author, Seq};
use smallvec::SmallVec;

use crate::limits::{CHUNK_BYTES, TAIL_BYTES};

/// Consecutive entries, the last of which is the room's head, each as two frames: the one that its author gets, which may
/// be nothing, and the one for all others.
///
/// It holds at least the newest entries up to [`TAIL_BYTES`]; what is older is forgotten and has to be read
/// from the log.
pub struct Tail {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    next: Seq,
}

struct Chunk {
    first: Seq,
    frames: Vec<Frame>,
    others: Rc<Vec<u8>>,
    own: Rc<Vec<u8>>,
}

/// Where an entry's two frames end.
#[derive(Clone, Copy)]
struct Frame {
    author: Author,
    end: usize,
    own_end: usize,
}

/// Whole frames that lie side by side in memory, and the entry that follows the last of them.
///
/// It keeps its bytes alive, so a reader may hold it while the tail moves on.
#[derive(Clone, Debug)]
pub struct Run {
    bytes: Rc<Vec<u8>>,
    range: Range<usize>,
    /// The first entry that is not in the run.
    pub next: Seq,
}

/// A few runs; one is the rule, and then none of this is allocated.
pub type Runs = SmallVec<[Run; 1]>;

/// The newest frames, which most members of a room are owed just so.
#[derive(Debug)]
pub struct Latest {
    from: Seq,
    run: Run,
    authors: [Option<Author>; MAX_LATEST],
}

/// Frames up to which it pays to look through their authors for each reader.
const MAX_LATEST: usize = 4;

impl Latest {
    /// The run, if it is all that a reader is owed whose next entry is `next` and who is `reader`.
    pub fn owed(&self, next: Seq, reader: Option<Author>) -> Option<&Run> {
        let all = next == self.from && (reader.is_none() || !self.authors.contains(&reader));
        all.then_some(&self.run)
    }
}

impl Run {
    /// The bytes to be written.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }

    /// The run without its first `written` bytes.
    #[must_use]
    pub fn rest(mut self, written: usize) -> Run {
        self.range.start += written;
        self
    }
}

impl Tail {
    /// An empty tail whose first frame will be that of the entry `next`.
    pub fn new(next: Seq) -> Tail {
        Tail {
            chunks: VecDeque::new(),
            bytes: 0,
            next,
        }
    }

    /// The entry whose frame is pushed next: the one after the head.
    pub fn next(&self) -> Seq {
        self.next
    }

    /// The oldest entry that it holds; [`next`](Self::next) when it holds none.
    pub fn first(&self) -> Seq {
        self.chunks.front().map_or(self.next, |chunk| chunk.first)
    }

    /// Adds the next entry, whose frames `write` appends to the bytes it is given: for the others, and for the author.
    pub fn push(&mut self, author: Author, write: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) {
        let chunk = match self.chunks.back_mut() {
            // Bytes that a reader holds do not move: it gets to keep them, and a new chunk begins.
            Some(chunk) if chunk.others.len() < CHUNK_BYTES && !chunk.is_held() => chunk,
            _ => self.chunks.push_back_mut(Chunk::starting_at(self.next)),
        };
        let before = chunk.len();
        let others = Rc::get_mut(&mut chunk.others).expect("nobody else holds a new or unshared chunk");
        let own = Rc::get_mut(&mut chunk.own).expect("nobody else holds a new or unshared chunk");
        write(others, own);
        let (end, own_end) = (others.len(), own.len());
        chunk.frames.push(Frame { author, end, own_end });
        self.bytes += chunk.len() - before;
        self.next = self.next.next();
        self.trim();
    }

    /// The frames from entry `from` on as `reader` gets them (`None`: as someone who wrote none of them), as the fewest
    /// runs; at most `max` of them, so the last may end before the head.
    ///
    /// `None` when `from` is older than what the tail holds.
    pub fn runs(&self, from: Seq, reader: Option<Author>, max: usize) -> Option<Runs> {
        let mut runs = Runs::new();
        if from >= self.next {
            return Some(runs);
        }
        if from < self.first() {
            return None;
        }
        let start = self.chunks.partition_point(|chunk| chunk.first <= from) - 1;
        for chunk in self.chunks.iter().skip(start) {
            chunk.runs(from, reader, max, &mut runs);
            if runs.len() == max {
                break;
            }
        }
        Some(runs)
    }

    /// The run from entry `from` to the head, and who wrote it, if that is short enough to be looked through
    /// once for each reader: then all but its authors are owed the same bytes.
    pub fn latest(&self, from: Seq) -> Option<Latest> {
        let chunk = self
            .chunks
            .back()
            .filter(|chunk| chunk.first <= from && from < self.next)?;
        let start = from.since(chunk.first) as usize;
        let frames = &chunk.frames[start..];
        if frames.len() > MAX_LATEST {
            return None;
        }
        let mut authors = [None; MAX_LATEST];
        for (author, frame) in authors.iter_mut().zip(frames) {
            *author = Some(frame.author);
        }
        let run = chunk.run(Part::Others, start, chunk.frames.len());
        Some(Latest { from, run, authors })
    }

    fn trim(&mut self) {
        while self.bytes > TAIL_BYTES && self.chunks.len() > 1 {
            let oldest = self.chunks.pop_front().expect("there are two");
            self.bytes -= oldest.len();
        }
    }
}

/// Which of an entry's two frames.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Others,
    Own,
}

impl Chunk {
    fn starting_at(first: Seq) -> Chunk {
        Chunk {
            first,
            frames: Vec::new(),
            others: Rc::default(),
            own: Rc::default(),
        }
    }

    fn len(&self) -> usize {
        self.others.len() + self.own.len()
    }

    fn is_held(&self) -> bool {
        Rc::strong_count(&self.others) + Rc::strong_count(&self.own) > 2
    }

    fn runs(&self, from: Seq, reader: Option<Author>, max: usize, runs: &mut Runs) {
        let mut start = from.since(self.first) as usize;
        while start < self.frames.len() && runs.len() < max {
            let part = self.part(start, reader);
            let len = (start..self.frames.len())
                .take_while(|&frame| self.part(frame, reader) == part)
                .count();
            let run = self.run(part, start, start + len);
            if !run.as_slice().is_empty() {
                runs.push(run);
            }
            start += len;
        }
    }

    fn part(&self, frame: usize, reader: Option<Author>) -> Part {
        if Some(self.frames[frame].author) == reader {
            Part::Own
        } else {
            Part::Others
        }
    }

    /// The frames from `start` to before `end`, of which there is at least one.
    fn run(&self, part: Part, start: usize, end: usize) -> Run {
        let (bytes, end_of): (_, fn(&Frame) -> usize) = match part {
            Part::Others => (&self.others, |frame| frame.end),
            Part::Own => (&self.own, |frame| frame.own_end),
        };
        let before = start
            .checked_sub(1)
            .map_or(0, |before| end_of(&self.frames[before]));
        Run {
            bytes: bytes.clone(),
            range: before..end_of(&self.frames[end - 1]),
            next: self.first.plus(end as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Author = Author([1; 12]);
    const BOB: Author = Author([2; 12]);

    fn tail(authors: &[(Author, &str)]) -> Tail {
        let silent: Vec<_> = authors
            .iter()
            .map(|(author, frame)| (*author, *frame, ""))
            .collect();
        acked_tail(&silent)
    }

    /// A tail whose authors get a frame of their own.
    fn acked_tail(authors: &[(Author, &str, &str)]) -> Tail {
        let mut tail = Tail::new(Seq(1));
        for (author, frame, own_frame) in authors {
            tail.push(*author, |others, own| {
                others.extend_from_slice(frame.as_bytes());
                own.extend_from_slice(own_frame.as_bytes());
            });
        }
        tail
    }

    fn text(tail: &Tail, from: u64, reader: Option<Author>) -> Vec<String> {
        let runs = tail.runs(Seq(from), reader, usize::MAX).unwrap();
        runs.iter()
            .map(|run| String::from_utf8(run.as_slice().to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn everything_after_a_position_is_one_run() {
        let tail = tail(&[(ANN, "a"), (BOB, "b"), (ANN, "c")]);
        assert_eq!(text(&tail, 1, None), ["abc"]);
        assert_eq!(text(&tail, 3, None), ["c"]);
        assert!(text(&tail, 4, None).is_empty());
    }

    #[test]
    fn an_own_entry_splits_a_run_in_two_and_neighbouring_ones_are_left_out_together() {
        let tail = tail(&[(BOB, "a"), (ANN, "b"), (ANN, "c"), (BOB, "d"), (ANN, "e")]);
        assert_eq!(text(&tail, 1, Some(ANN)), ["a", "d"]);
        assert_eq!(text(&tail, 2, Some(ANN)), ["d"]);
        assert!(text(&tail, 5, Some(ANN)).is_empty());
    }

    #[test]
    fn an_author_gets_its_own_frames_in_the_place_of_its_entries() {
        let tail = acked_tail(&[(BOB, "a", "1"), (ANN, "b", "2"), (ANN, "c", "3"), (BOB, "d", "4")]);
        assert_eq!(text(&tail, 1, Some(ANN)), ["a", "23", "d"]);
        assert_eq!(text(&tail, 1, Some(BOB)), ["1", "bc", "4"]);
        assert_eq!(text(&tail, 1, None), ["abcd"]);
    }

    #[test]
    fn a_run_says_which_entry_follows_it() {
        let tail = tail(&[(BOB, "a"), (ANN, "b"), (BOB, "c")]);
        let runs = tail.runs(Seq(1), Some(ANN), 1).unwrap();
        assert_eq!((runs.len(), runs[0].next), (1, Seq(2)));
    }

    #[test]
    fn a_reader_keeps_its_bytes_while_the_tail_moves_on() {
        let mut tail = tail(&[(ANN, "a"), (ANN, "b")]);
        let held = tail.runs(Seq(1), None, 1).unwrap().remove(0).rest(1);
        tail.push(BOB, |others, _| others.extend_from_slice(&vec![b'x'; TAIL_BYTES]));
        tail.push(BOB, |others, _| others.push(b'y'));
        assert_eq!(held.as_slice(), b"b");
        assert_eq!(text(&tail, 4, None), ["y"]);
    }

    #[test]
    fn what_is_older_than_the_bound_is_forgotten_and_the_newest_stays() {
        let mut tail = Tail::new(Seq(1));
        for _ in 0..100 {
            tail.push(ANN, |others, _| others.extend_from_slice(&[0; 10_000]));
        }
        assert!(tail.runs(Seq(1), None, 1).is_none());
        assert!(tail.bytes <= TAIL_BYTES);
        assert!(tail.first() > Seq(1) && tail.first() < Seq(100));
        assert_eq!(tail.runs(Seq(100), None, 1).unwrap()[0].as_slice().len(), 10_000);
    }
}
