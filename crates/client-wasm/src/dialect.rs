//! Between JavaScript's values and the text of a frame, for each of the plain dialects.
//!
//! The browser's own JSON does it: a parser in wasm would be slower, for it has to make the same objects through
//! calls, and larger than the rest of the client.

use js_sys::{Array, JSON, JsString};
use patchcast_protocol::dialect::Dialect;
use wasm_bindgen::prelude::*;

use crate::error::{caused, error, type_error};
use crate::{patches, wire};

/// The text of `message`, or what is wrong with it, to be thrown at the one who sends it. It runs code of the app: getters, `toJSON`.
pub(crate) fn encode(dialect: Dialect, message: &JsValue) -> Result<JsString, JsValue> {
    if dialect == Dialect::Patches {
        patches::check(message)?;
    }
    let text = JSON::stringify(message)?;
    if text.is_undefined() {
        return Err(type_error("the message has no JSON form"));
    }
    match wire::check(&String::from(&text)) {
        Ok(()) => Ok(text),
        Err(wire::Unsendable::LoneSurrogate) => Err(type_error(
            "the message holds half of a surrogate pair, which is no character",
        )),
        Err(wire::Unsendable::TooDeep) => Err(type_error("the message is nested too deep")),
    }
}

/// The value in a frame of the server.
pub(crate) fn decode(dialect: Dialect, frame: &JsValue) -> Result<JsValue, JsValue> {
    let Some(text) = frame.dyn_ref::<JsString>() else {
        return Err(error("the server sent a binary message"));
    };
    let message =
        parse(text).map_err(|cause| caused("the server sent a message that is not JSON", &cause))?;
    // What is in the array, the server has checked before it was logged.
    if dialect == Dialect::Patches && !Array::is_array(&message) {
        return Err(error("the server sent a message that is not an array of patches"));
    }
    Ok(message)
}

#[wasm_bindgen]
extern "C" {
    /// `JSON.parse` of JavaScript's own string: no copy through our memory.
    #[wasm_bindgen(js_namespace = JSON, catch)]
    fn parse(text: &JsString) -> Result<JsValue, JsValue>;
}
