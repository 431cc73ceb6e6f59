//! Limits that have nothing to do with tenants: who reads a service key, and who holds a large payload.

use std::collections::HashMap;

use super::SharedLimit;
use crate::{
    controller::queue::{
        Priority,
        line::{Line, Ticket},
    },
    domain::parse::object::ObjectKey,
};

/// Limits that somebody needs.
#[derive(Debug, Default)]
pub(super) struct Shared(HashMap<SharedLimit, Usage>);

#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) in_use: usize,
    /// Free places that somebody was woken for.
    pub(super) promised: usize,
    pub(super) line: Line,
}

impl Shared {
    /// Takes a place if there is one, also one that is kept for somebody who has not come yet.
    pub(super) fn take(&mut self, limit: &SharedLimit) -> bool {
        let usage = self.0.entry(limit.clone()).or_default();
        let has_place = usage.in_use < limit.places();
        usage.in_use += usize::from(has_place);
        has_place
    }

    /// Has one wait.
    pub(super) fn push(&mut self, limit: &SharedLimit, who: &ObjectKey, priority: Priority) -> Ticket {
        self.0.entry(limit.clone()).or_default().line.push(who, priority)
    }

    /// One waits no longer.
    pub(super) fn remove(&mut self, limit: &SharedLimit, who: &ObjectKey, ticket: Ticket) {
        if let Some(usage) = self.0.get_mut(limit) {
            usage.line.remove(who, ticket);
        }
    }

    /// A place is free again.
    pub(super) fn give_back(&mut self, limit: &SharedLimit) {
        if let Some(usage) = self.0.get_mut(limit) {
            usage.in_use = usage.in_use.saturating_sub(1);
        }
    }

    /// A place is kept for nobody any more.
    pub(super) fn unpromise(&mut self, limit: &SharedLimit) {
        if let Some(usage) = self.0.get_mut(limit) {
            usage.promised = usage.promised.saturating_sub(1);
        }
    }

    /// Takes out those who are next and may come, and forgets a limit that nobody needs. What was read of a service key is
    /// there for all of them; for the others a place is kept.
    pub(super) fn next(&mut self, limit: &SharedLimit) -> Vec<(ObjectKey, Priority)> {
        let Some(usage) = self.0.get_mut(limit) else {
            return Vec::new();
        };
        let mut next = Vec::new();
        while usage.in_use + usage.promised < limit.places()
            && let Some(waiter) = usage.line.pop(|_| true)
        {
            usage.promised += usize::from(limit.keeps_places());
            next.push(waiter);
        }
        if usage.in_use == 0 && usage.promised == 0 && usage.line.is_empty() {
            self.0.remove(limit);
        }
        next
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SharedLimit, &Usage)> {
        self.0.iter()
    }
}
