//! One connection as its room sees it.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use patchcast_protocol::entry::Head;
use patchcast_protocol::ids::{Author, OpId, Position, Seq, Timestamp};
use patchcast_protocol::message::{ServerMessage, write_server};
use serde_json::value::RawValue;

use crate::cursor::Cursor;
use crate::document::Bridge;
use crate::frame::push_text;
use crate::outlet::Outlet;
use crate::room::SharedSnapshot;

/// A connection, from its handshake on.
pub struct Member {
    connection: Author,
    /// Counts the connections of a thread in the order of their handshakes.
    pub number: u64,
    /// Where its bytes go.
    pub outlet: Outlet,
    /// What it has been sent.
    pub cursor: RefCell<Cursor>,
    /// The history that it is owed before anything else, up to this head.
    pub history: Cell<Option<Head>>,
    /// Where it stands among the room's members.
    pub place: Cell<usize>,
    /// What sessions have beyond the plain dialects, once the client has said who it is.
    session: OnceCell<Box<Session>>,
}

/// What a room knows of a client of the sessions dialect.
pub struct Session {
    /// Who it is.
    pub client: Author,
    /// From where it wants to go on.
    pub since: Option<Position>,
    /// Whether it wants to be told of the others' presence.
    pub watches: bool,
    /// The client's last op that is in the log.
    pub stored: Cell<OpId>,
    /// The client's last op that the room has taken, stored or about to be.
    pub taken: Cell<OpId>,
    /// No more ops are taken from this connection: a newer one has come, or an op of it could not be stored.
    pub cut: Cell<bool>,
    /// Up to which version it knows the others' presence.
    pub presence_seen: Cell<u64>,
    /// Where its ops for a document are placed, once there was one.
    pub bridge: RefCell<Option<Box<Bridge>>>,
    /// What a document is to be that nobody has made yet, and when that was said.
    pub initial: RefCell<Option<(Box<RawValue>, Timestamp)>>,
    /// The state that it is sent before anything else.
    pub snapshot: RefCell<Option<Rc<SharedSnapshot>>>,
    /// What it wants to show and the room has not taken yet; within that, `None` for nothing at all.
    pub to_show: RefCell<Option<Option<Box<RawValue>>>>,
}

impl Session {
    /// A client that has not joined yet.
    pub fn new(
        client: Author,
        since: Option<Position>,
        watches: bool,
        initial: Option<(Box<RawValue>, Timestamp)>,
    ) -> Session {
        Session {
            client,
            since,
            watches,
            stored: Cell::default(),
            taken: Cell::default(),
            cut: Cell::default(),
            presence_seen: Cell::default(),
            bridge: RefCell::default(),
            initial: RefCell::new(initial),
            snapshot: RefCell::default(),
            to_show: RefCell::default(),
        }
    }
}

impl Member {
    /// A connection that has not joined yet; `connection` is drawn at random, and `number` is above those of all before.
    pub fn new(connection: Author, number: u64, outlet: Outlet) -> Member {
        Member {
            connection,
            number,
            outlet,
            cursor: RefCell::new(Cursor::new(Seq::START, None, Seq::START)),
            history: Cell::new(None),
            place: Cell::new(usize::MAX),
            session: OnceCell::new(),
        }
    }

    /// Under which its entries are appended.
    pub fn author(&self) -> Author {
        self.session().map_or(self.connection, |session| session.client)
    }

    /// What it is if it speaks sessions and has said hello.
    pub fn session(&self) -> Option<&Session> {
        self.session.get().map(|session| &**session)
    }

    /// Notes who its client is; only the first time counts.
    pub fn introduce(&self, session: Session) {
        let _ = self.session.set(Box::new(session));
    }

    /// Sends a message that is for this client alone, between two frames of the others. The socket may not take all of it: then a
    /// drainer is to be started.
    pub fn tell(&self, message: &ServerMessage<&RawValue>) {
        self.tell_text(write_server(message).as_bytes());
    }

    /// The same of a message's text.
    pub fn tell_text(&self, text: &[u8]) {
        let mut frame = Vec::new();
        push_text(&mut frame, text);
        self.outlet.send_control(&frame);
    }
}

impl AsRef<Outlet> for Member {
    fn as_ref(&self) -> &Outlet {
        &self.outlet
    }
}
