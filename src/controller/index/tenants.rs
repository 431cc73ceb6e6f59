//! AICoreTenants, and the resources that name them: a change of one finds these without looking at the others.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::Arc,
};

use super::{Index, State};
use crate::{
    api::AICoreTenantStatus,
    domain::{
        decide::{
            key_place::{self, KeyPlace, Lookup, Placed},
            tenant::TenantMemory,
        },
        parse::{
            object::{Object, ObjectKey},
            tenant::{self, SharedTenant},
        },
    },
};

/// AICoreTenants, and who names which.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct TenantIndex {
    listing: Listing,
    tenants: BTreeMap<Arc<str>, Entry>,
    users: HashMap<Arc<str>, BTreeSet<ObjectKey>>,
}

/// How much is known of AICoreTenants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Listing {
    /// Nothing, and nobody asks.
    #[default]
    NotServed,
    /// Nothing yet.
    Unlisted,
    /// All of them.
    Listed,
}

/// One AICoreTenant.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Entry {
    pub(super) tenant: Arc<SharedTenant>,
    pub(super) status: Arc<AICoreTenantStatus>,
    pub(super) memory: TenantMemory,
    /// Whether the list that is under way has had it.
    listed: bool,
    /// Whether it waits for the first list of Secrets.
    pub(super) waits: bool,
}

impl TenantIndex {
    /// Where the service key of the resource is.
    pub(super) fn place(&self, object: &Object) -> Placed {
        key_place::place(object, |name| match (self.tenants.get(name), self.listing) {
            (_, Listing::NotServed) => Lookup::NotServed,
            (None, Listing::Unlisted) => Lookup::Unlisted,
            (found, _) => Lookup::Listed(found.map(|entry| &*entry.tenant)),
        })
    }

    /// A resource names another AICoreTenant now, or none, or did not exist before. Returns those whose users are others.
    fn rename(&mut self, who: &ObjectKey, before: Option<&str>, now: Option<&str>) -> Vec<ObjectKey> {
        if before == now {
            return Vec::new();
        }
        if let Some(name) = before
            && let Some(users) = self.users.get_mut(name)
        {
            users.remove(who);
            if users.is_empty() {
                self.users.remove(name);
            }
        }
        if let Some(name) = now {
            self.users.entry(name.into()).or_default().insert(who.clone());
        }
        let known = |name: &&str| self.tenants.contains_key(*name);
        before.into_iter().chain(now).filter(known).map(tenant::key).collect()
    }

    /// The AICoreTenant of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.tenants.get(name)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.tenants.get_mut(name)
    }

    /// All of them, to change them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.tenants.values_mut()
    }

    /// This very AICoreTenant.
    pub(super) fn this(&mut self, tenant: &SharedTenant) -> Option<&mut Entry> {
        self.tenants.get_mut(&tenant.name).filter(|entry| entry.tenant.uid == tenant.uid)
    }

    /// The one that the resource names.
    pub(super) fn of(&mut self, object: &Object) -> Option<&mut Entry> {
        self.tenants.get_mut(object.tenant_ref()?)
    }

    /// How many resources name the AICoreTenant of that name.
    pub(super) fn count_users(&self, name: &str) -> usize {
        self.users.get(name).map_or(0, BTreeSet::len)
    }

    fn users(&self, name: &str) -> Vec<ObjectKey> {
        self.users.get(name).into_iter().flatten().cloned().collect()
    }

    /// Whether nothing is kept, also not of those that are gone.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.tenants.is_empty() && self.users.is_empty()
    }
}

/// The Secret that an AICoreTenant names, and the key within it, as its own pass reads them.
pub(in crate::controller) fn place_of(tenant: &SharedTenant) -> Option<KeyPlace> {
    let terms = tenant.terms.as_ref().ok()?;
    Some(KeyPlace { secret: terms.secret.clone(), field: terms.field.clone(), tenant: None })
}

impl<K> State<K> {
    /// A resource names other Secrets and another AICoreTenant now than before; it may have come, or gone. Returns the
    /// AICoreTenants whose users are others.
    pub(super) fn relink(
        &mut self,
        before: Option<(&Object, &Placed)>,
        now: Option<(&Object, &Placed)>,
    ) -> Vec<ObjectKey> {
        // The new links first: what is known of a Secret that both name stays.
        if let Some((object, place)) = now {
            self.secrets.link(&object.key, &object.source());
            self.link_key(&object.key, place);
        }
        if let Some((object, place)) = before {
            self.secrets.unlink(&object.key, &object.source());
            self.unlink_key(&object.key, place);
        }
        let Some((object, _)) = now.or(before) else { return Vec::new() };
        let name = |linked: Option<(&Object, &Placed)>| {
            linked.and_then(|(object, _)| object.tenant_ref()).map(str::to_owned)
        };
        self.tenants.rename(&object.key, name(before).as_deref(), name(now).as_deref())
    }

    /// Where the service key of the resource is. Resources that share a key share what says so.
    pub(super) fn place(&mut self, object: &Object) -> Placed {
        self.tenants.place(object).map(|place| self.shared.places.one(place))
    }

    fn link_key(&mut self, who: &ObjectKey, place: &Placed) {
        if let Ok(place) = place {
            self.secrets.link(who, &place.secret);
        }
    }

    fn unlink_key(&mut self, who: &ObjectKey, place: &Placed) {
        if let Ok(place) = place {
            self.secrets.unlink(who, &place.secret);
        }
    }

