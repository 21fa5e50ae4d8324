//! One connection of an app: in which dialect it speaks, and what it keeps where the app wants it kept.

use std::cell::RefCell;
use std::rc::Rc;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::limits::{MAX_DATA_DEPTH, MAX_PRESENCE_BYTES};
use patchcast_session::Config;
use wasm_bindgen::prelude::*;

use crate::app::{App, Refusal, Status};
use crate::encode::{Encoded, encode, parse};
use crate::error::{caused, error, text_of, type_error};
use crate::handles::{Presence, Receipt};
use crate::options::{Options, Persist, Speak};
use crate::outbox::{Outbox, Outboxes};
use crate::plain::{Message, Plain, codec};
use crate::sessions::codec::new_secret;
use crate::sessions::{Keep, Purpose, Sessions, Start};
use crate::told::StatusDetail;

pub(crate) struct Client {
    pub(crate) app: Rc<App>,
    url: String,
    config: Config,
    engine: RefCell<Engine>,
    pub(crate) presence: Rc<Presence>,
    /// What the app shows of itself.
    shown: RefCell<Option<Encoded>>,
    /// More of them come while this is here.
    outboxes: RefCell<Option<Outboxes>>,
    couriers: RefCell<Vec<Rc<Sessions>>>,
}

#[derive(Clone)]
enum Engine {
    /// The outbox is not there yet, and this waits for it.
    Opening(Rc<RefCell<Vec<(Encoded, Receipt)>>>),
    Sessions(Rc<Sessions>),
    Plain(Rc<Plain>),
}

impl Client {
    /// Begins to connect; fails when the browser refuses even to try, unless it is still to ask its storage.
    pub(crate) fn connect(url: String, options: Options) -> Result<Rc<Client>, JsValue> {
        let Options {
            speak,
            config,
            callbacks,
        } = options;
        let client = Rc::new(Client {
            app: App::new(callbacks),
            url,
            config,
            presence: Rc::new(Presence::new()),
            shown: RefCell::new(None),
            engine: RefCell::new(Engine::Opening(Rc::default())),
            outboxes: RefCell::new(None),
            couriers: RefCell::new(Vec::new()),
        });
        match speak {
            Speak::Plain(dialect) => client.speak_plain(dialect)?,
            Speak::Sessions(None) => client.speak_sessions(None, Keep::WithOps)?,
            Speak::Sessions(Some(persist)) => client.open_outboxes(persist),
        }
        Ok(client)
    }

    /// Sends or queues `message`. Throws for what the server would not take.
    pub(crate) fn send(&self, message: &JsValue) -> Result<Receipt, JsValue> {
        let receipt = Receipt::new();
        let sent = receipt.clone();
        let engine = self.engine.borrow().clone();
        match engine {
            Engine::Plain(plain) => plain.send(Message {
                encoded: plain.encode(message)?,
                receipt,
                kept: None,
            }),
            Engine::Sessions(sessions) => sessions.send(&encode(message, MAX_DATA_DEPTH)?, receipt),
            Engine::Opening(waiting) => {
                let op = encode(message, MAX_DATA_DEPTH)?;
                let is_full = waiting.borrow().len() >= self.config.pending_limit;
                if self.app.has_ended() {
                    self.app.refuse(&receipt, Refusal::ClosedByApp);
                } else if self.app.status() == Status::Closed {
                    self.app.refuse(&receipt, Refusal::ClosedForGood);
                } else if is_full {
                    self.app.refuse(&receipt, Refusal::QueueFull);
                } else {
                    waiting.borrow_mut().push((op, receipt));
                }
            }
        }
        Ok(sent)
    }

    /// Shows `value` to the others. Throws for what the server would not take.
    pub(crate) fn show(&self, value: &JsValue) -> Result<(), JsValue> {
        let shown = encode(value, MAX_DATA_DEPTH)?;
        if shown.bytes > MAX_PRESENCE_BYTES {
            return Err(type_error("a presence has at most 1024 bytes as JSON"));
        }
        self.shown.replace(Some(shown.clone()));
        let engine = self.engine.borrow().clone();
        if let Engine::Sessions(sessions) = engine {
            sessions.show(shown.text.into());
        }
        Ok(())
    }

    /// Ends it; the app is not called any more.
    pub(crate) fn close(&self) {
        self.app.end();
        self.outboxes.replace(None);
        for courier in self.couriers.take() {
            courier.close();
        }
        let engine = self.engine.borrow().clone();
        match engine {
            Engine::Opening(waiting) => {
                for (_, receipt) in waiting.take() {
                    self.app.refuse(&receipt, Refusal::ClosedByApp);
                }
            }
            Engine::Sessions(sessions) => sessions.close(),
            Engine::Plain(plain) => plain.close(),
        }
    }

    /// How many messages the app has sent that are not settled.
    pub(crate) fn queued(&self) -> usize {
        match &*self.engine.borrow() {
            Engine::Opening(waiting) => waiting.borrow().len(),
            Engine::Sessions(sessions) => sessions.pending(),
            Engine::Plain(plain) => plain.queued(),
        }
    }

    pub(crate) fn client(&self) -> JsValue {
        match &*self.engine.borrow() {
            Engine::Sessions(sessions) => sessions.client(),
            Engine::Opening(_) | Engine::Plain(_) => JsValue::UNDEFINED,
        }
    }

