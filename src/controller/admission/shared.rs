//! Limits that all tenants share: who reads a service key, and who holds a large payload.

use std::{collections::HashMap, sync::Arc};

use crate::{
    controller::queue::{
        Priority,
        line::{Line, Ticket},
    },
    domain::parse::object::ObjectKey,
};

/// Large payloads that are sent at once to all tenants that answer in time, and to all others: with their bodies these are 12 MiB
/// at most, of both together.
const LARGE_PAYLOADS: usize = 2;

/// A limit that all tenants share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum SharedLimit {
    /// Passes that read the Secret with a service key for the first time.
    ServiceKey(ObjectKey),
    /// Passes that hold a large payload: what all of them hold must fit the memory.
    LargePayload(Pace),
}

/// How soon a tenant answers. Those that are waited for keep no place from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pace {
    /// In time.
    Prompt,
    /// Late, or not at all, or it is not known.
    Unproven,
}

impl SharedLimit {
    pub(super) fn places(&self) -> usize {
        match self {
            Self::ServiceKey(_) => 1,
            Self::LargePayload(_) => LARGE_PAYLOADS,
        }
    }

    pub(super) fn keeps_places(&self) -> bool {
        match self {
            Self::ServiceKey(_) => false,
            Self::LargePayload(_) => true,
        }
    }

    /// How many of the places one namespace may have.
    pub(super) fn places_of_one(&self) -> usize {
        match self {
            Self::ServiceKey(_) => 1,
            Self::LargePayload(_) => LARGE_PAYLOADS / 2,
        }
    }
}

/// Limits that somebody needs.
#[derive(Debug, Default)]
pub(super) struct Shared(HashMap<SharedLimit, Usage>);

#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) in_use: usize,
    /// Free places that somebody was woken for.
    pub(super) promised: usize,
    /// How many of both each namespace has, where they are kept for somebody.
    pub(super) taken_by: HashMap<Arc<str>, usize>,
    pub(super) line: Line,
}

impl Usage {
    fn has_place(&self, limit: &SharedLimit) -> bool {
        self.in_use + self.promised < limit.places()
    }

    fn takes(&mut self, namespace: &Arc<str>) {
        *self.taken_by.entry(Arc::clone(namespace)).or_default() += 1;
    }

    fn leaves(&mut self, namespace: &Arc<str>) {
        if let Some(taken) = self.taken_by.get_mut(namespace) {
            *taken -= 1;
            if *taken == 0 {
                self.taken_by.remove(namespace);
            }
        }
    }
}

/// Whether the namespace has fewer places than it may have.
fn may_take(taken_by: &HashMap<Arc<str>, usize>, namespace: &str, limit: &SharedLimit) -> bool {
    taken_by.get(namespace).is_none_or(|taken| *taken < limit.places_of_one())
}

impl Shared {
    /// Takes a place if there is one; it is kept for nobody.
    pub(super) fn take(&mut self, limit: &SharedLimit) -> bool {
        let usage = self.0.entry(limit.clone()).or_default();
        let has_place = usage.in_use < limit.places();
        usage.in_use += usize::from(has_place);
        has_place
    }

    /// Takes the place that is kept for somebody.
    pub(super) fn take_promised(&mut self, limit: &SharedLimit) {
        let usage = self.0.entry(limit.clone()).or_default();
        usage.promised = usage.promised.saturating_sub(1);
        usage.in_use += 1;
    }

    /// Takes a place for somebody who has one elsewhere and does not wait in line, if there is one.
    pub(super) fn move_to(&mut self, limit: &SharedLimit, namespace: &Arc<str>) -> bool {
        let usage = self.0.entry(limit.clone()).or_default();
        let has_place = usage.has_place(limit) && may_take(&usage.taken_by, namespace, limit);
        if has_place {
            usage.in_use += 1;
            usage.takes(namespace);
        }
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

    /// A place is free again; it was kept for somebody of that namespace, if it was kept.
    pub(super) fn give_back(&mut self, limit: &SharedLimit, kept_for: Option<&Arc<str>>) {
        if let Some(usage) = self.0.get_mut(limit) {
            usage.in_use = usage.in_use.saturating_sub(1);
            kept_for.into_iter().for_each(|namespace| usage.leaves(namespace));
        }
    }

    /// A place is kept for nobody any more.
    pub(super) fn unpromise(&mut self, limit: &SharedLimit, namespace: &Arc<str>) {
        if let Some(usage) = self.0.get_mut(limit) {
            usage.promised = usage.promised.saturating_sub(1);
            usage.leaves(namespace);
        }
    }

    /// Takes out those who are next and may come, and forgets a limit that nobody needs. What was read of a service key is
    /// there for all of them; for the others a place is kept.
    pub(super) fn next(&mut self, limit: &SharedLimit) -> Vec<(ObjectKey, Priority)> {
        let Some(usage) = self.0.get_mut(limit) else {
            return Vec::new();
        };
        let mut next = Vec::new();
        while usage.has_place(limit) {
            let Usage { line, taken_by, .. } = usage;
            let Some((who, priority)) = line.pop(|namespace| may_take(taken_by, namespace, limit)) else {
                break;
            };
            if limit.keeps_places() {
                usage.promised += 1;
                usage.takes(&who.namespace);
            }
            next.push((who, priority));
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
