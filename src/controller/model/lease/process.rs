//! One candidate: what it knows, and what it waits for.

use std::hash::{Hash, Hasher};

use super::{ATTEMPT, DURATION, RENEW_DEADLINE};
use crate::domain::{
    decide::lease::{Candidate, Record, View},
    parse::object::Now,
    testing::{at, seconds},
};

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) number: u8,
    pub(super) started: u64,
    pub(super) stopped: bool,
    pub(super) view: View,
    pub(super) own: Option<(u8, Record)>,
    /// When the last renewal that succeeded began.
    pub(super) renewed: Option<u64>,
    pub(super) fence: u64,
    pub(super) phase: Phase,
}

#[derive(Clone, Debug, Hash)]
pub(super) enum Phase {
    Pausing {
        until: u64,
    },
    Waiting {
        began: u64,
        request: Request,
        held: bool,
    },
    /// The answer is there.
    Answered {
        began: u64,
        answer: Answer,
    },
}

#[derive(Clone, Debug, Hash)]
pub(super) enum Request {
    Get,
    Write { over: Option<u8>, record: Shown, own: bool },
}

/// A record that has a hash.
#[derive(Clone, Debug)]
pub(super) struct Shown(pub(super) Record);

impl Hash for Shown {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Record { holder, duration, acquired, renewed, transitions } = &self.0;
        (holder, duration, acquired, renewed, transitions).hash(state);
    }
}

#[derive(Clone, Debug, Hash)]
pub(super) enum Answer {
    Found(Option<(u8, Shown)>),
    Written(u8, Shown),
    /// Somebody else wrote; whether it was over what this process wrote last.
    Conflict {
        own: bool,
    },
}

impl Process {
    pub(super) fn new(number: u8, now: u64) -> Self {
        Self {
            number,
            started: now,
            stopped: false,
            view: View::default(),
            own: None,
            renewed: None,
            fence: 0,
            phase: Phase::Pausing { until: now },
        }
    }

    pub(super) fn me(&self) -> Candidate {
        Candidate { identity: format!("process-{}", self.number), duration: seconds(DURATION) }
    }

    pub(super) fn now(&self, now: u64) -> Now {
        let uptime = seconds(now - self.started);
        Now { wall: at(i64::try_from(now).unwrap()), uptime, leading: uptime }
    }

    pub(super) fn is_over(&self, now: u64) -> bool {
        self.renewed.is_some_and(|renewed| now >= renewed + RENEW_DEADLINE)
    }

    /// Whether there is something that it can do now by itself.
    pub(super) fn is_ready(&self, now: u64) -> bool {
        !self.stopped
            && (self.is_over(now)
                || match &self.phase {
                    Phase::Pausing { until } => now >= *until,
                    Phase::Waiting { began, .. } => now >= began + ATTEMPT,
                    Phase::Answered { .. } => true,
                })
    }
}
