//! Coming to life, losing the connection, and coming back or not.

use std::time::Duration;

use patchcast_protocol::ids::Secret;
use patchcast_session::{Config, Input, Output, Phase, Restored, Session, Time};

use crate::script::{check, check_live};

#[test]
fn an_empty_room_is_live_with_its_welcome() {
    check_live("");
}

#[test]
fn a_room_is_live_once_all_is_there_that_it_had_at_the_welcome() {
    check(
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome 1 3
        entries 0 a b
        | entry 1 a history
        | entry 2 b history
        entries 2 c d
        | entry 3 c history
        | entry 4 d
        | live
        entries 4 e
        | entry 5 e",
    );
}

#[test]
fn a_connection_that_broke_is_resumed_after_the_last_entry() {
    check_live(
        "
        entries 0 a b
        | entry 1 a
        | entry 2 b
        disconnected 1006
        | offline: 1006 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 2
        welcome 1 3
        entries 2 c
        | entry 3 c history
        | live",
    );
}

#[test]
fn an_attempt_without_an_answer_ends_in_time() {
    check(
        "
        | connecting
        | connect
        10000 wake
        | disconnect 4200 no answer in time
        | offline: 4200 no answer in time
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello
        10000 wake
        | disconnect 4200 no welcome in time
        | offline: 4200 no welcome in time",
    );
}

#[test]
fn a_pong_is_no_welcome() {
    check(
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello
        9999 pong
        1 wake
        | disconnect 4200 no welcome in time
        | offline: 4200 no welcome in time",
    );
}

#[test]
fn a_close_code_that_says_stop_ends_it() {
    for code in [1000, 1002, 1008, 4000, 4003, 4099] {
        check_live(&format!(
            "
            disconnected {code}
            | closed: {code} why
            submit a
            | = Closed
            online
            connected
            woken
            show b
            pong
            close"
        ));
    }
}

#[test]
fn closing_ends_it_in_every_phase() {
    check("| connecting\n| connect\nclose\n| disconnect 1000\n| closed\nclose");
    check("| connecting\n| connect\nconnected\n| joining\n| -> hello\nclose\n| disconnect 1000\n| closed");
    check("| connecting\n| connect\ndisconnected 1006\n| offline: 1006 why\nclose\n| closed\nwoken");
    check_live("\nclose\n| disconnect 1000\n| closed\ndisconnected 1006");
}

#[test]
fn a_network_that_is_back_ends_the_wait() {
    check(
        "
        | connecting
        | connect
        disconnected 1006
        | offline: 1006 why
        online
        | connecting
        | connect
        online",
    );
}

#[test]
fn what_comes_of_a_connection_that_is_no_more_counts_for_nothing() {
    check_live(
        "
        disconnected 1006
        | offline: 1006 why
        entries 0 a
        unreadable
        connected
        disconnected 1000",
    );
}

/// The times between being offline and the next attempt, when every connection ends with `code` after it was live for `lived`.
fn waits(seed: u64, code: u16, lived: Duration) -> Vec<Duration> {
    let secret = Secret::parse("a-secret-of-22-letters").unwrap();
    let mut now = Time::ZERO;
    let mut session: Session<()> = Session::new(Config::default(), secret, Restored::default(), seed, now);
    let mut waits = Vec::new();
    for _ in 0..8 {
        session.handle_input(now, Input::Connected);
        let welcome = patchcast_session::Welcome {
            epoch: Default::default(),
            head: Default::default(),
            last_op: Default::default(),
            durability: patchcast_protocol::message::Durability::Memory,
            max_message: 1,
        };
        session.handle_input(
            now,
            Input::Received(patchcast_session::Received::Welcome(welcome)),
        );
        now += lived;
        let reason = "".into();
        session.handle_input(now, Input::Disconnected { code, reason });
        let Phase::Offline { retry_at } = session.phase() else {
            panic!("{code} ended it")
        };
        waits.push(retry_at - now);
        now = retry_at;
        session.handle_input(now, Input::Woken);
        assert_eq!(session.phase(), Phase::Connecting);
        while let Some(output) = session.poll_output() {
            assert!(!matches!(output, Output::Disconnect { .. }));
        }
    }
    waits
}

/// The longest of the nth waits of many clients, in milliseconds.
fn longest(code: u16, lived: Duration, n: usize) -> u128 {
    let nth = (0..300).map(|seed| waits(seed, code, lived)[n].as_millis());
    nth.max().unwrap()
}

#[track_caller]
fn assert_near(longest: u128, ceiling: u128) {
    assert!(
        (ceiling * 9 / 10..=ceiling).contains(&longest),
        "{longest} of {ceiling}"
    );
}

#[test]
fn waits_double_until_a_connection_has_lived_for_a_while() {
    let short = Duration::from_millis(4999);
    for (n, ceiling) in [(0, 500), (1, 1000), (2, 2000), (5, 16000), (6, 20000), (7, 20000)] {
        assert_near(longest(1006, short, n), ceiling);
    }
    let stable = Duration::from_secs(5);
    for n in [0, 1, 7] {
        assert_near(longest(1001, stable, n), 500);
    }
}

#[test]
fn a_close_code_that_says_wait_waits_long_at_once() {
    for code in [1011, 1013, 4100] {
        assert_near(longest(code, Duration::from_secs(9), 0), 20000);
    }
}
