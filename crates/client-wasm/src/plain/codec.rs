//! Between JavaScript's values and the text of a frame, for each of the plain dialects.

use js_sys::{Array, JsString};
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::limits::MAX_DEPTH;
use wasm_bindgen::prelude::*;

use super::patches;
use crate::encode::{self, Encoded, parse};
use crate::error::{caused, error};

/// The text of `message`, or what is wrong with it, to be thrown at the one who sends it.
pub(crate) fn encode(dialect: Dialect, message: &JsValue) -> Result<Encoded, JsValue> {
    if dialect == Dialect::Patches {
        patches::check(message)?;
    }
    encode::encode(message, MAX_DEPTH)
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
