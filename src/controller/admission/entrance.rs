//! The few places of passes whose lane is not known to answer in time. Those that are alike share an entrance: however many there are, they
//! have its places and no others, and they wait for nobody but each other.

use std::{collections::HashMap, sync::Arc};

use crate::{
    controller::queue::{
        Priority,
        line::{Line, Ticket},
    },
    domain::parse::object::ObjectKey,
};

/// Lanes that are not known to answer in time, by what is known instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowd {
    /// Nobody has heard of the tenant, or it has never answered this service key: anybody can write down any number of them.
    Unheard,
    /// They answer, and take long.
    Late,
    /// They do not answer those who have proof that they have.
    Silent,
}

/// How passes of a lane come to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It is known to answer in time: they have the places of all.
    Open,
    /// They share a few with those of lanes like theirs.
    Shared(Crowd),
}

/// All of them.
#[derive(Debug)]
pub(super) struct Entrances {
    unheard: Entrance,
    late: Entrance,
    silent: Entrance,
}

impl Entrances {
    /// So many places for each crowd.
    pub(super) fn new(places: usize) -> Self {
        let [unheard, late, silent] = [(); 3].map(|()| Entrance::new(places));
        Self { unheard, late, silent }
    }

    pub(super) fn of(&mut self, crowd: Crowd) -> &mut Entrance {
        match crowd {
            Crowd::Unheard => &mut self.unheard,
            Crowd::Late => &mut self.late,
            Crowd::Silent => &mut self.silent,
        }
    }

    /// Gives the next one a place, if there is one for its crowd.
    pub(super) fn let_in(&mut self) -> Option<(ObjectKey, Priority)> {
        [&mut self.unheard, &mut self.late, &mut self.silent].into_iter().find_map(Entrance::let_in)
    }

    /// A place that a resource of that namespace has come by is free again.
    pub(super) fn give_back(&mut self, access: Access, namespace: &Arc<str>) {
        match access {
            Access::Open => {}
            Access::Shared(crowd) => self.of(crowd).give_back(namespace),
        }
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entrance> {
        [&self.unheard, &self.late, &self.silent].into_iter()
    }
}

/// The places of one crowd, and who waits for one.
#[derive(Debug)]
pub(super) struct Entrance {
    places: usize,
    in_use: usize,
    /// How many each namespace has.
    in_use_by: HashMap<Arc<str>, usize>,
    line: Line,
}

impl Entrance {
    /// So many places.
    fn new(places: usize) -> Self {
        Self { places, in_use: 0, in_use_by: HashMap::new(), line: Line::default() }
    }

    /// Has one wait.
    pub(super) fn push(&mut self, who: &ObjectKey, priority: Priority) -> Ticket {
        self.line.push(who, priority)
    }

    /// One waits no longer.
    pub(super) fn remove(&mut self, who: &ObjectKey, ticket: Ticket) {
        self.line.remove(who, ticket);
    }

    /// Gives the next one a place, if there is one. The last quarter is for namespaces that have less than a quarter: one alone
    /// cannot keep the others out.
    fn let_in(&mut self) -> Option<(ObjectKey, Priority)> {
        let quarter = self.places / 4;
        let free = self.places.saturating_sub(self.in_use);
        if free == 0 {
            return None;
        }
        let in_use_by = &self.in_use_by;
        let may = |namespace: &str| {
            free > quarter || in_use_by.get(namespace).is_none_or(|in_use| *in_use < quarter)
        };
        let (who, priority) = self.line.pop(may)?;
        self.in_use += 1;
        *self.in_use_by.entry(Arc::clone(&who.namespace)).or_default() += 1;
        Some((who, priority))
    }

    /// A place of that namespace is free again.
    fn give_back(&mut self, namespace: &Arc<str>) {
        self.in_use = self.in_use.saturating_sub(1);
        if let Some(in_use) = self.in_use_by.get_mut(namespace) {
            *in_use -= 1;
            if *in_use == 0 {
                self.in_use_by.remove(namespace);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.in_use == 0 && self.in_use_by.is_empty() && self.line.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, number: usize) -> ObjectKey {
        ObjectKey::new(namespace, &number.to_string())
    }

    fn wait(entrance: &mut Entrance, namespace: &str, count: usize) {
        (0..count).for_each(|number| {
            entrance.push(&key(namespace, number), Priority::Urgent);
        });
    }

    fn let_in(entrance: &mut Entrance) -> Vec<ObjectKey> {
        std::iter::from_fn(|| entrance.let_in()).map(|(who, _)| who).collect()
    }

    #[test]
    fn one_namespace_leaves_a_quarter_to_the_others() {
        let mut entrance = Entrance::new(32);
        wait(&mut entrance, "invents", 150);
        assert_eq!(let_in(&mut entrance).len(), 24);
        wait(&mut entrance, "new", 2);
        assert_eq!(let_in(&mut entrance), [key("new", 0), key("new", 1)]);
        entrance.give_back(&"invents".into());
        assert_eq!(let_in(&mut entrance), [], "there are six, and they are for others");
        (0..2).for_each(|_| entrance.give_back(&"invents".into()));
        assert_eq!(let_in(&mut entrance).len(), 1);
    }

    #[test]
    fn those_that_hang_keep_out_only_their_like() {
        let mut entrances = Entrances::new(4);
        for (crowd, namespaces) in [(Crowd::Unheard, 150), (Crowd::Silent, 150), (Crowd::Late, 2)] {
            for namespace in 0..namespaces {
                let who = key(&format!("{crowd:?}-{namespace}"), 0);
                entrances.of(crowd).push(&who, Priority::Routine);
            }
        }
        while entrances.let_in().is_some() {}
        let in_use: Vec<usize> = entrances.iter().map(Entrance::in_use).collect();
        assert_eq!(in_use, [4, 2, 4]);
        entrances.give_back(Access::Open, &"Late-0".into());
        entrances.give_back(Access::Shared(Crowd::Silent), &"Silent-0".into());
        assert_eq!(entrances.let_in().map(|(who, _)| who), Some(key("Silent-4", 0)));
    }

    #[test]
    fn however_few_there_are_each_is_used() {
        let mut entrance = Entrance::new(1);
        wait(&mut entrance, "one", 2);
        assert_eq!(let_in(&mut entrance).len(), 1);
        entrance.give_back(&"one".into());
        assert_eq!(let_in(&mut entrance).len(), 1);
        entrance.give_back(&"one".into());
        assert!(entrance.is_empty());
    }
}
