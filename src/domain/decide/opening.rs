//! With which request a push begins. AI Core has one that replaces a secret and one that creates it, and each refuses what the other is
//! for; so whoever knows which is the right one sends one request instead of two.

use super::plan::{Creation, Push};

/// How a push is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Replaces what is there, and creates nothing.
    Update,
    /// Replaces what is there, and creates the secret where nothing is.
    UpdateOrCreate,
    /// Creates the secret, and replaces what is there if something is after all.
    CreateOrUpdate,
}

/// What the list of a tenant's secrets says of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// There is no list: nobody has asked, or it is too old.
    Unknown,
    /// Somebody has asked for it in vain, and it is not asked for again yet.
    Unavailable,
    /// The name is in it, or a request that creates it was sent since.
    Present,
    /// It is not.
    Absent,
}

/// Whether to ask for the names that the tenant has before this push: the answer is good for all who are about to create something
/// there. `others`: whether further resources of which it has accepted nothing are on their way there, which is only looked at where it
/// matters. For one alone the question would cost what it spares.
#[must_use]
pub(crate) fn asks_for_names(push: Push, listed: Listed, others: impl FnOnce() -> bool) -> bool {
    push.creation == Creation::Expected && listed == Listed::Unknown && others()
}

/// With which request the push begins, by what is known of its name.
#[must_use]
pub(crate) fn manner(push: Push, listed: Listed) -> Manner {
    match (push.creation, listed) {
        (Creation::Never, _) => Manner::Update,
        (Creation::Expected, Listed::Absent) => Manner::CreateOrUpdate,
        (Creation::IfMissing | Creation::Expected, _) => Manner::UpdateOrCreate,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::decide::plan::Cause;

    #[rstest]
    #[case::must_not_be_created(Creation::Never, [Manner::Update; 4])]
    #[case::may_be_there(Creation::IfMissing, [Manner::UpdateOrCreate; 4])]
    #[case::was_never_sent(
        Creation::Expected,
        [Manner::UpdateOrCreate, Manner::UpdateOrCreate, Manner::UpdateOrCreate, Manner::CreateOrUpdate]
    )]
    fn a_push_begins_with_what_is_likely_to_be_right(
        #[case] creation: Creation,
        #[case] expected: [Manner; 4],
    ) {
        let push = Push { cause: Cause::First, creation };
        let all = [Listed::Unknown, Listed::Unavailable, Listed::Present, Listed::Absent];
        assert_eq!(all.map(|listed| manner(push, listed)), expected);
        // The names are asked for where that can make a difference, and is worth it.
        let asks = |others| all.map(|listed| asks_for_names(push, listed, || others));
        assert_eq!(asks(false), [false; 4]);
        assert_eq!(asks(true), [creation == Creation::Expected, false, false, false]);
    }
}
