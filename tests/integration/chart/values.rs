//! The table of value sets, in the files of `values/`. `at` is a JSON pointer into the one object of the kind (and of the name that
//! ends in `name`); `is`: the value there (null: nothing), `has`: an element of the list or a part of the text there; `absent`: there
//! is no such object. The API server validates all of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{chart, repository};

/// One set.
#[derive(Debug)]
pub(super) struct Set {
    /// Also the release's name.
    pub(super) name: String,
    pub(super) values: Value,
    pub(super) expect: Vec<Value>,
}

pub(super) fn sets() -> Vec<Set> {
    let files = std::fs::read_dir(repository().join("tests/integration/chart/values")).unwrap();
    files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .flat_map(|text| super::objects(&text))
        .map(|set| Set {
            name: set["name"].as_str().unwrap().to_owned(),
            values: set["values"].clone(),
            expect: set["expect"].as_array().unwrap().clone(),
        })
        .collect()
}

/// The chart's own values.
pub(super) fn defaults() -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(chart().join("values.yaml")).unwrap()).unwrap()
}

/// The paths of all values that hold no others, as in `.image.tag`.
pub(super) fn leaves(value: &Value) -> BTreeSet<String> {
    match value.as_object().filter(|inner| !inner.is_empty()) {
        None => BTreeSet::from([String::new()]),
        Some(inner) => inner
            .iter()
            .flat_map(|(key, value)| leaves(value).into_iter().map(move |path| format!(".{key}{path}")))
            .collect(),
    }
}

#[test]
fn every_value_is_in_the_table() {
    let sets = sets();
    let names: BTreeSet<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    assert_eq!(names.len(), sets.len(), "two sets have the same name");
    let set: BTreeSet<String> = sets.iter().flat_map(|set| leaves(&set.values)).collect();
    let touched =
        |leaf: &String| set.iter().any(|path| path == leaf || path.starts_with(&format!("{leaf}.")));
    let missing: Vec<String> = leaves(&defaults()).into_iter().filter(|leaf| !touched(leaf)).collect();
    assert_eq!(missing, Vec::<String>::new());
}
