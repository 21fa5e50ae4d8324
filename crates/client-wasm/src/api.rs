//! The JavaScript face: `connect`, and the `send` function that it gives back.

use std::rc::Rc;

use js_sys::{Function, Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::client::Client;
use crate::error::type_error;
use crate::options::Options;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &'static str = include_str!("types.ts");

/// Connects to a room; the documentation for its users stands in `types.ts`.
#[wasm_bindgen(skip_typescript)]
pub fn connect(url: JsValue, on_message: JsValue, options: JsValue) -> Result<JsValue, JsValue> {
    let Some(url) = url.as_string() else {
        return Err(type_error("url must be a string"));
    };
    let Ok(on_message) = on_message.dyn_into() else {
        return Err(type_error("onMessage must be a function"));
    };
    let client = Client::connect(url, Options::read(on_message, &options)?)?;
    Ok(send_function(&client).into())
}

fn send_function(client: &Rc<Client>) -> Function {
    let send = function(client, |client, message| Ok(client.send(&message)?.into()));
    let close = function(client, |client, _| {
        client.close();
        Ok(JsValue::UNDEFINED)
    });
    let on_status = function(client, |client, listener| {
        let Ok(listener) = listener.dyn_into() else {
            return Err(type_error("onStatus takes a function"));
        };
        let id = client.app.listeners.add(listener);
        let unsubscribe = function(client, move |client, _| {
            client.app.listeners.remove(id);
            Ok(JsValue::UNDEFINED)
        });
        Ok(unsubscribe.into())
    });
    let status = function(client, |client, _| Ok(client.app.status().name().into()));
    let queued = function(client, |client, _| Ok(JsValue::from(client.queued() as u32)));
    let id = function(client, |client, _| Ok(client.client()));
    let show = function(client, |client, value| {
        client.show(&value)?;
        Ok(JsValue::UNDEFINED)
    });
    define(&client.presence, "set", "value", &show);
    define(&send, "close", "value", &close);
    define(&send, "onStatus", "value", &on_status);
    define(&send, "presence", "value", &client.presence);
    define(&send, "status", "get", &status);
    define(&send, "queued", "get", &queued);
    define(&send, "client", "get", &id);
    send
}

/// A JavaScript function that holds the client. The garbage collector frees both: as long as anyone can call
/// the function, what it calls is there, also after `close`.
fn function(
    client: &Rc<Client>,
    body: impl Fn(&Rc<Client>, JsValue) -> Result<JsValue, JsValue> + 'static,
) -> Function {
    let client = Rc::clone(client);
    let closure =
        Closure::<dyn Fn(JsValue) -> Result<JsValue, JsValue>>::new(move |argument| body(&client, argument));
    closure.into_js_value().unchecked_into()
}

/// Defines a read-only property: `kind` is `value` or `get`.
fn define(object: &JsValue, name: &str, kind: &str, value: &JsValue) {
    let object: &Object = object.unchecked_ref();
    let descriptor = Object::new();
    // Neither can fail: both objects are ours and new.
    let _ = Reflect::set(&descriptor, &kind.into(), value);
    let _ = Reflect::define_property(object, &name.into(), &descriptor);
}