    /// Looks anew where the service keys of those are that name this AICoreTenant. Returns those for whom that is another place, or
    /// for whom there is another reason why there is none.
    fn place_users(&mut self, name: &str) -> Vec<ObjectKey> {
        let mut moved = Vec::new();
        for user in self.tenants.users(name) {
            let Some(object) = self.resources.get(&user).map(|entry| Arc::clone(&entry.object)) else {
                continue;
            };
            let place = self.place(&object);
            let Some(entry) = self.resources.get_mut(&user).filter(|entry| entry.place != place) else {
                continue;
            };
            let before = std::mem::replace(&mut entry.place, place.clone());
            self.link_key(&user, &place);
            self.unlink_key(&user, &before);
            moved.push(user);
        }
        moved
    }

    fn link_tenant(&mut self, tenant: &SharedTenant) {
        if let Some(place) = place_of(tenant) {
            self.secrets.link(&tenant.key(), &place.secret);
        }
    }

    fn unlink_tenant(&mut self, tenant: &SharedTenant) {
        if let Some(place) = place_of(tenant) {
            self.secrets.unlink(&tenant.key(), &place.secret);
        }
    }

    fn remove_tenant(&mut self, name: &str) -> Vec<ObjectKey> {
        let Some(entry) = self.tenants.tenants.remove(name) else { return Vec::new() };
        self.unlink_tenant(&entry.tenant);
        let mut wakes = self.claims.leave(&entry.tenant.key());
        wakes.extend(self.place_users(name));
        wakes
    }
}

impl<K> Index<K> {
    /// AICoreTenants will be listed.
    pub(in crate::controller) fn serve_tenants(&self) {
        self.0.lock().tenants.listing = Listing::Unlisted;
    }

    /// The keys of all AICoreTenants.
    pub(in crate::controller) fn tenants(&self) -> Vec<ObjectKey> {
        self.0.lock().tenants.tenants.keys().map(|name| tenant::key(name)).collect()
    }

    /// The same of AICoreTenants as [`Index::page`], in the order of their names.
    pub(in crate::controller) fn page_of_tenants(
        &self,
        after: Option<&Arc<str>>,
        mut visit: impl FnMut(&str, &AICoreTenantStatus) -> bool,
    ) -> Option<Arc<str>> {
        let state = self.0.lock();
        let after = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let mut rest = state.tenants.tenants.range::<Arc<str>, _>(after);
        rest.find(|(name, entry)| !visit(name, &entry.status)).map(|(name, _)| Arc::clone(name))
    }

    /// A list of AICoreTenants begins.
    pub(in crate::controller) fn tenants_list_begins(&self) {
        self.0.lock().tenants.tenants.values_mut().for_each(|entry| entry.listed = false);
    }

    /// A list of AICoreTenants is complete: what it did not have is gone. Returns whom to look at, and the keys of those that are
    /// gone.
    pub(in crate::controller) fn tenants_list_ends(&self) -> (Vec<ObjectKey>, Vec<ObjectKey>) {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let first = std::mem::replace(&mut state.tenants.listing, Listing::Listed) != Listing::Listed;
        let gone: Vec<Arc<str>> = state
            .tenants
            .tenants
            .iter()
            .filter(|(_, entry)| !entry.listed)
            .map(|(name, _)| Arc::clone(name))
            .collect();
        let mut wakes: Vec<ObjectKey> = gone.iter().flat_map(|name| state.remove_tenant(name)).collect();
        if first {
            // Those that name what does not exist know it now.
            let named: Vec<Arc<str>> = state.tenants.users.keys().cloned().collect();
            wakes.extend(named.iter().flat_map(|name| state.place_users(name)));
        }
        (wakes, gone.iter().map(|name| tenant::key(name)).collect())
    }

    /// An AICoreTenant was seen. Returns whom to look at: itself, and the resources that name it and for which it makes a
    /// difference.
    pub(in crate::controller) fn apply_tenant(
        &self,
        tenant: SharedTenant,
        status: AICoreTenantStatus,
    ) -> Vec<ObjectKey> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let following = state.following;
        let mut memory = TenantMemory::default();
        if let Some(entry) = state.tenants.tenants.get_mut(&tenant.name) {
            entry.listed = true;
            if following {
                // Later this process's own writes count, which the watch shows late.
                entry.status = Arc::new(status.clone());
            }
            if *entry.tenant == tenant {
                return Vec::new();
            }
            if entry.tenant.uid == tenant.uid {
                memory = entry.memory.clone();
            }
        }
        let tenant = Arc::new(tenant);
        // The new link first, as for resources.
        state.link_tenant(&tenant);
        let before = state.tenants.tenants.remove(&tenant.name);
        let status = match &before {
            Some(before) if before.tenant.uid == tenant.uid => Arc::clone(&before.status),
            _ => Arc::new(status),
        };
        if let Some(before) = &before {
            state.unlink_tenant(&before.tenant);
        }
        // Where the keys of its users are follows from its terms alone.
        let moves = before.as_ref().is_none_or(|before| before.tenant.terms != tenant.terms);
        let (name, key) = (Arc::clone(&tenant.name), tenant.key());
        let entry = Entry { tenant, status, memory, listed: true, waits: false };
        state.tenants.tenants.insert(Arc::clone(&name), entry);
        let mut wakes = if moves { state.place_users(&name) } else { Vec::new() };
        wakes.push(key);
        wakes
    }

    /// An AICoreTenant is gone. Returns whom to look at.
    pub(in crate::controller) fn remove_tenant(&self, name: &str) -> Vec<ObjectKey> {
        self.0.lock().remove_tenant(name)
    }
}
