//! Who leads: two candidates, one Lease, and an API server that answers late, once, or not at all.
//!
//! The decisions are [`View`]'s; the order of the steps is that of `Election` in `src/leadership.rs`: `win` and `lead` around `attempt`,
//! which writes what this process wrote last, and looks when somebody else has. The fence of `src/fence.rs` is the time until which it is
//! open. A Lease may be deleted, but not before all have seen it: who starts while it is missing leads at once, beside one that does not
//! know yet, for as long as that one's fence is open. Time has steps; a process may be stopped for any number of them, and may be stopped between an answer and what it does with it.

mod process;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use self::process::{Answer, Phase, Process, Request, Shown};
use super::{explorer::Model, fingerprint::add_shown};
use crate::domain::{
    decide::lease::{Candidate, Decision, Record, View},
    parse::object::Now,
    testing::seconds,
};

/// As the defaults of the flags are to each other, in steps of time.
const DURATION: u64 = 5;
const RENEW_DEADLINE: u64 = 3;
const RETRY: u64 = 1;
const ATTEMPT: u64 = RENEW_DEADLINE / 3;
/// How long the last part of what is looked at is, in which nothing goes wrong.
const QUIET: u64 = DURATION + 3;

/// What may be decided in another way, to see that it is noticed.
#[derive(Clone, Copy)]
struct Rules {
    decide: fn(&View, &Candidate, Now) -> Decision,
    see: fn(&mut View, Option<Record>, Duration),
    /// The end of the fence, by the beginning of the attempt and by its end.
    fence: fn(u64, u64) -> u64,
}

const REAL: Rules = Rules {
    decide: |view, me, now| view.decide(me, now),
    see: |view, record, uptime| view.see(record, Duration::ZERO, uptime),
    fence: |began, _| began + RENEW_DEADLINE,
};

struct Elections {
    faults: u8,
    /// How long is looked at.
    end: u64,
    rules: Rules,
}

#[derive(Clone, Debug)]
struct State {
    now: u64,
    lease: Option<(u8, Record)>,
    /// Writes that nobody waits for any more: over which version, and what.
    late: Vec<(Option<u8>, Record)>,
    processes: [Process; 2],
    faults: u8,
    last_fault: u64,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    /// A process does what it can do next.
    GoesOn(usize),
    /// Its request is carried out and answered.
    IsAnswered(usize),
    /// It will be answered late, or not at all.
    IsHeld(usize),
    /// It is carried out, and the answer is lost.
    LosesItsAnswer(usize),
    Stops(usize),
    /// It goes on after it was stopped.
    Continues(usize),
    Crashes(usize),
    LateOneIsCarriedOut(usize),
    LeaseIsDeleted,
    TimePasses,
}

impl Elections {
    fn attempt(&self, state: &mut State, who: usize) -> Result<(), String> {
        let began = state.now;
        let process = &mut state.processes[who];
        match process.own.take() {
            Some((version, _)) => self.settle(state, who, began, Some(version), true),
            None => {
                process.phase = Phase::Waiting { began, request: Request::Get, held: false };
                Ok(())
            }
        }
    }

    /// # Errors
    /// Each process has an identity of its own: none may take another one's Lease for one of its own identity.
    fn settle(
        &self,
        state: &mut State,
        who: usize,
        began: u64,
        over: Option<u8>,
        own: bool,
    ) -> Result<(), String> {
        let now = state.now;
        let process = &mut state.processes[who];
        process.phase = match (self.rules.decide)(&process.view, &process.me(), process.now(now)) {
            Decision::Acquire(record) | Decision::Renew(record) => {
                process.view.asks(record.clone());
                Phase::Waiting {
                    began,
                    request: Request::Write { over, record: Shown(record), own },
                    held: false,
                }
            }
            // Whoever has led does no more.
            Decision::Wait(_) if process.renewed.is_some() => {
                Self::end(state, who);
                return Ok(());
            }
            Decision::Wait(left) => Phase::Pausing { until: now + RETRY.min(left.as_secs().max(1)) },
            Decision::SameIdentity => {
                return Err(format!("process {} takes its own Lease for another one's", process.number));
            }
        };
        Ok(())
    }

