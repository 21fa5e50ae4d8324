//! A script says what happens to a session and what must come of it, in virtual time.
//!
//! A line is an input, or an output after a `|`. A number before an input lets so many milliseconds pass first; no timer may be due
//! in them but by a line `wake`, which must stand at exactly its time, or `retry`, which takes whatever time the backoff drew.

use std::time::Duration;

use patchcast_protocol::ids::{Epoch, OpId, Position, Secret, Seq, Timestamp};
use patchcast_protocol::message::{Ack, ClientMessage, Durability, ErrorCode, RejectCode, ResetCode};
use patchcast_session::{
    Arrived, Config, Event, Input, Op, OpState, Output, Own, Phase, Received, Rejection, Restored, Session,
    Time, Welcome,
};

/// Plays a script to a session with the default settings and without a past.
#[track_caller]
pub fn check(script: &str) {
    check_with(Config::default(), Restored::default(), script);
}

/// Plays a script from the first output on. The session must do what it says and nothing more.
#[track_caller]
pub fn check_with(config: Config, restored: Restored<String>, script: &str) {
    let mut player = Player::new(config, restored);
    player.drain();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !line.starts_with('|') {
            player.play(line);
        }
    }
    let expected: Vec<&str> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(
        player.transcript.join("\n"),
        expected.join("\n"),
        "left: what came, right: the script"
    );
}

/// Ops that an earlier life left, with their contents, and the position `seq` of epoch 1.
pub fn restored(seq: u64, pending: &[(u64, &str)]) -> Restored<String> {
    let op = |&(id, data): &(u64, &str)| Op {
        id: OpId(id),
        data: data.to_owned(),
        bytes: data.len(),
    };
    Restored {
        last_id: OpId(pending.last().map_or(0, |last| last.0)),
        pending: pending.iter().map(op).collect(),
        position: Some(Position {
            epoch: Epoch(1),
            seq: Seq(seq),
        }),
    }
}

/// What brings a session of an empty room to life: the beginning of many scripts.
pub const LIVE: &str = "
    | connecting
    | connect
    connected
    | joining
    | -> hello
    welcome 1 0
    | live";

/// [`LIVE`], and what follows.
#[track_caller]
pub fn check_live(script: &str) {
    check(&format!("{LIVE}{script}"));
}

struct Player {
    session: Session<String>,
    now: Time,
    wake_at: Option<Time>,
    transcript: Vec<String>,
}

impl Player {
    fn new(config: Config, restored: Restored<String>) -> Self {
        let secret = Secret::parse("a-secret-of-22-letters").unwrap();
        Player {
            session: Session::new(config, secret, restored, 7, Duration::from_secs(1)),
            now: Duration::from_secs(1),
            wake_at: None,
            transcript: Vec::new(),
        }
    }

    #[track_caller]
    fn play(&mut self, line: &str) {
        let mut words = line.split(' ').peekable();
        let wait = words.peek().and_then(|word| word.parse().ok());
        if let Some(millis) = wait {
            words.next();
            self.now += Duration::from_millis(millis);
        }
        let verb = words.next().unwrap();
        let args: Vec<&str> = words.collect();
        let due = self.wake_at.filter(|at| *at <= self.now);
        match verb {
            "wake" => assert_eq!(
                self.wake_at,
                Some(self.now),
                "{line}: the timer is set to another time"
            ),
            "retry" => self.now = self.wake_at.unwrap(),
            "late" => self.now = self.now.max(self.wake_at.unwrap()),
            _ => assert_eq!(due, None, "{line}: a timer was due before, now is {:?}", self.now),
        }
        if let "wake" | "retry" | "late" | "woken" = verb {
            // A timer rings once.
            self.wake_at = None;
        }
        self.transcript.push(line.to_owned());
        if verb == "submit" {
            let result = self.session.submit(args[0].to_owned(), args[0].len());
            self.transcript.push(match result {
                Ok(id) => format!("| = {id}"),
                Err(error) => format!("| = {error:?}"),
            });
        } else {
            self.session.handle_input(self.now, input(verb, &args));
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::WakeAt(at) => self.wake_at = Some(at),
                output => self.transcript.push(format!("| {}", show(&output))),
            }
        }
        if let Phase::Closed = self.session.phase() {
            self.wake_at = None;
        }
    }
}

