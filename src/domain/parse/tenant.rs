//! An `AICoreTenant` as decisions see it: whose service key is shared with whom.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{
    api::{AICoreTenant, AICoreTenantSpec, REQUESTED_AT, sizes},
    domain::{
        parse::{
            bounds,
            name::{SecretName, is_label},
            object::ObjectKey,
        },
        tools::invalid::{Invalid, Quoted},
    },
};

/// An AICoreTenant, reduced to what decisions depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedTenant {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// `metadata.uid`; one that was deleted and created again is another one.
    pub uid: Arc<str>,
    /// `metadata.generation`.
    pub generation: i64,
    /// The annotation `requestedAt`, as far as it is kept.
    pub(crate) requested_at: Option<Arc<str>>,
    /// What is shared with whom; why it cannot be understood, which an older or a newer schema lets through.
    pub(crate) terms: Result<Arc<Terms>, Invalid>,
}

/// What is shared with whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The Secret with the service key.
    pub secret: ObjectKey,
    /// The key within it.
    pub field: Option<Arc<str>>,
    /// Patterns of namespaces.
    pub(crate) allowed_namespaces: Vec<String>,
    /// Patterns of remote names; `None`: all.
    pub(crate) remote_names: Option<Vec<String>>,
}

impl SharedTenant {
    /// From the API's form. `None` for what no API server sends: an AICoreTenant without name or uid.
    #[must_use]
    pub(crate) fn from_resource(resource: &AICoreTenant) -> Option<Self> {
        Self::new(&resource.metadata, Terms::of(&resource.spec).map(Arc::new))
    }

    /// One whose spec is not what this version of the operator knows.
    #[must_use]
    pub(crate) fn not_understood(metadata: &ObjectMeta) -> Option<Self> {
        let why =
            "This version of the operator does not understand the spec; correct it, or use a newer version.";
        Self::new(metadata, Err(Invalid::new(why)))
    }

    fn new(metadata: &ObjectMeta, terms: Result<Arc<Terms>, Invalid>) -> Option<Self> {
        Some(Self {
            name: metadata.name.as_deref()?.into(),
            uid: metadata.uid.as_deref()?.into(),
            generation: metadata.generation.unwrap_or_default(),
            requested_at: metadata
                .annotations
                .as_ref()
                .and_then(|annotations| annotations.get(REQUESTED_AT))
                .map(|value| bounds::request(value).into()),
            terms,
        })
    }

    /// The key under which it stands beside resources, in the queue and as one who names a Secret: no resource is in the namespace
    /// without a name.
    #[must_use]
    pub(crate) fn key(&self) -> ObjectKey {
        key(&self.name)
    }
}

/// The key of the AICoreTenant of that name: see [`SharedTenant::key`].
#[must_use]
pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("", name)
}

/// The name of the AICoreTenant that has this key; `None`: it is a resource's.
#[must_use]
pub(crate) fn name_of(key: &ObjectKey) -> Option<&Arc<str>> {
    key.namespace.is_empty().then_some(&key.name)
}

impl Terms {
    /// What is larger than the schema admits is refused as a whole: of an allow-list, a part would be another one.
    fn of(spec: &AICoreTenantSpec) -> Result<Self, Invalid> {
        let reference = &spec.secret_ref;
        if reference.namespace.len() > sizes::NAMESPACE || !is_label(&reference.namespace) {
            return Err(Invalid::new(format!(
                "spec.secretRef.namespace {} cannot be the name of a namespace.",
                Quoted(&reference.namespace)
            )));
        }
        SecretName::parse("spec.secretRef.name", &reference.name)?;
        if let Some(key) = reference.key.as_deref().filter(|key| key.len() > sizes::SECRET_KEY) {
            return Err(Invalid::new(format!(
                "spec.secretRef.key {} is longer than {} characters; shorten it.",
                Quoted(key),
                sizes::SECRET_KEY
            )));
        }
        bounded("allowedNamespaces", &spec.allowed_namespaces, sizes::ALLOWED_NAMESPACES, sizes::NAMESPACE)?;
        if let Some(names) = &spec.remote_names {
            bounded("remoteNames", names, sizes::REMOTE_NAME_PATTERNS, sizes::REMOTE_NAME_PATTERN)?;
        }
        Ok(Self {
            secret: ObjectKey::new(&reference.namespace, &reference.name),
            field: reference.key.as_deref().map(Into::into),
            allowed_namespaces: spec.allowed_namespaces.clone(),
            remote_names: spec.remote_names.clone(),
        })
    }
}

