//! From one version to the next and back. Objects as a version writes them are kept for each release in `tests/fixtures`, and all of
//! them are read: what is in sync is left alone, and of the rest what is due is done once.
//!
//! `make fixtures` records those of the present version, until it is released; those of a release are never changed.

mod fixture;
mod newer;
mod older_definition;
mod record;

use std::path::PathBuf;

use serde_json::json;
use testbed::{proxy::Proxy, simulator::Operation};

use self::fixture::Fixture;
use crate::{
    cluster::cluster,
    world::{
        Login, World,
        operation::{DELETE, TOKEN},
    },
};

/// The secret of the service key that a release's objects were written with and the next version finds.
const CLIENT_SECRET: &str = "s3cr3tCanary-of-all-releases";

/// What becomes of an object in a state, and with which writes to AI Core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Becomes {
    /// Nothing: no request, and no status.
    Same,
    /// It is due, and in sync afterwards.
    Created,
    /// It is being deleted.
    Gone(&'static [(Operation, u16)]),
}

/// Every state, in the order in which the objects are made: an owner comes before who wants the same name.
const STATES: [(&str, Becomes); 15] = [
    ("synced", Becomes::Same),
    ("guarded", Becomes::Same),
    ("forced", Becomes::Same),
    ("never", Becomes::Same),
    ("suspended", Becomes::Same),
    ("suspended-at-first", Becomes::Same),
    ("waiting", Becomes::Same),
    ("invalid", Becomes::Same),
    ("refused", Becomes::Same),
    ("rejected", Becomes::Same),
    ("conflicting", Becomes::Same),
    ("unavailable", Becomes::Created),
    ("announced", Becomes::Created),
    ("created", Becomes::Created),
    ("deleting", Becomes::Gone(&[(DELETE, 202)])),
];

/// States in which AI Core holds what the Secret holds.
const HELD: [&str; 6] = ["synced", "guarded", "forced", "never", "suspended", "deleting"];

/// A world with the Secrets that the objects name.
async fn world(prefix: &str) -> World {
    let world = World::new(prefix).await;
    // Keys that are refused share nothing with the one that works.
    world.tenant().rotate_secret("s3cr3tCanary-that-is-refused");
    world.service_key("refused-key").await;
    world.tenant().rotate_secret(CLIENT_SECRET);
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.raw_docker_secret("broken", "{}").await;
    world
}

fn payload() -> String {
    World::payload(&[("ghcr.io", Login::new("robot", 1))])
}

fn releases() -> Vec<PathBuf> {
    let folder = fixture::folder();
    let mut releases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    releases.sort();
    releases
}

/// Those of the version that is being built too: it has to read what it writes, also before it is recorded anew.
#[tokio::test]
async fn the_objects_of_every_release_are_read_without_a_request_that_is_not_due() {
    let releases = releases();
    assert!(!releases.is_empty());
    for release in releases {
        println!("objects of {}", release.display());
        are_read(STATES.map(|(state, _)| Fixture::read(&release, state)).to_vec()).await;
    }
}

#[tokio::test]
async fn the_objects_that_this_version_writes_are_read_by_it() {
    let recorded = record::record().await;
    if std::env::var_os("WRITE_FIXTURES").is_some() {
        let release = fixture::folder().join(env!("CARGO_PKG_VERSION"));
        recorded.iter().for_each(|fixture| fixture.write(&release));
    }
    are_read(recorded).await;
}

async fn are_read(fixtures: Vec<Fixture>) {
    let world = world("upgrade").await;
    for state in HELD {
        world.preset_remote(state, &payload());
    }
    for fixture in &fixtures {
        if fixture.state == "conflicting" {
            world.next_second().await;
        }
        fixture.make(&world).await;
    }
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    for (state, becomes) in STATES {
        match becomes {
            Becomes::Same => {}
            Becomes::Created => drop(world.wait_ready(state).await),
            Becomes::Gone(_) => world.wait_gone(state).await,
        }
    }
    world.wait_quiet(&operator).await;
    for (state, becomes) in STATES {
        let writes = world.writes_of(state);
        match becomes {
            Becomes::Created => assert!(World::is_creation(&writes), "{state}: {writes:?}"),
            Becomes::Gone(expected) => assert_eq!(writes, expected, "{state}"),
            Becomes::Same => {
                assert_eq!(writes, [], "{state}");
                let seen = proxy.seen();
                let written = seen.iter().filter(|seen| {
                    seen.request.is("patch", "aicoreregistrysecrets")
                        && seen.request.name.as_deref() == Some(state)
                });
                assert_eq!(written.count(), 0, "{state}: {:#?}", world.resource_now(state).await.status);
            }
        }
    }
    // One for the key that works, and none for the one that was refused.
    assert_eq!(world.requests_of(TOKEN), 1);
    // And all of them are served from now on.
    let rotated = [("ghcr.io", Login::new("robot", 2))];
    world.docker_secret("source", &rotated).await;
    for state in ["synced", "guarded", "forced", "never", "rejected", "unavailable", "announced", "created"] {
        world.wait_remote(state, &World::payload(&rotated)).await;
    }
    world.patch_spec("suspended", json!({ "suspend": false })).await;
    world.wait_remote("suspended", &World::payload(&rotated)).await;
    world.check(&operator).await;
}
