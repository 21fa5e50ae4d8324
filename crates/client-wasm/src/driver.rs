//! Carries out what the pure `connection` decides, and calls the app.
//!
//! Two rules keep it whole. *Nothing is borrowed while the app is called*, for it may call `send`, `close` or `connect` from
//! within. *Whatever waits for an event owns the driver*: the socket's callback, the timer's, the listener's each hold it, so that a
//! connection whose `send` nobody kept still delivers; letting go of the link lets go of them all.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Function;
use patchcast_protocol::dialect::Dialect;
use wasm_bindgen::prelude::*;

use crate::connection::{AfterLoss, Connection, Readiness, Received, Refusal, Sent, Status};
use crate::dialect;
use crate::error::{as_error, caused, error, text_of};
use crate::host::{self, OnlineListener, Timer};
use crate::limits::ATTEMPT_TIMEOUT_MS;
use crate::listeners::{ListenerId, Listeners};
use crate::options::Options;
use crate::socket::{Socket, SocketEvent};
use crate::told::{MessageInfo, StatusDetail, plain_object};

pub(crate) struct Driver {
    url: String,
    dialect: Dialect,
    on_message: Function,
    on_error: Option<Function>,
    listeners: Listeners<Function>,
    connection: RefCell<Connection<js_sys::JsString>>,
    link: RefCell<Link>,
    online: RefCell<Option<OnlineListener>>,
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

impl Driver {
    /// Begins to connect; fails when the browser refuses even to try.
    pub(crate) fn connect(
        url: String,
        on_message: Function,
        options: Options,
    ) -> Result<Rc<Driver>, JsValue> {
        let listeners = Listeners::new();
        if let Some(on_status) = options.on_status {
            listeners.add(on_status);
        }
        let driver = Rc::new(Driver {
            url,
            dialect: options.dialect,
            on_message,
            on_error: options.on_error,
            listeners,
            connection: RefCell::new(Connection::new(options.queue_limit, options.backoff)),
            link: RefCell::new(Link::Nothing),
            online: RefCell::new(None),
        });
        driver
            .begin_attempt()
            .map_err(|cause| caused(&["cannot connect to ", &driver.url].concat(), &cause))?;
        let for_online = Rc::clone(&driver);
        driver
            .online
            .replace(OnlineListener::new(move || for_online.retry()));
        Ok(driver)
    }

    /// Sends or queues `message`: true. False when it was not taken, which `onError` is told too. Throws for what
    /// the server would not take.
    pub(crate) fn send(&self, message: &JsValue) -> Result<bool, JsValue> {
        let text = dialect::encode(self.dialect, message)?;
        let socket = self.socket();
        let readiness = socket
            .as_ref()
            .map_or(Readiness::Closing, |socket| socket.readiness());
        let sent = self.connection.borrow_mut().handle_send(text, readiness);
        let refusal = match (sent, socket) {
            (Sent::Now(text), Some(socket)) => return Ok(self.write(&socket, &text)),
            (Sent::Refused(refusal), _) => refusal,
            _ => return Ok(true),
        };
        match refusal {
            Refusal::QueueFull => self.report(error("not sent: the queue is full")),
            Refusal::Congested => self.report(error("not sent: the network takes less than is sent")),
            Refusal::ClosedByServer => {
                self.report(error("not sent: the server closed the connection for good"));
            }
            // The app knows, and asked not to be called any more.
            Refusal::ClosedByApp => {}
        }
        Ok(false)
    }

    /// Ends it; the app is not called any more. What is queued is dropped.
    pub(crate) fn close(&self) {
        self.connection.borrow_mut().handle_close();
        self.listeners.clear();
        self.release();
    }

    pub(crate) fn status(&self) -> Status {
        self.connection.borrow().status()
    }

    pub(crate) fn queued(&self) -> usize {
        self.connection.borrow().queued()
    }

    pub(crate) fn add_listener(&self, listener: Function) -> ListenerId {
        self.listeners.add(listener)
    }

    pub(crate) fn remove_listener(&self, id: ListenerId) {
        self.listeners.remove(id);
    }

