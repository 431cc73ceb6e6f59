//! Everything that one decision depends on, gathered before it; no secret value is reachable from here.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    api::{
        AICoreRegistrySecretStatus,
        condition::{self, READY, RECONCILING, STALLED},
    },
    domain::{
        decide::{
            arrival::Sent,
            backoff::{Backoff, Circumstances},
            digest::{self, PayloadDigest},
            failure::Failure,
            memory::{SecretVersions, Synced},
            reason::Reason,
        },
        parse::{
            api_url::Tenant,
            certificate::Validity,
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
    /// Who will own it when this one goes.
    #[must_use]
    pub(crate) fn successor(&self) -> Option<&ObjectKey> {
        match self {
            Self::Owner { successor } => successor.as_ref(),
            Self::OwnedBy(_) | Self::Pending => None,
        }
    }

    /// Whether it may write the remote secret.
    #[must_use]
    pub(crate) fn may_push(&self) -> bool {
        match self {
            Self::Owner { .. } => true,
            Self::OwnedBy(_) | Self::Pending => false,
        }
    }
}

/// How far a successor is in taking over what a resource that goes leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takeover {
    /// AI Core accepted a push of it there, and nothing was sent for another one since: what is there is its own, and goes with it.
    Done,
    /// It is to push, perhaps once more. Whether it can (it may lack its Secret, its finalizer, or a key that is accepted) shows when it has.
    Expected,
    /// It will not: it is suspended, and nothing of it is there.
    Unlikely,
}

/// Whether the namespace of a resource stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum NamespaceState {
    /// It does, as far as anybody has asked.
    #[default]
    Active,
    /// It is being deleted, or is gone.
    Terminating,
    /// It is not known: the operator may not look, and nothing else tells.
    Hidden {
        /// What the API server says to that.
        why: String,
    },
}

/// Whether a reason in a status leaves open what AI Core holds. One that this version does not know may, and so may what waits for
/// its turn: it may have said something else before.
fn leaves_doubt(reason: &str) -> bool {
    Reason::parse(reason).is_none_or(|reason| reason.leaves_doubt() || reason == Reason::Progressing)
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
    /// The `metadata.resourceVersion` that the watch has shown of its Secret, where it works.
    pub(crate) source_seen: Option<&'a str>,
    /// What a user should know about the registry credential although it can be used.
    pub(crate) remarks: Vec<String>,
    /// When the registry credential ends, if that is known.
    pub(crate) credential_ends: Option<Timestamp>,
    /// The AI Core service key: the tenant it is for.
    pub service_key: Found<Tenant>,
    /// When the service key is valid, if it is one with a certificate.
    pub(crate) service_key_validity: Option<Validity>,
    /// What a push would send, when both are usable.
    pub digest: Option<PayloadDigest>,
    /// Identity of the service key for the purpose of trying again; present also when the key cannot be used.
    pub(crate) service_key_identity: Option<String>,
    /// Whether it owns the remote secret.
    pub ownership: Ownership,
    /// How far its successor is, if it has one. Only looked up for a resource that is being deleted.
    pub(crate) takeover: Takeover,
    /// Since when it waits for that, as time since the start of the process.
    pub(crate) handing_over: Option<Duration>,
    /// What was sent for it, as far as the status does not say it.
    pub(crate) sent: Sent,
    /// The namespace. Only looked up for a resource that is being deleted.
    pub(crate) namespace: NamespaceState,
    /// The failed attempt that may delay the next one.
    pub backoff: Option<&'a Backoff>,
    /// The Secrets' versions that were read since the last push and held the same content.
    pub checked: Option<&'a SecretVersions>,
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
            read: self.read(),
        }
    }

    /// The Secrets' versions, if both can be used.
    #[must_use]
    pub(crate) fn read(&self) -> Option<SecretVersions> {
        let (source, service_key) = self.source.version().zip(self.service_key.version())?;
        Some(SecretVersions { source: source.into(), service_key: service_key.into() })
    }

    /// Whether the tenant is another one than that of the last accepted push.
    #[must_use]
    pub(crate) fn tenant_changed(&self) -> bool {
        match (self.service_key.content(), pushed_tenant(self.status)) {
            (Some(tenant), Some(pushed)) => *tenant != pushed,
            _ => false,
        }
    }

    /// Whether nothing of the resource was accepted by the tenant, nor may have arrived there.
    #[must_use]
    pub(crate) fn is_new_to_tenant(&self) -> bool {
        self.status.last_sync_time.is_none() && pushed_tenant(self.status).is_none() || self.tenant_changed()
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
        let same = self.source.version().is_some_and(|now| self.is_accepted_source(now));
        true_of_this_spec && same && self.status.last_sync_time.is_some()
    }

    /// Whether AI Core accepted what the Secret with the registry credential held at this version.
    fn is_accepted_source(&self, version: &str) -> bool {
        self.status.secret_resource_version.as_deref() == Some(version)
            || self.checked.is_some_and(|checked| *checked.source == *version)
    }

    /// Whether something is to be sent that AI Core has not accepted: a rotation, or another change of what is sent or where. A
    /// change of the spec that sends the same (`suspend`) is none. What cannot be compared by content is compared by version.
    #[must_use]
    pub(crate) fn has_unsent_change(&self) -> bool {
        if self.tenant_changed() {
            return true;
        }
        if self.unchanged() {
            return false;
        }
        let version = match &self.source {
            Found::Usable { version, .. } => version,
            // Whether it changed is not known without the right to read it, but by the watch.
            Found::Unusable(failure) if failure.reason == Reason::AccessDenied => {
                return self.source_seen.is_some_and(|seen| !self.is_accepted_source(seen));
            }
            Found::Unusable(_) => return true,
        };
        // With the same service key and the same Secret another digest is that of another selection.
        let comparable = self.digest.is_some()
            && self.status.credentials_digest.as_deref().is_some_and(digest::is_known_version)
            && self.is_accepted_key();
        comparable || !self.is_accepted_source(version)
    }

    /// Whether the service key is at the version at which AI Core accepted the credential.
    fn is_accepted_key(&self) -> bool {
        self.service_key.version().is_some_and(|now| {
            self.status.ai_core_secret_resource_version.as_deref() == Some(now)
                || self.checked.is_some_and(|checked| *checked.service_key == *now)
        })
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

    /// The other resource whose credential AI Core holds, as far as is known: it was pushed while this one could not push, which comes
    /// before it.
    #[must_use]
    pub(crate) fn displaced_by(&self) -> Option<&ObjectKey> {
        self.ownership.successor().filter(|_| self.overwritten)
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
            || self.status.conditions.iter().any(|condition| {
                [RECONCILING, STALLED].contains(&&*condition.type_) && leaves_doubt(&condition.reason)
            })
    }

    /// Whether the status says that AI Core holds the credential, and nothing speaks against it.
    #[must_use]
    pub(crate) fn confirmed(&self) -> bool {
        !self.unconfirmed() && condition::is_ready(&self.status.conditions)
    }
}
