//! Whose word the status of a resource is that a watch shows: that of another process, whose work this one has taken over, or its own,
//! which the watch shows late.

use super::{Entry, Index, rights::entry_mut};
use crate::{api::AICoreRegistrySecretStatus, domain::parse::object::Object};

/// What this process has told in the status of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) enum Told {
    /// Nothing. All that is there was told by others.
    #[default]
    Nothing,
    /// A first status, made for this generation, is being written.
    Begun(i64),
    /// The API server has taken one, or may have. None was made for a later generation than this.
    Something(i64),
}

impl Told {
    fn begins(self, generation: i64) -> Self {
        match self {
            Self::Nothing => Self::Begun(generation),
            Self::Begun(before) => Self::Begun(before.max(generation)),
            Self::Something(before) => Self::Something(before.max(generation)),
        }
    }

    fn may_be_taken(self) -> Self {
        match self {
            Self::Begun(generation) => Self::Something(generation),
            other => other,
        }
    }

    fn is_refused(self) -> Self {
        match self {
            Self::Begun(_) => Self::Nothing,
            other => other,
        }
    }

    /// Whether a status that a watch shows can be another process's. Its own says nothing of a generation that it was not made for, and
    /// after its first one the API server takes none of a process that knew less.
    fn leaves_to_another(self, status: &AICoreRegistrySecretStatus) -> bool {
        match self {
            Self::Nothing => true,
            Self::Begun(generation) | Self::Something(generation) => {
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
}

impl<K> Index<K> {
    /// This process is about to write a status of the resource. To be told before the request, because the watch may show it before
    /// the answer comes.
    pub(in crate::controller) fn tells(&self, object: &Object) {
        self.change_told(object, |told| told.begins(object.generation));
    }

    /// The API server has taken the status, or may have.
    pub(in crate::controller) fn may_have_told(&self, object: &Object) {
        self.change_told(object, Told::may_be_taken);
    }

    /// The API server has not taken the status, because the resource has another generation: somebody may have told of that already.
    pub(in crate::controller) fn has_not_told(&self, object: &Object) {
        self.change_told(object, Told::is_refused);
    }

    /// Whether this process has told anything in the status of the resource, or is about to.
    #[must_use]
    pub(in crate::controller) fn has_told(&self, object: &Object) -> bool {
        let mut state = self.0.lock();
        entry_mut(&mut state.resources, object).is_some_and(|entry| entry.told != Told::Nothing)
    }

    fn change_told(&self, object: &Object, change: impl FnOnce(Told) -> Told) {
        let mut state = self.0.lock();
        if let Some(entry) = entry_mut(&mut state.resources, object) {
            entry.told = change(entry.told);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn begun(generation: i64) -> Told {
        Told::Nothing.begins(generation)
    }

    /// Of a status that says nothing of any generation, and of each of the first three.
    #[rstest]
    #[case::nothing_was_told(Told::Nothing, [true; 4])]
    #[case::one_is_being_written(begun(1), [false, false, true, true])]
    #[case::two_are_being_written(begun(2).begins(1), [false, false, false, true])]
    #[case::the_first_was_refused(begun(1).is_refused(), [true; 4])]
    #[case::one_was_taken(begun(1).may_be_taken(), [false, false, true, true])]
    #[case::the_second_was_refused(begun(1).may_be_taken().begins(2).is_refused(), [false, false, false, true])]
    #[case::both_were_taken(begun(1).may_be_taken().begins(2).may_be_taken(), [false, false, false, true])]
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
}
