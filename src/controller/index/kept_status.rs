//! Statuses as the index keeps them. There is one for each resource, for as long as it lives, and passes alone look into it. As a
//! structure it takes 1.2 KiB, half of which is room that is empty and what the allocator needs for twenty small pieces. So it is kept as
//! text, without the tenant and the words that many have in common; beside it stands what is looked at without a pass.

mod words;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use crate::{
    api::{AICoreRegistrySecretStatus, Moment, condition},
    domain::{
        decide::conflict::{Claim, proven_tenant},
        parse::{
            api_url::Tenant,
            object::{Object, pushed_tenant},
        },
        tools::shared::Shared,
    },
};

/// A status.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Hash))]
pub(super) struct KeptStatus {
    /// All of it but the tenant, in JSON that is shortened by its [`words`].
    rest: Box<[u8]>,
    /// The tenant of the last accepted push.
    tenant: Option<Arc<Tenant>>,
    /// Whether it proves a claim there.
    proves: bool,
    has_conditions: bool,
    shown: Shown,
}

/// What metrics show of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(in crate::controller) struct Shown {
    /// Whether `Ready` is true.
    pub(in crate::controller) ready: bool,
    /// `lastSyncTime`, in seconds since 1970.
    pub(in crate::controller) last_sync: Option<i64>,
    /// As in the status.
    pub(in crate::controller) credential_expires_at: Option<Moment>,
    /// As in the status.
    pub(in crate::controller) credential_expiring_from: Option<Moment>,
    /// As in the status.
    pub(in crate::controller) service_key_expires_at: Option<Moment>,
    /// As in the status.
    pub(in crate::controller) service_key_expiring_from: Option<Moment>,
}

impl KeptStatus {
    /// Of a status. Its times have whole seconds, as all in the API.
    pub(super) fn new(mut status: AICoreRegistrySecretStatus, tenants: &mut Shared<Tenant>) -> Self {
        let (proves, shown) = (proven_tenant(&status).is_some(), Shown::of(&status));
        let has_conditions = !status.conditions.is_empty();
        let tenant = pushed_tenant(&status).map(|tenant| tenants.one(Arc::new(tenant)));
        if tenant.is_some() {
            (status.api_url, status.authorization_server) = (None, None);
        }
        // A status has no map, and no key that is no text: nothing can fail.
        let rest = words::STATUS.shorten(&serde_json::to_vec(&status).unwrap_or_default());
        Self { rest, tenant, proves, has_conditions, shown }
    }

    /// Another status in its stead. One of the same length, as most are, takes the place of the text, so that memory is not torn into
    /// pieces. Returns whether it says anything else.
    pub(super) fn set(&mut self, status: AICoreRegistrySecretStatus, tenants: &mut Shared<Tenant>) -> bool {
        self.replace(Self::new(status, tenants))
    }

    /// The same with one that is kept already.
    pub(super) fn replace(&mut self, mut next: Self) -> bool {
        let is_news = next.rest != self.rest || next.tenant != self.tenant;
        if next.rest.len() == self.rest.len() {
            self.rest.copy_from_slice(&next.rest);
            std::mem::swap(&mut next.rest, &mut self.rest);
        }
        *self = next;
        is_news
    }

    /// The same for statuses that say the same.
    pub(super) fn likeness(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.rest, &self.tenant).hash(&mut hasher);
        hasher.finish()
    }

    /// The whole status.
    pub(super) fn status(&self) -> AICoreRegistrySecretStatus {
        // What was written is read. If it were not, the resource would be as one that nothing is known of, and be pushed.
        let rest = words::STATUS.restore(&self.rest);
        let mut status: AICoreRegistrySecretStatus = serde_json::from_slice(&rest).unwrap_or_default();
        if let Some(tenant) = &self.tenant {
            status.api_url = Some(tenant.api_url.clone());
            status.authorization_server = Some(tenant.authorization_server.clone());
        }
        status
    }

    /// What metrics show of it.
    pub(super) fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Whether it tells that a push was accepted, or what came of another look.
    pub(super) fn tells_of_a_pass(&self) -> bool {
        self.tenant.is_some() || self.has_conditions
    }

    /// As [`proven_tenant`].
    pub(super) fn proven_tenant(&self) -> Option<&Arc<Tenant>> {
        self.tenant.as_ref().filter(|_| self.proves)
    }

    /// As [`pushed_claim`](crate::domain::decide::conflict::pushed_claim).
    pub(super) fn pushed_claim(&self, object: &Object) -> Option<Claim> {
        claim(object, self.tenant.as_ref()?)
    }

    /// Until its key was read, a resource claims the tenant of its last push, if its status proves that.
    pub(super) fn proven_claim(&self, object: &Object) -> Option<Claim> {
        claim(object, self.proven_tenant()?)
    }
}

fn claim(object: &Object, tenant: &Arc<Tenant>) -> Option<Claim> {
    let remote_name = object.remote_name.as_ref().ok()?.clone();
    Some(Claim { tenant: Arc::clone(tenant), remote_name })
}

