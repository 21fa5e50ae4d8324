//! The value that a document's log folds to, and making ops on it.
//!
//! A room makes the ops of a turn one after the other, and then has them stored together. When they are not, everything is taken back and
//! the text of the document is what it was. Until they are, the head and the value run ahead of the log.

use std::rc::Rc;

use patchcast_protocol::apply::{Document, WayBack};
use patchcast_protocol::edit::Edit;
use patchcast_protocol::entry::Entry;
use patchcast_protocol::ids::{Author, OpId, Seq, StateHash, Timestamp};
use patchcast_protocol::message::{Change, RejectCode};
use patchcast_protocol::patch::{Op, Patch};
use patchcast_protocol::path::Path;
use patchcast_protocol::value::state_hash;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{Accepted, Answer, Fault, Refused};
use super::bridge::{Bridge, Gap};
use super::pace::Pace;
use super::past::{FoldError, Past, Recent};
use super::record::{self, Context, Origin, SentHash};
use crate::limits::{DocumentPace, MAX_CARRIED, MAX_INVERSE_BYTES};

/// A document at the head of its log.
#[derive(Debug)]
pub struct Folded {
    document: Document,
    head: Seq,
    recent: Recent,
    checks: Pace,
    snapshots: Pace,
    /// What is made and not stored yet, and the size of its payload.
    unsettled: Vec<(WayBack, usize)>,
}

impl Folded {
    /// The document of a room without entries: `null`. It may grow to so many bytes.
    pub fn new(max_bytes: usize) -> Folded {
        let null = Document::restored(Value::Null, max_bytes).expect("null has no levels");
        Folded::at(Seq::START, null)
    }

    /// The document as of a snapshot, which [`snapshot`](Self::snapshot) has given as of this entry. The entries after it are to be
    /// [folded](Self::fold).
    pub fn open(seq: Seq, snapshot: &[u8], max_bytes: usize) -> Result<Folded, FoldError> {
        let unreadable = |reason: String| FoldError::Snapshot { seq, reason };
        let (state, stored) =
            record::read_snapshot(snapshot).map_err(|error| unreadable(error.to_string()))?;
        let stored = stored.ok_or_else(|| unreadable("it has no hash".to_owned()))?;
        let document = Document::restored(state, max_bytes).map_err(|error| unreadable(error.to_string()))?;
        match state_hash(document.value()) {
            found if found == stored => Ok(Folded::at(seq, document)),
            found => Err(FoldError::Hash { seq, stored, found }),
        }
    }

    fn at(head: Seq, document: Document) -> Folded {
        let pace = DocumentPace::default();
        Folded {
            document,
            head,
            recent: Recent::of(pace.recent_entries),
            checks: Pace::every(pace.check_entries),
            snapshots: Pace::every(pace.snapshot_entries),
            unsettled: Vec::new(),
        }
    }

    /// The same at another pace.
    #[must_use]
    pub fn at_pace(self, pace: DocumentPace) -> Folded {
        Folded {
            recent: Recent::of(pace.recent_entries),
            checks: Pace::every(pace.check_entries),
            snapshots: Pace::every(pace.snapshot_entries),
            ..self
        }
    }

    /// The last entry that is in it.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The state as of the head.
    pub fn value(&self) -> &Value {
        self.document.value()
    }

    /// Bytes of the state as JSON.
    pub fn bytes(&self) -> usize {
        self.document.bytes()
    }

    /// Whether all of it is stored.
    pub fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Takes in the next entry of the log, which was made before the room was opened, or by another writer. Everything must be settled.
    pub fn fold(&mut self, entry: &Entry<'_>) -> Result<(), FoldError> {
        let (seq, after) = (entry.seq, self.head);
        if seq != after.next() || !self.is_settled() {
            return Err(FoldError::OutOfOrder { seq, after });
        }
        let past = Past::read(entry)?;
        self.document
            .replay((*past.made).clone())
            .map_err(|error| FoldError::DoesNotApply { seq, error })?;
        self.push(past, entry.payload.len());
        self.recent.forget();
        Ok(())
    }

