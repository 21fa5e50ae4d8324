//! What the client needs of its host besides the WebSocket: timers, the clock, chance, the console, `online`.
//!
//! Only what a window, a worker and Node have in common is used, and nothing before the first `connect`.

use js_sys::Function;
use patchcast_session::Time;
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

mod global {
    use super::*;

    #[wasm_bindgen]
    extern "C" {
        // js-sys looks for the global object in four places, the last of which a content security policy forbids.
        #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
        pub(super) static THIS: JsValue;

        #[wasm_bindgen(js_name = setTimeout)]
        pub(super) fn set_timeout(callback: &JsValue, ms: f64) -> JsValue;

        #[wasm_bindgen(js_name = clearTimeout)]
        pub(super) fn clear_timeout(id: &JsValue);

        #[wasm_bindgen(js_namespace = performance, js_name = now)]
        pub(super) fn now() -> f64;

        #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
        pub(super) fn get_random_values(bytes: &mut [u8]);

        #[wasm_bindgen(js_namespace = console, js_name = error)]
        pub(super) fn console_error(error: &JsValue);
    }
}

/// A clock that never goes back.
pub(crate) fn now() -> Time {
    Time::from_millis(global::now() as u64)
}

/// What spreads the clients of a server that restarts.
pub(crate) fn seed() -> u64 {
    (js_sys::Math::random() * SEEDS) as u64
}

/// How many numbers `Math.random` can draw.
const SEEDS: f64 = (1u64 << 52) as f64;

/// Bytes that nobody can guess.
pub(crate) fn fill_with_chance(bytes: &mut [u8]) {
    global::get_random_values(bytes);
}

/// Where errors go that no handler of the app takes.
pub(crate) fn console_error(error: &JsValue) {
    global::console_error(error);
}

/// A call in the future, which dropping it cancels.
pub(crate) struct Timer {
    id: JsValue,
    _callback: Closure<dyn Fn()>,
}

impl Timer {
    pub(crate) fn after(ms: f64, callback: impl Fn() + 'static) -> Timer {
        let callback = Closure::new(callback);
        let id = global::set_timeout(callback.as_ref(), ms);
        Timer {
            id,
            _callback: callback,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        global::clear_timeout(&self.id);
    }
}

/// A listener for the network's coming back, which dropping it takes off again.
pub(crate) struct OnlineListener {
    target: EventTarget,
    callback: Closure<dyn Fn()>,
}

impl OnlineListener {
    /// `None` where the host has no such events, such as in Node.
    pub(crate) fn new(callback: impl Fn() + 'static) -> Option<OnlineListener> {
        let target = global::THIS.with(|this| this.dyn_ref::<EventTarget>().cloned())?;
        let callback = Closure::new(callback);
        target
            .add_event_listener_with_callback(ONLINE, function(&callback))
            .ok()?;
        Some(OnlineListener { target, callback })
    }
}

impl Drop for OnlineListener {
    fn drop(&mut self) {
        // It cannot fail, and there would be nobody to tell.
        let _ = self
            .target
            .remove_event_listener_with_callback(ONLINE, function(&self.callback));
    }
}

const ONLINE: &str = "online";

fn function(closure: &Closure<dyn Fn()>) -> &Function {
    closure.as_ref().unchecked_ref()
}
