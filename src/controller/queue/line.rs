//! Who waits, and who is next: in turn over namespaces, and within one in the order in which they came. What is urgent comes
//! before what is routine, but for one place in nine, so that neither can hold up the other for ever.
//!
//! Where namespaces have had more or less of what they wait for, the one that has had least is next.
//!
//! However much waits in one namespace, a resource in another is behind at most one of each namespace that waits with it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::Priority;
use crate::domain::parse::object::ObjectKey;

/// After so many urgent ones in a row, one that is routine has its turn, if one waits.
pub(in crate::controller) const URGENT_IN_A_ROW: u32 = 8;

/// A place in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::controller) struct Ticket {
    /// How soon it is served.
    pub(in crate::controller) priority: Priority,
    number: Number,
}

impl Ticket {
    /// When it came into the line.
    pub(in crate::controller) fn since(self) -> Since {
        Since(self.number.1)
    }
}

/// When something came into a line, as far as the line knows time: after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::controller) struct Since(u64);

/// In the order in which they are served within a namespace: first those that go ahead of the others.
type Number = (Ahead, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ahead {
    Yes,
    No,
}

/// A line.
#[derive(Debug, Default)]
pub(in crate::controller) struct Line {
    urgent: Namespaces,
    routine: Namespaces,
    issued: u64,
    urgent_in_a_row: u32,
}

/// Those of one priority.
#[derive(Debug, Default)]
struct Namespaces {
    of: HashMap<Arc<str>, Namespace>,
    /// The namespaces in the order of their turns.
    turns: BTreeMap<u64, Arc<str>>,
    next_turn: u64,
}

/// Those of one namespace. None is empty.
#[derive(Debug, Default)]
struct Namespace {
    turn: u64,
    names: BTreeMap<Number, Arc<str>>,
}

impl Line {
    /// Adds one that is not in the line, behind the others of its namespace.
    pub(in crate::controller) fn push(&mut self, who: &ObjectKey, priority: Priority) -> Ticket {
        let now = self.now();
        self.insert(who, priority, Ahead::No, now)
    }

    /// Adds one that has waited for its turn elsewhere: before those of its namespace that have not, and among those that have as if it
    /// had come into this line `since` then, or now.
    pub(in crate::controller) fn push_ahead(
        &mut self,
        who: &ObjectKey,
        priority: Priority,
        since: Option<Since>,
    ) -> Ticket {
        let since = since.unwrap_or_else(|| self.now());
        self.insert(who, priority, Ahead::Yes, since)
    }

    /// Behind all who have come so far.
    fn now(&mut self) -> Since {
        self.issued += 1;
        Since(self.issued)
    }

    fn insert(&mut self, who: &ObjectKey, priority: Priority, ahead: Ahead, since: Since) -> Ticket {
        let number = (ahead, since.0);
        self.of_priority(priority).insert(who, number);
        Ticket { priority, number }
    }

    /// Takes out the next one of those namespaces that `may` have one now.
    pub(in crate::controller) fn pop(&mut self, may: impl Fn(&str) -> bool) -> Option<(ObjectKey, Priority)> {
        self.pop_least(may, |_| 0)
    }

    /// The same; of namespaces of which one has `had` more than another, the turn of the one that has had least comes first.
    pub(in crate::controller) fn pop_least(
        &mut self,
        may: impl Fn(&str) -> bool,
        had: impl Fn(&str) -> u64,
    ) -> Option<(ObjectKey, Priority)> {
        let (priority, Turn { number, .. }) = self.first(may, had)?;
        let next = self.of_priority(priority).take(number).map(|who| (who, priority));
        match next {
            Some((_, Priority::Urgent)) => self.urgent_in_a_row += 1,
            Some((_, Priority::Routine)) => self.urgent_in_a_row = 0,
            None => {}
        }
        next
    }

    /// What the namespace of the next one has `had`.
    pub(in crate::controller) fn least(&self, had: impl Fn(&str) -> u64) -> Option<u64> {
        self.first(|_| true, had).map(|(_, turn)| turn.had)
    }

    /// How urgent the next one is, and whose turn it is. What is routine and due waits for what is urgent only as long as its namespace
    /// has had more.
    fn first(&self, may: impl Fn(&str) -> bool, had: impl Fn(&str) -> u64) -> Option<(Priority, Turn)> {
        let Some(urgent) = self.urgent.next(&may, &had) else {
            return Some((Priority::Routine, self.routine.next(&may, &had)?));
        };
        let is_due = self.urgent_in_a_row >= URGENT_IN_A_ROW;
        match is_due.then(|| self.routine.next(&may, &had)).flatten() {
            Some(routine) if routine.had <= urgent.had => Some((Priority::Routine, routine)),
            _ => Some((Priority::Urgent, urgent)),
        }
    }

    /// Takes out one that waits no longer.
    pub(in crate::controller) fn remove(&mut self, who: &ObjectKey, ticket: Ticket) {
        self.of_priority(ticket.priority).remove(&who.namespace, ticket.number);
    }

    /// Whether nobody waits.
    pub(in crate::controller) fn is_empty(&self) -> bool {
        self.urgent.of.is_empty() && self.routine.of.is_empty()
    }

    fn of_priority(&mut self, priority: Priority) -> &mut Namespaces {
        match priority {
            Priority::Urgent => &mut self.urgent,
            Priority::Routine => &mut self.routine,
        }
    }

    /// How many wait.
    #[cfg(test)]
    pub(in crate::controller) fn len(&self) -> usize {
        [&self.urgent, &self.routine]
            .into_iter()
            .flat_map(|namespaces| namespaces.of.values())
            .map(|waiting| waiting.names.len())
            .sum()
    }
}

/// The turn of a namespace.
#[derive(Clone, Copy)]
struct Turn {
    number: u64,
    /// What the namespace has had.
    had: u64,
}

impl Namespaces {
    fn insert(&mut self, who: &ObjectKey, number: Number) {
        let waiting = self.of.entry(Arc::clone(&who.namespace)).or_insert_with(|| {
            self.next_turn += 1;
            self.turns.insert(self.next_turn, Arc::clone(&who.namespace));
            Namespace { turn: self.next_turn, names: BTreeMap::new() }
        });
        waiting.names.insert(number, Arc::clone(&who.name));
    }

    /// The turn of the next one of those that `may`. Whoever has had nothing is not waited with.
    fn next(&self, may: impl Fn(&str) -> bool, had: impl Fn(&str) -> u64) -> Option<Turn> {
        let mut next: Option<Turn> = None;
        for (number, namespace) in self.turns.iter().filter(|(_, namespace)| may(namespace)) {
            let had = had(namespace);
            if next.is_none_or(|next| had < next.had) {
                next = Some(Turn { number: *number, had });
            }
            if had == 0 {
                break;
            }
        }
        next
    }

    /// Takes out the first one of the namespace whose turn it is.
    fn take(&mut self, turn: u64) -> Option<ObjectKey> {
        let namespace = Arc::clone(self.turns.get(&turn)?);
        let waiting = self.of.get_mut(&namespace)?;
        let (_, name) = waiting.names.pop_first()?;
        self.turns.remove(&turn);
        if waiting.names.is_empty() {
            self.of.remove(&namespace);
        } else {
            self.next_turn += 1;
            waiting.turn = self.next_turn;
            self.turns.insert(self.next_turn, Arc::clone(&namespace));
        }
        Some(ObjectKey { namespace, name })
    }

    fn remove(&mut self, namespace: &Arc<str>, number: Number) {
        let Some(waiting) = self.of.get_mut(namespace) else {
            return;
        };
        waiting.names.remove(&number);
        if waiting.names.is_empty() {
            self.turns.remove(&waiting.turn);
            self.of.remove(namespace);
        }
    }
}

#[cfg(test)]
mod tests;
