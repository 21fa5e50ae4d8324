//! What a client shows of itself, and what it is told of the others.

use patchcast_session::{Config, Restored};

use crate::script::{LIVE, check, check_live, check_with};

#[test]
fn the_newest_presence_is_sent_at_most_every_50_ms() {
    check_live(
        "
        show a
        | -> presence a
        10 show b
        10 show c
        30 wake
        | -> presence c
        50 show d
        | -> presence d
        1000 show e
        | -> presence e",
    );
}

#[test]
fn the_presence_is_shown_after_every_welcome() {
    check(
        "
        | connecting
        | connect
        show a
        connected
        | joining
        | -> hello
        show b
        welcome 1 1
        | -> presence b
        entries 0 x
        | entry 1 x history
        | live
        disconnected 1006
        | offline: 1006 why
        retry
        | connecting
        | connect
        100 connected
        | joining
        | -> hello since 1 1
        welcome 1 1
        | -> presence b
        | live",
    );
}

#[test]
fn a_presence_that_waits_does_not_hide_the_heartbeat() {
    check_live(
        "
        14980 show a
        | -> presence a
        10 show b
        10 wake
        | -> ping
        30 wake
        | -> presence b
        9970 wake
        | disconnect 4200 no sign of life
        | offline: 4200 no sign of life",
    );
}

#[test]
fn the_others_are_lost_with_the_connection() {
    let config = Config {
        presence: true,
        ..Config::default()
    };
    let script = "
        others ann
        | others ann
        disconnected 1006
        | others lost
        | offline: 1006 why
        retry
        | connecting
        | connect
        disconnected 1006
        | offline: 1006 why";
    check_with(config, Restored::default(), &format!("{LIVE}{script}"));
}

#[test]
fn a_presence_that_the_server_refuses_is_told_and_the_connection_stays() {
    check_live(
        "
        show a
        | -> presence a
        error
        | error BadPresence why
        entries 0 x
        | entry 1 x",
    );
}
