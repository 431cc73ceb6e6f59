//! Writes to the operator's own resources: status and finalizer.

use json_patch::{
    AddOperation, Patch as JsonPatch, PatchOperation, RemoveOperation, TestOperation, jsonptr::PointerBuf,
};
use kube::{
    Client, Resource,
    api::{GetParams, Patch, PatchParams},
    core::Request,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{answer, error::Error};
use crate::{
    api::{AICoreRegistrySecret, AICoreRegistrySecretStatus, AICoreTenant, AICoreTenantStatus, FINALIZER},
    domain::parse::{
        object::Object,
        resource_version::{Basis, ResourceVersion},
        tenant::SharedTenant,
    },
};

/// Field manager of all writes.
pub const FIELD_MANAGER: &str = "aicore-registry-operator";

/// Attempts to change the finalizers while somebody else changes them too.
const FINALIZER_ATTEMPTS: u32 = 5;

/// Writes the whole status. One request, as a rule without a resourceVersion: nobody else writes it, and a label that somebody changes
/// must not keep it back. A resource that was deleted and created again in between is not touched: a JSON patch can ask for the
/// uid, while in a merge patch of a custom resource's status the API server ignores it. Nor is one that is not what the status was
/// made from: another process may have said something about that already, and `observedGeneration` would go back.
///
/// # Errors
/// [`Error::NotFound`] when the resource is gone, or is another one now; [`Error::Outdated`] when it is not what the status was made
/// from; else what the API server refused.
pub async fn write_status(
    client: &Client,
    object: &Object,
    status: &AICoreRegistrySecretStatus,
    basis: Basis,
) -> Result<(), Error> {
    replace(client, &Target::of(object), basis, json!(status)).await
}

/// Writes the whole status of an AICoreTenant, if it has the generation that it was made for.
///
/// # Errors
/// As [`write_status`].
pub(crate) async fn write_tenant_status(
    client: &Client,
    tenant: &SharedTenant,
    status: &AICoreTenantStatus,
) -> Result<(), Error> {
    let target =
        Target { collection: AICoreTenant::url_path(&(), None), name: &tenant.name, uid: &tenant.uid };
    replace(client, &target, Basis::any_of(tenant.generation), json!(status)).await
}

async fn replace(client: &Client, target: &Target<'_>, basis: Basis, status: Value) -> Result<(), Error> {
    let patch = Patch::<()>::Json(JsonPatch(replace_status(target, basis, status)));
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let request = target.requests().patch_subresource("status", target.name, &params, &patch);
    match answer::ignore(client, built(request)?).await {
        // A test that fails, or a status that the schema does not admit.
        Err(refused @ Error::Refused { code: 422, .. }) => {
            Err(match steering(client, target).await {
                Ok(now) if now.uid != target.uid => Error::NotFound,
                Ok(now) if now.generation != basis.generation => Error::Outdated,
                Ok(now) if basis.version.is_some() && now.version() != basis.version => Error::Outdated,
                Err(Error::NotFound) => Error::NotFound,
                // Which of them it is the next attempt will tell. It was not taken.
                Ok(_) | Err(_) => refused,
            })
        }
        written => written,
    }
}

/// What the status does not have goes.
fn replace_status(target: &Target<'_>, basis: Basis, status: Value) -> Vec<PatchOperation> {
    let path = PointerBuf::from_tokens(["status"]);
    [target.this_one(), of_generation(basis.generation)]
        .into_iter()
        .chain(basis.version.map(of_version))
        .chain([PatchOperation::Add(AddOperation { path, value: without_nulls(status) })])
        .collect()
}

/// The patch is for the resource as the watch has shown it last.
fn of_version(version: ResourceVersion) -> PatchOperation {
    let path = PointerBuf::from_tokens(["metadata", "resourceVersion"]);
    PatchOperation::Test(TestOperation { path, value: json!(version.to_string()) })
}

/// The patch is for the spec that it was decided by.
fn of_generation(generation: i64) -> PatchOperation {
    let path = PointerBuf::from_tokens(["metadata", "generation"]);
    PatchOperation::Test(TestOperation { path, value: json!(generation) })
}

/// The schema has no fields that may be null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        other => other,
    }
}

/// What is written to.
struct Target<'a> {
    /// Path of its kind, in its namespace if it has one.
    collection: String,
    name: &'a str,
    uid: &'a str,
}

impl<'a> Target<'a> {
    fn of(object: &'a Object) -> Self {
        let collection = AICoreRegistrySecret::url_path(&(), Some(&object.key.namespace));
        Self { collection, name: &object.key.name, uid: &object.uid }
    }

    /// The patch is for this very resource, not for one that was created anew under its name.
    fn this_one(&self) -> PatchOperation {
        let path = PointerBuf::from_tokens(["metadata", "uid"]);
        PatchOperation::Test(TestOperation { path, value: json!(self.uid) })
    }

    fn requests(&self) -> Request {
        Request::new(self.collection.clone())
    }
}

/// Names of resources come from the API server, so their addresses always are some.
fn built(
    request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<http::Request<Vec<u8>>, Error> {
    request.map_err(|error| Error::Unreachable(error.to_string()))
}

/// What became of a finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalizerSet {
    /// Whether it is so now: a resource that is being deleted takes no new finalizer, and one that has changed keeps its own.
    pub is_so: bool,
    /// At which version the API server had the resource before.
    pub found_at: Option<ResourceVersion>,
}

