//! Random sequences of all that passes do, and what must hold after each step.

use proptest::prelude::*;

use super::*;
use crate::controller::admission::{
    entrance::{Access, Crowd},
    waiting::Position,
};

const RESOURCES: usize = 8;
const TENANTS: usize = 3;
const CONCURRENCY: usize = 4;
const IN_ONE_TENANT: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    /// A pass asks for a place in a tenant.
    Asks {
        who: usize,
        tenant: usize,
        urgent: bool,
    },
    /// A pass that has a place goes on to its request, and takes its turn.
    Turns(usize),
    Answers(usize),
    /// Its server has not answered.
    IsUnanswered(usize),
    /// It has asked nothing.
    AsksNothing(usize),
    /// It was given a refusal that is kept.
    IsGivenWhatIsKept(usize),
    /// A pass with a place ends, its attempt, if it was one, being that.
    Leaves {
        who: usize,
        available: Option<bool>,
    },
    /// A pass with a place asks for one to hold a large payload.
    AsksForLarge(usize),
    AsksForKey(usize),
    /// A pass without a place ends.
    Ends {
        who: usize,
        concluded: bool,
    },
    Goes(usize),
    Passes(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..RESOURCES;
    let step = prop_oneof![
        8 => (who(), 0..TENANTS, any::<bool>()).prop_map(|(who, tenant, urgent)| Step::Asks { who, tenant, urgent }),
        3 => who().prop_map(Step::Turns),
        3 => who().prop_map(Step::Answers),
        2 => who().prop_map(Step::IsUnanswered),
        1 => who().prop_map(Step::AsksNothing),
        1 => who().prop_map(Step::IsGivenWhatIsKept),
        4 => (who(), any::<Option<bool>>()).prop_map(|(who, available)| Step::Leaves { who, available }),
        3 => who().prop_map(Step::AsksForLarge),
        1 => who().prop_map(Step::AsksForKey),
        2 => (who(), any::<bool>()).prop_map(|(who, concluded)| Step::Ends { who, concluded }),
        1 => who().prop_map(Step::Goes),
        3 => (0_u64..3000).prop_map(Step::Passes),
    ];
    prop::collection::vec(step, 1..120)
}

/// The passes of one resource under way, as the controller has them: one at a time.
#[derive(Default)]
struct Pass {
    tenant: Option<(usize, Permit)>,
    shared: Vec<Permit>,
}

struct Model {
    admission: Arc<Admission>,
    queue: Arc<Queue>,
    tenants: Vec<(Arc<Lane>, Arc<RateLimiter>)>,
    keys: Vec<ObjectKey>,
    passes: Vec<Pass>,
    of_one_tenant: bool,
}

impl Model {
    /// Lanes of as many tenants; or of one, which share its rate.
    fn new(of_one_tenant: bool) -> Self {
        let (admission, queue) = with_places(CONCURRENCY, IN_ONE_TENANT);
        let rate = || Arc::new(RateLimiter::new(Rate::new(1.0, 3)));
        let shared = rate();
        let tenants = (0..TENANTS)
            .map(|n| {
                let credit = [Credit::Proven, Credit::Doubtful, Credit::Unproven][n];
                if of_one_tenant {
                    (a_lane("one", credit), Arc::clone(&shared))
                } else {
                    (a_lane(&n.to_string(), credit), rate())
                }
            })
            .collect();
        let keys = (0..RESOURCES).map(|n| ObjectKey::new(&format!("ns-{}", n % 3), &n.to_string())).collect();
        let passes = (0..RESOURCES).map(|_| Pass::default()).collect();
        Self { admission, queue, tenants, keys, passes, of_one_tenant }
    }

    fn end(&mut self, who: usize, concluded: bool) {
        self.passes[who] = Pass::default();
        self.admission.pass_ended(&self.keys[who], concluded);
    }

