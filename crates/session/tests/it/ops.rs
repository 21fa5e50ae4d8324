//! Ops: sent once live, pipelined, sent again until they are settled, and never twice in the room.

use patchcast_session::{Config, Restored};

use crate::script::{LIVE, check, check_live, check_with};

#[test]
fn ops_are_sent_one_after_the_other_without_waiting_and_are_not_delivered() {
    check_live(
        "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        submit b
        | = op 2
        | -> op 2 b
        | op 2 sent
        entries 0 x
        | entry 1 x
        ack 1 2
        | op 1 is entry 2 os
        entries 2 y
        | entry 3 y
        ack 2 4
        | op 2 is entry 4 os",
    );
}

#[test]
fn what_is_submitted_before_it_is_live_is_sent_then() {
    check(
        "
        | connecting
        | connect
        submit a
        | = op 1
        connected
        | joining
        | -> hello
        submit b
        | = op 2
        welcome 1 1
        submit c
        | = op 3
        entries 0 x
        | entry 1 x history
        | live
        | -> op 1 a
        | op 1 sent
        | -> op 2 b
        | op 2 sent
        | -> op 3 c
        | op 3 sent
        ack 1 2
        | op 1 is entry 2 os",
    );
}

#[test]
fn what_was_not_acknowledged_is_sent_again_in_order_and_unchanged() {
    check_live(
        "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        submit b
        | = op 2
        | -> op 2 b
        | op 2 sent
        ack 1 1
        | op 1 is entry 1 os
        disconnected 1006
        | offline: 1006 why
        submit c
        | = op 3
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 1
        welcome 1 1 1
        | live
        | -> op 2 b
        | op 2 sent
        | -> op 3 c
        | op 3 sent",
    );
}

#[test]
fn an_op_whose_ack_was_lost_is_settled_by_its_entry_and_not_sent_again() {
    check_live(
        "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        submit b
        | = op 2
        | -> op 2 b
        | op 2 sent
        disconnected 1006
        | offline: 1006 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome 1 2 1
        entries 0 x a#1
        | entry 1 x history
        | op 1 is entry 2 fsync
        | live
        | -> op 2 b
        | op 2 sent",
    );
}

#[test]
fn an_ack_at_or_before_the_position_answers_an_op_that_was_sent_again() {
    check_live(
        "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        entries 0 x y
        | entry 1 x
        | entry 2 y
        ack 1 2
        | op 1 is entry 2 os
        ack 1 2
        entries 2 z
        | entry 3 z",
    );
}

#[test]
fn a_rejected_op_is_settled_and_the_next_ones_go_on() {
    check_live(
        "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        submit b
        | = op 2
        | -> op 2 b
        | op 2 sent
        reject 1
        | op 1 IdPassed why
        reject 1
        reject 77
        ack 2 1
        | op 2 is entry 1 os
        disconnected 1006
        | offline: 1006 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 1
        welcome 1 1 2
        | live",
    );
}

#[test]
fn more_ops_than_the_limit_are_not_taken_until_one_is_settled() {
    let config = Config {
        pending_limit: 2,
        ..Config::default()
    };
    let script = "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        submit b
        | = op 2
        | -> op 2 b
        | op 2 sent
        submit c
        | = QueueFull
        ack 1 1
        | op 1 is entry 1 os
        submit c
        | = op 3
        | -> op 3 c
        | op 3 sent";
    check_with(config, Restored::default(), &format!("{LIVE}{script}"));
}

/// `{"type":"op","id":1,"data":DATA}` has 28 bytes without its data, and the scripts' server takes 1000.
#[test]
fn an_op_above_the_servers_limit_is_never_sent() {
    let (fits, too_large) = ("x".repeat(972), "x".repeat(973));
    check_live(&format!(
        "
        submit {too_large}
        | = TooLarge
        submit {fits}
        | = op 1
        | -> op 1 {fits}
        | op 1 sent"
    ));
    check(&format!(
        "
        | connecting
        | connect
        submit {too_large}
        | = op 1
        submit {fits}
        | = op 2
        connected
        | joining
        | -> hello
        welcome 1 0
        | live
        | op 1 too large
        | -> op 2 {fits}
        | op 2 sent"
    ));
}

#[test]
fn an_op_with_an_id_of_two_digits_is_a_byte_longer() {
    let fits = "x".repeat(972);
    check(&format!(
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome 1 0 8
        | live
        submit {fits}
        | = op 9
        | -> op 9 {fits}
        | op 9 sent
        submit {fits}
        | = TooLarge"
    ));
}

#[test]
fn ids_go_on_above_those_that_the_room_knows() {
    check(
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome 1 0 41
        | live
        submit a
        | = op 42
        | -> op 42 a
        | op 42 sent",
    );
}

#[test]
fn an_app_that_takes_all_from_the_room_gets_its_own_ops_in_their_places() {
    let config = Config {
        echo: true,
        ..Config::default()
    };
    let script = "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        submit b
        | = op 2
        | -> op 2 b
        | op 2 sent
        ack 1 1
        | op 1 is entry 1 os
        | entry 1 a own op 1
        disconnected 1006
        | offline: 1006 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 1
        welcome 1 2 2
        entries 1 b#2
        | op 2 is entry 2 fsync
        | entry 2 b own history
        | live";
    check_with(config, Restored::default(), &format!("{LIVE}{script}"));
}
