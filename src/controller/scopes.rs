//! The parts of the cluster that are watched, each by a watch on resources and one on Secrets: which of them are listed, when work
//! begins in each, and which do not work.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use super::index::Scope;
use crate::{
    domain::{
        decide::warm_up::{LIST_LIMIT, WarmUp},
        parse::bounds,
        tools::printable::Printable,
    },
    k8s::watch::{TENANTS, WatchHealth},
};

/// Namespaces that are named in a sentence; of more the number.
const NAMED: usize = 10;
/// Longest error in a sentence, in bytes.
const ERROR: usize = 300;

/// All scopes.
pub(super) struct Scopes {
    /// In the order of their names: there may be hundreds.
    all: Vec<Watched>,
    /// The watch on AICoreTenants, which belong to no namespace: there is one where the whole cluster is watched.
    tenants: Option<Arc<WatchHealth>>,
    warm_up: watch::Sender<WarmUp>,
    start: Instant,
}

/// One of them.
pub(super) struct Watched {
    pub(super) scope: Scope,
    pub(super) resources: Arc<WatchHealth>,
    pub(super) secrets: Arc<WatchHealth>,
}

/// A process that can do its work; the sentence for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// Nothing is wrong anywhere.
    Everywhere,
    /// It works, but not in these scopes.
    NotIn(Troubles),
    /// It works, but AICoreTenants are not watched, for this reason.
    WithoutTenants(String),
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("ok"),
            Self::NotIn(troubles) => write!(f, "ok, but not everywhere: {troubles}"),
            Self::WithoutTenants(error) => write!(f, "ok, but AICoreTenants are not watched: {error}"),
        }
    }
}

/// A process that cannot do its work; the sentence for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not ready: resources listed in {resources} of {scopes} scopes, Secrets in {secrets} (is the CRD installed, and may the \
     ServiceAccount list and watch aicoreregistrysecrets and secrets?): {troubles}"
)]
pub(super) struct NotReady {
    /// How many scopes there are.
    scopes: usize,
    /// In how many of them the resources are listed.
    resources: usize,
    /// In how many of them the Secrets are listed.
    secrets: usize,
    troubles: Troubles,
}

/// Scopes in which something does not work, and what that is. Of many, the first are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Troubles {
    named: Vec<String>,
    /// How many more there are.
    more: usize,
}

impl fmt::Display for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named.join("; "))?;
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}

/// One, by its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(usize);

impl Scopes {
    /// These namespaces, or, if there are none, the whole cluster.
    pub(super) fn of(namespaces: &[String]) -> Self {
        let mut scopes: Vec<Scope> =
            namespaces.iter().map(|namespace| Some(namespace.as_str().into())).collect();
        scopes.sort();
        scopes.dedup();
        if scopes.is_empty() {
            scopes.push(None);
        }
        let health = |name, scope: &Scope| Arc::new(WatchHealth::of(name, scope.clone()));
        let tenants = namespaces.is_empty().then(|| health(TENANTS, &None));
        let warm_up = WarmUp::of(scopes.len());
        let warm_up = if tenants.is_some() { warm_up.with_tenants() } else { warm_up };
        let watched = |scope| Watched {
            resources: health("resources", &scope),
            secrets: health("secrets", &scope),
            scope,
        };
        let warm_up = watch::Sender::new(warm_up);
        Self { tenants, warm_up, ..Self::watched(scopes.into_iter().map(watched).collect()) }
    }

    pub(super) fn watched(scopes: Vec<Watched>) -> Self {
        let warm_up = watch::Sender::new(WarmUp::of(scopes.len()));
        Self { all: scopes, tenants: None, warm_up, start: Instant::now() }
    }

