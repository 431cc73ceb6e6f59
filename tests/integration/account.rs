//! A ServiceAccount whose rights a test gives and takes, namespace by namespace, as the chart does.

use std::{path::PathBuf, time::Duration};

use aicore_registry_operator::domain::parse::right::Right;
use k8s_openapi::{
    Resource,
    api::{
        authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
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

use crate::cluster::PATIENCE;

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
        self.grant(namespace, rules(secrets)).await;
    }

    /// The rights of these rules in this namespace, and no other.
    pub(crate) async fn grant(&self, namespace: &str, rules: Vec<PolicyRule>) {
        let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
        self.apply(namespace, &Role { metadata: metadata.clone(), rules: Some(rules) }).await;
        let binding = RoleBinding {
            metadata,
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".to_owned(),
                kind: Role::KIND.to_owned(),
                name: NAME.to_owned(),
            },
            subjects: Some(vec![self.subject()]),
        };
        self.apply(namespace, &binding).await;
    }

    /// As bindings name it.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            kind: "ServiceAccount".to_owned(),
            name: NAME.to_owned(),
            namespace: Some(self.namespace.clone()),
            ..Subject::default()
        }
    }

    /// Waits until the API server's authorizer, which learns of roles by a watch of its own, grants the right in the namespace, or
    /// does not.
    pub(crate) async fn wait_until(&self, grants: bool, namespace: &str, right: &Right, name: Option<&str>) {
        let (resource, subresource) =
            right.resource.split_once('/').map_or((right.resource, None), |(of, sub)| (of, Some(sub)));
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(format!("system:serviceaccount:{}:{NAME}", self.namespace)),
                resource_attributes: Some(ResourceAttributes {
                    group: Some(right.group.to_owned()),
                    name: name.map(str::to_owned),
                    namespace: Some(namespace.to_owned()),
                    resource: Some(resource.to_owned()),
                    subresource: subresource.map(str::to_owned),
                    verb: Some(right.verb.to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let become_so = async {
            while reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
                != grants
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let become_so = tokio::time::timeout(PATIENCE, become_so).await;
        become_so.unwrap_or_else(|_| panic!("{right} in {namespace} does not become {grants}"));
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

/// All rules of the chart, and of those on Secrets these verbs.
fn rules(secrets: &[&str]) -> Vec<PolicyRule> {
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
    rules
}
