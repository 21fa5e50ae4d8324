//! The stand-ins of `browser.js`, put back when they are dropped.

use std::ops::Deref;

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/tests/browser.js")]
extern "C" {
    pub(super) type TrackedSockets;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> TrackedSockets;
    #[wasm_bindgen(method)]
    pub(super) fn cut(this: &TrackedSockets);
    #[wasm_bindgen(method)]
    fn restore(this: &TrackedSockets);

    pub(super) type FakeSockets;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> FakeSockets;
    #[wasm_bindgen(method)]
    pub(super) fn socket(this: &FakeSockets) -> FakeSocket;
    #[wasm_bindgen(method, js_name = olderSocket)]
    pub(super) fn older_socket(this: &FakeSockets) -> FakeSocket;
    #[wasm_bindgen(method, js_name = socketCount)]
    pub(super) fn socket_count(this: &FakeSockets) -> u32;
    #[wasm_bindgen(method, js_name = refuseSockets)]
    pub(super) fn refuse_sockets(this: &FakeSockets);
    #[wasm_bindgen(method, js_name = duringNextSend)]
    pub(super) fn during_next_send(this: &FakeSockets, callback: &JsValue);
    #[wasm_bindgen(method)]
    fn restore(this: &FakeSockets);

    #[wasm_bindgen(extends = FakeSockets)]
    pub(super) type FakeBrowser;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> FakeBrowser;
    #[wasm_bindgen(method, js_name = runningTimers)]
    pub(super) fn running_timers(this: &FakeBrowser) -> String;
    #[wasm_bindgen(method, js_name = fireTimer)]
    pub(super) fn fire_timer(this: &FakeBrowser);
    #[wasm_bindgen(method, js_name = goOnline)]
    pub(super) fn go_online(this: &FakeBrowser);
    #[wasm_bindgen(method, js_name = listenerCount)]
    pub(super) fn listener_count(this: &FakeBrowser) -> u32;
    #[wasm_bindgen(method)]
    fn restore(this: &FakeBrowser);

    #[wasm_bindgen(js_name = deleteStorage)]
    pub(super) fn delete_storage() -> js_sys::Promise;

    pub(super) type NoStorage;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> NoStorage;
    #[wasm_bindgen(method)]
    fn restore(this: &NoStorage);

    pub(super) type FakeSocket;
    #[wasm_bindgen(method)]
    pub(super) fn open(this: &FakeSocket);
    #[wasm_bindgen(method, js_name = openAs)]
    pub(super) fn open_as(this: &FakeSocket, protocol: &str);
    #[wasm_bindgen(method)]
    pub(super) fn offers(this: &FakeSocket) -> String;
    #[wasm_bindgen(method, getter, js_name = closedWith)]
    pub(super) fn closed_with(this: &FakeSocket) -> Option<f64>;
    #[wasm_bindgen(method)]
    pub(super) fn receive(this: &FakeSocket, data: JsValue);
    #[wasm_bindgen(method)]
    pub(super) fn lose(this: &FakeSocket, code: u16, reason: &str);
    #[wasm_bindgen(method, js_name = beginToClose)]
    pub(super) fn begin_to_close(this: &FakeSocket);
    #[wasm_bindgen(method)]
    pub(super) fn congest(this: &FakeSocket, bytes: u32);
    #[wasm_bindgen(method, js_name = sentTexts)]
    pub(super) fn sent_texts(this: &FakeSocket) -> String;
    #[wasm_bindgen(method, js_name = isReleased)]
    pub(super) fn is_released(this: &FakeSocket) -> bool;
}

/// A stand-in that is in its place while this lives.
pub(super) struct InPlace<T: StandIn>(T);

pub(super) trait StandIn {
    fn put_back(&self);
}

impl StandIn for TrackedSockets {
    fn put_back(&self) {
        self.restore();
    }
}

impl StandIn for FakeSockets {
    fn put_back(&self) {
        self.restore();
    }
}

impl StandIn for NoStorage {
    fn put_back(&self) {
        self.restore();
    }
}

impl StandIn for FakeBrowser {
    fn put_back(&self) {
        self.restore();
    }
}

pub(super) fn tracked_sockets() -> InPlace<TrackedSockets> {
    InPlace(TrackedSockets::new())
}

pub(super) fn fake_sockets() -> InPlace<FakeSockets> {
    InPlace(FakeSockets::new())
}

pub(super) fn no_storage() -> InPlace<NoStorage> {
    InPlace(NoStorage::new())
}

pub(super) fn fake_browser() -> InPlace<FakeBrowser> {
    InPlace(FakeBrowser::new())
}

impl<T: StandIn> Deref for InPlace<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: StandIn> Drop for InPlace<T> {
    fn drop(&mut self) {
        self.0.put_back();
    }
}
