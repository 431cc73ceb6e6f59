//! Leader election by a Lease: who may lead, from what the Lease has said so far.
//!
//! Clocks of different machines are never compared. A Lease has expired when it has said the same for its whole duration *by
//! the clock of the process that looks*. Its holder counts from before it asked for the renewal, so it stops earlier than
//! anybody else may begin. Who begins is decided by the API server: each write names the version that it replaces.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::parse::object::Now;

/// How long a Lease is said to last that was given back. Nobody waits for it: it has no holder.
const GIVEN_BACK: Duration = Duration::from_secs(1);

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
    /// Its name, which no other process has.
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
}

/// What the Lease said last, and since when it has been saying so.
#[derive(Clone, Debug, Default)]
pub(crate) struct View(Option<Seen>);

#[derive(Clone, Debug)]
struct Seen {
    record: Record,
    /// Time since the start of the process.
    since: Duration,
}

impl View {
    /// The Lease was read at this time since the start of the process; `None`: there is none.
    pub(crate) fn see(&mut self, record: Option<Record>, uptime: Duration) {
        // One that was deleted may still have a holder who does not know it: what it said last stands until it expires.
        let Some(record) = record else { return };
        if self.0.as_ref().is_none_or(|seen| seen.record != record) {
            self.0 = Some(Seen { record, since: uptime });
        }
    }

    /// What the candidate does now.
    #[must_use]
    pub(crate) fn decide(&self, me: &Candidate, now: Now) -> Decision {
        let fresh = Record {
            holder: me.identity.clone(),
            duration: Some(me.duration),
            acquired: Some(now.wall),
            renewed: Some(now.wall),
            transitions: 0,
        };
        let Some(Seen { record, since }) = &self.0 else {
            return Decision::Acquire(fresh);
        };
        if record.holder == me.identity {
            return Decision::Renew(Record {
                acquired: record.acquired,
                transitions: record.transitions,
                ..fresh
            });
        }
        let expires = since.saturating_add(record.duration.unwrap_or(me.duration));
        let left = expires.saturating_sub(now.uptime);
        if record.holder.is_empty() || left.is_zero() {
            return Decision::Acquire(Record { transitions: record.transitions.saturating_add(1), ..fresh });
        }
        Decision::Wait(left)
    }

    /// Who led when the Lease was last read; empty: nobody.
    #[must_use]
    pub(crate) fn holder(&self) -> &str {
        self.0.as_ref().map_or("", |seen| &seen.record.holder)
    }

    /// What the candidate writes to give the Lease back; `None` if it does not hold it.
    #[must_use]
    pub(crate) fn give_back(&self, me: &Candidate, wall: Timestamp) -> Option<Record> {
        let record = &self.0.as_ref()?.record;
        (record.holder == me.identity).then(|| Record {
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
