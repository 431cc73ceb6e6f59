//! How namespaces share something of which there is too little: whoever has had least of it is next. It is start-time fair queueing (Goyal,
//! Vin and Cheng, 1996): what counts is what each has had beyond the one that was served last, so nobody saves up while it wants nothing.

use std::{collections::HashMap, sync::Arc};

/// Of so many namespaces it is known what they have had. When there are more, all begin anew.
const MOST: usize = 1024;

/// What each namespace has had.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    /// Of those that have had more than `served`.
    had: HashMap<Arc<str>, u64>,
    /// What the one had had that was served last; it never falls.
    served: u64,
}

impl Shares {
    /// How much more the namespace has had than the one that was served last had then. Zero: nobody comes before it.
    #[must_use]
    pub(crate) fn lead(&self, namespace: &str) -> u64 {
        self.had.get(namespace).map_or(0, |had| had.saturating_sub(self.served))
    }

    /// The namespace is served: it was next, or nobody else wanted anything.
    pub(crate) fn serve(&mut self, namespace: &str) {
        self.served = self.served.saturating_add(self.lead(namespace));
        self.take(namespace);
    }

    /// The namespace takes one more, whoever is next.
    pub(crate) fn take(&mut self, namespace: &str) {
        let had = self.served.saturating_add(self.lead(namespace)).saturating_add(1);
        if let Some(known) = self.had.get_mut(namespace) {
            *known = had;
            return;
        }
        if self.had.len() >= MOST {
            let served = self.served;
            self.had.retain(|_, had| *had > served);
            if self.had.len() >= MOST {
                self.had.clear();
            }
        }
        self.had.insert(namespace.into(), had);
    }

    /// The namespace gives back one that it has not used.
    pub(crate) fn give_back(&mut self, namespace: &str) {
        if let Some(had) = self.had.get_mut(namespace) {
            *had = had.saturating_sub(1);
        }
    }

    /// There was enough for all: what they have had before does not count any more.
    pub(crate) fn forget(&mut self) {
        self.had.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(number: usize) -> String {
        format!("ns-{number}")
    }

    /// Serves so many times whoever of these is next, each of which takes so many. Returns what each has had.
    fn served(shares: &mut Shares, costs: &[u64], times: usize) -> Vec<u64> {
        let mut had = vec![0; costs.len()];
        for _ in 0..times {
            let next = (0..costs.len()).min_by_key(|number| shares.lead(&name(*number))).unwrap();
            shares.serve(&name(next));
            (1..costs[next]).for_each(|_| shares.take(&name(next)));
            had[next] += costs[next];
        }
        had
    }

    #[test]
    fn whoever_takes_more_at_a_time_is_served_more_seldom() {
        assert_eq!(served(&mut Shares::default(), &[1, 1, 4, 1], 13), [4; 4]);
    }

    #[test]
    fn nobody_saves_up_and_nobody_is_held_to_account_for_ever() {
        let mut shares = Shares::default();
        served(&mut shares, &[1, 1], 100);
        // One alone has as much as it likes, and leaves the other no debt of its own.
        served(&mut shares, &[1], 100);
        assert_eq!((shares.lead(&name(0)), shares.lead(&name(1))), (1, 0));
        assert_eq!(served(&mut shares, &[1, 1], 11), [5, 6], "the other was only in turn");
        shares.take(&name(0));
        shares.give_back(&name(0));
        shares.give_back("nobody");
        assert!(shares.lead(&name(0)) <= 1);
        shares.take(&name(0));
        shares.forget();
        assert_eq!(shares.lead(&name(0)), 0);
    }

    proptest! {
        /// Whatever each takes at a time: while all want more, nobody has more than another by more than what two take at a time.
        #[test]
        fn all_have_the_same_but_for_what_is_taken_at_a_time(
            costs in prop::collection::vec(1_u64..6, 2..8),
            before in prop::collection::vec((0_usize..8, 0_u64..10), 0..20),
            times in 20_usize..200,
        ) {
            let mut shares = Shares::default();
            for (number, more) in before {
                shares.serve(&name(number));
                (0..more).for_each(|_| shares.take(&name(number)));
            }
            // Until nothing that was before makes a difference.
            served(&mut shares, &costs, 500);
            let had = served(&mut shares, &costs, times);
            let largest = costs.iter().max().unwrap();
            prop_assert!(had.iter().max().unwrap() - had.iter().min().unwrap() <= 2 * largest, "{had:?}");
        }

        #[test]
        fn what_is_known_is_bounded(takes in prop::collection::vec((0_usize..5000, any::<bool>()), 0..4000)) {
            let mut shares = Shares::default();
            for (number, serves) in takes {
                if serves { shares.serve(&name(number)) } else { shares.take(&name(number)) }
                prop_assert!(shares.lead(&name(number)) > 0);
                prop_assert!(shares.had.len() <= MOST);
            }
        }
    }
}
