//! How a push begins: asks for the names of the tenant's secrets, where several are about to create one.

use super::prepare::Ready;
use crate::{
    aicore::{
        Insistence,
        session::{Aftermath, Unfinished},
    },
    controller::{
        Context, ServiceKeyHeld,
        adapters::{AiCore, Reach},
        errand::Errand,
    },
    domain::decide::{
        opening::{self, Manner, asks_for_names},
        plan::Push,
    },
};

/// With which request the push begins. A question whose answer is of no use is none of the push.
///
/// # Errors
/// When nothing is to be sent any more, or the question was given up. It leaves nothing behind.
pub(super) async fn manner<K, A: AiCore>(
    ctx: &Context<K, A>,
    errand: &Errand<'_, ServiceKeyHeld<A::Connection>>,
    connection: &A::Connection,
    ready: &Ready,
    push: Push,
    insistence: Insistence,
) -> Result<Manner, Unfinished> {
    let (claim, names) = (errand.claim, connection.names());
    if asks_for_names(push, names.of(&claim.remote_name), || ready.has_company(ctx, errand.object)) {
        let question = ctx.ai_core.ask_for_names(connection, insistence, errand);
        ready.unless_lost(claim, Aftermath::Nothing, question).await?;
    }
    Ok(opening::manner(push, names.of(&claim.remote_name)))
}
