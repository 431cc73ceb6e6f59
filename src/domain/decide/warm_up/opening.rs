//! Who is looked at while the Secrets of a scope are listed for the first time. Resources are listed by then, so it is known who owns
//! what; of Secrets more is known with each page.
//!
//! What is in sync but for Secrets that no page has shown yet waits for them: it asks for nothing then. For all others there is
//! something to do whatever the list shows, and they read by name what they need.

use crate::domain::decide::{
    known::{Known, Versions},
    tenant::TenantKnown,
};

/// Which of the Secrets that a resource or an AICoreTenant names may yet be shown by the first list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unseen {
    /// That with the registry credential.
    pub(crate) source: bool,
    /// That with the service key.
    pub(crate) service_key: bool,
}

/// Whether to look at a resource or an AICoreTenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Now: what it needs is known, or there is something to do whatever is not.
    Go,
    /// When its Secrets are listed, or when the list is no longer waited for.
    WaitForList,
}

impl Opening {
    /// Of a resource.
    #[must_use]
    pub(crate) fn of_resource(known: &Known<'_>, unseen: Unseen) -> Self {
        if unseen == Unseen::default() {
            return Self::Go;
        }
        let Versions { source, service_key } = known.versions;
        let status = known.status;
        // As if the Secrets were still those that were pushed.
        let versions = Versions {
            source: if unseen.source { status.secret_resource_version.as_deref() } else { source },
            service_key: if unseen.service_key {
                status.ai_core_secret_resource_version.as_deref()
            } else {
                service_key
            },
        };
        Self::waiting_if(Known { versions, ..known.clone() }.unchanged().is_some())
    }

    /// Of an AICoreTenant, of which there is one Secret.
    #[must_use]
    pub(crate) fn of_tenant(known: TenantKnown<'_>, unseen: bool) -> Self {
        let key_version = known.status.secret_resource_version.as_deref();
        Self::waiting_if(unseen && TenantKnown { key_version, ..known }.at_rest())
    }

    fn waiting_if(rests: bool) -> Self {
        if rests { Self::WaitForList } else { Self::Go }
    }
}

#[cfg(test)]
mod tests;
