use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use super::*;
use crate::{
    api::AICoreSecretRef,
    controller::fakes::{FakeConnection, World},
    domain::testing::{HOUR, WithSpec, an_object},
};

mod unwatched;

async fn found(world: &World) -> (Gathered<FakeConnection>, Snapshot<ServiceKeyHeld<FakeConnection>>) {
    let snapshot = world.snapshot();
    (gather(&world.ctx, &snapshot, None).await.unwrap(), snapshot)
}

fn observed<'a>(
    world: &World,
    (gathered, snapshot): &'a (Gathered<FakeConnection>, Snapshot<ServiceKeyHeld<FakeConnection>>),
) -> Observed<'a> {
    gathered.observed(snapshot, ResyncInterval::Every(HOUR), world.ctx.clock.now())
}

#[tokio::test(start_paused = true)]
async fn both_secrets_at_the_version_that_was_read() {
    let world = World::new();
    let found = found(&world).await;
    let observed = observed(&world, &found);
    assert_eq!(
        observed.source,
        Found::Usable { version: "1".to_owned(), content: vec!["ghcr.io".to_owned()] }
    );
    assert_eq!(observed.service_key.version(), Some("1"));
    assert!(observed.digest.is_some());
    assert_eq!(observed.ownership, Ownership::Owner { successor: None });
    assert_eq!(found.0.claim.unwrap().remote_name.as_str(), "pull");
}

