//! JSON from Secrets: texts are zeroed when they go, objects keep duplicate keys, and errors hold no content.

use std::{borrow::Cow, cell::Cell, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor},
};
use zeroize::Zeroizing;

pub(crate) use broken::Broken;

mod broken;

/// The most values of a text that is kept as a whole. A value takes up to 40 times of its text in memory, as in
/// `[[0],[0],…`; a service key has some twenty, all bindings of an application a few hundred.
pub(crate) const MAX_VALUES: usize = 10_000;
/// How often JSON may be wrapped as text in JSON; the SAP BTP service operator wraps twice.
const MAX_WRAPPING: usize = 4;

/// Reads fields of a JSON object. serde would take a list for one, by the order of the fields.
pub(crate) fn from_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

/// A JSON value. Numbers are only known to be numbers, as no field that is read here is one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number,
    Text(Zeroizing<String>),
    List(Vec<Json>),
    Object(JsonObject),
    /// The value of a Secret that is not UTF-8.
    Binary,
}

/// A JSON object with its members in the order of the text, duplicates included.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct JsonObject(Vec<(String, Json)>);

/// A key that occurs more than once in one object, with different values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

impl Json {
    /// Reads a whole text of up to [`MAX_VALUES`]; a byte order mark in front of it is ignored.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let left = Cell::new(Some(MAX_VALUES));
        read(bytes, Value { left: &left })
            .map_err(|broken| if left.get().is_none() { Broken::TooManyValues(MAX_VALUES) } else { broken })
    }

    /// The value of a Secret's key, taken as it is.
    pub(crate) fn from_secret_value(bytes: &[u8]) -> Self {
        std::str::from_utf8(bytes).map_or(Self::Binary, |text| Self::Text(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The object that this is, or that this is the JSON text of.
    pub(crate) fn object(&self) -> Option<Cow<'_, JsonObject>> {
        match self {
            Self::Object(object) => Some(Cow::Borrowed(object)),
            Self::Text(text) => Self::unwrapped(text, MAX_WRAPPING).map(Cow::Owned),
            _ => None,
        }
    }

    fn unwrapped(text: &str, depth: usize) -> Option<JsonObject> {
        match Self::parse(text.as_bytes()).ok()? {
            Self::Object(object) => Some(object),
            Self::Text(text) => Self::unwrapped(&text, depth.checked_sub(1)?),
            _ => None,
        }
    }
}

impl JsonObject {
    pub(crate) fn new(members: Vec<(String, Json)>) -> Self {
        Self(members)
    }

    /// The members in the order of the text; a key may occur more than once.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value under `key`; `null` counts as absent. JSON leaves open which of two equal keys counts, and
    /// readers differ, so two different values are an error.
    pub(crate) fn get(&self, key: &str) -> Result<Option<&Json>, Ambiguous> {
        let mut values = self.members().filter(|(name, _)| *name == key).map(|(_, value)| value);
        let first = values.next();
        if values.any(|value| Some(value) != first) {
            return Err(Ambiguous);
        }
        Ok(first.filter(|value| **value != Json::Null))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.members().any(|(name, _)| name == key)
    }
}

/// Reads a whole JSON text with `seed`, which takes what it needs of it; a byte order mark in front is ignored.
pub(crate) fn read<'de, S: DeserializeSeed<'de>>(bytes: &'de [u8], seed: S) -> Result<S::Value, Broken> {
    let text = std::str::from_utf8(bytes).map_err(|_| Broken::not_utf8(bytes))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Broken::Empty);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    seed.deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| Broken::new(text, &error))
}

/// Reads a value as long as not too many are there.
#[derive(Clone, Copy)]
struct Value<'a> {
    /// None: there were too many.
    left: &'a Cell<Option<usize>>,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.left.set(self.left.get().and_then(|left| left.checked_sub(1)));
        match self.left.get() {
            Some(_) => deserializer.deserialize_any(self),
            None => Err(D::Error::custom("too many values")),
        }
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = entries.next_key()? {
            members.push((name, entries.next_value_seed(self)?));
        }
        Ok(Json::Object(JsonObject(members)))
    }
}

#[cfg(test)]
mod tests;
