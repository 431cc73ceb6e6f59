//! How many objects to ask for in one page of a list, so that a page is small whatever the size of the objects.

/// What a page may have, in bytes. Ordinary objects have about a thousand each.
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// A page of so many bytes is large enough: with larger ones requests would be fewer, but what reads them holds several copies.
const LARGE_ENOUGH: usize = PAGE_BYTES / 4;
/// What one object may have, in bytes. etcd takes 1.5 MiB by default, and JSON writes some characters with six bytes.
pub(crate) const OBJECT_BYTES: usize = 10 * 1024 * 1024;
/// Objects in the first page, and in the largest: what client-go asks for.
const OBJECTS: (u32, u32) = (125, 500);

/// The size of the next page. It follows the size of the objects: halved when a page has too many bytes, doubled when one with
/// twice as many would not be larger than need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageSize(u32);

impl Default for PageSize {
    fn default() -> Self {
        Self(OBJECTS.0)
    }
}

impl PageSize {
    /// How many objects to ask for: at least one.
    #[must_use]
    pub(crate) fn objects(self) -> u32 {
        self.0
    }

    /// How many bytes the page may have. A single object cannot be divided, and may have more than a page of several.
    #[must_use]
    pub(crate) fn bytes(self) -> usize {
        if self.0 == 1 { OBJECT_BYTES } else { PAGE_BYTES }
    }

    /// The size after a page that had so many bytes.
    #[must_use]
    pub(crate) fn after(self, bytes: usize) -> Self {
        if bytes <= LARGE_ENOUGH / 2 { Self(self.0.saturating_mul(2).min(OBJECTS.1)) } else { self }
    }

    /// The size after a page that had too many bytes; none when it was of a single object.
    #[must_use]
    pub(crate) fn smaller(self) -> Option<Self> {
        (self.0 > 1).then_some(Self(self.0 / 2))
    }
}

#[cfg(test)]
mod tests;
