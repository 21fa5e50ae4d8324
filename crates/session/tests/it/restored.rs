//! A client that lived before: its position and its ops go on.

use patchcast_protocol::ids::{OpId, Secret};
use patchcast_session::{Config, Restored, Session, Time};

use crate::script::{check_with, restored};

#[test]
fn ops_of_an_earlier_life_are_sent_and_delivered_in_their_places() {
    check_with(
        Config::default(),
        restored(5, &[(3, "a"), (7, "b")]),
        "
        | connecting
        | connect
        submit c
        | = op 8
        connected
        | joining
        | -> hello since 1 5
        welcome 1 6 2
        entries 5 x
        | entry 6 x history
        | live
        | -> op 3 a
        | op 3 sent
        | -> op 7 b
        | op 7 sent
        | -> op 8 c
        | op 8 sent
        ack 3 7
        | op 3 is entry 7 os
        | entry 7 a own op 3
        entries 7 y
        | entry 8 y
        ack 7 9
        | op 7 is entry 9 os
        | entry 9 b own op 7
        ack 8 10
        | op 8 is entry 10 os",
    );
}

#[test]
fn an_op_that_the_room_had_taken_is_delivered_from_the_log() {
    check_with(
        Config::default(),
        restored(5, &[(3, "a")]),
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 5
        welcome 1 6 3
        entries 5 a#3
        | op 3 is entry 6 fsync
        | entry 6 a own history
        | live",
    );
}

#[test]
fn an_op_whose_entry_lies_before_the_position_is_settled_and_not_delivered_again() {
    check_with(
        Config::default(),
        restored(5, &[(3, "a")]),
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 5
        welcome 1 5 3
        | live
        | -> op 3 a
        | op 3 sent
        ack 3 4
        | op 3 is entry 4 os
        entries 5 x
        | entry 6 x",
    );
}

#[test]
fn from_the_start_everything_comes_once() {
    let from_the_start = Restored {
        position: None,
        ..restored(0, &[(2, "b")])
    };
    check_with(
        Config::default(),
        from_the_start,
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome 1 3 2
        entries 0 a#1 x b#2
        | entry 1 a own history
        | entry 2 x history
        | op 2 is entry 3 fsync
        | entry 3 b own history
        | live",
    );
}

#[test]
fn more_ops_than_the_limit_are_restored_and_none_is_taken_on_top() {
    let config = Config {
        pending_limit: 1,
        ..Config::default()
    };
    check_with(
        config,
        restored(0, &[(1, "a"), (2, "b")]),
        "
        | connecting
        | connect
        submit c
        | = QueueFull
        connected
        | joining
        | -> hello
        welcome 1 0
        | live
        | -> op 1 a
        | op 1 sent
        | -> op 2 b
        | op 2 sent",
    );
}

#[test]
fn ids_go_on_above_those_that_still_wait() {
    let without_last_id = Restored {
        last_id: OpId::NONE,
        ..restored(0, &[(7, "a")])
    };
    check_with(
        Config::default(),
        without_last_id,
        "
        | connecting
        | connect
        submit b
        | = op 8",
    );
}

/// Regression: the entry of the room's op 6 was taken for the op 6 of a life that had been restored from an old copy, so that op was
/// reported as stored, and was nowhere.
#[test]
fn an_id_that_was_used_again_before_the_room_could_say_so_is_rejected() {
    check_with(
        Config::default(),
        restored(3, &[(5, "a")]),
        "
        | connecting
        | connect
        submit new
        | = op 6
        connected
        | joining
        | -> hello since 1 3
        welcome 1 5 7
        | op 6 IdReused an earlier op has this id
        submit later
        | = op 8
        entries 3 a#5 old#6
        | op 5 is entry 4 fsync
        | entry 4 a own history
        | entry 5 old own history
        | live
        | -> op 8 later
        | op 8 sent",
    );
}

#[test]
fn what_a_life_leaves_is_what_the_next_one_goes_on_with() {
    let secret = Secret::parse("a-secret-of-22-letters").unwrap();
    let first = restored(3, &[(5, "a")]);
    let mut session: Session<String> = Session::new(Config::default(), secret, first, 1, Time::ZERO);
    session.submit("b".into(), 1).unwrap();
    assert_eq!(session.snapshot(), restored(3, &[(5, "a"), (6, "b")]));
}
