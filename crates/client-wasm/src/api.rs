//! The JavaScript face: `connect`, and the `send` function that it gives back.

use std::rc::Rc;

use js_sys::{Function, Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::driver::Driver;
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
    let driver = Driver::connect(url, on_message, Options::read(&options)?)?;
    Ok(send_function(&driver).into())
}

fn send_function(driver: &Rc<Driver>) -> Function {
    let send = function(driver, |driver, message| Ok(driver.send(&message)?.into()));
    let close = function(driver, |driver, _| {
        driver.close();
        Ok(JsValue::UNDEFINED)
    });
    let on_status = function(driver, |driver, listener| {
        let Ok(listener) = listener.dyn_into() else {
            return Err(type_error("onStatus takes a function"));
        };
        let id = driver.add_listener(listener);
        let unsubscribe = function(driver, move |driver, _| {
            driver.remove_listener(id);
            Ok(JsValue::UNDEFINED)
        });
        Ok(unsubscribe.into())
    });
    let status = function(driver, |driver, _| Ok(driver.status().name().into()));
    let queued = function(driver, |driver, _| Ok(JsValue::from(driver.queued() as u32)));
    define(&send, "close", "value", &close);
    define(&send, "onStatus", "value", &on_status);
    define(&send, "status", "get", &status);
    define(&send, "queued", "get", &queued);
    send
}

/// A JavaScript function that holds the driver. The garbage collector frees both: as long as anyone can call
/// the function, what it calls is there, also after `close`.
fn function(
    driver: &Rc<Driver>,
    body: impl Fn(&Rc<Driver>, JsValue) -> Result<JsValue, JsValue> + 'static,
) -> Function {
    let driver = Rc::clone(driver);
    let closure =
        Closure::<dyn Fn(JsValue) -> Result<JsValue, JsValue>>::new(move |argument| body(&driver, argument));
    closure.into_js_value().unchecked_into()
}

/// Defines a read-only property: `kind` is `value` or `get`.
fn define(object: &Function, name: &str, kind: &str, function: &Function) {
    let descriptor = Object::new();
    // Neither can fail: both objects are ours and new.
    let _ = Reflect::set(&descriptor, &kind.into(), function);
    let _ = Reflect::define_property(object, &name.into(), &descriptor);
}
