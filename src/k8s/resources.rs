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
    api::{AICoreRegistrySecret, AICoreRegistrySecretStatus, FINALIZER},
    domain::parse::object::Object,
};

/// Field manager of all writes.
pub const FIELD_MANAGER: &str = "aicore-registry-operator";

/// Attempts to change the finalizers while somebody else changes them too.
const FINALIZER_ATTEMPTS: u32 = 5;

/// Writes the whole status. One request, without a resourceVersion: nobody else writes it, and a conflict must not make the
/// operator push again. A resource that was deleted and created again in between is not touched.
///
/// # Errors
/// [`Error::NotFound`] when the resource is gone; else what the API server refused.
pub async fn write_status(
    client: &Client,
    object: &Object,
    status: &AICoreRegistrySecretStatus,
) -> Result<(), Error> {
    let patch = json!({ "metadata": { "uid": &*object.uid }, "status": status });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let request =
        requests(object).patch_subresource("status", &object.key.name, &params, &Patch::Merge(patch));
    answer::ignore(client, built(request)?).await
}

fn requests(object: &Object) -> Request {
    Request::new(AICoreRegistrySecret::url_path(&(), Some(&object.key.namespace)))
}

/// Names of resources come from the API server, so their addresses always are some.
fn built(
    request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<http::Request<Vec<u8>>, Error> {
    request.map_err(|error| Error::Unreachable(error.to_string()))
}

/// Adds or removes the operator's finalizer, and leaves others alone. Returns whether it is so now: a resource that is being
/// deleted takes no new finalizer.
///
/// # Errors
/// [`Error::NotFound`] when the resource is gone; else what the API server refused.
pub async fn set_finalizer(client: &Client, object: &Object, present: bool) -> Result<bool, Error> {
    let mut last = Error::NotFound;
    for _ in 0..FINALIZER_ATTEMPTS {
        let Steering { uid, deletion_timestamp, finalizers } = finalizers(client, object).await?;
        if uid != *object.uid {
            return Err(Error::NotFound);
        }
        let place = finalizers.iter().position(|finalizer| finalizer == FINALIZER);
        let patch = match (place, present) {
            (Some(_), true) | (None, false) => return Ok(true),
            (None, true) if deletion_timestamp.is_some() => return Ok(false),
            (None, true) if finalizers.is_empty() => add_first(),
            (None, true) => add(),
            (Some(place), false) => remove(place),
        };
        let request = requests(object).patch_metadata(
            &object.key.name,
            &PatchParams::default(),
            &Patch::<()>::Json(JsonPatch(patch)),
        );
        match answer::ignore(client, built(request)?).await {
            Ok(()) => return Ok(true),
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

/// From its place in the list, unless it has moved in between.
fn remove(place: usize) -> Vec<PatchOperation> {
    let path = finalizers_path().with_trailing_token(place);
    vec![
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
    deletion_timestamp: Option<IgnoredAny>,
    finalizers: Vec<String>,
}

async fn finalizers(client: &Client, object: &Object) -> Result<Steering, Error> {
    #[derive(Deserialize)]
    struct Answer {
        metadata: Steering,
    }
    let request = requests(object).get_metadata(&object.key.name, &GetParams::default());
    let text = answer::read(client, built(request)?).await?;
    serde_json::from_slice(text.bytes())
        .map(|Answer { metadata }| metadata)
        .map_err(|_| Error::Garbled("it is not the metadata of a resource"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crd;

    #[test]
    fn every_field_of_the_status_is_written_or_cleared() {
        let crd = serde_json::to_value(crd()).unwrap();
        let schema =
            &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
        let in_schema: Vec<&String> = schema.as_object().unwrap().keys().collect();
        let patch = serde_json::to_value(AICoreRegistrySecretStatus::default()).unwrap();
        let mut in_patch: Vec<&String> = patch.as_object().unwrap().keys().collect();
        in_patch.sort();
        let mut in_schema = in_schema;
        in_schema.sort();
        assert_eq!(in_patch, in_schema);
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
                remove(2),
                json!([
                    { "op": "test", "path": "/metadata/finalizers/2", "value": FINALIZER },
                    { "op": "remove", "path": "/metadata/finalizers/2" },
                ]),
            ),
        ] {
            assert_eq!(serde_json::to_value(JsonPatch(patch)).unwrap(), expected);
        }
    }
}
