//! What is done after a start while Secrets are listed, and what waits for them. Time is virtual.

use std::{collections::HashMap, sync::atomic::Ordering::SeqCst};

use super::{neighbours::resource, *};
use crate::{
    api::{AICoreRegistrySecretStatus, condition},
    controller::fakes::{FakeKubernetes, Running, World},
    domain::{
        decide::warm_up::LIST_LIMIT,
        parse::object::{Object, ObjectKey},
        testing::{WithSpec, seconds},
        tools::bucket::Rate,
    },
};

type Secrets = HashMap<ObjectKey, (String, &'static str, String)>;

/// What a process has left that has pushed some resources, at version 1 of their Secrets.
struct Left {
    statuses: Vec<AICoreRegistrySecretStatus>,
    secrets: Secrets,
}

impl Left {
    async fn after_a_push_of(objects: &[Object]) -> Self {
        let world = World::new().with_places(32, 8);
        *world.ctx.ai_core.rate.lock().unwrap() = Some(Rate::new(1000.0, 1000));
        world.ctx.index.remove_resource(&world.object.key);
        for object in objects {
            world.has_another(object, "1", "one");
        }
        let world = world.run();
        assert_eq!(world.until_accepted(objects, seconds(60)).await, None);
        tokio::time::sleep(seconds(1)).await;
        let status = |object: &Object| (*world.ctx.index.status(&object.key).unwrap().1).clone();
        let secrets = world.ctx.kubernetes.secrets.lock().unwrap().clone();
        Self { statuses: objects.iter().map(status).collect(), secrets }
    }

    /// Another process, which has listed these resources, and is about to list the Secrets.
    fn starts(self, objects: &[Object], change: impl FnOnce(&FakeKubernetes)) -> Running {
        let world = World::new().with_places(32, 8).listing_secrets();
        *world.ctx.ai_core.rate.lock().unwrap() = Some(Rate::new(1000.0, 1000));
        world.ctx.index.remove_resource(&world.object.key);
        *world.ctx.kubernetes.secrets.lock().unwrap() = self.secrets;
        change(&world.ctx.kubernetes);
        for (object, status) in objects.iter().zip(self.statuses) {
            world.ctx.index.apply_resource(object.clone(), status);
        }
        world.ctx.index.secrets_list_begins(&None);
        world.journal();
        world.run()
    }
}

impl Running {
    /// A page of the first list shows the Secret as it is.
    fn shows(&self, secret: &ObjectKey) {
        let version = self.ctx.kubernetes.secrets.lock().unwrap().get(secret).unwrap().0.clone();
        for woken in self.ctx.index.apply_secret(secret, &version) {
            self.ctx.queue.enqueue(&woken, Priority::Routine);
        }
    }

    /// The first list is complete.
    fn is_listed(&self) {
        let (place, watched) = self.ctx.scopes.iter().next().unwrap();
        self.ctx.scopes.secrets_listed(place);
        watched.secrets.completed();
        watched.secrets.received();
        for woken in self.ctx.index.secrets_list_ends(&None) {
            self.ctx.queue.enqueue(&woken, Priority::Routine);
        }
    }

    /// What was asked of the API server and of AI Core in the second after this.
    async fn does(&self) -> (usize, usize, usize) {
        tokio::time::sleep(seconds(1)).await;
        let journal = self.journal();
        let count = |what: &str| journal.iter().filter(|line| line.starts_with(what)).count();
        (count("read Secret"), count("push "), count("write status"))
    }

    fn reason(&self, object: &Object) -> String {
        let (_, status) = self.ctx.index.status(&object.key).unwrap();
        condition::find(&status.conditions, condition::READY).unwrap().reason.clone()
    }
}

fn one() -> [Object; 1] {
    [resource(0, "one")]
}

#[tokio::test(start_paused = true)]
async fn what_was_never_pushed_goes_before_secrets_are_listed_and_once() {
    let (before, new) = (one(), resource(0, "new"));
    let left = Left::after_a_push_of(&before).await;
    let world = left.starts(&before, |kubernetes| {
        kubernetes.holds_credential(new.source(), "7", "x");
        kubernetes.holds_service_key(new.service_key(), "8", "two");
    });
    for woken in world.ctx.index.apply_resource(new.clone(), AICoreRegistrySecretStatus::default()) {
        world.ctx.queue.enqueue(&woken, Priority::Routine);
    }
    assert_eq!(world.does().await, (2, 1, 1));
    assert_eq!(world.reason(&new), "Synced");
    for secret in [new.service_key(), new.source(), before[0].service_key(), before[0].source()] {
        world.shows(&secret);
        assert_eq!(world.does().await, (0, 0, 0), "{secret:?}");
    }
    world.is_listed();
    assert_eq!(world.does().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_sync_asks_for_nothing_while_secrets_are_listed_and_after() {
    let objects: Vec<Object> = (0..20).map(|number| resource(number % 3, &format!("r-{number}"))).collect();
    let world = Left::after_a_push_of(&objects).await.starts(&objects, |_| {});
    assert_eq!(world.does().await, (0, 0, 0));
    for object in &objects {
        world.shows(&object.source());
    }
    assert_eq!(world.does().await, (0, 0, 0));
    objects.iter().for_each(|object| world.shows(&object.service_key()));
    assert_eq!(world.does().await, (0, 0, 0));
    world.is_listed();
    assert_eq!(world.does().await, (0, 0, 0));
    tokio::time::sleep(LIST_LIMIT).await;
    assert_eq!(world.does().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_was_missed_goes_when_its_secret_is_shown() {
    let objects = [resource(0, "one"), resource(1, "two")];
    let world = Left::after_a_push_of(&objects).await.starts(&objects, |kubernetes| {
        objects.iter().for_each(|object| kubernetes.holds_credential(object.source(), "2", "2"));
    });
    assert_eq!(world.does().await, (0, 0, 0));
    world.shows(&objects[0].source());
    assert_eq!(world.does().await, (2, 1, 1));
    world.shows(&objects[0].service_key());
    world.shows(&objects[1].service_key());
    assert_eq!(world.does().await, (0, 0, 0));
    world.shows(&objects[1].source());
    assert_eq!(world.does().await, (2, 1, 1));
    world.is_listed();
    assert_eq!(world.does().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_service_key_that_was_replaced_goes_when_its_secret_is_shown() {
    let objects = one();
    let world = Left::after_a_push_of(&objects).await.starts(&objects, |kubernetes| {
        kubernetes.holds_service_key(objects[0].service_key(), "2", "two");
    });
    assert_eq!(world.does().await, (0, 0, 0));
    world.shows(&objects[0].service_key());
    // To the other tenant, which is announced before; that something stays in the first one is said, and then that it was said.
    assert_eq!(world.does().await, (2, 1, 3));
}

/// That it is not there is known when the list is complete.
#[tokio::test(start_paused = true)]
async fn a_secret_that_was_deleted_is_missed_at_the_end_of_the_list() {
    let objects = one();
    let world = Left::after_a_push_of(&objects).await.starts(&objects, |kubernetes| {
        kubernetes.secrets.lock().unwrap().remove(&objects[0].source());
    });
    world.shows(&objects[0].service_key());
    assert_eq!(world.does().await, (0, 0, 0));
    world.is_listed();
    assert_eq!(world.does().await, (2, 0, 1));
    assert_eq!(world.reason(&objects[0]), "SecretNotFound");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_or_deleted_while_secrets_are_listed_goes_at_once() {
    let objects = [resource(0, "forced"), resource(0, "changed"), resource(0, "deleted")];
    let world = Left::after_a_push_of(&objects).await.starts(&objects, |_| {});
    assert_eq!(world.does().await, (0, 0, 0));
    let forced = Object { requested_at: Some("now".into()), ..objects[0].clone() };
    let changed = objects[1].clone().with_spec(|spec| spec.secret_ref.name = "another".to_owned());
    let changed = Object { generation: 2, ..changed };
    world.ctx.kubernetes.holds_credential(changed.source(), "1", "another");
    for object in [forced, changed] {
        for woken in world.ctx.index.apply_resource(object, AICoreRegistrySecretStatus::default()) {
            world.ctx.queue.enqueue(&woken, Priority::Urgent);
        }
    }
    assert_eq!(world.does().await, (4, 2, 2));
    // One that is deleted meanwhile is waited for by nobody.
    world.ctx.index.remove_resource(&objects[2].key);
    world.ctx.queue.remove(&objects[2].key);
    for object in &objects {
        world.ctx.index.apply_secret(&object.source(), "1");
    }
    world.is_listed();
    assert_eq!(world.does().await.1, 0);
    assert_eq!(world.ctx.queue.load().waiting, 0);
}

/// The version of a continuation has expired, or the connection was cut: the list begins again.
#[tokio::test(start_paused = true)]
async fn a_list_that_begins_again_in_its_middle_changes_nothing() {
    let objects = [resource(0, "in-sync"), resource(0, "missed"), resource(0, "gone")];
    let world = Left::after_a_push_of(&objects).await.starts(&objects, |_| {});
    for object in &objects {
        world.shows(&object.source());
    }
    assert_eq!(world.does().await, (0, 0, 0));
    // Since the page that has shown them, one is rotated, and one is gone.
    world.ctx.kubernetes.holds_credential(objects[1].source(), "2", "2");
    world.ctx.kubernetes.secrets.lock().unwrap().remove(&objects[2].source());
    world.ctx.index.secrets_list_begins(&None);
    world.shows(&objects[0].source());
    assert_eq!(world.does().await, (0, 0, 0));
    world.shows(&objects[1].source());
    assert_eq!(world.does().await, (2, 1, 1));
    objects.iter().for_each(|object| world.shows(&object.service_key()));
    assert_eq!(world.does().await, (0, 0, 0));
    world.is_listed();
    assert_eq!(world.does().await, (2, 0, 1));
    assert_eq!(world.reason(&objects[2]), "SecretNotFound");
}

/// Then the Secrets count as not watched: each pass reads them.
#[tokio::test(start_paused = true)]
async fn a_list_that_does_not_end_is_waited_for_no_longer_than_the_limit() {
    let objects = one();
    let world = Left::after_a_push_of(&objects).await.starts(&objects, |kubernetes| {
        kubernetes.holds_credential(objects[0].source(), "2", "2");
    });
    tokio::time::sleep(LIST_LIMIT.saturating_sub(seconds(2))).await;
    assert_eq!(world.does().await, (0, 0, 0));
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(world.does().await, (2, 1, 1));
}

/// Others that name the same Secrets hear of what a read has found, as if a page had shown it.
#[tokio::test(start_paused = true)]
async fn what_one_reads_counts_for_those_who_wait() {
    let waits = resource(0, "waits");
    let objects = [waits.clone()];
    let left = Left::after_a_push_of(&objects).await;
    let world = left.starts(&objects, |kubernetes| kubernetes.holds_credential(waits.source(), "2", "2"));
    assert_eq!(world.does().await, (0, 0, 0));
    let new = Object { uid: "uid-new".into(), key: waits.key.sibling("new"), ..waits.clone() }
        .with_spec(|spec| spec.remote_name = Some("new".to_owned()));
    for woken in world.ctx.index.apply_resource(new, AICoreRegistrySecretStatus::default()) {
        world.ctx.queue.enqueue(&woken, Priority::Urgent);
    }
    // Each reads the credential, and one of them the service key.
    assert_eq!(world.does().await, (3, 2, 2));
    world.shows(&waits.source());
    world.shows(&waits.service_key());
    world.is_listed();
    assert_eq!(world.does().await, (0, 0, 0));
}

/// Those of a tenant share its service key, which is read once, whoever comes first.
#[tokio::test(start_paused = true)]
async fn a_shared_service_key_is_read_once_although_no_page_has_shown_it() {
    let shared = resource(0, "shared").service_key();
    let objects: Vec<Object> = (0..40)
        .map(|number| {
            resource(0, &format!("r-{number}"))
                .with_spec(|spec| spec.ai_core_secret_ref.as_mut().unwrap().name = shared.name.to_string())
        })
        .collect();
    let left = Left {
        statuses: objects.iter().map(|_| AICoreRegistrySecretStatus::default()).collect(),
        secrets: Secrets::new(),
    };
    let world = left.starts(&objects, |kubernetes| {
        kubernetes.holds_service_key(shared.clone(), "1", "one");
        objects.iter().for_each(|object| kubernetes.holds_credential(object.source(), "1", "1"));
    });
    assert_eq!(world.until_accepted(&objects, seconds(60)).await, None);
    tokio::time::sleep(seconds(1)).await;
    let journal = world.journal();
    let count = |what: &str| journal.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((count("create "), count("write status"), count("connect")), (40, 40, 1));
    let reads = world.does().await.0;
    assert_eq!(reads, 0, "after all were accepted");
    world.shows(&shared);
    objects.iter().for_each(|object| world.shows(&object.source()));
    world.is_listed();
    assert_eq!(world.does().await, (0, 0, 0));
}

/// A process that cannot read Secrets either says so, and not only after the limit.
#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_said_before_the_list_is_over() {
    let new = one();
    let left = Left { statuses: vec![AICoreRegistrySecretStatus::default()], secrets: Secrets::new() };
    let world = left.starts(&new, |kubernetes| kubernetes.denied.store(true, SeqCst));
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(world.reason(&new[0]), "AccessDenied");
}