#[tokio::test(start_paused = true)]
async fn a_service_key_is_read_once_for_each_version() {
    let world = World::new();
    found(&world).await;
    world.journal();
    found(&world).await;
    assert_eq!(world.journal(), ["read Secret"]);
    world.service_key_changed("2");
    found(&world).await;
    assert_eq!(world.journal(), ["read Secret", "connect", "read Secret"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_a_failure_of_the_resource_that_names_it() {
    let world = World::new();
    world.ctx.kubernetes.secrets.lock().unwrap().clear();
    let found = found(&world).await;
    let observed = observed(&world, &found);
    for (failure, reason, name) in [
        (observed.source.failure(), Reason::SecretNotFound, "\"registry\""),
        (observed.service_key.failure(), Reason::ServiceKeyNotFound, "\"aicore-key\""),
    ] {
        let failure = failure.unwrap();
        assert_eq!(failure.reason, reason);
        assert!(failure.message.contains(name), "{}", failure.message);
    }
    assert_eq!((observed.digest, observed.service_key_identity), (None, None));
    assert!(found.0.connection.is_none() && found.0.payload.is_none() && found.0.claim.is_none());
}

/// Until it changes there is nothing new to say about it.
#[tokio::test(start_paused = true)]
async fn a_service_key_that_cannot_be_used_is_known_by_its_version() {
    let world = World::new();
    let content = ("7".to_owned(), "key.json", "{}".to_owned());
    world.ctx.kubernetes.secrets.lock().unwrap().insert(world.object.service_key(), content);
    let found = found(&world).await;
    let observed = observed(&world, &found);
    assert_eq!(observed.service_key.failure().map(|failure| failure.reason), Some(Reason::ServiceKeyInvalid));
    assert_eq!(observed.service_key_identity.as_deref(), Some("aicore-key/#@7"));
}

/// No request is made with a name that is none.
#[tokio::test(start_paused = true)]
async fn a_name_that_no_secret_can_have_is_refused_before_any_request() {
    let world = World::of(an_object().with_spec(|spec| {
        spec.ai_core_secret_ref = Some(AICoreSecretRef { name: "A".to_owned(), key: None });
    }));
    world.journal();
    let found = found(&world).await;
    let failure = observed(&world, &found).service_key.failure().cloned().unwrap();
    assert_eq!(failure.reason, Reason::ServiceKeyInvalid);
    assert!(failure.message.starts_with("spec.aiCoreSecretRef.name \"A\" cannot be"), "{}", failure.message);
    assert_eq!(world.journal(), ["read Secret"], "its source");
}

/// Else the name would be free while somebody replaces the key.
#[tokio::test(start_paused = true)]
async fn without_its_key_a_resource_claims_the_tenant_of_its_last_push() {
    let world = World::new();
    world.pass().await;
    let claimed = found(&world).await.0.claim;
    assert!(claimed.is_some());
    world.ctx.kubernetes.secrets.lock().unwrap().remove(&world.object.service_key());
    world.ctx.index.remove_secret(&world.object.service_key());
    assert_eq!(found(&world).await.0.claim, claimed);
}

#[tokio::test(start_paused = true)]
async fn of_a_resource_that_goes_only_the_service_key_is_read() {
    let mut world = World::of(Object { finalizer: true, ..an_object().with_spec(|_| {}) });
    world.object.deleting = true;
    world.applied();
    world.journal();
    let (gathered, _) = found(&world).await;
    assert_eq!(world.journal(), ["read Secret", "connect"]);
    assert!(gathered.payload.is_none() && gathered.connection.is_some());
    assert_eq!(gathered.namespace, NamespaceState::Active);
}

#[tokio::test(start_paused = true)]
async fn the_namespace_is_looked_at_when_the_key_of_a_resource_that_goes_is_gone() {
    let mut world = World::of(Object { finalizer: true, ..an_object() });
    world.object.deleting = true;
    world.applied();
    world.ctx.kubernetes.secrets.lock().unwrap().clear();
    *world.ctx.kubernetes.namespace.lock().unwrap() = NamespaceState::Terminating;
    assert_eq!(found(&world).await.0.namespace, NamespaceState::Terminating);
}

/// The operator may not look at the namespace of a resource that goes without its key: the right is named, the right that comes is
/// noticed within seconds, and without it the resource does not hang either.
#[tokio::test(start_paused = true)]
async fn a_namespace_that_may_not_be_looked_at_is_waited_for_and_not_for_ever() {
    for comes in [true, false] {
        let object =
            an_object().with_spec(|spec| spec.deletion_policy = Some(crate::api::DeletionPolicy::Delete));
        let mut world = World::of(Object { finalizer: true, ..object });
        world.pass().await;
        world.ctx.kubernetes.secrets.lock().unwrap().remove(&world.object.service_key());
        world.ctx.index.remove_secret(&world.object.service_key());
        world.object.deleting = true;
        world.applied();
        let hidden = NamespaceState::Hidden { why: "namespaces is forbidden".to_owned() };
        *world.ctx.kubernetes.namespace.lock().unwrap() = hidden;
        let mut passed = Duration::ZERO;
        while let Some(wait) = world.pass().await {
            let status = world.ctx.kubernetes.status.lock().unwrap().clone().unwrap();
            let said =
                crate::api::condition::find(&status.conditions, "Reconciling").unwrap().message.clone();
            for part in
                ["\"aicore-key\"", "does not exist", "get on namespace \"ns\"", "namespaces is forbidden"]
            {
                assert!(said.contains(part), "{part}: {said}");
            }
            if comes && passed > Duration::from_secs(30) {
                *world.ctx.kubernetes.namespace.lock().unwrap() = NamespaceState::Terminating;
                assert!(wait <= crate::domain::decide::backoff::LONGEST_API_DELAY, "{wait:?}");
            }
            passed += wait;
            tokio::time::advance(wait).await;
            assert!(passed < Duration::from_mins(if comes { 1 } else { 15 }), "it hangs");
        }
        assert!(comes || passed > Duration::from_mins(2), "{passed:?}");
        assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_api_servers_failure_is_none_of_the_resource() {
    let world = World::new();
    world.refuse("read Secret");
    let snapshot = world.snapshot();
    let failed = gather(&world.ctx, &snapshot, None).await.err();
    assert!(matches!(failed, Some(k8s::error::Error::Refused { code: 500, .. })), "{failed:?}");
}

/// After that it is read once, as before: the key is what it was.
#[tokio::test(start_paused = true)]
async fn a_key_that_was_refused_is_read_anew() {
    let world = World::new();
    world.pass().await;
    for refused in 0..2 {
        world.ctx.ai_core.refuses_key.store(true, SeqCst);
        world.rotated(&format!("2{refused}"), &format!("b{refused}"));
        world.pass().await;
        assert_eq!(world.ready(), "False/AuthenticationFailed");
        // The watch says nothing, and the Secret has changed.
        let mut secrets = world.ctx.kubernetes.secrets.lock().unwrap().clone();
        secrets.get_mut(&world.object.service_key()).unwrap().0 = "9".to_owned();
        *world.ctx.kubernetes.secrets.lock().unwrap() = secrets;
        world.journal();
        let observed = found(&world).await;
        assert_eq!(self::observed(&world, &observed).service_key.version(), Some("9"));
        assert_eq!(world.journal(), ["read Secret", "connect", "read Secret"]);
        world.ctx.ai_core.refuses_key.store(false, SeqCst);
    }
}

/// However many name it: it is read once, by whoever is first, until it changes.
#[tokio::test(start_paused = true)]
async fn a_service_key_that_cannot_be_used_is_read_once_for_each_version() {
    let world = World::new();
    let put = |version: &str| {
        let content = (version.to_owned(), "key.json", "{}".to_owned());
        world.ctx.kubernetes.secrets.lock().unwrap().insert(world.object.service_key(), content);
        world.ctx.index.apply_secret(&world.object.service_key(), version);
    };
    put("7");
    let first = found(&world).await;
    assert_eq!(world.journal(), ["read Secret", "read Secret"]);
    let other =
        Object { uid: "other".into(), key: world.object.key.sibling("other"), ..world.object.clone() };
    world.ctx.index.apply_resource(other.clone(), crate::api::AICoreRegistrySecretStatus::default());
    let snapshot = world.ctx.index.snapshot(&other.key).unwrap();
    let second = (gather(&world.ctx, &snapshot, None).await.unwrap(), snapshot);
    assert_eq!(world.journal(), ["read Secret"], "its source");
    let (first, second) = (observed(&world, &first), observed(&world, &second));
    assert_eq!(first.service_key, second.service_key);
    assert_eq!(first.service_key_identity, second.service_key_identity);
    // Another key of the Secret may be usable.
    let elsewhere = Object {
        generation: 2,
        ..other.with_spec(|spec| {
            spec.ai_core_secret_ref.as_mut().unwrap().key = Some("other.json".to_owned());
        })
    };
    world.ctx.index.apply_resource(elsewhere.clone(), crate::api::AICoreRegistrySecretStatus::default());
    gather(&world.ctx, &world.ctx.index.snapshot(&elsewhere.key).unwrap(), None).await.unwrap();
    assert_eq!(world.journal(), ["read Secret", "read Secret"]);
    put("8");
    found(&world).await;
    assert_eq!(world.journal(), ["read Secret", "read Secret"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_key_that_is_too_large_is_read_once_for_each_version() {
    let world = World::new();
    world.ctx.kubernetes.too_large.lock().unwrap().insert(world.object.service_key());
    for expected in [&["read Secret", "read Secret"][..], &["read Secret"]] {
        let found = found(&world).await;
        let observed = observed(&world, &found);
        let failure = observed.service_key.failure().unwrap();
        assert_eq!(failure.reason, Reason::ServiceKeyInvalid);
        assert_eq!(observed.service_key_identity.as_deref(), Some("aicore-key/#@1"));
        assert_eq!(world.journal(), expected);
    }
}
