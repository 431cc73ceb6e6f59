//! Within one tenant: service keys that were never given a token for it, and remote secrets that it does not answer for.

use std::{collections::BTreeMap, time::Duration};

use rstest::rstest;
use serde_json::json;
use testbed::simulator::{Fault, Matcher};

use super::{MANY, SOON, rotations_arrive_until};
use crate::world::{Login, World};

/// A service key that names the tenant, of a client that it does not know.
async fn forged_key(world: &World, name: &str) {
    let mut key = world.tenant().service_key();
    (key["clientid"], key["clientsecret"]) = (json!(name), json!("invented"));
    world.secret(name, "Opaque", BTreeMap::from([("key.json".to_owned(), key.to_string())])).await;
}

/// So many resources of the tenant, with remote secrets of their own.
async fn others(world: &World, count: usize, key: impl Fn(usize) -> String) {
    world.docker_secret("others", &[("ghcr.io", Login::new("other", 1))]).await;
    for number in 0..count {
        let spec = json!({ "secretRef": { "name": "others" }, "aiCoreSecretRef": { "name": key(number) } });
        world.resource(&format!("other-{number}"), spec).await;
    }
}

/// How many requests have met their fault, of so many kinds.
fn met(world: &World, kinds: usize) -> usize {
    kinds * MANY - world.tenant().faults().pending()
}

/// Anybody can write down the URLs of a tenant.
#[rstest]
#[case::that_hang("forged-hang", Fault::hang(), 1)]
#[case::that_hang("forged-five-hang", Fault::hang(), 5)]
#[case::that_are_unavailable("forged-503", Fault::status(503), 5)]
#[case::that_are_cut("forged-cut", Fault::cut(), 5)]
#[tokio::test]
async fn keys_that_were_never_given_a_token_hold_up_nobody(
    #[case] prefix: &str,
    #[case] fault: Fault,
    #[case] keys: usize,
) {
    let world = World::synced(prefix).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for number in 0..keys {
        let name = format!("forged-{number}");
        world.tenant().faults().next(MANY, Matcher::client(&name), fault.clone());
        forged_key(&world, &name).await;
    }
    others(&world, keys, |number| format!("forged-{number}")).await;
    // Each has failed, and tries again.
    rotations_arrive_until(&world, || met(&world, keys) > keys).await;
    world.check(&operator).await;
}

#[rstest]
#[case::one_that_hangs("one-hangs", Fault::hang(), 1)]
#[case::two_that_hang("two-hang", Fault::hang(), 2)]
#[case::ten_that_hang("ten-hang", Fault::hang(), 10)]
#[case::two_that_fail("two-fail", Fault::status(500), 2)]
#[case::ten_that_fail("ten-fail", Fault::status(500), 10)]
#[tokio::test]
async fn remote_secrets_that_are_not_answered_for_hold_up_no_other(
    #[case] prefix: &str,
    #[case] fault: Fault,
    #[case] count: usize,
) {
    let world = World::synced(prefix).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for number in 0..count {
        world.tenant().faults().next(MANY, Matcher::name(format!("other-{number}")), fault.clone());
    }
    others(&world, count, |_| "key".to_owned()).await;
    // From the first on, until each has failed, and one or more have tried again.
    rotations_arrive_until(&world, || met(&world, count) > count).await;
    world.check(&operator).await;
}

/// What is older than it, and never had proof, it waits for once, and for all of them together.
#[tokio::test]
async fn a_good_key_waits_fifteen_seconds_for_older_ones_that_were_never_good() {
    let world = World::synced("younger").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for number in 0..4 {
        let name = format!("forged-{number}");
        world.tenant().faults().next(MANY, Matcher::client(&name), Fault::hang());
        forged_key(&world, &name).await;
        let spec = json!({ "remoteName": "wanted", "aiCoreSecretRef": { "name": name } });
        world.resource(&format!("older-{number}"), spec).await;
    }
    world.eventually("all of them hang", || async { (met(&world, 4) >= 4).then_some(()) }).await;
    world.next_second().await;
    // Another client of the tenant, which nobody has used yet.
    world.secret("good", "Opaque", world.tenant().binding_data()).await;
    world.resource("younger", json!({ "remoteName": "wanted", "aiCoreSecretRef": { "name": "good" } })).await;
    tokio::time::timeout(Duration::from_secs(15) + SOON, world.wait_ready("younger"))
        .await
        .expect("it waits for longer than fifteen seconds");
    world.check(&operator).await;
}