    /// The process ends, and another one comes in its place.
    fn end(state: &mut State, who: usize) {
        let number = state.processes.iter().map(|process| process.number).max().unwrap_or(0) + 1;
        if let Phase::Waiting { request: Request::Write { over, record, .. }, .. } =
            &state.processes[who].phase
        {
            state.late.push((*over, record.0.clone()));
        }
        state.processes[who] = Process::new(number, state.now);
    }

    fn go_on(&self, state: &mut State, who: usize) -> Result<(), String> {
        let now = state.now;
        if state.processes[who].is_over(now) {
            Self::end(state, who);
            return Ok(());
        }
        match state.processes[who].phase.clone() {
            Phase::Pausing { .. } => self.attempt(state, who),
            Phase::Waiting { request, .. } => {
                if let Request::Write { over, record, .. } = request {
                    state.late.push((over, record.0));
                }
                state.processes[who].phase = Phase::Pausing { until: now + RETRY };
                Ok(())
            }
            Phase::Answered { began, answer } => self.answered(state, who, began, answer),
        }
    }

    fn answered(&self, state: &mut State, who: usize, began: u64, answer: Answer) -> Result<(), String> {
        let now = state.now;
        let process = &mut state.processes[who];
        match answer {
            Answer::Found(found) => {
                let uptime = process.now(now).uptime;
                (self.rules.see)(
                    &mut process.view,
                    found.as_ref().map(|(_, record)| record.0.clone()),
                    uptime,
                );
                self.settle(state, who, began, found.map(|(version, _)| version), false)?;
            }
            Answer::Conflict { own: true } => {
                process.phase = Phase::Waiting { began, request: Request::Get, held: false };
            }
            Answer::Conflict { own: false } => process.phase = Phase::Pausing { until: now + RETRY },
            Answer::Written(version, record) => {
                let uptime = process.now(now).uptime;
                process.view.wrote(record.0.clone(), uptime);
                process.own = Some((version, record.0));
                let until = (self.rules.fence)(began, now);
                process.phase = Phase::Pausing { until: now + RETRY };
                let leads = process.renewed.is_some();
                if leads && now >= process.fence {
                    Self::end(state, who);
                    return Ok(());
                }
                if until > now {
                    (process.fence, process.renewed) = (until, Some(began));
                }
            }
        }
        Ok(())
    }

    /// The API server carries out a write over that version; what it has then.
    fn carry_out(state: &mut State, over: Option<u8>, record: Record) -> Option<u8> {
        let version = state.lease.as_ref().map(|(version, _)| *version);
        if version != over {
            return None;
        }
        let next = version.unwrap_or_default() + 1;
        state.lease = Some((next, record));
        Some(next)
    }

    /// The answer to the request of a process, which is carried out now.
    fn serve(state: &mut State, who: usize) -> Option<(u64, Answer)> {
        let Phase::Waiting { began, request, .. } = state.processes[who].phase.clone() else { return None };
        let answer = match request {
            Request::Get => {
                Answer::Found(state.lease.clone().map(|(version, record)| (version, Shown(record))))
            }
            Request::Write { over, record, own } => match Self::carry_out(state, over, record.0.clone()) {
                Some(version) => Answer::Written(version, record),
                None => Answer::Conflict { own },
            },
        };
        Some((began, answer))
    }
}

impl Model for Elections {
    type State = State;
    type Action = Action;

    fn start(&self) -> State {
        State {
            now: 0,
            lease: None,
            late: Vec::new(),
            processes: [Process::new(0, 0), Process::new(1, 0)],
            faults: self.faults,
            last_fault: 0,
        }
    }

    fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut all_wait = true;
        let may_fail = state.faults > 0 && state.now + QUIET < self.end;
        for (who, process) in state.processes.iter().enumerate() {
            if process.is_ready(state.now) {
                all_wait = false;
                actions.push(Action::GoesOn(who));
            }
            if let Phase::Waiting { held, .. } = process.phase {
                actions.push(Action::IsAnswered(who));
                all_wait &= held;
                if may_fail && !held {
                    actions.extend([Action::IsHeld(who), Action::LosesItsAnswer(who)]);
                }
            }
            if process.stopped {
                actions.push(Action::Continues(who));
            } else if may_fail {
                actions.push(Action::Stops(who));
                // One that starts while a Lease is missing that another one holds cannot know of that.
                if state.lease.is_some() {
                    actions.push(Action::Crashes(who));
                }
            }
        }
        let all_have_seen_it = state.processes.iter().all(|process| !process.view.holder().is_empty());
        if may_fail && state.lease.is_some() && all_have_seen_it {
            actions.push(Action::LeaseIsDeleted);
        }
        actions.extend((0..state.late.len()).map(Action::LateOneIsCarriedOut));
        if all_wait && state.now < self.end {
            actions.push(Action::TimePasses);
        }
        actions
    }

    fn is_due(&self, _: Action) -> bool {
        true
    }

    fn step(&self, state: &State, action: Action) -> Result<State, String> {
        let mut next = state.clone();
        match action {
            Action::IsHeld(_)
            | Action::LosesItsAnswer(_)
            | Action::Stops(_)
            | Action::Crashes(_)
            | Action::LeaseIsDeleted => {
                next.faults -= 1;
                next.last_fault = next.now;
            }
            _ => {}
        }
        match action {
            Action::GoesOn(who) => self.go_on(&mut next, who)?,
            Action::IsAnswered(who) => {
                if let Some((began, answer)) = Self::serve(&mut next, who) {
                    next.processes[who].phase = Phase::Answered { began, answer };
                }
            }
            Action::LosesItsAnswer(who) => {
                if let Some((began, _)) = Self::serve(&mut next, who) {
                    next.processes[who].phase = Phase::Waiting { began, request: Request::Get, held: true };
                }
            }
            Action::IsHeld(who) => {
                if let Phase::Waiting { held, .. } = &mut next.processes[who].phase {
                    *held = true;
                }
            }
            Action::Stops(who) => next.processes[who].stopped = true,
            Action::Continues(who) => next.processes[who].stopped = false,
            Action::Crashes(who) => Self::end(&mut next, who),
            Action::LateOneIsCarriedOut(number) => {
                let (over, record) = next.late.remove(number);
                next.last_fault = next.now;
                Self::carry_out(&mut next, over, record);
            }
            Action::LeaseIsDeleted => next.lease = None,
            Action::TimePasses => next.now += 1,
        }
        let open = next.processes.iter().filter(|process| next.now < process.fence).count();
        if open > 1 { Err("two processes may write at the same time".to_owned()) } else { Ok(next) }
    }

    fn fingerprint(&self, state: &State) -> u64 {
        let mut hasher = DefaultHasher::new();
        let State { now, lease, late, processes, faults, last_fault } = state;
        (now, faults, last_fault).hash(&mut hasher);
        add_shown(lease, &mut hasher);
        add_shown(late, &mut hasher);
        for process in processes {
            let Process { number, started, stopped, view, own, renewed, fence, phase } = process;
            (number, started, stopped, renewed, fence, phase).hash(&mut hasher);
            add_shown(view, &mut hasher);
            add_shown(own, &mut hasher);
        }
        hasher.finish()
    }

    fn at_rest(&self, state: &State) -> Result<(), String> {
        let all_stopped = state.processes.iter().all(|process| process.stopped);
        let nobody = state.processes.iter().all(|process| state.now >= process.fence);
        if nobody && !all_stopped && state.now - state.last_fault >= QUIET {
            return Err("nobody leads, although nothing has gone wrong for long".to_owned());
        }
        Ok(())
    }

    fn show(&self, state: &State) -> String {
        let holder = state.lease.as_ref().map(|(version, record)| (version, &record.holder));
        let fences =
            state.processes.each_ref().map(|process| (process.number, process.fence, process.stopped));
        format!("{} s, Lease {holder:?}, fences {fences:?}", state.now)
    }
}

#[cfg(test)]
mod tests;
