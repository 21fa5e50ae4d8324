//! A connection that speaks sessions: who comes says hello first, and is then a member of its room.

use std::rc::Rc;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, OpId};
use patchcast_protocol::message::{
    Change, ClientMessage, ErrorCode, Hello, Refusal, Reject, RejectCode, RoomKind, ServerMessage,
    read_client,
};
use patchcast_protocol::room::RoomId;
use serde_json::value::RawValue;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

use crate::connection::{Close, Handler};
use crate::inbox::{Event, Inbox, Submission};
use crate::limits::HELLO_TIMEOUT;
use crate::member::{Member, Session};
use crate::outlet::Writer;
use crate::rooms::{Rooms, gone, no_binary};

/// Takes what a client of the sessions dialect sends.
pub struct SessionHandler {
    rooms: Rc<Rooms>,
    room: RoomId,
    member: Rc<Member>,
    state: State,
}

enum State {
    /// Nobody has said hello.
    Expecting { _deadline: Deadline },
    /// A member of its room.
    Joined(Inbox),
}

impl SessionHandler {
    /// A connection whose client has not said who it is, and has to soon.
    pub fn new(rooms: Rc<Rooms>, room: RoomId, member: Rc<Member>) -> SessionHandler {
        let deadline = Deadline::start(member.clone());
        SessionHandler {
            rooms,
            room,
            member,
            state: State::Expecting { _deadline: deadline },
        }
    }

    /// The connection has ended.
    pub fn leave(self) {
        if let State::Joined(inbox) = self.state {
            let _ = inbox.send(Event::Leave(self.member));
        }
    }

    fn hello(&mut self, hello: &Hello<&RawValue>) {
        let client = Author::of(&hello.secret);
        let initial = match hello.kind {
            RoomKind::Stream => None,
            RoomKind::Document { initial } => {
                self.room.dialect = Dialect::Documents;
                initial.map(|initial| (initial.to_owned(), self.rooms.clock().now()))
            }
        };
        self.member
            .introduce(Session::new(client, hello.since, hello.presence, initial));
        self.state = State::Joined(self.rooms.join(&self.room, &self.member));
    }

    async fn op(&self, inbox: &Inbox, id: OpId, data: &RawValue) -> Result<(), Close> {
        let entry = NewEntry {
            author: self.member.author(),
            op: id,
            time: self.rooms.clock().now(),
            weight: 0,
            payload: data.get().as_bytes().to_vec(),
        };
        self.submit(inbox, Submission::Entry(entry)).await
    }

    async fn change(&self, inbox: &Inbox, change: &Change<&RawValue>) -> Result<(), Close> {
        let change = Change {
            id: change.id,
            base: change.base,
            upon: change.upon,
            strict: change.strict,
            reset: change.reset,
            patches: change.patches.to_owned(),
        };
        let time = self.rooms.clock().now();
        self.submit(inbox, Submission::Change { change, time }).await
    }

    /// Tells of an op that never becomes an entry. What the client of a document sends behind it was made upon it, so there it is for the room to
    /// say when.
    async fn reject(&self, inbox: &Inbox, id: OpId, code: RejectCode, reason: String) -> Result<(), Close> {
        let reject = Reject {
            id,
            code,
            reason,
            path: None,
            after: None,
        };
        if !self.is_stream() {
            return self.submit(inbox, Submission::Refused(reject)).await;
        }
        self.tell(&ServerMessage::Reject(reject));
        Ok(())
    }

    fn is_stream(&self) -> bool {
        self.room.dialect == Dialect::Sessions
    }

    async fn submit(&self, inbox: &Inbox, submission: Submission) -> Result<(), Close> {
        inbox.submit(&self.member, submission).await.map_err(gone)
    }

    fn show(&self, inbox: &Inbox, data: &RawValue) {
        let Some(session) = self.member.session() else {
            return;
        };
        let data = (data.get() != "null").then(|| data.to_owned());
        // A client that shows faster than the room looks replaces what it showed.
        if session.to_show.replace(Some(data)).is_none() {
            let _ = inbox.send(Event::Show(self.member.clone()));
        }
    }

