//! The end of a round: everything works again, and the operator is given time. What it does not do by itself in that time, and
//! does not say to be held by the contract, is a find; what is held is asked for, as a person would.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::sleep;

use crate::{
    actions, observer,
    oracle::convergence::{Astray, astray},
    plan::{End, Place, SLOTS, SOURCES, Saying},
    recording::{Lead, Time},
    world::{World, source_name, tenant_number},
};

/// How long the operator may take by itself: a terminating resource may be held for a minute, and a write that went on alone is
/// made good a minute after the next one was accepted.
const ALONE: Duration = Duration::from_secs(90);
/// And once it was asked.
const ASKED: Duration = Duration::from_secs(90);
/// The life of a credential that turns while somebody waits for it.
const SHORT: Duration = Duration::from_secs(4);
/// Between its end and when that must have been told.
const TURNED: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(150);
/// Between two requests for the same resource.
const AGAIN: Duration = Duration::from_secs(15);

/// How a round came to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled {
    /// Until everything was right that is not held.
    pub(crate) alone: Time,
    /// From then on, for what was held.
    pub(crate) asked: Time,
    /// Then all credentials changed: until that had arrived.
    pub(crate) probed: Time,
    /// How many were asked for.
    pub(crate) held: usize,
    /// What is still not right.
    pub(crate) astray: Vec<Astray>,
}

pub(crate) async fn settle(world: &World<'_>) -> Settled {
    world.proxies.iter().for_each(testbed::proxy::Proxy::clear);
    for number in 0..crate::plan::TENANTS {
        world.tenant(number).faults().clear();
    }
    actions::tidy(world).await;
    // What still goes on alone is a fault until it is done.
    while world.simulator.late() > 0 {
        sleep(POLL).await;
    }
    let began = world.now();
    let mut settled = Settled::default();
    loop {
        let astray = look(world).await;
        settled.alone = world.now().saturating_sub(began);
        if astray.iter().all(|astray| astray.held) {
            break;
        }
        if settled.alone > ALONE {
            settled.astray = astray.into_iter().filter(|astray| !astray.held).collect();
            return settled;
        }
        sleep(POLL).await;
    }
    let began = world.now();
    let mut last_asked = None;
    loop {
        settled.astray = look(world).await;
        settled.asked = world.now().saturating_sub(began);
        if settled.astray.is_empty() || settled.asked > ASKED {
            return settled;
        }
        if last_asked.is_none_or(|last| world.now() > last + AGAIN) {
            last_asked = Some(world.now());
            settled.held = settled.held.max(settled.astray.len());
            ask(world, &settled.astray).await;
        }
        sleep(POLL).await;
    }
}

/// When all is right, every credential changes once more, and then the user name alone, and both must arrive: who has recovered
/// by a timer may still be deaf.
pub(crate) async fn probe(world: &World<'_>) -> Settled {
    let mut settled = Settled::default();
    for whole in [true, false] {
        for (namespace, name) in SLOTS {
            for source in 0..SOURCES {
                world.write_source(&world.namespaces[namespace], &source_name(name, source), whole).await;
            }
        }
        settled = settle(world).await;
        if !settled.astray.is_empty() {
            break;
        }
    }
    settled
}

/// When nothing else happens, credentials are said to end within seconds, and end: all must tell that. It costs no push, which is for
/// the rule of calm.
pub(crate) async fn rest(world: &World<'_>) -> Settled {
    let from = world.now();
    let soon = Saying { place: Place::Annotation, end: End::Ahead(SHORT.as_secs()), seconds: false };
    for (namespace, name) in SLOTS {
        for source in 0..SOURCES {
            world.say(&world.namespaces[namespace], &source_name(name, source), &[soon]).await;
        }
    }
    sleep(SHORT + TURNED).await;
    let settled = settle(world).await;
    let to = world.now();
    world.record().calm.push((from, to));
    settled
}

async fn look(world: &World<'_>) -> Vec<Astray> {
    observer::look(world).await;
    astray(&world.record())
}

/// Asks for an attempt now; what is deleted with a service key that leads nowhere, or that it may not use, is abandoned. An
/// `AICoreTenant` cannot be asked for: its key is renewed.
async fn ask(world: &World<'_>, astray: &[Astray]) {
    for tenant in renewed(world, astray) {
        actions::rotate_key(world, tenant, true).await;
    }
    for (slot, (namespace, name)) in SLOTS.into_iter().enumerate() {
        let key = (world.namespaces[namespace].clone(), name.to_owned());
        let found = {
            let record = world.record();
            let own = record.specs.iter().rev().find(|version| version.key == key);
            own.filter(|own| astray.iter().any(|astray| astray.uid == own.uid)).map(|own| {
                let removed = record.removals.iter().any(|removal| removal.uid == own.uid);
                removed && !matches!(record.lead_now(own), Lead::To { real: true, .. })
            })
        };
        match found {
            Some(true) => actions::abandon(world, slot).await,
            Some(false) => actions::force(world, slot).await,
            None => {}
        }
    }
}

/// The tenants of the `AICoreTenant`s that are asked for.
fn renewed(world: &World<'_>, astray: &[Astray]) -> BTreeSet<usize> {
    let record = world.record();
    let asked = record
        .tenants_now()
        .into_iter()
        .filter(|(version, _)| astray.iter().any(|astray| astray.uid == version.uid));
    let leads = asked.filter_map(|(_, terms)| match record.shared_lead_now(terms) {
        Lead::To { tenant, .. } => Some(tenant_number(tenant)),
        _ => None,
    });
    leads.collect()
}
