//! Hears, while an object is reconciled, that there is a reason to look at it again.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Queue;
use crate::domain::parse::object::ObjectKey;

/// Hears that an object is enqueued, until it is dropped.
pub(crate) struct Listener<'a> {
    queue: &'a Queue,
    key: &'a ObjectKey,
    told: Arc<Notify>,
}

impl Listener<'_> {
    /// Waits until it is enqueued or removed, or has been since this was asked last.
    pub(crate) async fn enqueued(&self) {
        self.told.notified().await;
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        if state.listeners.get(self.key).is_some_and(|told| Arc::ptr_eq(told, &self.told)) {
            state.listeners.remove(self.key);
        }
    }
}

impl Queue {
    /// To hear, while the object is reconciled, that there is a reason to look at it again. There is one listener for each.
    pub(crate) fn listen<'a>(&'a self, key: &'a ObjectKey) -> Listener<'a> {
        let told = Arc::new(Notify::new());
        self.state.lock().listeners.insert(key.clone(), Arc::clone(&told));
        Listener { queue: self, key, told }
    }
}
