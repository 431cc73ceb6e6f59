//! The index against a model that looks at everything each time.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use proptest::prelude::*;

use super::{
    super::credentials::{CredentialId, Verdict},
    *,
};
use crate::{
    domain::{
        decide::{
            conflict::{LONGEST_WAIT_FOR_PROOF, Standing},
            pass_outcome::PassOutcome,
            reason::Reason,
        },
        testing::condition,
    },
    k8s::partial::Misunderstood,
};

mod naive;
mod wish;

use self::{naive::Model, wish::Wish};

#[derive(Clone, Debug)]
enum Event {
    Resource {
        who: usize,
        uid: u8,
        source: u8,
        suspend: bool,
        status: Status,
    },
    NotUnderstood {
        who: usize,
        uid: u8,
        deleting: bool,
        status: Status,
    },
    Deleting(usize),
    Removed(usize),
    Secret {
        name: u8,
        version: u8,
    },
    SecretRemoved(u8),
    /// The key is for that tenant; there are two of each.
    Claims {
        who: usize,
        key: Option<(u8, u8)>,
    },
    Proven(usize),
    Refused(usize),
    PassEnded {
        who: usize,
        outcome: PassOutcome,
    },
    Later,
    Cached {
        who: usize,
        version: u8,
    },
    Relist {
        namespace: Option<u8>,
        missing: BTreeSet<usize>,
    },
    RelistSecrets {
        namespace: Option<u8>,
        missing: BTreeSet<u8>,
    },
}

/// What a status shows when a resource comes.
#[derive(Clone, Copy, Debug)]
struct Status {
    /// The tenant of the last accepted push.
    pushed_to: Option<u8>,
    /// Whether the service key was refused since.
    refused: bool,
}

/// Four resources in two namespaces, all of the same remote name; Secrets 0 to 2 in each namespace, the last the key.
fn events() -> impl Strategy<Value = Event> {
    let namespace = || prop::option::of(0_u8..2);
    let status = || {
        (prop::option::weighted(0.3, 0_u8..2), prop::bool::weighted(0.2))
            .prop_map(|(pushed_to, refused)| Status { pushed_to, refused })
    };
    let outcomes = [
        PassOutcome::Postponed,
        PassOutcome::ApiServerError,
        PassOutcome::Reason(Reason::RemoteConflict),
        PassOutcome::Reason(Reason::RemoteUnavailable),
    ];
    prop_oneof![
        4 => (0_usize..4, 0_u8..2, 0_u8..3, any::<bool>(), status())
            .prop_map(|(who, uid, source, suspend, status)| Event::Resource { who, uid, source, suspend, status }),
        2 => (0_usize..4, 0_u8..2, prop::bool::weighted(0.2), status())
            .prop_map(|(who, uid, deleting, status)| Event::NotUnderstood { who, uid, deleting, status }),
        1 => (0_usize..4).prop_map(Event::Deleting),
        1 => (0_usize..4).prop_map(Event::Removed),
        4 => (0_u8..6, 0_u8..4).prop_map(|(name, version)| Event::Secret { name, version }),
        1 => (0_u8..6).prop_map(Event::SecretRemoved),
        6 => (0_usize..4, prop::option::weighted(0.9, (0_u8..2, 0_u8..2)))
            .prop_map(|(who, key)| Event::Claims { who, key }),
        4 => (0_usize..4).prop_map(Event::Proven),
        2 => (0_usize..4).prop_map(Event::Refused),
        3 => (0_usize..4, prop::sample::select(outcomes.to_vec()))
            .prop_map(|(who, outcome)| Event::PassEnded { who, outcome }),
        1 => Just(Event::Later),
        2 => (0_usize..4, 0_u8..4).prop_map(|(who, version)| Event::Cached { who, version }),
        1 => (namespace(), prop::collection::btree_set(0_usize..4, 0..3))
            .prop_map(|(namespace, missing)| Event::Relist { namespace, missing }),
        1 => (namespace(), prop::collection::btree_set(0_u8..6, 0..3))
            .prop_map(|(namespace, missing)| Event::RelistSecrets { namespace, missing }),
    ]
}

fn namespace(number: usize) -> &'static str {
    ["even", "odd"][number % 2]
}

fn scope(number: Option<u8>) -> Scope {
    number.map(|number| namespace(number.into()).into())
}

fn key_of(who: usize) -> ObjectKey {
    ObjectKey::new(namespace(who), &format!("object-{who}"))
}

fn resource(who: usize, uid: u8, source: u8, suspend: bool) -> Object {
    Object {
        key: key_of(who),
        uid: format!("uid-{who}-{uid}").into(),
        // Ties in age are decided by the uid.
        created: at([3, 1, 1, 2][who] + i64::from(uid) * 2),
        ..an_object().with_spec(|spec| {
            spec.remote_name = Some("pull".to_owned());
            spec.secret_ref.name = format!("secret-{source}");
            spec.ai_core_secret_ref.as_mut().unwrap().name = "secret-2".to_owned();
            spec.suspend = Some(suspend);
        })
    }
}

