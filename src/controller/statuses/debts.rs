//! Which statuses the API server has not taken, and when each is written again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use crate::domain::{
    decide::unwritten::Unwritten,
    parse::{
        object::{Object, ObjectKey},
        resource_version::Basis,
    },
    tools::bucket::{Bucket, Rate},
};

/// Statuses that are written again, of all resources together: per second, and at once.
const RATE: (f64, u32) = (50.0, 50);

/// How long a pass has to write a status that was left to it.
const LEFT_TO_PASS: Duration = Duration::from_mins(1);

/// All of them. At most one for each resource.
#[derive(Debug, Default)]
pub(super) struct Debts {
    entries: HashMap<ObjectKey, Entry>,
    /// Those that passes have left to be written, and since when.
    left: BTreeSet<(Duration, ObjectKey)>,
    /// Those that are to be written again, and when.
    due: BTreeSet<(Duration, ObjectKey)>,
    /// How many writes are under way beside the passes.
    under_way: usize,
    turns: Bucket,
}

#[derive(Debug)]
struct Entry {
    uid: Arc<str>,
    /// Whether a write is under way beside the passes.
    under_way: bool,
    unwritten: Option<Unwritten>,
    /// From what the status was made that the API server has refused, because the resource is not so.
    outdated: Option<Basis>,
    /// Until when a pass over what the resource is now is to write its status, and nobody else, in time since the start of the process.
    left_to_pass: Option<Duration>,
}

/// What it ends that a status was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing.
    AsUsual,
    /// So many failures.
    AfterFailures(u32),
}

impl Taken {
    fn after(before: Option<Unwritten>) -> Self {
        match before.map_or(0, Unwritten::attempts) {
            0 => Self::AsUsual,
            attempts => Self::AfterFailures(attempts),
        }
    }
}

impl Entry {
    fn is_owed(&self) -> bool {
        self.unwritten.is_some_and(Unwritten::is_owed) && self.left_to_pass.is_none()
    }

    fn due(&self) -> Option<Duration> {
        self.left_to_pass.or_else(|| self.unwritten.map(Unwritten::due))
    }

    /// Whether the last attempt has failed.
    fn is_refused(&self) -> bool {
        self.is_owed() && self.unwritten.is_some_and(|unwritten| unwritten.attempts() > 0)
    }

    /// Whether it is owed, and nothing stands against writing it now.
    fn is_left(&self) -> bool {
        self.is_owed() && !self.is_refused() && !self.under_way
    }
}

impl Debts {
    /// Whether a pass writes the status itself: no write is under way beside it, or to be tried again. One that was only to be written
    /// soon is not any more.
    pub(super) fn are_clear(&mut self, object: &Object, basis: &Basis, uptime: Duration) -> bool {
        match self.entries.get(&object.key) {
            None => true,
            // It was deleted and created again: what was owed is owed to nobody.
            Some(entry) if entry.uid != object.uid => {
                self.remove(&object.key);
                true
            }
            Some(entry) if entry.is_left() => {
                match Unwritten::after_success(entry.unwritten, uptime) {
                    Some(unwritten) => self.set(object, false, Some(unwritten)),
                    None => drop(self.remove(&object.key)),
                }
                true
            }
            Some(entry) if !entry.under_way && entry.outdated.is_some_and(|refused| refused != *basis) => {
                self.leave(&object.key, uptime);
                true
            }
            Some(entry) => !entry.under_way && !entry.is_owed(),
        }
    }

    /// Whether the API server has refused a status that was made from this, because the resource is not so.
    pub(super) fn are_outdated(&self, object: &Object, basis: &Basis) -> bool {
        self.of(object).is_some_and(|entry| entry.outdated.as_ref() == Some(basis))
    }

    /// Whether what is owed was made for another generation than this, as the API server has said. Then the pass over this one writes
    /// what there is to say.
    pub(super) fn leave_to_pass(&mut self, object: &Object, uptime: Duration) -> bool {
        let refused = self.of(object).and_then(|entry| entry.outdated);
        let is_left = refused.is_some_and(|refused| refused.generation != object.generation);
        if is_left {
            self.leave(&object.key, uptime);
        }
        is_left
    }

    fn leave(&mut self, key: &ObjectKey, uptime: Duration) {
        if let Some(entry) = self.remove(key) {
            let left_to_pass = Some(uptime.saturating_add(LEFT_TO_PASS));
            self.insert(key.clone(), Entry { under_way: false, left_to_pass, ..entry });
        }
    }

    /// Whether a write is under way beside the passes.
    pub(super) fn is_under_way(&self, object: &Object) -> bool {
        self.entries.get(&object.key).is_some_and(|entry| entry.uid == object.uid && entry.under_way)
    }

    /// The status is to be written soon, beside the passes. Returns whether it will be: not if `most` wait for that already.
    pub(super) fn line_up(&mut self, object: &Object, most: usize, uptime: Duration) -> bool {
        let entry = self.entries.get(&object.key).filter(|entry| entry.uid == object.uid);
        let is_outdated = entry.is_some_and(|entry| entry.outdated.is_some());
        if entry.is_some_and(|entry| entry.under_way || entry.is_owed()) && !is_outdated {
            return true;
        }
        if self.waiting() >= most || is_outdated {
            return false;
        }
        if entry.is_none() {
            self.remove(&object.key);
        }
        let unanswered = self.unwritten(object).is_some();
        self.set(object, false, Some(Unwritten::Owed { attempts: 0, not_before: uptime, unanswered }));
        true
    }

