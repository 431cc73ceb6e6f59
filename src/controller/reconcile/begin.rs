//! What comes before a pass reads the registry credential: a place among the passes of its tenant, and the service key, which says which
//! tenant that is.

use crate::{
    controller::{
        Context, ServiceKeyHeld,
        adapters::{AiCore, Kubernetes, Reach},
        admission::{Limit, Permit, Request, Wait},
        gather::{Key, claim_by, read_key},
        index::Snapshot,
        queue::Priority,
    },
    domain::decide::{key_place::KeyPlace, known::Known},
    k8s::error::Error,
};

/// What a pass has before it reads the registry credential.
pub(super) struct Begun<C> {
    /// A place among the passes of the tenant.
    pub(super) tenant: Option<Permit>,
    /// The service key, if it had to be read for that.
    pub(super) key: Option<Key<C>>,
}

impl<C> Default for Begun<C> {
    fn default() -> Self {
        Self { tenant: None, key: None }
    }
}

/// Begins a pass that will push, by all that is known: with a place, so that what it reads is not old when its turn comes, nor read
/// again. For a place the tenant has to be known, so a service key that nobody has read yet comes first.
///
/// # Errors
/// When the API server refuses or does not answer. Inside: when the pass has to wait.
pub(super) async fn begin<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    known: &Known<'_>,
    priority: Priority,
) -> Result<Result<Begun<A::Connection>, Wait>, Error> {
    if !known.expects_push() {
        return Ok(Ok(Begun::default()));
    }
    let request = Request { who: &snapshot.object.key, priority };
    if let Some(changed) = snapshot.source_changed {
        ctx.admission.changed(request.who, changed.elapsed());
    }
    if let Some(held) = &snapshot.service_key {
        claim_by(ctx, snapshot, held);
        let place = place(ctx, snapshot, &held.connection, request);
        return Ok(place.map(|tenant| Begun { tenant, key: None }));
    }
    let Ok(KeyPlace { secret, .. }) = snapshot.place.as_deref() else {
        return Ok(Ok(Begun::default()));
    };
    if !snapshot.may_have_key() || snapshot.unusable_key.is_some() {
        return Ok(Ok(Begun::default()));
    }
    let reader = match ctx.admission.try_admit(Limit::ServiceKey(secret.clone()), request) {
        Ok(reader) => reader,
        Err(wait) => return Ok(Err(wait)),
    };
    let key = read_key(ctx, snapshot).await?;
    // The others find what was read.
    drop(reader);
    let Some(held) = &key.held else {
        return Ok(Ok(Begun { tenant: None, key: Some(key) }));
    };
    let place = place(ctx, snapshot, &held.connection, request);
    Ok(place.map(|tenant| Begun { tenant, key: Some(key) }))
}

/// A place among the passes of the tenant, and one among those that hold a large payload, if that is what the resource waits for.
fn place<K, A: AiCore>(
    ctx: &Context<K, A>,
    snapshot: &Snapshot<ServiceKeyHeld<A::Connection>>,
    connection: &A::Connection,
    request: Request<'_>,
) -> Result<Option<Permit>, Wait> {
    let object = &snapshot.object;
    let lane = ctx.lane(object, connection);
    ctx.admission.keep_to(&lane, connection.rate_limiter());
    if object.unanswered_request(&snapshot.status).is_some() {
        ctx.admission.is_asked_for(&lane, request);
    }
    let permit = ctx.admission.try_admit(Limit::Lane(lane), request)?;
    if let Some(permit) = permit.as_ref().filter(|_| ctx.admission.awaits_large_payload(request.who)) {
        ctx.admission.hold_large_payload(permit, request)?;
    }
    Ok(permit)
}