fn secret(number: u8) -> ObjectKey {
    ObjectKey::new(namespace(number.into()), &format!("secret-{}", number / 2))
}

fn claim_on(tenant: u8) -> Claim {
    claim_in(["one", "two"][usize::from(tenant)], "pull")
}

fn credential((tenant, which): (u8, u8)) -> CredentialId {
    u64::from(tenant * 2 + which)
}

impl Status {
    fn written(self) -> AICoreRegistrySecretStatus {
        let Some(tenant) = self.pushed_to else {
            return a_new_status();
        };
        let Claim { tenant, .. } = claim_on(tenant);
        let reason = if self.refused { "AuthenticationFailed" } else { "RemoteUnavailable" };
        AICoreRegistrySecretStatus {
            api_url: Some(tenant.api_url.clone()),
            authorization_server: Some(tenant.authorization_server.clone()),
            conditions: vec![condition("Ready", "False", reason)],
            ..a_status_in_sync()
        }
    }

    /// What it proves.
    fn proves(self) -> Option<Claim> {
        self.pushed_to.filter(|_| !self.refused).map(claim_on)
    }
}

fn not_understood(who: usize, uid: u8, deleting: bool, status: Status) -> LeftAlone {
    let object = resource(who, uid, 0, false);
    LeftAlone::from_resource(&Misunderstood {
        metadata: ObjectMeta {
            namespace: Some(object.key.namespace.to_string()),
            name: Some(object.key.name.to_string()),
            uid: Some(object.uid.to_string()),
            creation_timestamp: Some(Time(object.created)),
            deletion_timestamp: deleting.then(|| Time(at(9))),
            ..ObjectMeta::default()
        },
        status: Some(status.written()),
        remote_name: Some("pull".to_owned()),
        part: "spec.deletionPolicy".to_owned(),
    })
    .unwrap()
}

/// Tells the index, and returns who was woken. `model` is what is so before the event.
fn tell(index: &TestIndex, model: &Model, event: &Event) -> BTreeSet<ObjectKey> {
    let object = |who: usize| model.resources.get(&key_of(who)).map(|(object, _)| object);
    let woken = match event {
        Event::Resource { who, uid, source, suspend, status } => {
            index.apply_resource(resource(*who, *uid, *source, *suspend), status.written())
        }
        Event::NotUnderstood { who, uid, deleting, status } => {
            index.leave_alone(&not_understood(*who, *uid, *deleting, *status)).woken
        }
        Event::Deleting(who) => object(*who).map_or_else(Vec::new, |object| {
            let object = Object { deleting: true, ..object.clone() };
            index.apply_resource(object, a_new_status())
        }),
        Event::Removed(who) => index.remove_resource(&key_of(*who)),
        Event::Secret { name, version } => index.apply_secret(&secret(*name), &version.to_string()),
        Event::SecretRemoved(name) => index.remove_secret(&secret(*name)),
        Event::Claims { who, key } => object(*who).map_or_else(Vec::new, |object| {
            index.claim(object, key.map(|(tenant, _)| claim_on(tenant)), key.map(credential))
        }),
        Event::Proven(who) => object(*who)
            .map_or_else(Vec::new, |object| index.proven(object, &model.claim_or_else(&key_of(*who)))),
        Event::Refused(who) => object(*who).map_or_else(Vec::new, |object| index.refused(object)),
        Event::PassEnded { who, outcome } => {
            object(*who).map_or_else(Vec::new, |object| index.pass_ended(object, *outcome))
        }
        Event::Later => Vec::new(),
        Event::Cached { who, version } => {
            if let Some(object) = object(*who) {
                index.cache_service_key(&place_of(object), &version.to_string(), Arc::new((*version).into()));
            }
            Vec::new()
        }
        Event::Relist { namespace: number, missing } => {
            let scope = scope(*number);
            index.resources_list_begins(&scope);
            let mut woken = Vec::new();
            for who in (0..4).filter(|who| !missing.contains(who) && within(&scope, &key_of(*who))) {
                if let Some(object) = object(who) {
                    woken.extend(index.apply_resource(object.clone(), a_new_status()));
                } else if let Some(left) = model.left_alone.get(&key_of(who)) {
                    woken.extend(index.leave_alone(&left.resource).woken);
                }
            }
            let (more, gone) = index.resources_list_ends(&scope);
            let expected: BTreeSet<ObjectKey> = missing
                .iter()
                .filter(|who| object(**who).is_some() || model.left_alone.contains_key(&key_of(**who)))
                .map(|who| key_of(*who))
                .filter(|key| within(&scope, key))
                .collect();
            assert_eq!(gone.into_iter().collect::<BTreeSet<_>>(), expected);
            woken.extend(more);
            woken
        }
        Event::RelistSecrets { namespace: number, missing } => {
            let scope = scope(*number);
            index.secrets_list_begins(&scope);
            let mut woken = Vec::new();
            for name in (0..6).filter(|name| !missing.contains(name) && within(&scope, &secret(*name))) {
                if let Some(version) = model.version(&secret(name)) {
                    woken.extend(index.apply_secret(&secret(name), &version));
                }
            }
            woken.extend(index.secrets_list_ends(&scope));
            woken
        }
    };
    woken.into_iter().collect()
}

