//! A JSON value that is checked but not kept.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Any JSON value. Reading one checks every string (lone surrogates) and number (beyond a double), which
/// `serde::de::IgnoredAny` does not, and allocates nothing however large the value is.
pub(crate) struct Opaque;

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Opaque)
    }
}

impl<'de> Visitor<'de> for Opaque {
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
        while items.next_element::<Opaque>()?.is_some() {}
        Ok(Opaque)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Opaque, A::Error> {
        while members.next_entry::<Opaque, Opaque>()?.is_some() {}
        Ok(Opaque)
    }
}
