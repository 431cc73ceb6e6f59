//! The level of the log, changed while the program runs.

use crate::{
    operator::Operator,
    world::{Login, World},
};

async fn put(operator: &Operator, filter: &'static str) -> (u16, String) {
    operator.ask(|url| reqwest::Client::new().put(url).body(filter), "/log-level").await
}

async fn rotate(world: &World, number: u32) {
    let credential = [("ghcr.io", Login::new("robot", number))];
    world.docker_secret("source", &credential).await;
    world.wait_remote("pull", &World::payload(&credential)).await;
}

#[tokio::test]
async fn the_log_level_can_be_shown_and_changed() {
    let world = World::synced("loglevel").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    assert_eq!(operator.get("/log-level").await, (200, "debug\n".to_owned()));

    assert_eq!(put(&operator, "info\n").await, (200, "info\n".to_owned()));
    operator.wait_for_line("the log level was changed").await;
    world.wait_quiet(&operator).await;
    let before = operator.count_lines("pass ended");
    rotate(&world, 2).await;
    operator.wait_for_lines("AI Core accepted the credential", 2).await;
    world.wait_quiet(&operator).await;
    assert_eq!(operator.count_lines("pass ended"), before);

    let (status, sentence) = put(&operator, "loud").await;
    assert_eq!(status, 400);
    assert!(
        sentence.contains("\"loud\" is not a level; use error, warn, info, debug, trace or off"),
        "{sentence}"
    );
    for (header, value) in [
        ("X-Forwarded-For", "192.0.2.1"),
        // What a sidecar adds that keeps the address to itself.
        ("X-Forwarded-Proto", "http"),
        ("X-Request-Id", "7e1f"),
        ("X-Envoy-Attempt-Count", "1"),
        // A page in a browser whose name was given an address of this machine.
        ("Origin", "http://page.example"),
        ("Host", "page.example"),
    ] {
        let foreign = |url| reqwest::Client::new().put(url).header(header, value).body("trace");
        let (status, sentence) = operator.ask(foreign, "/log-level").await;
        assert_eq!(status, 403, "{header}");
        assert!(sentence.starts_with("the log level can only be changed from this machine"), "{sentence}");
    }
    let long = |url| reqwest::Client::new().put(url).body("info,".repeat(1000));
    let (status, sentence) = operator.ask(long, "/log-level").await;
    assert_eq!(
        (status, &*sentence),
        (413, "the log level is longer than 512 bytes; send a shorter filter, such as info\n")
    );
    assert_eq!(operator.ask(|url| reqwest::Client::new().post(url).body("trace"), "/log-level").await.0, 405);
    assert_eq!(operator.get("/log-level").await, (200, "info\n".to_owned()));
    world.check(&operator).await;
}

/// Whatever the libraries below have to say then: no secret value is in it.
#[tokio::test]
async fn no_secret_is_logged_at_the_highest_level() {
    let world = World::synced("logtrace").await;
    let operator = world.operator().await;
    assert_eq!(put(&operator, "trace").await.0, 200);
    world.wait_ready("pull").await;
    world.revoke_tokens();
    rotate(&world, 2).await;
    operator.wait_for_line("\"TRACE\"").await;
    world.wait_quiet(&operator).await;
    world.check(&operator).await;
}
