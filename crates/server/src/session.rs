//! A connection that speaks sessions: who comes says hello first, and is then a member of its room.

use std::rc::Rc;

use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, OpId};
use patchcast_protocol::message::{
    ClientMessage, ErrorCode, Hello, Refusal, Reject, RejectCode, RoomKind, ServerMessage, read_client,
};
use patchcast_protocol::room::RoomId;
use serde_json::value::RawValue;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

use crate::connection::{Close, Handler};
use crate::inbox::{Event, Inbox};
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
        self.member
            .introduce(Session::new(client, hello.since, hello.presence));
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
        inbox.append(&self.member, entry).await.map_err(gone)
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
    async fn tell(&mut self, message: &ServerMessage<&RawValue>) {
        self.member.tell(message);
        if self.member.outlet.writer() == Writer::Nobody {
            self.blocked().await;
        }
    }

    /// Tells of a mistake, and ends the connection where it is one that ends it.
    async fn refuse(&mut self, code: ErrorCode, reason: String) -> Result<(), Close> {
        let message = ServerMessage::Error {
            code,
            reason: reason.clone(),
        };
        self.tell(&message).await;
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
                Ok(ClientMessage::Hello(hello)) => match hello.kind {
                    RoomKind::Stream => {
                        self.hello(&hello);
                        Ok(())
                    }
                    RoomKind::Document { .. } => {
                        let reason = "this server has rooms of kind stream";
                        self.refuse(ErrorCode::UnsupportedKind, reason.into()).await
                    }
                },
                Err(Refusal::Error { code, reason }) if code.closes().is_some() => {
                    self.refuse(code, reason).await
                }
                _ => {
                    let reason = "the first message must be hello";
                    self.refuse(ErrorCode::HelloExpected, reason.into()).await
                }
            };
        };
        match message {
            Ok(ClientMessage::Op { id, data }) => self.op(inbox, id, data).await,
            Ok(ClientMessage::Presence { data }) => {
                self.show(inbox, data);
                Ok(())
            }
            Ok(ClientMessage::Ping) => {
                self.tell(&ServerMessage::Pong).await;
                Ok(())
            }
            Ok(ClientMessage::Hello(_)) => {
                let reason = "hello was said already";
                self.refuse(ErrorCode::HelloRepeated, reason.into()).await
            }
            Ok(ClientMessage::Change(change)) => {
                let reject = Reject {
                    id: change.id,
                    code: RejectCode::WrongKind,
                    reason: "patches are for documents".into(),
                    path: None,
                    after: None,
                };
                self.tell(&ServerMessage::Reject(reject)).await;
                Ok(())
            }
            Ok(ClientMessage::Diverged { .. }) => {
                let reason = "a stream has no state to diverge from";
                self.refuse(ErrorCode::Malformed, reason.into()).await
            }
            Err(Refusal::Reject(reject)) => {
                self.tell(&ServerMessage::Reject(reject)).await;
                Ok(())
            }
            Err(Refusal::Error { code, reason }) => self.refuse(code, reason).await,
        }
    }

    async fn binary(&mut self, _: Bytes) -> Result<(), Close> {
        Err(no_binary())
    }

    async fn blocked(&mut self) {
        match &self.state {
            // A room that has gone has aborted its members or is about to be left.
            State::Joined(inbox) => drop(inbox.send(Event::Blocked(self.member.clone()))),
            // It has been sent next to nothing, and does not read even that.
            State::Expecting { .. } => self.member.outlet.abort(),
        }
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
