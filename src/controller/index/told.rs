//! Whose word the status of a resource is that a watch shows: that of another process, whose work this one has taken over, or its own,
//! which the watch shows late.

use super::{Entry, Index, rights::entry_mut};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::parse::{
        object::{Object, ObjectKey},
        resource_version::{Basis, ResourceVersion},
    },
};

/// What this process has told in the status of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) enum Told {
    /// Nothing. All that is there was told by others.
    #[default]
    Nothing,
    /// A first status is being written.
    Begun,
    /// A first status was refused, because the watch has yet to show something of the resource.
    Refused,
    /// The API server has taken one, or may have, or the watch has shown all that others have told. None was made for a later
    /// generation than this.
    Something(i64),
}

impl Told {
    fn begins(self, generation: i64) -> Self {
        match self {
            Self::Nothing | Self::Begun | Self::Refused => Self::Begun,
            Self::Something(before) => Self::Something(before.max(generation)),
        }
    }

    fn may_be_taken(self, generation: i64) -> Self {
        match self {
            Self::Something(before) => Self::Something(before.max(generation)),
            Self::Nothing | Self::Begun | Self::Refused => Self::Something(generation),
        }
    }

    /// Whether a status that a watch shows can be another process's. Its own says nothing of a generation that it was not made for.
    fn leaves_to_another(self, status: &AICoreRegistrySecretStatus) -> bool {
        match self {
            Self::Nothing | Self::Begun | Self::Refused => true,
            Self::Something(generation) => {
                status.observed_generation.is_some_and(|observed| observed > generation)
            }
        }
    }
}

impl Entry {
    /// Whether the status that a watch shows can be another process's, while this one works.
    pub(super) fn may_be_told_by_another(&self, status: &AICoreRegistrySecretStatus) -> bool {
        self.told.leaves_to_another(status)
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
        entry.version = version;
        let was_refused = entry.told == Told::Refused;
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

    /// This process is about to write a status of the resource. To be told before the request, because the watch may show it before
    /// the answer comes.
    pub(in crate::controller) fn tells(&self, object: &Object) {
        let mut state = self.0.lock();
        if let Some(entry) = entry_mut(&mut state.resources, object) {
            entry.told = entry.told.begins(object.generation);
        }
    }

    /// The API server has taken the status, or may have.
    pub(in crate::controller) fn may_have_told(&self, object: &Object) {
        let mut state = self.0.lock();
        if let Some(entry) = entry_mut(&mut state.resources, object) {
            entry.told = entry.told.may_be_taken(object.generation);
        }
    }

    /// The API server has not taken the status, because the resource is not as it was made for. Returns whether the watch has shown
    /// more of it meanwhile, so that it is to be looked at again.
    pub(in crate::controller) fn has_not_told(&self, object: &Object, basis: Basis) -> bool {
        let mut state = self.0.lock();
        let Some(entry) = entry_mut(&mut state.resources, object) else { return false };
        if entry.told != Told::Begun {
            return false;
        }
        let has_gone_on = basis.version.is_some() && entry.version != basis.version;
        entry.told = if has_gone_on { Told::Nothing } else { Told::Refused };
        has_gone_on
    }

    /// The API server had the resource at this version, and nobody else writes its status from now on.
    pub(in crate::controller) fn is_found_at(&self, object: &Object, version: Option<ResourceVersion>) {
        let mut state = self.0.lock();
        if let Some(entry) = entry_mut(&mut state.resources, object)
            && matches!(entry.told, Told::Nothing | Told::Refused)
            && version.is_some()
            && entry.version == version
        {
            entry.told = Told::Something(object.generation);
        }
    }

    /// Whether this process has told anything in the status of the resource, or is about to.
    #[must_use]
    pub(in crate::controller) fn has_told(&self, object: &Object) -> bool {
        let mut state = self.0.lock();
        entry_mut(&mut state.resources, object)
            .is_some_and(|entry| matches!(entry.told, Told::Begun | Told::Something(_)))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        controller::index::Index,
        domain::testing::{a_new_status, an_object},
    };

    /// Of a status that says nothing of any generation, and of each of the first three.
    #[rstest]
    #[case::nothing_was_told(Told::Nothing, [true; 4])]
    #[case::one_is_being_written(Told::Nothing.begins(1), [true; 4])]
    #[case::it_was_refused(Told::Refused, [true; 4])]
    #[case::one_was_taken(Told::Begun.may_be_taken(1), [false, false, true, true])]
    #[case::a_second_begins(Told::Begun.may_be_taken(1).begins(2), [false, false, false, true])]
    #[case::an_older_one_was_taken_late(Told::Something(2).may_be_taken(1), [false, false, false, true])]
    fn whose_word_a_status_can_be(#[case] told: Told, #[case] another: [bool; 4]) {
        let of = |observed_generation| AICoreRegistrySecretStatus {
            observed_generation,
            ..AICoreRegistrySecretStatus::default()
        };
        assert_eq!(
            [None, Some(1), Some(2), Some(3)].map(|observed| told.leaves_to_another(&of(observed))),
            another
        );
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
        index.tells(&object);
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
        index.tells(&object);
        assert!(!index.has_not_told(&object, basis));
        assert!(!index.has_told(&object));
        assert!(index.apply_resource(object.clone(), a_new_status()).is_empty(), "nothing else has changed");
        assert!(index.is_shown_at(&object.key, version(6)));
        assert!(!index.is_shown_at(&object.key, version(7)), "once");
        assert_eq!(index.basis(&object).version, version(7));
        // Or it was shown before the answer came.
        let basis = index.basis(&object);
        index.tells(&object);
        assert!(!index.is_shown_at(&object.key, version(8)));
        assert!(index.has_not_told(&object, basis));
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
