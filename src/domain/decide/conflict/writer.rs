//! Whose credential AI Core holds under a name, by what was sent.

use crate::domain::parse::object::ObjectKey;

/// For whom the last request that writes was sent.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Hash))]
pub(super) enum Writer {
    /// This process has sent it. `alone`: it has sent none for others since a push was accepted last, or ever.
    Known { key: ObjectKey, alone: bool },
    /// Another process may have sent it, and this one has sent none.
    Presumed(ObjectKey),
}

impl Writer {
    /// A request is sent for `key`.
    pub(super) fn after_request(before: Option<&Self>, key: &ObjectKey) -> Self {
        let alone = match before {
            Some(Self::Known { key: before, alone }) => *alone && before == key,
            Some(Self::Presumed(before)) => before == key,
            None => true,
        };
        Self::Known { key: key.clone(), alone }
    }

    /// A push of `key` was accepted: what was sent for others before is pushed over.
    pub(super) fn after_accepted(key: &ObjectKey) -> Self {
        Self::Known { key: key.clone(), alone: true }
    }

    /// Whether something was sent for another one than `key` since a push of that one was accepted last. `None`: requests of this
    /// process do not tell.
    pub(super) fn is_another(&self, key: &ObjectKey) -> Option<bool> {
        match self {
            Self::Known { key: writer, alone } => Some(writer != key || !alone),
            Self::Presumed(writer) => (writer != key).then_some(true),
        }
    }

    /// Whether this process has sent it.
    pub(super) fn is_known(&self) -> bool {
        matches!(self, Self::Known { .. })
    }
}
