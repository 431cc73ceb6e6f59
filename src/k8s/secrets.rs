//! Reads the one Secret that a resource names. The content of other Secrets never enters the process, and that of this one no
//! error and no log: it is not kube that reads it ([`super::answer`]).

use std::{borrow::Cow, collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, Resource, api::GetParams, core::Request};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use zeroize::Zeroizing;

use super::{answer, error::Error};
use crate::{
    api::EXPIRES_AT,
    domain::{
        parse::{
            expiry::{self, EXTERNAL_SECRETS},
            name::SecretName,
            secret_data::{STALE_LABEL, SecretData},
        },
        tools::invalid::{Invalid, Quoted},
    },
};

/// Keys that a Secret may have. Service bindings have some twenty; each costs memory, however small it is.
const MAX_KEYS: usize = 1000;

/// A Secret's content and its version.
pub(crate) struct Read {
    /// What it holds.
    pub data: SecretData,
    /// `metadata.resourceVersion`.
    pub version: String,
}

/// Reads a Secret. `None` when there is none of the name.
///
/// # Errors
/// [`Error::Oversized`] when it is larger than anything that is meant here; else when the API server refuses or does not answer.
pub(crate) async fn read(client: &Client, namespace: &str, name: &SecretName) -> Result<Option<Read>, Error> {
    let request = Request::new(Secret::url_path(&(), Some(namespace)))
        .get(name.as_str(), &GetParams::default())
        .map_err(|_| Error::Garbled("its address is none"))?;
    let text = match answer::read(client, request).await {
        Ok(text) => text,
        Err(Error::NotFound) => return Ok(None),
        Err(Error::TooLarge) => {
            let mib = answer::LIMIT >> 20;
            return Err(oversized(
                name,
                format_args!("it is larger than {mib} MiB, its annotations and managed fields included"),
            ));
        }
        Err(error) => return Err(error),
    };
    parse(text.bytes(), namespace, name).map(Some)
}

fn oversized(name: &SecretName, what: impl fmt::Display) -> Error {
    Error::Oversized(Invalid::new(format!(
        "Secret {}: {what}; name a Secret that holds nothing but the credential.",
        Quoted(name.as_str())
    )))
}

fn parse(text: &[u8], namespace: &str, name: &SecretName) -> Result<Read, Error> {
    // serde's own words can quote what they stumble over.
    let answer: Answer<'_> = serde_json::from_slice(text).map_err(|error| {
        Error::Garbled(if error.is_eof() { "it ends too early" } else { "it is not the JSON of a Secret" })
    })?;
    if answer.kind != "Secret" {
        return Err(Error::Garbled("it is no Secret"));
    }
    let metadata = answer.metadata;
    if metadata.name != name.as_str() || metadata.namespace != namespace {
        return Err(Error::Garbled("it is another Secret than the one that was asked for"));
    }
    let entries = answer.data.unwrap_or_default();
    if entries.left_out > 0 {
        let keys = entries.values.len() + entries.left_out;
        return Err(oversized(name, format_args!("it has {keys} keys, and at most {MAX_KEYS} are read")));
    }
    let mut data = BTreeMap::new();
    for (key, value) in &entries.values {
        let value = decode(value.as_str()).ok_or(Error::Garbled("a value is not base64"))?;
        data.insert(key.as_str().to_owned(), value);
    }
    let stale = metadata.labels.is_some_and(|labels| labels.stale);
    let expiry = metadata.annotations.map(|Annotations(expiry)| expiry).unwrap_or_default();
    Ok(Read {
        data: SecretData::new(name.as_str(), answer.type_, stale, data).with_expiry(expiry),
        version: metadata.resource_version,
    })
}

/// Straight into memory that is zeroed, and that never grows.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut value = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let size = STANDARD.decode_slice(text, &mut value).ok()?;
    value.truncate(size);
    Some(value)
}

/// The answer, as far as it matters. What is left out (the annotation with the last applied configuration can hold the whole
/// Secret once more) is never in memory as a value.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
    #[serde(rename = "type")]
    type_: Option<String>,
    #[serde(borrow)]
    data: Option<Entries<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(default)]
    resource_version: String,
    labels: Option<Labels>,
    annotations: Option<Annotations>,
}

/// Those that say when the content ends. The others are skipped.
struct Annotations(expiry::Annotations);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnnotationsVisitor;

        impl<'de> Visitor<'de> for AnnotationsVisitor {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut annotations: A) -> Result<Annotations, A::Error> {
                let mut found = expiry::Annotations::default();
                while let Some(name) = annotations.next_key::<Text<'_>>()? {
                    let place = match name.as_str() {
                        EXPIRES_AT => &mut found.ours,
                        EXTERNAL_SECRETS => &mut found.external_secrets,
                        _ => {
                            let IgnoredAny = annotations.next_value()?;
                            continue;
                        }
                    };
                    *place = Some(expiry::kept(annotations.next_value::<Text<'_>>()?.as_str()));
                }
                Ok(Annotations(found))
            }
        }

        deserializer.deserialize_map(AnnotationsVisitor)
    }
}

struct Labels {
    stale: bool,
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LabelsVisitor;

        impl<'de> Visitor<'de> for LabelsVisitor {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut labels: A) -> Result<Labels, A::Error> {
                let mut stale = false;
                while let Some((key, IgnoredAny)) = labels.next_entry::<Text<'_>, _>()? {
                    stale |= key.as_str() == STALE_LABEL;
                }
                Ok(Labels { stale })
            }
        }

        deserializer.deserialize_map(LabelsVisitor)
    }
}

/// `data`, not decoded yet.
#[derive(Default)]
struct Entries<'a> {
    values: Vec<(Text<'a>, Text<'a>)>,
    /// How many there are beyond [`MAX_KEYS`].
    left_out: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("data")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Entries::default();
                while entries.values.len() < MAX_KEYS {
                    let Some(entry) = map.next_entry()? else { return Ok(entries) };
                    entries.values.push(entry);
                }
                while let Some((IgnoredAny, IgnoredAny)) = map.next_entry()? {
                    entries.left_out += 1;
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// A text in place, or, if it is written with escapes, which no API server does in base64, a copy. `null`, which is how Go writes
/// a value that was never set, is empty.
enum Text<'a> {
    InPlace(&'a str),
    Copy(Zeroizing<String>),
}

impl Text<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::InPlace(text) => text,
            Self::Copy(text) => text,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_none<E>(self) -> Result<Text<'de>, E> {
                Ok(Text::InPlace(""))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text<'de>, D::Error> {
                deserializer.deserialize_str(self)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text::InPlace(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text::Copy(Zeroizing::new(text.to_owned())))
            }
        }

        deserializer.deserialize_option(TextVisitor)
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
