use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rstest::rstest;

use super::*;
use crate::{
    api::{
        AICoreRegistrySecretStatus, AICoreTenantStatus, TenantQuota,
        condition::{READY, STALLED},
    },
    domain::{
        decide::{memory::Memory, observed::Ownership, reason::Reason, tenant::TenantMemory},
        parse::{duration::ResyncInterval, object::Object},
        testing::{
            HOUR, LAST_SYNC, WithSpec, a_minute_later, a_new_status, a_shared_tenant, a_status_in_sync,
            a_status_saying, an_object, at, condition, key,
        },
    },
};

const BOTH: Unseen = Unseen { source: true, service_key: true };
const SOURCE: Unseen = Unseen { source: true, service_key: false };
const KEY: Unseen = Unseen { source: false, service_key: true };
const NONE: Unseen = Unseen { source: false, service_key: false };

struct Facts {
    object: Object,
    status: AICoreRegistrySecretStatus,
    ownership: Ownership,
    versions: Versions<'static>,
    unseen: Unseen,
    confirmation_due: bool,
    overwritten: bool,
}

impl Facts {
    /// In sync, of Secrets that no page has shown yet.
    fn in_sync() -> Self {
        Self {
            object: an_object(),
            status: a_status_in_sync(),
            ownership: Ownership::Owner { successor: None },
            versions: Versions::default(),
            unseen: BOTH,
            confirmation_due: false,
            overwritten: false,
        }
    }

    fn opening(&self) -> Opening {
        let known = Known {
            object: &self.object,
            status: &self.status,
            memory: &Memory::default(),
            versions: self.versions,
            ownership: &self.ownership,
            lacks_source: false,
            overwritten: self.overwritten,
            confirmation_due: self.confirmation_due,
            default_resync_interval: ResyncInterval::Every(HOUR),
            now: a_minute_later(),
        };
        Opening::of_resource(&known, self.unseen)
    }
}

/// A resource in sync: what the list has shown of its Secrets, which of them it may yet show, and what follows.
#[rstest]
#[case::nothing_shown((None, None), BOTH, Opening::WaitForList)]
#[case::source_as_pushed((Some("10"), None), KEY, Opening::WaitForList)]
#[case::key_as_pushed((None, Some("20")), SOURCE, Opening::WaitForList)]
#[case::both_as_pushed((Some("10"), Some("20")), NONE, Opening::Go)]
#[case::source_rotated((Some("11"), None), KEY, Opening::Go)]
#[case::key_changed((None, Some("21")), SOURCE, Opening::Go)]
#[case::source_rotated_and_all_shown((Some("11"), Some("20")), NONE, Opening::Go)]
#[case::listed_without_source((None, Some("20")), NONE, Opening::Go)]
#[case::listed_without_either((None, None), NONE, Opening::Go)]
// What is known to be absent is no longer waited for.
#[case::source_is_gone((None, None), KEY, Opening::Go)]
#[case::no_place_of_a_key((None, None), SOURCE, Opening::Go)]
fn what_is_in_sync_waits_for_what_may_yet_be_shown(
    #[case] (source, service_key): (Option<&'static str>, Option<&'static str>),
    #[case] unseen: Unseen,
    #[case] expected: Opening,
) {
    let facts = Facts { versions: Versions { source, service_key }, unseen, ..Facts::in_sync() };
    assert_eq!(facts.opening(), expected);
}

/// There is something to do whatever the Secrets are.
#[rstest]
#[case::never_pushed(|facts: &mut Facts| facts.status = a_new_status())]
#[case::asked_for(|facts: &mut Facts| facts.object.requested_at = Some("now".into()))]
#[case::new_spec(|facts: &mut Facts| facts.object.generation = 2)]
#[case::deleting(|facts: &mut Facts| facts.object.deleting = true)]
#[case::suspended(|facts: &mut Facts| facts.object = an_object().with_spec(|spec| spec.suspend = Some(true)))]
#[case::finalizer_missing(|facts: &mut Facts| Arc::make_mut(&mut facts.object.spec).deletion_policy = Some(crate::api::DeletionPolicy::Delete))]
#[case::waits_for_its_secret(|facts: &mut Facts| facts.status = a_status_saying("False", Reason::SecretNotFound, None))]
#[case::failed(|facts: &mut Facts| facts.status = a_status_saying("True", Reason::Synced, Some((STALLED, Reason::Forbidden))))]
#[case::resync_due(|facts: &mut Facts| facts.status.next_resync_time = Some(Time(at(LAST_SYNC + 60))))]
#[case::unknown_digest(|facts: &mut Facts| facts.status.credentials_digest = Some("v0:00".to_owned()))]
#[case::versions_unknown(|facts: &mut Facts| facts.status.secret_resource_version = None)]
#[case::owned_by_another(|facts: &mut Facts| facts.ownership = Ownership::OwnedBy(key("older")))]
#[case::another_has_pushed(|facts: &mut Facts| facts.overwritten = true)]
#[case::to_be_confirmed(|facts: &mut Facts| facts.confirmation_due = true)]
fn what_has_something_to_do_goes(#[case] change: fn(&mut Facts)) {
    let mut facts = Facts::in_sync();
    change(&mut facts);
    assert_eq!(facts.opening(), Opening::Go);
}

#[rstest]
#[case::as_asked(|_: &mut AICoreTenantStatus| {}, true, Opening::WaitForList)]
#[case::shown_or_listed(|_: &mut AICoreTenantStatus| {}, false, Opening::Go)]
#[case::new(|status: &mut AICoreTenantStatus| *status = AICoreTenantStatus::default(), true, Opening::Go)]
#[case::new_spec(|status: &mut AICoreTenantStatus| status.observed_generation = Some(0), true, Opening::Go)]
#[case::not_ready(|status: &mut AICoreTenantStatus| status.conditions.clear(), true, Opening::Go)]
#[case::quota_is_old(|status: &mut AICoreTenantStatus| status.quota.as_mut().unwrap().observed_time = Time(at(LAST_SYNC - 3600)), true, Opening::Go)]
fn an_aicoretenant_that_works_waits_for_its_secret(
    #[case] change: fn(&mut AICoreTenantStatus),
    #[case] unseen: bool,
    #[case] expected: Opening,
) {
    let tenant = a_shared_tenant(&["*"], None);
    let mut status = AICoreTenantStatus {
        observed_generation: Some(1),
        conditions: vec![condition(READY, "True", "Synced")],
        secret_resource_version: Some("20".to_owned()),
        quota: Some(TenantQuota { used: 7, limit: 50, observed_time: Time(at(LAST_SYNC)) }),
        ..AICoreTenantStatus::default()
    };
    change(&mut status);
    let known = TenantKnown {
        tenant: &tenant,
        status: &status,
        memory: &TenantMemory::default(),
        key_version: None,
        granted: None,
        resources: 1,
        now: a_minute_later(),
    };
    assert_eq!(Opening::of_tenant(known, unseen), expected);
}
