//! Objects as far as the operator reads them. Most of what the API server sends with an object (managed fields, the last
//! applied configuration, labels) is of no use here; it is skipped while it is read, which is most of the cost of an event.
//!
//! [`MetadataOnly`] is what kube calls `PartialObjectMeta`, and [`UnvalidatedResource`] its `DeserializeGuard`, for fewer fields.
//!
//! The annotation with the last applied configuration can hold a whole Secret: what is skipped never is in memory as a value.

mod tenant;

use std::{borrow::Cow, fmt, marker::PhantomData};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

pub(crate) use self::tenant::UnvalidatedTenant;
use crate::{
    api::{
        ABANDON_REMOTE, AICoreRegistrySecret, AICoreRegistrySecretSpec, AICoreRegistrySecretStatus,
        AICoreTenant, FINALIZER, REQUESTED_AT,
    },
    domain::parse::{bounds, status},
};

/// The metadata of an object, and nothing of its content: requests for it ask for `PartialObjectMetadata`.
#[derive(Deserialize)]
#[serde(bound = "")]
pub(crate) struct MetadataOnly<K> {
    #[serde(default, deserialize_with = "identity")]
    metadata: ObjectMeta,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

/// A resource whose spec and status are not parsed yet: a newer version of the API may have what this one does not know,
/// and one such resource must not end the watch on all.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UnvalidatedResource {
    #[serde(default, deserialize_with = "steering")]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Option<Value>,
}

/// A resource that this version of the operator does not understand.
#[derive(Debug)]
pub(crate) struct Misunderstood {
    /// Which resource.
    pub metadata: ObjectMeta,
    /// Its status, as far as it can be read.
    pub status: Option<AICoreRegistrySecretStatus>,
    /// `spec.remoteName`, if it is text.
    pub remote_name: Option<String>,
    /// The part of it that is not understood: `spec`, or a field of it. Its value is not shown, as people paste secrets into the
    /// wrong field.
    pub part: String,
}

impl UnvalidatedResource {
    /// The resource, if this version of the operator understands its spec. Of the status it has what can be read, cut to its
    /// bounds.
    ///
    /// # Errors
    /// What it does not understand.
    pub(crate) fn check(self) -> Result<AICoreRegistrySecret, Box<Misunderstood>> {
        let Self { metadata, spec, status } = self;
        let status = status.map(status::read);
        match AICoreRegistrySecretSpec::deserialize(&spec) {
            Ok(spec) => Ok(AICoreRegistrySecret { metadata, spec, status }),
            Err(_) => {
                let remote_name = spec.get("remoteName").and_then(Value::as_str).map(str::to_owned);
                Err(Box::new(Misunderstood { metadata, status, remote_name, part: misunderstood(&spec) }))
            }
        }
    }
}

/// The optional field without which the spec would be understood, if there is one.
fn misunderstood(spec: &Value) -> String {
    const OPTIONAL: [&str; 8] = [
        "aiCoreSecretRef",
        "tenantRef",
        "remoteName",
        "registries",
        "creationPolicy",
        "deletionPolicy",
        "resyncInterval",
        "suspend",
    ];
    let without = |field: &str| -> Option<Map<String, Value>> {
        let mut rest = spec.as_object()?.clone();
        rest.remove(field).map(|_| rest)
    };
    let understood =
        |rest: Map<String, Value>| AICoreRegistrySecretSpec::deserialize(&Value::Object(rest)).is_ok();
    let field = OPTIONAL.into_iter().find(|field| without(field).is_some_and(understood));
    field.map_or_else(|| "spec".to_owned(), |field| format!("spec.{field}"))
}

impl<K> Clone for MetadataOnly<K> {
    fn clone(&self) -> Self {
        Self { metadata: self.metadata.clone(), kind: PhantomData }
    }
}

impl<K> fmt::Debug for MetadataOnly<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataOnly").field("name", &self.metadata.name).finish_non_exhaustive()
    }
}

