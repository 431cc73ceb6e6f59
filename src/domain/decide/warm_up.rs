//! When work begins in a scope, which is a namespace or the whole cluster: once it is known who owns what. A resource of one scope
//! may own what one of another wants, so each waits for the lists of the others, but not for long: one that cannot be listed holds
//! nobody else back. For the Secrets of its scope a resource waits only if it would rest ([`opening`]), and not for long either.

pub(crate) mod opening;

use std::time::Duration;

/// How long to wait for the lists of other scopes after the first one, and for AICoreTenants and the Secrets of a scope after its
/// resources.
pub(crate) const LIST_LIMIT: Duration = Duration::from_secs(30);

/// When the lists of one scope were first complete, as uptime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Listed {
    resources: Option<Duration>,
    secrets: Option<Duration>,
}

/// What is known of AICoreTenants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tenants {
    /// Nobody asks for them.
    #[default]
    NotServed,
    /// Nothing yet.
    Awaited,
    /// Since that uptime, what can be known.
    Known(Duration),
}

/// What has been listed in each scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct WarmUp {
    scopes: Vec<Listed>,
    tenants: Tenants,
}

impl WarmUp {
    /// Nothing yet in so many scopes.
    #[must_use]
    pub(crate) fn of(scopes: usize) -> Self {
        Self { scopes: vec![Listed::default(); scopes], tenants: Tenants::NotServed }
    }

    /// The same, and of AICoreTenants, which tell where service keys are, nothing either.
    #[must_use]
    pub(crate) fn with_tenants(self) -> Self {
        Self { tenants: Tenants::Awaited, ..self }
    }

    /// AICoreTenants are listed, or cannot be.
    pub(crate) fn tenants(&mut self, uptime: Duration) {
        if self.tenants == Tenants::Awaited {
            self.tenants = Tenants::Known(uptime);
        }
    }

    /// The resources of this scope are listed.
    pub(crate) fn resources(&mut self, scope: usize, uptime: Duration) {
        if let Some(listed) = self.scopes.get_mut(scope) {
            listed.resources.get_or_insert(uptime);
        }
    }

    /// The Secrets of this scope are listed.
    pub(crate) fn secrets(&mut self, scope: usize, uptime: Duration) {
        if let Some(listed) = self.scopes.get_mut(scope) {
            listed.secrets.get_or_insert(uptime);
        }
    }

    /// In how many scopes resources, and in how many Secrets are listed.
    #[must_use]
    pub(crate) fn counts(&self) -> (usize, usize) {
        let resources = self.scopes.iter().filter(|listed| listed.resources.is_some()).count();
        (resources, self.scopes.iter().filter(|listed| listed.secrets.is_some()).count())
    }

    /// Whether everything in this scope is listed.
    #[must_use]
    pub(crate) fn is_complete(&self, scope: usize) -> bool {
        self.scopes.get(scope).is_some_and(Listed::is_complete)
    }

    /// Whether everything is listed everywhere.
    #[must_use]
    pub(crate) fn all_complete(&self) -> bool {
        self.scopes.iter().all(Listed::is_complete)
    }

    /// Whether everything is listed somewhere: there is a scope in which all is well.
    #[must_use]
    pub(crate) fn any_complete(&self) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(Listed::is_complete)
    }

    /// From when on there is work in this scope, but for what waits for its Secrets; `None`: that is not known yet.
    #[must_use]
    pub(crate) fn begins(&self, scope: usize) -> Option<Duration> {
        let resources = self.scopes.get(scope)?.resources?;
        let limit = resources + LIST_LIMIT;
        let tenants = match self.tenants {
            Tenants::NotServed => Duration::ZERO,
            Tenants::Awaited => limit,
            Tenants::Known(known) => known.min(limit),
        };
        let others = self.waits_until(self.scopes.iter().map(|listed| listed.resources))?;
        Some(resources.max(tenants).max(others))
    }

    /// From when on nothing in this scope waits for its Secrets; `None`: that is not known yet.
    #[must_use]
    pub(crate) fn waits_no_more(&self, scope: usize) -> Option<Duration> {
        let own = self.scopes.get(scope)?;
        let limit = own.resources? + LIST_LIMIT;
        Some(own.secrets.map_or(limit, |secrets| secrets.min(limit)))
    }

    /// From when on more lists are not waited for: this process may stand for election, and says what is missing; `None`: nothing is
    /// listed yet.
    #[must_use]
    pub(crate) fn ends(&self) -> Option<Duration> {
        if self.scopes.is_empty() {
            return Some(Duration::ZERO);
        }
        self.waits_until(self.scopes.iter().map(|listed| Some(listed.resources?.max(listed.secrets?))))
    }

    /// The last of these, or the limit after the first list of resources.
    fn waits_until(&self, lists: impl Iterator<Item = Option<Duration>>) -> Option<Duration> {
        let limit = self.scopes.iter().filter_map(|listed| listed.resources).min()? + LIST_LIMIT;
        let last = lists.collect::<Option<Vec<_>>>().and_then(|lists| lists.into_iter().max());
        Some(last.map_or(limit, |last| last.min(limit)))
    }
}

