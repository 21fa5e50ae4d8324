//! The session of a document: a [`Session`] whose entries make a [`Replica`], and whose ops get their content when they are sent.
//!
//! The session beneath knows ops by their ids, and entries by their numbers; it connects, joins, resends and waits as it does for a stream. What an
//! op says follows from what is confirmed at the time it is sent, so it is only asked for then.

use std::collections::{HashMap, VecDeque};

use patchcast_protocol::apply::ApplyError;
use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::{Author, OpId, Secret, Seq};
use patchcast_protocol::limits::DEFAULT_MAX_DOCUMENT_BYTES;
use patchcast_protocol::message::{self, ClientMessage, Outcome, RoomKind, WireConflict, write_client};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::to_raw_value;

use super::change::{Made, Prepared, Told, UndoError, Update, UpdateError, UpdateOptions};
use super::host::{
    Data, DocumentConfig, DocumentEvent, DocumentInput, DocumentOpState, DocumentOutput, Others, Refusal,
    RestoredDocument,
};
use super::replica::{Diverged, Replica};
use crate::input::Input;
use crate::output::{Event, OpState, Output, Phase, Rejection, SubmitError};
use crate::session::Session;
use crate::{Config, Op, Restored, Time};

/// A client of one document, from its first attempt to connect until it is closed.
///
/// Give it whatever happens ([`handle_input`](DocumentSession::handle_input), [`update`](DocumentSession::update) and so on), and after each carry out what
/// [`poll_output`](DocumentSession::poll_output) gives, until it gives nothing.
#[derive(Debug)]
pub struct DocumentSession {
    pub(super) session: Inner,
    pub(super) replica: Replica,
    initial: Option<Data>,
    /// What stands for the content of ops in the session beneath.
    nothing: Data,
    pub(super) client: Option<Author>,
    pub(super) last_op: OpId,
    /// The state that the welcome has announced.
    pub(super) announced: Option<Seq>,
    /// The last entry that the replica has seen.
    pub(super) seen: Seq,
    /// Whether what still comes of this connection is of no use.
    pub(super) has_diverged: bool,
    /// What was said of ops, until it takes effect.
    pub(super) fates: HashMap<OpId, Fate>,
    pub(super) refusals: HashMap<OpId, Refusal>,
    /// Ops that wait for others before they are sent.
    held: VecDeque<OpId>,
    outputs: VecDeque<DocumentOutput>,
}

type Inner = Session<Data, Entry, Others>;

/// An entry on its way through the session beneath.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub own: Option<OpId>,
    pub made: Edit,
}

/// What has become of an own op.
#[derive(Debug)]
pub(super) struct Fate {
    pub outcome: Outcome,
    pub conflicts: Vec<WireConflict>,
    /// What was made, if it was said.
    pub made: Option<Edit>,
}

impl Default for DocumentConfig {
    fn default() -> Self {
        DocumentConfig {
            session: Config::default(),
            initial: None,
            max_document: DEFAULT_MAX_DOCUMENT_BYTES,
        }
    }
}

