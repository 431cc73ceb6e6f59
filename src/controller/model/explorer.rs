//! Goes through all states that a model can reach, breadth first, so that a counterexample is as short as there is one.

use std::{
    collections::{HashMap, VecDeque},
    fmt::{self, Debug, Write},
};

/// What can happen.
pub(super) trait Model {
    type State: Clone;
    type Action: Copy + Debug;

    fn start(&self) -> Self::State;

    /// All that may happen next.
    fn actions(&self, state: &Self::State) -> Vec<Self::Action>;

    /// Whether it happens by itself in the end. Faults, and what users do, need not happen.
    fn is_due(&self, action: Self::Action) -> bool;

    /// What comes of it.
    ///
    /// # Errors
    /// The law that it breaks.
    fn step(&self, state: &Self::State, action: Self::Action) -> Result<Self::State, String>;

    /// The same for equal states, and for no others.
    fn fingerprint(&self, state: &Self::State) -> u64;

    /// Judges a state in which nothing is due any more.
    ///
    /// # Errors
    /// Why it must not stay like this.
    fn at_rest(&self, state: &Self::State) -> Result<(), String>;

    /// A line about a state.
    fn show(&self, state: &Self::State) -> String;
}

/// How much was gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// States in which nothing is due.
    pub(super) at_rest: usize,
}

/// A way to a state in which something does not hold.
pub(super) struct Counterexample {
    pub(super) why: String,
    way: Vec<String>,
}

impl Debug for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.why)?;
        self.way.iter().enumerate().try_for_each(|(number, line)| writeln!(f, "{number:3} {line}"))
    }
}

struct Node<A> {
    before: usize,
    by: Option<A>,
}

/// Goes through all states, up to that many.
///
/// # Errors
/// When a law is broken, when a state at rest is not as it should be, when one cannot come to rest without help, or when there
/// are too many states.
pub(super) fn explore<M: Model>(model: &M, most: usize) -> Result<Explored, Counterexample> {
    let mut nodes = vec![Node { before: 0, by: None }];
    let start = model.start();
    let mut known = HashMap::from([(model.fingerprint(&start), 0_usize)]);
    let mut left = VecDeque::from([(0_usize, start)]);
    let (mut steps, mut resting) = (0, Vec::new());
    // By what is due alone: from where to where.
    let mut due_steps: Vec<(usize, usize)> = Vec::new();
    while let Some((number, state)) = left.pop_front() {
        let mut is_at_rest = true;
        for action in model.actions(&state) {
            let is_due = model.is_due(action);
            is_at_rest &= !is_due;
            steps += 1;
            let next = match model.step(&state, action) {
                Ok(next) => next,
                Err(why) => return Err(told(model, &nodes, number, Some(action), why)),
            };
            let next_number = *known.entry(model.fingerprint(&next)).or_insert_with(|| {
                nodes.push(Node { before: number, by: Some(action) });
                left.push_back((nodes.len() - 1, next));
                nodes.len() - 1
            });
            if is_due {
                due_steps.push((next_number, number));
            }
            if nodes.len() > most {
                return Err(told(
                    model,
                    &nodes,
                    number,
                    Some(action),
                    format!("there are more than {most} states"),
                ));
            }
        }
        if is_at_rest {
            model.at_rest(&state).map_err(|why| told(model, &nodes, number, None, why))?;
            resting.push(number);
        }
    }
    if let Some(restless) = first_restless(nodes.len(), &resting, due_steps) {
        let why = "what is due never comes to an end from here on".to_owned();
        return Err(told(model, &nodes, restless, None, why));
    }
    Ok(Explored { states: nodes.len(), steps, at_rest: resting.len() })
}

