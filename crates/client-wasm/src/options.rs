//! The third argument of `connect`, read once into types that cannot be wrong.
//!
//! Read by hand: each error names the option, which a deserialiser's would not, and a getter of the app may throw. Besides,
//! the texts of a deserialiser's errors can hold any value, and the code that writes them would double the download.

use js_sys::{Function, Number, Reflect};
use patchcast_protocol::dialect::Dialect;
use wasm_bindgen::prelude::*;

use crate::backoff::Bounds;
use crate::error::type_error;
use crate::limits::{BACKOFF_CEILING_MS, BACKOFF_MAX_MS, BACKOFF_MIN_MS, QUEUE_LIMIT};

pub(crate) struct Options {
    pub(crate) dialect: Dialect,
    pub(crate) queue_limit: usize,
    pub(crate) backoff: Bounds,
    pub(crate) on_status: Option<Function>,
    pub(crate) on_error: Option<Function>,
}

impl Options {
    /// Reads the options object; `undefined` and `null` stand for one without members, as everywhere below.
    pub(crate) fn read(options: &JsValue) -> Result<Options, JsValue> {
        let options = Members::of(options, "options")?;
        let backoff = Members::of(&options.get("backoff")?, "options.backoff")?;
        let min_ms = backoff.milliseconds("minMs")?;
        let max_ms = backoff.milliseconds("maxMs")?;
        let backoff = match (min_ms, max_ms) {
            (Some(min_ms), Some(max_ms)) if min_ms > max_ms => {
                return Err(type_error("options.backoff.minMs is above options.backoff.maxMs"));
            }
            // One of them alone moves the other's default out of its way.
            _ => Bounds {
                min_ms: min_ms.unwrap_or(BACKOFF_MIN_MS.min(max_ms.unwrap_or(BACKOFF_MAX_MS))),
                max_ms: max_ms.unwrap_or(BACKOFF_MAX_MS.max(min_ms.unwrap_or(BACKOFF_MIN_MS))),
            },
        };
        Ok(Options {
            dialect: options.dialect("protocol")?,
            queue_limit: options.count("queueLimit", QUEUE_LIMIT)?,
            backoff,
            on_status: options.function("onStatus")?,
            on_error: options.function("onError")?,
        })
    }
}

/// An object of the app, and its name for the errors.
struct Members<'a> {
    object: JsValue,
    name: &'a str,
}

impl<'a> Members<'a> {
    fn of(object: &JsValue, name: &'a str) -> Result<Members<'a>, JsValue> {
        if !is_absent(object) && !object.is_object() {
            return Err(type_error(&[name, " must be an object"].concat()));
        }
        Ok(Members {
            object: object.clone(),
            name,
        })
    }

    fn get(&self, member: &str) -> Result<JsValue, JsValue> {
        if is_absent(&self.object) {
            return Ok(JsValue::UNDEFINED);
        }
        Reflect::get(&self.object, &member.into())
    }

    fn dialect(&self, member: &str) -> Result<Dialect, JsValue> {
        let value = self.get(member)?;
        Dialect::ALL
            .into_iter()
            .find(|dialect| match dialect.subprotocol() {
                Some(subprotocol) => value == subprotocol,
                None => is_absent(&value),
            })
            .ok_or_else(|| self.wrong(member, "\"json\", or left out"))
    }

    fn function(&self, member: &str) -> Result<Option<Function>, JsValue> {
        let value = self.get(member)?;
        if is_absent(&value) {
            return Ok(None);
        }
        match value.dyn_into() {
            Ok(function) => Ok(Some(function)),
            Err(_) => Err(self.wrong(member, "a function")),
        }
    }

    fn count(&self, member: &str, default: u32) -> Result<usize, JsValue> {
        let value = self.get(member)?;
        if is_absent(&value) {
            return Ok(default as usize);
        }
        match value.as_f64() {
            Some(count) if Number::is_safe_integer(&value) && count >= 0.0 => Ok(count as usize),
            _ => Err(self.wrong(member, "an integer from 0")),
        }
    }

    fn milliseconds(&self, member: &str) -> Result<Option<f64>, JsValue> {
        let value = self.get(member)?;
        if is_absent(&value) {
            return Ok(None);
        }
        match value.as_f64() {
            Some(ms) if (1.0..=BACKOFF_CEILING_MS).contains(&ms) => Ok(Some(ms)),
            _ => Err(self.wrong(member, "a number of milliseconds from 1 to 86400000")),
        }
    }

    fn wrong(&self, member: &str, expected: &str) -> JsValue {
        type_error(&[self.name, ".", member, " must be ", expected].concat())
    }
}

fn is_absent(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}