impl DocumentSession {
    /// A session that begins to connect. `secret`, `restored` and `seed` are those of [`Session::new`]. An earlier life must
    /// not send any more: what an op says depends on who sends it, so two that send the same one are told that its id is used. An error is one of the initial or the restored value.
    pub fn new(
        config: DocumentConfig,
        secret: Secret,
        restored: RestoredDocument,
        seed: u64,
        now: Time,
    ) -> Result<DocumentSession, ApplyError> {
        let nothing = raw(&Value::Null);
        let initial = config.initial.as_ref().map(raw);
        let pending = restored.replica.ops.iter().map(|op| Op {
            id: op.id,
            data: nothing.clone(),
            bytes: 0,
        });
        let of_session = Restored {
            last_id: restored.last_id,
            pending: pending.collect(),
            position: None,
        };
        let settings = Config {
            echo: true,
            ..config.session
        };
        let replica = Replica::restored(
            config.initial.unwrap_or_default(),
            config.max_document,
            restored.replica,
        )?;
        let mut session = DocumentSession {
            session: Session::new(settings, secret, of_session, seed, now),
            replica,
            initial,
            nothing,
            client: None,
            last_op: OpId::NONE,
            announced: None,
            seen: Seq::START,
            has_diverged: false,
            fates: HashMap::new(),
            refusals: HashMap::new(),
            held: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        session.work(now);
        Ok(session)
    }

    /// Takes note of what has happened.
    pub fn handle_input(&mut self, now: Time, input: DocumentInput<'_>) {
        let input = match input {
            DocumentInput::Frame(text) => {
                self.handle_frame(now, text);
                return self.work(now);
            }
            DocumentInput::Connected => Input::Connected,
            DocumentInput::Unreadable(reason) => Input::Unreadable(reason),
            DocumentInput::Disconnected { code, reason } => Input::Disconnected { code, reason },
            DocumentInput::Woken => Input::Woken,
            DocumentInput::Online => Input::Online,
            DocumentInput::Presence(data) => Input::Presence(data),
            DocumentInput::Close => Input::Close,
        };
        self.session.handle_input(now, input);
        self.work(now);
    }

    /// What is to be done next; `None` when there is nothing more until the next input.
    pub fn poll_output(&mut self) -> Option<DocumentOutput> {
        self.outputs.pop_front()
    }

    /// Makes an update, in any phase but closed, and gives the id under which it is told of; `None` if it changes nothing. On an error, nothing has changed.
    pub fn update(
        &mut self,
        now: Time,
        update: Update,
        options: UpdateOptions,
    ) -> Result<Option<OpId>, UpdateError> {
        let Some(prepared) = self.replica.update(update, options)? else {
            return Ok(None);
        };
        self.submit(now, prepared)
            .map(Some)
            .map_err(UpdateError::NotTaken)
    }

    /// Takes back this client's last step that is not undone yet.
    pub fn undo(&mut self, now: Time) -> Result<OpId, UndoError> {
        let prepared = self.replica.undo()?;
        self.submit(now, prepared).map_err(UndoError::NotTaken)
    }

    /// Takes back the last undo, unless an update came after it.
    pub fn redo(&mut self, now: Time) -> Result<OpId, UndoError> {
        let prepared = self.replica.redo()?;
        self.submit(now, prepared).map_err(UndoError::NotTaken)
    }

    /// What the app sees: all its ops made on what the room has confirmed.
    pub fn value(&self) -> &Value {
        self.replica.value()
    }

    /// The document itself: what is confirmed, up to where, and what can be undone.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// How the connection stands.
    pub fn phase(&self) -> Phase {
        self.session.phase()
    }

    /// The client's id, once the server has told it.
    pub fn client(&self) -> Option<Author> {
        self.client
    }

    /// The ops that are not settled, in order. A host that closes the session ends their receipts.
    pub fn pending_ops(&self) -> impl Iterator<Item = OpId> {
        self.session.pending_ops().map(|op| op.id)
    }

    /// What the next life of the client would go on with. `with_value`: with a copy of the confirmed value.
    pub fn leave(&self, with_value: bool) -> RestoredDocument {
        let mut replica = self.replica.leave(with_value);
        replica
            .ops
            .retain(|op| op.shown.is_some() || self.session.has_op(op.id));
        RestoredDocument {
            last_id: self.session.pending.last_id(),
            replica,
        }
    }

    fn submit(&mut self, now: Time, prepared: Prepared) -> Result<OpId, SubmitError> {
        let patches = raw(&prepared.edit().patches());
        match self
            .session
            .submit(self.nothing.clone(), patches.get().len() + ENVELOPE)
        {
            Ok(id) => {
                self.replica.commit(id, prepared);
                self.work(now);
                Ok(id)
            }
            Err(error) => {
                self.replica.cancel(prepared);
                Err(error)
            }
        }
    }

    /// Carries out what the session beneath and the replica want, until neither wants anything more.
    fn work(&mut self, now: Time) {
        loop {
            self.take_told();
            self.release(now);
            match self.session.poll_output() {
                None => return,
                Some(output) => self.handle_output(now, output),
            }
        }
    }

    fn handle_output(&mut self, now: Time, output: Output<Data, Entry, Others>) {
        match output {
            Output::Connect => self.outputs.push_back(DocumentOutput::Connect),
            Output::Disconnect { code, reason } => {
                self.outputs
                    .push_back(DocumentOutput::Disconnect { code, reason });
            }
            Output::WakeAt(at) => self.outputs.push_back(DocumentOutput::WakeAt(at)),
            Output::Send(ClientMessage::Op { id, .. }) => self.held.push_back(id),
            Output::Send(ClientMessage::Hello(mut hello)) => {
                let since = self
                    .replica
                    .position()
                    .filter(|position| position.seq > Seq::START);
                self.session.set_position(since.unwrap_or_default());
                self.seen = since.unwrap_or_default().seq;
                hello.since = since;
                hello.kind = RoomKind::Document {
                    initial: self.initial.clone(),
                };
                self.send(&ClientMessage::Hello(hello));
            }
            Output::Send(message) => self.send(&message),
            Output::Event(event) => self.handle_event(now, event),
        }
    }

    fn handle_event(&mut self, now: Time, event: Event<Data, Entry, Others>) {
        match event {
            Event::Phase(phase, closure) => self.enter(now, phase, closure),
            Event::Entry { seq, entry, .. } => {
                entry.own.and_then(|id| self.fates.remove(&id));
                if self.see(seq, entry.own) {
                    let taken = self.replica.entry(seq, entry.own, entry.made);
                    self.hold_to(now, taken);
                }
            }
            Event::OwnEntry { seq, id, .. } => {
                let made = self.fates.remove(&id).and_then(|fate| fate.made);
                if self.see(seq, Some(id)) {
                    let made = made.map_or(Made::AsSent, Made::Otherwise);
                    let taken = self.replica.acknowledged(seq, id, made);
                    self.hold_to(now, taken);
                }
            }
            Event::Op { id, state } => self.handle_op(now, id, state),
            Event::Reset { code, reason } => {
                self.replica.forget_position();
                self.seen = Seq::START;
                self.tell(DocumentEvent::Reset { code, reason });
            }
            Event::Presence(change) => self.tell(DocumentEvent::Presence(change)),
            Event::PresenceLost => self.tell(DocumentEvent::PresenceLost),
            Event::Error { code, reason } => self.tell(DocumentEvent::Error { code, reason }),
        }
    }

    fn enter(&mut self, now: Time, phase: Phase, closure: Option<crate::Closure>) {
        match phase {
            Phase::Live if !self.has_diverged => {
                let caught_up = self.replica.caught_up(self.session.position(), self.last_op);
                self.hold_to(now, caught_up);
            }
            Phase::Offline { .. } | Phase::Closed => {
                self.held.clear();
                self.fates.clear();
                self.announced = None;
                let disconnected = self.replica.disconnected();
                if disconnected.is_err() {
                    self.replica.recover();
                }
                self.has_diverged = false;
            }
            Phase::Live | Phase::Connecting | Phase::Joining => {}
        }
        self.take_told();
        self.tell(DocumentEvent::Phase(phase, closure));
    }

    /// An entry is there. `false` if it is of no use any more.
    fn see(&mut self, seq: Seq, own: Option<OpId>) -> bool {
        self.seen = seq;
        if self.has_diverged {
            self.replica.arrive(own);
        }
        !self.has_diverged
    }

    fn handle_op(&mut self, now: Time, id: OpId, state: OpState) {
        match state {
            // Told when it is so: some have to wait.
            OpState::Sent => {}
            OpState::Ordered(ack) => {
                let fate = self.fates.get_mut(&id);
                let (outcome, conflicts) = fate.map_or((Outcome::AsSent, Vec::new()), |fate| {
                    (fate.outcome, std::mem::take(&mut fate.conflicts))
                });
                if ack.seq <= self.seen {
                    self.replica.settled(id);
                    self.fates.remove(&id);
                }
                self.tell_op(
                    id,
                    DocumentOpState::Ordered {
                        ack,
                        outcome,
                        conflicts,
                    },
                );
            }
            // Once it was live, others may have been faster with what is also too large.
            OpState::Rejected(_) if !self.replica.knows(id) => {}
            OpState::Rejected(rejection) => {
                self.refusals.insert(id, Refusal::from(rejection));
                self.withdraw(now, id);
            }
        }
    }

    /// Takes back an op that is not sent, or not any more.
    fn withdraw(&mut self, now: Time, id: OpId) {
        let withdrawn = self.replica.withdraw(id);
        self.hold_to(now, withdrawn);
        self.take_told();
        // The view did not have it.
        if let Some(refusal) = self.refusals.remove(&id) {
            self.refuse(id, refusal);
        }
    }

    fn take_told(&mut self) {
        while let Some(told) = self.replica.poll_told() {
            match told {
                Told::Changed(change) => self.tell(DocumentEvent::Changed(change)),
                Told::Refused(id) => {
                    let refusal = self.refusals.remove(&id).unwrap_or_else(Refusal::unknown);
                    self.refuse(id, refusal);
                }
                Told::Overruled { id, path } => self.refuse(id, Refusal::overruled(path)),
                Told::Lost(id) => self.refuse(id, Refusal::unknown()),
            }
        }
    }

    pub(super) fn refuse(&mut self, id: OpId, refusal: Refusal) {
        self.session.forget_op(id);
        self.tell_op(id, DocumentOpState::Rejected(refusal));
    }

    /// Sends what waits, as far as it need not wait any more.
    fn release(&mut self, now: Time) {
        let mut index = 0;
        while let Some(&id) = self.held.get(index) {
            if self.replica.must_wait(id) {
                index += 1;
                continue;
            }
            self.held.remove(index);
            self.send_op(now, id);
            self.take_told();
        }
    }

    fn send_op(&mut self, now: Time, id: OpId) {
        if self.has_diverged || !self.session.has_op(id) {
            return;
        }
        let Some(content) = self.replica.content(id) else {
            return;
        };
        let text = write_client(&ClientMessage::Change(message::Change {
            id,
            base: content.sent.base.seq,
            upon: content.sent.upon,
            strict: content.strict,
            reset: content.reset,
            patches: raw(&content.sent.edit.patches()),
        }));
        if text.len() as u64 > self.session.max_message {
            // Carried over what others did, it may have grown by some digits.
            self.refusals.insert(id, Refusal::from(Rejection::TooLarge));
            return self.withdraw(now, id);
        }
        let op = Some(id);
        self.outputs.push_back(DocumentOutput::Send { text, op });
        self.tell_op(id, DocumentOpState::Sent);
    }

    pub(super) fn hold_to(&mut self, now: Time, result: Result<(), Diverged>) {
        if result.is_err() {
            self.replica.recover();
            self.diverge(now);
        }
    }

    /// What is confirmed is not what the room has. The server is told, and the next connection begins with the room's state.
    pub(super) fn diverge(&mut self, now: Time) {
        if self.has_diverged {
            return;
        }
        self.has_diverged = true;
        let seq = self.replica.position().unwrap_or_default().seq;
        if self.session.is_joined() {
            let hash = self.replica.hash();
            self.send(&ClientMessage::Diverged { seq, hash });
        }
        self.replica.forget_position();
        self.tell(DocumentEvent::Diverged { seq });
        if self.session.is_joined() {
            self.session
                .fault(now, "the document has come apart from the room's");
        }
    }

    fn send(&mut self, message: &ClientMessage<Data>) {
        let text = write_client(message);
        self.outputs.push_back(DocumentOutput::Send { text, op: None });
    }

    fn tell_op(&mut self, id: OpId, state: DocumentOpState) {
        self.tell(DocumentEvent::Op { id, state });
    }

    fn tell(&mut self, event: DocumentEvent) {
        self.outputs.push_back(DocumentOutput::Event(event));
    }
}

fn raw<T: Serialize + ?Sized>(value: &T) -> Data {
    to_raw_value(value)
        .expect("JSON values and patches are JSON")
        .into()
}

/// The members of an op's message beside its patches, as long as they can be.
const ENVELOPE: usize = r#"{"type":"op","id":9007199254740991,"base":9007199254740991,"upon":9007199254740991,"strict":true,"reset":true,"patches":}"#.len();
