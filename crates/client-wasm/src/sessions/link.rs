//! The sockets of a session, and how a server is found out that does not speak sessions.
//!
//! A browser reports a server that chooses none of the offered subprotocols as a connection that failed, and so as one that is down. So
//! when the first attempt fails, a socket without a subprotocol is opened; when that one stays open while sessions fail once more,
//! the server speaks the plain dialect. Other servers choose whatever is offered first, without understanding it: that is
//! [`DECOY`], so they are known before anything is sent to them.

use std::rc::Rc;

use patchcast_protocol::dialect::Dialect;
use patchcast_session::Input;
use wasm_bindgen::prelude::*;

use super::{Sessions, codec};
use crate::encode::Encoded;
use crate::error::text_of;
use crate::handles::Receipt;
use crate::outbox::Kept;
use crate::plain::Message;
use crate::socket::{NO_CLOSE_FRAME, Socket, SocketEvent};

/// The sockets that there are; replacing them closes them.
pub(super) enum Link {
    Nothing,
    /// Offers sessions.
    Attempt(Rc<Socket>),
    /// Sessions have failed, and a plain socket is tried.
    Probe {
        _plain: Rc<Socket>,
    },
    /// A plain one is open, and sessions are tried once more.
    Again {
        _plain: Rc<Socket>,
        sessions: Rc<Socket>,
    },
    Open(Rc<Socket>),
}

impl Sessions {
    pub(super) fn begin_attempt(self: &Rc<Self>) -> Result<(), JsValue> {
        let socket = self.open_sessions()?;
        self.link.replace(Link::Attempt(socket));
        Ok(())
    }

    /// The session wants a connection; the first has begun already.
    pub(super) fn attempt(self: &Rc<Self>) {
        let has_begun = !matches!(&*self.link.borrow(), Link::Nothing);
        if has_begun {
            return;
        }
        if let Err(cause) = self.begin_attempt() {
            self.refused(&cause);
        }
    }

    fn open_sessions(self: &Rc<Self>) -> Result<Rc<Socket>, JsValue> {
        let sessions = Rc::clone(self);
        let offered = [Some(DECOY), Dialect::Sessions.subprotocol()];
        let offered: Vec<&str> = offered.into_iter().flatten().collect();
        Socket::open(&self.url, &offered, move |event| match event {
            SocketEvent::Opened => sessions.handle_open(),
            SocketEvent::Message(frame) => sessions.handle_message(&frame),
            SocketEvent::Closed { code, reason } => sessions.handle_closed(code, reason),
        })
    }

    fn handle_open(self: &Rc<Self>) {
        let socket = match &*self.link.borrow() {
            Link::Attempt(socket) | Link::Again { sessions: socket, .. } => Rc::clone(socket),
            _ => return,
        };
        if Some(&*socket.subprotocol()) != Dialect::Sessions.subprotocol() {
            return self.find_plain();
        }
        self.downgrade.replace(None);
        self.link.replace(Link::Open(socket));
        self.take(Input::Connected);
    }

    fn handle_message(self: &Rc<Self>, frame: &JsValue) {
        let received = codec::read(frame, &mut self.client.borrow_mut());
        self.take(match received {
            Ok(received) => Input::Received(received),
            Err(reason) => Input::Unreadable(reason),
        });
    }

    fn handle_closed(self: &Rc<Self>, code: u16, reason: String) {
        match self.link.replace(Link::Nothing) {
            Link::Attempt(_) if self.downgrade.borrow().is_some() => self.probe(),
            Link::Again { .. } => self.find_plain(),
            _ => {
                let reason = reason.into();
                self.take(Input::Disconnected { code, reason });
            }
        }
    }

    fn probe(self: &Rc<Self>) {
        let sessions = Rc::clone(self);
        let plain = Socket::open(&self.url, &[], move |event| match event {
            SocketEvent::Opened => sessions.try_again(),
            // The history. If the server turns out to be a plain one, it comes again.
            SocketEvent::Message(_) => {}
            SocketEvent::Closed { code, reason } => {
                sessions.link.replace(Link::Nothing);
                let reason = reason.into();
                sessions.take(Input::Disconnected { code, reason });
            }
        });
        match plain {
            Ok(plain) => drop(self.link.replace(Link::Probe { _plain: plain })),
            Err(cause) => self.refused(&cause),
        }
    }

    /// A plain socket is open, so the server is up.
    fn try_again(self: &Rc<Self>) {
        let Link::Probe { _plain } = self.link.replace(Link::Nothing) else {
            return;
        };
        match self.open_sessions() {
            Ok(sessions) => drop(self.link.replace(Link::Again { _plain, sessions })),
            Err(cause) => self.refused(&cause),
        }
    }

    /// The server does not speak sessions.
    fn find_plain(self: &Rc<Self>) {
        self.link.replace(Link::Nothing);
        let Some(downgrade) = self.downgrade.take() else {
            return self.lose("the server does not speak sessions any more");
        };
        let unsent = self.take_unsent();
        self.close();
        downgrade(unsent);
    }

    fn take_unsent(&self) -> Vec<Message> {
        let mut receipts = self.receipts.take();
        let outbox = self.outbox.borrow();
        let session = self.session.borrow();
        let ops = session.pending_ops().map(|op| Message {
            encoded: Encoded {
                text: op.data.clone().unchecked_into(),
                bytes: op.bytes,
            },
            // An earlier page's has no receipt.
            receipt: receipts.remove(op.id).unwrap_or_else(Receipt::new),
            kept: outbox.as_ref().map(|outbox| Kept::new(Rc::clone(outbox), op.id)),
        });
        ops.collect()
    }

    /// The browser does not even try. A page can forbid it, and may allow it again.
    fn refused(self: &Rc<Self>, cause: &JsValue) {
        self.lose(&text_of(cause));
    }

    fn lose(self: &Rc<Self>, reason: &str) {
        self.take(Input::Disconnected {
            code: NO_CLOSE_FRAME,
            reason: reason.to_owned().into(),
        });
    }
}

/// No server knows this subprotocol. One that chooses it nevertheless does not look at what it chooses.
const DECOY: &str = "patchcast.none";
