//! Which docker registry secrets a tenant has: asked for once, for all who are about to create something there. It is about requests that
//! are spared: a name that is wrong in it, or has become so, costs one more, and is answered for by the server.

mod answer;
#[cfg(test)]
mod fuzz;
mod refused;

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::{Instant, timeout};
use tracing::debug;

use self::{answer::names, refused::RefusedClients};
use super::{
    mandate::{Mandate, over},
    operations::Operation,
    rate_limit::RateLimiter,
    session::{Refused, Session, Unfinished},
};
use crate::domain::{decide::opening::Listed, parse::name::RemoteName};

/// How long the names count, since they were asked for. What others create meanwhile is found out one by one.
const LIFE: Duration = Duration::from_mins(1);
/// How long somebody waits for them. Without, a push begins as any other does.
const LIMIT: Duration = Duration::from_secs(3);
/// How long nobody asks again for what was not answered.
const PAUSE: Duration = Duration::from_mins(1);

/// The names of one tenant. What a service key was told counts for all.
#[derive(Debug, Default)]
pub(crate) struct TenantNames {
    known: Mutex<Known>,
    /// Who was refused them.
    refused: Mutex<RefusedClients>,
    /// Held by whoever asks.
    flight: tokio::sync::Mutex<()>,
}

/// The names of one tenant, as one OAuth client of it asks for them. Whether it may is its own affair.
#[derive(Debug)]
pub(crate) struct Names {
    tenant: Arc<TenantNames>,
    client: Box<str>,
}

#[derive(Debug, Default)]
enum Known {
    #[default]
    Nothing,
    Listed {
        names: HashSet<Box<str>>,
        until: Instant,
    },
    Unavailable {
        until: Instant,
    },
}

/// Why there are no names.
#[derive(Debug)]
pub(crate) enum Unlisted {
    /// Nobody was asked: the pass has lost its mandate.
    Withdrawn,
    /// There was no answer, or one that says that the tenant is unavailable: for nobody.
    Unanswered,
    /// The answer was a refusal, or is of no use: to this client.
    Useless,
}

/// Whether a pass has sent a request for the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// It has, and with it has used its turn in the rate.
    Itself,
    /// Another one has, or nobody.
    Not,
}

impl Names {
    /// Nobody has asked yet, or others have.
    pub(crate) fn new(tenant: Arc<TenantNames>, client: &str) -> Self {
        Self { tenant, client: client.into() }
    }

    /// What is known of the name.
    pub(crate) fn of(&self, name: &RemoteName) -> Listed {
        let mut known = self.tenant.known.lock();
        if known.has_ended() {
            *known = Known::Nothing;
        }
        match &*known {
            Known::Nothing if self.does_without() => Listed::Unavailable,
            Known::Nothing => Listed::Unknown,
            Known::Unavailable { .. } => Listed::Unavailable,
            Known::Listed { names, .. } if names.contains(name.as_str()) => Listed::Present,
            Known::Listed { .. } => Listed::Absent,
        }
    }

    /// Whether the client does not ask.
    fn does_without(&self) -> bool {
        self.tenant.refused.lock().keeps_from_asking(&self.client)
    }

    /// A request that creates it is sent, or may be: it is not created without a look a second time.
    pub(crate) fn may_exist(&self, name: &RemoteName) {
        if let Known::Listed { names, .. } = &mut *self.tenant.known.lock() {
            names.insert(name.as_str().into());
        }
    }

    /// A name was there that was not among them. Somebody else writes there, so nobody relies on them any more.
    pub(crate) fn disproved(&self) {
        let mut known = self.tenant.known.lock();
        if let Known::Listed { until, .. } = *known {
            *known = Known::Unavailable { until };
        }
    }

    /// Nobody waits for them any more.
    pub(crate) fn forget(&self) {
        let mut known = self.tenant.known.lock();
        if matches!(*known, Known::Listed { .. }) {
            *known = Known::Nothing;
        }
    }

    /// Sees to it that they are known, or known not to be, by `ask`. Whoever has asked waits for another turn in the rate, so that its
    /// next request has one as before.
    ///
    /// # Errors
    /// [`Unfinished::Withdrawn`] when the mandate has ended.
    pub(crate) async fn know(
        &self,
        ask: impl Future<Output = Result<HashSet<Box<str>>, Unlisted>>,
        rate: &RateLimiter,
        mandate: &dyn Mandate,
    ) -> Result<(), Unfinished> {
        const WITHDRAWN: Unfinished = Unfinished::Withdrawn { remote_absent: false };
        let known = async {
            if self.ask_once(ask).await.map_err(|_| WITHDRAWN)? == Asked::Itself {
                rate.wait(mandate.namespace()).await;
            }
            Ok(())
        };
        tokio::select! {
            biased;
            known = known => known,
            () = over(mandate) => Err(WITHDRAWN),
        }
    }

    /// Asks, unless another pass asks already, which is waited for. Whoever goes away while it asks leaves it to the next.
    ///
    /// # Errors
    /// [`Unlisted::Withdrawn`] when nobody was asked because of that.
    async fn ask_once(
        &self,
        ask: impl Future<Output = Result<HashSet<Box<str>>, Unlisted>>,
    ) -> Result<Asked, Unlisted> {
        let Ok(_flight) = timeout(LIMIT, self.tenant.flight.lock()).await else {
            return Ok(Asked::Not);
        };
        if !matches!(*self.tenant.known.lock(), Known::Nothing) || self.does_without() {
            return Ok(Asked::Not);
        }
        let asked = Instant::now();
        let known = match timeout(LIMIT, ask).await.unwrap_or(Err(Unlisted::Unanswered)) {
            Ok(names) => Known::Listed { names, until: asked + LIFE },
            Err(Unlisted::Withdrawn) => return Err(Unlisted::Withdrawn),
            Err(Unlisted::Unanswered) => Known::Unavailable { until: asked + PAUSE },
            Err(Unlisted::Useless) => {
                self.tenant.refused.lock().note(&self.client, asked);
                return Ok(Asked::Itself);
            }
        };
        *self.tenant.known.lock() = known;
        Ok(Asked::Itself)
    }
}

impl Known {
    fn has_ended(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Listed { until, .. } | Self::Unavailable { until } => Instant::now() >= *until,
        }
    }
}

impl Session<'_> {
    /// Sees to it that the names of the tenant are known, or known not to be. A failure is none of the pass: it is told at debug level.
    ///
    /// # Errors
    /// [`Unfinished::Withdrawn`] when the mandate has ended.
    pub(crate) async fn ask_for_names(&mut self) -> Result<(), Unfinished> {
        let (connection, mandate) = (self.connection, self.mandate);
        connection.names.know(self.list(), &connection.rate_limiter, mandate).await
    }

    /// Asks. A token that is refused is not replaced: the push, which needs one anyway, finds out.
    async fn list(&mut self) -> Result<HashSet<Box<str>>, Unlisted> {
        let answer = match self.attempt_once(&Operation::List).await {
            Ok(answer) => answer,
            Err(Refused::Withdrawn) => return Err(Unlisted::Withdrawn),
            Err(refused) => {
                let status = refused.status();
                debug!(status, "the names of the tenant's secrets are not to be had");
                return Err(match status {
                    None | Some(408 | 425 | 429 | 500..) => Unlisted::Unanswered,
                    Some(_) => Unlisted::Useless,
                });
            }
        };
        names(&answer).map_err(|unusable| {
            debug!(why = unusable.as_str(), "the list of the tenant's secrets is of no use");
            Unlisted::Useless
        })
    }
}

#[cfg(test)]
mod tests;
