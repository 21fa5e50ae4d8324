//! One life of a client of a document: the real session, driven as a page drives it, over a link that may do anything.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use patchcast_protocol::ids::{Epoch, OpId};
use patchcast_protocol::message::RejectCode;
use patchcast_server::document::record::SentHash;
use patchcast_session::Phase;
use patchcast_session::document::{
    DocumentConfig, DocumentEvent, DocumentInput, DocumentOpState, DocumentOutput, DocumentSession, Group,
    RestoredDocument, Update, UpdateOptions, What,
};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::app::{App, Op};
use super::edits::{Edits, initial};
use super::outbox::{Cause, Kept};
use super::wire::{Wire, read_change, tamper, write_change};
use crate::ledger::{OpKey, Sent};
use crate::life::{Birth, Happening, Host};
use crate::mutation::Mutation;
use crate::outbox::Outbox;
use crate::post::Post;

/// A session of a document, and its app.
pub struct DocumentHost {
    birth: Birth,
    session: DocumentSession,
    app: Rc<RefCell<App>>,
    outbox: Rc<RefCell<Outbox<Kept>>>,
    wire: Wire,
    submitted: usize,
    /// Why the outbox is to be written.
    to_keep: Option<Cause>,
    /// The op that was just acknowledged, if the app shows it.
    acknowledged: Option<OpId>,
    /// Strict ops that were rejected because of others, and that are made again on what there is now.
    to_retry: usize,
}

impl DocumentHost {
    /// A life that begins to connect, with what the one before has left.
    pub fn new(
        birth: Birth,
        restored: RestoredDocument,
        app: Rc<RefCell<App>>,
        outbox: Rc<RefCell<Outbox<Kept>>>,
    ) -> DocumentHost {
        let setup = &birth.world.setup;
        let config = DocumentConfig {
            session: patchcast_session::Config {
                presence: setup.clients[birth.client].watches,
                ..Default::default()
            },
            initial: setup.documents.initial.then(|| initial(&birth.name())),
            max_document: setup.documents.max_bytes,
        };
        let (secret, seed, now) = (
            birth.secret.clone(),
            birth.draw_for("backoff"),
            birth.world.elapsed(),
        );
        let session = DocumentSession::new(config, secret, restored, seed, now);
        let session = session.expect("what was a document before is one");
        app.borrow_mut().begin(&session);
        DocumentHost {
            session,
            app,
            outbox,
            wire: Wire {
                epoch: Epoch::default(),
            },
            submitted: 0,
            to_keep: None,
            acknowledged: None,
            to_retry: 0,
            birth,
        }
    }

    fn edit(&mut self, edits: &mut Edits, padding: usize) {
        let seen = self.session.value();
        let is_scalar = !seen.is_array() && !seen.is_object();
        let resets = self.birth.world.setup.documents.resets && edits.one_in(20);
        let update = match (resets || is_scalar, edits.one_in(3)) {
            (true, _) => Update::Next(edits.another()),
            (_, true) => Update::Patches(edits.patches(seen)),
            _ => Update::Next(edits.next(seen, padding)),
        };
        let options = UpdateOptions {
            strict: edits.one_in(6),
            reset: resets || is_scalar,
            group: edits.one_in(4).then_some(Group(1)),
        };
        let bytes = padding + seen.to_string().len();
        let now = self.birth.world.elapsed();
        // What is too large or too much is refused at once.
        if let Ok(Some(id)) = self.session.update(now, update, options) {
            self.note(id, options.strict, bytes);
        }
    }

    fn note(&mut self, id: OpId, strict: bool, bytes: usize) {
        let key = OpKey(self.birth.client, self.birth.life, self.submitted);
        self.submitted += 1;
        let world = &self.birth.world;
        world.trace(|| format!("{} submits {id}, strict {strict}", self.birth.name()));
        let mut app = self.app.borrow_mut();
        world.ledger().submit(key, app.witness.author);
        let waits = true;
        app.submitted(
            id,
            Op {
                key,
                waits,
                strict,
                bytes,
            },
        );
        self.to_keep = Some(Cause::Ops);
    }

    fn tell(&mut self, event: &DocumentEvent) {
        let world = &self.birth.world;
        world.trace(|| format!("{} is told {}", self.birth.name(), in_short(event)));
        let mut app = self.app.borrow_mut();
        let cause = match event {
            DocumentEvent::Phase(phase, closure) => {
                app.witness.phase(*phase, closure.as_ref());
                Cause::Moved
            }
            DocumentEvent::Changed(change) => {
                // Both have carried it over the same entries, and come to the same.
                if let (Some(id), patchcast_session::document::Cause::Room, What::Edit(edit)) =
                    (self.acknowledged, change.cause, &change.what)
                {
                    app.witness.fail(format_args!(
                        "that {id} is acknowledged changes what it shows: {:?}",
                        edit.patches()
                    ));
                }
                app.changed(change);
                Cause::Moved
            }
            DocumentEvent::Op { id, state } => {
                app.op(*id, state, self.wire.epoch);
                match state {
                    DocumentOpState::Sent => Cause::Ops,
                    DocumentOpState::Rejected(refusal) if refusal.code == RejectCode::Conflict => {
                        self.to_retry += 1;
                        Cause::Settled
                    }
                    _ => Cause::Settled,
                }
            }
            DocumentEvent::Reset { .. } => {
                app.reset();
                Cause::Moved
            }
            DocumentEvent::Diverged { seq } => {
                app.witness
                    .fail(format_args!("it has come apart from the room at {seq}"));
                Cause::Moved
            }
            DocumentEvent::Presence(change) => return app.witness.presence(change),
            DocumentEvent::PresenceLost => return app.witness.presence.clear(),
            DocumentEvent::Error { .. } => return,
        };
        self.to_keep = self.to_keep.max(Some(cause));
    }

