//! Where the service key of a resource led, and why nowhere: the contract of `aiCoreSecretRef`, `tenantRef` and `AICoreTenant`.

use super::{Key, KeyRef, KeyVersion, Record, SpecVersion, TenantVersion, Terms, Time};

/// Where a service key leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lead<'a> {
    /// To this tenant; whether its client secret was ever one of it.
    To {
        tenant: &'a str,
        real: bool,
        /// Between which seconds since 1970 its certificate ends.
        ends: Option<(i64, i64)>,
    },
    /// The operator looks after some namespaces only.
    NotServed,
    /// There is no `AICoreTenant` of the name.
    NoTenant,
    NamespaceNotAllowed,
    NameNotAllowed,
    /// There is no Secret.
    NoKey,
    /// The Secret holds no service key.
    Broken,
}

impl Lead<'_> {
    /// What a resource says that cannot be sent, or is refused, for this.
    pub(crate) fn reasons(&self) -> &'static [&'static str] {
        match self {
            // A forged key proves nothing; until it is refused it may have stood behind another one.
            Self::To { .. } => &["AuthenticationFailed", "RemoteConflict"],
            Self::NotServed => &["TenantNotServed", "RemoteConflict"],
            Self::NoTenant => &["TenantNotFound", "RemoteConflict"],
            Self::NamespaceNotAllowed => &["NamespaceNotAllowed"],
            Self::NameNotAllowed => &["RemoteNameNotAllowed"],
            Self::NoKey => &["ServiceKeyNotFound", "RemoteConflict"],
            Self::Broken => &["ServiceKeyInvalid", "RemoteConflict"],
        }
    }

    /// Whether an `AICoreTenant` does not let the resource have what it wants.
    pub(crate) fn is_not_allowed(&self) -> bool {
        matches!(self, Self::NamespaceNotAllowed | Self::NameNotAllowed)
    }

    /// Whether the claim of what was sent before stays.
    pub(crate) fn keeps_claim(&self) -> bool {
        matches!(self, Self::NotServed | Self::NoTenant | Self::NoKey | Self::Broken)
    }

    /// Whether it leads to this tenant with a key that may be accepted.
    pub(crate) fn is_to(&self, wanted: &str) -> bool {
        matches!(self, Self::To { tenant, real: true, .. } if *tenant == wanted)
    }

    fn of(version: &KeyVersion) -> Lead<'_> {
        match &version.tenant {
            Some((tenant, real)) => Lead::To { tenant, real: *real, ends: version.ends },
            None if version.broken => Lead::Broken,
            None => Lead::NoKey,
        }
    }
}

impl Terms {
    /// Why a resource of the namespace may not have the name.
    pub(crate) fn refuse(&self, namespace: &str, remote: &str) -> Option<Lead<'static>> {
        if !self.namespaces.iter().any(|pattern| matches(pattern, namespace)) {
            return Some(Lead::NamespaceNotAllowed);
        }
        let names = self.names.as_ref()?;
        let allowed = names.iter().any(|pattern| matches(&pattern.replace("{namespace}", namespace), remote));
        (!allowed).then_some(Lead::NameNotAllowed)
    }
}

/// Whether a text is as the pattern says, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| matches(after, rest)))
        }),
    }
}

