//! Two resources, and processes of which one leads after the other.

use std::{
    fmt::Write,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use super::{
    decisions::Decisions,
    explorer::Model,
    pass::{Pass, Stage},
    replica::{AtWork, NEWS, News, Replica, purpose},
    world::{ALL, LateWrite, Remote, Reply, Setup, UserStep, Who, World},
};
use crate::{
    api::condition::{self, READY},
    controller::errand::Purpose,
    domain::decide::plan::FinalizerStep,
};

/// What is to be explored.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
pub(super) struct Operation {
    pub(super) setup: Setup,
    /// What users do, each of these in its order, and all at any time.
    pub(super) users: &'static [&'static [UserStep]],
    /// So many requests come to another end than they should, or processes end.
    pub(super) faults: u8,
    /// Whether requests do; else faults are ends of processes.
    pub(super) requests_fail: bool,
    /// Processes that can take over when the one that leads has ended.
    pub(super) standbys: u8,
    /// Whether the caches of those may be behind.
    pub(super) caches_lag: bool,
    /// Whether processes begin to work while they list the Secrets.
    pub(super) lists: bool,
    pub(super) decisions: Decisions,
    /// Whether a write that a process had given up before it ended may still be carried out, which is beyond what is promised.
    pub(super) writes_outlive: bool,
}

#[derive(Clone)]
pub(super) struct State {
    pub(super) world: World,
    /// `None`: no process leads.
    pub(super) replica: Option<Arc<Replica>>,
    standbys: u8,
    faults: u8,
    requests_fail: bool,
    /// How far users have come.
    done: [u8; 4],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    User(usize, UserStep),
    Shows(Who, News),
    Begins(Who),
    Answer(Who, Reply),
    WritesAgain(Who, Reply),
    LateOneIsCarriedOut(usize),
    TimePasses,
    /// The first list of Secrets is over, or is not waited for any longer.
    ListEnds,
    /// The process that leads ends; what it had sent is carried out, or not.
    Crashes {
        sent_arrives: bool,
    },
    /// Another leads, with caches that are behind on these.
    TakesOver {
        behind: [bool; 2],
    },
}

impl State {
    fn next_time(&self) -> Option<Duration> {
        let replica = self.replica.as_ref()?;
        let unwritten = ALL.into_iter().filter_map(|who| Some(replica.started + replica.writes_again(who)?));
        let next = replica
            .timers
            .iter()
            .flatten()
            .copied()
            .chain(unwritten)
            .filter(|at| *at > self.world.now)
            .min()?;
        // Late ones come before that.
        self.world.late.iter().all(|late| late.until > next).then_some(next)
    }

    fn a_request_may_fail(&self) -> bool {
        self.faults > 0 && self.requests_fail
    }

    fn replies(&self, stage: &Stage) -> &'static [Reply] {
        let all: &[Reply] = match stage {
            Stage::Reading | Stage::Token => &[Reply::Done, Reply::Refused],
            Stage::Order => &[Reply::Done],
            Stage::Finalizer | Stage::LettingGo(_) => &[Reply::Done, Reply::Refused, Reply::Lost],
            Stage::Announcing(_) | Stage::Sending | Stage::Writing(..) | Stage::Leaving(..) => {
                &[Reply::Done, Reply::Refused, Reply::Lost, Reply::Late]
            }
        };
        if self.a_request_may_fail() { all } else { &all[..1] }
    }
}

impl Model for Operation {
    type State = State;
    type Action = Action;

    fn start(&self) -> State {
        let world = World::new(self.setup);
        let replica = Some(Arc::new(Replica::leading(&world, [false; 2], self.lists)));
        let Self { standbys, faults, requests_fail, .. } = *self;
        State { world, replica, standbys, faults, requests_fail, done: [0; 4] }
    }

    fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        for (number, steps) in self.users.iter().enumerate() {
            if let Some(step) =
                steps.get(usize::from(state.done[number])).filter(|step| state.world.admits(**step))
            {
                actions.push(Action::User(number, *step));
            }
        }
        for number in 0..state.world.late.len() {
            actions.push(Action::LateOneIsCarriedOut(number));
        }
        let Some(replica) = &state.replica else {
            if state.standbys > 0 {
                for behind in [[false, false], [true, false], [false, true], [true, true]] {
                    let differs = |who: Who| {
                        let lags = state.world.before[who].is_some() || state.world.sources[who] > 1;
                        !behind[who] || self.caches_lag && lags
                    };
                    if ALL.into_iter().all(differs) {
                        actions.push(Action::TakesOver { behind });
                    }
                }
            }
            return actions;
        };
        for who in ALL {
            for news in NEWS.into_iter().filter(|news| replica.behind[who][*news as usize]) {
                actions.push(Action::Shows(who, news));
            }
            match &replica.passes[who] {
                None if replica.queue.contains(&who) => actions.push(Action::Begins(who)),
                None => {}
                Some(pass) => {
                    let waits = matches!(pass.stage, Stage::Order)
                        && pass.found.as_ref().is_some_and(|found| replica.is_taken(&found.0.claim, who));
                    if !waits {
                        actions.extend(
                            state.replies(&pass.stage).iter().map(|reply| Action::Answer(who, *reply)),
                        );
                    }
                }
            }
            let uptime = state.world.now.saturating_sub(replica.started);
            if replica.writes_again(who).is_some_and(|due| due <= uptime) {
                let replies = [Reply::Done, Reply::Refused, Reply::Lost];
                let replies = if state.a_request_may_fail() { &replies[..] } else { &replies[..1] };
                actions.extend(replies.iter().map(|reply| Action::WritesAgain(who, *reply)));
            }
        }
        if replica.lists {
            actions.push(Action::ListEnds);
        }
        // Time is long to whoever has nothing else to do.
        let is_idle = replica.queue.is_empty()
            && !replica.lists
            && replica.passes.iter().all(Option::is_none)
            && !replica.behind.as_flattened().contains(&true);
        if is_idle && state.next_time().is_some() {
            actions.push(Action::TimePasses);
        }
        if state.faults > 0 && state.standbys > 0 {
            let sent = replica
                .passes
                .iter()
                .flatten()
                .any(|pass| !matches!(pass.stage, Stage::Reading | Stage::Token | Stage::Order));
            actions.push(Action::Crashes { sent_arrives: false });
            if sent {
                actions.push(Action::Crashes { sent_arrives: true });
            }
        }
        actions
    }

    fn is_due(&self, action: Action) -> bool {
        match action {
            Action::User(..) | Action::Crashes { .. } => false,
            Action::Answer(_, reply) | Action::WritesAgain(_, reply) => reply == Reply::Done,
            Action::Shows(..)
            | Action::Begins(_)
            | Action::LateOneIsCarriedOut(_)
            | Action::ListEnds
            | Action::TimePasses
            | Action::TakesOver { .. } => true,
        }
    }

    fn step(&self, state: &State, action: Action) -> Result<State, String> {
        let mut next = state.clone();
        match action {
            Action::User(number, step) => {
                next.done[number] += 1;
                next.world.user(step);
                let (who, news) = match step {
                    UserStep::Rotate(who) => (who, News::Source),
                    UserStep::MoveKey(who) => (who, News::Key),
                    UserStep::Create(who)
                    | UserStep::Suspend(who)
                    | UserStep::Resume(who)
                    | UserStep::Retain(who)
                    | UserStep::Delete(who) => (who, News::Resource),
                };
                if let Some(replica) = &mut next.replica {
                    Arc::make_mut(replica).behind[who][news as usize] = true;
                }
            }
            Action::LateOneIsCarriedOut(number) => next.world.land(number),
            Action::TimePasses => Self::pass_time(&mut next),
            Action::ListEnds => self.at_work(&mut next, |work| {
                work.end_list();
                Ok(())
            })?,
            Action::Crashes { sent_arrives } => self.crash(&mut next, sent_arrives),
            Action::TakesOver { behind } => {
                next.standbys -= 1;
                next.replica = Some(Arc::new(Replica::leading(&next.world, behind, self.lists)));
            }
            Action::Shows(who, news) => self.at_work(&mut next, |work| {
                work.hear(who, news);
                Ok(())
            })?,
            Action::Begins(who) => self.at_work(&mut next, |work| {
                work.begin(who);
                Ok(())
            })?,
            Action::Answer(who, reply) => {
                next.faults -= u8::from(reply != Reply::Done);
                self.at_work(&mut next, |work| work.go_on(who, reply))?;
            }
            Action::WritesAgain(who, reply) => {
                next.faults -= u8::from(reply != Reply::Done);
                self.at_work(&mut next, |work| {
                    work.write_again(who, reply);
                    Ok(())
                })?;
            }
        }
        Ok(next)
    }

    fn fingerprint(&self, state: &State) -> u64 {
        let mut hasher = DefaultHasher::new();
        let State { world, replica, standbys, faults, done, requests_fail: _ } = state;
        (standbys, faults, done).hash(&mut hasher);
        world.hash_into(&mut hasher);
        if let Some(replica) = replica {
            replica.hash_into(&mut hasher);
        }
        hasher.finish()
    }

    fn at_rest(&self, state: &State) -> Result<(), String> {
        ALL.into_iter().try_for_each(|who| state.is_as_it_should_be(who))
    }

    fn show(&self, state: &State) -> String {
        let mut line = format!("{:?}s", state.world.now.as_secs());
        for who in ALL {
            let remote = state.world.remote(state.world.remote_of(who));
            let ready = state.world.objects[who].as_ref().map(|stored| {
                let ready = condition::find(&stored.status.conditions, READY);
                ready.map_or_else(
                    || "no status".to_owned(),
                    |ready| format!("{}/{}", ready.status, ready.reason),
                )
            });
            let pass = state.replica.as_ref().and_then(|replica| replica.passes[who].as_ref());
            let waits_for = pass.map(|pass| {
                format!("{:?}", pass.stage).chars().take_while(|c| c.is_alphabetic()).collect::<String>()
            });
            // Writing to a String does not fail.
            let _ = write!(
                line,
                " | {who}: {ready:?} source {} remote {remote:?} {waits_for:?}",
                state.world.sources[who]
            );
        }
        line
    }
}

