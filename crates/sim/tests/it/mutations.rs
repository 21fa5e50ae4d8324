//! Rules that are broken on purpose must be found: else that the seeds pass says nothing.

use patchcast_sim::mutation::Mutation;
use patchcast_sim::run::Options;
use patchcast_sim::swarm::run_all;

/// How many seeds it may take.
const SEEDS: usize = 1000;

fn check(mutation: Mutation) {
    check_in(0.., mutation);
}

/// In runs without streams, where nothing else can notice.
fn check_documents(mutation: Mutation) {
    check_in((1..).step_by(3), mutation);
}

fn check_in(seeds: impl Iterator<Item = u64> + Send, mutation: Mutation) {
    let options = Options {
        mutation: Some(mutation),
        trace: false,
    };
    let tally = run_all(seeds.take(SEEDS), 1, options, 1, |_| {});
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

#[test]
fn ops_of_documents_that_the_store_does_not_know_again_are_noticed() {
    check_documents(Mutation::DedupOff);
}

#[test]
fn changes_that_are_told_before_the_append_are_noticed() {
    check_documents(Mutation::AckBeforeAppend);
}

#[test]
fn a_value_that_is_kept_as_of_a_later_entry_is_noticed() {
    check_documents(Mutation::ResumeOffByOne);
}

#[test]
fn changes_that_are_sent_before_they_are_kept_are_noticed() {
    check_documents(Mutation::SendBeforeKeep);
}

#[test]
fn changes_read_in_another_order_are_noticed() {
    check_documents(Mutation::ReadsExchanged);
}

#[test]
fn a_snapshot_that_lacks_the_newest_entry_is_noticed() {
    check_documents(Mutation::SnapshotLacksTheNewest);
}

#[test]
fn a_change_that_does_not_say_upon_which_others_it_was_made_is_noticed() {
    check_documents(Mutation::ForgetUpon);
}

#[test]
fn a_client_that_takes_the_order_the_wrong_way_round_is_noticed() {
    check_documents(Mutation::SwapSides);
}

#[test]
fn a_reject_that_takes_effect_too_early_is_noticed() {
    check_documents(Mutation::RejectEarly);
}

#[test]
fn a_change_that_is_sent_again_as_it_was_is_noticed() {
    check_documents(Mutation::ResendStale);
}

#[test]
fn a_client_that_ignores_what_was_made_in_the_stead_of_its_change_is_noticed() {
    check_documents(Mutation::IgnoreMade);
}

#[test]
fn a_change_that_is_in_the_state_and_still_pending_is_noticed() {
    check_documents(Mutation::KeepUnderSnapshot);
}
