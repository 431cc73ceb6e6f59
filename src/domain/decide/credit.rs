//! How far a resource is trusted not to be kept waiting by a tenant: whom it stands in line with follows from that.

use crate::domain::decide::{backoff::Backoff, reason::Reason};

/// What is known of a resource that wants to send requests to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credit {
    /// Its service key was given a token for the tenant.
    Proven,
    /// The same, and its last attempt had no answer, or one that says that the tenant is unavailable.
    Doubtful,
    /// Its service key was not given a token: anybody can write down the tenant's URLs.
    Unproven,
}

impl Credit {
    /// Of a resource with or without proof, whose last attempt, if it failed, was this.
    #[must_use]
    pub(crate) fn of(has_proof: bool, last: Option<&Backoff>) -> Self {
        let unavailable = last.is_some_and(|last| last.failure.reason == Reason::RemoteUnavailable);
        match (has_proof, unavailable) {
            (false, _) => Self::Unproven,
            (true, true) => Self::Doubtful,
            (true, false) => Self::Proven,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{a_backoff, a_new_status, an_object, an_observation, failure, seconds};

    #[test]
    fn only_an_attempt_that_found_the_tenant_unavailable_is_held_against_who_has_proof() {
        let (object, status) = (an_object(), a_new_status());
        let observed = an_observation(&object, &status);
        for reason in Reason::ALL {
            let last = a_backoff(&observed, failure(reason), seconds(60));
            let expected =
                if reason == Reason::RemoteUnavailable { Credit::Doubtful } else { Credit::Proven };
            assert_eq!(Credit::of(true, Some(&last)), expected, "{reason:?}");
            assert_eq!(Credit::of(false, Some(&last)), Credit::Unproven, "{reason:?}");
        }
        assert_eq!((Credit::of(true, None), Credit::of(false, None)), (Credit::Proven, Credit::Unproven));
    }
}
