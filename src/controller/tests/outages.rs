//! Servers that lose what they are asked for during an outage, and come back at whatever moment.

use std::sync::atomic::Ordering::SeqCst;

use tokio::time::Instant;

use super::{neighbours::resource, *};
use crate::{
    controller::fakes::{FakeEndpoint, Running, World},
    domain::{
        parse::object::Object,
        testing::{seconds, service_key_of},
        tools::bucket::Rate,
    },
};

const NAMESPACES: usize = 5;
/// Until everything that was rotated in an outage is accepted.
const PROMISED: Duration = Duration::from_secs(15);
/// In an outage that is not much longer than a request may take, few have learned of it.
const SHORT: Duration = Duration::from_secs(20);

/// How far apart the test looks what is accepted.
const LOOKS: Duration = Duration::from_millis(50);

/// Which servers of the tenant are silent.
#[derive(Clone, Copy, Debug)]
enum Silent {
    Tokens,
    Api,
    Both,
}

/// A tenant with so many resources, each with its own Secrets, all of them in sync.
async fn in_sync(resources: usize) -> (Running, FakeEndpoint, Vec<Object>) {
    let world = World::new().with_places(32, 8);
    world.ctx.index.remove_resource(&world.object.key);
    let endpoint = FakeEndpoint::default();
    *world.ctx.ai_core.endpoint.lock().unwrap() = Some(endpoint.clone());
    *world.ctx.ai_core.rate.lock().unwrap() = Some(Rate::new(10.0, 20));
    let objects: Vec<_> =
        (0..resources).map(|number| resource(number % NAMESPACES, &format!("pull-{number}"))).collect();
    for object in &objects {
        world.has_another(object, "1", "one");
    }
    let world = world.run();
    assert_eq!(world.until_accepted(&objects, seconds(60)).await, None);
    (world, endpoint, objects)
}

impl Running {
    /// Waits until what each of them holds is accepted. Returns how many were not within the limit.
    pub(super) async fn until_accepted(&self, objects: &[Object], limit: Duration) -> Option<usize> {
        let deadline = Instant::now() + limit;
        let is_missing =
            |object: &&Object| !self.ctx.ai_core.accepted.lock().unwrap().contains(&*object.key.name);
        loop {
            if !objects.iter().any(|object| is_missing(&object)) {
                return None;
            }
            if Instant::now() >= deadline {
                return Some(objects.iter().filter(is_missing).count());
            }
            tokio::time::sleep(LOOKS).await;
        }
    }

    fn falls_silent(&self, endpoint: &FakeEndpoint, silent: Silent) {
        endpoint.silent.store(!matches!(silent, Silent::Api), SeqCst);
        if !matches!(silent, Silent::Tokens) {
            self.ctx.ai_core.hung.lock().unwrap().insert(service_key_of("s3cret", "one").tenant());
        }
    }

    fn answers_again(&self, endpoint: &FakeEndpoint) {
        endpoint.silent.store(false, SeqCst);
        self.ctx.ai_core.hung.lock().unwrap().clear();
    }
}

/// How long it takes after an outage of that length until all rotations that were made in it are accepted.
async fn recovery(silent: Silent, resources: usize, outage: Duration) -> Duration {
    let (world, endpoint, objects) = in_sync(resources).await;
    // All tokens have ended.
    tokio::time::sleep(seconds(30)).await;
    world.falls_silent(&endpoint, silent);
    world.ctx.ai_core.accepted.lock().unwrap().clear();
    let (began, asked) = (Instant::now(), endpoint.asked.load(SeqCst));
    objects.iter().for_each(|object| world.rotate(object, "2"));
    tokio::time::sleep(outage).await;
    let requests = endpoint.asked.load(SeqCst) - asked;
    let most = began.elapsed().as_secs() / 4 + 3;
    assert!(u64::try_from(requests).unwrap() <= most, "{silent:?}: {requests} in {outage:?}");
    world.answers_again(&endpoint);
    let back = Instant::now();
    assert_eq!(world.until_accepted(&objects, seconds(60)).await, None, "{silent:?}, {outage:?}");
    back.elapsed()
}

/// Whatever has asked for what when the servers are back. Of an API that loses what it is asked for, a resource may learn only at the
/// end of its request.
#[rstest::rstest]
#[tokio::test(start_paused = true)]
async fn all_rotations_are_accepted_soon_after_an_outage(
    #[values(Silent::Tokens, Silent::Api, Silent::Both)] silent: Silent,
    #[values(1, 2, 20, 60)] resources: usize,
) {
    let mut longest = Duration::ZERO;
    for tenths in (10..=300).step_by(29).chain((600..=900).step_by(27)) {
        let outage = Duration::from_millis(100) * tenths;
        let took = recovery(silent, resources, outage).await;
        // As long as nothing has failed yet, nobody knows of an outage, and each waits for the end of its request; so does who is alone,
        // because nobody else's answer tells that it will have none.
        let promised = if outage < SHORT || resources <= 2 { PROMISED + seconds(1) } else { PROMISED };
        assert!(took <= promised + LOOKS, "{took:?} after {outage:?}");
        longest = longest.max(took);
    }
    println!("{silent:?}, {resources} resources: {longest:?}");
}

/// Nobody waits for a token of a key that is not the one any more.
#[tokio::test(start_paused = true)]
async fn a_resource_whose_key_is_replaced_does_not_wait_for_the_old_tenant() {
    let (world, endpoint, objects) = in_sync(1).await;
    tokio::time::sleep(seconds(30)).await;
    world.falls_silent(&endpoint, Silent::Tokens);
    let object = objects.first().unwrap();
    let asked = endpoint.asked.load(SeqCst);
    world.rotate(object, "2");
    tokio::time::sleep(seconds(3)).await;
    assert!(endpoint.asked.load(SeqCst) > asked, "it waits for a token");
    world.ctx.ai_core.accepted.lock().unwrap().clear();
    *world.ctx.ai_core.endpoint.lock().unwrap() = Some(FakeEndpoint::default());
    world.ctx.kubernetes.holds_service_key(object.service_key(), "2", "two");
    for woken in world.ctx.index.apply_secret(&object.service_key(), "2") {
        world.ctx.queue.enqueue(&woken, Priority::Urgent);
    }
    assert_eq!(world.until_accepted(&objects, seconds(1)).await, None);
}
