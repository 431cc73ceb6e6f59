//! Collects what a decision depends on: reads the two Secrets, unless it is known that they have not changed.

mod key;
mod secret;

use std::sync::Arc;

use jiff::Timestamp;

use self::{
    key::service_key,
    secret::{SOURCE, read, stand_in},
};
pub(super) use self::{
    key::{Key, WantedKey, find_key},
    secret::SHARED_KEY,
};
use super::{
    Context, ServiceKeyHeld,
    adapters::{AiCore, Kubernetes, Reach},
    errand::KeyFound,
    index::Snapshot,
};
use crate::{
    domain::{
        decide::{
            conflict::Claim,
            digest::PayloadDigest,
            failure::Failure,
            observed::{Found, NamespaceState, Observed, Ownership, Takeover},
            reason::Reason,
        },
        parse::{
            api_url::Tenant,
            certificate::Validity,
            docker_config::{self, Payload, Selection},
            duration::ResyncInterval,
            expiry::{self, Expiry},
            name::SecretName,
            object::{Now, Object, pushed_tenant},
        },
        tools::invalid::Invalid,
    },
    k8s,
};

/// What was found, and the secret values that a push needs. The observation itself has none.
pub(super) struct Gathered<C> {
    source: Found<Vec<String>>,
    remarks: Vec<String>,
    credential_ends: Option<Timestamp>,
    service_key: Found<Tenant>,
    service_key_validity: Option<Validity>,
    digest: Option<PayloadDigest>,
    service_key_identity: Option<String>,
    pub(super) ownership: Ownership,
    takeover: Takeover,
    namespace: NamespaceState,
    /// What to send.
    pub(super) payload: Option<Payload>,
    /// Where to.
    pub(super) connection: Option<Arc<C>>,
    /// What is claimed: the remote secret in that tenant.
    pub(super) claim: Option<Claim>,
    /// The Secret with the service key, to see whether it changes.
    pub(super) key: KeyFound,
}

impl<C: Reach> Gathered<C> {
    /// The observation, complete.
    pub(super) fn observed<'a>(
        &self,
        snapshot: &'a Snapshot<ServiceKeyHeld<C>>,
        default_resync_interval: ResyncInterval,
        now: Now,
    ) -> Observed<'a> {
        Observed {
            object: &snapshot.object,
            status: &snapshot.status,
            source: self.source.clone(),
            source_seen: snapshot.source_version.as_deref().filter(|_| !snapshot.unwatched),
            remarks: self.remarks.clone(),
            credential_ends: self.credential_ends,
            service_key_validity: self.service_key_validity,
            service_key: self.service_key.clone(),
            digest: self.digest.clone(),
            service_key_identity: self.service_key_identity.clone(),
            ownership: self.ownership.clone(),
            takeover: self.takeover,
            handing_over: snapshot.memory.handing_over,
            sent: snapshot.memory.sent,
            namespace: self.namespace.clone(),
            backoff: snapshot.memory.retry.backoff.as_deref(),
            checked: snapshot.memory.checked.as_ref(),
            synced: snapshot.memory.synced,
            api_failures: snapshot.memory.retry.api_failures,
            overwritten: snapshot.overwritten,
            confirmation_due: snapshot.confirmation_due,
            default_resync_interval,
            now,
        }
    }
}

/// Reads what is needed, but for a service key that was read already.
///
/// # Errors
/// When the API server refuses or does not answer; then nothing can be said about the resource.
pub(super) async fn gather<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    key: Option<Key<A::Connection>>,
) -> Result<Gathered<A::Connection>, k8s::error::Error> {
    let object = &snapshot.object;
    let key = async {
        match key {
            Some(key) => Ok(key),
            None => service_key(ctx, snapshot).await,
        }
    };
    let (key, source) = if object.deleting {
        // What would be sent does not matter any more.
        (key.await?, ReadSource::unread())
    } else {
        let (key, source) = tokio::join!(key, source(ctx, snapshot));
        (key?, source?)
    };
    let claim = settle_claim(ctx, snapshot, &key);
    let ownership = ctx.index.ownership(object, claim.as_ref());
    let takeover = match (&ownership, &claim) {
        (Ownership::Owner { successor: Some(successor) }, Some(claim)) => {
            ctx.index.takeover(successor, claim)
        }
        _ => Takeover::Done,
    };
    let digest = key.held.as_ref().zip(source.payload.as_ref()).and_then(|(held, payload)| {
        let remote_name = object.remote_name.as_ref().ok()?;
        Some(PayloadDigest::of(payload, remote_name.as_str(), &held.key, held.connection.tenant()))
    });
    let namespace = if object.deleting && key.found.failure().is_some() {
        ctx.kubernetes.namespace(&object.key.namespace, ctx.clock.now().wall).await?
    } else {
        NamespaceState::Active
    };
    let service_key = match (key.found, &namespace) {
        (Found::Unusable(failure), NamespaceState::Hidden { why }) => {
            Found::Unusable(namespace_hidden(&failure, why, &object.key.namespace))
        }
        (found, _) => found,
    };
    let found = KeyFound {
        place: snapshot.place.as_ref().ok().cloned(),
        watched: snapshot.service_key_version.clone(),
        used: service_key.version().map(Into::into),
    };
    Ok(Gathered {
        key: found,
        source: source.found,
        remarks: source.remarks,
        credential_ends: source.ends,
        service_key,
        service_key_validity: key.held.as_ref().and_then(|held| held.key.certificate_validity()),
        digest,
        service_key_identity: key.identity,
        ownership,
        takeover,
        namespace,
        payload: source.payload,
        connection: key.held.as_ref().map(|held| Arc::clone(&held.connection)),
        claim,
    })
}