    /// Each of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, &Watched)> {
        self.all.iter().enumerate().map(|(place, watched)| (Place(place), watched))
    }

    /// The watch on AICoreTenants; `None`: they are not served.
    pub(super) fn tenants(&self) -> Option<&Arc<WatchHealth>> {
        self.tenants.as_ref()
    }

    /// The resources of a scope are listed.
    pub(super) fn resources_listed(&self, Place(place): Place) {
        self.warm_up.send_modify(|warm_up| warm_up.resources(place, self.start.elapsed()));
    }

    /// The Secrets of a scope are listed.
    pub(super) fn secrets_listed(&self, Place(place): Place) {
        self.warm_up.send_modify(|warm_up| warm_up.secrets(place, self.start.elapsed()));
    }

    /// AICoreTenants are listed, or cannot be.
    pub(super) fn tenants_known(&self) {
        self.warm_up.send_modify(|warm_up| warm_up.tenants(self.start.elapsed()));
    }

    /// Whether a change of a Secret in that namespace would have been heard of by now.
    pub(super) fn hears_of_secrets(&self, namespace: &str) -> bool {
        let place = self.all.binary_search_by(|watched| watched.scope.as_deref().cmp(&Some(namespace)));
        // Of the whole cluster there is one, at the beginning.
        let watched = match place {
            Ok(place) => self.all.get(place),
            Err(_) => self.all.first().filter(|watched| watched.scope.is_none()),
        };
        watched.is_none_or(|watched| watched.secrets.hears())
    }

    /// Waits until everything is listed, as far as it can be.
    pub(super) async fn warm(&self) {
        self.wait_for(WarmUp::ends).await;
    }

    /// Waits until work begins in some of these scopes; takes them out, and returns them.
    pub(super) async fn next_to_begin(&self, waiting: &mut Vec<Place>) -> Vec<Scope> {
        self.next(waiting, WarmUp::begins).await
    }

    /// Waits until nothing waits for the Secrets of some of these scopes any more; takes them out, and returns them.
    pub(super) async fn next_without_waiting(&self, waiting: &mut Vec<Place>) -> Vec<Scope> {
        self.next(waiting, WarmUp::waits_no_more).await
    }

    async fn next(
        &self,
        waiting: &mut Vec<Place>,
        when: impl Fn(&WarmUp, usize) -> Option<Duration>,
    ) -> Vec<Scope> {
        self.wait_for(|warm_up| waiting.iter().filter_map(|place| when(warm_up, place.0)).min()).await;
        let uptime = self.start.elapsed();
        let warm_up = self.warm_up.borrow();
        let has_come = |place: &Place| when(&warm_up, place.0).is_some_and(|at| at <= uptime);
        let next = waiting.extract_if(.., |place| has_come(place));
        next.filter_map(|place| self.all.get(place.0)).map(|watched| watched.scope.clone()).collect()
    }

    /// Waits for a time that follows from the lists.
    async fn wait_for(&self, when: impl Fn(&WarmUp) -> Option<Duration>) {
        let mut lists = self.warm_up.subscribe();
        loop {
            let next = when(&lists.borrow_and_update());
            let come = async {
                match next {
                    Some(uptime) => sleep_until(self.start + uptime).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = come => return,
                // The sender lives as long as this does.
                _ = lists.changed() => {}
            }
        }
    }

    /// Says which scopes are not listed once they are no longer waited for, and when they are after all. Never ends.
    pub(super) async fn announce(&self) {
        self.warm().await;
        let mut lists = self.warm_up.subscribe();
        let incomplete = |lists: &WarmUp| -> Vec<usize> {
            (0..self.all.len()).filter(|place| !lists.is_complete(*place)).collect()
        };
        let mut late = incomplete(&lists.borrow_and_update());
        if late.is_empty() {
            info!("caches are filled: resources and Secrets were listed");
        } else {
            warn!(
                limit_s = LIST_LIMIT.as_secs(),
                missing = %self.troubles(&late),
                "resources or Secrets could not be listed; the work goes on without them. Changes of Secrets that are not listed \
                 are found late, and nothing is known of resources that are not"
            );
        }
        while !late.is_empty() {
            if lists.changed().await.is_err() {
                break;
            }
            let now = lists.borrow_and_update();
            for place in late.extract_if(.., |place| now.is_complete(*place)) {
                let namespace = self.all.get(place).and_then(|watched| watched.scope.as_deref());
                info!(namespace, "resources and Secrets are listed at last");
            }
        }
        std::future::pending::<()>().await;
    }

    /// Whether this process can do its work, and where it cannot nevertheless.
    ///
    /// It can once everything is listed, or once it is no longer waited for what is missing and there is a scope without a fault.
    /// A rollout shall stop at a process that can do nothing, since the one that it replaces may be able to, and shall not stop at
    /// one namespace that is gone. What was ready stays so: restarting it, or sending its work elsewhere, would mend nothing.
    pub(super) fn ready(&self) -> Result<Ready, NotReady> {
        let warm_up = self.warm_up.borrow();
        let faulty: Vec<usize> = (0..self.all.len())
            .filter(|place| {
                !warm_up.is_complete(*place) || self.all.get(*place).is_some_and(|watched| !watched.hears())
            })
            .collect();
        let trouble = self.tenants.as_ref().and_then(|tenants| tenants.trouble());
        let tenants = trouble.map(|trouble| shown(&trouble.error));
        if faulty.is_empty() {
            return Ok(tenants.map_or(Ready::Everywhere, Ready::WithoutTenants));
        }
        let over = warm_up.ends().is_some_and(|ends| ends <= self.start.elapsed());
        if warm_up.all_complete() || (over && warm_up.any_complete()) {
            return Ok(Ready::NotIn(self.troubles(&faulty)));
        }
        let (resources, secrets) = warm_up.counts();
        Err(NotReady { scopes: self.all.len(), resources, secrets, troubles: self.troubles(&faulty) })
    }

    /// These scopes, and what is wrong in each.
    fn troubles(&self, places: &[usize]) -> Troubles {
        let named = places.iter().take(NAMED).filter_map(|place| self.all.get(*place));
        Troubles { named: named.map(ToString::to_string).collect(), more: places.len().saturating_sub(NAMED) }
    }

    #[cfg(test)]
    pub(super) fn all_listed(self) -> Self {
        self.iter().for_each(|(place, watched)| {
            self.resources_listed(place);
            self.secrets_listed(place);
            watched.resources.completed();
            watched.secrets.completed();
        });
        self.tenants_known();
        self
    }
}

/// What is shown of an error.
fn shown(error: &str) -> String {
    Printable::new(bounds::cut(error.to_owned(), ERROR)).as_str().to_owned()
}

impl Watched {
    /// Whether a change of anything in it would have been heard of by now.
    fn hears(&self) -> bool {
        self.resources.hears() && self.secrets.hears()
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Some(namespace) => write!(f, "namespace {namespace:?}")?,
            None => f.write_str("all namespaces")?,
        }
        for health in [&self.resources, &self.secrets] {
            match health.trouble() {
                Some(trouble) => {
                    write!(f, ", {}: {}", health.name(), shown(&trouble.error))?;
                }
                None if !health.works() => write!(f, ", {}: not listed yet", health.name())?,
                None if !health.hears() => {
                    write!(
                        f,
                        ", {}: nothing received for {} s",
                        health.name(),
                        health.since_received().as_secs()
                    )?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
