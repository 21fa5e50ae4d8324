//! What the session's events mean for the app, its receipts and the outbox.

use std::rc::Rc;

use patchcast_protocol::ids::{OpId, Seq};
use patchcast_protocol::message::{Ack, Durability, RejectCode};
use patchcast_session::{Closure as Loss, Event, OpState, Phase, Rejection};
use wasm_bindgen::prelude::*;

use super::link::Link;
use super::{Keep, Purpose, Sessions};
use crate::app::{Refusal, Status};
use crate::error::error;
use crate::handles::{self, Receipt};
use crate::host;
use crate::told::{self, Saved, StatusDetail};

impl Sessions {
    pub(super) fn tell(self: &Rc<Self>, event: Event<JsValue>) {
        match event {
            Event::Entry {
                seq,
                entry,
                own,
                history,
            } => self.deliver(seq, &entry, own, history),
            Event::OwnEntry { seq, time, data, .. } => {
                let entry = told::entry_of(&data, time.0 as f64, &self.client());
                self.deliver(seq, &entry, true, false);
            }
            Event::Op { id, state } => match state {
                // Told when it is so: here it may still wait for being stored.
                OpState::Sent => {}
                OpState::Ordered(ack) => self.settle(ack),
                OpState::Rejected(rejection) => self.reject(id, &rejection),
            },
            Event::Phase(phase, loss) => self.tell_phase(phase, loss.as_ref()),
            Event::Reset { reason, .. } => {
                self.move_to(Seq::START);
                self.app.reset(&reason);
            }
            Event::Presence(change) => {
                if let Purpose::App { presence, .. } = &self.purpose {
                    let changed = handles::changed(presence, &change, &self.client());
                    self.app.catch("onChange", changed);
                }
            }
            Event::PresenceLost => {
                if let Purpose::App { presence, .. } = &self.purpose {
                    self.app.catch("onChange", handles::lost(presence));
                }
            }
            Event::Error { reason, .. } => self.app.report(error(&["the server says: ", &reason].concat())),
        }
    }

    fn deliver(&self, seq: Seq, entry: &JsValue, own: bool, history: bool) {
        // What an app does not get because it has closed, it gets the next time.
        if !self.app.has_ended() {
            self.move_to(seq);
            self.app
                .deliver(|on_message| told::deliver(on_message, entry, history, seq.0 as f64, own));
        }
    }

    fn move_to(&self, seq: Seq) {
        self.told.set(seq);
        if matches!(
            self.purpose,
            Purpose::App {
                keep: Keep::Every,
                ..
            }
        ) {
            self.told_is_due.set(true);
        }
    }

    fn settle(&self, ack: Ack) {
        // An ack of an op that was sent again is of an entry that was told already.
        self.move_to(self.told.get().max(ack.seq));
        self.told_is_due.set(true);
        let Some(receipt) = self.end(ack.id) else { return };
        let state = match ack.durability {
            Durability::Fsync => "durable",
            Durability::Os | Durability::Memory => "ordered",
        };
        let saved = Saved {
            seq: Some(ack.seq.0 as f64),
            time: Some(ack.time.0 as f64),
            durability: ack.durability.name(),
        };
        self.app.saved(&receipt, state, &saved);
    }

    fn reject(&self, id: OpId, rejection: &Rejection) {
        // Of an op of an earlier page there is none left; the error is told all the same.
        let receipt = self.end(id).unwrap_or_else(Receipt::new);
        match rejection {
            Rejection::TooLarge => self.app.refuse(&receipt, Refusal::TooLarge),
            Rejection::Refused { code, reason } => {
                let code = match code {
                    RejectCode::IdReused => "id_reused",
                    RejectCode::IdPassed => "id_passed",
                    // The others are of documents.
                    _ => "bad_data",
                };
                let message = ["not taken by the server: ", reason].concat();
                self.app.rejected(&receipt, code, &message);
                self.app.report(error(&message));
            }
        }
    }

    /// Nothing more comes of the op: gives its receipt, when this page has it.
    fn end(&self, id: OpId) -> Option<Receipt> {
        if let Some(outbox) = &*self.outbox.borrow() {
            outbox.remove(id);
        }
        self.receipts.borrow_mut().remove(id)
    }

    fn tell_phase(&self, phase: Phase, loss: Option<&Loss>) {
        let detail = loss.map_or_else(StatusDetail::default, |loss| {
            StatusDetail::of_loss(loss.code, &loss.reason)
        });
        match phase {
            Phase::Connecting | Phase::Joining => {}
            Phase::Live => {
                self.told_is_due.set(true);
                let protocol = Some("sessions");
                let detail = StatusDetail { protocol, ..detail };
                self.app.notify(Status::Open, &detail);
            }
            Phase::Offline { retry_at } => {
                self.held.borrow_mut().clear();
                let retry_in_ms = Some(retry_at.saturating_sub(host::now()).as_millis() as u64 as f64);
                let detail = StatusDetail {
                    retry_in_ms,
                    ..detail
                };
                self.app.notify(Status::Reconnecting, &detail);
            }
            Phase::Closed => {
                self.release();
                if loss.is_some() {
                    self.app.notify(Status::Closed, &detail);
                }
                let refusal = if loss.is_some() {
                    Refusal::ClosedForGood
                } else {
                    Refusal::ClosedByApp
                };
                let receipts = self.receipts.take();
                for receipt in receipts.into_all() {
                    self.app.refuse(&receipt, refusal);
                }
            }
        }
    }

    fn release(&self) {
        self.held.borrow_mut().clear();
        self.link.replace(Link::Nothing);
        self.downgrade.replace(None);
        self.timer.replace(None);
        self.online.replace(None);
        self.write_position();
        self.outbox.replace(None);
    }
}