/// Adds or removes the operator's finalizer, and leaves others alone.
///
/// # Errors
/// [`Error::NotFound`] when the resource is gone; else what the API server refused.
pub async fn set_finalizer(client: &Client, object: &Object, present: bool) -> Result<FinalizerSet, Error> {
    let target = Target::of(object);
    let mut last = Error::NotFound;
    for _ in 0..FINALIZER_ATTEMPTS {
        let now = steering(client, &target).await?;
        let found_at = now.version();
        let becomes = |is_so| FinalizerSet { is_so, found_at };
        let Steering { uid, generation, deletion_timestamp, finalizers, .. } = now;
        if uid != target.uid {
            return Err(Error::NotFound);
        }
        let place = finalizers.iter().position(|finalizer| finalizer == FINALIZER);
        let patch = match (place, present) {
            (Some(_), true) | (None, false) => return Ok(becomes(true)),
            (None, true) if deletion_timestamp.is_some() => return Ok(becomes(false)),
            (None, true) if finalizers.is_empty() => add_first(),
            (None, true) => add(),
            (Some(_), false) if generation != object.generation => return Ok(becomes(false)),
            (Some(place), false) => remove(place, generation),
        };
        let patch = JsonPatch(std::iter::once(target.this_one()).chain(patch).collect());
        let request =
            target.requests().patch_metadata(target.name, &PatchParams::default(), &Patch::<()>::Json(patch));
        match answer::ignore(client, built(request)?).await {
            Ok(()) => return Ok(becomes(true)),
            // The finalizers changed in between: look again.
            Err(error @ Error::Refused { code: 409 | 422, .. }) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// The list is created, unless somebody else has done so in between.
fn add_first() -> Vec<PatchOperation> {
    vec![
        PatchOperation::Test(TestOperation { path: finalizers_path(), value: Value::Null }),
        PatchOperation::Add(AddOperation { path: finalizers_path(), value: json!([FINALIZER]) }),
    ]
}

/// At the end of the list, which must exist.
fn add() -> Vec<PatchOperation> {
    let path = finalizers_path().with_trailing_token("-");
    vec![PatchOperation::Add(AddOperation { path, value: json!(FINALIZER) })]
}

/// From its place in the list, unless it has moved in between, or the resource has changed: its policy may be another one.
fn remove(place: usize, generation: i64) -> Vec<PatchOperation> {
    let path = finalizers_path().with_trailing_token(place);
    vec![
        of_generation(generation),
        PatchOperation::Test(TestOperation { path: path.clone(), value: json!(FINALIZER) }),
        PatchOperation::Remove(RemoveOperation { path }),
    ]
}

fn finalizers_path() -> PointerBuf {
    PointerBuf::from_tokens(["metadata", "finalizers"])
}

/// What of a resource's metadata decides how a finalizer is added or removed.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Steering {
    uid: String,
    generation: i64,
    resource_version: String,
    deletion_timestamp: Option<IgnoredAny>,
    finalizers: Vec<String>,
}

impl Steering {
    fn version(&self) -> Option<ResourceVersion> {
        ResourceVersion::parse(&self.resource_version)
    }
}

async fn steering(client: &Client, target: &Target<'_>) -> Result<Steering, Error> {
    #[derive(Deserialize)]
    struct Answer {
        metadata: Steering,
    }
    let request = target.requests().get_metadata(target.name, &GetParams::default());
    let text = answer::read(client, built(request)?).await?;
    serde_json::from_slice(text.bytes())
        .map(|Answer { metadata }| metadata)
        .map_err(|_| Error::Garbled("it is not the metadata of a resource"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::{api::FailedAttempt, domain::testing::an_object};

    #[test]
    fn the_status_is_replaced_as_a_whole_and_only_of_this_resource() {
        let object = an_object();
        let attempt = FailedAttempt {
            retry_time: Time(Timestamp::UNIX_EPOCH),
            ai_core_secret_resource_version: Some("7".to_owned()),
            secret_resource_version: None,
        };
        let status = AICoreRegistrySecretStatus {
            remote_name: Some("pull".to_owned()),
            failed_attempt: Some(Box::new(attempt)),
            ..AICoreRegistrySecretStatus::default()
        };
        let basis = Basis { generation: 3, version: ResourceVersion::parse("12") };
        let failed_attempt =
            json!({ "retryTime": "1970-01-01T00:00:00Z", "aiCoreSecretResourceVersion": "7" });
        assert_eq!(
            serde_json::to_value(JsonPatch(replace_status(&Target::of(&object), basis, json!(status))))
                .unwrap(),
            json!([
                { "op": "test", "path": "/metadata/uid", "value": &*object.uid },
                { "op": "test", "path": "/metadata/generation", "value": 3 },
                { "op": "test", "path": "/metadata/resourceVersion", "value": "12" },
                { "op": "add", "path": "/status", "value": {
                    "conditions": [], "remoteName": "pull", "failedAttempt": failed_attempt,
                } },
            ])
        );
    }

    #[test]
    fn the_patches_of_the_finalizer_check_what_they_rely_on() {
        for (patch, expected) in [
            (
                add_first(),
                json!([
                    { "op": "test", "path": "/metadata/finalizers", "value": null },
                    { "op": "add", "path": "/metadata/finalizers", "value": [FINALIZER] },
                ]),
            ),
            (add(), json!([{ "op": "add", "path": "/metadata/finalizers/-", "value": FINALIZER }])),
            (
                remove(2, 7),
                json!([
                    { "op": "test", "path": "/metadata/generation", "value": 7 },
                    { "op": "test", "path": "/metadata/finalizers/2", "value": FINALIZER },
                    { "op": "remove", "path": "/metadata/finalizers/2" },
                ]),
            ),
        ] {
            assert_eq!(serde_json::to_value(JsonPatch(patch)).unwrap(), expected);
        }
    }
}
