//! What outlives the page: a client's ops until they are settled, and its position. The code that keeps them stands in `store.js`.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, JsString};
use patchcast_protocol::ids::{Epoch, OpId, Position, Secret, Seq};
use patchcast_session::Op;
use wasm_bindgen::prelude::*;

use crate::encode::Encoded;
use crate::sessions::codec::epoch_text;

#[wasm_bindgen(module = "/src/store.js")]
extern "C" {
    /// The slots of one room, of which `opened` is told one by one: the own one first.
    type Store;

    #[wasm_bindgen(constructor)]
    fn new(room: &str, secret: &str, opened: &JsValue, failed: &JsValue) -> Store;

    #[wasm_bindgen(method)]
    fn close(this: &Store);

    type Slot;

    #[wasm_bindgen(method, getter)]
    fn secret(this: &Slot) -> String;
    #[wasm_bindgen(method, getter, js_name = lastId)]
    fn last_id(this: &Slot) -> f64;
    #[wasm_bindgen(method, getter)]
    fn epoch(this: &Slot) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn seq(this: &Slot) -> Option<f64>;
    #[wasm_bindgen(method, getter)]
    fn ops(this: &Slot) -> Array;
    #[wasm_bindgen(method, setter, js_name = onStored)]
    fn set_on_stored(this: &Slot, listener: &JsValue);
    #[wasm_bindgen(method, setter, js_name = onFailed)]
    fn set_on_failed(this: &Slot, listener: &JsValue);
    #[wasm_bindgen(method)]
    fn put(this: &Slot, id: f64, text: &JsString, bytes: f64);
    #[wasm_bindgen(method)]
    fn remove(this: &Slot, id: f64);
    #[wasm_bindgen(method, js_name = moveTo)]
    fn move_to(this: &Slot, epoch: &str, seq: f64);
    #[wasm_bindgen(method)]
    fn close(this: &Slot);

    type KeptOp;

    #[wasm_bindgen(method, getter)]
    fn id(this: &KeptOp) -> f64;
    #[wasm_bindgen(method, getter)]
    fn text(this: &KeptOp) -> JsString;
    #[wasm_bindgen(method, getter)]
    fn bytes(this: &KeptOp) -> f64;
}

/// Where an app's outboxes come from. Dropping it stops it from giving more.
pub(crate) struct Outboxes(Store);

impl Outboxes {
    /// Opens those of `room`: `opened` gets the own one, then each that a page left behind with ops that were not sent. `failed`
    /// is told at most once, and nothing comes after it.
    pub(crate) fn open(
        room: &str,
        new_secret: &Secret,
        opened: impl Fn(Outbox) + 'static,
        failed: impl Fn(JsValue) + 'static,
    ) -> Outboxes {
        let opened = callback(move |slot| opened(Outbox::new(slot.unchecked_into())));
        Outboxes(Store::new(room, new_secret.as_str(), &opened, &callback(failed)))
    }
}

impl Drop for Outboxes {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// One client's. Nobody else uses it until it is dropped.
pub(crate) struct Outbox {
    slot: Slot,
    /// Up to which op it is written.
    stored: Cell<OpId>,
    works: Cell<bool>,
}

impl Outbox {
    fn new(slot: Slot) -> Outbox {
        let stored = Cell::new(OpId(slot.last_id() as u64));
        Outbox {
            slot,
            stored,
            works: Cell::new(true),
        }
    }

    /// Calls `stored` whenever more is written, and `failed` when nothing more can be.
    pub(crate) fn listen(self: &Rc<Self>, stored: impl Fn() + 'static, failed: impl Fn(JsValue) + 'static) {
        let outbox = Rc::downgrade(self);
        self.slot.set_on_stored(&callback(move |id| {
            if let (Some(outbox), Some(id)) = (outbox.upgrade(), id.as_f64()) {
                outbox.stored.set(OpId(id as u64));
                stored();
            }
        }));
        let outbox = Rc::downgrade(self);
        self.slot.set_on_failed(&callback(move |error| {
            if let Some(outbox) = outbox.upgrade()
                && outbox.works.replace(false)
            {
                failed(error);
            }
        }));
    }

    /// `None` when the storage holds something else, which no version of this client has written.
    pub(crate) fn secret(&self) -> Option<Secret> {
        Secret::parse(&self.slot.secret())
    }

    pub(crate) fn last_id(&self) -> OpId {
        OpId(self.slot.last_id() as u64)
    }

    /// Up to where the client has had the room's entries; `None` when it never joined.
    pub(crate) fn position(&self) -> Option<Position> {
        let epoch = Epoch::parse(&self.slot.epoch()?)?;
        let seq = Seq(self.slot.seq()? as u64);
        Some(Position { epoch, seq })
    }

    /// What was not settled.
    pub(crate) fn ops(&self) -> Vec<Op<JsValue>> {
        let read = |op: JsValue| {
            let op: KeptOp = op.unchecked_into();
            Op {
                id: OpId(op.id() as u64),
                data: op.text().into(),
                bytes: op.bytes() as usize,
            }
        };
        self.slot.ops().iter().map(read).collect()
    }

    /// Whether the op may be sent: it is never in flight without being stored, or else a page that crashed would not know it.
    pub(crate) fn has(&self, id: OpId) -> bool {
        id <= self.stored.get() || !self.works.get()
    }

    pub(crate) fn put(&self, id: OpId, op: &Encoded) {
        if self.works.get() {
            self.slot.put(id.0 as f64, &op.text, op.bytes as f64);
        }
    }

    pub(crate) fn remove(&self, id: OpId) {
        if self.works.get() {
            self.slot.remove(id.0 as f64);
        }
    }

    pub(crate) fn move_to(&self, position: Position) {
        if self.works.get() {
            self.slot
                .move_to(&epoch_text(position.epoch), position.seq.0 as f64);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.slot.close();
    }
}

/// An op that the plain dialect sends, and that is kept until it has.
pub(crate) struct Kept {
    outbox: Rc<Outbox>,
    id: OpId,
}

impl Kept {
    pub(crate) fn new(outbox: Rc<Outbox>, id: OpId) -> Kept {
        Kept { outbox, id }
    }

    pub(crate) fn remove(&self) {
        self.outbox.remove(self.id);
    }
}

/// A function for JavaScript, which the garbage collector frees.
fn callback(body: impl Fn(JsValue) + 'static) -> JsValue {
    Closure::<dyn Fn(JsValue)>::new(body).into_js_value()
}
