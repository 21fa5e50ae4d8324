//! Sessions: carries out what the pure `patchcast_session` decides.
//!
//! *Whatever waits for an event owns the driver*, as in `plain`; what the outbox calls does not, for it belongs to the driver.

pub(crate) mod codec;
mod link;
mod receipts;
mod tell;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use patchcast_protocol::ids::{OpId, Position, Seq};
use patchcast_protocol::message::ClientMessage;
use patchcast_session::{Config, Input, Output, Restored, Session, SubmitError};
use wasm_bindgen::prelude::*;

use self::link::Link;
use self::receipts::Receipts;
use crate::app::{App, Refusal};
use crate::encode::Encoded;
use crate::error::caused;
use crate::handles::{self, Presence, Receipt};
use crate::host::{self, OnlineListener, Timer};
use crate::outbox::Outbox;
use crate::plain::Message;

pub(crate) struct Sessions {
    app: Rc<App>,
    url: String,
    purpose: Purpose,
    session: RefCell<Session<JsValue>>,
    /// This client's id, once a welcome told it.
    client: RefCell<JsValue>,
    link: RefCell<Link>,
    downgrade: RefCell<Option<Downgrade>>,
    timer: RefCell<Option<Timer>>,
    online: RefCell<Option<OnlineListener>>,
    receipts: RefCell<Receipts>,
    outbox: RefCell<Option<Rc<Outbox>>>,
    /// Ops to be sent that are not stored yet.
    held: RefCell<Vec<(OpId, JsValue)>>,
    /// Up to where the app has been told, and whether the outbox is to know it.
    told: Cell<Seq>,
    told_is_due: Cell<bool>,
    /// Outputs are being carried out; what the app does meanwhile adds to them.
    busy: Cell<bool>,
}

/// What a session is for.
pub(crate) enum Purpose {
    App {
        presence: Rc<Presence>,
        keep: Keep,
    },
    /// To send what a page left behind.
    Courier,
}

/// Which positions the outbox is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Each, because the app goes on from there.
    Every,
    /// Those at which an op was settled, so that whoever sends what is left need not read the whole room.
    WithOps,
}

/// How a session begins.
pub(crate) struct Start {
    pub(crate) config: Config,
    /// Where the client and its ops are kept; without it, it is a new one.
    pub(crate) outbox: Option<Rc<Outbox>>,
    pub(crate) goes_on_after: Option<Position>,
    pub(crate) downgrade: Option<Downgrade>,
}

/// Goes on with a server that does not speak sessions, and with what was not sent. There is one as long as no server has ever agreed
/// to speak sessions: what went into a session may not be sent otherwise.
pub(crate) type Downgrade = Box<dyn FnOnce(Vec<Message>)>;

impl Sessions {
    /// Begins to connect; fails when the browser refuses even to try.
    pub(crate) fn connect(
        app: Rc<App>,
        url: String,
        purpose: Purpose,
        start: Start,
    ) -> Result<Rc<Sessions>, JsValue> {
        let Start {
            config,
            outbox,
            goes_on_after,
            downgrade,
        } = start;
        let told = goes_on_after.unwrap_or_default().seq;
        let has_joined = outbox.as_ref().is_some_and(|outbox| outbox.position().is_some());
        let restored = Restored {
            last_id: outbox.as_ref().map_or(OpId::NONE, |outbox| outbox.last_id()),
            pending: outbox.as_ref().map_or_else(Vec::new, |outbox| outbox.ops()),
            position: goes_on_after,
        };
        let kept_secret = outbox.as_ref().and_then(|outbox| outbox.secret());
        let secret = kept_secret.unwrap_or_else(codec::new_secret);
        let session = Session::new(config, secret, restored, host::seed(), host::now());
        let sessions = Rc::new(Sessions {
            app,
            url,
            purpose,
            session: RefCell::new(session),
            client: RefCell::new(JsValue::UNDEFINED),
            link: RefCell::new(Link::Nothing),
            downgrade: RefCell::new(downgrade.filter(|_| !has_joined)),
            timer: RefCell::new(None),
            online: RefCell::new(None),
            receipts: RefCell::new(Receipts::default()),
            outbox: RefCell::new(outbox),
            held: RefCell::new(Vec::new()),
            told: Cell::new(told),
            told_is_due: Cell::new(false),
            busy: Cell::new(false),
        });
        // The session's first output asks for it; begun here, because a URL that no browser takes is told by throwing.
        sessions.begin_attempt()?;
        sessions.listen();
        sessions.carry_out();
        Ok(sessions)
    }

