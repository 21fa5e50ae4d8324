//! The client in a real browser: an app that writes down what it is told, for the tests to read.

mod arguments;
mod browser;
mod contract;
mod downgrade;
mod lesson;
mod persist;
mod receipts;
mod reconnect;
mod reentrancy;
mod release;
mod sessions;
mod told;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use js_sys::{Error, Function, JSON, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test_configure;

use crate::host::Timer;

wasm_bindgen_test_configure!(run_in_browser);

/// What an app was told, as JSON where it is a value.
#[derive(Debug, PartialEq)]
enum Told {
    History(String),
    Live(String),
    /// The status, with the detail's code and reason.
    Status(String, Option<u16>, String),
    Reset(String),
    Error(String),
    /// Nothing for so long that the test is lost.
    TimedOut,
}

/// What an app does when it gets a message, besides writing it down.
type Reaction = Box<dyn Fn(&App) -> Result<(), JsValue>>;

/// One app with one connection. It closes the connection when the test is done with it.
#[derive(Clone)]
struct App(Rc<Inner>);

struct Inner {
    send: RefCell<JsValue>,
    told: RefCell<UnboundedReceiver<Told>>,
    tell: UnboundedSender<Told>,
    reaction: RefCell<Option<Reaction>>,
    /// What came beside the last message, and beside the last status.
    info: RefCell<JsValue>,
    detail: RefCell<JsValue>,
}

impl App {
    /// Speaks Immer patches, plainly.
    fn connect(url: &str) -> App {
        App::connect_with(url, r#"{"protocol":"patches"}"#)
    }

    /// `options` is JSON, to which the callbacks are added.
    fn connect_with(url: &str, options: &str) -> App {
        App::try_connect(url, options).expect("the client connects")
    }

    fn try_connect(url: &str, options: &str) -> Result<App, JsValue> {
        let (tell, told) = unbounded();
        let app = App(Rc::new(Inner {
            send: RefCell::new(JsValue::UNDEFINED),
            told: RefCell::new(told),
            tell,
            reaction: RefCell::new(None),
            info: RefCell::new(JsValue::UNDEFINED),
            detail: RefCell::new(JsValue::UNDEFINED),
        }));
        let on_message = app.callback(|app, message, info| {
            let message = json(&message);
            let history = get(&info, "history") == true;
            app.0.info.replace(info);
            app.tell(if history {
                Told::History(message)
            } else {
                Told::Live(message)
            });
            let reaction = app.0.reaction.take();
            reaction.map_or(Ok(()), |react| react(app))
        });
        let on_status = app.callback(|app, status, detail| {
            app.tell(status_told(&status, &detail));
            app.0.detail.replace(detail);
            Ok(())
        });
        let on_error = app.callback(|app, error, _| {
            let error: Error = error.dyn_into().expect("onError is given an Error");
            app.tell(Told::Error(error.message().into()));
            Ok(())
        });
        let on_reset = app.callback(|app, reason, _| {
            app.tell(Told::Reset(reason.as_string().expect("the reason is a string")));
            Ok(())
        });
        let options = JSON::parse(options).expect("the options are JSON");
        set(&options, "onStatus", &on_status);
        set(&options, "onReset", &on_reset);
        set(&options, "onError", &on_error);
        let send = crate::connect(url.into(), on_message, options)?;
        app.0.send.replace(send);
        Ok(app)
    }

    /// Sends the message that `text` is the JSON of; false when it is not taken.
    fn send(&self, text: &str) -> bool {
        self.try_send(&JSON::parse(text).expect("the message is JSON"))
            .expect("send does not throw")
    }

    fn try_send(&self, message: &JsValue) -> Result<bool, JsValue> {
        Ok(state(&self.receipt_of(message)?) != "rejected")
    }

    fn receipt_of(&self, message: &JsValue) -> Result<JsValue, JsValue> {
        let send: Function = self.send_function().unchecked_into();
        send.call1(&JsValue::UNDEFINED, message)
    }

    fn receipt(&self, text: &str) -> JsValue {
        self.receipt_of(&JSON::parse(text).expect("the message is JSON"))
            .expect("send does not throw")
    }

    /// A member of what came with the last status.
    fn detail(&self, member: &str) -> JsValue {
        get(&self.0.detail.borrow(), member)
    }

    fn send_function(&self) -> JsValue {
        self.0.send.borrow().clone()
    }

    fn close(&self) {
        self.method("close", &JsValue::UNDEFINED);
    }

    fn method(&self, name: &str, argument: &JsValue) -> JsValue {
        let method: Function = get(&self.send_function(), name).unchecked_into();
        method
            .call1(&JsValue::UNDEFINED, argument)
            .expect("the method does not throw")
    }

    fn status(&self) -> String {
        get(&self.send_function(), "status")
            .as_string()
            .expect("the status is a string")
    }

    fn queued(&self) -> u32 {
        get(&self.send_function(), "queued")
            .as_f64()
            .expect("queued is a number") as u32
    }

    /// A member of what came beside the last message.
    fn info(&self, member: &str) -> JsValue {
        get(&self.0.info.borrow(), member)
    }

    /// Does this when the next message comes, within `onMessage`.
    fn react(&self, reaction: impl Fn(&App) -> Result<(), JsValue> + 'static) {
        self.0.reaction.replace(Some(Box::new(reaction)));
    }

    /// What the app is told next.
    async fn next(&self) -> Told {
        let tell = self.0.tell.clone();
        let _timer = Timer::after(PATIENCE_MS, move || drop(tell.unbounded_send(Told::TimedOut)));
        let next = poll_fn(|context| {
            let mut told = self.0.told.borrow_mut();
            pin!(told.recv()).poll(context)
        });
        next.await.expect("the app keeps a sender")
    }

    /// Asserts what the app is told next.
    async fn expect(&self, told: Told) {
        assert_eq!(self.next().await, told);
    }

    /// What the app was told up to now.
    fn told(&self) -> Vec<Told> {
        let mut told = self.0.told.borrow_mut();
        std::iter::from_fn(|| told.try_recv().ok()).collect()
    }

    fn tell(&self, told: Told) {
        self.0
            .tell
            .unbounded_send(told)
            .expect("the app keeps a receiver");
    }

    fn callback(&self, body: impl Fn(&App, JsValue, JsValue) -> Result<(), JsValue> + 'static) -> JsValue {
        let app = Rc::downgrade(&self.0);
        let closure =
            Closure::<dyn Fn(JsValue, JsValue) -> Result<(), JsValue>>::new(move |first, second| {
                app.upgrade().map_or(Ok(()), |app| body(&App(app), first, second))
            });
        closure.into_js_value()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A connection lives on without its app, and would get what the next test sends.
        let send = self.send.borrow().clone();
        if let Ok(close) = get(&send, "close").dyn_into::<Function>() {
            let _ = close.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Milliseconds until a test that waits for something gives it up.
const PATIENCE_MS: f64 = 10_000.0;

/// Where the tests find a server. A page has no environment, so the compiler takes it from its own.
const SERVER: Option<&str> = option_env!("PATCHCAST_TEST_URL");

/// The URL of a room that nobody was in before.
fn new_room() -> String {
    let server = SERVER.expect("PATCHCAST_TEST_URL, when this was built: where a server runs");
    // The line that the server prints names http.
    let server = server.replace("http", "ws");
    let room = (js_sys::Math::random() * 1e15) as u64;
    format!("{}/test-{room}", server.trim_end_matches('/'))
}

/// The list of one patch that replaces the root by `value`.
fn patches(value: u32) -> String {
    format!(r#"[{{"op":"replace","path":["at"],"value":{value}}}]"#)
}

/// The history that these messages make.
fn history(values: &[u32]) -> Told {
    let messages: Vec<_> = values.iter().map(|value| patches(*value)).collect();
    let patches: Vec<_> = messages
        .iter()
        .map(|message| message.trim_matches(['[', ']']))
        .collect();
    Told::History(format!("[{}]", patches.join(",")))
}

fn live(value: u32) -> Told {
    Told::Live(patches(value))
}

fn status(status: &str) -> Told {
    Told::Status(status.to_owned(), None, String::new())
}

fn status_told(status: &JsValue, detail: &JsValue) -> Told {
    let code = get(detail, "code").as_f64().map(|code| code as u16);
    let reason = get(detail, "reason").as_string().unwrap_or_default();
    let retry_in_ms = get(detail, "retryInMs").as_f64();
    let status = status.as_string().expect("the status is a string");
    assert_eq!(retry_in_ms.is_some(), status == "reconnecting", "{detail:?}");
    Told::Status(status, code, reason)
}

/// Lets the browser do what it has to do.
async fn next_turn() {
    let (tell, mut told) = unbounded();
    let _timer = Timer::after(0.0, move || drop(tell.unbounded_send(())));
    poll_fn(|context| pin!(told.recv()).poll(context))
        .await
        .expect("the timer keeps a sender");
}

fn state(receipt: &JsValue) -> String {
    get(receipt, "state").as_string().expect("the state is a string")
}

/// What was thrown, as `Name: message`.
fn thrown<T>(result: Result<T, JsValue>) -> String {
    let error: Error = match result {
        Ok(_) => return "nothing".to_owned(),
        Err(error) => error.dyn_into().expect("an Error is thrown"),
    };
    format!(
        "{}: {}",
        String::from(error.name()),
        String::from(error.message())
    )
}

fn json(value: &JsValue) -> String {
    JSON::stringify(value).expect("it has a JSON form").into()
}

fn get(object: &JsValue, member: &str) -> JsValue {
    Reflect::get(object, &member.into()).unwrap_or(JsValue::UNDEFINED)
}

fn set(object: &JsValue, member: &str, value: &JsValue) {
    Reflect::set(object, &member.into(), value).expect("the object takes a member");
}
