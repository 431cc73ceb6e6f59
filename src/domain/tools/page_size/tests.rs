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
fn what_takes_memory_comes_in_smaller_pages() {
    let asked = asked(&vec![1700; 5000]);
    assert!(asked.iter().all(|page| [(125, true), (250, true)].contains(page)), "{asked:?}");
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
