//! Random orders of what users do and of what passes wait for.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use proptest::prelude::*;

use crate::{
    api::AICoreRegistrySecretStatus,
    controller::fakes::World,
    domain::{
        parse::object::Object,
        testing::{WithSpec, an_object},
    },
};

/// One step of the outside world.
#[derive(Clone, Copy, Debug)]
enum Step {
    Suspend(bool),
    Delete,
    Remove,
    CreateAnew,
    Edit,
    Rotate,
    HoldTokens(bool),
    HoldReads(bool),
    HoldSecondRequests(bool),
    Time,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => any::<bool>().prop_map(Step::Suspend),
        1 => Just(Step::Delete),
        1 => Just(Step::Remove),
        1 => Just(Step::CreateAnew),
        1 => Just(Step::Edit),
        4 => Just(Step::Rotate),
        3 => any::<bool>().prop_map(Step::HoldTokens),
        3 => any::<bool>().prop_map(Step::HoldReads),
        3 => any::<bool>().prop_map(Step::HoldSecondRequests),
        3 => Just(Step::Time),
    ]
}

struct Outside {
    object: Option<Object>,
    created: u32,
    rotation: u32,
}

impl Outside {
    /// Whether anything is to be sent, by what the index heard last.
    fn wants_push(&self) -> bool {
        self.object.as_ref().is_some_and(|object| !object.deleting && !object.spec.suspended())
    }

    fn take(&mut self, world: &World, step: Step) {
        let set = |closed: bool, gate: &crate::controller::fakes::Hold| {
            if closed { gate.close() } else { gate.open() }
        };
        match step {
            Step::HoldTokens(closed) => return set(closed, &world.ctx.ai_core.token),
            Step::HoldReads(closed) => return set(closed, &world.ctx.kubernetes.reads),
            Step::HoldSecondRequests(closed) => return set(closed, &world.ctx.ai_core.second),
            Step::Time => return,
            Step::Rotate => {
                self.rotation += 1;
                return world.rotated(&format!("r{}", self.rotation), &self.rotation.to_string());
            }
            Step::Remove => {
                self.object = None;
                world.ctx.index.remove_resource(&world.object.key);
                return;
            }
            Step::CreateAnew => {
                self.created += 1;
                self.object = Some(Object { uid: format!("uid-{}", self.created).into(), ..an_object() });
            }
            Step::Suspend(_) | Step::Delete | Step::Edit => {
                let Some(object) = self.object.take() else { return };
                let object = Object { generation: object.generation + 1, ..object };
                self.object = Some(match step {
                    Step::Delete => Object { deleting: true, ..object },
                    Step::Suspend(suspend) => object.with_spec(|spec| spec.suspend = Some(suspend)),
                    _ => object,
                });
            }
        }
        if let Some(object) = self.object.clone() {
            world.ctx.index.apply_resource(object, AICoreRegistrySecretStatus::default());
        }
    }
}

async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

fn is_write(line: &str) -> bool {
    ["push", "create", "delete"].iter().any(|write| line.starts_with(write))
}

/// Runs passes all the time while the steps happen. Returns what was sent although the index had heard that nothing is to be.
async fn run(steps: Vec<Step>) -> Vec<String> {
    let world = World::new();
    world.ctx.ai_core.needs_second.store(true, SeqCst);
    let mut outside = Outside { object: Some(world.object.clone()), created: 0, rotation: 0 };
    let mut unwanted = Vec::new();
    let mut look = |wanted: bool| {
        let sent = world.journal().into_iter().filter(|line| is_write(line) && !wanted);
        unwanted.extend(sent);
    };
    let passes = async {
        loop {
            world.pass().await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let events = async {
        for step in steps {
            look(outside.wants_push());
            outside.take(&world, step);
            if matches!(step, Step::Time) {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            settle().await;
            look(outside.wants_push());
        }
        for hold in [&world.ctx.ai_core.token, &world.ctx.kubernetes.reads, &world.ctx.ai_core.second] {
            hold.open();
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        look(outside.wants_push());
    };
    tokio::select! {
        () = passes => {}
        () = events => {}
    }
    if outside.wants_push() {
        assert_eq!(world.ready(), "True/Synced", "what is wanted is sent in the end");
    }
    unwanted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// From the moment at which the index has heard that a resource is suspended, deleted or gone, nothing is sent for it.
    #[test]
    fn nothing_is_written_that_is_not_wanted_at_that_moment(steps in prop::collection::vec(step(), 1..40)) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        prop_assert_eq!(runtime.block_on(run(steps)), Vec::<String>::new());
    }
}
