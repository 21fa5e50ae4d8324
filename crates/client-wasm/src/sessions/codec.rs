//! Between the frames of `patchcast.v1` and what the session understands.
//!
//! A frame is read by the browser's `JSON.parse`, once: the app is given the very object that this made of an entry's data. Rust asks
//! only for what stands around it, and in few calls, for each costs about as much as a small message's parsing.

use js_sys::{JsString, Reflect};
use patchcast_protocol::ids::{Epoch, OpId, Secret, Seq, Timestamp};
use patchcast_protocol::limits::SESSION_VERSION;
use patchcast_protocol::message::{Ack, ClientMessage, Durability, ErrorCode, RejectCode, ResetCode};
use patchcast_session::{Arrived, Own, Reason, Received, Welcome};
use wasm_bindgen::prelude::*;

use crate::error::js_string;
use crate::{host, told};

/// The text of a message. The data of an op is JSON already, and is not looked at again.
pub(crate) fn write(message: &ClientMessage<JsValue>) -> JsString {
    match message {
        ClientMessage::Hello(hello) => {
            let since = hello.since.map_or_else(String::new, |since| {
                let (epoch, seq) = (epoch_text(since.epoch), digits(since.seq.0));
                [r#","since":{"epoch":""#, &epoch, r#"","seq":"#, &seq, "}"].concat()
            });
            let version = digits(SESSION_VERSION.into());
            // Neither the secret nor the epoch has a character that would have to be escaped.
            let secret = hello.secret.as_str();
            let presence = if hello.presence { "true" } else { "false" };
            let text = [
                r#"{"type":"hello","version":"#,
                &version,
                r#","kind":"stream","secret":""#,
                secret,
                r#"""#,
                &since,
                r#","presence":"#,
                presence,
                "}",
            ];
            text.concat().into()
        }
        ClientMessage::Op { id, data } => {
            let before = [r#"{"type":"op","id":"#, &digits(id.0), r#","data":"#].concat();
            around(&before, data)
        }
        ClientMessage::Presence { data } => around(r#"{"type":"presence","data":"#, data),
        ClientMessage::Ping => r#"{"type":"ping"}"#.into(),
        ClientMessage::Change(_) | ClientMessage::Diverged { .. } => {
            unreachable!("a stream's session sends nothing of documents")
        }
    }
}

/// The last member of an object around text that stays JavaScript's.
fn around(before: &str, data: &JsValue) -> JsString {
    JsString::from(before).concat(data).concat(&"}".into())
}

fn digits(number: u64) -> String {
    js_string(&(number as f64).into())
}

/// Reads what the server sent. `own` is this client's id, which a welcome tells: the client's own entries are known by it.
pub(crate) fn read(frame: &JsValue, own: &mut JsValue) -> Result<Received<JsValue>, Reason> {
    let message = told::read(frame);
    if message.is_undefined() {
        return Err("a frame that is not a message".into());
    }
    if let Ok(count) = u32::try_from(told::entry_count(&message)) {
        return read_entries(&message, count, own);
    }
    let get = |member| get(&message, member);
    Ok(match get("type").as_string().as_deref() {
        Some("ack") => Received::Ack(Ack {
            id: OpId(number(&get("id"))),
            seq: Seq(number(&get("seq"))),
            time: Timestamp(number(&get("time"))),
            durability: durability(&get("durability")),
        }),
        Some("presence") => Received::Presence(message),
        Some("welcome") => {
            *own = get("client");
            let Some(epoch) = get("epoch").as_string().as_deref().and_then(Epoch::parse) else {
                return Err("a welcome without an epoch".into());
            };
            Received::Welcome(Welcome {
                epoch,
                head: Seq(number(&get("head"))),
                last_op: OpId(number(&get("last_op"))),
                durability: durability(&get("durability")),
                max_message: number(&get("max_message")),
            })
        }
        Some("reset") => {
            let code = match get("code").as_string().as_deref() {
                Some("other_epoch") => ResetCode::OtherEpoch,
                Some("ahead") => ResetCode::Ahead,
                _ => ResetCode::Forgotten,
            };
            let reason = reason(&get("reason"));
            Received::Reset { code, reason }
        }
        Some("reject") => {
            let code = match get("code").as_string().as_deref() {
                Some("id_reused") => RejectCode::IdReused,
                Some("id_passed") => RejectCode::IdPassed,
                _ => RejectCode::BadData,
            };
            let (id, reason) = (OpId(number(&get("id"))), reason(&get("reason")));
            Received::Reject { id, code, reason }
        }
        Some("error") => {
            // Which mistake it was is in the reason; what follows from it, in the close code.
            let (code, reason) = (ErrorCode::Malformed, reason(&get("reason")));
            Received::Error { code, reason }
        }
        // Of a later server; a sign of life.
        _ => Received::Pong,
    })
}

fn read_entries(message: &JsValue, count: u32, client: &JsValue) -> Result<Received<JsValue>, Reason> {
    let mut entries = Vec::with_capacity(count as usize);
    for index in 0..count {
        let entry = told::entry_at(message, index);
        let id = told::own_id(&entry, client);
        if id < 0.0 {
            return Err("an entry that is no object".into());
        }
        let own = (id > 0.0).then(|| Own {
            id: OpId(id as u64),
            time: Timestamp(number(&get(&entry, "time"))),
        });
        entries.push(Arrived { own, entry });
    }
    let after = Seq(told::after(message) as u64);
    Ok(Received::Entries { after, entries })
}

/// A new client's secret.
pub(crate) fn new_secret() -> Secret {
    let mut bytes = [0; 32];
    host::fill_with_chance(&mut bytes);
    let text: String = bytes
        .map(|byte| char::from(BASE64URL[usize::from(byte & 63)]))
        .iter()
        .collect();
    Secret::parse(&text).expect_throw("32 characters of base64url are a secret")
}

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What `Display` writes, without the machinery behind it, which would be a tenth of the download.
pub(crate) fn epoch_text(epoch: Epoch) -> String {
    let digit = |shift: u32| char::from_digit((epoch.0 >> shift) as u32 & 0xf, 16);
    (0..16).rev().filter_map(|place| digit(4 * place)).collect()
}

/// A member that need not be read fast. Getters of what `JSON.parse` made do not throw.
fn get(message: &JsValue, member: &str) -> JsValue {
    Reflect::get(message, &member.into()).unwrap_or(JsValue::UNDEFINED)
}

/// 0 for what is no number; fractions are cut off.
fn number(value: &JsValue) -> u64 {
    value.as_f64().unwrap_or(0.0) as u64
}

fn durability(name: &JsValue) -> Durability {
    match name.as_string().as_deref() {
        Some("fsync") => Durability::Fsync,
        Some("os") => Durability::Os,
        _ => Durability::Memory,
    }
}

fn reason(text: &JsValue) -> Reason {
    text.as_string().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_written_as_everywhere() {
        for epoch in [Epoch(0), Epoch(0xabc), Epoch(u64::MAX)] {
            assert_eq!(epoch_text(epoch), epoch.to_string());
        }
    }
}
