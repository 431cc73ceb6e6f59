//! `values.yaml` with its comments: `## Title` begins a section, `# -- text` describes the value below.

use anyhow::{Context, ensure};
use serde_json::Value;

/// Values that belong together.
#[derive(Debug, PartialEq)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) values: Vec<Described>,
}

/// One value.
#[derive(Debug, PartialEq)]
pub(super) struct Described {
    /// As in `image.tag`.
    pub(super) path: String,
    pub(super) default: Value,
    pub(super) meaning: String,
}

/// Reads the file; an error when a value has no description.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<Section>> {
    let defaults: Value = serde_saphyr::from_str(text).context("values.yaml is not YAML")?;
    let mut sections: Vec<Section> = Vec::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut comment: Option<String> = None;
    for line in text.lines() {
        let content = line.trim_start();
        let depth = line.len() - content.len();
        if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section { title: title.to_owned(), values: Vec::new() });
        } else if let Some(begin) = content.strip_prefix("# -- ") {
            comment = Some(begin.to_owned());
        } else if let (Some(comment), Some(more)) = (&mut comment, content.strip_prefix("# ")) {
            *comment = format!("{comment} {more}");
        } else if let Some(key) = key_of(content) {
            above.retain(|(other, _)| *other < depth);
            above.push((depth, key.to_owned()));
            if let Some(meaning) = comment.take() {
                let keys: Vec<&str> = above.iter().map(|(_, key)| key.as_str()).collect();
                let default = keys.iter().try_fold(&defaults, |value, key| value.get(key));
                let path = keys.join(".");
                let default = default.with_context(|| format!("there is no value {path}"))?.clone();
                let section = sections.last_mut().with_context(|| format!("{path} is in no section"))?;
                section.values.push(Described { path, default, meaning });
            }
        }
    }
    let described: Vec<&str> =
        sections.iter().flat_map(|section| &section.values).map(|value| value.path.as_str()).collect();
    every_value_is_described("", &defaults, &described)?;
    Ok(sections)
}

/// The key of a line such as `key: value` or `key:`.
fn key_of(content: &str) -> Option<&str> {
    let (key, rest) = content.split_once(':')?;
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric());
    (plain && (rest.is_empty() || rest.starts_with(' '))).then_some(key)
}

fn every_value_is_described(path: &str, value: &Value, described: &[&str]) -> anyhow::Result<()> {
    if described.contains(&path) {
        return Ok(());
    }
    let inner = value.as_object().filter(|inner| !inner.is_empty());
    ensure!(inner.is_some(), "the value {path} has no comment that begins with `# --`");
    for (key, value) in inner.into_iter().flatten() {
        every_value_is_described(format!("{path}.{key}").trim_start_matches('.'), value, described)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_joined_with_the_values_below_them() {
        let text = "## One\n\na:\n  # -- The\n  # b\n  b: {c: 1}\n# -- The d\nd:\n  - e: 2\n";
        let sections = read(text).unwrap();
        assert_eq!(sections.len(), 1);
        assert_eq!(sections[0].title, "One");
        let paths: Vec<_> = sections[0].values.iter().map(|value| (&*value.path, &*value.meaning)).collect();
        assert_eq!(paths, [("a.b", "The b"), ("d", "The d")]);
        assert_eq!(sections[0].values[0].default, serde_json::json!({ "c": 1 }));
    }

    #[test]
    fn a_value_without_a_description_is_named() {
        let error = read("## One\na:\n  # -- The b\n  b: 1\n  c: 2\n").unwrap_err().to_string();
        assert_eq!(error, "the value a.c has no comment that begins with `# --`");
    }
}