    fn begin_attempt(self: &Rc<Self>) -> Result<(), JsValue> {
        let driver = Rc::clone(self);
        let socket = Socket::open(&self.url, self.dialect.subprotocol(), move |event| {
            driver.handle(event);
        })?;
        let driver = Rc::clone(self);
        let deadline = Timer::after(ATTEMPT_TIMEOUT_MS, move || {
            driver.handle_loss(Loss::without_close("no answer in time"));
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
            SocketEvent::Closed { code, reason } => self.handle_loss(Loss { code, reason }),
        }
    }

    fn handle_open(&self) {
        let Some(socket) = self.socket() else { return };
        self.link.replace(Link::Open {
            socket: Rc::clone(&socket),
        });
        self.connection.borrow_mut().handle_open(host::now_ms());
        // At once, as the lesson's own client does, and not only after the history came: the server reads the
        // history before our messages, so they are not in it, and they never come back to us either way.
        self.flush(&socket);
        self.notify(Status::Open, &StatusDetail::default());
    }

    fn flush(&self, socket: &Socket) {
        // A socket that began to close in the meantime would swallow the messages.
        while socket.readiness() != Readiness::Closing {
            let next = self.connection.borrow_mut().next_queued();
            let Some(text) = next else { return };
            self.write(socket, &text);
        }
    }

    fn write(&self, socket: &Socket, text: &js_sys::JsString) -> bool {
        match socket.send(text) {
            Ok(()) => true,
            Err(cause) => {
                self.report(caused("not sent", &cause));
                false
            }
        }
    }

    fn handle_message(&self, frame: &JsValue) {
        let received = self.connection.borrow_mut().handle_message();
        let info = match received {
            Received::History => MessageInfo { history: true },
            Received::Live => MessageInfo { history: false },
            Received::Unwanted => return,
        };
        match dialect::decode(self.dialect, frame) {
            Ok(message) => self.call("onMessage", &self.on_message, &message, &plain_object(&info)),
            Err(error) => self.report(error),
        }
    }

    fn handle_loss(self: &Rc<Self>, loss: Loss) {
        let after = self
            .connection
            .borrow_mut()
            .handle_loss(loss.code, host::now_ms(), host::random());
        let detail = loss.detail();
        match after {
            AfterLoss::Wait { retry_in_ms } => {
                let driver = Rc::clone(self);
                let timer = Timer::after(retry_in_ms, move || driver.retry());
                self.link.replace(Link::Wait { _timer: timer });
                let retry_in_ms = Some(retry_in_ms);
                let detail = StatusDetail {
                    retry_in_ms,
                    ..detail
                };
                self.notify(Status::Reconnecting, &detail);
            }
            AfterLoss::Stop => {
                self.release();
                self.notify(Status::Closed, &detail);
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
            let reason = ["the browser refuses to connect: ", &text_of(&cause)].concat();
            self.handle_loss(Loss::without_close(&reason));
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

    fn notify(&self, status: Status, detail: &StatusDetail<'_>) {
        let name = JsValue::from_str(status.name());
        let detail = plain_object(detail);
        self.listeners
            .each(|listener| self.call("onStatus", listener, &name, &detail));
    }

    fn call(&self, name: &str, function: &Function, first: &JsValue, second: &JsValue) {
        if let Err(thrown) = function.call2(&JsValue::UNDEFINED, first, second) {
            self.report(as_error(thrown, name));
        }
    }

    /// Tells the app, or the console when the app takes no errors: none is lost.
    fn report(&self, error: JsValue) {
        match &self.on_error {
            Some(on_error) if !self.is_closed_by_app() => {
                if let Err(thrown) = on_error.call1(&JsValue::UNDEFINED, &error) {
                    host::console_error(&thrown);
                }
            }
            _ => host::console_error(&error),
        }
    }

    fn is_closed_by_app(&self) -> bool {
        self.connection.borrow().is_closed_by_app()
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

    /// What the app is told of it: the code only where the server sent one.
    fn detail(&self) -> StatusDetail<'_> {
        let has_code = !matches!(self.code, NO_CODE | NO_CLOSE_FRAME);
        StatusDetail {
            code: has_code.then_some(self.code),
            reason: Some(self.reason.as_str()).filter(|reason| !reason.is_empty()),
            retry_in_ms: None,
        }
    }
}

/// RFC 6455, section 7.4.1: a close frame that carried no code.
const NO_CODE: u16 = 1005;

/// RFC 6455, section 7.4.1: the connection broke, or there never was one.
const NO_CLOSE_FRAME: u16 = 1006;
