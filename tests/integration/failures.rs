//! What goes wrong, what the operator does then, and what it says.

use serde_json::json;

use testbed::simulator::{Fault, Flaw};

use crate::world::{
    Conditions, Login, World,
    operation::{LIST, PATCH, POST, TOKEN},
};

#[tokio::test]
async fn a_rotated_service_key_recovers_by_itself() {
    let world = World::synced("keyrotation").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    // The old client secret and its tokens are refused from now on.
    world.rotate_service_key();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    let failed = world.wait_reason("pull", "AuthenticationFailed").await;
    assert_eq!(failed.condition("Ready").status, "False");
    assert_eq!(failed.condition("Stalled").status, "True");
    assert!(failed.condition("Stalled").message.contains("renew the service key in Secret \"key\""));
    world.service_key("key").await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn a_revoked_token_is_replaced_within_the_push() {
    let world = World::synced("revoked").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();
    world.revoke_tokens();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    assert_eq!(world.writes(), [(PATCH, 401), (PATCH, 202)]);
    assert_eq!(world.token_requests(), 1);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_wrong_service_key_is_one_attempt_and_no_storm() {
    let world = World::new("wrongkey").await;
    world.service_key("key").await;
    world.rotate_service_key();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let names: Vec<String> = (0..40).map(|number| format!("pull-{number}")).collect();
    for name in &names {
        world.resource(name, json!({})).await;
    }
    let operator = world.operator().await;
    for name in &names {
        let stalled = world.wait_reason(name, "AuthenticationFailed").await;
        let message = &stalled.condition("Stalled").message;
        assert!(message.contains("HTTP 401") && message.contains("Bad credentials"), "{message}");
    }
    // Secret events that change nothing about the key do not end the wait.
    for touch in 0..3 {
        world.annotate_secret("key", "touched", &touch.to_string()).await;
    }
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.token_requests(), 1, "the refusal holds for all who share the key");
    assert_eq!(world.writes(), []);
    world.check(&operator).await;
}

/// The subaccount of the service key is gone, or may not do anything any more: nobody needs to be told so again and again.
#[tokio::test]
async fn a_service_key_that_leads_nowhere_is_one_token_request_for_all_who_share_it() {
    for (status, part) in [(404, "its \"url\""), (403, "renew the service key"), (410, "check \"url\"")] {
        let world = World::new(&format!("nowhere-{status}")).await;
        world.service_key("key").await;
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
        world.tenant().faults().always(TOKEN, Fault::json(status, &json!({})));
        let names: Vec<String> = (0..20).map(|number| format!("pull-{number}")).collect();
        for name in &names {
            world.resource(name, json!({})).await;
        }
        let operator = world.operator().await;
        for rotation in [2, 3] {
            for name in &names {
                let stalled = world
                    .wait_for(name, "the refusal", |resource| {
                        resource.condition("Stalled").message.contains(part)
                    })
                    .await;
                let message = &stalled.condition("Stalled").message;
                assert!(
                    message.contains(&format!("HTTP {status}")) && message.contains("Secret \"key\""),
                    "{message}"
                );
            }
            world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
            world.wait_quiet(&operator).await;
        }
        assert_eq!(world.token_requests(), 1, "HTTP {status}");
        assert_eq!(world.writes(), []);
        // Another key is another matter.
        world.clear_faults();
        world.rotate_service_key();
        world.service_key("key").await;
        for name in &names {
            world.wait_ready(name).await;
        }
        world.check(&operator).await;
    }
}

/// A certificate lives for days; one that has ended is a matter of the service key, as a refused client secret is.
#[tokio::test]
async fn a_certificate_that_has_ended_is_named_with_its_date_and_tried_once() {
    for (flaw, part) in [(Flaw::Ended, "ended on 2026-01-02"), (Flaw::UnknownIssuer, "in the TLS handshake")]
    {
        let world = World::with_tls("ended").await;
        let key = world.tenant().flawed_x509_service_key(flaw).unwrap();
        world.secret("key", "Opaque", [("key.json".to_owned(), key.to_string())].into()).await;
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
        for number in 0..5 {
            world.resource(&format!("pull-{number}"), json!({})).await;
        }
        let operator = world.operator_trusting().await;
        for number in 0..5 {
            let stalled = world.wait_reason(&format!("pull-{number}"), "AuthenticationFailed").await;
            let message = &stalled.condition("Stalled").message;
            assert!(message.contains(part) && message.contains("Secret \"key\""), "{message}");
        }
        assert_eq!(world.requests(), 0, "no request came through");
        let asked = operator.metric("aicore_registry_token_requests_total{code=\"none\"}").await;
        assert_eq!(asked, 1.0, "one attempt for all who share the key");
        world.check(&operator).await;
    }
}

/// The authorization server gives tokens, and AI Core refuses them.
#[tokio::test]
async fn refused_tokens_are_renewed_once_for_all_who_share_the_key() {
    for (status, reason) in [(401, "AuthenticationFailed"), (403, "Forbidden")] {
        let world = World::new(&format!("refused-{status}")).await;
        world.service_key("key").await;
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
        let names: Vec<String> = (0..8).map(|number| format!("pull-{number}")).collect();
        for name in &names {
            world.resource(name, json!({})).await;
        }
        [LIST, PATCH, POST].into_iter().for_each(|operation| world.always_answer(operation, status));
        let operator = world.operator().await;
        for name in &names {
            let stalled = world.wait_reason(name, reason).await;
            assert_eq!(stalled.condition("Stalled").reason, reason);
        }
        world.wait_quiet(&operator).await;
        assert_eq!(world.token_requests(), 2, "the first, and one in its place");
        for name in &names {
            let calls = world.writes_of(name).len();
            assert!((1..=2).contains(&calls), "{name}: {calls} calls");
        }
        world.check(&operator).await;
    }
}

#[tokio::test]
async fn an_unavailable_ai_core_is_tried_again_with_backoff() {
    let world = World::synced("unavailable").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();
    world.always_answer(PATCH, 500);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    let failed = world.wait_reason("pull", "RemoteUnavailable").await;
    assert_eq!(failed.condition("Ready").status, "False");
    assert_eq!(failed.condition("Reconciling").status, "True");
    assert!(failed.condition("Ready").message.contains("HTTP 500"), "{}", failed.condition("Ready").message);
    world.wait_requests(PATCH, 3).await;
    world.clear_faults();
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    world.wait_ready("pull").await;
    // Full jitter within 1 s, 2 s, 4 s, but never less than a tenth of it.
    let gaps = world.gaps_between(PATCH);
    for (attempt, gap) in gaps.iter().enumerate() {
        let least = 0.1 * f64::from(1 << attempt);
        assert!(gap.as_secs_f64() >= least, "attempt {attempt} came after {gap:?}");
    }
    world.check(&operator).await;
}

#[tokio::test]
async fn a_remote_secret_that_was_deleted_is_created_again_at_the_next_push() {
    let world = World::synced("deleted").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.remove_remote("pull");
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202)]);
    world.check(&operator).await;
}