    async fn step(&mut self, step: Step) {
        let admission = Arc::clone(&self.admission);
        match step {
            Step::Asks { who, tenant, urgent } => {
                if self.passes[who].tenant.is_some() {
                    return;
                }
                let priority = if urgent { Priority::Urgent } else { Priority::Routine };
                let request = Request { who: &self.keys[who], priority };
                match admission.enter(&self.tenants[tenant].0, None, request) {
                    Ok(permit) => self.passes[who].tenant = Some((tenant, permit)),
                    Err(wait) => {
                        assert!(wait.requeue_after <= LONGEST_LOOK && !wait.requeue_after.is_zero());
                        self.end(who, true);
                    }
                }
            }
            Step::Turns(who) => {
                if let Some((tenant, permit)) = &self.passes[who].tenant
                    && admission.turn(permit, &self.tenants[*tenant].1).is_err()
                {
                    self.end(who, true);
                }
            }
            Step::Answers(who) => {
                if let Some((_, permit)) = &self.passes[who].tenant {
                    permit.answered();
                }
            }
            Step::IsUnanswered(who) => {
                if let Some((_, permit)) = &self.passes[who].tenant {
                    permit.unanswered();
                }
            }
            Step::AsksNothing(who) => {
                if let Some((_, permit)) = &self.passes[who].tenant {
                    permit.unused();
                }
            }
            Step::IsGivenWhatIsKept(who) => {
                if let Some((_, permit)) = &self.passes[who].tenant {
                    permit.given_what_is_kept();
                }
            }
            Step::Leaves { who, available } => {
                if let Some((_, permit)) = self.passes[who].tenant.take() {
                    if let Some(available) = available {
                        permit.attempted(available);
                    }
                    drop(permit);
                    self.end(who, true);
                }
            }
            Step::AsksForLarge(who) => {
                let Some((_, permit)) = &self.passes[who].tenant else { return };
                if admission.hold_large_payload(permit, request(&self.keys[who])).is_err() {
                    self.end(who, true);
                }
            }
            Step::AsksForKey(who) => {
                match admission.try_admit(Limit::ServiceKey(key("key")), request(&self.keys[who])) {
                    Ok(permit) => self.passes[who].shared.extend(permit),
                    Err(_) => self.end(who, true),
                }
            }
            Step::Ends { who, concluded } => self.end(who, concluded),
            Step::Goes(who) => {
                self.passes[who] = Pass::default();
                self.queue.remove(&self.keys[who]);
                admission.remove(&self.keys[who]);
            }
            Step::Passes(milliseconds) => {
                advance(Duration::from_millis(milliseconds)).await;
                time_is(&admission);
            }
        }
    }

