//! Says in the status, before the first request that writes, where a remote secret may be from now on: a process that ends in
//! between must not leave one behind that nobody knows of.

use super::{
    Context,
    adapters::{AiCore, Kubernetes},
};
use crate::domain::{
    decide::arrival,
    parse::{api_url::Tenant, object::Object},
};

/// Announces a push of the resource to the tenant, where that is needed. A status that cannot be written does not keep the push
/// back: then this process alone knows of it, until it can be.
pub(super) async fn announce<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    object: &Object,
    tenant: &Tenant,
) {
    let Some((current, status)) =
        ctx.index.status(&object.key).filter(|(current, _)| current.uid == object.uid)
    else {
        return;
    };
    if let Some(announced) = arrival::announced(&current, &status, tenant) {
        ctx.write_status(&current, announced.into()).await;
    }
}
