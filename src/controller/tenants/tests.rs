use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::{
    api::TenantRef,
    controller::{fakes::World, reconcile},
    domain::{
        parse::object::Object,
        testing::{HOUR, WithSpec, a_shared_tenant, an_object, seconds},
    },
};

fn by_tenant() -> Object {
    an_object().with_spec(|spec| {
        spec.ai_core_secret_ref = None;
        spec.tenant_ref = Some(TenantRef { name: "shared".to_owned() });
    })
}

/// `ns/pull` has the key of `shared`, which is in `platform/aicore-key`.
fn shared() -> World {
    let mut world = World::new();
    world.ctx.index.serve_tenants();
    apply(&world, a_shared_tenant(&["ns"], None));
    world.ctx.index.tenants_list_ends();
    key_changed(&world, "1");
    world.object = by_tenant();
    world.applied();
    world.journal();
    world
}

fn apply(world: &World, tenant: SharedTenant) {
    world.ctx.index.apply_tenant(tenant, AICoreTenantStatus::default());
}

fn key_changed(world: &World, version: &str) {
    let secret = crate::domain::parse::object::ObjectKey::new("platform", "aicore-key");
    world.ctx.kubernetes.holds_service_key(secret.clone(), version, "one");
    world.ctx.index.apply_secret(&secret, version);
}

async fn pass(world: &World) -> Option<Duration> {
    reconcile::reconcile(&world.ctx, &tenant::key("shared")).await
}

fn status(world: &World) -> AICoreTenantStatus {
    world.ctx.kubernetes.tenant_status.lock().unwrap().clone().unwrap_or_default()
}

