//! What a pass gets before its first request that writes, in which order, and what the end of the requests says to admission.

use tokio::sync::OwnedMutexGuard;

use super::{hear, heard, learn, outcome_of, postponed};
use crate::{
    aicore::{
        Insistence,
        error::Error as AiCoreError,
        mandate::{Mandate, over},
        session::{Aftermath, Unfinished},
    },
    controller::{
        Context, ServiceKeyHeld,
        adapters::{AiCore, Kubernetes, Reach},
        admission::{Permit, Request},
        errand::Errand,
        queue::Priority,
    },
    domain::{
        decide::{conflict::Claim, report::Outcome},
        parse::object::Object,
    },
};

/// What a pass asks for before its first request.
#[derive(Clone, Copy)]
pub(super) struct Asks {
    pub(super) insistence: Insistence,
    pub(super) priority: Priority,
    /// Whether it holds a large payload meanwhile.
    pub(super) large: bool,
}

/// All that a request for a remote secret needs, until this is dropped.
pub(super) struct Ready {
    permit: Permit,
    _order: OwnedMutexGuard<()>,
}

/// Gets all that comes before the requests, in this order: a place among the passes of the tenant, so that one that does not answer
/// does not occupy all workers; a place among those that hold a large payload, if it is one; a token, which shows that the key is
/// the tenant's; and only then a turn in its rate, which nobody else loses to a key that is refused; at last the order among
/// requests for the same remote secret. What waits here ends when nothing is to be sent any more, and when the process does.
pub(super) async fn prepare<K: Kubernetes, A: AiCore>(
    ctx: &Context<K, A>,
    errand: &Errand<'_, ServiceKeyHeld<A::Connection>>,
    connection: &A::Connection,
    permit: Option<Permit>,
    asks: Asks,
) -> Result<Ready, Outcome> {
    let Errand { object, claim, .. } = *errand;
    let Asks { insistence, priority, large } = asks;
    let request = Request { who: &object.key, priority };
    let permit = ctx.admission.enter(&ctx.lane(object, connection), permit, request).map_err(postponed)?;
    if large {
        // Whoever waits for this does so without the payload, which is read again then.
        ctx.admission.hold_large_payload(&permit, request).map_err(postponed)?;
    }
    // Others had their turn since the facts were gathered: nobody needs a token for what is not to be sent any more.
    if !errand.stands() {
        permit.unused();
        return Err(Outcome::Withdrawn);
    }
    let authorization = tokio::select! {
        biased;
        authorization = ctx.ai_core.authorize(connection, insistence) => authorization,
        () = over(errand) => return Err(Outcome::Withdrawn),
    };
    match heard(&permit, authorization) {
        Ok(()) => ctx.wake(ctx.index.proven(object, claim)),
        Err(error) => {
            learn(ctx, errand, &error);
            return Err(outcome_of(ctx, errand, error.into()));
        }
    }
    // The proof may have shown an older resource that owns the remote secret.
    if !errand.stands() {
        return Err(Outcome::Withdrawn);
    }
    tokio::select! {
        biased;
        turn = ctx.admission.await_turn(&permit, connection.rate_limiter()) => turn.map_err(postponed)?,
        () = over(errand) => {
            permit.unused();
            return Err(Outcome::Withdrawn);
        }
    }
    let order = tokio::select! {
        biased;
        order = ctx.ai_core.in_order(claim) => order,
        () = over(errand) => {
            permit.unused();
            return Err(Outcome::Withdrawn);
        }
    };
    Ok(Ready { permit, _order: order })
}

impl Ready {
    /// What a request comes to, which may be given up before its time. Then it leaves behind what is said.
    pub(super) async fn unless_lost<T>(
        &self,
        claim: &Claim,
        aftermath: Aftermath,
        request: impl Future<Output = Result<T, Unfinished>>,
    ) -> Result<T, Unfinished> {
        tokio::select! {
            biased;
            result = request => result,
            () = self.permit.lost() => {
                let error = AiCoreError::GivenUp { host: claim.tenant.api_host() };
                Err(Unfinished::Failed { error, remote_absent: false, aftermath })
            }
        }
    }

    /// Whether others of whom its tenant has accepted nothing yet are on their way there: with the same service key, or in line with
    /// the pass.
    pub(super) fn has_company<K, A: AiCore>(&self, ctx: &Context<K, A>, object: &Object) -> bool {
        ctx.index.has_company(object) || ctx.admission.has_company(&self.permit)
    }

    /// After the last request. The order is kept until what it leaves behind is noted.
    pub(super) fn conclude<K: Kubernetes, A: AiCore>(
        self,
        ctx: &Context<K, A>,
        errand: &Errand<'_, ServiceKeyHeld<A::Connection>>,
        unfinished: Option<&Unfinished>,
    ) {
        match unfinished {
            None => {
                self.permit.answered();
                self.permit.attempted(true);
            }
            Some(Unfinished::Withdrawn { .. }) => self.permit.unused(),
            Some(Unfinished::Failed { error, .. }) => {
                // It says nothing about the tenant, which answers.
                if !matches!(error, AiCoreError::GivenUp { .. }) {
                    hear(&self.permit, error);
                }
                learn(ctx, errand, error);
            }
        }
    }
}
