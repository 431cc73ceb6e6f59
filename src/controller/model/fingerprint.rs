//! Tells states apart. What the program has no hash for is told apart by how it shows itself.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt::{self, Debug, Write},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{
    replica::Replica,
    world::{LateWrite, Stored, World},
};
use crate::api::AICoreRegistrySecretStatus;

struct Shown<'a, H>(&'a mut H);

impl<H: Hasher> Write for Shown<'_, H> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Adds what something shows of itself.
pub(in crate::controller) fn add_shown(value: &impl Debug, hasher: &mut impl Hasher) {
    // The writer does not fail.
    let _ = write!(Shown(hasher), "{value:?}");
    hasher.write_u8(0);
}

#[derive(Default)]
struct Statuses {
    by_hash: HashMap<u64, Arc<AICoreRegistrySecretStatus>>,
    by_place: HashMap<*const AICoreRegistrySecretStatus, u64>,
}

thread_local! {
    static STATUSES: RefCell<Statuses> = RefCell::default();
}

/// The one place of all statuses that say the same: told apart once, however many states have it.
pub(super) fn only(status: AICoreRegistrySecretStatus) -> Arc<AICoreRegistrySecretStatus> {
    let hash = shown(&status);
    STATUSES.with_borrow_mut(|statuses| {
        let kept = statuses.by_hash.entry(hash).or_insert_with(|| Arc::new(status));
        statuses.by_place.insert(Arc::as_ptr(kept), hash);
        Arc::clone(kept)
    })
}

/// Adds a status.
fn add_status(status: &Arc<AICoreRegistrySecretStatus>, hasher: &mut impl Hasher) {
    let known = STATUSES.with_borrow(|statuses| statuses.by_place.get(&Arc::as_ptr(status)).copied());
    known.unwrap_or_else(|| shown(&**status)).hash(hasher);
}

/// The same for what shows itself in the same way.
pub(super) fn shown(value: &impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    add_shown(value, &mut hasher);
    hasher.finish()
}

impl World {
    pub(super) fn hash_into(&self, hasher: &mut impl Hasher) {
        let Self {
            now,
            objects,
            before,
            sources,
            sources_before,
            keys,
            remotes,
            late,
            newest_sent,
            deletes,
            went_back,
            setup: _,
        } = self;
        (now, sources, sources_before, keys, remotes, newest_sent, deletes, went_back).hash(hasher);
        before.each_ref().map(Option::is_some).hash(hasher);
        for stored in objects.iter().chain(before.iter().flatten()) {
            stored.is_some().hash(hasher);
            if let Some(Stored { object, status, version }) = stored {
                (object.generation, object.deleting, object.finalizer, version).hash(hasher);
                add_status(status, hasher);
            }
        }
        for late in late {
            late.until.hash(hasher);
            match &late.what {
                LateWrite::Remote(remote, content) => (remote, content).hash(hasher),
                LateWrite::Status(made_for, basis, status) => {
                    (&made_for.key, &made_for.uid, basis).hash(hasher);
                    add_status(status, hasher);
                }
            }
        }
    }
}

impl Replica {
    pub(super) fn hash_into(&self, hasher: &mut impl Hasher) {
        let Self {
            index,
            late_writes,
            queue,
            timers,
            passes,
            unwritten,
            basis,
            outdated,
            pushed,
            pushed_over,
            tokens,
            behind,
            lists,
            started,
        } = self;
        (queue, timers, basis, outdated, pushed, pushed_over, tokens, behind, lists, started).hash(hasher);
        index.hash_into(hasher);
        late_writes.hash(hasher);
        add_shown(unwritten, hasher);
        passes.each_ref().map(|pass| pass.as_ref().map(|pass| pass.mark)).hash(hasher);
    }
}
