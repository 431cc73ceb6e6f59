//! How many objects to ask for in one page of a list, so that a page is small whatever the size of the objects.

/// What a page may have, in bytes. Ordinary objects have about a thousand each.
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// What one object may have, in bytes. etcd takes 1.5 MiB by default, and JSON writes some characters with six bytes.
pub const OBJECT_BYTES: usize = 10 * 1024 * 1024;
/// Objects in the first page, and in the largest: what client-go asks for.
const OBJECTS: (u32, u32) = (125, 500);

/// The size of the next page. It follows the size of the objects: halved when a page has too many bytes, doubled when it could
/// have had twice as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u32);

impl Default for PageSize {
    fn default() -> Self {
        Self(OBJECTS.0)
    }
}

impl PageSize {
    /// How many objects to ask for: at least one.
    #[must_use]
    pub fn objects(self) -> u32 {
        self.0
    }

    /// How many bytes the page may have. A single object cannot be divided, and may have more than a page of several.
    #[must_use]
    pub fn bytes(self) -> usize {
        if self.0 == 1 { OBJECT_BYTES } else { PAGE_BYTES }
    }

    /// The size after a page that had so many bytes.
    #[must_use]
    pub fn after(self, bytes: usize) -> Self {
        if bytes <= PAGE_BYTES / 2 { Self(self.0.saturating_mul(2).min(OBJECTS.1)) } else { self }
    }

    /// The size after a page that had too many bytes; none when it was of a single object.
    #[must_use]
    pub fn smaller(self) -> Option<Self> {
        (self.0 > 1).then_some(Self(self.0 / 2))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sizes that are asked for until all objects are listed, with whether the page could be used.
    fn asked(sizes: &[usize]) -> Vec<(u32, bool)> {
        let (mut size, mut rest, mut asked) = (PageSize::default(), sizes, Vec::new());
        while !rest.is_empty() {
            let (page, later) = rest.split_at(rest.len().min(size.objects() as usize));
            let bytes = page.iter().sum();
            let fits = bytes <= size.bytes();
            asked.push((size.objects(), fits));
            if fits {
                (size, rest) = (size.after(bytes), later);
            } else {
                size = size.smaller().expect("a single object is within its limit");
            }
        }
        asked
    }

    #[test]
    fn ordinary_objects_come_in_large_pages() {
        let sizes: Vec<u32> = asked(&vec![1000; 30_000]).into_iter().map(|(objects, _)| objects).collect();
        assert_eq!(&sizes[..4], [125, 250, 500, 500]);
        assert_eq!(sizes.len(), 62, "client-go asks 60 times");
    }

    #[test]
    fn large_objects_come_a_few_at_a_time() {
        let asked = asked(&[250_000; 100]);
        assert_eq!(
            asked[..5],
            [(125, false), (62, false), (31, false), (15, false), (7, true)],
            "each refused page costs as much as one that is used"
        );
        assert!(asked[5..].iter().all(|page| *page == (7, true)), "{asked:?}");
    }

    #[test]
    fn the_largest_objects_come_one_by_one_and_what_follows_grows_again() {
        let mut sizes = vec![OBJECT_BYTES; 3];
        sizes.extend([100; 20]);
        let asked = asked(&sizes);
        let used: Vec<u32> = asked.iter().filter(|(_, fits)| *fits).map(|(objects, _)| *objects).collect();
        assert_eq!(used, [1, 1, 1, 1, 2, 4, 8, 16]);
        assert_eq!(PageSize(1).smaller(), None);
    }

    proptest! {
        #[test]
        fn every_list_ends_and_no_page_has_more_than_its_bytes(
            sizes in prop::collection::vec(prop_oneof![4 => 100_usize..2000, 2 => 2000_usize..400_000, 1 => 400_000..=OBJECT_BYTES], 0..300)
        ) {
            let asked = asked(&sizes);
            prop_assert!(asked.iter().all(|(objects, _)| (1..=500).contains(objects)));
            // A page that is refused halves the size, and only used pages double it.
            let refused = asked.iter().filter(|(_, fits)| !fits).count();
            prop_assert!(refused <= 7 + asked.len() - refused);
        }
    }
}
