//! What a database keeps of a client of a stream: ops, and up to where its app has everything.

use std::collections::BTreeMap;
use std::rc::Rc;

use patchcast_protocol::ids::{OpId, Position};
use patchcast_session::{Op, Restored};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::mutation::Mutation;
use crate::outbox::{self, Outbox};
use crate::plan::Keeps;

/// The data of an op.
pub type Data = Rc<RawValue>;

/// What changes in it.
pub enum Write {
    /// An op was submitted.
    Submitted(OpId, Data),
    /// One needs no further care; and up to where the app has everything, if that is written with it.
    Settled(OpId, Option<Position>),
    /// Up to where the app has everything.
    At(Position),
    /// Everything was forgotten.
    Reset,
}

/// What is in it.
#[derive(Default)]
pub struct Kept {
    last_id: OpId,
    ops: BTreeMap<OpId, Data>,
    position: Option<Position>,
}

impl outbox::Kept for Kept {
    type Write = Write;

    fn take(&mut self, write: Write) {
        match write {
            Write::Submitted(id, data) => {
                self.last_id = self.last_id.max(id);
                self.ops.insert(id, data);
            }
            Write::Settled(id, position) => {
                self.ops.remove(&id);
                self.position = position.or(self.position);
            }
            Write::At(position) => self.position = Some(position),
            Write::Reset => self.position = None,
        }
    }
}

impl Outbox<Kept> {
    /// Begins to write an op; it may be sent from the time on that is returned.
    pub fn submitted(&mut self, id: OpId, data: Data) -> Instant {
        match self.keeps() {
            Keeps::Nothing => Instant::now(),
            _ => self.write(Write::Submitted(id, data), 30),
        }
    }

    /// Begins to write that an op needs no further care, and up to where the app has everything.
    pub fn settled(&mut self, id: OpId, position: Position) {
        match self.keeps() {
            Keeps::Nothing => {}
            Keeps::Outbox | Keeps::PositionLater => drop(self.write(Write::Settled(id, None), 30)),
            Keeps::Position => drop(self.write(Write::Settled(id, Some(position)), 30)),
            Keeps::SettledLater => {
                self.write(Write::At(position), 30);
                self.write(Write::Settled(id, None), 500);
            }
        }
    }

    /// Begins to write up to where the app has everything.
    pub fn moved(&mut self, position: Position) {
        match self.keeps() {
            Keeps::Nothing | Keeps::Outbox => {}
            Keeps::Position | Keeps::SettledLater => drop(self.write(Write::At(position), 30)),
            Keeps::PositionLater => {
                if self.now_and_then() {
                    self.write(Write::At(position), 500);
                }
            }
        }
    }

    /// Begins to write that the room was forgotten.
    pub fn reset(&mut self) {
        if matches!(
            self.keeps(),
            Keeps::Position | Keeps::PositionLater | Keeps::SettledLater
        ) {
            self.write(Write::Reset, 30);
        }
    }

    /// What the next life finds; and up to where its app has everything.
    pub fn restored(&mut self) -> (Restored<Data>, Option<Position>) {
        let mutation = self.mutation();
        let Kept {
            last_id,
            ops,
            position,
        } = self.restore();
        let mut pending: Vec<_> = ops
            .iter()
            .map(|(id, data)| Op {
                id: *id,
                data: data.clone(),
                bytes: data.get().len(),
            })
            .collect();
        if mutation == Some(Mutation::OutboxReversed) {
            pending.reverse();
        }
        let has = *position;
        let mut position = *position;
        if mutation == Some(Mutation::ResumeOffByOne)
            && let Some(position) = &mut position
        {
            position.seq = position.seq.next();
        }
        let restored = Restored {
            last_id: *last_id,
            pending,
            position,
        };
        (restored, has)
    }
}