    /// Notes in which form an op is sent, and gives the text.
    fn sign(&mut self, id: OpId, text: String) -> String {
        let Some(mut change) = read_change(&text) else {
            return text;
        };
        let (base, upon) = (change.base, change.upon);
        let world = &self.birth.world;
        if world.mutation == Some(Mutation::ForgetUpon) {
            change.upon = id;
        }
        let app = self.app.borrow();
        let Some(op) = app.ops.get(&id) else {
            app.witness
                .fail(format_args!("{id} is sent, which nobody has submitted"));
            return text;
        };
        let hash = SentHash::of(&change);
        let sent = Sent {
            hash,
            key: op.key,
            base,
            upon,
        };
        world.ledger().sent(app.witness.author, id, sent);
        world.trace(|| {
            format!(
                "{} sends {id}, made on {base} upon {upon}: {}",
                self.birth.name(),
                change.patches
            )
        });
        write_change(change)
    }

    /// Writes what is to be kept; from when on it is.
    fn keep(&mut self) -> Option<Instant> {
        let cause = self.to_keep.take()?;
        // It is kept by whoever has the outbox.
        let owns = self.birth.owns_outbox.get();
        owns.then(|| self.outbox.borrow_mut().keep(&self.session, cause))
    }
}

impl Host for DocumentHost {
    fn phase(&self) -> Phase {
        self.session.phase()
    }

    fn handle(&mut self, happening: Happening) {
        let text;
        let input = match happening {
            Happening::Connected => DocumentInput::Connected,
            Happening::Text(received) => {
                let app = self.app.borrow();
                let acknowledged = self.wire.inspect(&received, &app.witness);
                // It may be that of another life, which sent it in another context.
                let is_own = |id: &OpId| self.session.replica().shows(*id) && !app.witness.replaceable;
                self.acknowledged = acknowledged.filter(is_own);
                drop(app);
                text = match self.birth.world.mutation {
                    Some(mutation) => tamper(mutation, received),
                    None => received,
                };
                DocumentInput::Frame(&text)
            }
            Happening::Disconnected { code, reason } => DocumentInput::Disconnected { code, reason },
            Happening::Woken => DocumentInput::Woken,
            Happening::Online => DocumentInput::Online,
            Happening::Presence(shows) => {
                let shows = RawValue::from_string(shows).expect("the simulator writes JSON");
                DocumentInput::Presence(shows.into())
            }
            Happening::Close => DocumentInput::Close,
        };
        self.session.handle_input(self.birth.world.elapsed(), input);
    }

    fn submit(&mut self, ops: usize, bytes: usize, draw: u16) {
        // Ids are given out by whoever has the outbox.
        if !self.birth.owns_outbox.get() {
            return;
        }
        let seed = self.birth.draw_for(&format!("edits {draw}"));
        let mark = format!("{}.{}.{}", self.birth.client, self.birth.life, self.submitted);
        let mut edits = Edits::new(seed, mark);
        (0..ops).for_each(|_| self.edit(&mut edits, bytes));
    }

    fn undo(&mut self, steps: usize, redo: bool) {
        for _ in 0..steps {
            if !self.birth.owns_outbox.get() {
                return;
            }
            let now = self.birth.world.elapsed();
            let step = match redo {
                false => self.session.undo(now),
                true => self.session.redo(now),
            };
            // There may be nothing left of it.
            if let Ok(id) = step {
                let bytes = self.session.value().to_string().len();
                self.note(id, false, bytes);
            }
        }
    }

    fn show(&mut self, shows: Option<String>) {
        self.app.borrow_mut().witness.shows = shows;
    }

    fn carry_out(&mut self, post: &mut Post) -> Option<Duration> {
        let (mut wake_at, mut texts) = (None, Vec::new());
        while let Some(output) = self.session.poll_output() {
            match output {
                DocumentOutput::Connect => post.dial(self.birth.world.dial(self.birth.client)),
                DocumentOutput::Disconnect { code, reason } => {
                    texts.clear();
                    post.let_go(code, reason);
                }
                DocumentOutput::Send { text, op: Some(id) } => {
                    let text = self.sign(id, text);
                    self.to_keep = Some(Cause::Ops);
                    texts.push((text, true));
                }
                DocumentOutput::Send { text, op: None } => texts.push((text, false)),
                DocumentOutput::WakeAt(time) => wake_at = Some(time),
                DocumentOutput::Event(event) => self.tell(&event),
            }
            if let Some(retried) = self.to_retry.checked_sub(1) {
                self.to_retry = retried;
                self.submit(1, 0, self.submitted as u16);
            }
        }
        self.acknowledged = None;
        if self.app.borrow().is_behind(&self.session) {
            self.to_keep = self.to_keep.max(Some(Cause::Moved));
        }
        if self.to_keep.is_some() {
            self.app.borrow_mut().look(&self.session);
        }
        let kept_at = self.keep();
        for (text, is_op) in texts {
            post.send(text, kept_at.filter(|_| is_op));
        }
        wake_at
    }
}

fn in_short(event: &DocumentEvent) -> String {
    match event {
        DocumentEvent::Changed(change) => format!("{:?}: {:?}", change.cause, patches_of(&change.what)),
        other => format!("{other:?}"),
    }
}

fn patches_of(what: &What) -> Value {
    match what {
        What::Edit(edit) => serde_json::to_value(edit.patches()).unwrap_or_default(),
        What::Order(orders) => format!("{orders:?}").into(),
    }
}
