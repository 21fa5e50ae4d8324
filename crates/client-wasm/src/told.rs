//! From what the server says to what the app is told of it. What is an object on both ways is not taken apart here and made again:
//! that code stands in `told.js`.

use js_sys::Function;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::socket::{NO_CLOSE_FRAME, NO_CODE};

/// Where a message was saved. What is not known becomes no member, rather than one that is `undefined`.
#[derive(Serialize)]
pub(crate) struct Saved {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<f64>,
    pub(crate) durability: &'static str,
}

impl Saved {
    /// What the plain dialects tell.
    pub(crate) const UNKNOWN: Saved = Saved {
        seq: None,
        time: None,
        durability: "unknown",
    };

    pub(crate) fn to_object(&self) -> JsValue {
        plain_object(self)
    }
}

/// Why the connection is not open, and how it speaks.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusDetail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_in_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<&'static str>,
}

impl StatusDetail<'_> {
    /// What the app is told of a loss: the code only where the server sent one.
    pub(crate) fn of_loss(code: u16, reason: &str) -> StatusDetail<'_> {
        let has_code = !matches!(code, NO_CODE | NO_CLOSE_FRAME);
        StatusDetail {
            code: has_code.then_some(code),
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            ..StatusDetail::default()
        }
    }

    pub(crate) fn to_object(&self) -> JsValue {
        plain_object(self)
    }
}

#[wasm_bindgen(module = "/src/told.js")]
extern "C" {
    /// A message of the server; `undefined` for a frame that is none.
    pub(crate) fn read(frame: &JsValue) -> JsValue;

    /// How many entries a message has that is one of entries, else -1.
    #[wasm_bindgen(js_name = entryCount)]
    pub(crate) fn entry_count(message: &JsValue) -> i32;

    /// The position before the first.
    pub(crate) fn after(message: &JsValue) -> f64;

    #[wasm_bindgen(js_name = entryAt)]
    pub(crate) fn entry_at(message: &JsValue, index: u32) -> JsValue;

    /// The client's number for an entry of its own, 0 for one of others, -1 for what is none.
    #[wasm_bindgen(js_name = ownId)]
    pub(crate) fn own_id(entry: &JsValue, client: &JsValue) -> f64;

    /// What a message of a plain dialect comes with.
    #[wasm_bindgen(js_name = messageInfo)]
    pub(crate) fn message_info(history: bool) -> JsValue;

    /// An entry as the server would have sent it, of an op whose data has this text.
    #[wasm_bindgen(js_name = entryOf)]
    pub(crate) fn entry_of(text: &JsValue, time: f64, client: &JsValue) -> JsValue;

    /// Calls `onMessage` with an entry, and throws what that throws.
    #[wasm_bindgen(catch)]
    pub(crate) fn deliver(
        on_message: &Function,
        entry: &JsValue,
        history: bool,
        seq: f64,
        own: bool,
    ) -> Result<JsValue, JsValue>;
}

fn plain_object(told: &impl Serialize) -> JsValue {
    serde_wasm_bindgen::to_value(told).expect_throw("numbers and strings have a JavaScript form")
}
