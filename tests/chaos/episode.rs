//! One seed, from its beginning to its judgement.

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use testbed::relay::Flow;
use tokio::time::sleep_until;

use crate::{
    actions,
    cluster::Stage,
    observer,
    oracle::judge,
    plan::{Episode, Round},
    replicas::{Command, Keeper, keep},
    report::{Find, Outcome},
    settle::{probe, rest, settle},
    troubles::strike,
    world::World,
};

/// Plays an episode, and judges it.
pub(crate) async fn run(stage: &Stage, plan: &Episode) -> Outcome {
    println!("chaos: seed {} with {:?}", plan.seed, plan.setting);
    let world = World::new(stage, plan.seed, &plan.setting).await;
    let (keepers, keeping): (Vec<Keeper>, Vec<_>) =
        (0..plan.setting.replicas).map(|number| keep(&world, number)).unzip();
    let resources = world.namespaces.iter().map(|namespace| world.resources(namespace));
    let watching = join_all(resources.chain([world.tenants()]).map(|api| observer::watch(&world, api)));
    let playing = play(&world, &keepers, plan);
    let mut outcome = tokio::select! {
        (outcome, _) = async { tokio::join!(playing, join_all(keeping)) } => outcome,
        _ = watching => unreachable!("a watch goes on"),
    };
    let record = observer::record(&world).await;
    outcome.judged(judge(&record));
    if !outcome.finds.is_empty() {
        outcome.keep(plan, &record);
    }
    actions::clear(&world).await;
    outcome.counted(&world);
    outcome.print();
    outcome
}

async fn play(world: &World<'_>, keepers: &[Keeper], plan: &Episode) -> Outcome {
    let mut outcome = Outcome::new(plan.seed);
    for (number, round) in plan.rounds.iter().enumerate() {
        perform(world, keepers, round).await;
        world.set_way(Flow::Passing);
        let mut settled = settle(world).await;
        if settled.astray.is_empty() {
            let probed = probe(world).await;
            settled.probed = probed.alone;
            settled.astray = probed.astray;
        }
        join_all(keepers.iter().map(|keeper| keeper.tell(Command::Scrape))).await;
        let lost = !settled.astray.is_empty();
        outcome.settled(number, settled);
        // The next round would only tell the same again.
        if lost {
            return end(keepers, outcome).await;
        }
    }
    let rested = rest(world).await;
    let lost = !rested.astray.is_empty();
    outcome.settled(plan.rounds.len(), rested);
    if let Some(order) = plan.farewell.as_ref().filter(|_| !lost) {
        actions::end_namespace(world, 1, order).await;
        outcome.settled(plan.rounds.len() + 1, settle(world).await);
    }
    end(keepers, outcome).await
}

async fn end(keepers: &[Keeper], outcome: Outcome) -> Outcome {
    join_all(keepers.iter().map(|keeper| keeper.tell(Command::End))).await;
    outcome
}

/// People act one after the other; troubles come when their time comes.
async fn perform(world: &World<'_>, keepers: &[Keeper], round: &Round) {
    let began = tokio::time::Instant::now();
    let people = async {
        for (at, action) in &round.actions {
            sleep_until(began + *at).await;
            actions::perform(world, action).await;
        }
    };
    let troubles: FuturesUnordered<_> = round
        .troubles
        .iter()
        .map(|(at, lasting, trouble)| async move {
            sleep_until(began + *at).await;
            strike(world, keepers, trouble, *lasting).await;
        })
        .collect();
    tokio::join!(people, troubles.collect::<()>(), sleep_until(began + round.length));
}

impl Outcome {
    fn judged(&mut self, against: Vec<(&'static str, String)>) {
        // What never settled is among it; it is told once.
        self.finds.extend(against.into_iter().map(|(rule, what)| Find { rule, what }));
    }
}
