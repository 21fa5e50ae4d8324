//! The room's log as it arrives: next, already seen, a gap; and the reset.

use crate::script::{check, check_live, check_with, restored};
use patchcast_session::Config;

#[test]
fn entries_that_were_seen_are_passed_over() {
    check_live(
        "
        entries 0 a b
        | entry 1 a
        | entry 2 b
        entries 0 a b
        entries 1 b c
        | entry 3 c
        entries 3",
    );
}

#[test]
fn a_gap_ends_the_connection_and_the_next_one_resumes() {
    check_live(
        "
        entries 0 a
        | entry 1 a
        entries 2 c
        | disconnect 4000 a gap in the entries
        | offline: 4000 a gap in the entries
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 1
        welcome 1 3
        entries 1 b c
        | entry 2 b history
        | entry 3 c history
        | live",
    );
}

#[test]
fn a_gap_before_an_ack_ends_the_connection() {
    check_live(
        "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        ack 1 2
        | disconnect 4000 a gap before an ack
        | offline: 4000 a gap before an ack
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
        | live",
    );
}

#[test]
fn a_reset_forgets_the_position() {
    check_live(
        "
        entries 0 a b
        | entry 1 a
        | entry 2 b
        disconnected 1001
        | offline: 1001 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 2
        reset
        | reset Ahead why
        welcome 2 1
        entries 0 z
        | entry 1 z history
        | live
        disconnected 1001
        | offline: 1001 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 2 1",
    );
}

#[test]
fn what_waits_during_a_reset_is_delivered_in_its_place() {
    check_with(
        Config::default(),
        restored(2, &[]),
        "
        | connecting
        | connect
        submit a
        | = op 1
        connected
        | joining
        | -> hello since 1 2
        reset
        | reset Ahead why
        submit b
        | = op 2
        welcome 2 0
        | live
        | -> op 1 a
        | op 1 sent
        | -> op 2 b
        | op 2 sent
        ack 1 1
        | op 1 is entry 1 os
        | entry 1 a own op 1
        ack 2 2
        | op 2 is entry 2 os",
    );
}

#[test]
fn own_entries_from_before_a_reset_come_again() {
    check_live(
        "
        submit a
        | = op 1
        | -> op 1 a
        | op 1 sent
        ack 1 1
        | op 1 is entry 1 os
        disconnected 1001
        | offline: 1001 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 1
        reset
        | reset Ahead why
        welcome 1 1 1
        entries 0 a#1
        | entry 1 a own history
        | live",
    );
}

#[test]
fn an_empty_log_has_no_position_to_resume_from() {
    check_live(
        "
        disconnected 1001
        | offline: 1001 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome 2 0
        | live",
    );
}

#[test]
fn a_connection_lost_while_catching_up_resumes_where_it_stood() {
    check(
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome 1 9
        entries 0 a b
        | entry 1 a history
        | entry 2 b history
        disconnected 1006
        | offline: 1006 why
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello since 1 2",
    );
}
