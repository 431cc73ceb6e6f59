//! Objects as far as the operator reads them. Most of what the API server sends with an object (managed fields, the last
//! applied configuration, labels) is of no use here; it is skipped while it is read, which is most of the cost of an event.
//!
//! The annotation with the last applied configuration can hold a whole Secret: what is skipped never is in memory as a value.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

use k8s_openapi::{
    ByteString,
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::Resource;
use serde::{Deserialize, Deserializer};

use crate::api::{ABANDON_REMOTE, AICoreRegistrySecret, REQUESTED_AT};

/// The metadata of an object, and nothing of its content: requests for it ask for `PartialObjectMetadata`.
#[derive(Deserialize)]
#[serde(bound = "")]
pub struct Metadata<K> {
    #[serde(default, deserialize_with = "identity")]
    metadata: ObjectMeta,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

/// A resource whose spec and status are not looked at yet: a newer version of the API may have what this one does not know,
/// and one such resource must not end the watch on all.
#[derive(Clone, Debug, Deserialize)]
pub struct Unchecked {
    #[serde(default, deserialize_with = "steering")]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: serde_json::Value,
    #[serde(default)]
    status: Option<serde_json::Value>,
}

impl Unchecked {
    /// The resource, if this version of the operator understands it.
    ///
    /// # Errors
    /// What it does not understand, and the metadata of the resource.
    pub fn check(self) -> Result<AICoreRegistrySecret, Box<(ObjectMeta, serde_json::Error)>> {
        let Self { metadata, spec, status } = self;
        let parsed = serde_json::from_value(spec)
            .and_then(|spec| Ok((spec, status.map(serde_json::from_value).transpose()?)));
        match parsed {
            Ok((spec, status)) => Ok(AICoreRegistrySecret { metadata, spec, status }),
            Err(error) => Err(Box::new((metadata, error))),
        }
    }
}

/// A Secret with its content.
#[derive(Clone, Deserialize)]
pub struct Content {
    #[serde(default, deserialize_with = "labelled")]
    metadata: ObjectMeta,
    /// `type`.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// The decoded values.
    #[serde(default)]
    pub data: Option<BTreeMap<String, ByteString>>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("name", &self.metadata.name).finish_non_exhaustive()
    }
}

impl<K> Clone for Metadata<K> {
    fn clone(&self) -> Self {
        Self { metadata: self.metadata.clone(), kind: PhantomData }
    }
}

impl<K> fmt::Debug for Metadata<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata").field("name", &self.metadata.name).finish_non_exhaustive()
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
resource!(K, Metadata<K>, K, true);
resource!(, Unchecked, AICoreRegistrySecret, false);
resource!(, Content, Secret, false);

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

/// The same, and the labels.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Labelled {
    name: Option<String>,
    namespace: Option<String>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

fn labelled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let Labelled { name, namespace, resource_version, labels } = Labelled::deserialize(deserializer)?;
    Ok(ObjectMeta { name, namespace, resource_version, labels, ..ObjectMeta::default() })
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
    finalizers: Option<Vec<String>>,
    annotations: Option<Annotations>,
}

/// The annotations that are the operator's.
#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "aicore-registry.dev/requestedAt")]
    requested_at: Option<String>,
    #[serde(rename = "aicore-registry.dev/abandon-remote")]
    abandon_remote: Option<String>,
}

fn steering<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let meta = Steering::deserialize(deserializer)?;
    let annotations = meta.annotations.map(|annotations| {
        let known = [(REQUESTED_AT, annotations.requested_at), (ABANDON_REMOTE, annotations.abandon_remote)];
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
        finalizers: meta.finalizers,
        annotations,
        ..ObjectMeta::default()
    })
}

#[cfg(test)]
mod tests {
    use kube::ResourceExt;
    use serde_json::json;

    use super::*;

    fn sent() -> serde_json::Value {
        json!({
            "apiVersion": "aicore-registry.dev/v1alpha1",
            "kind": "AICoreRegistrySecret",
            "metadata": {
                "name": "pull", "namespace": "ml", "uid": "u", "resourceVersion": "7", "generation": 3,
                "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a", "b"],
                "labels": { "services.cloud.sap.com/stale": "old" },
                "annotations": {
                    REQUESTED_AT: "now", ABANDON_REMOTE: "true",
                    "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"password\":\"s3cr3t\"}}",
                },
                "managedFields": [{ "manager": "x", "fieldsV1": { "f:spec": {} } }],
            },
            "spec": { "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } },
            "status": { "observedGeneration": -1 },
        })
    }

    #[test]
    fn a_resource_has_everything_that_steers_the_operator() {
        let unchecked: Unchecked = serde_json::from_value(sent()).unwrap();
        let resource = unchecked.check().unwrap();
        let whole: AICoreRegistrySecret = serde_json::from_value(sent()).unwrap();
        assert_eq!(
            crate::domain::object::Object::from_resource(&resource),
            crate::domain::object::Object::from_resource(&whole)
        );
        assert_eq!(resource.status, whole.status);
        assert_eq!(resource.annotations().len(), 2, "others' annotations are not kept");
        assert_eq!(resource.metadata.managed_fields, None);
    }

    #[test]
    fn a_resource_that_is_not_understood_says_which_it_is() {
        for (part, content) in
            [("spec", json!({ "secretRef": 1 })), ("status", json!("x")), ("spec", json!(null))]
        {
            let mut sent = sent();
            sent[part] = content;
            let (metadata, _) = *serde_json::from_value::<Unchecked>(sent).unwrap().check().unwrap_err();
            assert_eq!(metadata.name.as_deref(), Some("pull"));
        }
    }

    #[test]
    fn of_a_secret_metadata_only_the_identity_is_kept() {
        let secret: Metadata<Secret> = serde_json::from_value(sent()).unwrap();
        assert_eq!((secret.name_any(), secret.resource_version()), ("pull".to_owned(), Some("7".to_owned())));
        assert!(Metadata::<Secret>::metadata_api());
        assert!(secret.annotations().is_empty() && secret.labels().is_empty());
        assert!(!format!("{secret:?}").contains("s3cr3t"));
    }

    #[test]
    fn of_a_secret_content_and_labels_are_kept() {
        let mut sent = sent();
        sent["data"] = json!({ "k": "djE=" });
        sent["type"] = "Opaque".into();
        let secret: Content = serde_json::from_value(sent).unwrap();
        assert!(secret.labels().contains_key("services.cloud.sap.com/stale"));
        assert_eq!(secret.data.as_ref().unwrap()["k"].0, b"v1");
        assert_eq!(secret.type_.as_deref(), Some("Opaque"));
        assert!(!format!("{secret:?}").contains("v1"));
    }
}
