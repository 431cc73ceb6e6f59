//! What a pass begins with.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    api::AICoreRegistrySecretStatus,
    controller::queue::Priority,
    domain::{
        decide::{
            failure::Failure,
            key_place::Placed,
            known::{Known, Versions},
            memory::Memory,
            observed::Ownership,
            warm_up::opening::Unseen,
        },
        parse::{
            duration::ResyncInterval,
            object::{Now, Object},
        },
    },
};

/// How long a service key is used that was read while the Secrets are not watched.
const KEY_TRUST: Duration = Duration::from_mins(1);

/// How soon others are looked at because of what a read has found; `None`: the watch will say it.
#[must_use]
pub(in crate::controller) fn stands_in(lists_first: bool, watched: bool) -> Option<Priority> {
    match (lists_first, watched) {
        // As what the list itself shows.
        (true, _) => Some(Priority::Routine),
        (false, false) => Some(Priority::Urgent),
        (false, true) => None,
    }
}

/// What is known of a resource at one moment.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with one another")]
pub(in crate::controller) struct Snapshot<K> {
    /// The resource.
    pub object: Arc<Object>,
    /// Where its service key is.
    pub(in crate::controller) place: Placed,
    /// Its status, as last written by this process or seen.
    pub status: Arc<AICoreRegistrySecretStatus>,
    /// What the process remembers.
    pub memory: Memory,
    /// How many words of other processes were heard about it.
    pub(in crate::controller) heard: u32,
    /// resourceVersion of the Secret with the registry credential, if it was seen.
    pub source_version: Option<Arc<str>>,
    /// Whether the watch has shown that there is no such Secret.
    pub(crate) lacks_source: bool,
    /// When an event said that this Secret changed, if that was not answered by a push yet.
    pub(crate) source_changed: Option<Instant>,
    /// resourceVersion of the Secret with the service key, if it was seen.
    pub(crate) service_key_version: Option<Arc<str>>,
    /// The service key, if it was read at this version.
    pub service_key: Option<Arc<K>>,
    /// When it was read.
    pub(super) service_key_read: Option<Instant>,
    /// Whether the Secrets are not watched at the moment, so that the versions may be old.
    pub(in crate::controller) unwatched: bool,
    /// Which of its Secrets the first list may yet show; `None`: it is over.
    pub(in crate::controller) unseen: Option<Unseen>,
    /// Whether something was sent for another resource that claims the same since this one has pushed.
    pub(in crate::controller) overwritten: bool,
    /// Why the service key cannot be used, if that is known at this version.
    pub(in crate::controller) unusable_key: Option<Arc<Failure>>,
    /// Whether it is time to push once more because an earlier write had no answer. Not the index's to know.
    pub(in crate::controller) confirmation_due: bool,
    /// Whether it owns what it claims, without a look for a successor.
    pub ownership: Ownership,
}

impl<K> Snapshot<K> {
    /// The same while the Secrets are not watched: their versions say nothing, and the service key counts for a minute after it was
    /// read.
    #[must_use]
    pub(in crate::controller) fn without_watch(self) -> Self {
        let fresh = self.service_key_read.is_some_and(|read| read.elapsed() < KEY_TRUST);
        Self { unwatched: true, service_key: self.service_key.filter(|_| fresh), unusable_key: None, ..self }
    }

    /// Whether the Secret with the service key exists, as far as is known.
    #[must_use]
    pub(in crate::controller) fn may_have_key(&self) -> bool {
        self.service_key_version.is_some() || self.unseen.is_some_and(|unseen| unseen.service_key)
    }

    /// What a read finds stands for an event while the watch has none, be it that it does not work, or that it lists for the first
    /// time: how soon others who name the Secret are looked at then. `None`: the watch will say it.
    #[must_use]
    pub(in crate::controller) fn stands_in(&self) -> Option<Priority> {
        stands_in(self.unseen.is_some(), !self.unwatched)
    }

    /// What of it decides without a request.
    #[must_use]
    pub(in crate::controller) fn known(
        &self,
        default_resync_interval: ResyncInterval,
        now: Now,
    ) -> Known<'_> {
        Known {
            object: &self.object,
            status: &self.status,
            memory: &self.memory,
            versions: if self.unwatched {
                Versions::default()
            } else {
                Versions {
                    source: self.source_version.as_deref(),
                    service_key: self.service_key_version.as_deref(),
                }
            },
            ownership: &self.ownership,
            lacks_source: self.lacks_source && !self.unwatched,
            overwritten: self.overwritten,
            confirmation_due: self.confirmation_due,
            default_resync_interval,
            now,
        }
    }
}