    /// Makes the first entry of a room without entries, which sets what the document is. Its op is [`OpId::NONE`].
    pub fn begin(&mut self, author: Author, initial: Box<RawValue>) -> Result<Accepted, Refused> {
        let begin = |folded: &mut Folded| {
            let value = serde_json::from_str(initial.get())
                .map_err(|error| Fault::new(RejectCode::BadPatches, error.to_string()))?;
            let patch = Patch::new(Path::new(), Op::Replace(Some(value)));
            let edit = Edit::of(folded.value(), &[patch])?;
            let way_back = folded.document.make(edit.clone())?;
            let context = Context {
                base: Seq::START,
                upon: OpId::NONE,
            };
            let change = Change {
                id: OpId::NONE,
                base: context.base,
                upon: context.upon,
                strict: false,
                reset: true,
                patches: initial,
            };
            let origin = Origin::new(context, context, SentHash::of(&change));
            let payload = record::write(
                origin,
                &record::Carried {
                    patches: &edit.patches(),
                    sent: &edit,
                    made: &edit,
                    conflicts: &[],
                },
            );
            Ok(folded.append(author, OpId::NONE, edit, way_back, payload))
        };
        begin(self).map_err(|fault: Fault| fault.refused(self.head))
    }

    /// Makes an op that has come by the connection with this bridge, on top of all that was made before.
    ///
    /// The room has seen to it that the op's id is above those that its author has used before.
    pub fn make(&mut self, bridge: &mut Bridge, change: &Change<Box<RawValue>>) -> Answer {
        bridge.remember();
        match self.try_make(bridge, change) {
            Ok(accepted) => Answer::Accepted(accepted),
            Err(Stop::Missing(after)) => Answer::Missing { after },
            Err(Stop::Lost(fault)) => {
                bridge.lose_for_now(change.id);
                Answer::Refused(fault.refused(self.head))
            }
            Err(Stop::TakenBack(fault)) => Answer::Refused(fault.refused(self.head)),
        }
    }

    /// Refuses an op because the log does not keep what [`Answer::Missing`] asked for.
    pub fn refuse_forgotten(&self, bridge: &mut Bridge, id: OpId) -> Refused {
        bridge.remember();
        bridge.give_up();
        bridge.lose_for_now(id);
        let reason = "the entries after the state that it was made on are not kept any more";
        Fault::new(RejectCode::BaseForgotten, reason).refused(self.head)
    }

    /// All that was made is stored.
    pub fn settle(&mut self) {
        self.unsettled.clear();
        self.recent.forget();
    }

    /// Takes back all that was made since it was last stored.
    pub fn roll_back(&mut self) {
        for (way_back, payload) in self.unsettled.drain(..).rev() {
            way_back.roll_back(&mut self.document);
            self.recent.pop();
            self.checks.take_back(payload);
            self.snapshots.take_back(payload);
            self.head = Seq(self.head.0 - 1);
        }
    }

    /// The hash of the state as of the head, if it is time for clients to compare it with theirs. Everything must be settled.
    pub fn check(&mut self) -> Option<StateHash> {
        let due = self.is_settled() && self.checks.is_due(self.bytes());
        due.then(|| state_hash(self.value()))
    }

    /// A snapshot as of the head, if it is time to store one. Everything must be settled.
    pub fn snapshot(&mut self) -> Option<Vec<u8>> {
        let due = self.is_settled() && self.snapshots.is_due(self.bytes());
        due.then(|| record::write_snapshot(self.value()))
    }

