//! JSON values as JavaScript has them: which are equal, how their keys are ordered, how their numbers are kept.

use std::io;

use serde_json::{Map, Number, Value};

pub use crate::canonical::state_hash;

/// Whether JavaScript takes two values for the same: 1 and 1.0 are, so are 0 and -0, and the order of keys does not count.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Makes of a value what `JSON.parse` would have made of it, so that equal values are `==` and are printed the same everywhere: a number is a
/// double, kept as an integer where it is one, and the keys of objects stand in JavaScript's order.
///
/// It recurses: the caller knows that the value is not too deep.
pub fn canonicalize(value: &mut Value) {
    match value {
        Value::Number(number) => canonicalize_number(number),
        Value::Array(items) => items.iter_mut().for_each(canonicalize),
        Value::Object(members) => {
            members.values_mut().for_each(canonicalize);
            order_keys(members);
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Sets a key, and gives back what it was. A new key stands where JavaScript puts it: integers in ascending order, then all others by age.
pub fn insert(members: &mut Map<String, Value>, key: String, value: Value) -> Option<Value> {
    match integer_key(&key) {
        Some(integer) if !members.contains_key(&key) => {
            let last = members.keys().next_back().map(|last| integer_key(last));
            let position = match last {
                // The usual case, and a walk over all keys is spared.
                Some(Some(last)) if last < integer => members.len(),
                _ => members
                    .keys()
                    .take_while(|key| integer_key(key).is_some_and(|key| key < integer))
                    .count(),
            };
            members.shift_insert(position, key, value)
        }
        _ => members.insert(key, value),
    }
}

/// Bytes of a value as JSON, as serde_json writes it.
pub fn bytes(value: &Value) -> usize {
    struct Counter(usize);

    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value)
        .expect("a value's keys are strings, and counting does not fail");
    counter.0
}

/// Bytes of a key as JSON, its colon included.
pub fn key_bytes(key: &str) -> usize {
    // The escapes of serde_json: a letter for the usual control characters, \u00XX for the others.
    let escapes = key.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0..0x20 => 5,
        _ => 0,
    });
    key.len() + escapes.sum::<usize>() + 3
}

fn canonicalize_number(number: &mut Number) {
    /// Up to it every integer is a double, and JavaScript prints it digit by digit.
    const INTEGERS: u64 = 1 << 53;

    if number
        .as_i64()
        .is_some_and(|integer| integer.unsigned_abs() <= INTEGERS)
    {
        return;
    }
    let Some(double) = number.as_f64() else { return };
    if double.fract() == 0.0 && double.abs() <= INTEGERS as f64 {
        *number = Number::from(double as i64);
    } else if let (false, Some(double)) = (number.is_f64(), Number::from_f64(double)) {
        *number = double;
    }
}

/// Puts the keys of an object where JavaScript has them, when they were set without looking at that.
pub(crate) fn order_keys(members: &mut Map<String, Value>) {
    fn rank(key: &str) -> u64 {
        integer_key(key).map_or(u64::MAX, u64::from)
    }

    if !members.keys().map(|key| rank(key)).is_sorted() {
        let mut all: Vec<_> = std::mem::take(members).into_iter().collect();
        all.sort_by_key(|(key, _)| rank(key));
        *members = all.into_iter().collect();
    }
}

/// The integer that a key is to JavaScript, which puts those before all others: an "array index" of ECMAScript, at most 2^32 - 2.
fn integer_key(key: &str) -> Option<u32> {
    let first = key.bytes().next()?;
    if !first.is_ascii_digit() || (first == b'0' && key.len() > 1) {
        return None;
    }
    // A sign cannot come any more.
    key.parse().ok().filter(|integer| *integer < u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn numbers_are_equal_as_doubles() {
        for (a, b) in [
            ("1", "1.0"),
            ("0", "-0.0"),
            ("9007199254740993", "9007199254740992"),
            ("1e2", "100"),
        ] {
            assert!(same(&parse(a), &parse(b)), "{a} {b}");
        }
        assert!(!same(&parse("0.1"), &parse("0.2")));
        assert!(!same(&json!(1), &json!("1")));
        assert!(same(
            &parse(r#"{"a":[1],"b":null}"#),
            &parse(r#"{"b":null,"a":[1.0]}"#)
        ));
        assert!(!same(&parse(r#"{"a":null}"#), &parse(r#"{"b":null}"#)));
    }

    #[test]
    fn what_json_parse_would_have_made_is_printed_as_it_would_be() {
        for (text, canonical) in [
            ("1.0", "1"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("-9007199254740993", "-9007199254740992"),
            ("9007199254740993", "9007199254740992"),
            ("18446744073709551615", "1.8446744073709552e+19"),
            ("5e-324", "5e-324"),
            (
                r#"{"b":1,"10":2,"a":3,"9":4,"09":5}"#,
                r#"{"9":4,"10":2,"b":1,"a":3,"09":5}"#,
            ),
            (
                r#"[{"4294967295":1,"4294967294":2.0}]"#,
                r#"[{"4294967294":2,"4294967295":1}]"#,
            ),
        ] {
            let mut value = parse(text);
            canonicalize(&mut value);
            assert_eq!(value.to_string(), canonical);
        }
    }

    #[test]
    fn a_new_key_stands_where_javascript_puts_it() {
        let mut value = parse(r#"{"2":0,"b":0}"#);
        let members = value.as_object_mut().unwrap();
        for key in ["10", "1", "a", "2", "-1", "07"] {
            insert(members, key.to_owned(), json!(1));
        }
        assert_eq!(
            value.to_string(),
            r#"{"1":1,"2":1,"10":1,"b":0,"a":1,"-1":1,"07":1}"#
        );
    }

    #[test]
    fn a_key_is_measured_as_it_is_written() {
        for key in [
            "",
            "a",
            "é🔑",
            "\"\\\n\r\t\u{8}\u{c}",
            "\u{0}\u{1f}\u{7f}",
            "\u{2028}",
        ] {
            assert_eq!(key_bytes(key), json!({ key: 1 }).to_string().len() - 3, "{key:?}");
        }
    }
}
