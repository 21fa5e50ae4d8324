//! The life of a plain connection: connecting, open, waiting to try again, closed.
//!
//! Pure: no socket, no clock and no random number, those are arguments. The driver tells what happened through
//! `handle_*` and does what the answer says.

use std::time::Duration;

use patchcast_protocol::close::{Advice, advice};
use patchcast_session::Time;
use patchcast_session::backoff::{Backoff, Bounds};
use patchcast_session::limits::STABLE_AFTER;

use super::queue::Queue;
use crate::app::Refusal;

/// `M` is a message as it goes on the wire.
#[derive(Debug)]
pub(crate) struct Connection<M> {
    state: State,
    queue: Queue<M>,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// An attempt is under way.
    Connecting,
    /// The handshake is done. The first message is the room's history.
    Open {
        since: Time,
        history: History,
    },
    /// The connection broke or an attempt failed, and the backoff runs.
    Waiting,
    Closed {
        by: Closer,
    },
}

#[derive(Clone, Copy, Debug)]
enum History {
    Due,
    Received,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closer {
    App,
    Server,
}

/// What the driver does after a connection or an attempt was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum AfterLoss {
    Wait { retry_in: Duration },
    Stop,
}

/// Which message of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Received {
    History,
    Live,
    /// Nobody wants it any more.
    Unwanted,
}

/// What the socket can take now, which it alone knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// The browser holds more unsent bytes than we let it.
    Congested,
    /// Not open, or no longer, though its close event is still to come: what it is given now is lost.
    Closing,
}

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Sent<M> {
    /// Write it.
    Now(M),
    /// It waits for the connection.
    Queued,
    Refused(M, Refusal),
}

impl<M> Connection<M> {
    /// A connection whose first attempt begins now. `seed` is what spreads the clients of a server that restarts.
    pub(crate) fn new(queue_limit: usize, bounds: Bounds, seed: u64) -> Self {
        Connection {
            state: State::Connecting,
            queue: Queue::new(queue_limit),
            backoff: Backoff::new(bounds, seed),
        }
    }

    /// How many messages wait for the connection.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// The attempt succeeded: the driver writes what [`next_queued`](Self::next_queued) gives.
    pub(crate) fn handle_open(&mut self, now: Time) {
        self.state = State::Open {
            since: now,
            history: History::Due,
        };
    }

    /// The server sent a message.
    pub(crate) fn handle_message(&mut self) -> Received {
        let State::Open { history, .. } = &mut self.state else {
            return Received::Unwanted;
        };
        match std::mem::replace(history, History::Received) {
            History::Due => Received::History,
            History::Received => Received::Live,
        }
    }

    /// The connection broke or the attempt failed, with this close code (1006 when there was none).
    pub(crate) fn handle_loss(&mut self, code: u16, now: Time) -> AfterLoss {
        if let State::Open { since, .. } = self.state
            && now.saturating_sub(since) >= STABLE_AFTER
        {
            self.backoff.reset();
        }
        match advice(code) {
            Advice::Stop => {
                self.state = State::Closed { by: Closer::Server };
                return AfterLoss::Stop;
            }
            Advice::Wait => self.backoff.exhaust(),
            Advice::Again => {}
        }
        self.state = State::Waiting;
        AfterLoss::Wait {
            retry_in: self.backoff.next_wait(),
        }
    }

    /// The wait is over, or there is a reason to end it early. True when a new attempt is to begin.
    #[must_use]
    pub(crate) fn handle_retry(&mut self) -> bool {
        let waiting = matches!(self.state, State::Waiting);
        if waiting {
            self.state = State::Connecting;
        }
        waiting
    }

    /// The app wants to send `message`.
    pub(crate) fn handle_send(&mut self, message: M, readiness: Readiness) -> Sent<M> {
        match (self.state, readiness) {
            (State::Closed { by: Closer::App }, _) => Sent::Refused(message, Refusal::ClosedByApp),
            (State::Closed { by: Closer::Server }, _) => Sent::Refused(message, Refusal::ClosedForGood),
            // While older messages wait (one of them is being written this instant), this one goes behind them.
            (State::Open { .. }, Readiness::Ready) if self.queue.is_empty() => Sent::Now(message),
            (State::Open { .. }, Readiness::Congested) => Sent::Refused(message, Refusal::Congested),
            _ => match self.queue.push(message) {
                Ok(()) => Sent::Queued,
                Err(message) => Sent::Refused(message, Refusal::QueueFull),
            },
        }
    }

    /// The next message to write. One at a time, so that what the app sends meanwhile keeps its place.
    pub(crate) fn next_queued(&mut self) -> Option<M> {
        match self.state {
            State::Open { .. } => self.queue.pop(),
            _ => None,
        }
    }

    /// The app wants no more of it.
    pub(crate) fn handle_close(&mut self) {
        self.state = State::Closed { by: Closer::App };
    }

    /// What waits, once it is closed: it is never sent.
    pub(crate) fn drain(&mut self) -> Vec<M> {
        self.queue.drain()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        min: Duration::from_millis(100),
        max: Duration::from_millis(800),
    };
    const START: Time = Time::ZERO;
    const SEED: u64 = 7;
    const BROKEN: u16 = 1006;
    const MALFORMED: u16 = 4000;
    const OVERLOADED: u16 = 1013;

