use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn key(namespace: usize, name: usize) -> ObjectKey {
    ObjectKey::new(&format!("ns-{namespace}"), &name.to_string())
}

fn all(line: &mut Line) -> Vec<ObjectKey> {
    std::iter::from_fn(|| line.pop(|_| true)).map(|(who, _)| who).collect()
}

#[test]
fn namespaces_have_turns_and_each_keeps_its_order() {
    let mut line = Line::default();
    for name in 0..3 {
        line.push(&key(1, name), Priority::Routine);
    }
    line.push(&key(2, 7), Priority::Routine);
    line.push_ahead(&key(1, 8), Priority::Routine, None);
    line.push_ahead(&key(1, 9), Priority::Routine, None);
    assert_eq!(all(&mut line), [key(1, 8), key(2, 7), key(1, 9), key(1, 0), key(1, 1), key(1, 2)]);
}

#[test]
fn one_of_five_thousand_is_before_a_rotation_elsewhere() {
    let mut line = Line::default();
    for name in 0..5000 {
        line.push(&key(1, name), Priority::Urgent);
    }
    line.push(&key(2, 0), Priority::Urgent);
    let place = all(&mut line).iter().position(|who| *who == key(2, 0));
    assert_eq!(place, Some(1));
}

#[test]
fn of_nine_places_one_is_for_routine() {
    let mut line = Line::default();
    for name in 0..40 {
        line.push(&key(1, name), Priority::Urgent);
    }
    for name in 100..102 {
        line.push(&key(2, name), Priority::Routine);
    }
    let order = all(&mut line);
    assert_eq!((&order[8], &order[17]), (&key(2, 100), &key(2, 101)));
    assert_eq!(order.len(), 42);
}

/// Each has had what its number says.
#[test]
fn whoever_has_had_least_is_next_and_of_those_the_one_whose_turn_it_is() {
    let had = |namespace: &str| namespace.trim_start_matches("ns-").parse().unwrap();
    let mut line = Line::default();
    for (namespace, name) in [(3, 0), (1, 0), (2, 0), (1, 1)] {
        line.push(&key(namespace, name), Priority::Urgent);
    }
    line.push(&key(0, 0), Priority::Routine);
    assert_eq!(line.least(had), Some(1), "what is urgent comes first");
    let mut next = |may: fn(&str) -> bool| line.pop_least(may, had).map(|(who, _)| who);
    assert_eq!(next(|namespace| namespace != "ns-1"), Some(key(2, 0)));
    let order: Vec<_> = std::iter::from_fn(|| next(|_| true)).collect();
    assert_eq!(order, [key(1, 0), key(1, 1), key(3, 0), key(0, 0)]);
    assert_eq!(line.least(had), None);
}

#[test]
fn what_is_routine_and_due_waits_until_its_namespace_has_had_no_more() {
    let mut line = Line::default();
    for name in 0..40 {
        line.push(&key(1, name), Priority::Urgent);
    }
    line.push(&key(2, 0), Priority::Routine);
    for routine_has_had in [5, 4] {
        let had = |namespace: &str| if namespace == "ns-2" { routine_has_had } else { 4 };
        for number in 0..12 {
            let (_, priority) = line.pop_least(|_| true, had).unwrap();
            let is_its_turn = routine_has_had == 4 && number == 0;
            assert_eq!(priority == Priority::Routine, is_its_turn, "{number}");
        }
    }
}

#[test]
fn whose_namespace_may_not_is_passed_over_and_keeps_its_turn() {
    let mut line = Line::default();
    line.push(&key(1, 0), Priority::Urgent);
    line.push(&key(2, 0), Priority::Routine);
    assert_eq!(line.pop(|namespace| namespace != "ns-1"), Some((key(2, 0), Priority::Routine)));
    assert_eq!(line.pop(|namespace| namespace != "ns-1"), None);
    line.push(&key(2, 1), Priority::Urgent);
    assert_eq!(all(&mut line), [key(1, 0), key(2, 1)]);
}

#[derive(Clone, Debug)]
enum Step {
    Push { namespace: usize, name: usize, urgent: bool, ahead: bool },
    Pop,
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..5, 0_usize..50, any::<bool>(), any::<bool>())
            .prop_map(|(namespace, name, urgent, ahead)| Step::Push { namespace, name, urgent, ahead }),
        3 => Just(Step::Pop),
        1 => (0_usize..100).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..200)
}

/// Who waits, with its ticket; how many of each other namespace have been served since, and how many urgent ones in a row.
type Waiter = (ObjectKey, Ticket, HashMap<Arc<str>, usize>, usize);

proptest! {
    /// Nobody is lost, nobody is served twice, and whoever waits is overtaken by a bounded number.
    #[test]
    fn the_line_is_fair(steps in steps()) {
        let mut line = Line::default();
        let mut waiting: Vec<Waiter> = Vec::new();
        for step in steps {
            match step {
                Step::Push { namespace, name, urgent, ahead } => {
                    let who = key(namespace, name);
                    if waiting.iter().any(|(key, ..)| *key == who) {
                        continue;
                    }
                    let priority = if urgent { Priority::Urgent } else { Priority::Routine };
                    let ticket = if ahead { line.push_ahead(&who, priority, None) } else { line.push(&who, priority) };
                    waiting.push((who, ticket, HashMap::new(), 0));
                }
                Step::Pop => {
                    let Some((served, priority)) = line.pop(|_| true) else {
                        prop_assert!(waiting.is_empty());
                        continue;
                    };
                    let at = waiting.iter().position(|(key, ..)| *key == served).unwrap();
                    let (_, ticket, ..) = waiting.swap_remove(at);
                    prop_assert_eq!(ticket.priority, priority);
                    for (key, ticket, overtaken, urgent) in &mut waiting {
                        if ticket.priority == priority && key.namespace != served.namespace {
                            *overtaken.entry(Arc::clone(&served.namespace)).or_default() += 1;
                        }
                        if ticket.priority == Priority::Routine {
                            *urgent = if priority == Priority::Urgent { *urgent + 1 } else { 0 };
                            prop_assert!(*urgent <= usize::try_from(URGENT_IN_A_ROW).unwrap());
                        }
                    }
                    // The first of each namespace is behind one of each other namespace.
                    let mut seen = HashSet::new();
                    let mut first: Vec<_> = waiting.iter_mut().collect();
                    first.sort_by_key(|(_, ticket, ..)| ticket.number);
                    for (key, ticket, overtaken, _) in first {
                        if seen.insert((Arc::clone(&key.namespace), ticket.priority == Priority::Urgent)) {
                            prop_assert!(overtaken.values().all(|count| *count <= 1), "{} {:?}", key, overtaken);
                        } else {
                            overtaken.clear();
                        }
                        if key.namespace == served.namespace {
                            overtaken.clear();
                        }
                    }
                }
                Step::Remove(at) if at < waiting.len() => {
                    let (who, ticket, ..) = waiting.swap_remove(at);
                    line.remove(&who, ticket);
                }
                Step::Remove(_) => {}
            }
            prop_assert_eq!(line.len(), waiting.len());
            prop_assert_eq!(line.is_empty(), waiting.is_empty());
        }
        prop_assert_eq!(all(&mut line).len(), waiting.len());
        prop_assert!(line.urgent.turns.is_empty() && line.routine.turns.is_empty());
    }
}
