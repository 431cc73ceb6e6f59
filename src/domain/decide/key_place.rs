//! Where the service key of a resource is: in a Secret of its namespace, or in the one that an AICoreTenant shares with it. What the
//! AICoreTenant does not allow, nothing is read or sent for.

use std::{fmt, sync::Arc};

use crate::domain::{
    decide::{failure::Failure, reason::Reason},
    parse::{
        object::{KeyRef, Object, ObjectKey},
        pattern,
        tenant::{SharedTenant, Terms},
    },
    tools::invalid::{Quoted, quoted_list},
};

/// Where the service key of a resource is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyPlace {
    /// The Secret.
    pub secret: ObjectKey,
    /// The key within it that holds the service key, if the user says so.
    pub field: Option<Arc<str>>,
    /// The AICoreTenant that shares it.
    pub tenant: Option<Arc<str>>,
}

/// Where the service key of a resource is, or why it may use none.
pub(crate) type Placed = Result<Arc<KeyPlace>, Arc<Failure>>;

/// What is known of the AICoreTenant that a resource names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lookup<'a> {
    /// This operator looks after none.
    NotServed,
    /// AICoreTenants are not listed, or not yet.
    Unlisted,
    /// This is it; `None`: there is none of the name.
    Listed(Option<&'a SharedTenant>),
}

/// Where the service key of the resource is. `lookup` is asked for the AICoreTenant of that name, if the resource names one.
pub(crate) fn place<'a>(object: &Object, lookup: impl FnOnce(&str) -> Lookup<'a>) -> Placed {
    let placed = match object.key_ref() {
        Some(KeyRef::Secret(reference)) => Ok(KeyPlace {
            secret: object.key.sibling(&reference.name),
            field: reference.key.as_deref().map(Into::into),
            tenant: None,
        }),
        Some(KeyRef::Tenant(reference)) => shared(object, &reference.name, lookup(&reference.name)),
        None => Err(Failure::new(
            Reason::ServiceKeyInvalid,
            format!("The spec names no service key, or two: {}", crate::api::NOT_ONE_KEY),
        )),
    };
    placed.map(Arc::new).map_err(Arc::new)
}

fn shared(object: &Object, name: &str, lookup: Lookup<'_>) -> Result<KeyPlace, Failure> {
    let refuse = |reason, message: String| Err(Failure::new(reason, message));
    let shown = Quoted(name);
    let tenant = match lookup {
        Lookup::Listed(Some(tenant)) => tenant,
        Lookup::Listed(None) => {
            return refuse(
                Reason::TenantNotFound,
                format!(
                    "AICoreTenant {shown}, which spec.tenantRef names, does not exist, or is not of the shard of this operator \
                     (--watch-label-selector); the operator continues as soon as it exists"
                ),
            );
        }
        Lookup::NotServed => {
            return refuse(
                Reason::TenantNotServed,
                format!(
                    "AICoreTenant {shown}, which spec.tenantRef names, is not served here, because this operator looks after some \
                     namespaces only (--watch-namespaces); write the name of a Secret with the service key into spec.aiCoreSecretRef \
                     instead"
                ),
            );
        }
        Lookup::Unlisted => {
            return refuse(
                Reason::AccessDenied,
                format!(
                    "AICoreTenant {shown}, which spec.tenantRef names, is not known to the operator, because it could not list them: \
                     install their resource definition, and grant its ServiceAccount get, list and watch on aicoretenants; the \
                     operator continues within seconds of that"
                ),
            );
        }
    };
    let Ok(terms) = &tenant.terms else {
        return refuse(
            Reason::TenantNotFound,
            format!(
                "AICoreTenant {shown}, which spec.tenantRef names, has a spec that this version of the operator does not \
                 understand; the operator continues when it does"
            ),
        );
    };
    allowed(object, &tenant.name, terms)?;
    Ok(KeyPlace {
        secret: terms.secret.clone(),
        field: terms.field.clone(),
        tenant: Some(Arc::clone(&tenant.name)),
    })
}

fn allowed(object: &Object, tenant: &str, terms: &Terms) -> Result<(), Failure> {
    let namespace = &*object.key.namespace;
    if !pattern::allows_namespace(&terms.allowed_namespaces, namespace) {
        return Err(Failure::new(
            Reason::NamespaceNotAllowed,
            format!(
                "AICoreTenant {} does not allow namespace {}: nothing is sent; have whoever looks after it add the namespace to its \
                 spec.allowedNamespaces, or name another AICoreTenant in spec.tenantRef",
                Quoted(tenant),
                Quoted(namespace)
            ),
        ));
    }
    // A name that AI Core does not accept is refused for that.
    let (Some(patterns), Ok(remote_name)) = (&terms.remote_names, &object.remote_name) else { return Ok(()) };
    if pattern::allows_remote_name(patterns, namespace, remote_name.as_str()) {
        return Ok(());
    }
    // Patterns without the namespace may be meant for others, and are not told.
    let own = pattern::of_namespace(patterns, namespace);
    let own = match own.as_slice() {
        [] => String::new(),
        own => format!(" (for this namespace: {})", quoted_list(own.iter().map(String::as_str))),
    };
    Err(Failure::new(
        Reason::RemoteNameNotAllowed,
        format!(
            "AICoreTenant {} does not allow namespace {} the name {} in AI Core: nothing is sent; create this resource again with a \
             spec.remoteName that it allows{own}, or have whoever looks after it add this one to its spec.remoteNames",
            Quoted(tenant),
            Quoted(namespace),
            Quoted(remote_name.as_str())
        ),
    ))
}

impl KeyPlace {
    /// A failure of the service key as a resource may tell it. What is wrong inside a Secret of another namespace, and even its
    /// name, is none of the resource's business.
    #[must_use]
    pub(crate) fn told(&self, failure: Failure) -> Failure {
        let Some(tenant) = self.tenant.as_deref().map(Quoted) else { return failure };
        let message = match failure.reason {
            Reason::ServiceKeyNotFound => format!(
                "The Secret with the service key of AICoreTenant {tenant} does not exist; the operator continues as soon as it exists"
            ),
            Reason::AccessDenied => format!(
                "The Secret with the service key of AICoreTenant {tenant} may not be read by the operator; the operator continues \
                 within seconds of being allowed to"
            ),
            _ => format!(
                "The service key of AICoreTenant {tenant} cannot be used; its status says why, for whoever looks after it; the \
                 operator continues as soon as it can be used"
            ),
        };
        Failure::new(failure.reason, message)
    }

    /// What holds the service key, in a sentence of the resource.
    #[must_use]
    pub(crate) fn holder(&self) -> String {
        match &self.tenant {
            Some(tenant) => format!("AICoreTenant {} (ask whoever looks after it)", Quoted(tenant)),
            None => format!("Secret {}", Quoted(&self.secret.name)),
        }
    }
}

/// Tells one place from another of the same resource.
impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "AICoreTenant {tenant}"),
            None => write!(f, "{}/{}", self.secret.name, self.field.as_deref().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests;
