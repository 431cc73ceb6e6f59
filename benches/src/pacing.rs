//! How a fleet paces itself, in virtual time: the operator's own backoff and request rate, driven by a clock that jumps from
//! event to event. It backs the figures for fleets that no test machine carries.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use aicore_registry_operator::domain::{
    decide::{
        backoff::{Attempt, Backoff, Circumstances},
        failure::Failure,
        outage::Outage,
        reason::Reason,
    },
    tools::bucket::{Bucket, Rate},
};

/// A fleet, and what happens to it.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// Resources, spread evenly over the tenants.
    pub resources: u32,
    /// Tenants, spread evenly over the shards.
    pub tenants: u32,
    /// Operators that share the work.
    pub shards: u32,
    /// Passes with a push that one operator makes in a second, as measured.
    pub passes_per_second: f64,
    /// Requests of one tenant in a second, in the long run, and at once.
    pub tenant_rate: (f64, u32),
    /// How long AI Core answers nothing, from the start on. While it lasts, each resource's credential is rotated once.
    pub outage: Duration,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Convergence {
    /// From the end of the outage until half of the resources had their credential accepted.
    pub half: Duration,
    /// The same for 99 of 100.
    pub nearly_all: Duration,
    /// The same for all.
    pub all: Duration,
    /// Attempts of all operators while the outage lasted.
    pub failed_attempts: u64,
    /// The most attempts in any second.
    pub peak_attempts_per_second: u64,
    /// The most token requests in any second: one for each tenant, at its first attempt that AI Core answers.
    pub peak_tokens_per_second: u64,
}

struct Resource {
    tenant: usize,
    backoff: Option<Backoff>,
    /// Whether its place in the tenant's rate is taken.
    placed: bool,
}

/// What an operator knows of a tenant.
#[derive(Clone, Default)]
struct Tenant {
    bucket: Bucket,
    has_token: bool,
    outage: Outage<usize>,
    /// Resources that wait for the first good answer.
    line: Vec<usize>,
}

/// Lets the fleet go through it.
#[must_use]
pub fn simulate(fleet: Fleet, seed: u64) -> Convergence {
    let mut chance = Chance(seed);
    let rate = Rate::new(fleet.tenant_rate.0, fleet.tenant_rate.1);
    let tenants = fleet.tenants.max(1) as usize;
    let mut known = vec![Tenant::default(); tenants];
    let mut free_at = vec![Duration::ZERO; fleet.shards.max(1) as usize];
    let pass = Duration::from_secs_f64(1.0 / fleet.passes_per_second);
    let mut resources: Vec<Resource> = (0..fleet.resources as usize)
        .map(|number| Resource { tenant: number % tenants, backoff: None, placed: false })
        .collect();
    let mut due: BinaryHeap<Reverse<(Duration, usize)>> = (0..resources.len())
        .map(|number| Reverse((fleet.outage.mul_f64(chance.fraction()), number)))
        .collect();
    let mut attempts = PerSecond::default();
    let mut tokens = PerSecond::default();
    let mut failed_attempts = 0;
    let mut accepted: Vec<Duration> = Vec::with_capacity(resources.len());

    while let Some(Reverse((at, number))) = due.pop() {
        let resource = &mut resources[number];
        let tenant = &mut known[resource.tenant];
        if tenant.outage.next_probe().is_some_and(|probe| at < probe) {
            tenant.line.push(number);
            continue;
        }
        if !std::mem::replace(&mut resource.placed, true) {
            let wait = tenant.bucket.take(rate, at);
            if !wait.is_zero() {
                due.push(Reverse((at + wait, number)));
                continue;
            }
        }
        // One operator's passes follow one another at its measured rate.
        let shard = &mut free_at[resource.tenant % fleet.shards.max(1) as usize];
        let begins = (*shard).max(at);
        *shard = begins + pass;
        attempts.count(begins);
        resource.placed = false;
        if begins < fleet.outage {
            failed_attempts += 1;
            let failure = Failure::new(Reason::RemoteUnavailable, "no answer");
            let next = Backoff::after(
                resource.backoff.as_ref(),
                failure,
                Circumstances { service_key: None, digest: None, generation: 1, deleting: false, read: None },
                Attempt { began: begins, ended: begins },
                chance.fraction(),
            );
            tenant.outage.let_in(begins);
            tenant.outage.was_unavailable(&number, begins);
            let probe = tenant.outage.next_probe().unwrap_or_default();
            due.push(Reverse((next.not_before.max(probe), number)));
            resource.backoff = Some(next);
            continue;
        }
        tenant.outage.was_available();
        due.extend(tenant.line.drain(..).map(|number| Reverse((at, number))));
        if !std::mem::replace(&mut tenant.has_token, true) {
            tokens.count(begins);
        }
        accepted.push(shard.saturating_sub(fleet.outage));
    }
    accepted.sort_unstable();
    let share = |of_hundred: usize| {
        accepted.get((accepted.len() * of_hundred / 100).saturating_sub(1)).copied().unwrap_or_default()
    };
    Convergence {
        half: share(50),
        nearly_all: share(99),
        all: share(100),
        failed_attempts,
        peak_attempts_per_second: attempts.peak(),
        peak_tokens_per_second: tokens.peak(),
    }
}