    fn connecting() -> Connection<char> {
        Connection::new(2, BOUNDS, SEED)
    }

    fn open() -> Connection<char> {
        let mut connection = connecting();
        connection.handle_open(START);
        connection
    }

    /// Asserts that the wait after a loss is what a backoff of the same seed draws after `expected` was done to it.
    #[track_caller]
    fn check_wait(connection: &mut Connection<char>, code: u16, now: Time, expected: impl Fn(&mut Backoff)) {
        let mut backoff = Backoff::new(BOUNDS, SEED);
        expected(&mut backoff);
        let retry_in = backoff.next_wait();
        assert_eq!(connection.handle_loss(code, now), AfterLoss::Wait { retry_in });
    }

    fn after(waits: usize) -> impl Fn(&mut Backoff) {
        move |backoff| (0..waits).for_each(|_| _ = backoff.next_wait())
    }

    #[test]
    fn only_a_waiting_connection_is_retried() {
        let mut connection = connecting();
        assert!(!connection.handle_retry());
        connection.handle_open(START);
        assert!(!connection.handle_retry());
        let _ = connection.handle_loss(BROKEN, START);
        assert!(connection.handle_retry());
        assert!(!connection.handle_retry());
        connection.handle_close();
        assert!(!connection.handle_retry());
    }

    #[test]
    fn each_failed_attempt_takes_the_backoff_s_next_wait() {
        let mut connection = connecting();
        for attempts in 0..5 {
            check_wait(&mut connection, BROKEN, START, after(attempts));
            assert!(connection.handle_retry());
        }
    }

    #[test]
    fn only_a_connection_that_lived_a_while_makes_the_wait_short_again() {
        let mut connection = connecting();
        check_wait(&mut connection, BROKEN, START, after(0));
        connection.handle_open(START);
        let early = STABLE_AFTER - Duration::from_millis(1);
        check_wait(&mut connection, BROKEN, early, after(1));
        connection.handle_open(START);
        check_wait(&mut connection, BROKEN, STABLE_AFTER, |backoff| {
            after(2)(backoff);
            backoff.reset();
        });
    }

    #[test]
    fn an_overloaded_server_is_left_alone_for_the_longest_wait() {
        check_wait(&mut open(), OVERLOADED, START, Backoff::exhaust);
    }

    #[test]
    fn a_code_that_says_stop_closes_for_good() {
        let mut connection = open();
        assert_eq!(connection.handle_loss(MALFORMED, START), AfterLoss::Stop);
        assert!(!connection.handle_retry());
        let refused = Sent::Refused('a', Refusal::ClosedForGood);
        assert_eq!(connection.handle_send('a', Readiness::Closing), refused);
    }

    #[test]
    fn the_first_message_of_each_connection_is_history() {
        let mut connection = connecting();
        for _ in 0..2 {
            connection.handle_open(START);
            assert_eq!(connection.handle_message(), Received::History);
            assert_eq!(connection.handle_message(), Received::Live);
            let _ = connection.handle_loss(BROKEN, START);
            assert_eq!(connection.handle_message(), Received::Unwanted);
        }
    }

    #[test]
    fn messages_wait_for_the_connection_and_leave_in_order() {
        let mut connection = connecting();
        assert_eq!(connection.handle_send('a', Readiness::Closing), Sent::Queued);
        assert_eq!(connection.next_queued(), None);
        assert_eq!(connection.handle_send('b', Readiness::Closing), Sent::Queued);
        let full = Sent::Refused('c', Refusal::QueueFull);
        assert_eq!(connection.handle_send('c', Readiness::Closing), full);
        assert_eq!(connection.queued(), 2);
        connection.handle_open(START);
        assert_eq!(connection.next_queued(), Some('a'));
        // Sent while 'a' is being written.
        assert_eq!(connection.handle_send('d', Readiness::Ready), Sent::Queued);
        assert_eq!(connection.next_queued(), Some('b'));
        assert_eq!(connection.next_queued(), Some('d'));
        assert_eq!(connection.next_queued(), None);
        assert_eq!(connection.handle_send('e', Readiness::Ready), Sent::Now('e'));
    }

    #[test]
    fn a_socket_that_is_about_to_close_gets_nothing_more() {
        let mut connection = open();
        assert_eq!(connection.handle_send('a', Readiness::Closing), Sent::Queued);
        let _ = connection.handle_loss(BROKEN, START);
        connection.handle_open(START);
        assert_eq!(connection.next_queued(), Some('a'));
    }

    #[test]
    fn a_congested_socket_refuses() {
        let refused = Sent::Refused('a', Refusal::Congested);
        assert_eq!(open().handle_send('a', Readiness::Congested), refused);
    }

    #[test]
    fn after_a_close_by_the_app_nothing_is_taken_or_given() {
        let mut connection = connecting();
        assert_eq!(connection.handle_send('a', Readiness::Closing), Sent::Queued);
        connection.handle_close();
        assert_eq!(connection.next_queued(), None);
        assert_eq!(connection.drain(), ['a']);
        assert_eq!(connection.queued(), 0);
        assert_eq!(connection.handle_message(), Received::Unwanted);
        let refused = Sent::Refused('b', Refusal::ClosedByApp);
        assert_eq!(connection.handle_send('b', Readiness::Closing), refused);
    }
}
