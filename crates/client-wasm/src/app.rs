//! The app as the rest of the client sees it: who is told what, and what becomes of what its callbacks throw.
//!
//! *Nothing is borrowed while the app is called*, for it may call `send`, `close` or `connect` from within.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::error::{as_error, error};
use crate::handles::{self, Receipt};
use crate::host;
use crate::listeners::Listeners;
use crate::told::{Saved, StatusDetail};

/// What the app is told of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Connecting,
    Open,
    Reconnecting,
    Closed,
}

impl Status {
    /// The name in the TypeScript types.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Status::Connecting => "connecting",
            Status::Open => "open",
            Status::Reconnecting => "reconnecting",
            Status::Closed => "closed",
        }
    }
}

/// Why a message is not taken. What the server may answer besides is in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    QueueFull,
    Congested,
    TooLarge,
    ClosedByApp,
    /// By the server, or the browser refuses to make one.
    ClosedForGood,
}

/// The app's callbacks.
pub(crate) struct App {
    callbacks: Callbacks,
    pub(crate) listeners: Listeners<Function>,
    status: Cell<Status>,
    /// The app has closed the connection, and is not called any more.
    ended: Cell<bool>,
}

/// All that the app gave to `connect`.
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    /// `None` for a connection that only sends what an earlier page left behind.
    pub(crate) on_message: Option<Function>,
    pub(crate) on_status: Option<Function>,
    pub(crate) on_reset: Option<Function>,
    pub(crate) on_error: Option<Function>,
}

impl App {
    pub(crate) fn new(callbacks: Callbacks) -> Rc<App> {
        let listeners = Listeners::new();
        if let Some(on_status) = &callbacks.on_status {
            listeners.add(on_status.clone());
        }
        Rc::new(App {
            callbacks,
            listeners,
            status: Cell::new(Status::Connecting),
            ended: Cell::new(false),
        })
    }

    /// The same app for a connection that it does not know of: it hears of errors only.
    pub(crate) fn unaware(&self) -> Rc<App> {
        App::new(Callbacks {
            on_error: self.callbacks.on_error.clone(),
            ..Callbacks::default()
        })
    }

    /// Nothing is called from here on.
    pub(crate) fn end(&self) {
        self.status.set(Status::Closed);
        self.ended.set(true);
        self.listeners.clear();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    pub(crate) fn status(&self) -> Status {
        self.status.get()
    }

    pub(crate) fn notify(&self, status: Status, detail: &StatusDetail<'_>) {
        if self.has_ended() {
            return;
        }
        self.status.set(status);
        let name = JsValue::from_str(status.name());
        let detail = detail.to_object();
        self.listeners.each(|listener| {
            self.catch("onStatus", listener.call2(&JsValue::UNDEFINED, &name, &detail));
        });
    }

    /// Gives `onMessage` what `call` calls it with.
    pub(crate) fn deliver(&self, call: impl FnOnce(&Function) -> Result<JsValue, JsValue>) {
        if let (Some(on_message), false) = (&self.callbacks.on_message, self.has_ended()) {
            self.catch("onMessage", call(on_message));
        }
    }

    pub(crate) fn reset(&self, reason: &str) {
        if let (Some(on_reset), false) = (&self.callbacks.on_reset, self.has_ended()) {
            self.catch("onReset", on_reset.call1(&JsValue::UNDEFINED, &reason.into()));
        }
    }

    /// Tells the app of what its own function threw.
    pub(crate) fn catch<T>(&self, thrower: &str, result: Result<T, JsValue>) {
        if let Err(thrown) = result {
            self.report(as_error(thrown, thrower));
        }
    }

    /// Tells the app, or the console when the app takes no errors: none is lost.
    pub(crate) fn report(&self, error: JsValue) {
        match &self.callbacks.on_error {
            Some(on_error) if !self.has_ended() => {
                if let Err(thrown) = on_error.call1(&JsValue::UNDEFINED, &error) {
                    host::console_error(&thrown);
                }
            }
            _ => host::console_error(&error),
        }
    }

    pub(crate) fn saved(&self, receipt: &Receipt, state: &str, saved: &Saved) {
        self.catch("onChange", handles::saved(receipt, state, saved.to_object()));
    }

    pub(crate) fn rejected(&self, receipt: &Receipt, code: &str, message: &str) {
        self.catch("onChange", handles::rejected(receipt, code, message));
    }

    /// Ends the receipt of a message that is not taken, and reports it.
    pub(crate) fn refuse(&self, receipt: &Receipt, refusal: Refusal) {
        let (code, message) = match refusal {
            Refusal::QueueFull => ("queue_full", "not sent: the queue is full"),
            Refusal::Congested => ("queue_full", "not sent: the network takes less than is sent"),
            Refusal::TooLarge => ("too_large", "not sent: above the size that the server takes"),
            Refusal::ClosedForGood => ("closed", "not sent: the connection is closed for good"),
            Refusal::ClosedByApp => ("closed", "not sent: the connection was closed"),
        };
        self.rejected(receipt, code, message);
        // The app knows that it closed it, and asked not to be called any more.
        if refusal != Refusal::ClosedByApp {
            self.report(error(message));
        }
    }
}
