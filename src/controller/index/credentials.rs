//! What is known of the service keys that resources use: whether one was given a token, or was refused for good. All resources with
//! the same key profit by the first token, and none of them has to ask for one to prove what it claims.

use std::collections::HashMap;

use crate::domain::{decide::conflict::Standing, parse::object::ObjectKey, tools::vec_map::VecMap};

/// Tells one service key from another: the number of its connection.
pub(in crate::controller) type CredentialId = u64;

/// The service keys in use, and who uses them.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Credentials {
    by_id: HashMap<CredentialId, Credential>,
    by_user: HashMap<ObjectKey, CredentialId>,
}

#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, Hash))]
struct Credential {
    users: VecMap<ObjectKey>,
    verdict: Option<Verdict>,
}

/// What the authorization server made of a service key last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(super) enum Verdict {
    /// It gave a token.
    Granted,
    /// It refused the key for good, or AI Core's API refused its token.
    Refused,
}

impl Verdict {
    /// How a claim that rests on the key stands by it.
    pub(super) fn standing(self) -> Standing {
        match self {
            Self::Granted => Standing::Proven,
            Self::Refused => Standing::Failed,
        }
    }
}

impl Credentials {
    /// A resource uses this service key from now on (`None`: none that can be read). Returns what is known of it.
    pub(super) fn assign(&mut self, user: &ObjectKey, credential: Option<CredentialId>) -> Option<Verdict> {
        if self.by_user.get(user).copied() != credential {
            self.forget(user);
            if let Some(id) = credential {
                self.by_id.entry(id).or_default().users.insert(user.clone(), ());
                self.by_user.insert(user.clone(), id);
            }
        }
        self.by_id.get(&credential?)?.verdict
    }

    /// A resource uses none any more. What is known of a key goes with the last one who uses it.
    pub(super) fn forget(&mut self, user: &ObjectKey) {
        if let Some(id) = self.by_user.remove(user)
            && let Some(credential) = self.by_id.get_mut(&id)
        {
            credential.users.remove(user);
            if credential.users.is_empty() {
                self.by_id.remove(&id);
            }
        }
    }

    /// What came of the service key that `user` uses. Returns all whose claims that concerns: after its first token all who use it;
    /// later each finds out by its own attempt.
    pub(super) fn judge(&mut self, user: &ObjectKey, verdict: Verdict) -> Vec<ObjectKey> {
        if let Some(credential) = self.by_user.get(user).and_then(|id| self.by_id.get_mut(id))
            && credential.verdict.replace(verdict).is_none()
            && verdict == Verdict::Granted
        {
            return credential.users.keys().cloned().collect();
        }
        vec![user.clone()]
    }

    /// Whether the service key that `user` uses was given a token last.
    pub(super) fn is_granted(&self, user: &ObjectKey) -> bool {
        self.verdict(user) == Some(Verdict::Granted)
    }

    /// What is known of the service key that `user` uses.
    pub(super) fn verdict(&self, user: &ObjectKey) -> Option<Verdict> {
        self.by_user.get(user).and_then(|id| self.by_id.get(id))?.verdict
    }

    /// Whether nothing is kept, also not of those that are gone.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.by_user.is_empty()
    }
}

#[cfg(test)]
impl std::hash::Hash for Credentials {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self { by_id, by_user } = self;
        crate::domain::testing::hash_unordered(by_id, state);
        crate::domain::testing::hash_unordered(by_user, state);
    }
}
