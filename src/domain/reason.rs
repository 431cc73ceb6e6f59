//! Why a resource is in the state it is in, and what class of waiting that means.

/// Reason of a condition, as users see it with `kubectl get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// AI Core accepted the credential.
    Synced,
    /// No outcome yet: the first push waits for its turn.
    Progressing,
    /// `spec.suspend` is true.
    Suspended,
    /// The Secret with the registry credential does not exist, or may not be read.
    SecretNotFound,
    /// The Secret with the AI Core service key does not exist, or may not be read.
    ServiceKeyNotFound,
    /// The registry credential cannot be used.
    SecretInvalid,
    /// The AI Core service key cannot be used.
    ServiceKeyInvalid,
    /// AI Core (401) or its authorization server (400, 401, 403, 404, or the TLS handshake) refused the service key.
    AuthenticationFailed,
    /// AI Core answered 403.
    Forbidden,
    /// An older resource owns the remote name in this tenant.
    RemoteConflict,
    /// The tenant has as many docker registry secrets as it may have.
    QuotaExceeded,
    /// AI Core refused the request in another way (other 4xx, 3xx).
    RemoteRejected,
    /// AI Core has no secret of the name, and `creationPolicy` is `Never`.
    RemoteMissing,
    /// AI Core answered 429.
    RateLimited,
    /// AI Core did not answer, or answered 5xx, 408 or 425.
    RemoteUnavailable,
    /// The resource is being deleted, and the remote secret is not gone yet.
    Deleting,
}

/// Who has to move next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nobody.
    Done,
    /// Another program, which is expected to (GitOps applies a Secret later).
    Waiting,
    /// The operator, which tries again with a growing delay.
    Transient,
    /// A person. The operator looks again at a long interval.
    Stalled,
}

impl Reason {
    /// All reasons, in the order of the documentation.
    pub const ALL: [Self; 16] = [
        Self::Synced,
        Self::Progressing,
        Self::Suspended,
        Self::SecretNotFound,
        Self::ServiceKeyNotFound,
        Self::SecretInvalid,
        Self::ServiceKeyInvalid,
        Self::AuthenticationFailed,
        Self::Forbidden,
        Self::RemoteConflict,
        Self::QuotaExceeded,
        Self::RemoteRejected,
        Self::RemoteMissing,
        Self::RateLimited,
        Self::RemoteUnavailable,
        Self::Deleting,
    ];

    /// As conditions, events and metrics spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::Progressing => "Progressing",
            Self::Suspended => "Suspended",
            Self::SecretNotFound => "SecretNotFound",
            Self::ServiceKeyNotFound => "ServiceKeyNotFound",
            Self::SecretInvalid => "SecretInvalid",
            Self::ServiceKeyInvalid => "ServiceKeyInvalid",
            Self::AuthenticationFailed => "AuthenticationFailed",
            Self::Forbidden => "Forbidden",
            Self::RemoteConflict => "RemoteConflict",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::RemoteRejected => "RemoteRejected",
            Self::RemoteMissing => "RemoteMissing",
            Self::RateLimited => "RateLimited",
            Self::RemoteUnavailable => "RemoteUnavailable",
            Self::Deleting => "Deleting",
        }
    }

    /// Who has to move next.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Synced | Self::Suspended => Class::Done,
            Self::SecretNotFound | Self::ServiceKeyNotFound => Class::Waiting,
            Self::Progressing | Self::RateLimited | Self::RemoteUnavailable | Self::Deleting => {
                Class::Transient
            }
            Self::SecretInvalid
            | Self::ServiceKeyInvalid
            | Self::AuthenticationFailed
            | Self::Forbidden
            | Self::RemoteConflict
            | Self::QuotaExceeded
            | Self::RemoteRejected
            | Self::RemoteMissing => Class::Stalled,
        }
    }
}
