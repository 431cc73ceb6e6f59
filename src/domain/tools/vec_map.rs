//! A map for where there mostly is one entry: a `BTreeMap` takes the room of eleven for it, which was a third of what a
//! resource cost.

/// A map in the order of its keys. A change moves what comes after it, so it is for few entries, or for many that come in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct VecMap<K, V = ()>(Vec<(K, V)>);

impl<K, V> Default for VecMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> VecMap<K, V> {
    /// Whether it is empty.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest key.
    #[must_use]
    pub(crate) fn first(&self) -> Option<&K> {
        self.keys().next()
    }

    /// All keys, in their order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// All other keys: those above this one in their order, and then those below it.
    pub(crate) fn others(&self, key: &K) -> impl Iterator<Item = &K> {
        let place = self.place(key);
        let (below, rest) = self.0.split_at(place.unwrap_or_else(|place| place));
        let above = rest.iter().skip(usize::from(place.is_ok()));
        above.chain(below).map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// The value of a key.
    #[must_use]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let place = self.place(key).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// The value of a key.
    #[must_use]
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    /// Sets the value of a key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(place) => {
                self.0.splice(place..=place, [(key, value)]);
            }
            Err(place) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1); // else there is room for four
                }
                self.0.insert(place, (key, value));
            }
        }
    }

    /// Takes out a key, and returns its value.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.place(key).ok().map(|place| self.0.remove(place).1)
    }

    /// Takes out all keys below this one, and returns them.
    pub(crate) fn take_below(&mut self, key: &K) -> Vec<K> {
        let place = self.place(key).unwrap_or_else(|place| place);
        self.0.drain(..place).map(|(key, _)| key).collect()
    }

    /// Takes out all keys above this one, and returns them.
    pub(crate) fn take_above(&mut self, key: &K) -> Vec<K> {
        let place = self.place(key).map_or_else(|place| place, |place| place + 1);
        self.0.drain(place..).map(|(key, _)| key).collect()
    }

    fn place(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(key))
    }
}

impl<K, V> IntoIterator for VecMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests;
