//! Which statuses may be written later, although the process can be killed before.

use super::Index;
use crate::{
    api::{AICoreRegistrySecretStatus, condition},
    domain::{decide::observed::Ownership, parse::object::Object},
};

impl<K> Index<K> {
    /// Whether nothing but a push that is repeated comes of it when a process is killed before the status `next` is written, and others
    /// change the resource or its Secrets before the next process starts. So it is for the first push of one of which the status `before`
    /// says nothing: the next process pushes whatever it finds. A status that says something would vouch for what is not so any more: for
    /// another content, that nothing was sent, or that another resource owns the remote secret.
    #[must_use]
    pub(in crate::controller) fn may_be_told_later(
        &self,
        object: &Object,
        before: &AICoreRegistrySecretStatus,
        next: &AICoreRegistrySecretStatus,
    ) -> bool {
        let is_first = before.conditions.is_empty() && condition::is_ready(&next.conditions);
        let is_whole =
            next.failed_attempt.is_none() && next.left_behind.is_none() && next.unanswered_write.is_none();
        is_first && is_whole && !object.spec.suspended() && self.has_no_rival(object)
    }

    /// Whether the resource owns what it claims, and nobody else would.
    fn has_no_rival(&self, object: &Object) -> bool {
        let state = self.0.lock();
        let claim = state.claims.held(&object.key);
        let ownership = state.claims.ownership(object, claim, tokio::time::Instant::now());
        ownership == Ownership::Owner { successor: None }
    }
}
