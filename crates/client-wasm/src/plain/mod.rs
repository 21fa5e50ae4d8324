//! The plain dialects: carries out what the pure `connection` decides.
//!
//! *Whatever waits for an event owns the driver*: the socket's callback, the timer's, the listener's each hold it, so that a
//! connection whose `send` nobody kept still delivers; letting go of the link lets go of them all.

pub(crate) mod codec;
mod connection;
mod patches;
mod queue;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use patchcast_protocol::dialect::Dialect;
use patchcast_session::backoff::Bounds;
use wasm_bindgen::prelude::*;

use self::connection::{AfterLoss, Connection, Received, Sent};
use crate::app::{App, Refusal, Status};
use crate::encode::Encoded;
use crate::error::{caused, text_of};
use crate::handles::Receipt;
use crate::host::{self, OnlineListener, Timer};
use crate::limits::ATTEMPT_TIMEOUT_MS;
use crate::outbox::Kept;
use crate::socket::{NO_CLOSE_FRAME, Socket, SocketEvent};
use crate::told::{Saved, StatusDetail, message_info};

pub(crate) use self::connection::Readiness;

pub(crate) struct Plain {
    app: Rc<App>,
    url: String,
    dialect: Dialect,
    connection: RefCell<Connection<Message>>,
    link: RefCell<Link>,
    online: RefCell<Option<OnlineListener>>,
    /// Whether a history has come, which the next one replaces.
    has_history: Cell<bool>,
}

/// What of the app's waits to be sent.
pub(crate) struct Message {
    pub(crate) encoded: Encoded,
    pub(crate) receipt: Receipt,
    /// Where it is kept until then, when it is.
    pub(crate) kept: Option<Kept>,
}

/// What the state of the connection needs of the browser; replacing it releases what was there.
enum Link {
    Attempt { socket: Rc<Socket>, _deadline: Timer },
    Open { socket: Rc<Socket> },
    Wait { _timer: Timer },
    Nothing,
}

/// Why there is no connection (any more).
struct Loss {
    code: u16,
    reason: String,
}

impl Plain {
    /// Begins to connect; fails when the browser refuses even to try.
    pub(crate) fn connect(
        app: Rc<App>,
        url: String,
        dialect: Dialect,
        queue_limit: usize,
        backoff: Bounds,
    ) -> Result<Rc<Plain>, JsValue> {
        let plain = Rc::new(Plain {
            app,
            url,
            dialect,
            connection: RefCell::new(Connection::new(queue_limit, backoff, host::seed())),
            link: RefCell::new(Link::Nothing),
            online: RefCell::new(None),
            has_history: Cell::new(false),
        });
        plain.begin_attempt()?;
        let for_online = Rc::clone(&plain);
        plain
            .online
            .replace(OnlineListener::new(move || for_online.retry()));
        Ok(plain)
    }

    /// The message as it is sent; throws for what the server would not take.
    pub(crate) fn encode(&self, message: &JsValue) -> Result<Encoded, JsValue> {
        codec::encode(self.dialect, message)
    }

    /// Sends or queues `message`; its receipt, and in general `onError`, are told when it was not taken.
    pub(crate) fn send(&self, message: Message) {
        let socket = self.socket();
        let readiness = socket
            .as_ref()
            .map_or(Readiness::Closing, |socket| socket.readiness());
        let sent = self.connection.borrow_mut().handle_send(message, readiness);
        match (sent, socket) {
            (Sent::Now(message), Some(socket)) => self.write(&socket, message),
            (Sent::Refused(message, refusal), _) => self.app.refuse(&message.receipt, refusal),
            _ => {}
        }
    }

    /// Ends it. What is queued is dropped.
    pub(crate) fn close(&self) {
        self.connection.borrow_mut().handle_close();
        self.release();
        self.drop_queued(Refusal::ClosedByApp);
    }

    pub(crate) fn queued(&self) -> usize {
        self.connection.borrow().queued()
    }

    fn begin_attempt(self: &Rc<Self>) -> Result<(), JsValue> {
        let plain = Rc::clone(self);
        let subprotocols = self.dialect.subprotocol();
        let socket = Socket::open(&self.url, subprotocols.as_slice(), move |event| {
            plain.handle(event);
        })?;
        let plain = Rc::clone(self);
        let deadline = Timer::after(ATTEMPT_TIMEOUT_MS, move || {
            plain.handle_loss(&Loss::without_close("no answer in time"));
        });
        self.link.replace(Link::Attempt {
            socket,
            _deadline: deadline,
        });
        Ok(())
    }

