//! JSON from Secrets: texts are zeroed when they go, objects keep duplicate keys, and errors hold no content.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// How often JSON may be wrapped as text in JSON; the SAP BTP service operator wraps twice.
const MAX_WRAPPING: usize = 4;

/// A JSON value. Numbers are only known to be numbers, as no field that is read here is one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number,
    Text(Zeroizing<String>),
    List(Vec<Json>),
    Object(Object),
    /// The value of a Secret that is not UTF-8.
    Binary,
}

/// A JSON object with its members in the order of the text, duplicates included.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Object(Vec<(String, Json)>);

/// A key that occurs more than once in one object, with different values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// Why a text is not JSON: a phrase that follows the name of the text, free of its content.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the value is empty")]
    Empty,
    #[error("the value is not UTF-8 text")]
    NotUtf8,
    #[error("the value seems to be base64-encoded twice; use stringData, or encode the JSON once in data")]
    EncodedTwice,
    #[error("the JSON ends too early (line {line}, column {column})")]
    Incomplete { line: usize, column: usize },
    #[error("the value is not valid JSON (line {line}, column {column})")]
    Syntax { line: usize, column: usize },
}

impl Json {
    /// Reads a whole text; a byte order mark in front of it is ignored.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let text = std::str::from_utf8(bytes).map_err(|_| Broken::NotUtf8)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(Broken::Empty);
        }
        serde_json::from_str(text).map_err(|error| Broken::new(text, &error))
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
    pub(crate) fn object(&self) -> Option<Cow<'_, Object>> {
        match self {
            Self::Object(object) => Some(Cow::Borrowed(object)),
            Self::Text(text) => Self::unwrapped(text, MAX_WRAPPING).map(Cow::Owned),
            _ => None,
        }
    }

    fn unwrapped(text: &str, depth: usize) -> Option<Object> {
        match Self::parse(text.as_bytes()).ok()? {
            Self::Object(object) => Some(object),
            Self::Text(text) => Self::unwrapped(&text, depth.checked_sub(1)?),
            _ => None,
        }
    }
}

impl Object {
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

impl Broken {
    /// Takes the place from serde's error and drops its text, which can quote the input.
    fn new(text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        // `{"` and `{` with a line break, encoded.
        if ["eyJ", "ewo", "ew0"].iter().any(|start| text.trim_start().starts_with(start)) {
            Self::EncodedTwice
        } else if error.is_eof() {
            Self::Incomplete { line, column }
        } else {
            Self::Syntax { line, column }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
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
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests;