/// Reads the service key before anything else, and tells the index what the resource claims by it.
///
/// # Errors
/// When the API server refuses or does not answer.
pub(super) async fn read_key<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
) -> Result<Key<A::Connection>, k8s::error::Error> {
    let key = service_key(ctx, snapshot).await?;
    settle_claim(ctx, snapshot, &key);
    Ok(key)
}

/// Claims what follows from a service key that was read already: those who use it stand in line together.
pub(super) fn claim_by<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    held: &Arc<ServiceKeyHeld<A::Connection>>,
) {
    let Ok(place) = &snapshot.place else { return };
    settle_claim(ctx, snapshot, &Key::of(place, Arc::clone(held)));
}

/// What the resource claims from now on. Others whose ownership changes by that are looked at.
fn settle_claim<K, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    key: &Key<A::Connection>,
) -> Option<Claim> {
    let claim = claim(snapshot, key);
    let credential = key.held.as_ref().map(|held| held.connection.id());
    ctx.wake(ctx.index.claim(&snapshot.object, claim.clone(), credential));
    claim
}

/// The tenant of the key; while that cannot be read, the tenant of the last push.
fn claim<C: Reach>(snapshot: &Snapshot<ServiceKeyHeld<C>>, key: &Key<C>) -> Option<Claim> {
    let object = &snapshot.object;
    // What AI Core cannot have, nobody owns.
    let remote_name = object.remote_name.as_ref().ok()?.clone();
    // The name is free for those who may have it. One that is being deleted claims nothing: it asks who comes after it.
    if !object.deleting && key.found.failure().is_some_and(|failure| failure.reason.is_not_allowed()) {
        return None;
    }
    let tenant = match &key.held {
        Some(held) => Arc::clone(held.connection.tenant()),
        None => Arc::new(pushed_tenant(&snapshot.status)?),
    };
    Some(Claim { tenant, remote_name })
}

struct ReadSource {
    found: Found<Vec<String>>,
    payload: Option<Payload>,
    /// What a user should know about it although it can be used.
    remarks: Vec<String>,
    /// When it ends, if that is known.
    ends: Option<Timestamp>,
}

impl ReadSource {
    fn unread() -> Self {
        Self::unusable(Failure::new(Reason::SecretNotFound, "not read"))
    }

    fn unusable(failure: Failure) -> Self {
        Self { found: Found::Unusable(failure), payload: None, remarks: Vec::new(), ends: None }
    }
}

async fn source<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
) -> Result<ReadSource, k8s::error::Error> {
    let object = &snapshot.object;
    let name = match source_name(object) {
        Ok(name) => name,
        Err(invalid) => return Ok(ReadSource::unusable(failure(Reason::SecretInvalid, &invalid))),
    };
    let read = match read(&*ctx.kubernetes, &object.key.namespace, &name, &SOURCE).await? {
        Ok(read) => read,
        Err(failure) => return Ok(ReadSource::unusable(failure)),
    };
    if let Some(priority) = snapshot.stands_in() {
        let known = snapshot.source_version.as_deref();
        stand_in(ctx, &object.key, priority, &object.source(), known, &read.version);
    }
    Ok(match docker_config::payload(&read.data, &Selection::of(&object.spec)) {
        Ok(payload) => {
            let Expiry { ends, remark } = expiry::read(&read.data, &payload, ctx.clock.now().wall);
            ReadSource {
                found: Found::Usable { version: read.version, content: payload.registries().to_vec() },
                remarks: payload.remarks().iter().cloned().chain(remark).collect(),
                payload: Some(payload),
                ends,
            }
        }
        Err(invalid) => ReadSource::unusable(failure(Reason::SecretInvalid, &invalid)),
    })
}

/// The Secret to read, unless the spec has something that an older schema let through: no request is made with that.
fn source_name(object: &Object) -> Result<SecretName, Invalid> {
    if let Err(invalid) = &object.remote_name {
        return Err(invalid.clone());
    }
    match &object.inadmissible {
        Some(inadmissible) => Err(inadmissible.clone()),
        None => object.source_name(),
    }
}

/// Without the service key it matters whether the namespace goes, and the operator may not look.
fn namespace_hidden(failure: &Failure, why: &str, namespace: &str) -> Failure {
    Failure::new(
        Reason::AccessDenied,
        format!(
            "{}; if the namespace is being deleted, it is enough to let the operator see that: grant its ServiceAccount get on \
             namespace {namespace:?} ({why})",
            failure.message.trim_end_matches('.')
        ),
    )
}

fn failure(reason: Reason, invalid: &Invalid) -> Failure {
    // Conditions are phrases: they are quoted in longer sentences.
    Failure::new(reason, invalid.to_string().trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