    /// Whether passes have left nothing to be written, and no write is under way that may leave something.
    pub(super) fn are_settled(&self) -> bool {
        self.left.is_empty() && self.under_way == 0
    }

    /// A write goes on beside the pass that began it.
    pub(super) fn under_way(&mut self, object: &Object) {
        let unwritten = self.unwritten(object);
        self.set(object, true, unwritten);
    }

    /// A write failed.
    pub(super) fn failed(
        &mut self,
        object: &Object,
        answered: bool,
        uptime: Duration,
        jitter: f64,
    ) -> Unwritten {
        let turn = self.turns.take(Rate::new(RATE.0, RATE.1), uptime);
        let unwritten = Unwritten::after_failure(self.unwritten(object), answered, turn, uptime, jitter);
        self.set(object, false, Some(unwritten));
        unwritten
    }

    /// A write was refused because the resource is not what the status was made from. Tried again until that is known.
    pub(super) fn outdated(
        &mut self,
        object: &Object,
        basis: Basis,
        uptime: Duration,
        jitter: f64,
    ) -> Unwritten {
        let unwritten = self.failed(object, true, uptime, jitter);
        if self.of(object).is_some()
            && let Some(entry) = self.remove(&object.key)
        {
            self.insert(object.key.clone(), Entry { outdated: Some(basis), ..entry });
        }
        unwritten
    }

    /// The newest status was taken.
    pub(super) fn taken(&mut self, object: &Object, uptime: Duration) -> Taken {
        let before = self.unwritten(object);
        match Unwritten::after_success(before, uptime) {
            Some(unwritten) => self.set(object, false, Some(unwritten)),
            None => self.forget(object),
        }
        Taken::after(before)
    }

    /// A status was taken, or refused as outdated, that is not the newest any more.
    pub(super) fn overtaken(&mut self, object: &Object, uptime: Duration) -> Taken {
        let before = self.unwritten(object);
        let unanswered = Unwritten::after_success(before, uptime).is_some();
        // Before all that have not been waited for yet.
        let not_before = Duration::ZERO;
        self.set(object, false, Some(Unwritten::Owed { attempts: 0, not_before, unanswered }));
        Taken::after(before)
    }

    /// The resource is gone.
    pub(super) fn forget(&mut self, object: &Object) {
        self.forget_as(&object.key, &object.uid);
    }

    /// The same, by key and uid.
    pub(super) fn forget_as(&mut self, key: &ObjectKey, uid: &str) {
        if self.entries.get(key).is_some_and(|entry| *entry.uid == *uid) {
            self.remove(key);
        }
    }

    /// When the next one is to be written again, in time since the start of the process.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes the next one that is to be written again at `uptime`: a write of it begins. Returns its key and uid.
    pub(super) fn start_again(&mut self, uptime: Duration) -> Option<(ObjectKey, Arc<str>)> {
        let (_, key) = self.due.first().filter(|(due, _)| *due <= uptime).cloned()?;
        if let Some(entry) = self.remove(&key) {
            // No pass has had anything to write: it is as any other then.
            let was_left = entry.left_to_pass.is_some();
            let outdated = entry.outdated.filter(|_| !was_left);
            self.insert(key.clone(), Entry { outdated, left_to_pass: None, ..entry });
        }
        self.start(key)
    }

    /// Takes the next one that passes have left: a write of it begins. Returns its key and uid.
    pub(super) fn start_left(&mut self) -> Option<(ObjectKey, Arc<str>)> {
        let (_, key) = self.left.first().cloned()?;
        self.start(key)
    }

    fn start(&mut self, key: ObjectKey) -> Option<(ObjectKey, Arc<str>)> {
        let entry = self.remove(&key)?;
        let uid = Arc::clone(&entry.uid);
        self.insert(key.clone(), Entry { under_way: true, ..entry });
        Some((key, uid))
    }

    /// Statuses that passes have left to be written.
    pub(super) fn waiting(&self) -> usize {
        self.left.len()
    }

    /// Resources whose status the API server does not have.
    pub(super) fn owed(&self) -> usize {
        self.entries.values().filter(|entry| entry.is_owed()).count()
    }

    /// Those of them that were tried. What has only not had its turn is nobody's business.
    pub(super) fn refused(&self) -> usize {
        self.entries.values().filter(|entry| entry.is_refused()).count()
    }

    fn of(&self, object: &Object) -> Option<&Entry> {
        self.entries.get(&object.key).filter(|entry| entry.uid == object.uid)
    }

    fn unwritten(&self, object: &Object) -> Option<Unwritten> {
        self.of(object)?.unwritten
    }

    fn set(&mut self, object: &Object, under_way: bool, unwritten: Option<Unwritten>) {
        // A write of an object that was deleted, and ended late, says nothing about the one that has its name now.
        if self.entries.get(&object.key).is_some_and(|entry| entry.uid != object.uid) {
            return;
        }
        self.remove(&object.key);
        let uid = Arc::clone(&object.uid);
        let entry = Entry { uid, under_way, unwritten, outdated: None, left_to_pass: None };
        self.insert(object.key.clone(), entry);
    }

    fn insert(&mut self, key: ObjectKey, entry: Entry) {
        self.under_way += usize::from(entry.under_way);
        if let Some(due) = entry.due().filter(|_| !entry.under_way) {
            let line = if entry.is_left() { &mut self.left } else { &mut self.due };
            line.insert((due, key.clone()));
        }
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &ObjectKey) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.under_way -= usize::from(entry.under_way);
        if let Some(due) = entry.due() {
            let place = (due, key.clone());
            self.left.remove(&place);
            self.due.remove(&place);
        }
        Some(entry)
    }
}