/// The first state from which no state at rest can be reached by what is due alone.
fn first_restless(count: usize, resting: &[usize], mut steps: Vec<(usize, usize)>) -> Option<usize> {
    steps.sort_unstable();
    let mut comes_to_rest = vec![false; count];
    let mut left = resting.to_vec();
    while let Some(number) = left.pop() {
        if !std::mem::replace(&mut comes_to_rest[number], true) {
            let from = steps.partition_point(|(to, _)| *to < number);
            left.extend(steps[from..].iter().take_while(|(to, _)| *to == number).map(|(_, from)| *from));
        }
    }
    comes_to_rest.iter().position(|comes| !comes)
}

fn told<M: Model>(
    model: &M,
    nodes: &[Node<M::Action>],
    mut number: usize,
    last: Option<M::Action>,
    why: String,
) -> Counterexample {
    let mut actions: Vec<M::Action> = last.into_iter().collect();
    while let Some(by) = nodes[number].by {
        actions.push(by);
        number = nodes[number].before;
    }
    let mut state = model.start();
    let mut way = vec![model.show(&state)];
    for action in actions.into_iter().rev() {
        let mut line = format!("{action:?}");
        match model.step(&state, action) {
            Ok(next) => {
                state = next;
                // Writing to a String does not fail.
                let _ = write!(line, "  →  {}", model.show(&state));
            }
            Err(why) => {
                let _ = write!(line, "  →  {why}");
            }
        }
        way.push(line);
    }
    Counterexample { why, way }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter that goes up by one or two, and that a user may set back once.
    struct Counter {
        forbidden: u8,
        end: u8,
    }

    #[derive(Clone, Copy, Debug)]
    enum Change {
        Up(u8),
        Back,
    }

    impl Model for Counter {
        type State = (u8, bool);
        type Action = Change;

        fn start(&self) -> (u8, bool) {
            (0, true)
        }

        fn actions(&self, (count, may_go_back): &(u8, bool)) -> Vec<Change> {
            let up = [1, 2].into_iter().filter(|by| count + by <= 5).map(Change::Up);
            up.chain(may_go_back.then_some(Change::Back)).collect()
        }

        fn is_due(&self, action: Change) -> bool {
            matches!(action, Change::Up(_))
        }

        fn step(&self, (count, may_go_back): &(u8, bool), action: Change) -> Result<(u8, bool), String> {
            let next = match action {
                Change::Up(by) => (count + by, *may_go_back),
                Change::Back => (0, false),
            };
            if next.0 == self.forbidden { Err(format!("{} is forbidden", next.0)) } else { Ok(next) }
        }

        fn fingerprint(&self, (count, may_go_back): &(u8, bool)) -> u64 {
            u64::from(*count) * 2 + u64::from(*may_go_back)
        }

        fn at_rest(&self, (count, _): &(u8, bool)) -> Result<(), String> {
            if *count == self.end { Ok(()) } else { Err(format!("it ends at {count}")) }
        }

        fn show(&self, (count, _): &(u8, bool)) -> String {
            count.to_string()
        }
    }

    #[test]
    fn all_states_are_gone_through_once() {
        let explored = explore(&Counter { forbidden: 9, end: 5 }, 100).unwrap();
        assert_eq!(explored, Explored { states: 12, steps: 24, at_rest: 2 });
    }

    #[test]
    fn a_counterexample_is_the_shortest_way() {
        let broken = explore(&Counter { forbidden: 4, end: 5 }, 100).unwrap_err();
        assert_eq!((broken.why.as_str(), broken.way.len()), ("4 is forbidden", 3));
        let unfinished = explore(&Counter { forbidden: 9, end: 4 }, 100).unwrap_err();
        assert_eq!((unfinished.why.as_str(), unfinished.way.len()), ("it ends at 5", 4));
        assert!(explore(&Counter { forbidden: 9, end: 5 }, 5).unwrap_err().why.contains("more than 5"));
    }

    #[test]
    fn a_circle_never_comes_to_rest() {
        assert_eq!(first_restless(3, &[2], vec![(1, 0), (0, 1), (2, 1)]), None);
        assert_eq!(first_restless(3, &[2], vec![(1, 0), (0, 1)]), Some(0));
    }
}
