//! Leader election by a Lease: who may lead, from what the Lease has said so far.
//!
//! Clocks of replicas are never compared. A Lease has expired when it has said the same for its whole duration *by the clock of
//! the process that looks*. Its holder counts from before it asked for the renewal, so it stops earlier than anybody else may
//! begin. Who begins is decided by the API server: each write names the version that it replaces.
//!
//! Two cases need no wait. A Lease in which a candidate finds its own identity was left by a container of the same pod that has
//! ended: the identity is that of the pod, and the kubelet starts a container again only after it has ended. A pod that was deleted
//! and still runs somewhere has another identity than the one that replaces it. And a Lease that nobody has written for long *by the
//! clock of the API server*, which stamped the last write and dates each answer, has been silent for as long as a wait would take:
//! its duration, and [`SKEW`] for API servers whose clocks differ.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use crate::domain::{parse::object::Now, tools::time::whole_microseconds};

/// How long a Lease is said to last that was given back. Nobody waits for it: it has no holder.
const GIVEN_BACK: Duration = Duration::from_secs(1);

/// By how much the clocks of the API servers of one cluster may differ.
const SKEW: Duration = Duration::from_secs(15);

/// Writes whose answer may still be missing that are remembered. Each names the version that it replaces, so an older one than these
/// can no longer arrive.
const ASKED: usize = 16;

/// What a Lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Who leads; empty: nobody.
    pub holder: String,
    /// How long it lasts after a renewal.
    pub duration: Option<Duration>,
    /// When the holder got it, by the holder's clock. Only shown to people.
    pub(crate) acquired: Option<Timestamp>,
    /// When the holder renewed it, by the holder's clock. It tells one renewal from another, and no more.
    pub renewed: Option<Timestamp>,
    /// How often the holder changed.
    pub(crate) transitions: i32,
}

/// Who wants to lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its name, which no other process has that runs at the same time.
    pub identity: String,
    /// How long its Lease lasts after a renewal.
    pub duration: Duration,
}

/// What to do with the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nobody leads: try to write this.
    Acquire(Record),
    /// The candidate leads: write this.
    Renew(Record),
    /// Somebody else leads, at least for this long.
    Wait(Duration),
    /// Another process leads, which has the same identity.
    SameIdentity,
}

/// What the Lease said last, since when it has been saying so, and what this process has made it say.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    seen: Option<Seen>,
    /// What this process asked to be written last, oldest first. Only one of these can be in the Lease while it is its own.
    asked: VecDeque<Record>,
    /// Whether one of its writes has been answered well.
    has_written: bool,
}

#[derive(Clone, Debug)]
struct Seen {
    record: Record,
    /// Time since the start of the process.
    since: Duration,
    /// How long it had been silent when it was seen first, by the clock of the API server.
    silent: Duration,
}

impl View {
    /// The Lease was read at this time since the start of the process; `None`: there is none. By the clock of the API server,
    /// nobody has written it for as long as it is `silent`.
    pub(crate) fn see(&mut self, record: Option<Record>, silent: Duration, uptime: Duration) {
        // One that was deleted may still have a holder who does not know it: what it said last stands until it expires.
        let Some(record) = record else { return };
        if self.seen.as_ref().is_none_or(|seen| seen.record != record) {
            self.seen = Some(Seen { record, since: uptime, silent });
        }
    }

    /// This process is about to ask for this to be written.
    pub(crate) fn asks(&mut self, record: Record) {
        if self.asked.len() == ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back(record);
    }

    /// The last that it asked for was written, as the answer says that came at this time since the start of the process.
    pub(crate) fn wrote(&mut self, record: Record, uptime: Duration) {
        self.has_written = true;
        self.asked.clear();
        self.asked.push_back(record.clone());
        self.see(Some(record), Duration::ZERO, uptime);
    }

    /// What the candidate does now.
    #[must_use]
    pub(crate) fn decide(&self, me: &Candidate, now: Now) -> Decision {
        // As it will be read: by its times a record is known again whose answer was lost.
        let wall = whole_microseconds(now.wall);
        let fresh = Record {
            holder: me.identity.clone(),
            duration: Some(me.duration),
            acquired: Some(wall),
            renewed: Some(wall),
            transitions: 0,
        };
        let Some(Seen { record, since, silent }) = &self.seen else {
            return Decision::Acquire(fresh);
        };
        if record.holder == me.identity {
            if !self.may_be_own(record) {
                return Decision::SameIdentity;
            }
            return Decision::Renew(Record {
                acquired: record.acquired,
                transitions: record.transitions,
                ..fresh
            });
        }
        let duration = record.duration.unwrap_or(me.duration);
        let left = since.saturating_add(duration).saturating_sub(now.uptime);
        let silent_for_long = *silent >= duration.saturating_add(SKEW);
        if record.holder.is_empty() || left.is_zero() || silent_for_long {
            return Decision::Acquire(Record { transitions: record.transitions.saturating_add(1), ..fresh });
        }
        Decision::Wait(left)
    }

    /// Of a record with the identity of this process: whether this process wrote it, or one before it in the same pod. After the first
    /// write of its own that was answered, nothing of an earlier process can arrive any more.
    fn may_be_own(&self, record: &Record) -> bool {
        !self.has_written || self.asked.contains(record)
    }

    /// Who led when the Lease was last read; empty: nobody.
    #[must_use]
    pub(crate) fn holder(&self) -> &str {
        self.seen.as_ref().map_or("", |seen| &seen.record.holder)
    }

    /// What the candidate writes to give the Lease back; `None` if it does not hold it.
    #[must_use]
    pub(crate) fn give_back(&self, me: &Candidate, wall: Timestamp) -> Option<Record> {
        let record = &self.seen.as_ref()?.record;
        (record.holder == me.identity && self.may_be_own(record)).then(|| Record {
            holder: String::new(),
            duration: Some(GIVEN_BACK),
            acquired: Some(wall),
            renewed: Some(wall),
            transitions: record.transitions,
        })
    }
}

#[cfg(test)]
mod tests;