    fn handle(self: &Rc<Self>, event: SocketEvent) {
        match event {
            SocketEvent::Opened => self.handle_open(),
            SocketEvent::Message(frame) => self.handle_message(&frame),
            SocketEvent::Closed { code, reason } => self.handle_loss(&Loss { code, reason }),
        }
    }

    fn handle_open(&self) {
        let Some(socket) = self.socket() else { return };
        self.link.replace(Link::Open {
            socket: Rc::clone(&socket),
        });
        self.connection.borrow_mut().handle_open(host::now());
        // At once, as the lesson's own client does, and not only after the history came: the server reads the
        // history before our messages, so they are not in it, and they never come back to us either way.
        self.flush(&socket);
        let protocol = match self.dialect {
            Dialect::Chat => "json",
            Dialect::Patches | Dialect::Sessions | Dialect::Documents => "patches",
        };
        let detail = StatusDetail {
            protocol: Some(protocol),
            ..StatusDetail::default()
        };
        self.app.notify(Status::Open, &detail);
    }

    fn flush(&self, socket: &Socket) {
        // A socket that began to close in the meantime would swallow the messages.
        while socket.readiness() != Readiness::Closing {
            let next = self.connection.borrow_mut().next_queued();
            let Some(message) = next else { return };
            self.write(socket, message);
        }
    }

    fn write(&self, socket: &Socket, message: Message) {
        match socket.send(&message.encoded.text) {
            Ok(()) => {
                if let Some(kept) = message.kept {
                    kept.remove();
                }
                self.app.saved(&message.receipt, "sent", &Saved::UNKNOWN);
            }
            Err(cause) => {
                self.app.rejected(&message.receipt, "closed", "not sent");
                self.app.report(caused("not sent", &cause));
            }
        }
    }

    fn handle_message(&self, frame: &JsValue) {
        let received = self.connection.borrow_mut().handle_message();
        if received == Received::Unwanted {
            return;
        }
        let is_history = received == Received::History;
        if is_history && self.has_history.replace(true) {
            self.app.reset("reconnected: the whole history comes again");
        }
        match codec::decode(self.dialect, frame) {
            Ok(message) => self.app.deliver(|on_message| {
                on_message.call2(&JsValue::UNDEFINED, &message, &message_info(is_history))
            }),
            Err(error) => self.app.report(error),
        }
    }

    fn handle_loss(self: &Rc<Self>, loss: &Loss) {
        let after = self.connection.borrow_mut().handle_loss(loss.code, host::now());
        let detail = StatusDetail::of_loss(loss.code, &loss.reason);
        match after {
            AfterLoss::Wait { retry_in } => {
                let retry_in_ms = retry_in.as_millis() as u64 as f64;
                let plain = Rc::clone(self);
                let timer = Timer::after(retry_in_ms, move || plain.retry());
                self.link.replace(Link::Wait { _timer: timer });
                let retry_in_ms = Some(retry_in_ms);
                let detail = StatusDetail {
                    retry_in_ms,
                    ..detail
                };
                self.app.notify(Status::Reconnecting, &detail);
            }
            AfterLoss::Stop => {
                self.release();
                self.app.notify(Status::Closed, &detail);
                self.drop_queued(Refusal::ClosedForGood);
            }
        }
    }

    fn retry(self: &Rc<Self>) {
        let due = self.connection.borrow_mut().handle_retry();
        if !due {
            return;
        }
        // It worked the first time; a page can forbid it later, and may allow it again.
        if let Err(cause) = self.begin_attempt() {
            self.handle_loss(&Loss::without_close(&text_of(&cause)));
        }
    }

    fn socket(&self) -> Option<Rc<Socket>> {
        match &*self.link.borrow() {
            Link::Attempt { socket, .. } | Link::Open { socket } => Some(Rc::clone(socket)),
            Link::Wait { .. } | Link::Nothing => None,
        }
    }

    fn release(&self) {
        self.link.replace(Link::Nothing);
        self.online.replace(None);
    }

    fn drop_queued(&self, refusal: Refusal) {
        let queued = self.connection.borrow_mut().drain();
        for message in queued {
            self.app.refuse(&message.receipt, refusal);
        }
    }
}

impl Loss {
    /// The code is what browsers use where no close frame came.
    fn without_close(reason: &str) -> Loss {
        Loss {
            code: NO_CLOSE_FRAME,
            reason: reason.to_owned(),
        }
    }
}
