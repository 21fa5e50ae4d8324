//! A connection's position in its room's log.

use patchcast_protocol::ids::{Author, Seq};

use crate::tail::{Run, Runs, Tail};

/// What a connection has been sent, as a position in the log, and at most one run that its socket took only in part.
#[derive(Debug)]
pub struct Cursor {
    next: Seq,
    reader: Option<Author>,
    /// The first entry that the reader gets as its author.
    own_from: Seq,
    begun: Option<Run>,
}

/// Where a cursor's next bytes are.
#[derive(Debug)]
pub enum Pending {
    /// It stands at the head.
    Nothing,
    /// In the tail, and each of them goes to the socket as it is.
    Runs(Runs),
    /// In the log: the tail has forgotten them.
    Forgotten,
}

impl Cursor {
    /// A cursor whose first entry is `next`, and that gets what `reader` wrote from `own_from` on as its author.
    pub fn new(next: Seq, reader: Option<Author>, own_from: Seq) -> Cursor {
        Cursor {
            next,
            reader,
            own_from,
            begun: None,
        }
    }

    /// The first entry that was not handed to the socket, in whole or in part.
    pub fn next(&self) -> Seq {
        self.next
    }

    /// Who gets its next entry as its author.
    pub fn reader(&self) -> Option<Author> {
        self.reader.filter(|_| self.next >= self.own_from)
    }

    /// What follows, in at most `max` runs. Own entries that nothing follows are passed over at once.
    pub fn pending(&mut self, tail: &Tail, max: usize) -> Pending {
        debug_assert!(self.begun.is_none(), "a run that was begun goes first");
        match tail.runs(self.next, self.reader(), max) {
            None => Pending::Forgotten,
            Some(runs) if runs.is_empty() => {
                self.next = self.next.max(tail.next());
                Pending::Nothing
            }
            Some(runs) => Pending::Runs(runs),
        }
    }

    /// Moves on by what the socket took of `runs`: `written` bytes.
    pub fn advance(&mut self, runs: Runs, mut written: usize) {
        for run in runs {
            let len = run.as_slice().len();
            if written == 0 {
                return;
            }
            self.next = run.next;
            if written < len {
                self.begun = Some(run.rest(written));
                return;
            }
            written -= len;
        }
    }

    /// Moves on to `next`, because everything before it was written or is not owed.
    pub fn jump(&mut self, next: Seq) {
        self.next = next;
    }

    /// The rest of the run that the socket took in part. It must be written before anything else.
    pub fn take_begun(&mut self) -> Option<Run> {
        self.begun.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Author = Author([1; 12]);
    const BOB: Author = Author([2; 12]);

    fn tail() -> Tail {
        let mut tail = Tail::new(Seq(1));
        for (author, frame) in [(BOB, "aa"), (ANN, "bb"), (BOB, "cc"), (BOB, "dd"), (ANN, "ee")] {
            tail.push(author, |others, _| others.extend_from_slice(frame.as_bytes()));
        }
        tail
    }

    /// Writes to a socket that takes `take` bytes at a time, until there is nothing left.
    fn received(take: usize) -> String {
        let tail = tail();
        let mut cursor = Cursor::new(Seq(1), Some(ANN), Seq(1));
        let mut received = Vec::new();
        loop {
            if let Some(run) = cursor.take_begun() {
                received.extend_from_slice(run.as_slice());
            }
            let Pending::Runs(runs) = cursor.pending(&tail, 8) else {
                break;
            };
            let all: Vec<u8> = runs.iter().flat_map(|run| run.as_slice()).copied().collect();
            let written = take.min(all.len());
            received.extend_from_slice(&all[..written]);
            cursor.advance(runs, written);
        }
        assert_eq!(cursor.next(), tail.next());
        String::from_utf8(received).unwrap()
    }

    #[test]
    fn every_byte_of_others_arrives_once_wherever_the_socket_stops() {
        for take in 1..=7 {
            assert_eq!(received(take), "aaccdd", "{take} at a time");
        }
    }

    #[test]
    fn a_socket_that_takes_nothing_moves_nothing() {
        let tail = tail();
        let mut cursor = Cursor::new(Seq(1), None, Seq(1));
        let Pending::Runs(runs) = cursor.pending(&tail, 8) else {
            panic!("there are frames")
        };
        cursor.advance(runs, 0);
        assert_eq!(cursor.next(), Seq(1));
        assert!(cursor.take_begun().is_none());
    }

    #[test]
    fn own_entries_at_the_end_are_passed_over() {
        let tail = tail();
        let mut cursor = Cursor::new(Seq(5), Some(ANN), Seq(1));
        assert!(matches!(cursor.pending(&tail, 8), Pending::Nothing));
        assert_eq!(cursor.next(), Seq(6));
    }

    #[test]
    fn what_was_there_before_comes_as_everyone_gets_it_own_or_not() {
        let tail = tail();
        let mut cursor = Cursor::new(Seq(1), Some(ANN), Seq(4));
        let Pending::Runs(runs) = cursor.pending(&tail, 1) else {
            panic!("there are frames")
        };
        assert!(runs[0].as_slice().starts_with(b"aabb"));
        cursor.jump(Seq(4));
        assert_eq!(cursor.reader(), Some(ANN));
    }
}