#[derive(Default)]
struct PerSecond(std::collections::HashMap<u64, u64>);

impl PerSecond {
    fn count(&mut self, at: Duration) {
        *self.0.entry(at.as_secs()).or_default() += 1;
    }

    fn peak(&self) -> u64 {
        self.0.values().copied().max().unwrap_or_default()
    }
}

/// A linear congruential generator (Knuth's MMIX constants): the same seed gives the same run.
struct Chance(u64);

impl Chance {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use aicore_registry_operator::domain::decide::outage::LONGEST_PROBE;

    use super::*;

    const FLEET: Fleet = Fleet {
        resources: 1000,
        tenants: 20,
        shards: 1,
        passes_per_second: 500.0,
        tenant_rate: (10.0, 20),
        outage: Duration::ZERO,
    };

    #[test]
    fn a_tenant_takes_what_its_rate_leaves() {
        // 50 resources of a tenant: 20 at once, and 30 at 10 a second.
        let came_of_it = simulate(FLEET, 1);
        assert_eq!(came_of_it.failed_attempts, 0);
        assert!((2.9..4.5).contains(&came_of_it.all.as_secs_f64()), "{came_of_it:?}");
        assert_eq!(came_of_it.peak_tokens_per_second, 20);
    }

    #[test]
    fn in_an_outage_tenants_are_probed_and_after_it_all_come_back_at_their_rate() {
        let came_of_it = simulate(Fleet { outage: Duration::from_hours(1), ..FLEET }, 1);
        // The longest time between probes, and what the rate takes for 50 resources of a tenant.
        assert!(came_of_it.all <= LONGEST_PROBE + Duration::from_secs(5), "{came_of_it:?}");
        // One probe of each tenant in ten seconds, however many resources it has.
        assert!((7000..9000).contains(&came_of_it.failed_attempts), "{came_of_it:?}");
        assert_eq!(
            came_of_it,
            simulate(Fleet { outage: Duration::from_hours(1), ..FLEET }, 1),
            "the seed decides"
        );
    }

    #[test]
    fn shards_share_the_passes() {
        let alone = simulate(Fleet { resources: 100_000, tenants: 2000, ..FLEET }, 1);
        let shared = simulate(Fleet { resources: 100_000, tenants: 2000, shards: 4, ..FLEET }, 1);
        assert!((200.0..210.0).contains(&alone.all.as_secs_f64()), "{alone:?}");
        assert!((50.0..55.0).contains(&shared.all.as_secs_f64()), "{shared:?}");
    }
}
