//! Everything that one decision depends on, gathered before it; no secret value is reachable from here.

use crate::{
    api::{
        AICoreRegistrySecretStatus,
        condition::{self, READY},
    },
    domain::{
        decide::{
            backoff::{Backoff, Circumstances},
            digest::PayloadDigest,
            failure::Failure,
            memory::{Checked, Synced},
            reason::Reason,
        },
        parse::{
            api_url::Tenant,
            duration::ResyncInterval,
            object::{Now, Object, ObjectKey, pushed_tenant},
        },
    },
};

/// A Secret as it was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found<T> {
    /// It can be used.
    Usable {
        /// Its `metadata.resourceVersion`.
        version: String,
        /// What it holds, without secret values.
        content: T,
    },
    /// It is missing, or cannot be used. The failure has the reason and the sentence for the user.
    Unusable(Failure),
}

impl<T> Found<T> {
    /// What it holds, if it can be used.
    pub(crate) fn content(&self) -> Option<&T> {
        match self {
            Self::Usable { content, .. } => Some(content),
            Self::Unusable(_) => None,
        }
    }

    /// Its resourceVersion, if it can be used.
    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Self::Usable { version, .. } => Some(version),
            Self::Unusable(_) => None,
        }
    }

    /// Why it cannot be used.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Usable { .. } => None,
            Self::Unusable(failure) => Some(failure),
        }
    }
}

/// Whether the resource owns the remote secret that it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// It does: nobody older wants it.
    Owner {
        /// Another resource that wants it, and will own it when this one goes.
        successor: Option<ObjectKey>,
    },
    /// An older resource owns it.
    OwnedBy(ObjectKey),
    /// Older resources of the same remote name have not said yet which tenant they mean.
    Pending,
}

impl Ownership {
    /// Whether it may write the remote secret.
    #[must_use]
    pub(crate) fn may_push(&self) -> bool {
        match self {
            Self::Owner { .. } => true,
            Self::OwnedBy(_) | Self::Pending => false,
        }
    }

    /// Whether it may delete the remote secret: nobody else wants it.
    #[must_use]
    pub(crate) fn may_delete(&self) -> bool {
        match self {
            Self::Owner { successor } => successor.is_none(),
            Self::OwnedBy(_) | Self::Pending => false,
        }
    }
}

/// Whether a reason in a status leaves open what AI Core holds.
fn leaves_doubt(reason: &str) -> bool {
    Reason::parse(reason).is_some_and(Reason::leaves_doubt)
}

/// The gathered facts.
#[derive(Clone, Debug)]
pub(crate) struct Observed<'a> {
    /// The resource.
    pub object: &'a Object,
    /// Its status, as last written or seen.
    pub status: &'a AICoreRegistrySecretStatus,
    /// The registry credential: the registries it is for, as they would be sent.
    pub source: Found<Vec<String>>,
    /// What a user should know about the registry credential although it can be used.
    pub(crate) remarks: Vec<String>,
    /// The AI Core service key: the tenant it is for.
    pub service_key: Found<Tenant>,
    /// What a push would send, when both are usable.
    pub digest: Option<PayloadDigest>,
    /// Identity of the service key for the purpose of trying again; present also when the key cannot be used.
    pub(crate) service_key_identity: Option<String>,
    /// Whether it owns the remote secret.
    pub ownership: Ownership,
    /// Whether the namespace is being deleted. Only looked up for a resource that is being deleted.
    pub(crate) namespace_terminating: bool,
    /// The failed attempt that may delay the next one.
    pub backoff: Option<&'a Backoff>,
    /// The Secrets' versions that were read since the last push and held the same content.
    pub checked: Option<&'a Checked>,
    /// When the last push was, by the clock of this process, if it knows.
    pub(crate) synced: Option<Synced>,
    /// Passes before this one, in a row, that the API server made fail.
    pub(crate) api_failures: u32,
    /// Whether something was sent since for another resource that claims the same: what AI Core holds may be the other's.
    pub(crate) overwritten: bool,
    /// Whether it is time to push once more because an earlier write had no answer.
    pub(crate) confirmation_due: bool,
    /// Interval for resources that do not set their own.
    pub(crate) default_resync_interval: ResyncInterval,
    /// The time.
    pub now: Now,
}

