//! The life of a connection: connecting, open, waiting to try again, closed.
//!
//! Pure: no socket, no clock and no random number, those are arguments. The driver tells what happened through
//! `handle_*` and does what the answer says.

use patchcast_protocol::close::{Advice, advice};

use crate::backoff::{Backoff, Bounds};
use crate::limits::STABLE_AFTER_MS;
use crate::queue::Queue;

/// What the app is told of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Connecting,
    Open,
    Reconnecting,
    Closed,
}

impl Status {
    /// The name in the TypeScript types.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Status::Connecting => "connecting",
            Status::Open => "open",
            Status::Reconnecting => "reconnecting",
            Status::Closed => "closed",
        }
    }
}

/// `M` is a message as it goes on the wire.
#[derive(Debug)]
pub(crate) struct Connection<M> {
    state: State,
    queue: Queue<M>,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// An attempt is under way: the first, or one after others.
    Connecting {
        again: Again,
    },
    /// The handshake is done. The first message is the room's history.
    Open {
        since_ms: f64,
        history: History,
    },
    /// The connection broke or an attempt failed, and the backoff runs.
    Waiting,
    Closed {
        by: Closer,
    },
}

#[derive(Clone, Copy, Debug)]
enum Again {
    First,
    Later,
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
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub(crate) enum AfterLoss {
    Wait { retry_in_ms: f64 },
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

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Sent<M> {
    /// Write it.
    Now(M),
    /// It waits for the connection.
    Queued,
    Refused(Refusal),
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    QueueFull,
    Congested,
    ClosedByApp,
    ClosedByServer,
}

impl<M> Connection<M> {
    /// A connection whose first attempt begins now.
    pub(crate) fn new(queue_limit: usize, bounds: Bounds) -> Self {
        Connection {
            state: State::Connecting { again: Again::First },
            queue: Queue::new(queue_limit),
            backoff: Backoff::new(bounds),
        }
    }

    pub(crate) fn status(&self) -> Status {
        match self.state {
            State::Connecting { again: Again::First } => Status::Connecting,
            State::Connecting { again: Again::Later } | State::Waiting => Status::Reconnecting,
            State::Open { .. } => Status::Open,
            State::Closed { .. } => Status::Closed,
        }
    }

    /// How many messages wait for the connection.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_closed_by_app(&self) -> bool {
        matches!(self.state, State::Closed { by: Closer::App })
    }

    /// The attempt succeeded: the driver writes what [`next_queued`](Self::next_queued) gives.
    pub(crate) fn handle_open(&mut self, now_ms: f64) {
        self.state = State::Open {
            since_ms: now_ms,
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
    /// `random` is uniform in `0.0..1.0`.
    pub(crate) fn handle_loss(&mut self, code: u16, now_ms: f64, random: f64) -> AfterLoss {
        if let State::Open { since_ms, .. } = self.state
            && now_ms - since_ms >= STABLE_AFTER_MS
        {
            self.backoff.reset();
        }
        match advice(code) {
            Advice::Stop => {
                self.close(Closer::Server);
                return AfterLoss::Stop;
            }
            Advice::Wait => self.backoff.exhaust(),
            Advice::Again => {}
        }
        self.state = State::Waiting;
        AfterLoss::Wait {
            retry_in_ms: self.backoff.next_ms(random),
        }
    }

    /// The wait is over, or there is a reason to end it early. True when a new attempt is to begin.
    #[must_use]
    pub(crate) fn handle_retry(&mut self) -> bool {
        let waiting = matches!(self.state, State::Waiting);
        if waiting {
            self.state = State::Connecting { again: Again::Later };
        }
        waiting
    }

    /// The app wants to send `message`.
    pub(crate) fn handle_send(&mut self, message: M, readiness: Readiness) -> Sent<M> {
        match (self.state, readiness) {
            (State::Closed { by: Closer::App }, _) => Sent::Refused(Refusal::ClosedByApp),
            (State::Closed { by: Closer::Server }, _) => Sent::Refused(Refusal::ClosedByServer),
            // While older messages wait (one of them is being written this instant), this one goes behind them.
            (State::Open { .. }, Readiness::Ready) if self.queue.is_empty() => Sent::Now(message),
            (State::Open { .. }, Readiness::Congested) => Sent::Refused(Refusal::Congested),
            _ => match self.queue.push(message) {
                Ok(()) => Sent::Queued,
                Err(_) => Sent::Refused(Refusal::QueueFull),
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

    /// The app wants no more of it. What waits is dropped.
    pub(crate) fn handle_close(&mut self) {
        self.close(Closer::App);
    }

    fn close(&mut self, by: Closer) {
        self.state = State::Closed { by };
        self.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        min_ms: 100.0,
        max_ms: 800.0,
    };
    const BROKEN: u16 = 1006;
    const MALFORMED: u16 = 4000;
    const OVERLOADED: u16 = 1013;

    fn connecting() -> Connection<char> {
        Connection::new(2, BOUNDS)
    }

    fn open() -> Connection<char> {
        let mut connection = connecting();
        connection.handle_open(0.0);
        connection
    }

    fn wait(retry_in_ms: f64) -> AfterLoss {
        AfterLoss::Wait { retry_in_ms }
    }

    #[test]
    fn a_first_attempt_connects_and_later_ones_reconnect() {
        let mut connection = connecting();
        assert_eq!(connection.status(), Status::Connecting);
        assert_eq!(connection.handle_loss(BROKEN, 1.0, 1.0), wait(100.0));
        assert_eq!(connection.status(), Status::Reconnecting);
        assert!(connection.handle_retry());
        assert_eq!(connection.status(), Status::Reconnecting);
        connection.handle_open(2.0);
        assert_eq!(connection.status(), Status::Open);
    }

    #[test]
    fn only_a_waiting_connection_is_retried() {
        let mut connection = connecting();
        assert!(!connection.handle_retry());
        connection.handle_open(0.0);
        assert!(!connection.handle_retry());
        let _ = connection.handle_loss(BROKEN, 1.0, 1.0);
        assert!(connection.handle_retry());
        assert!(!connection.handle_retry());
        connection.handle_close();
        assert!(!connection.handle_retry());
    }

    #[test]
    fn each_failed_attempt_doubles_the_wait() {
        let mut connection = connecting();
        for longest in [100.0, 200.0, 400.0, 800.0, 800.0] {
            assert_eq!(connection.handle_loss(BROKEN, 0.0, 1.0), wait(longest));
            assert!(connection.handle_retry());
        }
    }

    #[test]
    fn a_connection_that_broke_at_once_does_not_shorten_the_wait() {
        let mut connection = connecting();
        assert_eq!(connection.handle_loss(BROKEN, 0.0, 1.0), wait(100.0));
        connection.handle_open(0.0);
        let early = STABLE_AFTER_MS - 1.0;
        assert_eq!(connection.handle_loss(BROKEN, early, 1.0), wait(200.0));
        connection.handle_open(0.0);
        assert_eq!(connection.handle_loss(BROKEN, STABLE_AFTER_MS, 1.0), wait(100.0));
    }

    #[test]
    fn an_overloaded_server_is_left_alone_for_the_longest_wait() {
        assert_eq!(open().handle_loss(OVERLOADED, 1e6, 1.0), wait(800.0));
    }

    #[test]
    fn a_code_that_says_stop_closes_for_good() {
        let mut connection = open();
        assert_eq!(connection.handle_loss(MALFORMED, 1.0, 1.0), AfterLoss::Stop);
        assert_eq!(connection.status(), Status::Closed);
        assert!(!connection.is_closed_by_app());
        let refused = Sent::Refused(Refusal::ClosedByServer);
        assert_eq!(connection.handle_send('a', Readiness::Closing), refused);
    }

    #[test]
    fn the_first_message_of_each_connection_is_history() {
        let mut connection = connecting();
        for _ in 0..2 {
            connection.handle_open(0.0);
            assert_eq!(connection.handle_message(), Received::History);
            assert_eq!(connection.handle_message(), Received::Live);
            let _ = connection.handle_loss(BROKEN, 1.0, 1.0);
            assert_eq!(connection.handle_message(), Received::Unwanted);
        }
    }

    #[test]
    fn messages_wait_for_the_connection_and_leave_in_order() {
        let mut connection = connecting();
        assert_eq!(connection.handle_send('a', Readiness::Closing), Sent::Queued);
        assert_eq!(connection.next_queued(), None);
        assert_eq!(connection.handle_send('b', Readiness::Closing), Sent::Queued);
        let full = Sent::Refused(Refusal::QueueFull);
        assert_eq!(connection.handle_send('c', Readiness::Closing), full);
        assert_eq!(connection.queued(), 2);
        connection.handle_open(0.0);
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
        let _ = connection.handle_loss(BROKEN, 1.0, 1.0);
        connection.handle_open(2.0);
        assert_eq!(connection.next_queued(), Some('a'));
    }

    #[test]
    fn a_congested_socket_refuses() {
        let refused = Sent::Refused(Refusal::Congested);
        assert_eq!(open().handle_send('a', Readiness::Congested), refused);
    }

    #[test]
    fn after_a_close_by_the_app_nothing_is_taken_or_given() {
        let mut connection = connecting();
        assert_eq!(connection.handle_send('a', Readiness::Closing), Sent::Queued);
        connection.handle_close();
        assert_eq!(connection.status(), Status::Closed);
        assert!(connection.is_closed_by_app());
        assert_eq!(connection.queued(), 0);
        assert_eq!(connection.next_queued(), None);
        assert_eq!(connection.handle_message(), Received::Unwanted);
        let refused = Sent::Refused(Refusal::ClosedByApp);
        assert_eq!(connection.handle_send('b', Readiness::Closing), refused);
    }
}
