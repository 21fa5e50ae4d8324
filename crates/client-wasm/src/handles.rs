//! What the app holds in its hands: receipts, and the presence of the others. Their code stands in `told.js`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/told.js")]
extern "C" {
    /// What became of one message.
    #[derive(Clone)]
    pub(crate) type Receipt;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new() -> Receipt;

    pub(crate) fn numbered(receipt: &Receipt, id: f64);

    // These call listeners of the app, and throw what those throw.
    #[wasm_bindgen(catch)]
    pub(crate) fn sent(receipt: &Receipt) -> Result<(), JsValue>;
    #[wasm_bindgen(catch)]
    pub(crate) fn saved(receipt: &Receipt, state: &str, saved: JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(catch)]
    pub(crate) fn rejected(receipt: &Receipt, code: &str, message: &str) -> Result<(), JsValue>;

    /// Who else is there. Its `set` is given to it with the other functions of the app's.
    pub(crate) type Presence;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new() -> Presence;

    /// `change` is the server's message; the client's own presence, by its id, is left out.
    #[wasm_bindgen(catch)]
    pub(crate) fn changed(presence: &Presence, change: &JsValue, own: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(catch)]
    pub(crate) fn lost(presence: &Presence) -> Result<(), JsValue>;
}