    fn try_make(&mut self, bridge: &mut Bridge, change: &Change<Box<RawValue>>) -> Result<Accepted, Stop> {
        let id = change.id;
        let context = Context {
            base: change.base,
            upon: change.upon,
        };
        if context.base > self.head {
            let reason = format!("there is no {} yet", context.base);
            return Err(Stop::Lost(Fault::new(RejectCode::BaseAhead, reason)));
        }
        let patches: Vec<Patch> = serde_json::from_str(change.patches.get()).map_err(|error| {
            let reason = format!("patches: {}", patchcast_protocol::Malformed::from(error));
            Stop::Lost(Fault::new(RejectCode::BadPatches, reason))
        })?;
        bridge.reach(context, &self.recent, self.head)?;
        let steps = bridge.way().edits();
        let is_affordable = |changes: usize| changes.saturating_mul(steps.len()) <= MAX_CARRIED;
        let too_much = || {
            let reason = "it changes too much for the number of entries that it was made without";
            Stop::Lost(Fault::new(RejectCode::BaseForgotten, reason))
        };
        if !is_affordable(patches.len()) {
            return Err(too_much());
        }
        let sent =
            Edit::of_earlier(self.value(), &steps, &patches).map_err(|error| Stop::Lost(error.into()))?;
        // One patch can change much: the length of an array.
        if !steps.is_empty() && !is_affordable(sent.patches().len()) {
            return Err(too_much());
        }
        let carried = bridge.carry(&sent);
        let checked = match carried.conflicts.first() {
            _ if sent.is_reset() && !change.reset => Err(Fault::new(
                RejectCode::ResetNeeded,
                "an op that replaces the whole document has to say that it means to",
            )),
            Some(conflict) if change.strict => {
                let reason = format!("{} has changed the same place", conflict.seq);
                Err(Fault::new(RejectCode::Conflict, reason).at(conflict.path.clone()))
            }
            // Two who both count from four to five conflict, though both mean the same.
            None if change.strict && !carried.edit.does_all_of(&sent) => Err(Fault::new(
                RejectCode::Conflict,
                "others have done some of it in the meantime",
            )),
            _ => self.document.make(carried.edit.clone()).map_err(Fault::from),
        };
        let way_back = match checked {
            Ok(way_back) => way_back,
            Err(fault) => {
                let mut left = MAX_INVERSE_BYTES;
                let Some(inverse) = self.document.inverse_within(&carried.edit, &mut left) else {
                    return Err(Stop::Lost(fault));
                };
                let bytes = MAX_INVERSE_BYTES - left + change.patches.get().len();
                bridge.take_back(carried.steps, id, inverse, bytes);
                return Err(Stop::TakenBack(fault));
            }
        };
        let origin = Origin::new(context, bridge.way().since(context), SentHash::of(change))
            .upon_refused(bridge.way().is_upon_refused());
        let payload = record::write(
            origin,
            &record::Carried {
                patches: &patches,
                sent: &sent,
                made: &carried.edit,
                conflicts: &carried.conflicts,
            },
        );
        let accepted = self.append(bridge.author(), id, carried.edit, way_back, payload);
        bridge.accept(carried.steps, context, id, accepted.seq);
        Ok(accepted)
    }

    fn append(
        &mut self,
        author: Author,
        op: OpId,
        made: Edit,
        way_back: WayBack,
        payload: Vec<u8>,
    ) -> Accepted {
        let seq = self.head.next();
        let entry = Entry {
            seq,
            author,
            op,
            time: Timestamp::default(),
            payload: &payload,
        };
        let past = Past::new(&entry, Rc::new(made));
        self.unsettled.push((way_back, payload.len()));
        self.push(past, payload.len());
        Accepted { seq, payload }
    }

    fn push(&mut self, past: Past, payload: usize) {
        self.head = past.seq;
        self.recent.push(past);
        self.checks.add(payload);
        self.snapshots.add(payload);
    }
}

/// Why an op is not made now.
enum Stop {
    Missing(Seq),
    /// Nobody can tell what it does.
    Lost(Fault),
    /// The bridge takes it back.
    TakenBack(Fault),
}

impl From<Gap> for Stop {
    fn from(gap: Gap) -> Self {
        match gap {
            Gap::Missing(after) => Stop::Missing(after),
            Gap::Fault(fault) => Stop::Lost(fault),
        }
    }
}
