//! Leader election: of several replicas, one writes. The others keep their caches warm and wait.
//!
//! The leader renews its Lease again and again. When that has not succeeded for the renew deadline, which is shorter than the
//! Lease lasts, it stops: all passes are cut, and the process ends. Until then the [`Fence`] is open, and not a moment longer.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tracing::{debug, info, warn};

use crate::{
    clock::Clock,
    domain::decide::lease::{Candidate, Decision, View},
    fence::Fence,
    jitter,
    k8s::{
        error::{Error, REQUEST_TIMEOUT},
        lease::{LeaseVersion, Leases},
    },
};

/// Attempts to renew that fit into the renew deadline: one slow answer must not end the leadership.
const ATTEMPTS: u32 = 3;
/// By how much the retry period is spread while waiting, so that candidates do not come at the same time.
pub(crate) const JITTER: f64 = 0.2;

/// How to elect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElectionSettings {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who this process is in the Lease; no two that run at the same time may say the same. `None`: one is made up.
    pub(crate) identity: Option<String>,
    /// How long the Lease lasts after a renewal.
    pub lease_duration: Duration,
    /// How long the leader goes on without a renewal.
    pub renew_deadline: Duration,
    /// Time between two attempts.
    pub(crate) retry_period: Duration,
}

/// Whether this process leads, for the rest of the program. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leadership {
    leads: watch::Receiver<bool>,
    fence: Fence,
}

impl Leadership {
    /// Of a process that is the only one.
    #[must_use]
    pub fn always() -> Self {
        Self { leads: watch::Sender::new(true).subscribe(), fence: Fence::always_open() }
    }

    /// Whether this process leads.
    #[must_use]
    pub(crate) fn is_leader(&self) -> bool {
        *self.leads.borrow()
    }

    /// Waits until this process leads.
    pub(crate) async fn gained(&self) {
        let mut leads = self.leads.clone();
        if leads.wait_for(|leads| *leads).await.is_err() {
            // The election has ended without it: the process is about to end too.
            std::future::pending::<()>().await;
        }
    }

    /// What keeps those from writing who no longer lead.
    #[must_use]
    pub fn fence(&self) -> &Fence {
        &self.fence
    }
}

/// Why this process no longer leads.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Lost {
    /// Somebody else does.
    #[error("lost the Lease {lease} to {holder}; all work is cut off, so that only one replica writes")]
    Taken {
        /// Namespace and name of the Lease.
        lease: String,
        /// The new leader.
        holder: String,
    },
    /// Somebody else does, under the same name.
    #[error(
        "lost the Lease {lease} to another process that has the same identity, {identity}; give each replica a \
         --leader-elect-identity of its own"
    )]
    SameIdentity {
        /// Namespace and name of the Lease.
        lease: String,
        /// What both are called.
        identity: String,
    },
    /// The API server did not confirm it in time.
    #[error(
        "could not renew the Lease {lease} for {seconds:.1} s; all work is cut off before another replica can lead"
    )]
    NotRenewed {
        /// Namespace and name of the Lease.
        lease: String,
        /// Time since the start of the last renewal that succeeded.
        seconds: f64,
    },
}

/// What an attempt came to.
enum Attempt {
    /// The Lease is this process's.
    Held,
    /// It is somebody else's, at least for this long.
    Taken(Duration),
    /// It is somebody else's who has the same identity.
    SameIdentity,
}

/// The election, as one candidate sees it.
pub(crate) struct Election {
    settings: ElectionSettings,
    me: Candidate,
    leases: Leases,
    view: View,
    /// The Lease as this process wrote it last; without it, it has to be read first.
    own: Option<LeaseVersion>,
    clock: Clock,
    leads: watch::Sender<bool>,
    fence: Fence,
    failures: u32,
}

impl Election {
    pub(crate) fn new(settings: ElectionSettings, client: kube::Client) -> (Self, Leadership) {
        let identity = settings.identity.clone().unwrap_or_else(identity);
        let me = Candidate { identity, duration: settings.lease_duration };
        let leads = watch::Sender::new(false);
        let fence = Fence::closed();
        let leadership = Leadership { leads: leads.subscribe(), fence: fence.clone() };
        let election = Self {
            leases: Leases::new(client, &settings.namespace, &settings.name),
            settings,
            me,
            view: View::default(),
            own: None,
            clock: Clock::start(),
            leads,
            fence,
            failures: 0,
        };
        (election, leadership)
    }

    /// Waits for its turn, leads, and returns when it no longer does.
    pub(crate) async fn run(&mut self) -> Lost {
        info!(lease = self.lease(), identity = self.me.identity, "attempting to acquire the Lease");
        let began = match self.win().await {
            Ok(began) => began,
            Err(lost) => return lost,
        };
        info!(lease = self.lease(), identity = self.me.identity, "leading");
        self.leads.send_replace(true);
        let lost = self.lead(began).await;
        self.fence.close();
        lost
    }

    /// Gives the Lease back, so that the next one need not wait until it expires. Only to be called when nothing writes any more.
    pub(crate) async fn give_back(&mut self) {
        self.fence.close();
        let given_back = timeout(self.attempt_limit(), async {
            // Not what this process wrote last: an attempt may have been under way when it was asked to stop.
            let found = self.look().await?;
            let Some(record) =
                self.view.give_back(&self.me, self.clock.now().wall).filter(|_| found.is_some())
            else {
                return Ok(false);
            };
            self.leases.write(found, &record).await.map(|_| true)
        });
        match given_back.await.unwrap_or(Err(Error::Timeout)) {
            Ok(true) => info!(lease = self.lease(), "released the Lease"),
            Ok(false) => {}
            Err(error) => {
                warn!(lease = self.lease(), %error, "the Lease could not be released; it expires by itself");
            }
        }
    }

