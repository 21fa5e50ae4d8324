//! Rules that are broken on purpose must be found: else that the seeds pass says nothing.

use patchcast_sim::mutation::Mutation;
use patchcast_sim::run::Options;
use patchcast_sim::swarm::run_all;

/// How many seeds it may take.
const SEEDS: u64 = 1000;

fn check(mutation: Mutation) {
    let options = Options {
        mutation: Some(mutation),
        trace: false,
    };
    let tally = run_all(0..SEEDS, 1, options, 1, |_| {});
    assert!(
        !tally.failed.is_empty(),
        "{mutation:?} goes unnoticed in {SEEDS} seeds"
    );
}

#[test]
fn ops_that_the_store_does_not_know_again_are_noticed() {
    check(Mutation::DedupOff);
}

#[test]
fn an_ack_before_the_append_is_noticed() {
    check(Mutation::AckBeforeAppend);
}

#[test]
fn resuming_one_entry_late_is_noticed() {
    check(Mutation::ResumeOffByOne);
}

#[test]
fn a_crash_that_loses_what_was_durable_is_noticed() {
    check(Mutation::CrashLosesTheNewest);
}

#[test]
fn another_log_under_the_same_epoch_is_noticed() {
    check(Mutation::EpochKept);
}

#[test]
fn an_op_that_is_sent_before_it_is_kept_is_noticed() {
    check(Mutation::SendBeforeKeep);
}

#[test]
fn an_outbox_in_another_order_is_noticed() {
    check(Mutation::OutboxReversed);
}

#[test]
fn entries_read_in_another_order_are_noticed() {
    check(Mutation::ReadsExchanged);
}

#[test]
fn ghosts_among_the_present_are_noticed() {
    check(Mutation::GoneUntold);
}

#[test]
fn a_client_that_does_not_notice_silence_is_noticed() {
    check(Mutation::HeartbeatOff);
}

#[test]
fn an_ack_of_another_entry_is_noticed() {
    check(Mutation::AckOfAnother);
}

#[test]
fn a_connection_that_is_never_let_go_is_noticed() {
    check(Mutation::ConnectionLeaked);
}
