//! Why a resource is in the state it is in, and everything that depends on that: one exhaustive `match` for each property, so
//! that a new reason does not compile until each of them is decided.

/// Defines the reasons, the list of them, and their spelling, so that none can be missing in one of the three.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $reason:ident,)+) => {
        /// Reason of a condition, as users see it with `kubectl get`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $reason,)+
        }

        impl Reason {
            /// All reasons, in the order of the documentation.
            pub const ALL: [Self; [$(stringify!($reason)),+].len()] = [$(Self::$reason),+];

            /// As conditions, events and metrics spell it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)+
                }
            }
        }
    };
}

reasons! {
    /// AI Core accepted the credential.
    Synced,
    /// No outcome yet: the first push waits for its turn.
    Progressing,
    /// `spec.suspend` is true.
    Suspended,
    /// The Secret with the registry credential does not exist.
    SecretNotFound,
    /// The Secret with the AI Core service key does not exist.
    ServiceKeyNotFound,
    /// The AICoreTenant that `spec.tenantRef` names does not exist.
    TenantNotFound,
    /// The operator looks after some namespaces only, and not after AICoreTenants.
    TenantNotServed,
    /// The AICoreTenant does not allow the namespace.
    NamespaceNotAllowed,
    /// The AICoreTenant does not allow the namespace this remote name.
    RemoteNameNotAllowed,
    /// The operator may not read one of the two Secrets, or AICoreTenants.
    AccessDenied,
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

/// What lets the next attempt go ahead before its time, after one that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryEndsWith {
    /// Another service key, or none any more.
    ServiceKey,
    /// Another service key, another payload, or another spec: it may be accepted where the last one was refused.
    ServiceKeyOrContent,
}

/// What a failure advises, once it has said what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Nothing more: the sentence about what is wrong says what to do, or there is nothing to do.
    None,
    /// To wait: the operator tries again by itself.
    Wait,
    /// To store another service key, since this one cannot be read or used at all.
    ReplaceServiceKey,
    /// To renew the service key, which is refused.
    RenewServiceKey,
    /// To use a service key that has the right.
    UseKeyOfInstance,
    /// To change what is sent, or where.
    ChangeRequest,
}

