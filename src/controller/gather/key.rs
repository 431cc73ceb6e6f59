//! The service key: as it was read before, or read now, with the connection that it opens.

use std::sync::Arc;

use super::{
    failure,
    secret::{Role, SERVICE_KEY, read, stand_in},
};
use crate::{
    controller::{
        Context, ServiceKeyHeld,
        adapters::{AiCore, Kubernetes, Reach},
        index::Snapshot,
        queue::Priority,
    },
    domain::{
        decide::{failure::Failure, key_place::KeyPlace, observed::Found, reason::Reason},
        parse::{api_url::Tenant, name::SecretName, object::ObjectKey, service_key},
        tools::invalid::Quoted,
    },
    k8s,
};

/// A service key, as it was found.
pub(in crate::controller) struct Key<C> {
    /// Which tenant it is for, or why it cannot be used.
    pub(in crate::controller) found: Found<Tenant>,
    /// The key itself.
    pub(in crate::controller) held: Option<Arc<ServiceKeyHeld<C>>>,
    /// What tells one service key from another for the purpose of trying again: its content, of which the connection has the number,
    /// and not its version, which a change of labels raises too. A key that cannot be used has only its version.
    pub(in crate::controller) identity: Option<String>,
}

impl<C: Reach> Key<C> {
    /// One that can be used.
    pub(super) fn of(place: &KeyPlace, held: Arc<ServiceKeyHeld<C>>) -> Self {
        Self {
            found: Found::Usable {
                version: held.version.clone(),
                content: (**held.connection.tenant()).clone(),
            },
            identity: Some(format!("{place}#{}", held.connection.id())),
            held: Some(held),
        }
    }
}

/// A service key that is wanted, and what is known of it.
pub(in crate::controller) struct WantedKey<'a, C> {
    /// Who wants it.
    pub(in crate::controller) who: &'a ObjectKey,
    /// Where it is.
    pub(in crate::controller) place: &'a KeyPlace,
    /// In the words of who wants it.
    pub(in crate::controller) role: &'static Role,
    /// resourceVersion of its Secret, if that was seen.
    pub(in crate::controller) version: Option<&'a str>,
    /// The key, if it was read at this version.
    pub(in crate::controller) held: Option<&'a Arc<ServiceKeyHeld<C>>>,
    /// Why it cannot be used, if that is known at this version.
    pub(in crate::controller) unusable: Option<&'a Failure>,
    /// How soon others are looked at because of what is read: see [`Snapshot::stands_in`].
    pub(in crate::controller) stands_in: Option<Priority>,
}

pub(super) async fn service_key<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
) -> Result<Key<A::Connection>, k8s::error::Error> {
    let object = &snapshot.object;
    let place = match &snapshot.place {
        Ok(place) => place,
        Err(failure) => {
            return Ok(Key { found: Found::Unusable((**failure).clone()), held: None, identity: None });
        }
    };
    // Who asks for a push now wants what is there now: the watch may have missed a change.
    let kept = object.unanswered_request(&snapshot.status).is_none();
    let wanted = WantedKey {
        who: &object.key,
        place,
        role: &SERVICE_KEY,
        version: snapshot.service_key_version.as_deref(),
        held: snapshot.service_key.as_ref().filter(|_| kept),
        unusable: snapshot.unusable_key.as_deref().filter(|_| kept),
        stands_in: snapshot.stands_in(),
    };
    let key = find_key(ctx, wanted).await?;
    Ok(match key.found {
        Found::Unusable(failure) => Key { found: Found::Unusable(place.told(failure)), ..key },
        Found::Usable { .. } => key,
    })
}

/// The service key: as it was read before, if it has not changed since, else as it is now.
///
/// # Errors
/// When the API server refuses or does not answer.
pub(in crate::controller) async fn find_key<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    wanted: WantedKey<'_, A::Connection>,
) -> Result<Key<A::Connection>, k8s::error::Error> {
    let WantedKey { who, place, role, version: seen, held, unusable: known, stands_in } = wanted;
    let unusable = |failure, identity| Key { found: Found::Unusable(failure), held: None, identity };
    let known_by = |version: &str| Some(format!("{place}#@{version}"));
    let unusable_at = |version: &str, failure| {
        ctx.index.cache_unusable_key(place, version, &failure);
        unusable(failure, known_by(version))
    };
    if let Some(held) = held {
        return Ok(Key::of(place, Arc::clone(held)));
    }
    if let (Some(failure), Some(version)) = (known, seen) {
        return Ok(unusable(failure.clone(), known_by(version)));
    }
    let name = match SecretName::parse(&format!("{}.name", role.field), &place.secret.name) {
        Ok(name) => name,
        Err(invalid) => return Ok(unusable(failure(Reason::ServiceKeyInvalid, &invalid), None)),
    };
    let read = match read(&*ctx.kubernetes, &place.secret.namespace, &name, role).await? {
        Ok(read) => read,
        // What is too large is not looked into: its version is the one that the watch has shown.
        Err(failure) if failure.reason == Reason::ServiceKeyInvalid => {
            return Ok(match seen {
                Some(version) => unusable_at(version, failure),
                None => unusable(failure, None),
            });
        }
        Err(failure) => return Ok(unusable(failure, None)),
    };
    if let Some(priority) = stands_in {
        stand_in(ctx, who, priority, &place.secret, seen, &read.version);
    }
    let key = match service_key::parse(&read.data, place.field.as_deref(), &ctx.settings.allowed_hosts) {
        Ok(key) => key,
        Err(invalid) => {
            return Ok(unusable_at(&read.version, failure(Reason::ServiceKeyInvalid, &invalid)));
        }
    };
    let connection = match ctx.ai_core.connect(&key) {
        Ok(connection) => connection,
        Err(error) => {
            let holder = format!("Secret {}", Quoted(read.data.name()));
            return Ok(unusable_at(&read.version, error.failure(&holder, false)));
        }
    };
    let held = Arc::new(ServiceKeyHeld { version: read.version, key, connection });
    ctx.index.cache_service_key(place, &held.version, Arc::clone(&held));
    Ok(Key::of(place, held))
}
