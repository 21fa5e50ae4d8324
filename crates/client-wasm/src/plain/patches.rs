//! Says whether a JavaScript value is a list of Immer patches, and if not, where it is wrong.

use js_sys::{Array, Number};
use wasm_bindgen::prelude::*;

use crate::error::{js_string, type_error};

/// Passes what the server takes: an array of `{op: "add" | "replace" | "remove", path: (string | number)[]}`.
/// Other members are the app's own business. A getter of the app that throws is passed on.
pub(crate) fn check(patches: &JsValue) -> Result<(), JsValue> {
    let Some(patches) = patches.dyn_ref::<Array>() else {
        return Err(type_error("send takes an array of patches"));
    };
    for index in 0..patches.length() {
        check_patch(&patches.get(index), index)?;
    }
    Ok(())
}

fn check_patch(patch: &JsValue, index: u32) -> Result<(), JsValue> {
    if !patch.is_object() {
        return Err(wrong(index, " is not an object"));
    }
    let patch: &Patch = patch.unchecked_ref();
    let op = patch.op()?.as_string();
    if !matches!(op.as_deref(), Some("add" | "replace" | "remove")) {
        return Err(wrong(index, r#".op is not "add", "replace" or "remove""#));
    }
    let path = patch.path()?;
    let Some(path) = path.dyn_ref::<Array>() else {
        return Err(wrong(index, ".path is not an array"));
    };
    for step in 0..path.length() {
        let segment = path.get(step);
        if !segment.is_string() && !is_index(&segment) {
            let place = [
                ".path[",
                &js_string(&step.into()),
                "] is not a string or an index",
            ]
            .concat();
            return Err(wrong(index, &place));
        }
        // Immer does not apply it, and whoever applies it without Immer would change every object there is.
        if segment == "__proto__" {
            return Err(wrong(index, ".path holds \"__proto__\""));
        }
    }
    Ok(())
}

fn is_index(segment: &JsValue) -> bool {
    Number::is_safe_integer(segment) && segment.as_f64().is_some_and(|index| index >= 0.0)
}

fn wrong(index: u32, what: &str) -> JsValue {
    type_error(&["patches[", &js_string(&index.into()), "]", what].concat())
}

#[wasm_bindgen]
extern "C" {
    type Patch;

    #[wasm_bindgen(method, getter, catch)]
    fn op(this: &Patch) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, getter, catch)]
    fn path(this: &Patch) -> Result<JsValue, JsValue>;
}
