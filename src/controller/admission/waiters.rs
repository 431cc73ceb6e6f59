//! Who waits for a place, and who is next.

use std::collections::BTreeMap;

use crate::{controller::queue::Priority, domain::parse::object::ObjectKey};

/// A resource that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// Which resource.
    pub(super) who: ObjectKey,
    /// How soon it is reconciled when it is woken.
    pub(super) priority: Priority,
}

/// Tells one waiter from another.
pub(super) type Number = u64;

/// The waiters of one limit, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    tickets: BTreeMap<Number, Ticket>,
    next: Number,
}

impl Waiters {
    /// Adds one, and returns the number under which it can leave.
    pub(super) fn push(&mut self, ticket: Ticket) -> Number {
        let number = self.next;
        self.next += 1;
        self.tickets.insert(number, ticket);
        number
    }

    /// Takes out the one that is next.
    pub(super) fn pop(&mut self) -> Option<Ticket> {
        self.tickets.pop_first().map(|(_, ticket)| ticket)
    }

    /// Takes out one that waits no longer.
    pub(super) fn remove(&mut self, number: Number) {
        self.tickets.remove(&number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tickets.len()
    }
}