fn input(verb: &str, args: &[&str]) -> Input<String> {
    let number = |index: usize| args[index].parse::<u64>().unwrap();
    let reason = "why".into();
    match verb {
        "connected" => Input::Connected,
        "unreadable" => Input::Unreadable("not JSON".into()),
        "disconnected" => Input::Disconnected {
            code: number(0) as u16,
            reason,
        },
        "wake" | "retry" | "late" | "woken" => Input::Woken,
        "online" => Input::Online,
        "show" => Input::Presence(args[0].to_owned()),
        "close" => Input::Close,
        "welcome" => Input::Received(Received::Welcome(Welcome {
            epoch: Epoch(number(0)),
            head: Seq(number(1)),
            last_op: OpId(args.get(2).map_or(0, |_| number(2))),
            durability: Durability::Fsync,
            max_message: 1000,
        })),
        "reset" => Input::Received(Received::Reset {
            code: ResetCode::Ahead,
            reason,
        }),
        "entries" => Input::Received(Received::Entries {
            after: Seq(number(0)),
            entries: args[1..].iter().copied().map(arrived).collect(),
        }),
        "ack" => Input::Received(Received::Ack(Ack {
            id: OpId(number(0)),
            seq: Seq(number(1)),
            time: Timestamp(9),
            durability: Durability::Os,
        })),
        "reject" => Input::Received(Received::Reject {
            id: OpId(number(0)),
            code: RejectCode::IdPassed,
            reason,
        }),
        "others" => Input::Received(Received::Presence(args[0].to_owned())),
        "pong" => Input::Received(Received::Pong),
        "error" => Input::Received(Received::Error {
            code: ErrorCode::BadPresence,
            reason,
        }),
        unknown => panic!("what is {unknown}?"),
    }
}

/// `a` is another client's entry, `a#3` the own op 3.
fn arrived(word: &str) -> Arrived<String> {
    let (entry, own) = match word.split_once('#') {
        Some((entry, id)) => (entry, Some(OpId(id.parse().unwrap()))),
        None => (word, None),
    };
    Arrived {
        own: own.map(|id| Own {
            id,
            time: Timestamp(8),
        }),
        entry: entry.to_owned(),
    }
}

fn show(output: &Output<String>) -> String {
    match output {
        Output::Connect => "connect".into(),
        Output::Disconnect { code, reason } => format!("disconnect {code} {reason}").trim().into(),
        Output::Send(ClientMessage::Hello(hello)) => match hello.since {
            Some(since) => format!("-> hello since {} {}", since.epoch.0, since.seq.0),
            None => "-> hello".into(),
        },
        Output::Send(ClientMessage::Op { id, data }) => format!("-> {id} {data}"),
        Output::Send(ClientMessage::Presence { data }) => format!("-> presence {data}"),
        Output::Send(ClientMessage::Ping) => "-> ping".into(),
        Output::Send(message @ (ClientMessage::Change(_) | ClientMessage::Diverged { .. })) => {
            panic!("a stream's session sends {message:?}")
        }
        Output::WakeAt(at) => format!("wake {at:?}"),
        Output::Event(event) => show_event(event),
    }
}

fn show_event(event: &Event<String>) -> String {
    match event {
        Event::Phase(phase, closure) => {
            let phase = match phase {
                Phase::Offline { .. } => "offline",
                Phase::Connecting => "connecting",
                Phase::Joining => "joining",
                Phase::Live => "live",
                Phase::Closed => "closed",
            };
            match closure {
                Some(closure) => format!("{phase}: {} {}", closure.code, closure.reason),
                None => phase.into(),
            }
        }
        Event::Entry {
            seq,
            entry,
            own,
            history,
        } => {
            let own = if *own { " own" } else { "" };
            let history = if *history { " history" } else { "" };
            format!("{seq} {entry}{own}{history}")
        }
        Event::OwnEntry { seq, id, data, .. } => format!("{seq} {data} own {id}"),
        Event::Op { id, state } => match state {
            OpState::Sent => format!("{id} sent"),
            OpState::Ordered(ack) => format!("{id} is {} {}", ack.seq, ack.durability.name()),
            OpState::Rejected(Rejection::TooLarge) => format!("{id} too large"),
            OpState::Rejected(Rejection::Refused { code, reason }) => format!("{id} {code:?} {reason}"),
        },
        Event::Reset { code, reason } => format!("reset {code:?} {reason}"),
        Event::Presence(change) => format!("others {change}"),
        Event::PresenceLost => "others lost".into(),
        Event::Error { code, reason } => format!("error {code:?} {reason}"),
    }
}