fn bounded(field: &str, patterns: &[String], items: usize, length: usize) -> Result<(), Invalid> {
    if patterns.len() > items {
        let count = patterns.len();
        return Err(Invalid::new(format!("spec.{field} has {count} entries; write {items} at most.")));
    }
    match patterns.iter().find(|pattern| pattern.len() > length) {
        Some(long) => Err(Invalid::new(format!(
            "an entry of spec.{field}, {}, is longer than {length} characters; shorten it.",
            Quoted(long)
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{api::TenantSecretRef, domain::testing::key as resource};

    fn spec() -> AICoreTenantSpec {
        AICoreTenantSpec {
            secret_ref: TenantSecretRef {
                namespace: "platform".to_owned(),
                name: "aicore-key".to_owned(),
                key: None,
            },
            allowed_namespaces: vec!["team-*".to_owned()],
            remote_names: None,
        }
    }

    fn a_tenant(spec: AICoreTenantSpec) -> AICoreTenant {
        let metadata = ObjectMeta {
            name: Some("shared".to_owned()),
            uid: Some("uid".to_owned()),
            generation: Some(2),
            ..ObjectMeta::default()
        };
        AICoreTenant { metadata, spec, status: None }
    }

    #[test]
    fn what_decisions_depend_on() {
        let tenant = SharedTenant::from_resource(&a_tenant(spec())).unwrap();
        let terms = tenant.terms.clone().unwrap();
        assert_eq!((&*tenant.name, tenant.generation), ("shared", 2));
        assert_eq!(
            (terms.secret.to_string(), terms.field.as_deref()),
            ("platform/aicore-key".to_owned(), None)
        );
        let mut nameless = a_tenant(spec());
        nameless.metadata.name = None;
        assert_eq!(SharedTenant::from_resource(&nameless), None);
    }

    #[test]
    fn a_long_request_is_kept_in_short() {
        let mut asked = a_tenant(spec());
        asked.metadata.annotations = Some([(REQUESTED_AT.to_owned(), "x".repeat(300_000))].into());
        let kept = SharedTenant::from_resource(&asked).unwrap().requested_at.unwrap();
        assert!(kept.starts_with("xxx") && kept.len() <= sizes::REQUEST, "{}", kept.len());
    }

    #[test]
    fn its_key_is_none_of_a_resource() {
        let tenant = SharedTenant::from_resource(&a_tenant(spec())).unwrap();
        assert_eq!(name_of(&tenant.key()).map(|name| &**name), Some("shared"));
        assert_eq!(name_of(&resource("shared")), None);
    }

    /// An older or a newer schema may let them through; none is used in part, and with none is a request made.
    #[rstest]
    #[case::namespace_with_a_path(|spec: &mut AICoreTenantSpec| spec.secret_ref.namespace = "a/../b".to_owned(), "spec.secretRef.namespace")]
    #[case::long_namespace(|spec: &mut AICoreTenantSpec| spec.secret_ref.namespace = "a".repeat(64), "spec.secretRef.namespace")]
    #[case::empty_namespace(|spec: &mut AICoreTenantSpec| spec.secret_ref.namespace = String::new(), "spec.secretRef.namespace")]
    #[case::name_with_a_query(|spec: &mut AICoreTenantSpec| spec.secret_ref.name = "a?b".to_owned(), "spec.secretRef.name")]
    #[case::long_key(|spec: &mut AICoreTenantSpec| spec.secret_ref.key = Some("k".repeat(254)), "spec.secretRef.key")]
    #[case::too_many_namespaces(|spec: &mut AICoreTenantSpec| spec.allowed_namespaces = vec!["a".to_owned(); 257], "spec.allowedNamespaces has 257 entries")]
    #[case::long_namespace_pattern(|spec: &mut AICoreTenantSpec| spec.allowed_namespaces.push("*".repeat(64)), "spec.allowedNamespaces")]
    #[case::too_many_names(|spec: &mut AICoreTenantSpec| spec.remote_names = Some(vec!["a".to_owned(); 65]), "spec.remoteNames has 65 entries")]
    #[case::long_name_pattern(|spec: &mut AICoreTenantSpec| spec.remote_names = Some(vec!["a".repeat(129)]), "spec.remoteNames")]
    fn what_the_schema_does_not_admit_is_refused(
        #[case] change: fn(&mut AICoreTenantSpec),
        #[case] expected: &str,
    ) {
        let mut spec = spec();
        change(&mut spec);
        let refused = SharedTenant::from_resource(&a_tenant(spec)).unwrap().terms.unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}
