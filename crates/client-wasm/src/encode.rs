//! From a value of the app to the JSON text that is sent, or to what is wrong with it.
//!
//! The browser's own JSON does it: a serialiser in wasm would be slower, for it has to ask for the same members through
//! calls, and larger than the rest of the client.

use js_sys::{JSON, JsString};
use wasm_bindgen::prelude::*;

use crate::error::type_error;
use crate::wire;

/// JSON that the server takes.
#[derive(Clone)]
pub(crate) struct Encoded {
    pub(crate) text: JsString,
    /// Of the text in UTF-8.
    pub(crate) bytes: usize,
}

/// The text of `value`, with at most `levels` levels of arrays and objects; an error is to be thrown at the one who sends it. It
/// runs code of the app: getters, `toJSON`.
pub(crate) fn encode(value: &JsValue, levels: usize) -> Result<Encoded, JsValue> {
    let text = JSON::stringify(value)?;
    if text.is_undefined() {
        return Err(type_error("the message has no JSON form"));
    }
    let copy = String::from(&text);
    match wire::check(&copy, levels) {
        Ok(()) => Ok(Encoded {
            text,
            bytes: copy.len(),
        }),
        Err(wire::Unsendable::LoneSurrogate) => Err(type_error(
            "the message holds half of a surrogate pair, which is no character",
        )),
        Err(wire::Unsendable::TooDeep) => Err(type_error("the message is nested too deep")),
    }
}

#[wasm_bindgen]
extern "C" {
    /// `JSON.parse` of JavaScript's own string: no copy through our memory.
    #[wasm_bindgen(js_namespace = JSON, catch)]
    pub(crate) fn parse(text: &JsString) -> Result<JsValue, JsValue>;
}
