//! The answer to the question for the names. Of all that a server may send there, names alone are kept.

use std::{borrow::Cow, collections::HashSet};

use serde::Deserialize;

use crate::aicore::exchange::Answer;

/// So many names are kept. A tenant may have 50 by default.
const MOST: usize = 1_000;

/// Why a list is of no use: a name that it lacks may be there all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unusable {
    /// It is larger than what is read.
    TooLarge,
    /// It is no list.
    Malformed,
    /// It is a part of one, or has entries without a name.
    Incomplete,
}

impl Unusable {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too large",
            Self::Malformed => "malformed",
            Self::Incomplete => "incomplete",
        }
    }
}

#[derive(Deserialize)]
struct List<'a> {
    /// How many there are on the server; in this page, for a server that does not know `$count`.
    count: u64,
    #[serde(borrow)]
    resources: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

/// The names in it, if it has all.
pub(super) fn names(answer: &Answer) -> Result<HashSet<Box<str>>, Unusable> {
    if answer.cut {
        return Err(Unusable::TooLarge);
    }
    let list: List<'_> = serde_json::from_slice(&answer.body).map_err(|_| Unusable::Malformed)?;
    if list.resources.len() > MOST {
        return Err(Unusable::TooLarge);
    }
    if usize::try_from(list.count).is_ok_and(|count| count > list.resources.len()) {
        return Err(Unusable::Incomplete);
    }
    list.resources.into_iter().map(|entry| entry.name.map(Into::into).ok_or(Unusable::Incomplete)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};
    use zeroize::Zeroizing;

    use super::*;

    fn read(body: &str) -> Result<Vec<String>, Unusable> {
        let answer = Answer { body: Zeroizing::new(body.as_bytes().to_vec()), cut: false };
        let mut names: Vec<String> = names(&answer)?.into_iter().map(String::from).collect();
        names.sort();
        Ok(names)
    }

    #[rstest]
    #[case::none(json!({"count": 0, "resources": []}), &[])]
    #[case::some(json!({"count": 2, "resources": [{"name": "b"}, {"name": "a"}]}), &["a", "b"])]
    #[case::more_is_told(json!({"count": 1, "resources": [{"createdAt": {"x": [1, null]}, "name": "a", "data": "s"}], "next": 1}), &["a"])]
    #[case::escaped(json!({"count": 1, "resources": [{"name": "a\u{1}\"ä"}]}), &["a\u{1}\"ä"])]
    #[case::told_twice(json!({"count": 2, "resources": [{"name": "a"}, {"name": "a"}]}), &["a"])]
    #[case::counted_low(json!({"count": 0, "resources": [{"name": "a"}]}), &["a"])]
    fn names_are_kept(#[case] body: Value, #[case] expected: &[&str]) {
        assert_eq!(read(&body.to_string()).unwrap(), expected);
    }

    #[rstest]
    #[case::nothing("", Unusable::Malformed)]
    #[case::broken_off(r#"{"count": 1, "resources": [{"name": "a"}"#, Unusable::Malformed)]
    #[case::page_of_a_proxy("<html>", Unusable::Malformed)]
    #[case::without_a_count(r#"{"resources": []}"#, Unusable::Malformed)]
    #[case::without_resources(r#"{"count": 0}"#, Unusable::Malformed)]
    #[case::below_nothing(r#"{"count": -1, "resources": []}"#, Unusable::Malformed)]
    #[case::names_alone(r#"{"count": 1, "resources": ["a"]}"#, Unusable::Malformed)]
    #[case::name_of_another_type(r#"{"count": 1, "resources": [{"name": 1}]}"#, Unusable::Malformed)]
    #[case::a_page(r#"{"count": 2, "resources": [{"name": "a"}]}"#, Unusable::Incomplete)]
    #[case::without_a_name(r#"{"count": 2, "resources": [{"name": "a"}, {}]}"#, Unusable::Incomplete)]
    #[case::name_that_is_null(r#"{"count": 1, "resources": [{"name": null}]}"#, Unusable::Incomplete)]
    #[case::more_than_can_be(r#"{"count": 18446744073709551615, "resources": []}"#, Unusable::Incomplete)]
    fn what_may_lack_a_name_is_of_no_use(#[case] body: &str, #[case] expected: Unusable) {
        assert_eq!(read(body), Err(expected));
    }

    #[test]
    fn what_is_large_is_of_no_use() {
        let of = |names: usize| {
            let entries: Vec<_> = (0..names).map(|name| json!({"name": name.to_string()})).collect();
            json!({"count": names, "resources": entries}).to_string()
        };
        assert_eq!(read(&of(MOST)).unwrap().len(), MOST);
        assert_eq!(read(&of(MOST + 1)), Err(Unusable::TooLarge));
        let cut = Answer { body: Zeroizing::new(of(1).into_bytes()), cut: true };
        assert_eq!(names(&cut), Err(Unusable::TooLarge));
    }
}
