//! Conditions after the kstatus convention: names, statuses and how to find one.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// AI Core holds the credential that the Secret holds now.
pub const READY: &str = "Ready";
/// The operator is about to do something; absent when it is done.
pub const RECONCILING: &str = "Reconciling";
/// A person has to do something; absent otherwise.
pub const STALLED: &str = "Stalled";
/// Little is left of the life of the credential that AI Core holds, or of the service key; absent otherwise.
pub const EXPIRING: &str = "CredentialExpiring";
/// The credential that AI Core holds, or the service key, has ended; absent otherwise.
pub const EXPIRED: &str = "CredentialExpired";

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known yet.
    Unknown,
}

impl ConditionStatus {
    /// As the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }

    /// From what the API holds; anything but `True` and `False` is `Unknown`.
    #[must_use]
    pub fn parse(status: &str) -> Self {
        match status {
            "True" => Self::True,
            "False" => Self::False,
            _ => Self::Unknown,
        }
    }
}

/// Whether `Ready` is true.
#[must_use]
pub fn is_ready(conditions: &[Condition]) -> bool {
    find(conditions, READY).is_some_and(|ready| ready.status == ConditionStatus::True.as_str())
}

/// The condition of that type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}
