//! The errors that the app sees: real `Error` objects that say what happened, with the cause beside them.

use js_sys::{Error, TypeError};
use wasm_bindgen::prelude::*;

pub(crate) fn error(text: &str) -> JsValue {
    Error::new(text).into()
}

/// The app's own mistake.
pub(crate) fn type_error(text: &str) -> JsValue {
    TypeError::new(text).into()
}

/// An error whose text ends in that of `cause`.
pub(crate) fn caused(text: &str, cause: &JsValue) -> JsValue {
    let error = Error::new(&[text, ": ", &text_of(cause)].concat());
    error.set_cause(cause);
    error.into()
}

/// `thrown` itself when it is an `Error`; JavaScript can throw anything.
pub(crate) fn as_error(thrown: JsValue, thrower: &str) -> JsValue {
    if thrown.is_instance_of::<Error>() {
        thrown
    } else {
        caused(&[thrower, " threw something that is no Error"].concat(), &thrown)
    }
}

/// What `thrown` says.
pub(crate) fn text_of(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<Error>() {
        Some(error) => error.message().into(),
        None => js_string(thrown),
    }
}

/// What JavaScript writes for `value`; empty where it refuses to.
pub(crate) fn js_string(value: &JsValue) -> String {
    global_string(value).unwrap_or_default()
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = String, catch)]
    fn global_string(value: &JsValue) -> Result<String, JsValue>;
}