impl Record {
    /// Everywhere where the service key of this version of a resource may have led at some time from `from` to `to`.
    pub(crate) fn leads(&self, version: &SpecVersion, from: Time, to: Time) -> Vec<Lead<'_>> {
        let name = match &version.spec.service_key {
            KeyRef::Own(name) => return self.key_leads(&(version.key.0.clone(), name.clone()), from, to),
            KeyRef::Shared(_) if !self.served => return vec![Lead::NotServed],
            KeyRef::Shared(name) => name,
        };
        let tenants = in_force(self.tenants_of(name), |tenant| (tenant.from, tenant.to), from, to);
        if tenants.is_empty() {
            return vec![Lead::NoTenant];
        }
        let leads = tenants.into_iter().flat_map(|tenant| match &tenant.terms {
            None => vec![Lead::NoTenant],
            Some(terms) => match terms.refuse(&version.key.0, &version.spec.remote) {
                Some(refusal) => vec![refusal],
                None => self.key_leads(&terms.secret, from, to),
            },
        });
        leads.collect()
    }

    /// Where it leads at the end.
    pub(crate) fn lead_now(&self, version: &SpecVersion) -> Lead<'_> {
        self.leads(version, Time::MAX, Time::MAX).pop().unwrap_or(Lead::NoKey)
    }

    /// Where the service key of the `AICoreTenant` leads at the end.
    pub(crate) fn shared_lead_now(&self, terms: &Terms) -> Lead<'_> {
        self.key_leads(&terms.secret, Time::MAX, Time::MAX).pop().unwrap_or(Lead::NoKey)
    }

    /// Where the service key in a Secret may have led at some time from `from` to `to`.
    fn key_leads(&self, key: &Key, from: Time, to: Time) -> Vec<Lead<'_>> {
        let own = self.keys.iter().filter(|version| version.key == *key).collect();
        in_force(own, |version: &&KeyVersion| (version.from, version.to), from, to)
            .into_iter()
            .map(Lead::of)
            .collect()
    }

    /// The versions of the `AICoreTenant`s of this name, oldest first.
    pub(crate) fn tenants_of(&self, name: &str) -> Vec<&TenantVersion> {
        self.tenants.iter().filter(|version| version.name == name).collect()
    }

    /// What each `AICoreTenant` that is there says at the end.
    pub(crate) fn tenants_now(&self) -> Vec<(&TenantVersion, &Terms)> {
        let last = |version: &&TenantVersion| {
            self.tenants_of(&version.name).last().is_some_and(|last| std::ptr::eq(*last, *version))
        };
        let there = self.tenants.iter().filter(last);
        there.filter_map(|version| Some((version, version.terms.as_ref()?))).collect()
    }
}

/// Those of the versions of one thing that may have been in force at some time from `from` to `to`. Each is from a time between the
/// two of its span on, until the next one is.
fn in_force<T>(versions: Vec<T>, span: impl Fn(&T) -> (Time, Time), from: Time, to: Time) -> Vec<T> {
    let ends: Vec<Option<Time>> =
        versions.iter().skip(1).map(|next| Some(span(next).1)).chain([None]).collect();
    let spans = versions.into_iter().zip(ends);
    let in_force = spans
        .filter(|(version, end)| span(version).0 <= to && end.is_none_or(|end| from < end))
        .map(|(version, _)| version);
    in_force.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_they_say() {
        for (pattern, text, is) in [
            ("*", "", true),
            ("*", "a.b", true),
            ("r*", "r0", true),
            ("r*", "shared0", false),
            ("a.*", "a.b", true),
            ("a.*", "a-b.c", false),
            ("*0", "shared0", true),
            ("a*b*c", "axxbyc", true),
            ("a*b*c", "axxcyb", false),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn a_change_is_between_its_two_times() {
        let at = |second: u64| Time::from_secs(second);
        let versions = vec![(1, at(0), at(1)), (2, at(10), at(12)), (3, at(20), at(20))];
        let seen = |from, to| {
            let found = in_force(versions.clone(), |version| (version.1, version.2), at(from), at(to));
            found.into_iter().map(|version| version.0).collect::<Vec<_>>()
        };
        assert_eq!(seen(2, 5), [1]);
        assert_eq!(seen(5, 10), [1, 2]);
        assert_eq!(seen(11, 11), [1, 2]);
        assert_eq!(seen(12, 19), [2]);
        assert_eq!(seen(12, 30), [2, 3]);
        assert_eq!(seen(99, 99), [3]);
    }

    #[test]
    fn terms_refuse_what_they_do_not_say() {
        let mut terms = Terms {
            secret: ("home".to_owned(), "key".to_owned()),
            namespaces: vec!["e1-*".to_owned()],
            names: None,
        };
        assert_eq!(terms.refuse("e1-a", "any"), None);
        assert_eq!(terms.refuse("e2-a", "any"), Some(Lead::NamespaceNotAllowed));
        terms.names = Some(vec!["{namespace}.*".to_owned()]);
        assert_eq!(terms.refuse("e1-a", "e1-a.own"), None);
        assert_eq!(terms.refuse("e1-a", "e1-b.own"), Some(Lead::NameNotAllowed));
    }
}
