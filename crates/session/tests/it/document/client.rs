//! A document's session whose server is the test: what it sends and what it tells, frame by frame.

use std::time::Duration;

use patchcast_protocol::apply::Document;
use patchcast_protocol::ids::{Author, OpId, Secret};
use patchcast_session::document::{
    DocumentConfig, DocumentEvent, DocumentInput, DocumentOpState, DocumentOutput, DocumentSession,
    RestoredDocument, Update, UpdateError, UpdateOptions, What,
};
use serde_json::{Value, json};

pub const NOW: Duration = Duration::from_secs(1);
const SECRET: &str = "a-secret-of-22-letters";
/// Somebody else.
pub const OTHER: &str = "BwcHBwcHBwcHBwcH";

pub struct Client {
    pub session: DocumentSession,
    /// What an app shows that only hears of changes.
    pub mirror: Document,
    sent: Vec<Value>,
    told: Vec<String>,
}

impl Client {
    pub fn new(initial: Option<Value>) -> Client {
        let config = DocumentConfig {
            initial,
            ..DocumentConfig::default()
        };
        Client::with(config, RestoredDocument::default())
    }

    pub fn with(config: DocumentConfig, restored: RestoredDocument) -> Client {
        let secret = Secret::parse(SECRET).unwrap();
        let session = DocumentSession::new(config, secret, restored, 7, NOW).unwrap();
        let mut client = Client {
            mirror: Document::new(session.value().clone()).unwrap(),
            session,
            sent: Vec::new(),
            told: Vec::new(),
        };
        client.drain();
        client
    }

    /// A client that has joined a room whose document is this one behind entry `seq`, and what it said until then is forgotten.
    pub fn live(seq: u64, state: Value) -> Client {
        let mut client = Client::new(None);
        client.connect();
        client.welcome(seq, 0, Some(seq));
        client.receive(json!({ "type": "snapshot", "seq": seq, "state": state }));
        client.forget();
        client
    }

    pub fn connect(&mut self) {
        self.session.handle_input(NOW, DocumentInput::Online);
        self.session.handle_input(NOW, DocumentInput::Connected);
        self.drain();
    }

    pub fn disconnect(&mut self) {
        let (code, reason) = (1006, "".into());
        self.session
            .handle_input(NOW, DocumentInput::Disconnected { code, reason });
        self.drain();
    }

    pub fn welcome(&mut self, head: u64, last_op: u64, snapshot: Option<u64>) {
        let mut welcome = json!({
            "type": "welcome", "version": 1, "client": own(), "epoch": "0000000000000001", "head": head,
            "last_op": last_op, "durability": "memory", "max_message": 1000, "idle_timeout": 60_000,
        });
        if let Some(seq) = snapshot {
            welcome["snapshot"] = json!(seq);
        }
        self.receive(welcome);
    }

    pub fn receive(&mut self, frame: Value) {
        self.session
            .handle_input(NOW, DocumentInput::Frame(&frame.to_string()));
        self.drain();
    }

    /// Another's entry after this one.
    pub fn entry(&mut self, after: u64, patches: Value) {
        self.receive(entries(after, OTHER, 1, patches));
    }

    /// An own op is an entry, just as it was sent.
    pub fn ack(&mut self, id: u64, seq: u64) {
        self.receive(json!({ "type": "ack", "id": id, "seq": seq, "time": 1, "durability": "memory" }));
    }

    pub fn reject(&mut self, id: u64, code: &str, after: u64) {
        self.receive(json!({ "type": "reject", "id": id, "code": code, "reason": "why", "after": after }));
    }

    pub fn update(&mut self, patches: Value) -> Result<Option<OpId>, UpdateError> {
        self.update_with(patches, UpdateOptions::default())
    }

    pub fn update_with(
        &mut self,
        patches: Value,
        options: UpdateOptions,
    ) -> Result<Option<OpId>, UpdateError> {
        let patches = serde_json::from_value(patches).unwrap();
        let updated = self.session.update(NOW, Update::Patches(patches), options);
        self.drain();
        updated
    }

    /// The frames since it was last asked.
    pub fn sent(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.sent)
    }

    /// The events since it was last asked, but for changes, which the mirror follows.
    pub fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    pub fn forget(&mut self) {
        self.sent.clear();
        self.told.clear();
    }

    pub fn text(&self) -> String {
        self.session.value().to_string()
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                DocumentOutput::Connect => self.told.push("connect".into()),
                DocumentOutput::Disconnect { .. } => self.told.push("disconnect".into()),
                DocumentOutput::Send { text, .. } => self.sent.push(serde_json::from_str(&text).unwrap()),
                DocumentOutput::WakeAt(_) => {}
                DocumentOutput::Event(event) => self.hear(event),
            }
        }
        assert_eq!(self.mirror.value().to_string(), self.text());
    }

    fn hear(&mut self, event: DocumentEvent) {
        let told = match event {
            DocumentEvent::Changed(change) => match change.what {
                What::Edit(edit) => return drop(self.mirror.apply(&edit.patches()).unwrap()),
                What::Order(orders) => {
                    let of = Document::new(self.session.value().clone()).unwrap();
                    self.mirror.order_keys_as(&of);
                    format!("order {:?}", orders[0].keys)
                }
            },
            DocumentEvent::Phase(phase, _) => {
                let phase = format!("{phase:?}").to_lowercase();
                phase.split(' ').next().unwrap().to_owned()
            }
            DocumentEvent::Op { id, state } => match state {
                DocumentOpState::Sent => format!("{} sent", id.0),
                DocumentOpState::Ordered {
                    ack,
                    outcome,
                    conflicts,
                } => {
                    format!("{} is {} {outcome:?} {}", id.0, ack.seq.0, conflicts.len())
                }
                DocumentOpState::Rejected(refusal) => format!("{} rejected {:?}", id.0, refusal.code),
            },
            DocumentEvent::Reset { code, .. } => format!("reset {code:?}"),
            DocumentEvent::Diverged { seq } => format!("diverged {}", seq.0),
            DocumentEvent::Error { code, .. } => format!("error {code:?}"),
            DocumentEvent::Presence(_) | DocumentEvent::PresenceLost => "presence".into(),
        };
        self.told.push(told);
    }
}

/// The id of the client.
pub fn own() -> String {
    Author::of(&Secret::parse(SECRET).unwrap()).to_string()
}

pub fn entries(after: u64, client: &str, id: u64, patches: Value) -> Value {
    json!({
        "type": "entries", "after": after,
        "entries": [{ "client": client, "id": id, "time": 1, "patches": patches }],
    })
}

/// One patch that sets a key.
pub fn set(path: Value, value: Value) -> Value {
    json!([{ "op": "replace", "path": path, "value": value }])
}

/// One patch that adds.
pub fn add(path: Value, value: Value) -> Value {
    json!([{ "op": "add", "path": path, "value": value }])
}

/// One patch that removes.
pub fn remove(path: Value) -> Value {
    json!([{ "op": "remove", "path": path }])
}

/// An op's message without flags.
pub fn op(id: u64, base: u64, upon: Option<u64>, patches: Value) -> Value {
    let mut op = json!({ "type": "op", "id": id, "base": base, "patches": patches });
    if let Some(upon) = upon {
        op["upon"] = json!(upon);
    }
    op
}
