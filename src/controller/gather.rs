//! Collects what a decision depends on: reads the two Secrets, unless it is known that they have not changed.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Context, ServiceKeyHeld,
    adapters::{AiCore, Kubernetes, Reach},
    errand::KeyFound,
    index::Snapshot,
    queue::Priority,
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
            object::{Now, Object, ObjectKey, pushed_tenant},
            service_key,
        },
        tools::invalid::Invalid,
    },
    k8s::{self, secrets},
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
    /// Other resources whose ownership changed by what was found.
    pub(super) wakes: Vec<ObjectKey>,
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
            namespace: self.namespace.clone(),
            backoff: snapshot.memory.retry.backoff.as_ref(),
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

/// Reads what is needed.
///
/// # Errors
/// When the API server refuses or does not answer; then nothing can be said about the resource.
pub(super) async fn gather<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
) -> Result<Gathered<A::Connection>, k8s::error::Error> {
    let object = &snapshot.object;
    let (key, source) = if object.deleting {
        // What would be sent does not matter any more.
        (service_key(ctx, snapshot).await?, ReadSource::unread())
    } else {
        let (key, source) = tokio::join!(service_key(ctx, snapshot), source(ctx, snapshot));
        (key?, source?)
    };
    let claim = claim(snapshot, key.held.as_deref());
    let credential = key.held.as_ref().map(|held| held.connection.id());
    let wakes = ctx.index.claim(object, claim.clone(), credential);
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
        wakes,
    })
}

/// The tenant of the key; while that cannot be read, the tenant of the last push.
fn claim<C: Reach>(
    snapshot: &Snapshot<ServiceKeyHeld<C>>,
    held: Option<&ServiceKeyHeld<C>>,
) -> Option<Claim> {
    // What AI Core cannot have, nobody owns.
    let remote_name = snapshot.object.remote_name.as_ref().ok()?.clone();
    let tenant = match held {
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
    let read = match read(&*ctx.kubernetes, object, &name, &SOURCE).await? {
        Ok(read) => read,
        Err(failure) => return Ok(ReadSource::unusable(failure)),
    };
    stand_in(ctx, snapshot, &object.source(), snapshot.source_version.as_deref(), &read.version);
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

struct Key<C> {
    found: Found<Tenant>,
    held: Option<Arc<ServiceKeyHeld<C>>>,
    identity: Option<String>,
}

async fn service_key<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
) -> Result<Key<A::Connection>, k8s::error::Error> {
    let object = &snapshot.object;
    let usable = |held: Arc<ServiceKeyHeld<A::Connection>>| Key {
        found: Found::Usable { version: held.version.clone(), content: (**held.connection.tenant()).clone() },
        identity: Some(identity(object, &held.connection.id().to_string())),
        held: Some(held),
    };
    let unusable = |failure, identity| Key { found: Found::Unusable(failure), held: None, identity };
    let known_by = |version: &str| Some(identity(object, &format!("@{version}")));
    let unusable_at = |version: &str, failure| {
        ctx.index.cache_unusable_key(object, version, &failure);
        unusable(failure, known_by(version))
    };
    // Who asks for a push now wants what is there now: the watch may have missed a change.
    if object.unanswered_request(&snapshot.status).is_none() {
        if let Some(held) = &snapshot.service_key {
            return Ok(usable(Arc::clone(held)));
        }
        if let (Some(failure), Some(version)) = (&snapshot.unusable_key, &snapshot.service_key_version) {
            return Ok(unusable((**failure).clone(), known_by(version)));
        }
    }
    let name = match object.service_key_name() {
        Ok(name) => name,
        Err(invalid) => return Ok(unusable(failure(Reason::ServiceKeyInvalid, &invalid), None)),
    };
    let read = match read(&*ctx.kubernetes, object, &name, &SERVICE_KEY).await? {
        Ok(read) => read,
        // What is too large is not looked into: its version is the one that the watch has shown.
        Err(failure) if failure.reason == Reason::ServiceKeyInvalid => {
            return Ok(match &snapshot.service_key_version {
                Some(version) => unusable_at(version, failure),
                None => unusable(failure, None),
            });
        }
        Err(failure) => return Ok(unusable(failure, None)),
    };
    let seen = snapshot.service_key_version.as_deref();
    stand_in(ctx, snapshot, &object.service_key(), seen, &read.version);
    let field = object.spec.ai_core_secret_ref.key.as_deref();
    let key = match service_key::parse(&read.data, field, &ctx.settings.allowed_hosts) {
        Ok(key) => key,
        Err(invalid) => {
            return Ok(unusable_at(&read.version, failure(Reason::ServiceKeyInvalid, &invalid)));
        }
    };
    let connection = match ctx.ai_core.connect(&key) {
        Ok(connection) => connection,
        Err(error) => return Ok(unusable_at(&read.version, error.failure(read.data.name(), false))),
    };
    let held = Arc::new(ServiceKeyHeld { version: read.version, key, connection });
    ctx.index.cache_service_key(object, &held.version, Arc::clone(&held));
    Ok(usable(held))
}

/// While the watch on Secrets does not work, what a read finds stands for its event: others that name the Secret are woken, if its
/// version is no longer the one that was known before the read.
fn stand_in<K, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    secret: &ObjectKey,
    known: Option<&str>,
    found: &str,
) {
    if !snapshot.unwatched {
        return;
    }
    let woken = ctx.index.read_secret(secret, known, found);
    woken
        .iter()
        .filter(|key| **key != snapshot.object.key)
        .for_each(|key| ctx.queue.enqueue(key, Priority::Urgent));
}

/// What tells one service key from another for the purpose of trying again: its content, of which the connection has the
/// number, and not its version, which a change of labels raises too. A key that cannot be used has only its version.
fn identity(object: &Object, which: &str) -> String {
    let reference = &object.spec.ai_core_secret_ref;
    format!("{}/{}#{which}", reference.name, reference.key.as_deref().unwrap_or_default())
}

/// What a Secret is read for.
struct Role {
    field: &'static str,
    missing: Reason,
    invalid: Reason,
}

const SOURCE: Role =
    Role { field: "spec.secretRef", missing: Reason::SecretNotFound, invalid: Reason::SecretInvalid };
const SERVICE_KEY: Role = Role {
    field: "spec.aiCoreSecretRef",
    missing: Reason::ServiceKeyNotFound,
    invalid: Reason::ServiceKeyInvalid,
};

/// Reads a Secret; one that is missing, that may not be read, or that is too large, is a failure of the resource and not of the
/// pass.
async fn read(
    kubernetes: &impl Kubernetes,
    object: &Object,
    name: &SecretName,
    role: &Role,
) -> Result<Result<secrets::Read, Failure>, k8s::error::Error> {
    let Role { field, missing, invalid } = *role;
    let namespace = &object.key.namespace;
    match kubernetes.read_secret(namespace, name).await {
        Ok(Some(read)) => Ok(Ok(read)),
        Ok(None) => Ok(Err(Failure::secret_missing(missing, field, &object.key.sibling(name.as_str())))),
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
