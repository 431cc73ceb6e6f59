//! Who has how much of a tenant's rate when it is short.

use std::collections::BTreeMap;

use rstest::rstest;

use super::{neighbours::resource, *};
use crate::{
    controller::fakes::{Running, World},
    domain::{parse::object::Object, testing::seconds, tools::bucket::Rate},
};

/// Each has so many resources of which AI Core has accepted something, and rotates one of them six times a second.
const NAMESPACES: usize = 5;
const RESOURCES: usize = 12;
/// One more has resources that are refused for ever, for each of which a push is asked for ten times a second.
const REFUSED: usize = 3;
const TIME: u64 = 30;

impl Running {
    /// A person asks for a push of it.
    fn force(&self, object: &Object, value: u64) {
        let (_, status) = self.ctx.index.status(&object.key).unwrap();
        let forced = Object { requested_at: Some(value.to_string().into()), ..object.clone() };
        self.ctx.index.apply_resource(forced, (*status).clone());
        self.ctx.queue.enqueue(&object.key, Priority::Urgent);
    }
}

/// How many requests there were of each namespace.
fn requests(journal: &[String]) -> BTreeMap<&str, usize> {
    let mut requests = BTreeMap::new();
    for line in journal {
        let name = ["push ", "create ", "look after "].iter().find_map(|what| line.strip_prefix(what));
        if let Some((namespace, _)) = name.and_then(|name| name.split_once('-')) {
            *requests.entry(namespace).or_default() += 1;
        }
    }
    requests
}

#[rstest]
#[case::never_accepted(false)]
#[case::accepted_before(true)]
#[tokio::test(start_paused = true)]
async fn who_asks_for_what_is_refused_for_ever_has_no_more_than_others(
    #[case] accepted_before: bool,
    #[values(1, 4)] each_is: usize,
    #[values(Rate::new(10.0, 20), Rate::new(10.0, 1))] rate: Rate,
) {
    let world = World::new().with_places(32, 8);
    world.ctx.index.remove_resource(&world.object.key);
    *world.ctx.ai_core.rate.lock().unwrap() = Some(rate);
    *world.ctx.ai_core.latency.lock().unwrap() = Duration::from_millis(20);
    let of = |namespace: usize, count: usize| -> Vec<Object> {
        (0..count).map(|number| resource(namespace, &format!("ns{namespace}-{number}"))).collect()
    };
    let rotated: Vec<Vec<Object>> = (0..NAMESPACES).map(|namespace| of(namespace, RESOURCES)).collect();
    let refused = of(NAMESPACES, REFUSED);
    rotated.iter().flatten().chain(&refused).for_each(|object| world.has_another(object, "1", "one"));
    let refuse = |running: &Running| {
        let names = refused.iter().map(|object| (object.key.name.to_string(), each_is));
        running.ctx.ai_core.no_room.lock().unwrap().extend(names);
    };
    let world = world.run();
    if !accepted_before {
        refuse(&world);
    }
    let accepted: Vec<Object> = rotated.iter().flatten().cloned().collect();
    assert_eq!(world.until_accepted(&accepted, seconds(60)).await, None);
    tokio::time::sleep(seconds(10)).await;
    refuse(&world);

    let mut version = 1;
    for tenth in 0..10 * TIME {
        if tenth == 50 {
            world.journal();
        }
        version += 1;
        for of_one in &rotated {
            let number = usize::try_from(tenth).unwrap() % RESOURCES;
            if tenth % 5 < 3 {
                world.rotate(&of_one[number], &version.to_string());
            }
        }
        refused.iter().for_each(|object| world.force(object, version));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let journal = world.journal();
    let requests = requests(&journal);
    let all: usize = requests.values().sum();
    let share = all / (NAMESPACES + 1);
    assert_eq!(requests.len(), NAMESPACES + 1, "{requests:?}");
    let (most, least) = (share + share / 6 + 1, share - share / 6 - 1);
    assert!(requests.values().all(|of_one| *of_one <= most), "{requests:?}");
    // In one lane, what is asked for is behind what is rotated.
    let others = requests.iter().filter(|(namespace, _)| !(accepted_before && **namespace == "ns5"));
    assert!(others.into_iter().all(|(_, of_one)| *of_one >= least), "{requests:?}");
    // Nothing of the rate is left unused.
    let most = usize::try_from(10 * (TIME - 5)).unwrap();
    assert!((most * 19 / 20..=most + 20).contains(&all), "{requests:?}");
}