impl Reason {
    /// The reason of that spelling. `None` for what this version of the operator does not write.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// Who has to move next.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Synced | Self::Suspended => Class::Done,
            Self::SecretNotFound | Self::ServiceKeyNotFound | Self::TenantNotFound => Class::Waiting,
            Self::Progressing
            | Self::AccessDenied
            | Self::RateLimited
            | Self::RemoteUnavailable
            | Self::Deleting => Class::Transient,
            Self::TenantNotServed
            | Self::NamespaceNotAllowed
            | Self::RemoteNameNotAllowed
            | Self::SecretInvalid
            | Self::ServiceKeyInvalid
            | Self::AuthenticationFailed
            | Self::Forbidden
            | Self::RemoteConflict
            | Self::QuotaExceeded
            | Self::RemoteRejected
            | Self::RemoteMissing => Class::Stalled,
        }
    }

    /// Whether it calls for a Warning event.
    #[must_use]
    pub(crate) fn is_warning(self) -> bool {
        match self {
            Self::Synced | Self::Progressing | Self::Suspended => false,
            Self::SecretNotFound
            | Self::ServiceKeyNotFound
            | Self::TenantNotFound
            | Self::TenantNotServed
            | Self::NamespaceNotAllowed
            | Self::RemoteNameNotAllowed
            | Self::AccessDenied
            | Self::SecretInvalid
            | Self::ServiceKeyInvalid
            | Self::AuthenticationFailed
            | Self::Forbidden
            | Self::RemoteConflict
            | Self::QuotaExceeded
            | Self::RemoteRejected
            | Self::RemoteMissing
            | Self::RateLimited
            | Self::RemoteUnavailable
            // A deletion is only spoken of when it does not succeed at once.
            | Self::Deleting => true,
        }
    }

    /// Whether it leaves open what AI Core holds until a push succeeds: an attempt failed, or somebody else could write
    /// meanwhile.
    #[must_use]
    pub(crate) fn leaves_doubt(self) -> bool {
        match self {
            Self::Suspended
            // The name is free for others.
            | Self::NamespaceNotAllowed
            | Self::RemoteNameNotAllowed
            | Self::AuthenticationFailed
            | Self::Forbidden
            | Self::RemoteConflict
            | Self::QuotaExceeded
            | Self::RemoteRejected
            | Self::RemoteMissing
            | Self::RateLimited
            | Self::RemoteUnavailable => true,
            Self::Synced
            | Self::Progressing
            | Self::SecretNotFound
            | Self::ServiceKeyNotFound
            | Self::TenantNotFound
            | Self::TenantNotServed
            | Self::AccessDenied
            | Self::SecretInvalid
            | Self::ServiceKeyInvalid
            | Self::Deleting => false,
        }
    }

    /// Whether a resource that says this claims nothing any more, whatever AI Core has accepted of it: its service key was refused
    /// for good, or it may not have the name.
    #[must_use]
    pub(crate) fn disproves(self) -> bool {
        self == Self::AuthenticationFailed || self.is_not_allowed()
    }

    /// Whether the AICoreTenant does not let the resource have what it wants. What AI Core holds under the name is then not the
    /// resource's to speak of.
    #[must_use]
    pub(crate) fn is_not_allowed(self) -> bool {
        matches!(self, Self::NamespaceNotAllowed | Self::RemoteNameNotAllowed)
    }

    /// What ends the wait after a failed attempt early; for reasons that no attempt fails with, what would.
    #[must_use]
    pub(crate) fn retry_ends_with(self) -> RetryEndsWith {
        match self {
            Self::QuotaExceeded | Self::RemoteRejected | Self::RemoteMissing => {
                RetryEndsWith::ServiceKeyOrContent
            }
            Self::Synced
            | Self::Progressing
            | Self::Suspended
            | Self::SecretNotFound
            | Self::ServiceKeyNotFound
            | Self::TenantNotFound
            | Self::TenantNotServed
            | Self::NamespaceNotAllowed
            | Self::RemoteNameNotAllowed
            | Self::AccessDenied
            | Self::SecretInvalid
            | Self::ServiceKeyInvalid
            | Self::AuthenticationFailed
            | Self::Forbidden
            | Self::RemoteConflict
            | Self::RateLimited
            | Self::RemoteUnavailable
            | Self::Deleting => RetryEndsWith::ServiceKey,
        }
    }

    /// What to do about it. The words are beside what they speak of: of requests, in `aicore/error.rs`.
    #[must_use]
    pub(crate) fn advice(self) -> Advice {
        match self {
            Self::AuthenticationFailed => Advice::RenewServiceKey,
            Self::ServiceKeyInvalid => Advice::ReplaceServiceKey,
            Self::Forbidden => Advice::UseKeyOfInstance,
            Self::RemoteRejected => Advice::ChangeRequest,
            Self::RateLimited | Self::RemoteUnavailable => Advice::Wait,
            Self::Synced
            | Self::Progressing
            | Self::Suspended
            | Self::SecretNotFound
            | Self::ServiceKeyNotFound
            | Self::TenantNotFound
            | Self::TenantNotServed
            | Self::NamespaceNotAllowed
            | Self::RemoteNameNotAllowed
            | Self::AccessDenied
            | Self::SecretInvalid
            | Self::RemoteConflict
            | Self::QuotaExceeded
            | Self::RemoteMissing
            | Self::Deleting => Advice::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(Reason::parse("synced"), None);
        assert_eq!(Reason::parse("OfALaterVersion"), None);
    }

    /// Properties that are decided one by one must not contradict each other.
    #[test]
    fn the_properties_agree() {
        for reason in Reason::ALL {
            let somebody_must_act = matches!(reason.class(), Class::Stalled | Class::Waiting);
            assert!(!somebody_must_act || reason.is_warning(), "{reason:?}: a person would not hear of it");
            assert!(reason.class() != Class::Done || !reason.is_warning(), "{reason:?}: nobody has to act");
            assert!(
                reason.advice() != Advice::Wait || reason.class() == Class::Transient,
                "{reason:?}: the operator does not try again by itself"
            );
            if reason.retry_ends_with() == RetryEndsWith::ServiceKeyOrContent {
                assert!(reason.leaves_doubt(), "{reason:?}: content can only be refused by an attempt");
            }
        }
    }
}