impl Shown {
    fn of(status: &AICoreRegistrySecretStatus) -> Self {
        Self {
            ready: condition::is_ready(&status.conditions),
            last_sync: status.last_sync_time.as_ref().map(|time| time.0.as_second()),
            credential_expires_at: status.credential_expires_at,
            credential_expiring_from: status.credential_expiring_from,
            service_key_expires_at: status.service_key_expires_at,
            service_key_expiring_from: status.service_key_expiring_from,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::{
        api::{FailedAttempt, LeftBehind, UnansweredWrite, condition::READY},
        domain::testing::{LAST_SYNC, a_new_status, a_status_in_sync, an_object, at, condition, tenant},
    };

    /// Nothing is left out: a field that is new is missing here.
    fn everything() -> AICoreRegistrySecretStatus {
        let text = |text: &str| Some(text.to_owned());
        let time = |second| Time(at(second));
        let moment = |second| Moment::of(at(second));
        AICoreRegistrySecretStatus {
            observed_generation: Some(i64::MAX),
            conditions: vec![
                condition(READY, "True", "Synced"),
                condition("Reconciling", "True", "\"quoted\"\n\u{0}\\ä🦀"),
            ],
            remote_name: text("pull"),
            api_url: text("https://api.one.example"),
            authorization_server: text("https://one.example"),
            registries: Some(vec!["ghcr.io".to_owned(), String::new()]),
            credentials_digest: text("v1:0"),
            secret_resource_version: text("10"),
            ai_core_secret_resource_version: text(""),
            last_sync_time: Some(time(LAST_SYNC)),
            next_resync_time: Some(time(-1)),
            credential_expires_at: moment(1),
            credential_expiring_from: moment(2),
            service_key_expires_at: moment(3),
            service_key_expiring_from: moment(i64::from(u32::MAX)),
            last_handled_reconcile_at: text("now"),
            failed_attempt: Some(Box::new(FailedAttempt {
                retry_time: time(5),
                ai_core_secret_resource_version: None,
                secret_resource_version: text("7"),
            })),
            left_behind: Some(Box::new(LeftBehind {
                remote_name: "before".to_owned(),
                api_url: None,
                authorization_server: text("https://two.example"),
            })),
            unanswered_write: Some(Box::new(UnansweredWrite { time: time(6), confirmation_time: None })),
        }
    }

    #[test]
    fn nothing_of_a_status_is_lost() {
        let first = "0000-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        let last = "9999-12-30T22:00:00Z".parse::<Timestamp>().unwrap();
        let synced = |time| AICoreRegistrySecretStatus { last_sync_time: Some(Time(time)), ..everything() };
        for status in [
            AICoreRegistrySecretStatus::default(),
            a_new_status(),
            a_status_in_sync(),
            everything(),
            AICoreRegistrySecretStatus { api_url: None, ..everything() },
            AICoreRegistrySecretStatus { authorization_server: None, ..everything() },
            synced(first),
            synced(last),
        ] {
            let kept = KeptStatus::new(status.clone(), &mut Shared::default());
            assert_eq!(kept.status(), status);
        }
    }

    #[test]
    fn what_stands_beside_it_is_what_it_says() {
        let refused = condition(READY, "False", "AuthenticationFailed");
        let refused = AICoreRegistrySecretStatus { conditions: vec![refused], ..a_status_in_sync() };
        let object = an_object();
        for (status, ready, proves, pushed) in [
            (a_new_status(), false, false, false),
            (a_status_in_sync(), true, true, true),
            (refused, false, false, true),
        ] {
            let kept = KeptStatus::new(status.clone(), &mut Shared::default());
            assert_eq!(kept.shown().ready, ready);
            assert_eq!(kept.shown().last_sync, pushed.then_some(LAST_SYNC));
            assert_eq!(kept.proven_tenant().map(|tenant| (**tenant).clone()), proven_tenant(&status));
            assert_eq!(kept.proven_claim(&object).is_some(), proves);
            let claim = kept.pushed_claim(&object);
            assert_eq!(claim, crate::domain::decide::conflict::pushed_claim(&object, &status));
            assert_eq!(claim.is_some(), pushed);
        }
        let lives = Shown::of(&everything());
        let second = |moment: Option<Moment>| moment.map(Moment::second);
        assert_eq!(second(lives.credential_expires_at), Some(1));
        assert_eq!(second(lives.credential_expiring_from), Some(2));
        assert_eq!(second(lives.service_key_expires_at), Some(3));
        assert_eq!(second(lives.service_key_expiring_from), Some(i64::from(u32::MAX)));
    }

    #[test]
    fn it_is_replaced_as_a_whole() {
        let mut tenants = Shared::default();
        let mut kept = KeptStatus::new(a_new_status(), &mut tenants);
        let later = AICoreRegistrySecretStatus {
            last_sync_time: Some(Time(at(LAST_SYNC + 3600))),
            conditions: vec![condition(READY, "True", "Hidden")],
            ..a_status_in_sync()
        };
        for status in [a_status_in_sync(), later, everything(), a_new_status()] {
            kept.set(status.clone(), &mut tenants);
            assert_eq!(kept.status(), status);
            assert_eq!(*kept.shown(), Shown::of(&status));
            assert_eq!(kept.proven_tenant().map(|tenant| (**tenant).clone()), proven_tenant(&status));
        }
    }

    /// What there is for each resource.
    #[test]
    fn it_is_small_and_has_its_tenant_with_others() {
        let mut tenants = Shared::default();
        let [one, other] = [(); 2].map(|()| KeptStatus::new(a_status_in_sync(), &mut tenants));
        let tenants = [one.proven_tenant().unwrap(), other.proven_tenant().unwrap()];
        assert_eq!(*tenants[0], Arc::new(tenant("one")));
        assert!(Arc::ptr_eq(tenants[0], tenants[1]));
        let size = one.rest.len() + size_of::<KeptStatus>();
        assert!(size <= 240, "{size} bytes: {}", one.rest.escape_ascii());
    }

    #[test]
    fn whether_a_status_tells_of_a_pass() {
        let refused = AICoreRegistrySecretStatus {
            conditions: vec![condition(READY, "False", "SecretNotFound")],
            ..a_new_status()
        };
        for (status, tells) in [(a_new_status(), false), (a_status_in_sync(), true), (refused, true)] {
            assert_eq!(KeptStatus::new(status, &mut Shared::default()).tells_of_a_pass(), tells);
        }
    }
}