impl Observed<'_> {
    /// Under which circumstances an attempt would be made now.
    #[must_use]
    pub(crate) fn circumstances(&self) -> Circumstances {
        Circumstances {
            service_key: self.service_key_identity.clone(),
            digest: self.digest.clone(),
            generation: self.object.generation,
            deleting: self.object.deleting,
        }
    }

    /// Whether the tenant is another one than that of the last accepted push.
    #[must_use]
    pub(crate) fn tenant_changed(&self) -> bool {
        match (self.service_key.content(), pushed_tenant(self.status)) {
            (Some(tenant), Some(pushed)) => *tenant != pushed,
            _ => false,
        }
    }

    /// Whether what would be sent is what AI Core accepted last, in the same tenant.
    #[must_use]
    pub(crate) fn unchanged(&self) -> bool {
        let digest = self.digest.as_ref().map(PayloadDigest::as_str);
        digest.is_some()
            && digest == self.status.credentials_digest.as_deref()
            && self.status.last_sync_time.is_some()
            && !self.tenant_changed()
    }

    /// Whether AI Core still holds what the Secret holds now, as far as anything but a failed attempt tells. Where the service key
    /// is another one, or cannot be used, nothing can be compared by content; then the version tells.
    #[must_use]
    pub(crate) fn held(&self) -> bool {
        self.unchanged() || (self.same_source() && !self.tenant_changed())
    }

    /// Whether the Secret has not changed, nor the spec, since `Ready` was said to be true of them.
    fn same_source(&self) -> bool {
        let true_of_this_spec = condition::find(&self.status.conditions, READY).is_some_and(|ready| {
            ready.status == "True"
                && ready.reason == Reason::Synced.as_str()
                && ready.observed_generation == Some(self.object.generation)
        });
        let pushed = self.status.secret_resource_version.as_deref();
        let checked = self.checked.map(|checked| &*checked.source);
        let same = self.source.version().is_some_and(|now| Some(now) == pushed || Some(now) == checked);
        true_of_this_spec && same && self.status.last_sync_time.is_some()
    }

    /// The name of the remote secret that the status speaks of, if that of the resource is another one now. The schema does not
    /// admit that, but an older one may have.
    #[must_use]
    pub(crate) fn renamed_from(&self) -> Option<&str> {
        let before = self.status.remote_name.as_deref()?;
        let pushed = self.status.api_url.is_some() || self.status.last_sync_time.is_some();
        let same = self.object.remote_name.as_ref().is_ok_and(|name| name.as_str() == before);
        (pushed && !same).then_some(before)
    }

    /// Whether the status says that AI Core may not hold what it accepted last.
    #[must_use]
    pub(crate) fn in_doubt(&self) -> bool {
        condition::find(&self.status.conditions, READY)
            .is_some_and(|ready| ready.status != "True" && leaves_doubt(&ready.reason))
    }

    /// Whether the last attempt failed, or AI Core may not hold what it accepted last; a push settles both. Known also
    /// after a restart.
    #[must_use]
    pub(crate) fn unconfirmed(&self) -> bool {
        self.backoff.is_some()
            || self.overwritten
            || self.in_doubt()
            || self
                .status
                .conditions
                .iter()
                .any(|condition| condition.type_ != READY && leaves_doubt(&condition.reason))
    }

    /// Whether the status says that AI Core holds the credential, and nothing speaks against it.
    #[must_use]
    pub(crate) fn confirmed(&self) -> bool {
        !self.unconfirmed()
            && condition::find(&self.status.conditions, READY).is_some_and(|ready| ready.status == "True")
    }
}