impl Operation {
    fn at_work(
        &self,
        state: &mut State,
        work: impl FnOnce(&mut AtWork<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        let Some(replica) = &mut state.replica else { return Ok(()) };
        let replica = Arc::make_mut(replica);
        work(&mut AtWork { world: &mut state.world, replica, decisions: &self.decisions })
    }

    fn pass_time(state: &mut State) {
        let Some(next) = state.next_time() else { return };
        let by = next.saturating_sub(state.world.now);
        state.world.now = next;
        let Some(replica) = &mut state.replica else { return };
        let replica = Arc::make_mut(replica);
        replica.index.time_passes(by);
        for who in ALL {
            if replica.timers[who].is_some_and(|at| at <= next) {
                replica.timers[who] = None;
                replica.queue.insert(who);
            }
        }
    }

    /// What the process was waiting for is carried out now, or never.
    fn crash(&self, state: &mut State, sent_arrives: bool) {
        state.faults -= 1;
        let Some(replica) = state.replica.take() else { return };
        if sent_arrives {
            for who in ALL {
                if let Some(pass) = &replica.passes[who] {
                    Self::arrive(&mut state.world, who, &replica, pass);
                }
            }
        }
        let outlives = self.writes_outlive;
        state.world.late.retain(|late| outlives && matches!(late.what, LateWrite::Remote(..)));
    }

    fn arrive(world: &mut World, who: Who, replica: &Replica, pass: &Pass) {
        let object = &pass.begun.object;
        let uid = &object.uid;
        match (&pass.stage, &pass.found) {
            (Stage::Announcing(status) | Stage::Writing(status, _) | Stage::Leaving(status, ..), _) => {
                world.write_status(object, replica.basis[who], status);
            }
            (Stage::Sending, Some(found)) => {
                let content = if purpose(&found.1) == Purpose::Push { found.0.source } else { None };
                let remote = Remote { tenant: found.0.tenant, name: world.setup.names[who] };
                world.set_remote(remote, content);
            }
            (Stage::LettingGo(_), _) => {
                world.change(who, uid, |object| object.finalizer = false);
            }
            (Stage::Finalizer, Some(found)) => {
                let present = found.1.finalizer == FinalizerStep::Add;
                let deleting = world.objects[who].as_ref().is_some_and(|stored| stored.object.deleting);
                if !(present && deleting) {
                    world.change(who, uid, |object| object.finalizer = present);
                }
            }
            _ => {}
        }
    }
}
