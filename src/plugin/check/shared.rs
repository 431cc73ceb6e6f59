//! AICoreTenants in files, and the resources that name them.

use std::collections::BTreeMap;

use kube::api::ObjectMeta;

use super::{
    Case, KeyFound,
    findings::Finding,
    inventory::{held, unknown_fields},
    manifest::{Place, Resource, Secret, Tenant},
    schema,
};
use crate::{
    api::{self, AICoreRegistrySecret, AICoreTenant},
    domain::{
        decide::key_place::{self, Lookup},
        parse::{object::Object, tenant::SharedTenant},
        tools::invalid::Quoted,
    },
};

const SERVICE_KEY: &str = "service key";

/// An AICoreTenant with the Secret that it names.
pub(super) fn tenant(tenant: &Tenant, secrets: &BTreeMap<Place, Secret>) -> Case {
    let Tenant { place, spec, unknown_fields: unknown } = tenant;
    let mut found = unknown_fields(api::TENANT_KIND, unknown);
    let given = serde_json::to_value(spec).unwrap_or_default();
    let faults = schema::judge_tenant(&given).faults;
    found.extend(faults.into_iter().map(|fault| Finding::wrong("spec", fault.sentence)));
    if found.is_empty() {
        let names = spec.remote_names.as_ref().map_or("all names".to_owned(), |names| names.join(", "));
        found.push(Finding::ok(
            "spec",
            format!("it shares its key with namespaces {} for {names}", spec.allowed_namespaces.join(", ")),
        ));
    }
    Case {
        title: format!("{} {}", api::TENANT_KIND, place.name),
        found,
        resource: None,
        source: None,
        service_key: held(secrets, SERVICE_KEY, "spec.secretRef", &secret_of(tenant))
            .map(|held| held.elsewhere(&spec.secret_ref.namespace)),
        key_field: spec.secret_ref.key.clone(),
    }
}

/// That the AICoreTenant allows the resource what it wants.
pub(super) fn allowed(tenant: &str, namespace: &str) -> Finding {
    Finding::ok(
        "tenantRef",
        format!("AICoreTenant {} allows namespace {} the remote name", Quoted(tenant), Quoted(namespace)),
    )
}

/// The field that names the Secret, in sentences about a resource that names the AICoreTenant.
pub(super) fn field_of(tenant: &str) -> String {
    format!("spec.secretRef of AICoreTenant {}", Quoted(tenant))
}

/// The service key of a resource that names the AICoreTenant, if it may use it.
pub(super) fn key(resource: &Resource, tenant: &Tenant, secrets: &BTreeMap<Place, Secret>) -> KeyFound {
    let name = Quoted(&tenant.place.name);
    let Place { namespace, .. } = &resource.place;
    let (Some(object), false) = (object(resource), namespace.is_empty()) else {
        return KeyFound::unread(Finding::unchecked(
            SERVICE_KEY,
            format!(
                "not checked: whether AICoreTenant {name} allows its namespace, because the manifest names none; say which with -n"
            ),
        ));
    };
    let shared = as_stored(tenant);
    if let Err(failure) = key_place::place(&object, |_| Lookup::Listed(shared.as_ref())) {
        return KeyFound::unread(Finding::wrong(SERVICE_KEY, &failure.message));
    }
    let place = secret_of(tenant);
    let held = held(secrets, SERVICE_KEY, &field_of(&tenant.place.name), &place);
    KeyFound {
        held: held.map(|held| held.elsewhere(&place.namespace)),
        field: tenant.spec.secret_ref.key.clone(),
        allowed: Some(allowed(&tenant.place.name, namespace)),
    }
}

/// The AICoreTenant that a resource names is in no file.
pub(super) fn not_here(name: &str) -> KeyFound {
    KeyFound::unread(Finding::unchecked(
        SERVICE_KEY,
        format!(
            "not checked: it is that of AICoreTenant {}, which is not in the files; give it too, or check the resource in the cluster",
            Quoted(name)
        ),
    ))
}

fn secret_of(tenant: &Tenant) -> Place {
    let reference = &tenant.spec.secret_ref;
    Place { namespace: reference.namespace.clone(), name: reference.name.clone() }
}

/// As the API server would give them to the operator. What it would add decides nothing here.
fn as_stored(tenant: &Tenant) -> Option<SharedTenant> {
    let metadata = metadata(&tenant.place.name, None);
    SharedTenant::from_resource(&AICoreTenant { metadata, spec: tenant.spec.clone(), status: None })
}

fn object(resource: &Resource) -> Option<Object> {
    let Resource { place, spec, .. } = resource;
    let metadata = metadata(&place.name, Some(&place.namespace));
    Object::from_resource(&AICoreRegistrySecret { metadata, spec: spec.clone(), status: None })
}

