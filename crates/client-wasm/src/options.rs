//! The third argument of `connect`, read once into types that cannot be wrong.
//!
//! Read by hand: each error names the option, which a deserialiser's would not, and a getter of the app may throw. Besides,
//! the texts of a deserialiser's errors can hold any value, and the code that writes them would double the download.

use std::time::Duration;

use js_sys::{Function, Number, Reflect};
use patchcast_protocol::dialect::Dialect;
use patchcast_session::backoff::Bounds;
use patchcast_session::{Config, limits};
use wasm_bindgen::prelude::*;

use crate::app::Callbacks;
use crate::error::type_error;
use crate::limits::BACKOFF_CEILING_MS;
use crate::sessions::Keep;

pub(crate) struct Options {
    pub(crate) speak: Speak,
    pub(crate) config: Config,
    pub(crate) callbacks: Callbacks,
}

/// What the app wants spoken.
pub(crate) enum Speak {
    Sessions(Option<Persist>),
    Plain(Dialect),
}

/// What is to outlive the page.
pub(crate) struct Persist {
    pub(crate) name: String,
    pub(crate) keep: Keep,
}

impl Options {
    /// Reads the options object; `undefined` and `null` stand for one without members, as everywhere below.
    pub(crate) fn read(on_message: Function, options: &JsValue) -> Result<Options, JsValue> {
        let options = Members::of(options, "options")?;
        Ok(Options {
            speak: options.speak()?,
            config: Config {
                pending_limit: options.count("queueLimit")?.unwrap_or(limits::PENDING),
                backoff: options.backoff()?,
                presence: true,
                ..Config::default()
            },
            callbacks: Callbacks {
                on_message: Some(on_message),
                on_status: options.function("onStatus")?,
                on_reset: options.function("onReset")?,
                on_error: options.function("onError")?,
            },
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

    fn speak(&self) -> Result<Speak, JsValue> {
        let persist = self.persist()?;
        let protocol = self.get("protocol")?;
        let dialect = match protocol.as_string().as_deref() {
            None if is_absent(&protocol) => return Ok(Speak::Sessions(persist)),
            Some("patches") => Dialect::Patches,
            Some("json") => Dialect::Chat,
            _ => return Err(self.wrong("protocol", "\"patches\", \"json\", or left out")),
        };
        match persist {
            None => Ok(Speak::Plain(dialect)),
            Some(_) => Err(type_error(
                "options.persist is for sessions, without options.protocol",
            )),
        }
    }

    fn persist(&self) -> Result<Option<Persist>, JsValue> {
        let value = self.get("persist")?;
        if let Some(name) = value.as_string() {
            let keep = Keep::WithOps;
            return Ok(Some(Persist { name, keep }));
        }
        let persist = Members::of(&value, "options.persist")?;
        if is_absent(&value) {
            return Ok(None);
        }
        let Some(name) = persist.get("name")?.as_string() else {
            return Err(persist.wrong("name", "a string"));
        };
        let from = persist.get("from")?;
        let keep = match from.as_string().as_deref() {
            None if is_absent(&from) => Keep::WithOps,
            Some("start") => Keep::WithOps,
            Some("position") => Keep::Every,
            _ => return Err(persist.wrong("from", "\"start\" or \"position\"")),
        };
        Ok(Some(Persist { name, keep }))
    }

    fn backoff(&self) -> Result<Bounds, JsValue> {
        let backoff = Members::of(&self.get("backoff")?, "options.backoff")?;
        let (min, max) = (backoff.milliseconds("minMs")?, backoff.milliseconds("maxMs")?);
        let defaults = limits::BACKOFF;
        match (min, max) {
            (Some(min), Some(max)) if min > max => {
                Err(type_error("options.backoff.minMs is above options.backoff.maxMs"))
            }
            // One of them alone moves the other's default out of its way.
            _ => Ok(Bounds {
                min: min.unwrap_or(defaults.min.min(max.unwrap_or(defaults.max))),
                max: max.unwrap_or(defaults.max.max(min.unwrap_or(defaults.min))),
            }),
        }
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

    fn count(&self, member: &str) -> Result<Option<usize>, JsValue> {
        let value = self.get(member)?;
        if is_absent(&value) {
            return Ok(None);
        }
        match value.as_f64() {
            Some(count) if Number::is_safe_integer(&value) && count >= 0.0 => Ok(Some(count as usize)),
            _ => Err(self.wrong(member, "an integer from 0")),
        }
    }

    fn milliseconds(&self, member: &str) -> Result<Option<Duration>, JsValue> {
        let value = self.get(member)?;
        if is_absent(&value) {
            return Ok(None);
        }
        match value.as_f64() {
            Some(ms) if (1.0..=BACKOFF_CEILING_MS).contains(&ms) => {
                Ok(Some(Duration::from_millis(ms as u64)))
            }
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