fn ready(world: &World) -> String {
    let ready = condition::find(&status(world).conditions, READY).cloned();
    ready.map(|ready| format!("{}/{}", ready.status, ready.reason)).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_asked_for_a_token_and_its_quota_once_an_hour() {
    let world = shared();
    assert_eq!(pass(&world).await, Some(HOUR));
    assert_eq!(world.journal(), ["read Secret", "connect", "ask for the quota", "write status of tenant"]);
    assert_eq!(ready(&world), "True/Valid");
    let quota = status(&world).quota.unwrap();
    assert_eq!((quota.used, quota.limit, status(&world).resources), (7, 50, Some(1)));
    assert_eq!(world.ctx.ai_core.tokens.load(SeqCst), 1);
    tokio::time::sleep(seconds(600)).await;
    assert_eq!(pass(&world).await, Some(seconds(3000)));
    assert!(world.journal().is_empty());
    tokio::time::sleep(seconds(3000)).await;
    pass(&world).await;
    assert_eq!(world.journal()[0], "ask for the quota");
}

#[tokio::test(start_paused = true)]
async fn a_push_through_the_tenant_reads_its_key_once_for_all() {
    let world = shared();
    world.pass().await;
    assert_eq!(
        world.journal(),
        [
            "read Secret",
            "connect",
            "read Secret",
            "push pull for ghcr.io, create true, Patient",
            "write status"
        ]
    );
    assert_eq!(world.ready(), "True/Synced");
    pass(&world).await;
    assert_eq!(world.journal(), ["ask for the quota", "write status of tenant"], "the key is known");
    // The rate of the tenant is for both.
    tokio::time::sleep(seconds(2)).await;
    world.rotated("2", "b");
    world.pass().await;
    assert_eq!(
        world.journal(),
        ["read Secret", "push pull for ghcr.io, create true, Patient", "write status"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_created_is_asked_for_once() {
    let world = shared();
    pass(&world).await;
    world.journal();
    world.pass().await;
    world.journal();
    let wait = pass(&world).await.unwrap();
    assert!(wait <= seconds(10) && world.journal().is_empty(), "it was asked just now");
    tokio::time::sleep(wait).await;
    pass(&world).await;
    assert_eq!(world.journal()[0], "ask for the quota");
}

/// A right is taken away while a push waits for its token.
#[tokio::test(start_paused = true)]
async fn nothing_more_is_sent_for_a_namespace_that_is_not_allowed_any_more() {
    let world = shared();
    world.ctx.ai_core.token.close();
    let taken = async {
        tokio::time::sleep(seconds(1)).await;
        apply(&world, a_shared_tenant(&["other"], None));
        world.ctx.ai_core.token.open();
    };
    tokio::join!(world.pass(), taken);
    assert!(!world.journal().iter().any(|line| line.starts_with("push")));
    world.pass().await;
    assert_eq!(world.ready(), "False/NamespaceNotAllowed");
    assert!(!world.journal().iter().any(|line| line.starts_with("push")));
    // And back.
    apply(&world, a_shared_tenant(&["ns"], None));
    world.pass().await;
    assert_eq!(world.ready(), "True/Synced");
}

/// What AI Core holds is not the resource's to speak of, and the name is free for others.
#[tokio::test(start_paused = true)]
async fn a_resource_that_is_not_allowed_any_more_gives_up_its_claim_and_says_so() {
    let world = shared();
    world.pass().await;
    let claim = crate::domain::decide::conflict::Claim {
        tenant: Arc::clone(world.snapshot().service_key.as_ref().unwrap().connection.tenant()),
        remote_name: world.object.remote_name.clone().unwrap(),
    };
    assert!(world.ctx.index.may_write(&world.object, &claim));
    apply(&world, a_shared_tenant(&["other"], None));
    world.pass().await;
    assert_eq!(world.ready(), "False/NamespaceNotAllowed");
    assert!(!world.ctx.index.may_write(&world.object, &claim));
    world.journal();
    apply(&world, a_shared_tenant(&["ns"], None));
    world.pass().await;
    let pushed = "push pull for ghcr.io, create true, Patient";
    assert_eq!(world.journal(), ["read Secret", pushed, "write status"], "others may have pushed meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_is_said_of_the_tenant_and_of_its_users_without_its_secret() {
    let world = shared();
    world.ctx.ai_core.refuses_key.store(true, SeqCst);
    pass(&world).await;
    assert_eq!(ready(&world), "False/AuthenticationFailed");
    let told = condition::find(&status(&world).conditions, READY).unwrap().message.clone();
    assert!(told.contains("Secret \"aicore-key\" of namespace \"platform\""), "{told}");
    world.pass().await;
    assert_eq!(world.ready(), "False/AuthenticationFailed");
    let users = world.ctx.kubernetes.status.lock().unwrap().clone().unwrap();
    let text = serde_json::to_string(&users).unwrap();
    assert!(text.contains("AICoreTenant \\\"shared\\\""), "{text}");
    assert!(!text.contains("platform") && !text.contains("aicore-key"), "{text}");
}

/// Once for each value, without a look at the Secret, and past a refusal that stands.
#[tokio::test(start_paused = true)]
async fn whoever_asks_for_an_answer_is_given_one() {
    let world = shared();
    world.ctx.ai_core.refuses_key.store(true, SeqCst);
    pass(&world).await;
    assert_eq!(ready(&world), "False/AuthenticationFailed");
    tokio::time::sleep(seconds(60)).await;
    pass(&world).await;
    assert_eq!(world.ctx.ai_core.tokens.load(SeqCst), 1);
    world.ctx.ai_core.refuses_key.store(false, SeqCst);
    let requested = SharedTenant { requested_at: Some("now".into()), ..a_shared_tenant(&["ns"], None) };
    let woken = world.ctx.index.apply_tenant(requested.clone(), AICoreTenantStatus::default());
    assert_eq!(woken, [tenant::key("shared")], "and nobody else");
    world.journal();
    assert_eq!(pass(&world).await, Some(HOUR));
    assert_eq!(ready(&world), "True/Valid");
    assert_eq!(status(&world).last_handled_reconcile_at.as_deref(), Some("now"));
    assert_eq!(world.ctx.ai_core.tokens.load(SeqCst), 2);
    world.journal();
    assert!(world.ctx.index.apply_tenant(requested, AICoreTenantStatus::default()).is_empty());
    pass(&world).await;
    assert!(world.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_not_taken_is_written_again_without_a_question() {
    let world = shared();
    world.refuse("write status of tenant");
    for failures in 1..4 {
        assert!(pass(&world).await.unwrap() <= seconds(10));
        assert_eq!(
            world.journal().iter().filter(|line| *line == "ask for the quota").count(),
            usize::from(failures == 1)
        );
    }
    world.accept_all();
    assert_eq!(pass(&world).await.map(|wait| wait > seconds(60)), Some(true));
    assert_eq!(world.journal(), ["write status of tenant"]);
    assert_eq!(ready(&world), "True/Valid");
}

/// It was changed, and the watch does not show it.
#[tokio::test(start_paused = true)]
async fn a_status_that_is_refused_as_outdated_is_tried_again_and_that_is_counted() {
    let world = shared();
    let tenant = a_shared_tenant(&["ns"], None);
    world.ctx.kubernetes.generations.lock().unwrap().insert(tenant.uid.to_string(), tenant.generation + 1);
    for failures in 1..4 {
        assert_eq!(pass(&world).await, Some(backoff::LONGEST_API_DELAY));
        assert_eq!(world.journal().last().unwrap(), "write status of tenant");
        let known = world.ctx.index.tenant_snapshot("shared").unwrap();
        assert_eq!(known.known(true, world.ctx.clock.now()).memory.api_failures, failures);
    }
    apply(&world, SharedTenant { generation: tenant.generation + 1, ..tenant });
    assert_eq!(pass(&world).await, Some(HOUR));
    assert_eq!(ready(&world), "True/Valid");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_missing_or_that_holds_no_key_is_named_to_its_owner() {
    let world = shared();
    world.ctx.kubernetes.secrets.lock().unwrap().clear();
    pass(&world).await;
    assert_eq!(ready(&world), "False/ServiceKeyNotFound");
    let message = condition::find(&status(&world).conditions, READY).unwrap().message.clone();
    assert!(message.contains("\"aicore-key\"") && message.contains("\"platform\""), "{message}");
    key_changed(&world, "2");
    pass(&world).await;
    assert_eq!(ready(&world), "True/Valid");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_not_understood_says_so_and_nothing_is_read() {
    let world = shared();
    let broken = SharedTenant {
        terms: Err(crate::domain::tools::invalid::Invalid::new("This is wrong.")),
        ..a_shared_tenant(&["ns"], None)
    };
    apply(&world, broken);
    pass(&world).await;
    assert_eq!(world.journal(), ["write status of tenant"]);
    assert_eq!(ready(&world), "False/ServiceKeyInvalid");
    world.pass().await;
    assert_eq!(world.ready(), "False/TenantNotFound");
}

#[tokio::test(start_paused = true)]
async fn of_a_tenant_that_is_gone_nothing_is_done() {
    let world = shared();
    world.ctx.index.remove_tenant("shared");
    assert_eq!(pass(&world).await, None);
    world.pass().await;
    assert_eq!(world.ready(), "False/TenantNotFound");
}

/// While nothing tells that the Secret changes, it is looked at.
#[tokio::test(start_paused = true)]
async fn without_a_watch_the_key_is_read_each_time() {
    let mut world = shared();
    pass(&world).await;
    world.journal();
    world.unwatched();
    assert_eq!(pass(&world).await, Some(UNWATCHED_INTERVAL));
    assert_eq!(world.journal(), ["read Secret", "connect"]);
}
