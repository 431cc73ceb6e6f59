//! What came of a pass as a whole, in one word: the label `outcome` of metrics, logs and traces.

use crate::domain::decide::reason::Reason;

/// What came of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassOutcome {
    /// AI Core accepted the credential and had none of the name before.
    Created,
    /// AI Core accepted the credential.
    Updated,
    /// AI Core no longer holds the secret.
    Deleted,
    /// The resource was released without a request to AI Core.
    Released,
    /// Nothing was to be done.
    Unchanged,
    /// It waits for the tenant's request rate, or to know who owns the remote secret.
    Postponed,
    /// The resource changed, or went, before all was sent that had been decided.
    Withdrawn,
    /// It waits for another pass to end.
    Queued,
    /// An earlier failure delays the next attempt.
    BackingOff,
    /// The resource no longer exists.
    Gone,
    /// The API server refused, or did not answer.
    ApiServerError,
    /// The pass took too long.
    Timeout,
    /// The reason that the status gives.
    Reason(Reason),
}

impl PassOutcome {
    /// Whether the pass came to its end. After one that did not, nothing is known of what the resource waits for.
    #[must_use]
    pub(crate) fn is_conclusive(self) -> bool {
        match self {
            Self::ApiServerError | Self::Timeout => false,
            Self::Created
            | Self::Updated
            | Self::Deleted
            | Self::Released
            | Self::Unchanged
            | Self::Postponed
            | Self::Withdrawn
            | Self::Queued
            | Self::BackingOff
            | Self::Gone
            | Self::Reason(_) => true,
        }
    }

    /// As the label has it: spelt like a reason.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Updated => "Updated",
            Self::Deleted => "Deleted",
            Self::Released => "Released",
            Self::Unchanged => "Unchanged",
            Self::Postponed => "Postponed",
            Self::Withdrawn => "Withdrawn",
            Self::Queued => "Queued",
            Self::BackingOff => "BackingOff",
            Self::Gone => "Gone",
            Self::ApiServerError => "ApiServerError",
            Self::Timeout => "Timeout",
            Self::Reason(reason) => reason.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [PassOutcome; 12] = [
        PassOutcome::Created,
        PassOutcome::Updated,
        PassOutcome::Deleted,
        PassOutcome::Released,
        PassOutcome::Unchanged,
        PassOutcome::Postponed,
        PassOutcome::Withdrawn,
        PassOutcome::Queued,
        PassOutcome::BackingOff,
        PassOutcome::Gone,
        PassOutcome::ApiServerError,
        PassOutcome::Timeout,
    ];

    #[test]
    fn labels_are_spelt_like_reasons_and_none_means_two_things() {
        let labels = OWN.into_iter().chain(Reason::ALL.map(PassOutcome::Reason)).map(PassOutcome::as_str);
        let labels: Vec<&str> = labels.collect();
        for label in &labels {
            assert!(label.starts_with(|first: char| first.is_ascii_uppercase()), "{label}");
            assert!(label.chars().all(|character| character.is_ascii_alphanumeric()), "{label}");
        }
        let different: std::collections::HashSet<_> = labels.iter().collect();
        assert_eq!(different.len(), labels.len());
    }

    #[test]
    fn a_pass_that_the_api_server_or_the_clock_ended_says_nothing_of_the_resource() {
        let cut_short = OWN.into_iter().filter(|outcome| !outcome.is_conclusive());
        assert_eq!(cut_short.collect::<Vec<_>>(), [PassOutcome::ApiServerError, PassOutcome::Timeout]);
    }
}
