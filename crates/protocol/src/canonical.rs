//! The one text that a JSON value has under RFC 8785 (JCS), and the hash of it.
//!
//! Two states that JavaScript takes for the same have the same text, in whatever order their keys have come.

use std::io::{self, Write};

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::ids::StateHash;

/// The first eight bytes of the SHA-256 of the value as RFC 8785 writes it.
///
/// It recurses: the caller knows that the value is not too deep.
pub fn state_hash(value: &Value) -> StateHash {
    let mut hasher = Hasher(Sha256::new());
    write_value(&mut hasher, value).expect("hashing does not fail");
    let digest = hasher.0.finalize();
    StateHash(*digest.first_chunk().expect("SHA-256 has 32 bytes"))
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_value(out: &mut impl Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Null => out.write_all(b"null"),
        Value::Bool(true) => out.write_all(b"true"),
        Value::Bool(false) => out.write_all(b"false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.write_all(b"[")?;
            for (n, item) in items.iter().enumerate() {
                write_comma(out, n)?;
                write_value(out, item)?;
            }
            out.write_all(b"]")
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.write_all(b"{")?;
            for (n, (key, member)) in members.into_iter().enumerate() {
                write_comma(out, n)?;
                write_string(out, key)?;
                out.write_all(b":")?;
                write_value(out, member)?;
            }
            out.write_all(b"}")
        }
    }
}

fn write_comma(out: &mut impl Write, n: usize) -> io::Result<()> {
    out.write_all(if n == 0 { b"" } else { b"," })
}

/// serde_json escapes what `JSON.stringify` does, and as it does.
fn write_string(out: &mut impl Write, text: &str) -> io::Result<()> {
    Ok(serde_json::to_writer(out, text)?)
}

/// As ECMAScript's `Number::toString` does: the fewest digits that tell the double from all others, which are serde_json's too, with the
/// point and the exponent where JavaScript has them.
fn write_number(out: &mut impl Write, number: &Number) -> io::Result<()> {
    /// Up to it JavaScript prints every integer digit by digit, as Rust does.
    const INTEGERS: u64 = 1 << 53;

    if let Some(integer) = number
        .as_i64()
        .filter(|integer| integer.unsigned_abs() <= INTEGERS)
    {
        return write!(out, "{integer}");
    }
    let double = number.as_f64().unwrap_or_default();
    if double == 0.0 {
        return out.write_all(b"0");
    }
    if double < 0.0 {
        out.write_all(b"-")?;
    }
    let text = Number::from_f64(double.abs()).map(|number| number.to_string());
    let text = text.unwrap_or_default();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    // The value is 0.DIGITS times ten to this power.
    let point = exponent.parse::<i32>().unwrap_or_default() + whole.len() as i32 - zeros as i32;
    let digits = digits.trim_matches('0');
    let count = digits.len() as i32;
    match point {
        _ if count <= point && point <= 21 => write!(out, "{digits}{:0<1$}", "", (point - count) as usize),
        1..=21 => {
            let (whole, fraction) = digits.split_at(point as usize);
            write!(out, "{whole}.{fraction}")
        }
        -5..=0 => write!(out, "0.{:0<1$}{digits}", "", -point as usize),
        _ => {
            let (first, others) = digits.split_at(1);
            let dot = if others.is_empty() { "" } else { "." };
            write!(out, "{first}{dot}{others}e{:+}", point - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::value::canonicalize;

    fn canonical(value: &Value) -> String {
        let mut text = Vec::new();
        write_value(&mut text, value).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// RFC 8785, appendix B.
    #[test]
    fn a_number_is_written_as_javascript_writes_it() {
        for (bits, text) in [
            (0x0000000000000000, "0"),
            (0x8000000000000000, "0"),
            (0x0000000000000001, "5e-324"),
            (0x8000000000000001, "-5e-324"),
            (0x7fefffffffffffff, "1.7976931348623157e+308"),
            (0xffefffffffffffff, "-1.7976931348623157e+308"),
            (0x4340000000000000, "9007199254740992"),
            (0xc340000000000000, "-9007199254740992"),
            (0x4430000000000000, "295147905179352830000"),
            (0x44b52d02c7e14af5, "9.999999999999997e+22"),
            (0x44b52d02c7e14af6, "1e+23"),
            (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
            (0x444b1ae4d6e2ef4e, "999999999999999700000"),
            (0x444b1ae4d6e2ef4f, "999999999999999900000"),
            (0x444b1ae4d6e2ef50, "1e+21"),
            (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
            (0x3eb0c6f7a0b5ed8d, "0.000001"),
            (0x41b3de4355555553, "333333333.3333332"),
            (0x41b3de4355555554, "333333333.33333325"),
            (0x41b3de4355555555, "333333333.3333333"),
            (0x41b3de4355555556, "333333333.3333334"),
            (0x41b3de4355555557, "333333333.33333343"),
            (0xbecbf647612f3696, "-0.0000033333333333333333"),
            (0x43143ff3c1cb0959, "1424953923781206.2"),
        ] {
            assert_eq!(canonical(&json!(f64::from_bits(bits))), text, "{bits:x}");
        }
        for (text, expected) in [
            ("100", "100"),
            ("1e2", "100"),
            ("-120.50", "-120.5"),
            ("9007199254740993", "9007199254740992"),
        ] {
            assert_eq!(canonical(&serde_json::from_str(text).unwrap()), expected);
        }
    }

    /// RFC 8785, section 3.2.3: keys are sorted as UTF-16, in which the emoji comes before the Hebrew letter.
    #[test]
    fn keys_are_sorted_as_utf_16() {
        let value = json!({
            "\u{20ac}": "Euro Sign",
            "\r": "Carriage Return",
            "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One",
            "\u{1f600}": "Emoji: Grinning Face",
            "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let text = canonical(&value);
        let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
        let places = order.map(|name| text.find(name).unwrap());
        assert!(places.is_sorted(), "{text}");
    }

    /// RFC 8785, section 3.2.2.
    #[test]
    fn a_value_is_written_without_space_and_with_few_escapes() {
        let value = serde_json::from_str(
            r#"{
                "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                "literals": [null, true, false]
            }"#,
        );
        assert_eq!(
            canonical(&value.unwrap()),
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
    }

    #[test]
    fn the_same_state_has_the_same_hash() {
        let text = r#"{"b":[1,2.0,{}],"a":"x","10":null,"9":-0.0}"#;
        let mut value: Value = serde_json::from_str(text).unwrap();
        let hash = state_hash(&value);
        canonicalize(&mut value);
        assert_eq!(state_hash(&value), hash);
        // printf '{"10":null,"9":0,"a":"x","b":[1,2,{}]}' | sha256sum | cut -c1-16
        assert_eq!(hash.to_string(), "16a599c5cb418b0b");
        assert_eq!(StateHash::parse(&hash.to_string()), Some(hash));
        assert_ne!(state_hash(&json!([])), state_hash(&json!({})));
    }
}