    /// Returns the start of the attempt that succeeded.
    async fn win(&mut self) -> Result<Instant, Lost> {
        let mut holder = String::new();
        loop {
            let began = Instant::now();
            let mut pause = self.settings.retry_period.mul_f64(1.0 + JITTER * jitter::fraction());
            match self.attempt().await {
                // Without the second part this process was stopped in between, and has to ask again.
                Ok(Attempt::Held) if self.fence.open(began + self.settings.renew_deadline) => {
                    return Ok(began);
                }
                Ok(Attempt::Held) => {}
                Ok(Attempt::Taken(left)) => {
                    if self.view.holder() != holder {
                        self.view.holder().clone_into(&mut holder);
                        info!(lease = self.lease(), holder, "standing by");
                    }
                    debug!(
                        lease = self.lease(),
                        holder,
                        left_s = left.as_secs_f64(),
                        "another replica holds the Lease"
                    );
                    pause = pause.min(left);
                }
                // It has led before it could begin to. Whoever has the Lease now goes on with it.
                Ok(Attempt::SameIdentity) => return Err(self.same_identity()),
                Err(error) => self.complain(&error),
            }
            sleep(pause).await;
        }
    }

    /// Renews until that fails. `renewed`: start of the last renewal that succeeded.
    async fn lead(&mut self, mut renewed: Instant) -> Lost {
        loop {
            let deadline = renewed + self.settings.renew_deadline;
            sleep_until(deadline.min(Instant::now() + self.settings.retry_period)).await;
            match timeout_at(deadline, self.renew()).await {
                Ok(Ok(began)) if self.fence.extend(began + self.settings.renew_deadline) => renewed = began,
                Ok(Err(taken)) => return taken,
                Ok(Ok(_)) | Err(_) => {
                    let seconds = renewed.elapsed().as_secs_f64();
                    return Lost::NotRenewed { lease: self.lease(), seconds };
                }
            }
        }
    }

    async fn renew(&mut self) -> Result<Instant, Lost> {
        loop {
            let began = Instant::now();
            match self.attempt().await {
                Ok(Attempt::Held) => return Ok(began),
                Ok(Attempt::Taken(_)) => {
                    return Err(Lost::Taken { lease: self.lease(), holder: self.view.holder().to_owned() });
                }
                Ok(Attempt::SameIdentity) => return Err(self.same_identity()),
                Err(error) => self.complain(&error),
            }
            sleep(self.settings.retry_period).await;
        }
    }

    /// One attempt to get or to keep the Lease.
    async fn attempt(&mut self) -> Result<Attempt, Error> {
        let attempt = timeout(self.attempt_limit(), async {
            if let Some(own) = self.own.take() {
                match self.settle(Some(own)).await {
                    // Somebody else wrote: look who.
                    Err(Error::Refused { code: 409, .. } | Error::NotFound) => {}
                    settled => return settled,
                }
            }
            let found = self.look().await?;
            self.settle(found).await
        });
        let attempt = attempt.await.unwrap_or(Err(Error::Timeout));
        if attempt.is_ok() && std::mem::take(&mut self.failures) > 0 {
            info!(lease = self.lease(), "the Lease can be reached again");
        }
        attempt
    }

    async fn look(&mut self) -> Result<Option<LeaseVersion>, Error> {
        let found = self.leases.get().await?;
        let silent = found.as_ref().map(LeaseVersion::silent).unwrap_or_default();
        self.view.see(found.as_ref().map(LeaseVersion::record), silent, self.clock.now().uptime);
        Ok(found)
    }

    async fn settle(&mut self, found: Option<LeaseVersion>) -> Result<Attempt, Error> {
        let record = match self.view.decide(&self.me, self.clock.now()) {
            Decision::Acquire(record) | Decision::Renew(record) => record,
            Decision::Wait(left) => return Ok(Attempt::Taken(left)),
            Decision::SameIdentity => return Ok(Attempt::SameIdentity),
        };
        self.view.asks(record.clone());
        let written = self.leases.write(found, &record).await?;
        self.view.wrote(written.record(), self.clock.now().uptime);
        self.own = Some(written);
        Ok(Attempt::Held)
    }

    fn complain(&mut self, error: &Error) {
        self.failures = self.failures.saturating_add(1);
        let (lease, failures) = (self.lease(), self.failures);
        // While the API server is away for hours, ever less often.
        if failures.is_power_of_two() {
            warn!(lease, %error, failures, "the Lease could not be read or written");
        } else {
            debug!(lease, %error, failures, "the Lease could not be read or written");
        }
    }

    fn attempt_limit(&self) -> Duration {
        (self.settings.renew_deadline / ATTEMPTS).min(REQUEST_TIMEOUT)
    }

    fn same_identity(&self) -> Lost {
        Lost::SameIdentity { lease: self.lease(), identity: self.me.identity.clone() }
    }

    fn lease(&self) -> String {
        format!("{}/{}", self.settings.namespace, self.settings.name)
    }
}

/// Host name, so that people find the process, and something that no other process has had: outside of a pod, several may run on
/// one host.
fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.as_deref().map(str::trim).filter(|host| !host.is_empty()).unwrap_or("unknown");
    format!("{host}_{}", jitter::suffix())
}
