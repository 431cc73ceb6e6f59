//! The index against a model that looks at everything each time.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

mod naive;

use naive::{Model, Wish};

#[derive(Clone, Debug)]
enum Event {
    Resource { who: usize, uid: u8, source: u8, suspend: bool, pushed_to: Option<u8> },
    Deleting(usize),
    Removed(usize),
    Secret { name: u8, version: u8 },
    SecretRemoved(u8),
    Claims { who: usize, tenant: Option<u8> },
    Cached { who: usize, version: u8 },
    Relist { namespace: Option<u8>, missing: BTreeSet<usize> },
    RelistSecrets { namespace: Option<u8>, missing: BTreeSet<u8> },
}

/// Four resources in two namespaces, all of the same remote name; Secrets 0 to 2 in each namespace, the last the key.
fn events() -> impl Strategy<Value = Event> {
    let namespace = || prop::option::of(0_u8..2);
    prop_oneof![
        4 => (0_usize..4, 0_u8..2, 0_u8..3, any::<bool>(), prop::option::weighted(0.3, 0_u8..2))
            .prop_map(|(who, uid, source, suspend, pushed_to)| Event::Resource { who, uid, source, suspend, pushed_to }),
        1 => (0_usize..4).prop_map(Event::Deleting),
        1 => (0_usize..4).prop_map(Event::Removed),
        4 => (0_u8..6, 0_u8..4).prop_map(|(name, version)| Event::Secret { name, version }),
        1 => (0_u8..6).prop_map(Event::SecretRemoved),
        4 => (0_usize..4, prop::option::weighted(0.8, 0_u8..2)).prop_map(|(who, tenant)| Event::Claims { who, tenant }),
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
            spec.ai_core_secret_ref.name = "secret-2".to_owned();
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

/// Tells the index, and returns who was woken. `model` is what is so before the event.
fn tell(index: &TestIndex, model: &Model, event: &Event) -> BTreeSet<ObjectKey> {
    let object = |who: usize| model.resources.get(&key_of(who)).map(|(object, _)| object);
    let woken = match event {
        Event::Resource { who, uid, source, suspend, pushed_to } => {
            let mut status = a_new_status();
            if let Some(tenant) = pushed_to {
                let claim = claim_on(*tenant);
                status.api_url = Some(claim.tenant.api_url.clone());
                status.authorization_server = Some(claim.tenant.authorization_server.clone());
            }
            index.apply_resource(resource(*who, *uid, *source, *suspend), status)
        }
        Event::Deleting(who) => object(*who).map_or_else(Vec::new, |object| {
            let object = Object { deleting: true, ..object.clone() };
            index.apply_resource(object, a_new_status())
        }),
        Event::Removed(who) => index.remove_resource(&key_of(*who)),
        Event::Secret { name, version } => index.apply_secret(&secret(*name), &version.to_string()),
        Event::SecretRemoved(name) => index.remove_secret(&secret(*name)),
        Event::Claims { who, tenant } => {
            object(*who).map_or_else(Vec::new, |object| index.claim(object, tenant.map(claim_on)))
        }
        Event::Cached { who, version } => {
            if let Some(object) = object(*who) {
                index.cache_service_key(object, &version.to_string(), Arc::new((*version).into()));
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
                }
            }
            let (more, gone) = index.resources_list_ends(&scope);
            let expected: BTreeSet<ObjectKey> = missing
                .iter()
                .filter(|who| object(**who).is_some())
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
    model.resources.values().map(|(object, wish)| index.ownership(object, wish.claim())).collect()
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
    fn the_index_is_as_the_model(events in prop::collection::vec(events(), 1..40)) {
        let index = TestIndex::default();
        let mut model = Model::default();
        for event in events {
            let before = model.ownerships();
            // Everybody asks, so that those who are told to wait are known to wait.
            prop_assert_eq!(answers(&index, &model), before.values().cloned().collect::<Vec<_>>());
            // A deletion is not taken back.
            if let Event::Resource { who, uid, .. } = &event
                && model.resources.get(&key_of(*who)).is_some_and(|(object, _)| {
                    object.deleting && object.uid == resource(*who, *uid, 0, false).uid
                })
            {
                continue;
            }
            let woken = tell(&index, &model, &event);
            let must = model.happens(&event);
            let after = model.ownerships();
            prop_assert_eq!(answers(&index, &model), after.values().cloned().collect::<Vec<_>>());

            prop_assert!(woken.is_superset(&must), "{:?} of {:?}", woken, must);
            let teller = match &event {
                Event::Claims { who, .. } => Some(key_of(*who)),
                _ => None,
            };
            for (key, (object, wish)) in &model.resources {
                let must = before.get(key).is_some_and(|was| turned(was, &after[key]));
                // Who has not said its claim yet is going to, and asks then.
                let asks = *wish == Wish::Undecided || object.deleting || Some(key) == teller.as_ref();
                if must && !asks {
                    prop_assert!(woken.contains(key), "{:?} was {:?}, is {:?}", key, before[key], after[key]);
                }
            }
            if let Event::Secret { .. } | Event::SecretRemoved(_) | Event::RelistSecrets { .. } = event {
                prop_assert_eq!(&woken, &must, "only users of the Secret");
            }

            for (key, (object, _)) in &model.resources {
                let snapshot = index.snapshot(key).unwrap();
                prop_assert_eq!(&*snapshot.object, object);
                prop_assert_eq!(source_version(&index, object), model.version(&object.source()));
                prop_assert_eq!(service_key_version(&index, object), model.version(&object.service_key()));
                prop_assert_eq!(snapshot.service_key.as_deref().copied(), model.cached(&object.service_key()));
            }
            let mut keys = Vec::new();
            prop_assert_eq!(index.page(None, usize::MAX, |key, _| keys.push(key.clone())), None);
            prop_assert_eq!(keys, model.resources.keys().cloned().collect::<Vec<_>>());
        }
        // Nothing is kept of whoever is gone.
        for key in model.resources.keys() {
            index.remove_resource(key);
        }
        let state = index.0.lock();
        prop_assert!(state.resources.is_empty());
        prop_assert_eq!(state.secrets.len(), 0);
        prop_assert!(state.claims.is_empty(), "{:?}", state.claims);
    }
}
