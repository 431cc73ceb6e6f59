//! Whatever happens in whatever order: each resource has its key where the AICoreTenant that it names says now, and whoever has to
//! hear of a change does.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::decide::key_place::{Lookup, Placed, place};

#[derive(Clone, Debug)]
enum Event {
    Tenant { name: usize, secret: usize, allowed: usize, field: bool },
    TenantGone { name: usize },
    TenantsListedWithout { name: usize },
    Resource { who: usize, key: usize, suspended: bool },
    ResourceGone { who: usize },
    Secret { which: usize },
    SecretGone { which: usize },
}

const SECRETS: [(&str, &str); 3] = [("platform", "one"), ("platform", "two"), ("a", "one")];
const RESOURCES: [(&str, &str); 4] = [("a", "r1"), ("a", "r2"), ("b", "r1"), ("b", "r2")];
const TENANTS: [&str; 2] = ["t1", "t2"];

fn an_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..2_usize, 0..3_usize, 0..3_usize, any::<bool>())
            .prop_map(|(name, secret, allowed, field)| Event::Tenant { name, secret, allowed, field }),
        1 => (0..2_usize).prop_map(|name| Event::TenantGone { name }),
        1 => (0..3_usize).prop_map(|name| Event::TenantsListedWithout { name }),
        4 => (0..4_usize, 0..4_usize, any::<bool>())
            .prop_map(|(who, key, suspended)| Event::Resource { who, key, suspended }),
        1 => (0..4_usize).prop_map(|who| Event::ResourceGone { who }),
        3 => (0..3_usize).prop_map(|which| Event::Secret { which }),
        1 => (0..3_usize).prop_map(|which| Event::SecretGone { which }),
    ]
}

fn secret_of(which: usize) -> ObjectKey {
    ObjectKey::new(SECRETS[which].0, SECRETS[which].1)
}

/// `key`: of one of two tenants, of one that never exists, or its own.
fn resource_of(who: usize, key: usize, suspended: bool) -> Object {
    let (namespace, name) = RESOURCES[who];
    let object = match key {
        0 | 1 => user(namespace, name, TENANTS[key]),
        2 => user(namespace, name, "missing"),
        _ => {
            let own = an_object()
                .with_spec(|spec| spec.ai_core_secret_ref.as_mut().unwrap().name = "one".to_owned());
            Object {
                key: ObjectKey::new(namespace, name),
                uid: format!("{namespace}-{name}").into(),
                remote_name: RemoteName::parse(name),
                ..own
            }
        }
    };
    object.with_spec(|spec| spec.suspend = Some(suspended))
}

/// What there is, and nothing that was thought of it before.
#[derive(Default)]
struct Naive {
    tenants: BTreeMap<usize, SharedTenant>,
    resources: BTreeMap<usize, Object>,
    version: u32,
}

impl Naive {
    fn place(&self, object: &Object) -> Placed {
        place(object, |name| Lookup::Listed(self.tenants.values().find(|tenant| &*tenant.name == name)))
    }

    fn places(&self) -> BTreeMap<ObjectKey, Placed> {
        self.resources.values().map(|object| (object.key.clone(), self.place(object))).collect()
    }

    /// Who names the Secret, for whichever purpose.
    fn users(&self, secret: &ObjectKey) -> BTreeSet<ObjectKey> {
        let by_key = |object: &&Object| self.place(object).is_ok_and(|place| place.secret == *secret);
        let resources = self.resources.values().filter(|object| object.source() == *secret || by_key(object));
        let tenants = self
            .tenants
            .values()
            .filter(|tenant| tenant.terms.as_ref().is_ok_and(|terms| terms.secret == *secret));
        resources.map(|object| object.key.clone()).chain(tenants.map(SharedTenant::key)).collect()
    }

    /// Carries the event out here and in the index, and returns who is woken, and who has to be at least.
    fn happen(&mut self, index: &TestIndex, event: &Event) -> (BTreeSet<ObjectKey>, BTreeSet<ObjectKey>) {
        let before = self.places();
        let mut must = BTreeSet::new();
        let woken = match *event {
            Event::Tenant { name, secret, allowed, field } => {
                let mut tenant = named(TENANTS[name], |terms| {
                    terms.secret = secret_of(secret);
                    terms.field = field.then(|| "key.json".into());
                    terms.allowed_namespaces = vec![["*", "a", "b"][allowed].to_owned()];
                });
                tenant.generation = i64::from(self.version);
                self.version += 1;
                must.insert(tenant.key());
                self.tenants.insert(name, tenant.clone());
                index.apply_tenant(tenant, AICoreTenantStatus::default())
            }
            Event::TenantGone { name } => {
                self.tenants.remove(&name);
                index.remove_tenant(TENANTS[name])
            }
            Event::TenantsListedWithout { name } => {
                self.tenants.remove(&name);
                index.tenants_list_begins();
                for tenant in self.tenants.values() {
                    index.apply_tenant(tenant.clone(), AICoreTenantStatus::default());
                }
                index.tenants_list_ends().0
            }
            Event::Resource { who, key, suspended } => {
                let object = resource_of(who, key, suspended);
                self.resources.insert(who, object.clone());
                index.apply_resource(object, a_new_status())
            }
            Event::ResourceGone { who } => {
                let gone = self.resources.remove(&who).map(|object| object.key);
                gone.map(|key| index.remove_resource(&key)).unwrap_or_default()
            }
            Event::Secret { which } => {
                self.version += 1;
                must.extend(self.users(&secret_of(which)));
                index.apply_secret(&secret_of(which), &self.version.to_string())
            }
            Event::SecretGone { which } => {
                must.extend(self.users(&secret_of(which)));
                index.remove_secret(&secret_of(which))
            }
        };
        let moved = self.places().into_iter().filter(|(key, place)| before.get(key) != Some(place));
        must.extend(moved.map(|(key, _)| key));
        (woken.into_iter().collect(), must)
    }
}

proptest! {
    #[test]
    fn each_has_its_key_where_its_tenant_says(events in prop::collection::vec(an_event(), 1..60)) {
        let (index, mut naive) = (listed(&[], &[]), Naive::default());
        for event in &events {
            let (woken, must) = naive.happen(&index, event);
            prop_assert!(woken.is_superset(&must), "{event:?}: {woken:?} are woken, and not {must:?}");
            for object in naive.resources.values() {
                let found = index.snapshot(&object.key).unwrap();
                prop_assert_eq!(&found.place, &naive.place(object), "{:?} after {:?}", &object.key, event);
            }
            for tenant in naive.tenants.values() {
                let users = naive.resources.values().filter(|object| object.tenant_ref() == Some(&*tenant.name));
                let found = index.tenant_snapshot(&tenant.name).unwrap();
                prop_assert_eq!(found.known(true, crate::domain::testing::a_minute_later()).resources, users.count());
            }
            if let Event::Secret { .. } | Event::SecretGone { .. } = event {
                prop_assert_eq!(&woken, &must, "{:?} wakes others too", event);
            }
        }
        for object in naive.resources.values() {
            index.remove_resource(&object.key);
        }
        for tenant in naive.tenants.values() {
            index.remove_tenant(&tenant.name);
        }
        let state = index.0.lock();
        prop_assert!(state.tenants.is_empty() && state.claims.is_empty());
        prop_assert_eq!(state.secrets.len(), 0);
    }
}
