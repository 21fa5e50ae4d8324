//! One WebSocket. The only file that knows the browser's.

use std::rc::Rc;

use js_sys::{Array, JsString};
use wasm_bindgen::prelude::*;
use web_sys::{CloseEvent, Event, MessageEvent, WebSocket};

use crate::error::caused;
use crate::limits::BUFFERED_BYTES;
use crate::plain::Readiness;

/// What happens to a socket.
pub(crate) enum SocketEvent {
    Opened,
    /// A text frame, or what is not one.
    Message(JsValue),
    /// The last event. A socket that never opened or that broke has code 1006 and no reason.
    Closed {
        code: u16,
        reason: String,
    },
}

/// Dropping it takes its callback off and closes it: no event of it arrives after that.
pub(crate) struct Socket {
    web_socket: WebSocket,
    _callback: Closure<dyn Fn(Event)>,
}

impl Socket {
    /// Begins to connect. Fails when the browser refuses even to try: a bad URL, or no WebSocket at all.
    pub(crate) fn open(
        url: &str,
        subprotocols: &[&str],
        handle: impl Fn(SocketEvent) + 'static,
    ) -> Result<Rc<Socket>, JsValue> {
        let subprotocols: Array = subprotocols.iter().map(|name| JsValue::from_str(name)).collect();
        let web_socket = WebSocket::new_with_str_sequence(url, &subprotocols)
            .map_err(|cause| caused(&["cannot connect to ", url].concat(), &cause))?;
        let callback = Closure::new(move |event: Event| handle(read(event)));
        let function = Some(callback.as_ref().unchecked_ref());
        // `error` says nothing, and `close` always follows it.
        web_socket.set_onopen(function);
        web_socket.set_onmessage(function);
        web_socket.set_onclose(function);
        Ok(Rc::new(Socket {
            web_socket,
            _callback: callback,
        }))
    }

    /// The subprotocol that the server chose; empty when it chose none.
    pub(crate) fn subprotocol(&self) -> String {
        self.web_socket.protocol()
    }

    /// Closes it with a code and a reason for the server; what comes of it is not told any more.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        // It fails for codes that a page may not send, and then dropping it closes it without one.
        let _ = self.web_socket.close_with_code_and_reason(code, reason);
    }

    pub(crate) fn readiness(&self) -> Readiness {
        if self.web_socket.ready_state() != WebSocket::OPEN {
            Readiness::Closing
        } else if self.web_socket.buffered_amount() > BUFFERED_BYTES {
            Readiness::Congested
        } else {
            Readiness::Ready
        }
    }

    /// Hands `text` to the browser. From here on nobody tells whether it arrived.
    pub(crate) fn send(&self, text: &JsString) -> Result<(), JsValue> {
        self.web_socket.unchecked_ref::<TextSocket>().send_text(text)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.web_socket.set_onopen(None);
        self.web_socket.set_onmessage(None);
        self.web_socket.set_onclose(None);
        // It fails for bad codes only, and none is given.
        let _ = self.web_socket.close();
    }
}

fn read(event: Event) -> SocketEvent {
    if let Some(message) = event.dyn_ref::<MessageEvent>() {
        SocketEvent::Message(message.data())
    } else if let Some(close) = event.dyn_ref::<CloseEvent>() {
        SocketEvent::Closed {
            code: close.code(),
            reason: close.reason(),
        }
    } else {
        SocketEvent::Opened
    }
}

#[wasm_bindgen]
extern "C" {
    /// A WebSocket whose `send` takes JavaScript's own string: no copy through our memory.
    type TextSocket;

    #[wasm_bindgen(method, js_name = send, catch)]
    fn send_text(this: &TextSocket, text: &JsString) -> Result<(), JsValue>;
}

/// RFC 6455, section 7.4.1: a close frame that carried no code.
pub(crate) const NO_CODE: u16 = 1005;

/// RFC 6455, section 7.4.1: the connection broke, or there never was one.
pub(crate) const NO_CLOSE_FRAME: u16 = 1006;
