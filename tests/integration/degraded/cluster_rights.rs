//! Rights that a test gives and takes in the whole cluster.

use k8s_openapi::{
    Resource,
    api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef},
};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams},
};

use crate::{account::Account, cluster::cluster};

/// Rights for the whole cluster, of one account.
pub(super) struct ClusterRights<'a> {
    /// Of the `ClusterRole` and its binding.
    pub(super) name: String,
    pub(super) account: &'a Account<'a>,
}

impl ClusterRights<'_> {
    /// The rights of these rules, and no other.
    pub(super) async fn grant(&self, rules: Vec<PolicyRule>) {
        let client = cluster().await.client().await.unwrap();
        let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
        let params = PatchParams::apply("test").force();
        let role = ClusterRole { metadata: metadata.clone(), rules: Some(rules), aggregation_rule: None };
        let api: Api<ClusterRole> = Api::all(client.clone());
        api.patch(&self.name, &params, &Patch::Apply(&role)).await.unwrap();
        let binding = ClusterRoleBinding {
            metadata,
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".to_owned(),
                kind: ClusterRole::KIND.to_owned(),
                name: self.name.clone(),
            },
            subjects: Some(vec![self.account.subject()]),
        };
        let bindings: Api<ClusterRoleBinding> = Api::all(client);
        bindings.patch(&self.name, &params, &Patch::Apply(&binding)).await.unwrap();
    }

    pub(super) async fn remove(self) {
        let client = cluster().await.client().await.unwrap();
        let params = DeleteParams::default();
        Api::<ClusterRoleBinding>::all(client.clone()).delete(&self.name, &params).await.unwrap();
        Api::<ClusterRole>::all(client).delete(&self.name, &params).await.unwrap();
    }
}
