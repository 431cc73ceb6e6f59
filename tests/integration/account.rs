//! A ServiceAccount whose rights a test gives and takes, namespace by namespace, as the chart does.

use std::path::PathBuf;

use k8s_openapi::{
    Resource,
    api::{
        core::v1::ServiceAccount,
        rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject},
    },
};
use kube::{
    Api, Client,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use testbed::controlplane::ControlPlane;

const NAME: &str = "operator";

/// What the operator does with Secrets.
pub(crate) const SECRETS: &[&str] = &["get", "list", "watch"];

pub(crate) struct Account<'a> {
    control_plane: &'a ControlPlane,
    client: Client,
    namespace: String,
}

impl<'a> Account<'a> {
    /// Without any right.
    pub(crate) async fn new(control_plane: &'a ControlPlane, namespace: &str) -> Self {
        let client = control_plane.client().await.unwrap();
        let account = ServiceAccount {
            metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() },
            ..ServiceAccount::default()
        };
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
        accounts.create(&PostParams::default(), &account).await.unwrap();
        Self { control_plane, client, namespace: namespace.to_owned() }
    }

    pub(crate) async fn kubeconfig(&self) -> PathBuf {
        self.control_plane.kubeconfig_for(&self.namespace, NAME).await.unwrap()
    }

    /// All rights of the chart in this namespace, and of those on Secrets these.
    pub(crate) async fn give(&self, namespace: &str, secrets: &[&str]) {
        let rule = |group: &str, resource: &str, verbs: &[&str]| PolicyRule {
            api_groups: Some(vec![group.to_owned()]),
            resources: Some(vec![resource.to_owned()]),
            verbs: verbs.iter().map(ToString::to_string).collect(),
            ..PolicyRule::default()
        };
        let mut rules = vec![
            rule("aicore-registry.dev", "aicoreregistrysecrets", &["get", "list", "watch", "patch"]),
            rule("aicore-registry.dev", "aicoreregistrysecrets/status", &["patch"]),
            rule("", "namespaces", &["get"]),
            rule("events.k8s.io", "events", &["create", "patch"]),
            rule("coordination.k8s.io", "leases", &["get", "create", "update"]),
        ];
        if !secrets.is_empty() {
            rules.push(rule("", "secrets", secrets));
        }
        let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
        self.apply(namespace, &Role { metadata: metadata.clone(), rules: Some(rules) }).await;
        let binding = RoleBinding {
            metadata,
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".to_owned(),
                kind: Role::KIND.to_owned(),
                name: NAME.to_owned(),
            },
            subjects: Some(vec![Subject {
                kind: "ServiceAccount".to_owned(),
                name: NAME.to_owned(),
                namespace: Some(self.namespace.clone()),
                ..Subject::default()
            }]),
        };
        self.apply(namespace, &binding).await;
    }

    /// No right in this namespace any more.
    pub(crate) async fn take(&self, namespace: &str) {
        let bindings: Api<RoleBinding> = Api::namespaced(self.client.clone(), namespace);
        bindings.delete(NAME, &DeleteParams::default()).await.unwrap();
    }

    async fn apply<K>(&self, namespace: &str, object: &K)
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let objects: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let params = PatchParams::apply("test").force();
        objects.patch(NAME, &params, &Patch::Apply(object)).await.unwrap();
    }
}