    /// What holds at any time.
    fn check(&self) {
        let inner = self.admission.inner.lock();
        let state = &inner.state;
        let now = self.admission.start.elapsed();
        let positions = || state.waiting.iter().map(|waiting| &waiting.lane);
        let mut aside = 0;
        let mut places = Vec::new();
        for (tenant, known) in state.lanes.iter() {
            let here = |position: &&Position<Arc<Lane>>| match position {
                Position::Nowhere => false,
                Position::Waits(at, _)
                | Position::AtEntrance(at, ..)
                | Position::Promised { limit: at, .. } => at == tenant,
            };
            let waits = positions().filter(here).filter(|at| matches!(at, Position::Waits(..))).count();
            let at_entrance =
                positions().filter(here).filter(|at| matches!(at, Position::AtEntrance(..))).count();
            let promised =
                positions().filter(here).filter(|at| matches!(at, Position::Promised { .. })).count();
            places.extend(positions().filter(here).filter_map(|at| match at {
                Position::Promised { access, .. } => Some(*access),
                _ => None,
            }));
            // Whoever stands at an entrance stands with those that its lane is like.
            assert!(positions().filter(here).all(|at| match at {
                Position::AtEntrance(_, crowd, _) => known.access() == Access::Shared(*crowd),
                _ => true,
            }));
            let passing = state.passes.iter().filter(|pass| pass.lane == *tenant);
            // Each limit is kept, and no place is lost or counted twice.
            assert_eq!(known.in_flight, passing.clone().count() + promised);
            assert_eq!(known.before_turn, passing.filter(|pass| !pass.has_turn).count() + promised);
            let kept_waiting = state.passes.iter().filter(|pass| {
                pass.lane == *tenant && matches!(pass.phase, passes::Phase::KeptWaiting { .. })
            });
            assert_eq!(known.kept_waiting, kept_waiting.count());
            assert!(known.in_flight + known.at_entrance.len() <= IN_ONE_TENANT);
            assert_eq!(known.line.len(), waits);
            assert_eq!(known.at_entrance.len(), at_entrance);
            // Nobody waits without somebody, or a time, that makes the line go on.
            if waits > 0 {
                let (crowded, standing) = (state.passes.is_crowded(), state.lanes.standing(tenant));
                // That it is the next of its tenant, since others have gone away, is found out with the time.
                let is_next = self.of_one_tenant && known.alarm.is_some();
                assert!(is_next || !known.admits(now, IN_ONE_TENANT, crowded, standing), "{known:?}");
                let goes_on = known.alarm.is_some() || known.in_flight + known.at_entrance.len() > 0;
                assert!(goes_on, "{known:?}");
            }
        }
        for pass in state.passes.iter() {
            aside += usize::from(pass.aside);
            places.push(pass.access);
        }
        assert_eq!(state.passes.aside(), aside);
        assert!(aside <= 16 * CONCURRENCY);
        for (crowd, entrance) in
            [Crowd::Unheard, Crowd::Late, Crowd::Silent].into_iter().zip(state.entrances.iter())
        {
            let in_use = places.iter().filter(|access| **access == Access::Shared(crowd)).count();
            assert_eq!(entrance.in_use(), in_use);
            assert!(in_use <= CONCURRENCY);
            assert!(entrance.waiting() == 0 || in_use > 0, "whoever waits is let in by one that leaves");
        }
        let with_place = self.passes.iter().filter(|pass| pass.tenant.is_some()).count();
        assert_eq!(state.passes.iter().count(), with_place);
        for (limit, usage) in state.shared.iter() {
            let permits = self.passes.iter().flat_map(|pass| &pass.shared);
            let permits = permits.filter(|permit| matches!(&permit.place, Place::Shared(of) if of == limit));
            let large = state.passes.iter().filter(|pass| pass.large.as_ref() == Some(limit));
            assert_eq!(usage.in_use, permits.count() + large.clone().count());
            assert!(usage.in_use <= limit.places());
            let taken = usage.in_use + usage.promised;
            if limit.keeps_places() {
                assert!(taken <= limit.places());
                assert_eq!(usage.taken_by.values().sum::<usize>(), taken);
                assert!(usage.taken_by.values().all(|taken| (1..=limit.places_of_one()).contains(taken)));
            }
            // Whoever waits does so for a place that somebody has, in its namespace or elsewhere.
            let waits = state.waiting.of_namespaces(limit);
            let may_come = waits
                .iter()
                .any(|namespace| usage.taken_by.get(namespace).is_none_or(|of| *of < limit.places_of_one()));
            assert_eq!(usage.line.len(), waits.len());
            assert!(!may_come || taken >= limit.places(), "{limit:?}: {usage:?}");
        }
    }

    /// From now on tenants answer, and whoever is woken comes: all who wait are served.
    async fn settle(mut self) {
        for who in 0..RESOURCES {
            if let Some((_, permit)) = self.passes[who].tenant.take() {
                permit.attempted(true);
            }
            self.end(who, true);
        }
        let rest = |model: &Self| model.admission.inner.lock().state.waiting.iter().count();
        for _ in 0..200 {
            while let Some(who) = woken(&self.queue) {
                let at = self.keys.iter().position(|key| *key == who).unwrap();
                let position =
                    self.admission.inner.lock().state.waiting.get(&who).map(|waiting| waiting.lane.clone());
                if let Some(Position::Promised { limit, .. }) = position {
                    let (tenant, rate) =
                        self.tenants.iter().find(|(tenant, _)| *tenant == limit).unwrap().clone();
                    let permit = self.admission.enter(&tenant, None, request(&who)).unwrap();
                    if self.admission.turn(&permit, &rate).is_ok() {
                        permit.answered();
                        permit.attempted(true);
                    }
                }
                self.end(at, true);
                self.queue.done(&who, None);
            }
            if rest(&self) == 0 {
                break;
            }
            advance(Duration::from_millis(500)).await;
            time_is(&self.admission);
            self.check();
        }
        assert_eq!(rest(&self), 0, "{:?}", self.admission);
        assert!(is_empty(&self.admission), "{:?}", self.admission);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever passes do: limits hold, no place is lost, nobody waits for nothing, and nothing is kept of those who are gone.
    #[test]
    fn no_wake_is_lost_and_nothing_leaks(steps in steps(), of_one_tenant in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new(of_one_tenant);
            for step in steps {
                model.step(step).await;
                model.check();
            }
            model.settle().await;
        });
    }
}
