//! Says in the status, before the first request that writes, where a remote secret may be from now on: a process that ends in
//! between must not leave one behind that nobody knows of.

use std::sync::Arc;

use super::{
    Context,
    adapters::{AiCore, Kubernetes},
    statuses::Written,
};
use crate::domain::{
    decide::arrival,
    parse::{api_url::Tenant, object::Object},
};

/// Announces a push of the resource to the tenant, where that is needed. A status that cannot be written does not keep the push
/// back: then this process alone knows of it, until it can be. Returns false if the push is not to be: the resource is not what it was
/// decided from.
pub(super) async fn announce<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    tenant: &Tenant,
) -> bool {
    let Some((current, status)) =
        ctx.index.status(&object.key).filter(|(current, _)| current.uid == object.uid)
    else {
        return true;
    };
    let Some(announced) = arrival::announced(&current, &status, tenant) else { return true };
    let (announced, heard) = (Arc::new(announced), ctx.index.heard(&current));
    let is_so = match ctx.statuses.write(&current, &announced).await {
        Written::Now => true,
        // Or another process has told something that it was not made from.
        Written::Later | Written::Gone => !ctx.index.has_heard_since(&current, heard),
        Written::Outdated => false,
    };
    if is_so {
        ctx.index.record_status(&current, announced);
    }
    is_so
}