    /// Sends a message to this client alone.
    fn tell(&self, message: &ServerMessage<&RawValue>) {
        self.member.tell(message);
        if self.member.outlet.writer() == Writer::Nobody {
            self.wait_for_socket();
        }
    }

    /// Has somebody wait for the socket, which did not take all of a frame.
    fn wait_for_socket(&self) {
        match &self.state {
            // A room that has gone has aborted its members or is about to be left.
            State::Joined(inbox) => drop(inbox.send(Event::Blocked(self.member.clone()))),
            // It has been sent next to nothing, and does not read even that.
            State::Expecting { .. } => self.member.outlet.abort(),
        }
    }

    /// Tells of a mistake, and ends the connection where it is one that ends it.
    fn refuse(&self, code: ErrorCode, reason: String) -> Result<(), Close> {
        let message = ServerMessage::Error {
            code,
            reason: reason.clone(),
        };
        self.tell(&message);
        match code.closes() {
            Some(close) => Err(Close::new(close, reason)),
            None => Ok(()),
        }
    }
}

impl Handler for SessionHandler {
    async fn text(&mut self, text: Utf8Bytes) -> Result<(), Close> {
        let message = read_client(&text);
        let State::Joined(inbox) = &self.state else {
            return match message {
                Ok(ClientMessage::Hello(hello)) => {
                    self.hello(&hello);
                    Ok(())
                }
                Err(Refusal::Error { code, reason }) if code.closes().is_some() => self.refuse(code, reason),
                _ => {
                    let reason = "the first message must be hello";
                    self.refuse(ErrorCode::HelloExpected, reason.into())
                }
            };
        };
        match message {
            Ok(ClientMessage::Op { id, data }) if self.is_stream() => self.op(inbox, id, data).await,
            Ok(ClientMessage::Change(change)) if !self.is_stream() => self.change(inbox, &change).await,
            Ok(ClientMessage::Op { id, .. } | ClientMessage::Change(Change { id, .. })) => {
                let reason = match self.is_stream() {
                    true => "the ops of a stream have `data`, no `patches`",
                    false => "the ops of a document have `patches`, no `data`",
                };
                self.reject(inbox, id, RejectCode::WrongKind, reason.into()).await
            }
            Ok(ClientMessage::Presence { data }) => {
                self.show(inbox, data);
                Ok(())
            }
            Ok(ClientMessage::Ping) => {
                self.tell(&ServerMessage::Pong);
                Ok(())
            }
            Ok(ClientMessage::Hello(_)) => {
                let reason = "hello was said already";
                self.refuse(ErrorCode::HelloRepeated, reason.into())
            }
            Ok(ClientMessage::Diverged { seq, hash }) => {
                let (room, client) = (&self.room, self.member.author());
                tracing::warn!(%room, %client, %seq, %hash, "a client has diverged");
                Ok(())
            }
            Err(Refusal::Reject(Reject { id, code, reason, .. })) => {
                self.reject(inbox, id, code, reason).await
            }
            Err(Refusal::Error { code, reason }) => self.refuse(code, reason),
        }
    }

    async fn binary(&mut self, _: Bytes) -> Result<(), Close> {
        Err(no_binary())
    }

    async fn blocked(&mut self) {
        self.wait_for_socket();
    }
}

/// Closes a connection whose client does not say hello, unless it is dropped before.
struct Deadline(AbortHandle);

impl Deadline {
    fn start(member: Rc<Member>) -> Deadline {
        let waiting = spawn_local(async move {
            sleep(HELLO_TIMEOUT).await;
            let code = ErrorCode::HelloTimeout;
            let reason = format!("hello did not come within {} s", HELLO_TIMEOUT.as_secs());
            let close = code.closes().expect("a client that says nothing is not kept");
            member.tell(&ServerMessage::Error {
                code,
                reason: reason.clone(),
            });
            member.outlet.close(close, &reason);
        });
        Deadline(waiting.abort_handle())
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.0.abort();
    }
}
