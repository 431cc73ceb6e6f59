//! Brings objects into every state, by an operator that works, and keeps what it leaves.

use aicore_registry_operator::api::REQUESTED_AT;
use serde_json::json;
use testbed::simulator::{Fault, Gate, Matcher};

use super::{STATES, fixture::Fixture, world};
use crate::{
    operator::Operator,
    world::{
        World,
        operation::{DELETE, PATCH, POST},
    },
};

/// An object in each state.
pub(super) async fn record() -> Vec<Fixture> {
    let world = world("record").await;
    let operator = world.operator().await;
    let mut recorded = Vec::new();
    for (state, _) in STATES {
        if ["announced", "created"].contains(&state) {
            continue;
        }
        produce(&world, state).await;
        recorded.push(Fixture::of(&world, state).await);
    }
    world.check(&operator).await;
    recorded.push(announced(&world, operator).await);
    // Nobody has looked at it.
    world.resource("created", json!({})).await;
    recorded.push(Fixture::of(&world, "created").await);
    let place = |fixture: &Fixture| STATES.iter().position(|(state, _)| *state == fixture.state);
    recorded.sort_by_key(place);
    recorded
}

async fn produce(world: &World, state: &str) {
    let faults = world.tenant().faults();
    match state {
        "synced" => synced(world, state, json!({})).await,
        "guarded" => synced(world, state, json!({ "deletionPolicy": "Delete" })).await,
        "never" => synced(world, state, json!({ "resyncInterval": "0s" })).await,
        "forced" => {
            synced(world, state, json!({})).await;
            world.annotate(state, REQUESTED_AT, "1").await;
            world
                .wait_for(state, "answered", |resource| {
                    resource.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some("1")
                })
                .await;
            world.wait_ready(state).await;
        }
        "suspended" => {
            synced(world, state, json!({})).await;
            world.patch_spec(state, json!({ "suspend": true })).await;
            world.wait_reason(state, "Suspended").await;
        }
        "suspended-at-first" => failed(world, state, json!({ "suspend": true }), "Suspended").await,
        "waiting" => {
            failed(world, state, json!({ "secretRef": { "name": "absent" } }), "SecretNotFound").await;
        }
        "invalid" => {
            failed(world, state, json!({ "secretRef": { "name": "broken" } }), "SecretInvalid").await;
        }
        "refused" => {
            let spec = json!({ "aiCoreSecretRef": { "name": "refused-key" } });
            failed(world, state, spec, "AuthenticationFailed").await;
        }
        "rejected" => {
            for operation in [PATCH, POST] {
                faults.always(Matcher::op(operation).named(state), Fault::status(400));
            }
            failed(world, state, json!({}), "RemoteRejected").await;
        }
        "conflicting" => {
            world.next_second().await;
            failed(world, state, json!({ "remoteName": "synced" }), "RemoteConflict").await;
        }
        "unavailable" => {
            for operation in [PATCH, POST] {
                faults.always(Matcher::op(operation).named(state), Fault::status(503));
            }
            failed(world, state, json!({}), "RemoteUnavailable").await;
        }
        "deleting" => {
            synced(world, state, json!({ "deletionPolicy": "Delete" })).await;
            faults.always(Matcher::op(DELETE).named(state), Fault::status(503));
            world.ask_to_delete(state).await;
            world.wait_reason(state, "Deleting").await;
        }
        other => panic!("nobody knows how to produce {other:?}"),
    }
}

async fn synced(world: &World, state: &str, spec: serde_json::Value) {
    world.resource(state, spec).await;
    world.wait_ready(state).await;
}

async fn failed(world: &World, state: &str, spec: serde_json::Value, reason: &str) {
    world.resource(state, spec).await;
    world.wait_reason(state, reason).await;
}

/// Killed while the creation was under way.
async fn announced(world: &World, operator: Operator) -> Fixture {
    let gate = Gate::new();
    world.tenant().faults().next(1, Matcher::op(POST).named("announced"), Fault::gate(&gate));
    world.resource("announced", json!({ "deletionPolicy": "Delete" })).await;
    gate.arrived().await.unwrap();
    operator.kill().await;
    gate.release();
    let fixture = Fixture::of(world, "announced").await;
    let status = world.resource_now("announced").await.status.unwrap();
    assert_eq!((status.api_url, status.last_sync_time), (Some(world.api_url()), None));
    fixture
}
