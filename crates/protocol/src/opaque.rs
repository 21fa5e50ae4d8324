//! A JSON value that is checked but not kept.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Malformed;
use crate::limits::MAX_DEPTH;

/// Any JSON value. Reading one checks every string (lone surrogates) and number (beyond a double), which
/// `serde::de::IgnoredAny` does not, and allocates nothing however large the value is.
pub(crate) struct Opaque;

/// Checks that `text` is one JSON value with at most `levels` levels of arrays and objects.
pub(crate) fn check(text: &str, levels: usize) -> Result<(), Malformed> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match (Levels { left: levels }).deserialize(&mut deserializer) {
        Ok(Opaque) => Ok(deserializer.end()?),
        Err(error) if error.is_data() => Err(Malformed::TooDeep(levels)),
        Err(error) => Err(error.into()),
    }
}

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Levels { left: MAX_DEPTH }.deserialize(deserializer)
    }
}

/// How many levels a value may have.
#[derive(Clone, Copy)]
struct Levels {
    left: usize,
}

impl Levels {
    /// What the value of an array or an object may have.
    fn within<E: de::Error>(self) -> Result<Levels, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Levels { left }),
            None => Err(E::custom("nested too deeply")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = Opaque;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Opaque, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = Opaque;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Opaque, E> {
        Ok(Opaque)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Opaque, E> {
        Ok(Opaque)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Opaque, E> {
        Ok(Opaque)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Opaque, E> {
        Ok(Opaque)
    }

    fn visit_str<E>(self, _: &str) -> Result<Opaque, E> {
        Ok(Opaque)
    }

    fn visit_unit<E>(self) -> Result<Opaque, E> {
        Ok(Opaque)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Opaque, A::Error> {
        let within = self.within()?;
        while items.next_element_seed(within)?.is_some() {}
        Ok(Opaque)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Opaque, A::Error> {
        let within = self.within()?;
        while members.next_key::<Opaque>()?.is_some() {
            members.next_value_seed(within)?;
        }
        Ok(Opaque)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_of_arrays_and_objects_are_counted_together() {
        assert_eq!(check(r#"{"a":[1]}"#, 2), Ok(()));
        assert_eq!(check(r#"{"a":[[]]}"#, 2), Err(Malformed::TooDeep(2)));
        assert_eq!(check("1", 0), Ok(()));
    }

    #[test]
    fn a_value_that_json_stringify_cannot_make_is_refused() {
        for text in [r#""\ud800""#, "1e400", "[1,]", "1 2", ""] {
            assert!(matches!(check(text, 9), Err(Malformed::NotJson(_))), "{text}");
        }
    }
}
