//! The order of requests for one remote secret.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

/// A mutex for each key, for as long as somebody holds or wants it.
pub(crate) struct KeyedMutex<K>(Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>);

impl<K> Default for KeyedMutex<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> KeyedMutex<K> {
    /// Waits until nobody else holds the key, and holds it until the guard is dropped.
    pub(crate) async fn lock(&self, key: &K) -> tokio::sync::OwnedMutexGuard<()> {
        let entry = {
            let mut locks = self.0.lock();
            match locks.get(key).and_then(Weak::upgrade) {
                Some(entry) => entry,
                None => {
                    // Dead entries go when the table would grow, so that it never holds more than twice the live ones.
                    if locks.len() == locks.capacity() {
                        locks.retain(|_, entry| entry.strong_count() > 0);
                    }
                    let entry = Arc::new(tokio::sync::Mutex::new(()));
                    locks.insert(key.clone(), Arc::downgrade(&entry));
                    entry
                }
            }
        };
        entry.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn one_holder_for_each_key_and_no_memory_of_old_ones() {
        let locks = Arc::new(KeyedMutex::<u32>::default());
        let inside = Arc::new(AtomicU32::new(0));
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (locks, inside) = (Arc::clone(&locks), Arc::clone(&inside));
                tokio::spawn(async move {
                    let _guard = locks.lock(&1).await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let _one = locks.lock(&1).await;
        let _other = locks.lock(&2).await;
        for key in 10..1000 {
            drop(locks.lock(&key).await);
        }
        assert!(locks.0.lock().len() < 20);
    }
}