#[tokio::test]
async fn broken_content_leaves_the_remote_secret_alone() {
    let world = World::synced("broken").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let good = world.remote("pull");
    world.forget_requests();
    for (broken, part) in [
        ("{\"auths\":{\"ghcr.io\":{}}}", "entry \"ghcr.io\""),
        ("{\"auths\":{}}", "no entry for any registry"),
    ] {
        world.raw_docker_secret("source", broken).await;
        let version = world.secret_version("source").await;
        let stalled = world
            .wait_for("pull", "the sentence", |resource| {
                resource
                    .status
                    .iter()
                    .flat_map(|status| &status.conditions)
                    .any(|condition| condition.type_ == "Stalled" && condition.message.contains(part))
            })
            .await;
        assert_eq!(stalled.condition("Ready").reason, "SecretInvalid", "{version:?}");
        assert_eq!(stalled.condition("Ready").status, "False");
    }
    operator.wait_for_line("\"reason\":\"SecretInvalid\"").await;
    assert_eq!(world.writes(), []);
    assert_eq!(world.remote("pull"), good);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

/// Whatever the passwords are, the first push goes out; and what a server says to it is withheld, as it may quote one of them.
#[tokio::test]
async fn passwords_of_one_letter_do_no_harm() {
    let world = World::new("letters").await;
    world.service_key("key").await;
    let auths: serde_json::Map<_, _> = ["[", "r", "e", "d", "a", "c", "t", "]"]
        .iter()
        .enumerate()
        .map(|(n, letter)| (format!("r{n}.example"), json!({ "username": "u", "password": letter })))
        .collect();
    world.raw_docker_secret("source", &json!({ "auths": auths }).to_string()).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202)]);
    world.tenant().faults().always(PATCH, Fault::text(400, "[redacted] ".repeat(6000)));
    world.annotate("pull", "aicore-registry.dev/requestedAt", "now").await;
    let stalled = world.wait_reason("pull", "RemoteRejected").await;
    let message = &stalled.condition("Stalled").message;
    assert!(message.contains("its message is withheld") && !message.contains("[redacted]"), "{message}");
    world.check(&operator).await;
}

#[tokio::test]
async fn a_server_that_repeats_the_request_leaks_nothing() {
    let world = World::new("echo").await;
    world.service_key("key").await;
    world.echo_requests(PATCH);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    let stalled = world.wait_reason("pull", "RemoteRejected").await;
    let message = &stalled.condition("Stalled").message;
    assert!(message.contains("its message is withheld") && message.contains("error code"), "{message}");
    world.check(&operator).await;
}