/// Implements [`Resource`] by delegation to the whole object's type.
macro_rules! resource {
    ($($of:ident)?, $type:ty, $whole:ty, $metadata_only:literal) => {
        impl$(<$of: Resource>)? Resource for $type {
            type DynamicType = <$whole as Resource>::DynamicType;
            type Scope = <$whole as Resource>::Scope;

            fn metadata_api() -> bool {
                $metadata_only
            }
            fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
                <$whole>::kind(dt)
            }
            fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
                <$whole>::group(dt)
            }
            fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
                <$whole>::version(dt)
            }
            fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
                <$whole>::plural(dt)
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
resource!(K, MetadataOnly<K>, K, true);
resource!(, UnvalidatedResource, AICoreRegistrySecret, false);
resource!(, UnvalidatedTenant, AICoreTenant, false);

/// Name, namespace and version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    name: Option<String>,
    namespace: Option<String>,
    resource_version: Option<String>,
}

fn identity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let Identity { name, namespace, resource_version } = Identity::deserialize(deserializer)?;
    Ok(ObjectMeta { name, namespace, resource_version, ..ObjectMeta::default() })
}

/// All metadata of a resource that decides what the operator does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Steering {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    #[serde(default)]
    finalizers: Option<Finalizers>,
    annotations: Option<Annotations>,
}

/// The operator's finalizer, if it is there. Others only matter to those who set them.
struct Finalizers(Vec<String>);

/// The annotations that are the operator's. A user can make them large: what is kept is bounded.
#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "aicore-registry.dev/requestedAt", default)]
    requested_at: Option<Request>,
    #[serde(rename = "aicore-registry.dev/abandon-remote", default)]
    abandon_remote: Option<Abandon>,
}

/// As [`bounds::request`] keeps it.
struct Request(String);

/// Whether it is `"true"`.
struct Abandon(bool);

/// Makes a value of a text while it is read, so that the whole text is never kept.
macro_rules! from_text {
    ($type:ty, $make:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TextVisitor;

                impl Visitor<'_> for TextVisitor {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("text")
                    }

                    fn visit_str<E>(self, text: &str) -> Result<$type, E> {
                        Ok($make(text))
                    }
                }

                deserializer.deserialize_str(TextVisitor)
            }
        }
    };
}
from_text!(Request, |text| Request(bounds::request(text).into_owned()));
from_text!(Abandon, |text| Abandon(text == "true"));
from_text!(Ours, |text| Ours(text == FINALIZER));

/// Whether a finalizer is the operator's.
struct Ours(bool);

impl<'de> Deserialize<'de> for Finalizers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FinalizersVisitor;

        impl<'de> Visitor<'de> for FinalizersVisitor {
            type Value = Finalizers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of finalizers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Finalizers, A::Error> {
                while let Some(Ours(ours)) = items.next_element()? {
                    if ours {
                        while items.next_element::<IgnoredAny>()?.is_some() {}
                        return Ok(Finalizers(vec![FINALIZER.to_owned()]));
                    }
                }
                Ok(Finalizers(Vec::new()))
            }
        }

        deserializer.deserialize_seq(FinalizersVisitor)
    }
}

fn steering<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let meta = Steering::deserialize(deserializer)?;
    let annotations = meta.annotations.map(|annotations| {
        let requested_at = annotations.requested_at.map(|Request(value)| value);
        let abandon = annotations.abandon_remote.map(|Abandon(abandon)| abandon.to_string());
        let known = [(REQUESTED_AT, requested_at), (ABANDON_REMOTE, abandon)];
        known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    });
    Ok(ObjectMeta {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        resource_version: meta.resource_version,
        generation: meta.generation,
        creation_timestamp: meta.creation_timestamp,
        deletion_timestamp: meta.deletion_timestamp,
        finalizers: meta.finalizers.map(|Finalizers(ours)| ours),
        annotations,
        ..ObjectMeta::default()
    })
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
