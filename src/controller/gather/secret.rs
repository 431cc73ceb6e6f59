//! Reads one of the two Secrets: what it is read for, and what becomes of one that cannot be read.

use super::failure;
use crate::{
    controller::{
        Context,
        adapters::{AiCore, Kubernetes},
        queue::Priority,
    },
    domain::{
        decide::{failure::Failure, reason::Reason},
        parse::{name::SecretName, object::ObjectKey},
    },
    k8s::{self, secrets},
};

/// While the watch on Secrets does not work or lists for the first time, what a read finds stands for its event: others that name the
/// Secret are woken, if its version is no longer the one that was known before the read.
pub(super) fn stand_in<K, A: AiCore>(
    ctx: &Context<K, A>,
    who: &ObjectKey,
    priority: Priority,
    secret: &ObjectKey,
    known: Option<&str>,
    found: &str,
) {
    let woken = ctx.index.read_secret(secret, known, found);
    woken.iter().filter(|key| *key != who).for_each(|key| ctx.queue.enqueue(key, priority));
}

/// What a Secret is read for.
pub(in crate::controller) struct Role {
    /// Where the spec names it.
    pub(super) field: &'static str,
    missing: Reason,
    invalid: Reason,
}

pub(super) const SOURCE: Role =
    Role { field: "spec.secretRef", missing: Reason::SecretNotFound, invalid: Reason::SecretInvalid };
pub(super) const SERVICE_KEY: Role = Role {
    field: "spec.aiCoreSecretRef",
    missing: Reason::ServiceKeyNotFound,
    invalid: Reason::ServiceKeyInvalid,
};
/// The same for an AICoreTenant.
pub(in crate::controller) const SHARED_KEY: Role = Role { field: "spec.secretRef", ..SERVICE_KEY };

/// Reads a Secret; one that is missing, that may not be read, or that is too large, is a failure of the resource and not of the
/// pass.
pub(super) async fn read(
    kubernetes: &impl Kubernetes,
    namespace: &str,
    name: &SecretName,
    role: &Role,
) -> Result<Result<secrets::Read, Failure>, k8s::error::Error> {
    let Role { field, missing, invalid } = *role;
    match kubernetes.read_secret(namespace, name).await {
        Ok(Some(read)) => Ok(Ok(read)),
        Ok(None) => {
            let secret = ObjectKey::new(namespace, name.as_str());
            Ok(Err(Failure::secret_missing(missing, field, &secret)))
        }
        Err(k8s::error::Error::Oversized(sentence)) => Ok(Err(failure(invalid, &sentence))),
        Err(k8s::error::Error::Forbidden(message)) => Ok(Err(Failure::new(
            Reason::AccessDenied,
            format!(
                "Secret {:?}, which {field} names, may not be read by the operator: {message}; grant its ServiceAccount get, \
                 list and watch on Secrets in namespace {namespace:?}; the operator continues within seconds of that",
                name.as_str()
            ),
        ))),
        Err(error) => Err(error),
    }
}