    /// Sends or queues an op; its receipt, and in general `onError`, are told when it was not taken.
    pub(crate) fn send(self: &Rc<Self>, op: &Encoded, receipt: Receipt) {
        let submitted = self.session.borrow_mut().submit(op.text.clone().into(), op.bytes);
        let refusal = match submitted {
            Ok(id) => {
                handles::numbered(&receipt, id.0 as f64);
                self.receipts.borrow_mut().add(id, receipt);
                if let Some(outbox) = &*self.outbox.borrow() {
                    outbox.put(id, op);
                }
                return self.carry_out();
            }
            Err(SubmitError::QueueFull) => Refusal::QueueFull,
            Err(SubmitError::TooLarge) => Refusal::TooLarge,
            Err(SubmitError::Closed) if self.app.has_ended() => Refusal::ClosedByApp,
            Err(SubmitError::Closed) => Refusal::ClosedForGood,
        };
        self.app.refuse(&receipt, refusal);
    }

    /// Shows `data`, which is JSON, to the others.
    pub(crate) fn show(self: &Rc<Self>, data: JsValue) {
        self.take(Input::Presence(data));
    }

    /// Ends it. What is queued is dropped; what is stored stays so.
    pub(crate) fn close(self: &Rc<Self>) {
        self.take(Input::Close);
    }

    /// How many ops are not settled.
    pub(crate) fn pending(&self) -> usize {
        self.session.borrow().pending()
    }

    /// This client's id; `undefined` before the first welcome.
    pub(crate) fn client(&self) -> JsValue {
        self.client.borrow().clone()
    }

    fn listen(self: &Rc<Self>) {
        let sessions = Rc::clone(self);
        self.online
            .replace(OnlineListener::new(move || sessions.take(Input::Online)));
        let (stored, failed) = (Rc::downgrade(self), Rc::downgrade(self));
        if let Some(outbox) = &*self.outbox.borrow() {
            outbox.listen(
                move || {
                    if let Some(sessions) = stored.upgrade() {
                        sessions.send_held();
                    }
                },
                move |cause| {
                    if let Some(sessions) = failed.upgrade() {
                        let text = "what is sent is not kept across reloads any more";
                        sessions.app.report(caused(text, &cause));
                        sessions.send_held();
                    }
                },
            );
        }
    }

    fn take(self: &Rc<Self>, input: Input<JsValue>) {
        self.session.borrow_mut().handle_input(host::now(), input);
        self.carry_out();
    }

    /// Does what the session wants. What happens meanwhile is done by the same loop, so that the app gets everything in order.
    fn carry_out(self: &Rc<Self>) {
        if self.busy.replace(true) {
            return;
        }
        loop {
            let output = self.session.borrow_mut().poll_output();
            let Some(output) = output else { break };
            self.perform(output);
        }
        self.busy.set(false);
        self.write_position();
        if matches!(self.purpose, Purpose::Courier) && self.pending() == 0 && self.outbox.borrow().is_some() {
            self.close();
        }
    }

    fn perform(self: &Rc<Self>, output: Output<JsValue>) {
        match output {
            Output::Connect => self.attempt(),
            Output::Disconnect { code, reason } => {
                if let Link::Open(socket) = &*self.link.borrow() {
                    socket.close(code, reason);
                }
                self.link.replace(Link::Nothing);
            }
            Output::Send(ClientMessage::Op { id, data }) => {
                self.held.borrow_mut().push((id, data));
                self.send_held();
            }
            Output::Send(message) => self.write(&message),
            Output::WakeAt(at) => {
                let sessions = Rc::clone(self);
                let ms = at.saturating_sub(host::now()).as_millis() as u64 as f64;
                let timer = Timer::after(ms, move || sessions.take(Input::Woken));
                self.timer.replace(Some(timer));
            }
            Output::Event(event) => self.tell(event),
        }
    }

    /// Sends the ops that waited for being stored.
    fn send_held(&self) {
        while let Some((id, data)) = self.next_held() {
            self.write(&ClientMessage::Op { id, data });
            let receipt = self.receipts.borrow().find(id);
            if let Some(receipt) = receipt {
                self.app.catch("onChange", handles::sent(&receipt));
            }
        }
    }

    fn next_held(&self) -> Option<(OpId, JsValue)> {
        let mut held = self.held.borrow_mut();
        let (id, _) = held.first()?;
        let outbox = self.outbox.borrow();
        let is_stored = outbox.as_ref().is_none_or(|outbox| outbox.has(*id));
        is_stored.then(|| held.remove(0))
    }

    fn write(&self, message: &ClientMessage<JsValue>) {
        let text = codec::write(message);
        if let Link::Open(socket) = &*self.link.borrow() {
            // One that cannot take it is about to say that it is closed, and all that is not settled is sent again then.
            let _ = socket.send(&text);
        }
    }

    /// Tells the outbox up to where the app has been told, in the same transaction as what became of ops.
    fn write_position(&self) {
        if let (Some(outbox), Purpose::App { .. }) = (&*self.outbox.borrow(), &self.purpose)
            && self.told_is_due.replace(false)
        {
            let epoch = self.session.borrow().position().epoch;
            let seq = self.told.get();
            outbox.move_to(Position { epoch, seq });
        }
    }
}
