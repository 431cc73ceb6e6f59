//! Values that many have in common, each in memory once.

use std::{collections::HashSet, hash::Hash, sync::Arc};

/// The values that somebody has. It never has room for more than four times as many.
#[derive(Debug)]
pub(crate) struct Shared<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

#[cfg(test)]
impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Eq + Hash + ?Sized> Shared<T> {
    /// The value that equals this one: this, if nobody has one yet.
    #[must_use]
    pub(crate) fn one(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(known) = self.0.get(&value) {
            return Arc::clone(known);
        }
        if self.0.len() == self.0.capacity() {
            // Those that nobody has any more; then room for as many as are left, so that this is seldom.
            self.0.retain(|known| Arc::strong_count(known) > 1);
            self.0.shrink_to(0);
            self.0.reserve(self.0.len().max(1));
        }
        self.0.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one() {
        let mut shared = Shared::<str>::default();
        let (first, same, other) = (shared.one("a".into()), shared.one("a".into()), shared.one("b".into()));
        assert!(Arc::ptr_eq(&first, &same));
        assert_eq!((&*first, &*other), ("a", "b"));
    }

    #[test]
    fn what_nobody_has_any_more_is_not_kept() {
        let mut shared = Shared::<str>::default();
        let kept: Vec<Arc<str>> = (0..10).map(|number| shared.one(number.to_string().into())).collect();
        for number in 0..10_000 {
            let _ = shared.one(format!("short-lived {number}").into());
            assert!(shared.0.capacity() <= 64, "{}", shared.0.capacity());
        }
        for value in kept {
            assert!(Arc::ptr_eq(&shared.one(value.to_string().into()), &value));
        }
    }
}