impl Listed {
    fn is_complete(&self) -> bool {
        self.resources.is_some() && self.secrets.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    /// The seconds after which a scope's resources and its Secrets are listed.
    type Lists = (Option<u64>, Option<u64>);

    fn warm_up(scopes: &[Lists]) -> WarmUp {
        let mut warm_up = WarmUp::of(scopes.len());
        for (scope, (resources, secrets)) in scopes.iter().enumerate() {
            resources.iter().for_each(|at| warm_up.resources(scope, S(*at)));
            secrets.iter().for_each(|at| warm_up.secrets(scope, S(*at)));
        }
        warm_up
    }

    /// When work begins in each scope, and when nothing waits for its Secrets any more.
    type Times<'a> = &'a [(Option<u64>, Option<u64>)];

    #[test]
    fn work_begins_when_all_resources_are_listed_and_waits_for_nothing_longer_than_the_limit() {
        let cases: [(&[Lists], Times<'_>); 10] = [
            (&[], &[]),
            (&[(None, None)], &[(None, None)]),
            (&[(Some(1), Some(2))], &[(Some(1), Some(2))]),
            // The whole cluster, of which Secrets may not be listed.
            (&[(Some(1), None)], &[(Some(1), Some(31))]),
            (&[(Some(1), Some(50))], &[(Some(1), Some(31))]),
            // Each waits for the resources of the others, and for its own Secrets only.
            (&[(Some(1), Some(2)), (Some(3), Some(9))], &[(Some(3), Some(2)), (Some(3), Some(9))]),
            // One that cannot be listed, or comes late.
            (&[(Some(1), Some(2)), (None, None)], &[(Some(31), Some(2)), (None, None)]),
            (&[(Some(1), Some(2)), (Some(100), Some(101))], &[(Some(31), Some(2)), (Some(100), Some(101))]),
            (&[(Some(1), Some(2)), (Some(100), None)], &[(Some(31), Some(2)), (Some(100), Some(130))]),
            (&[(Some(1), None), (Some(2), Some(3))], &[(Some(2), Some(31)), (Some(2), Some(3))]),
        ];
        for (scopes, expected) in cases {
            let warm_up = warm_up(scopes);
            let times: Vec<_> = (0..scopes.len())
                .map(|scope| (warm_up.begins(scope), warm_up.waits_no_more(scope)))
                .collect();
            let expected: Vec<_> =
                expected.iter().map(|(begins, waits)| (begins.map(S), waits.map(S))).collect();
            assert_eq!(times, expected, "{scopes:?}");
        }
    }

    #[test]
    fn work_waits_for_aicoretenants_until_they_are_known_or_for_the_limit() {
        for (known, begins) in [(None, 31), (Some(0), 1), (Some(7), 7), (Some(40), 31)] {
            let mut warm_up = warm_up(&[(Some(1), None)]).with_tenants();
            known.into_iter().for_each(|at| warm_up.tenants(S(at)));
            assert_eq!(warm_up.begins(0), Some(S(begins)), "{known:?}");
            warm_up.tenants(S(50));
            assert_eq!(warm_up.begins(0), Some(S(begins)), "{known:?}, and once more");
        }
        let mut none = warm_up(&[(Some(1), Some(2))]);
        none.tenants(S(9));
        assert_eq!(none.begins(0), Some(S(1)));
    }

    #[test]
    fn waiting_ends_with_the_last_list_or_at_the_limit() {
        let cases: [(&[Lists], Option<u64>); 6] = [
            (&[], Some(0)),
            (&[(None, None), (None, None)], None),
            (&[(Some(1), Some(2)), (Some(3), Some(9))], Some(9)),
            (&[(Some(1), Some(2)), (None, None)], Some(31)),
            (&[(Some(1), None)], Some(31)),
            (&[(Some(1), Some(2)), (Some(300), Some(301))], Some(31)),
        ];
        for (scopes, expected) in cases {
            assert_eq!(warm_up(scopes).ends(), expected.map(S), "{scopes:?}");
        }
    }

    #[test]
    fn only_the_first_list_of_each_counts() {
        let mut warm_up = warm_up(&[(Some(1), Some(2))]);
        warm_up.resources(0, S(70));
        warm_up.secrets(0, S(70));
        warm_up.resources(1, S(70));
        assert_eq!((warm_up.begins(0), warm_up.waits_no_more(0)), (Some(S(1)), Some(S(2))));
        assert_eq!(warm_up.counts(), (1, 1));
        assert!(warm_up.all_complete() && warm_up.any_complete() && warm_up.is_complete(0));
    }
}
