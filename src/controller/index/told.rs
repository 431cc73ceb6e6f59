//! Whose word the status of a resource is that a watch shows: that of another process, whose work this one has taken over, or its own,
//! which the watch shows late.

use super::{Entry, Index, KeptStatus, rights::entry_mut};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::arrival::Sent,
        parse::{
            object::{Object, ObjectKey},
            resource_version::{Basis, ResourceVersion},
        },
    },
};

/// What this process has told in the status of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) enum Told {
    /// Nothing. All that is there was told by others.
    #[default]
    Nothing,
    /// A first status, with this likeness, is being written.
    Begun(u64),
    /// A first status, with this likeness, was refused, because the watch has yet to show something of the resource.
    Refused(u64),
    /// The API server has taken one, or may have, or the watch has shown all that others have told. None was made for a later
    /// generation than this.
    Something(i64),
}

impl Told {
    fn is_taken(self, generation: i64) -> Self {
        match self {
            Self::Something(before) => Self::Something(before.max(generation)),
            Self::Nothing | Self::Begun(_) | Self::Refused(_) => Self::Something(generation),
        }
    }

    /// Whether a status that a watch shows can be another process's, while this one works. Its own says nothing of a generation that it
    /// was not made for. `before` is the likeness of what was shown before, `now` that of this one, which speaks of `observed`.
    fn leaves_to_another(self, before: u64, now: u64, observed: Option<i64>) -> bool {
        match self {
            Self::Nothing => now != before,
            Self::Begun(own) | Self::Refused(own) => now != before && now != own,
            Self::Something(_) => !self.covers(observed),
        }
    }

    /// Whether this process has told something of that generation, or of a later one.
    fn covers(self, observed: Option<i64>) -> bool {
        matches!(self, Self::Something(generation) if observed.is_none_or(|observed| observed <= generation))
    }
}

impl Entry {
    /// Whether it is worth a look whose word a status is.
    pub(super) fn may_hear(&self, status: &AICoreRegistrySecretStatus) -> bool {
        !self.told.covers(status.observed_generation)
    }

    /// A watch or a list shows this status. It counts if it is another process's word. Returns whether that is news to this one,
    /// which works.
    pub(super) fn is_told_anew(
        &mut self,
        shown: KeptStatus,
        observed: Option<i64>,
        following: bool,
        took_over: bool,
    ) -> bool {
        let likeness = shown.likeness();
        let before = std::mem::replace(&mut self.shown, likeness);
        if matches!(self.told, Told::Begun(own) | Told::Refused(own) if own == likeness && own != before) {
            self.told = self.told.is_taken(observed.unwrap_or_default());
        }
        let is_word = following || took_over && self.told.leaves_to_another(before, likeness, observed);
        if !is_word || !self.status.replace(shown) || following {
            return false;
        }
        self.heard = self.heard.wrapping_add(1);
        // What was found to be the same was so by the word before.
        (self.memory.checked, self.memory.synced) = (None, None);
        if self.status.tells_of_a_pass() {
            self.memory.sent = Sent::AsTold;
        }
        true
    }

    fn basis(&self, took_over: bool, generation: i64) -> Basis {
        let is_first = took_over && !matches!(self.told, Told::Something(_));
        Basis { generation, version: self.version.filter(|_| is_first) }
    }
}

impl<K> Index<K> {
    /// A watch or a list has shown the resource at this version. Returns whether it is to be looked at because its first status was
    /// refused until then.
    pub(in crate::controller) fn is_shown_at(
        &self,
        key: &ObjectKey,
        version: Option<ResourceVersion>,
    ) -> bool {
        let mut state = self.0.lock();
        let Some(entry) = state.resources.get_mut(key) else { return false };
        let has_gone_on = version.is_none() || entry.version != version;
        entry.version = version;
        let was_refused = matches!(entry.told, Told::Refused(_)) && has_gone_on;
        if was_refused {
            entry.told = Told::Nothing;
        }
        was_refused
    }

    /// From what a status of the resource is made now. Until this process has told something, it may not have heard all that another
    /// one told.
    #[must_use]
    pub(in crate::controller) fn basis(&self, object: &Object) -> Basis {
        let mut state = self.0.lock();
        let took_over = state.took_over;
        entry_mut(&mut state.resources, object)
            .map_or(Basis::any_of(object.generation), |entry| entry.basis(took_over, object.generation))
    }

    /// This process is about to write this status of the resource. To be told before the request, because the watch may show it before
    /// the answer comes.
    pub(in crate::controller) fn tells(&self, object: &Object, status: &AICoreRegistrySecretStatus) {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let took_over = state.took_over;
        let Some(entry) = entry_mut(&mut state.resources, object) else { return };
        entry.told = match entry.told {
            Told::Something(before) => Told::Something(before.max(object.generation)),
            _ if !took_over => Told::Something(object.generation),
            _ => Told::Begun(KeptStatus::new(status.clone(), &mut state.shared.tenants).likeness()),
        };
    }

    /// The API server has taken the status, or may have.
    pub(in crate::controller) fn may_have_told(&self, object: &Object) {
        let mut state = self.0.lock();
        if let Some(entry) = entry_mut(&mut state.resources, object) {
            entry.told = entry.told.is_taken(object.generation);
        }
    }

    /// The API server has refused the status, whatever the resource is.
    pub(in crate::controller) fn has_not_told(&self, object: &Object) {
        let mut state = self.0.lock();
        if let Some(entry) = entry_mut(&mut state.resources, object)
            && matches!(entry.told, Told::Begun(_))
        {
            entry.told = Told::Nothing;
        }
    }

