//! A client of the model: a session, what its host keeps, and what an app holds that only hears of changes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use patchcast_protocol::apply::{Document, KeyOrder};
use patchcast_protocol::close::CloseCode;
use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::{Author, OpId, Secret};
use patchcast_protocol::message::RejectCode;
use patchcast_protocol::path::PathSegment;
use patchcast_protocol::value::same;
use serde_json::{Map, Value};

use crate::document::{
    Cause, DocumentConfig, DocumentEvent, DocumentInput, DocumentOpState, DocumentOutput, DocumentSession,
    RestoredDocument, Update, UpdateError, UpdateOptions, What,
};
use crate::{Phase, Time};

pub struct Party {
    pub author: Author,
    pub session: DocumentSession,
    secret: Secret,
    initial: Option<Value>,
    pub mirror: Document,
    pub wants_connection: bool,
    /// Whether what is done now is.
    is_strict: bool,
    /// Frames for the server.
    pub up: VecDeque<String>,
    /// What became of each op.
    pub ops: BTreeMap<OpId, Option<Fate>>,
    /// What the strict ones were to do.
    pub strict: BTreeMap<OpId, Edit>,
    /// Of those that want to be tried again.
    pub conflicts: usize,
    pub has_diverged: bool,
    /// The session has let go of its connection.
    pub has_left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Stored,
    Rejected(RejectCode),
}

/// Nothing in the model depends on it.
const NOW: Time = Duration::from_secs(1);

impl Party {
    pub fn new(number: usize, initial: Option<Value>) -> Result<Party, String> {
        let secret = Secret::parse(&format!("a-secret-of-22-letters{number}")).unwrap();
        let mut party = Party {
            author: Author::of(&secret),
            session: begin(&secret, initial.as_ref(), RestoredDocument::default()),
            mirror: Document::new(initial.clone().unwrap_or_default()).unwrap(),
            secret,
            initial,
            wants_connection: false,
            is_strict: false,
            up: VecDeque::new(),
            ops: BTreeMap::new(),
            strict: BTreeMap::new(),
            conflicts: 0,
            has_diverged: false,
            has_left: false,
        };
        party.hear()?;
        Ok(party)
    }

    pub fn is_live(&self) -> bool {
        self.session.phase() == Phase::Live
    }

    pub fn connected(&mut self) -> Result<(), String> {
        self.wants_connection = false;
        self.input(DocumentInput::Connected)
    }

    pub fn receive(&mut self, frame: &str) -> Result<(), String> {
        self.input(DocumentInput::Frame(frame))
    }

    /// The connection breaks, and the session wants another one at once.
    pub fn cut(&mut self) -> Result<(), String> {
        self.up.clear();
        self.input(DocumentInput::Disconnected {
            code: CloseCode::GoingAway.number(),
            reason: "cut".into(),
        })?;
        self.come_back()
    }

    pub fn come_back(&mut self) -> Result<(), String> {
        self.input(DocumentInput::Online)
    }

    /// The page is loaded again; what was kept is all that there is of the life before.
    pub fn reload(&mut self, keeps_value: bool) -> Result<(), String> {
        let left = self.session.leave(keeps_value);
        self.up.clear();
        self.session = begin(&self.secret, self.initial.as_ref(), left);
        self.mirror = Document::restored(self.session.value().clone(), usize::MAX).unwrap();
        self.hear()
    }

    /// `false` if there was nothing to do.
    pub fn update(&mut self, update: Update, options: UpdateOptions) -> Result<(), String> {
        let before = self.session.value().to_string();
        self.is_strict = options.strict;
        match self.session.update(NOW, update, options) {
            Ok(Some(id)) => {
                self.ops.insert(id, None);
            }
            Ok(None) | Err(UpdateError::ResetNeeded) => {
                let after = self.session.value().to_string();
                if after != before {
                    return Err("an update that was none has changed something".into());
                }
            }
            Err(error) => return Err(error.to_string()),
        }
        let heard = self.hear();
        self.is_strict = false;
        heard
    }

    pub fn step_back(&mut self, redo: bool) -> Result<(), String> {
        use crate::document::UndoError;

        let done = match redo {
            true => self.session.redo(NOW),
            false => self.session.undo(NOW),
        };
        match done {
            Ok(id) => {
                self.ops.insert(id, None);
            }
            Err(UndoError::Nothing | UndoError::Overtaken(_)) => {}
            Err(error) => return Err(format!("an undo does not apply: {error}")),
        }
        self.hear()
    }

