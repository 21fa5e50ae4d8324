//! The plain objects that an app's callbacks are given beside a message or a status; `types.ts` describes them.

use serde::Serialize;
use wasm_bindgen::prelude::*;

#[derive(Serialize)]
pub(crate) struct MessageInfo {
    pub(crate) history: bool,
}

/// Why the connection is not open. What is not known becomes no member, rather than one that is `undefined`.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusDetail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_in_ms: Option<f64>,
}

/// The JavaScript form of one of the above.
pub(crate) fn plain_object(told: &impl Serialize) -> JsValue {
    serde_wasm_bindgen::to_value(told).expect_throw("booleans, numbers and strings have a JavaScript form")
}