    /// The API server has not taken the status, because the resource is not as it was made for. Returns whether the watch has shown
    /// more of it meanwhile, so that it is to be looked at again.
    pub(in crate::controller) fn was_outdated(&self, object: &Object, basis: Basis) -> bool {
        let mut state = self.0.lock();
        let Some(entry) = entry_mut(&mut state.resources, object) else { return false };
        let Told::Begun(own) = entry.told else { return false };
        let has_gone_on = basis.version.is_some() && entry.version != basis.version;
        entry.told = if has_gone_on { Told::Nothing } else { Told::Refused(own) };
        has_gone_on
    }

    /// The API server had the resource at this version after this process had begun to work: if the watch has shown that one, it has shown
    /// all that others have told.
    pub(in crate::controller) fn is_found_at(&self, object: &Object, version: Option<ResourceVersion>) {
        let mut state = self.0.lock();
        if let Some(entry) = entry_mut(&mut state.resources, object)
            && matches!(entry.told, Told::Nothing | Told::Refused(_))
            && version.is_some()
            && entry.version == version
        {
            entry.told = Told::Something(object.generation);
        }
    }

    /// How many words of others this process has heard late about the resource.
    #[must_use]
    pub(in crate::controller) fn heard(&self, object: &Object) -> u32 {
        let mut state = self.0.lock();
        entry_mut(&mut state.resources, object).map_or(0, |entry| entry.heard)
    }

    /// Whether it has heard another one since. One that is gone has nothing to tell.
    #[must_use]
    pub(in crate::controller) fn has_heard_since(&self, object: &Object, heard: u32) -> bool {
        let mut state = self.0.lock();
        entry_mut(&mut state.resources, object).is_some_and(|entry| entry.heard != heard)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        controller::index::Index,
        domain::testing::{a_new_status, a_status_in_sync, an_object},
    };

    /// What was shown before has the likeness 0, what this process tells first 1.
    #[rstest]
    #[case::shown_again(Told::Nothing, 0, None, false)]
    #[case::shown_anew(Told::Nothing, 2, None, true)]
    #[case::shown_again_while_it_tells(Told::Begun(1), 0, Some(1), false)]
    #[case::its_own(Told::Begun(1), 1, Some(1), false)]
    #[case::shown_anew_while_it_tells(Told::Begun(1), 2, Some(1), true)]
    #[case::shown_again_after_a_refusal(Told::Refused(1), 0, Some(1), false)]
    #[case::its_own_after_a_refusal(Told::Refused(1), 1, Some(1), false)]
    #[case::shown_anew_after_a_refusal(Told::Refused(1), 2, Some(1), true)]
    #[case::its_first_one(Told::Begun(1).is_taken(1), 1, Some(1), false)]
    #[case::an_older_one(Told::Something(1), 2, None, false)]
    #[case::of_a_generation_that_it_has_not_told_of(Told::Something(1), 2, Some(2), true)]
    #[case::of_one_that_it_has(Told::Something(2).is_taken(1), 2, Some(2), false)]
    fn whose_word_a_status_can_be(
        #[case] told: Told,
        #[case] likeness: u64,
        #[case] observed: Option<i64>,
        #[case] another: bool,
    ) {
        assert_eq!(told.leaves_to_another(0, likeness, observed), another);
    }

    fn version(number: u64) -> Option<ResourceVersion> {
        ResourceVersion::parse(&number.to_string())
    }

    /// One that has taken over, and knows the resource at version 5.
    fn taking_over() -> (Index<u32>, Object) {
        let (index, object) = (Index::following(), an_object());
        index.apply_resource(object.clone(), a_new_status());
        assert!(!index.is_shown_at(&object.key, version(5)));
        index.lead();
        (index, object)
    }

    #[test]
    fn only_a_first_word_is_for_one_version() {
        let (index, object) = taking_over();
        let first = Basis { generation: object.generation, version: version(5) };
        assert_eq!(index.basis(&object), first);
        index.tells(&object, &a_status_in_sync());
        assert_eq!(index.basis(&object), first);
        index.may_have_told(&object);
        assert_eq!(index.basis(&object), Basis { version: None, ..first });
        // Nor is one of a process that always worked alone.
        let alone = Index::<u32>::default();
        alone.apply_resource(object.clone(), a_new_status());
        alone.is_shown_at(&object.key, version(5));
        assert_eq!(alone.basis(&object), Basis { version: None, ..first });
    }

    #[test]
    fn after_a_refusal_what_the_watch_shows_next_is_looked_at() {
        let (index, object) = taking_over();
        let basis = index.basis(&object);
        index.tells(&object, &a_status_in_sync());
        assert!(!index.was_outdated(&object, basis));
        assert!(index.apply_resource(object.clone(), a_new_status()).is_empty(), "nothing else has changed");
        assert!(index.is_shown_at(&object.key, version(6)));
        assert!(!index.is_shown_at(&object.key, version(7)), "once");
        assert_eq!(index.basis(&object).version, version(7));
        // Or it was shown before the answer came.
        let basis = index.basis(&object);
        index.tells(&object, &a_status_in_sync());
        assert!(!index.is_shown_at(&object.key, version(8)));
        assert!(index.was_outdated(&object, basis));
    }

    #[test]
    fn one_that_was_found_as_the_watch_has_shown_it_was_heard_of() {
        for (found, first) in [(version(6), version(5)), (None, version(5)), (version(5), None)] {
            let (index, object) = taking_over();
            index.is_found_at(&object, found);
            assert_eq!(index.basis(&object).version, first, "{found:?}");
        }
    }
}
