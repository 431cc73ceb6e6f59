//! How far a resource is trusted not to be kept waiting by a tenant: whom it stands in line with follows from that.

use crate::domain::decide::{backoff::Backoff, reason::Reason};

/// What is known of a resource that wants to send requests to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credit {
    /// The tenant has accepted its credential, and was available to its last attempt.
    Proven,
    /// Its service key was given a token, and the tenant has not accepted anything of the resource itself yet: whether it answers for its
    /// remote secret is to be found out.
    Untried,
    /// Its last attempt had no answer, or one that says that the tenant is unavailable.
    Doubtful,
    /// Its service key was not given a token: anybody can write down the tenant's URLs.
    Unproven,
}

impl Credit {
    /// Of a resource with or without proof, of which the tenant has accepted something or not, and whose last attempt, if it failed, was
    /// this.
    #[must_use]
    pub(crate) fn of(has_proof: bool, accepted: bool, last: Option<&Backoff>) -> Self {
        let unavailable = last.is_some_and(|last| last.failure.reason == Reason::RemoteUnavailable);
        match (has_proof, unavailable, accepted) {
            (false, ..) => Self::Unproven,
            (true, true, _) => Self::Doubtful,
            (true, false, false) => Self::Untried,
            (true, false, true) => Self::Proven,
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
            assert_eq!(Credit::of(true, true, Some(&last)), expected, "{reason:?}");
            assert_eq!(Credit::of(false, true, Some(&last)), Credit::Unproven, "{reason:?}");
        }
        for (has_proof, accepted, expected) in [
            (true, true, Credit::Proven),
            (true, false, Credit::Untried),
            (false, true, Credit::Unproven),
            (false, false, Credit::Unproven),
        ] {
            assert_eq!(Credit::of(has_proof, accepted, None), expected);
        }
    }
}