/// What each resource is told when it asks.
fn answers(index: &TestIndex, model: &Model) -> Vec<Ownership> {
    let ask = |(object, wish): &(Object, Wish)| index.ownership_at(object, wish.claim(), model.now);
    model.resources.values().map(ask).collect()
}

/// Whether a resource has to look again because its ownership is another one now. Who came to wait finds out when it asks;
/// a loser needs no news of another owner, an owner none of another successor.
fn turned(was: &Ownership, is: &Ownership) -> bool {
    !matches!(
        (was, is),
        (_, Ownership::Pending)
            | (Ownership::OwnedBy(_), Ownership::OwnedBy(_))
            | (Ownership::Owner { .. }, Ownership::Owner { .. })
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_index_is_as_the_model(events in prop::collection::vec(events(), 1..50)) {
        let index = TestIndex::default();
        let mut model = Model::default();
        for event in events {
            let before = model.ownerships();
            // Everybody asks, so that those who are told to wait are known to wait.
            prop_assert_eq!(answers(&index, &model), before.values().cloned().collect::<Vec<_>>());
            model.told(&before);
            // A deletion is not taken back.
            if let Event::Resource { who, uid, .. } = &event
                && model.resources.get(&key_of(*who)).is_some_and(|(object, _)| {
                    object.deleting && object.uid == resource(*who, *uid, 0, false).uid
                })
            {
                continue;
            }
            let proven: BTreeSet<ObjectKey> = model.proven_ones();
            let woken = tell(&index, &model, &event);
            let must = model.happens(&event);
            let after = model.ownerships();
            prop_assert_eq!(answers(&index, &model), after.values().cloned().collect::<Vec<_>>());
            model.told(&after);

            prop_assert!(woken.is_superset(&must), "{:?} of {:?}", woken, must);
            let teller = match &event {
                Event::Claims { who, .. } | Event::Proven(who) | Event::Refused(who) | Event::PassEnded { who, .. } => {
                    Some(key_of(*who))
                }
                _ => None,
            };
            for (key, (object, wish)) in &model.resources {
                let must = before.get(key).is_some_and(|was| turned(was, &after[key]));
                // Who has not said its claim yet is going to, and asks then; so does who tries to prove it.
                let asks = *wish == Wish::Undecided || object.deleting || Some(key) == teller.as_ref();
                let tries = !proven.contains(key) && matches!(before.get(key), Some(Ownership::Owner { .. }));
                // Who was told to wait looks again by itself.
                let waits = matches!(before.get(key), Some(Ownership::Pending))
                    && (matches!(event, Event::Later) || model.has_older_undecided(object));
                if must && !asks && !tries && !waits {
                    prop_assert!(woken.contains(key), "{:?} was {:?}, is {:?}", key, before[key], after[key]);
                }
            }
            if let Event::Secret { .. } | Event::SecretRemoved(_) | Event::RelistSecrets { .. } = event {
                prop_assert_eq!(&woken, &must, "only users of the Secret");
            }

            for (key, (object, wish)) in &model.resources {
                let snapshot = index.snapshot(key).unwrap();
                prop_assert_eq!(&*snapshot.object, object);
                prop_assert_eq!(source_version(&index, object), model.version(&object.source()));
                prop_assert_eq!(service_key_version(&index, object), model.version(&object.service_key()));
                prop_assert_eq!(snapshot.service_key.as_deref().copied(), model.cached(&object.service_key()));
                for claim in [0, 1].map(claim_on) {
                    let owns = matches!(after[key], Ownership::Owner { .. });
                    let free = !object.deleting && !object.spec.suspended() && wish.claim() == Some(&claim);
                    // Asked at the time at which the test runs: nobody's patience is at its end.
                    if !model.is_impatient(key) {
                        prop_assert_eq!(index.may_write(object, &claim), owns && free);
                    }
                    let free = model.nobody_takes_over(key, &claim);
                    let may_delete = object.deleting && !object.spec.suspended() && free;
                    prop_assert_eq!(index.may_delete(object, &claim, None), may_delete);
                }
            }
            for key in model.left_alone.keys() {
                prop_assert!(index.snapshot(key).is_none());
            }
            prop_assert_eq!(index.left_alone(), model.left_alone.len());
            let mut keys = Vec::new();
            let last = index.page(None, |key, _| {
                keys.push(key.clone());
                true
            });
            prop_assert_eq!(last, None);
            prop_assert_eq!(keys, model.resources.keys().cloned().collect::<Vec<_>>());
        }
        // Nothing is kept of whoever is gone.
        for key in model.resources.keys().chain(model.left_alone.keys()) {
            index.remove_resource(key);
        }
        let state = index.0.lock();
        prop_assert!(state.resources.is_empty() && state.left_alone.is_empty());
        prop_assert_eq!(state.secrets.len(), 0);
        prop_assert!(state.claims.is_empty(), "{:?}", state.claims);
    }
}
