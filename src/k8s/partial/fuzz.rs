//! Resources of any form: an older schema in the cluster, or none, lets everything through.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::{
    domain::{
        decide::{
            failure::Failure,
            known::{Known, Versions},
            memory::Memory,
            plan::{Step, plan},
            reason::Reason,
            report::{Jitter, Outcome as StepOutcome, report},
        },
        parse::{duration::ResyncInterval, object::Object},
        testing::{HOUR, an_observation, seconds},
    },
    fuzz::{Outcome, Secrets, Syntax, Target, assert_hidden, fuzz},
};

/// The most bytes of text that is kept of a spec or a status: what the schema admits, in characters of four bytes.
const KEPT: usize = 192 * 1024;

fn bytes_of_text(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes_of_text).sum(),
        Value::Object(members) => members.values().map(bytes_of_text).sum(),
    }
}

fn assert_bounded(kept: impl serde::Serialize) {
    let size = bytes_of_text(&serde_json::to_value(kept).unwrap());
    assert!(size <= KEPT, "{size} bytes are kept");
}

/// What is decided about it: nothing panics, and what is written is within its bounds and is read as the same.
fn decide(object: &Object, status: &AICoreRegistrySecretStatus) -> Outcome {
    let observed = an_observation(object, status);
    let known = Known {
        object,
        status,
        memory: &Memory::default(),
        versions: Versions { source: Some("10"), service_key: Some("20") },
        ownership: &observed.ownership,
        lacks_source: false,
        overwritten: false,
        confirmation_due: false,
        default_resync_interval: ResyncInterval::Every(HOUR),
        now: observed.now,
    };
    let rests = known.unchanged().is_some();
    let plan = plan(&observed);
    let step = match &plan.step {
        Step::Push(_) | Step::DeleteRemote { .. } => {
            vec![
                StepOutcome::Pushed { at: observed.now.wall, created: true },
                StepOutcome::Failed(Failure::new(Reason::RemoteUnavailable, "no")),
                StepOutcome::Postponed(Duration::from_mins(1)),
            ]
        }
        _ => vec![StepOutcome::NothingSent],
    };
    for outcome in step {
        let ended = observed.now.uptime + seconds(1);
        let told = report(&observed, &plan.step, outcome, ended, Jitter { retry: 1.0, resync: 0.5 });
        let Some(status) = told.status else { continue };
        assert_bounded(&status);
        let written = serde_json::to_value(&status).unwrap();
        assert_eq!(status::read(written), status, "what is written is read as the same");
    }
    Outcome::of((rests, plan.finalizer as u8, plan.step.as_str(), plan.step.cause()))
}

fn resource_attempt(input: &[u8]) -> Outcome {
    let Ok(unvalidated) = serde_json::from_slice::<UnvalidatedResource>(input) else {
        return Outcome::of("no object");
    };
    let resource = match unvalidated.check() {
        Ok(resource) => resource,
        Err(misunderstood) => {
            assert_hidden(&misunderstood.part, || Secrets::of_json(input));
            if let Some(status) = &misunderstood.status {
                assert_bounded(status);
            }
            return Outcome::of((
                misunderstood.part,
                misunderstood.status.is_some(),
                misunderstood.remote_name.is_some(),
            ));
        }
    };
    let annotations: usize =
        resource.metadata.annotations.iter().flatten().map(|(_, value)| value.len()).sum();
    assert!(annotations <= crate::api::sizes::REQUEST + 5, "{annotations} bytes of annotations are kept");
    let Some(object) = Object::from_resource(&resource) else { return Outcome::of("without a name") };
    assert_bounded(&*object.spec);
    let status = resource.status.clone().unwrap_or_default();
    assert_bounded(&status);
    Outcome::of((object.inadmissible.is_some(), object.remote_name.is_ok(), decide(&object, &status)))
}

#[test]
fn resources() {
    let dictionary = &[
        "metadata",
        "spec",
        "status",
        "name",
        "namespace",
        "uid",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "finalizers",
        "annotations",
        "aicore-registry.dev/requestedAt",
        "aicore-registry.dev/abandon-remote",
        "aicore-registry.dev/remote-secret",
        "secretRef",
        "aiCoreSecretRef",
        "key",
        "server",
        "usernameKey",
        "passwordKey",
        "remoteName",
        "registries",
        "creationPolicy",
        "IfMissing",
        "Never",
        "deletionPolicy",
        "Retain",
        "Delete",
        "resyncInterval",
        "0s",
        "10s",
        "1h30m",
        "99999999999999999999h",
        "suspend",
        "true",
        "conditions",
        "Ready",
        "Reconciling",
        "Stalled",
        "True",
        "Synced",
        "AuthenticationFailed",
        "RemoteUnavailable",
        "lastTransitionTime",
        "observedGeneration",
        "2026-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "lastSyncTime",
        "nextResyncTime",
        "credentialsDigest",
        "v1:",
        "v2:",
        "apiURL",
        "authorizationServer",
        "https://api.one.example",
        "https://one.example",
        "secretResourceVersion",
        "aiCoreSecretResourceVersion",
        "failedAttempt",
        "retryTime",
        "lastHandledReconcileAt",
    ];
    fuzz(&Target {
        name: "resources",
        short: 2_000,
        syntax: Syntax::Json,
        dictionary,
        attempt: resource_attempt,
    });
}
