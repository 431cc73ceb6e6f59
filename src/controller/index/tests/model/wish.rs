//! What a resource wants, in the model.

use super::*;

/// What a resource wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    Undecided,
    Nothing,
    Claim(Claim, Standing),
}

impl Wish {
    pub(super) fn claim(&self) -> Option<&Claim> {
        match self {
            Self::Claim(claim, _) => Some(claim),
            Self::Undecided | Self::Nothing => None,
        }
    }

    pub(super) fn is_proven(&self) -> bool {
        matches!(self, Self::Claim(_, Standing::Proven))
    }

    pub(super) fn proven(claim: Option<Claim>) -> Self {
        claim.map_or(Self::Nothing, |claim| Self::Claim(claim, Standing::Proven))
    }

    /// It stands like this from now on, if there is a claim.
    pub(super) fn stand(&mut self, now: Standing) {
        if let Self::Claim(_, standing) = self {
            *standing = now;
        }
    }
}
