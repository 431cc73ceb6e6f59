//! What the log calls plans and their causes.

use super::{Cause, LetGo, Step, Why};
use crate::domain::parse::object::ObjectKey;

impl Step {
    /// For the log.
    #[must_use]
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::NoPush(_) => "NoPush",
            Self::Push(_) => "Push",
            Self::DeleteRemote { .. } => "DeleteRemote",
            Self::LetGo(_) => "LetGo",
        }
    }

    /// The other resource that made it so, for the log alone: it may be in a namespace that the owner of this one does not see.
    #[must_use]
    pub(crate) fn rival(&self) -> Option<&ObjectKey> {
        match self {
            Self::NoPush(Why::OwnedBy(rival)) | Self::LetGo(LetGo::HandedOver(rival)) => Some(rival),
            Self::NoPush(_) | Self::Push(_) | Self::DeleteRemote { .. } | Self::LetGo(_) => None,
        }
    }

    /// What made it so, for the log.
    #[must_use]
    pub(crate) fn cause(&self) -> Option<&'static str> {
        match self {
            Self::NoPush(why) => Some(why.as_str()),
            Self::Push(push) => Some(push.cause.as_str()),
            Self::DeleteRemote { .. } => None,
            Self::LetGo(why) => Some(why.as_str()),
        }
    }
}

impl Why {
    /// For the log.
    #[must_use]
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::InSync { .. } => "InSync",
            Self::Suspended => "Suspended",
            Self::OwnedBy(_) => "OwnedByAnother",
            Self::Pending => "OwnerUnknown",
            Self::Unusable(_) => "Unusable",
            Self::BackingOff { .. } => "BackingOff",
            Self::HandingOver { .. } => "HandingOver",
            Self::Blocked(_) => "DeletionBlocked",
            Self::Gone => "OtherFinalizers",
        }
    }
}

impl Cause {
    /// For the log.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Forced => "Forced",
            Self::First => "First",
            Self::TenantChanged => "TenantChanged",
            Self::UnknownDigest => "UnknownDigest",
            Self::Changed => "Changed",
            Self::Unconfirmed => "Unconfirmed",
            Self::Confirmation => "Confirmation",
            Self::Resync => "Resync",
        }
    }
}

impl LetGo {
    /// For the log.
    #[must_use]
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Retained => "Retained",
            Self::Suspended => "Suspended",
            Self::Abandoned => "Abandoned",
            Self::NeverPushed => "NeverPushed",
            Self::HandedOver(_) => "HandedOver",
            Self::TenantChanged => "TenantChanged",
            Self::Renamed => "Renamed",
            Self::Orphaned => "Orphaned",
        }
    }
}
