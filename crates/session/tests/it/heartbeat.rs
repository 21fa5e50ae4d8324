//! A connection that says nothing is asked, and given up when it does not answer.

use crate::script::{check, check_live};

#[test]
fn a_silent_server_is_pinged_and_then_given_up() {
    check_live(
        "
        15000 wake
        | -> ping
        10000 wake
        | disconnect 4200 no sign of life
        | offline: 4200 no sign of life",
    );
}

#[test]
fn any_message_is_a_sign_of_life() {
    check_live(
        "
        10000 entries 0 a
        | entry 1 a
        5000 wake
        10000 wake
        | -> ping
        1000 pong
        9000 wake
        6000 wake
        | -> ping
        9999 entries 1 b
        | entry 2 b
        1 wake
        14999 wake
        | -> ping
        10000 wake
        | disconnect 4200 no sign of life
        | offline: 4200 no sign of life",
    );
}

#[test]
fn a_server_that_stops_in_the_middle_of_its_history_is_given_up() {
    check(
        "
        | connecting
        | connect
        connected
        | joining
        | -> hello
        5000 welcome 1 2
        10000 entries 0 a
        | entry 1 a history
        5000 wake
        10000 wake
        | -> ping
        10000 wake
        | disconnect 4200 no sign of life
        | offline: 4200 no sign of life",
    );
}

#[test]
fn after_a_long_sleep_the_server_gets_its_time_to_answer() {
    check_live(
        "
        3600000 late
        | -> ping
        9000 pong
        1000 wake
        14000 wake
        | -> ping",
    );
}

#[test]
fn a_timer_that_comes_early_is_set_again() {
    check_live(
        "
        14999 woken
        1 wake
        | -> ping
        5000 woken
        5000 wake
        | disconnect 4200 no sign of life
        | offline: 4200 no sign of life",
    );
}

#[test]
fn a_network_that_is_back_is_asked_whether_it_is_the_same() {
    check_live(
        "
        1000 online
        | -> ping
        10 online
        9990 wake
        | disconnect 4200 no sign of life
        | offline: 4200 no sign of life",
    );
}
