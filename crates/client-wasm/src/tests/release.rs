//! What the client takes from the browser it gives back.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::browser::{FakeBrowser, InPlace, fake_browser};
use crate::driver::Driver;
use crate::options::Options;

/// Calls nothing of the app; whoever keeps it alive shows in its count.
fn connected() -> Rc<Driver> {
    let on_message = Closure::<dyn Fn()>::new(|| ()).into_js_value();
    let options = Options::read(&JsValue::UNDEFINED).expect("there are none");
    Driver::connect("ws://room".to_owned(), on_message.unchecked_into(), options).expect("it connects")
}

fn assert_released(browser: &InPlace<FakeBrowser>, driver: Rc<Driver>) {
    assert!(browser.socket().is_released());
    assert_eq!(browser.running_timers(), "[]");
    assert_eq!(browser.listener_count(), 0);
    assert_eq!(Rc::strong_count(&driver), 1);
}

#[wasm_bindgen_test]
fn a_connection_that_nobody_keeps_lives_on() {
    let browser = fake_browser();
    let driver = Rc::downgrade(&connected());
    browser.socket().open();
    assert!(driver.upgrade().is_some());
    driver.upgrade().expect("it is alive").close();
    assert!(driver.upgrade().is_none());
}

#[wasm_bindgen_test]
fn a_close_while_connecting_gives_all_back() {
    let browser = fake_browser();
    let driver = connected();
    assert_eq!(browser.listener_count(), 1);
    driver.close();
    assert_released(&browser, driver);
}

#[wasm_bindgen_test]
fn a_close_while_open_gives_all_back() {
    let browser = fake_browser();
    let driver = connected();
    browser.socket().open();
    driver.close();
    assert_released(&browser, driver);
}

#[wasm_bindgen_test]
fn a_close_while_waiting_gives_all_back() {
    let browser = fake_browser();
    let driver = connected();
    browser.socket().lose(1006, "");
    assert_ne!(browser.running_timers(), "[]");
    driver.close();
    assert_released(&browser, driver);
}

#[wasm_bindgen_test]
fn a_close_by_the_server_gives_all_back() {
    let browser = fake_browser();
    let driver = connected();
    browser.socket().open();
    browser.socket().lose(4000, "malformed message");
    assert_released(&browser, driver);
}

#[wasm_bindgen_test]
fn a_hundred_reconnects_keep_one_socket() {
    let browser = fake_browser();
    let driver = connected();
    for _ in 0..100 {
        let before = browser.socket();
        before.open();
        before.lose(1006, "");
        assert!(before.is_released());
        browser.fire_timer();
    }
    assert_eq!(browser.socket_count(), 101);
    // The socket, its deadline, the listener for the network, and this test.
    assert_eq!(Rc::strong_count(&driver), 4);
    driver.close();
    assert_released(&browser, driver);
}
