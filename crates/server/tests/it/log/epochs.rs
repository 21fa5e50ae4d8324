//! What `epoch` promises: the same for everybody, as long as the numbers mean the same.

use std::collections::BTreeSet;

use patchcast_protocol::dialect::Dialect;

use super::{Subject, append, batch};

pub async fn all_openings_of_a_room_agree_on_its_epoch(subject: &Subject) {
    // Two before the room exists, and one when it does.
    let (first, second) = (subject.open("a").await, subject.open("a").await);
    let epoch = first.epoch();
    assert_eq!(second.epoch(), epoch);
    append(&*second, 0, batch(&["one"])).await.unwrap();
    let third = subject.open("a").await;
    assert_eq!([first.epoch(), second.epoch(), third.epoch()], [epoch; 3]);
    drop((first, second, third));
    assert_eq!(subject.open("a").await.epoch(), epoch);
}

pub async fn every_room_has_an_epoch_of_its_own(subject: &Subject) {
    let mut epochs = BTreeSet::new();
    for name in ["", "a", "b"] {
        for dialect in Dialect::ALL {
            let log = subject.open_as(dialect, name).await;
            append(&*log, 0, batch(&["one"])).await.unwrap();
            epochs.insert(log.epoch().0);
        }
    }
    assert_eq!(epochs.len(), 3 * Dialect::ALL.len());
}

pub async fn a_crash_leaves_a_rooms_epoch(subject: &Subject) {
    let log = subject.open("a").await;
    append(&*log, 0, batch(&["one"])).await.unwrap();
    let again = subject.after_a_crash();
    let reopened = again.open("a").await;
    assert_eq!(reopened.epoch(), log.epoch());
    append(&*reopened, 1, batch(&["two"])).await.unwrap();
    assert_eq!(again.after_a_crash().open("a").await.epoch(), log.epoch());
}