    fn input(&mut self, input: DocumentInput<'_>) -> Result<(), String> {
        self.session.handle_input(NOW, input);
        self.hear()
    }

    fn hear(&mut self) -> Result<(), String> {
        let mut has_changed = false;
        while let Some(output) = self.session.poll_output() {
            match output {
                DocumentOutput::Connect => self.wants_connection = true,
                DocumentOutput::Disconnect { .. } => self.has_left = true,
                DocumentOutput::Send { text, .. } => self.up.push_back(text),
                DocumentOutput::WakeAt(_) => {}
                DocumentOutput::Event(DocumentEvent::Changed(change)) => {
                    has_changed = true;
                    if let (Cause::Own(id), What::Edit(edit), true) =
                        (change.cause, &change.what, self.is_strict)
                    {
                        self.strict.insert(id, edit.clone());
                    }
                    self.mirror_change(change.what)?;
                }
                DocumentOutput::Event(DocumentEvent::Op { id, state }) => self.note(id, state)?,
                DocumentOutput::Event(DocumentEvent::Diverged { .. }) => self.has_diverged = true,
                DocumentOutput::Event(_) => {}
            }
        }
        if has_changed { self.check() } else { Ok(()) }
    }

    fn note(&mut self, id: OpId, state: DocumentOpState) -> Result<(), String> {
        let fate = match state {
            DocumentOpState::Sent => return Ok(()),
            DocumentOpState::Ordered { .. } => Fate::Stored,
            DocumentOpState::Rejected(refusal) => {
                self.conflicts += usize::from(refusal.code == RejectCode::Conflict);
                Fate::Rejected(refusal.code)
            }
        };
        match self.ops.insert(id, Some(fate)) {
            Some(None) => Ok(()),
            earlier => Err(format!(
                "{id} of {} is {fate:?}, and was {earlier:?}",
                self.author
            )),
        }
    }

    fn mirror_change(&mut self, what: What) -> Result<(), String> {
        match what {
            What::Edit(edit) => {
                let applied = self.mirror.apply(&edit.patches());
                applied.map(drop).map_err(|error| error.to_string())
            }
            What::Order(orders) => {
                let mut value = self.mirror.value().clone();
                orders.iter().for_each(|order| sort_keys(&mut value, order));
                self.mirror = Document::restored(value, usize::MAX).unwrap();
                Ok(())
            }
        }
    }

    /// The view is what was told of it, and the pending ops made on what is confirmed.
    fn check(&self) -> Result<(), String> {
        let (mirror, view) = (self.mirror.value().to_string(), self.session.value().to_string());
        if mirror != view {
            return Err(format!("{} shows {view}, and was told {mirror}", self.author));
        }
        let replica = self.session.replica();
        let mut made = Document::restored(replica.confirmed().clone(), usize::MAX).unwrap();
        for op in replica.chain.iter() {
            made.replay(op.edit.clone()).map_err(|error| error.to_string())?;
        }
        if !same(made.value(), replica.value()) {
            return Err(format!("{} shows {view}, not {}", self.author, made.value()));
        }
        Ok(())
    }
}

fn begin(secret: &Secret, initial: Option<&Value>, left: RestoredDocument) -> DocumentSession {
    let config = DocumentConfig {
        initial: initial.cloned(),
        ..DocumentConfig::default()
    };
    DocumentSession::new(config, secret.clone(), left, 7, NOW).unwrap()
}

/// What an app does that is told of an order of keys.
fn sort_keys(value: &mut Value, order: &KeyOrder) {
    let place = order
        .path
        .iter()
        .fold(value, |place, segment| match (segment, place) {
            (PathSegment::Index(index), Value::Array(items)) => &mut items[*index as usize],
            (segment, place) => &mut place[segment.key().as_ref()],
        });
    let members = place.as_object_mut().unwrap();
    let sorted: Map<_, _> = order
        .keys
        .iter()
        .map(|key| (key.clone(), members.get(key).cloned().unwrap()))
        .collect();
    assert_eq!(sorted.len(), members.len());
    *members = sorted;
}