    fn speak_plain(&self, dialect: Dialect) -> Result<(), JsValue> {
        let Config {
            pending_limit,
            backoff,
            ..
        } = self.config;
        let (app, url) = (Rc::clone(&self.app), self.url.clone());
        let plain = Plain::connect(app, url, dialect, pending_limit, backoff)?;
        self.engine.replace(Engine::Plain(plain));
        Ok(())
    }

    fn speak_sessions(self: &Rc<Self>, outbox: Option<Rc<Outbox>>, keep: Keep) -> Result<(), JsValue> {
        let client = Rc::clone(self);
        let purpose = Purpose::App {
            presence: Rc::clone(&self.presence),
            keep,
        };
        let start = Start {
            config: self.config.clone(),
            goes_on_after: outbox
                .as_ref()
                .filter(|_| keep == Keep::Every)
                .and_then(|outbox| outbox.position()),
            outbox,
            downgrade: Some(Box::new(move |unsent| client.downgrade(unsent))),
        };
        let (app, url) = (Rc::clone(&self.app), self.url.clone());
        let sessions = Sessions::connect(app, url, purpose, start)?;
        let shown = self.shown.borrow().clone();
        if let Some(shown) = shown {
            sessions.show(shown.text.into());
        }
        let before = self.engine.replace(Engine::Sessions(Rc::clone(&sessions)));
        if let Engine::Opening(waiting) = before {
            for (op, receipt) in waiting.take() {
                sessions.send(&op, receipt);
            }
        }
        Ok(())
    }

    /// The server does not speak sessions, and so has none of these.
    fn downgrade(&self, unsent: Vec<Message>) {
        if self.outboxes.take().is_some() {
            let text = "the server does not speak sessions: what is sent is not kept across reloads";
            self.app.report(error(text));
        }
        if let Err(cause) = self.speak_plain(Dialect::Patches) {
            self.fail(&cause);
        }
        let engine = self.engine.borrow().clone();
        for message in unsent {
            let checked =
                parse(&message.encoded.text).and_then(|patches| codec::encode(Dialect::Patches, &patches));
            match (checked, &engine) {
                (Ok(_), Engine::Plain(plain)) => plain.send(message),
                (Ok(_), _) => self.app.refuse(&message.receipt, Refusal::ClosedForGood),
                (Err(cause), _) => {
                    let error = caused("not sent: the server takes Immer patches only", &cause);
                    self.app.rejected(&message.receipt, "bad_data", &text_of(&error));
                    self.app.report(error);
                    if let Some(kept) = message.kept {
                        kept.remove();
                    }
                }
            }
        }
    }

    fn open_outboxes(self: &Rc<Self>, persist: Persist) {
        let Persist { name, keep } = persist;
        let room = [&name, "\n", &self.url].concat();
        let (opened, failed) = (Rc::clone(self), Rc::clone(self));
        let outboxes = Outboxes::open(
            &room,
            &new_secret(),
            move |outbox| opened.use_outbox(outbox, keep),
            move |cause| {
                failed
                    .app
                    .report(caused("what is sent is not kept across reloads", &cause));
                failed.begin(None, keep);
            },
        );
        self.outboxes.replace(Some(outboxes));
    }

    fn use_outbox(self: &Rc<Self>, outbox: Outbox, keep: Keep) {
        if self.is_opening() {
            self.begin(Some(Rc::new(outbox)), keep);
        } else if !outbox.ops().is_empty() {
            self.send_what_was_left(outbox);
        }
    }

    fn is_opening(&self) -> bool {
        matches!(*self.engine.borrow(), Engine::Opening(_))
    }

    fn begin(self: &Rc<Self>, outbox: Option<Rc<Outbox>>, keep: Keep) {
        if !self.is_opening() {
            return;
        }
        let position = outbox.as_ref().and_then(|outbox| outbox.position());
        if keep == Keep::Every && position.is_none() {
            self.app
                .reset("it is not known up to where the messages have come before");
        }
        if let Err(cause) = self.speak_sessions(outbox, keep) {
            self.fail(&cause);
        }
    }

    /// Another page's ops go out in its name, over a connection of their own.
    fn send_what_was_left(&self, outbox: Outbox) {
        let start = Start {
            config: Config {
                presence: false,
                ..self.config.clone()
            },
            goes_on_after: outbox.position(),
            outbox: Some(Rc::new(outbox)),
            downgrade: None,
        };
        match Sessions::connect(self.app.unaware(), self.url.clone(), Purpose::Courier, start) {
            Ok(courier) => self.couriers.borrow_mut().push(courier),
            Err(cause) => self.app.report(cause),
        }
    }

    /// The browser refuses even to try, and `connect` has returned already.
    fn fail(&self, cause: &JsValue) {
        let reason = text_of(cause);
        let detail = StatusDetail {
            reason: Some(&reason),
            ..StatusDetail::default()
        };
        self.app.notify(Status::Closed, &detail);
        let engine = self.engine.borrow().clone();
        if let Engine::Opening(waiting) = engine {
            for (_, receipt) in waiting.take() {
                self.app.refuse(&receipt, Refusal::ClosedForGood);
            }
        }
    }
}
