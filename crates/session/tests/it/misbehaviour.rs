//! A server that does not keep to the protocol is left, with a reason, and tried again.

use crate::script::{check, check_live, check_with, restored};
use patchcast_session::Config;

#[test]
fn nothing_comes_before_the_welcome() {
    for message in ["entries 0 a", "ack 1 1", "reject 1", "others a"] {
        check(&format!(
            "
            | connecting
            | connect
            connected
            | joining
            | -> hello
            {message}
            | disconnect 4000 a message before the welcome
            | offline: 4000 a message before the welcome"
        ));
    }
}

#[test]
fn there_is_one_welcome() {
    for message in ["welcome 1 0", "reset"] {
        check_live(&format!(
            "
            {message}
            | disconnect 4000 a second welcome
            | offline: 4000 a second welcome"
        ));
    }
}

#[test]
fn a_position_that_the_server_does_not_have_is_reset_by_name() {
    for (welcome, reason) in [
        ("welcome 2 9", "another epoch without a reset"),
        ("welcome 1 4", "a head before the position, without a reset"),
    ] {
        check_with(
            Config::default(),
            restored(5, &[]),
            &format!(
                "
                | connecting
                | connect
                connected
                | joining
                | -> hello since 1 5
                {welcome}
                | disconnect 4000 {reason}
                | offline: 4000 {reason}
                retry
                | connecting
                | connect
                connected
                | joining
                | -> hello since 1 5"
            ),
        );
    }
}

#[test]
fn an_ack_of_an_op_that_does_not_wait_is_a_missing_entry() {
    check_live(
        "
        ack 7 1
        | disconnect 4000 an ack of an op that does not wait
        | offline: 4000 an ack of an op that does not wait
        retry
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome 1 1 7
        entries 0 a#7
        | entry 1 a own history
        | live",
    );
}

#[test]
fn a_frame_that_is_no_message_ends_the_connection() {
    check_live(
        "
        unreadable
        | disconnect 4000 not a message
        | offline: 4000 not JSON",
    );
    check(
        "
        | connecting
        | connect
        unreadable
        connected
        | joining
        | -> hello
        unreadable
        | disconnect 4000 not a message
        | offline: 4000 not JSON",
    );
}

#[test]
fn numbers_beyond_all_measure_do_not_panic() {
    let most = u64::MAX;
    check_live(&format!(
        "
        entries {most} a
        | disconnect 4000 a gap in the entries
        | offline: 4000 a gap in the entries"
    ));
    check(&format!(
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello
        welcome {most} {most} {most}
        submit a
        | = op {most}"
    ));
}