fn metadata(name: &str, namespace: Option<&str>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        uid: Some(String::new()),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use rstest::rstest;

    use crate::plugin::check::{
        Held,
        files::{File, Source},
        findings::Finding,
        inventory::cases,
    };

    const TENANT: &str = "
apiVersion: aicore-registry.dev/v1alpha1
kind: AICoreTenant
metadata: {name: research}
spec:
  secretRef: {namespace: platform, name: key}
  allowedNamespaces: [team-*]
  remoteNames: ['{namespace}.*']
---
";
    const KEY: &str = "
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: platform}
stringData: {key.json: '{\"clientid\": \"x\"}'}
---
";

    fn resource(namespace: &str, remote_name: &str) -> String {
        format!(
            "
apiVersion: aicore-registry.dev/v1alpha1
kind: AICoreRegistrySecret
metadata: {{name: pull, namespace: {namespace}}}
spec: {{secretRef: {{name: source}}, tenantRef: {{name: research}}, remoteName: {remote_name}}}
---
"
        )
    }

    /// Titles, and what is found of what is no credential of a registry.
    fn found(text: &str) -> String {
        let file = File { name: "f".to_owned(), text: text.to_owned(), source: Source::Named };
        let mut lines = String::new();
        for case in cases(&[file], None).unwrap() {
            writeln!(lines, "{}", case.title).unwrap();
            let key = match case.service_key {
                Some(Held::Read(secret)) => vec![Finding::ok("key", secret.title())],
                Some(Held::Unread(why)) => vec![why],
                None => Vec::new(),
            };
            for Finding { level, part, text } in case.found.iter().chain(&key) {
                writeln!(lines, "{level} {part}: {text}").unwrap();
            }
        }
        lines
    }

    #[test]
    fn a_tenant_is_a_case_with_its_secret() {
        let expected =
            "AICoreTenant research\nok spec: it shares its key with namespaces team-* for {namespace}.*\n";
        let alone = found(TENANT);
        assert!(alone.starts_with(expected), "{alone}");
        assert!(
            alone.contains("note service key: not checked: Secret \"key\", which spec.secretRef names"),
            "{alone}"
        );
        let key = "ok key: Secret \"key\" of namespace \"platform\"\n";
        assert_eq!(found(&(TENANT.to_owned() + KEY)), format!("{expected}{key}"));
    }

    #[rstest]
    #[case::allowed(
        "team-a",
        "team-a.x",
        "ok tenantRef: AICoreTenant \"research\" allows namespace \"team-a\" the remote name"
    )]
    #[case::namespace(
        "vision",
        "vision.x",
        "wrong service key: AICoreTenant \"research\" does not allow namespace \"vision\""
    )]
    #[case::name(
        "team-a",
        "team-b.x",
        "does not allow namespace \"team-a\" the name \"team-b.x\" in AI Core"
    )]
    #[case::no_namespace(
        "''",
        "team-b.x",
        "not checked: whether AICoreTenant \"research\" allows its namespace"
    )]
    fn resources_are_held_against_the_tenant_that_they_name(
        #[case] namespace: &str,
        #[case] remote_name: &str,
        #[case] expected: &str,
    ) {
        let lines = found(&(resource(namespace, remote_name) + TENANT + KEY));
        assert!(lines.contains(expected), "{lines}");
        let uses = lines.matches("ok key: Secret \"key\" of namespace \"platform\"").count();
        assert_eq!(uses, if expected.starts_with("ok") { 2 } else { 1 }, "{lines}");
    }

    #[test]
    fn a_tenant_that_is_in_no_file_is_said() {
        let lines = found(&resource("team-a", "team-a.x"));
        assert!(
            lines.contains("AICoreTenant \"research\", which is not in the files; give it too"),
            "{lines}"
        );
    }

    #[rstest]
    #[case(
        "allowedNamespaces: [team-*]",
        "allowedNamespaces: [Team]",
        "wrong spec: spec.allowedNamespaces has \"Team\""
    )]
    #[case("allowedNamespaces: [team-*]", "allowedNamespaces: []", "spec.allowedNamespaces is an empty list")]
    #[case(
        "allowedNamespaces: [team-*]",
        "",
        "AICoreTenant research does not fit its schema: spec.allowedNamespaces is missing"
    )]
    #[case(
        "allowedNamespaces: [team-*]",
        "allowedNamespaces: team-*",
        "spec.allowedNamespaces must be a list, and is text"
    )]
    #[case("remoteNames", "remotenames", "spec.remotenames is not a field of AICoreTenant; see the spelling")]
    #[case("namespace: platform, ", "", "spec.secretRef.namespace is missing")]
    #[case(
        "/v1alpha1",
        "/v1",
        "AICoreTenant research has apiVersion \"aicore-registry.dev/v1\"; write aicore-registry.dev/v1alpha1"
    )]
    #[case(
        "name: research",
        "name: Research",
        "metadata.name \"Research\" of an AICoreTenant is not a name that Kubernetes accepts"
    )]
    fn what_is_wrong_with_a_tenant_is_said(#[case] from: &str, #[case] to: &str, #[case] expected: &str) {
        let lines = found(&TENANT.replacen(from, to, 1));
        assert!(lines.contains(expected), "{lines}");
    }
}
