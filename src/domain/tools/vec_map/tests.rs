use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u8),
    Remove(u8),
    Change(u8, u8),
    TakeBelow(u8),
    TakeAbove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..12, any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
        2 => (0_u8..12).prop_map(Step::Remove),
        1 => (0_u8..12, any::<u8>()).prop_map(|(key, value)| Step::Change(key, value)),
        1 => (0_u8..12).prop_map(Step::TakeBelow),
        1 => (0_u8..12).prop_map(Step::TakeAbove),
    ]
}

proptest! {
    #[test]
    fn it_is_a_map_in_order(steps in prop::collection::vec(step(), 0..60)) {
        let mut map = VecMap::default();
        let mut model = BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    map.insert(key, value);
                    model.insert(key, value);
                }
                Step::Remove(key) => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                Step::Change(key, value) => {
                    let before = map.get_mut(&key).map(|old| std::mem::replace(old, value));
                    prop_assert_eq!(before, model.get_mut(&key).map(|old| std::mem::replace(old, value)));
                }
                Step::TakeBelow(key) => {
                    let rest = model.split_off(&key);
                    let below: Vec<u8> = std::mem::replace(&mut model, rest).into_keys().collect();
                    prop_assert_eq!(map.take_below(&key), below);
                }
                Step::TakeAbove(key) => {
                    let above: Vec<u8> = model.split_off(&(key + 1)).into_keys().collect();
                    prop_assert_eq!(map.take_above(&key), above);
                }
            }
            prop_assert_eq!(map.is_empty(), model.is_empty());
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.first(), model.keys().next());
            prop_assert!(map.keys().eq(model.keys()));
            prop_assert!(map.values_mut().eq(model.values_mut()));
            prop_assert!((0..12).all(|key| map.get(&key) == model.get(&key)));
            for key in 0..12 {
                let others = model.range(key + 1..).chain(model.range(..key)).map(|(other, _)| other);
                prop_assert!(map.others(&key).eq(others), "beside {key}");
            }
        }
        prop_assert!(map.into_iter().eq(model));
    }
}

#[test]
fn one_entry_takes_the_room_of_one() {
    let mut map = VecMap::default();
    map.insert("only", ());
    assert_eq!(map.0.capacity(), 1);
}
