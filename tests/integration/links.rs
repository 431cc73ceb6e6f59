//! Links between documents lead somewhere.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Every Markdown file that users and contributors read: those of the top, of `docs/`, and each README below it.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = markdown_in(root);
    found.extend(markdown_in(&root.join("docs")));
    for folder in ["deploy", "examples", "charts", "tests"] {
        collect_readmes(&root.join(folder), &mut found);
    }
    found
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path())
}

fn markdown_in(folder: &Path) -> Vec<PathBuf> {
    entries(folder).filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

fn collect_readmes(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect_readmes(&path, found);
        } else if path.ends_with("README.md") {
            found.push(path);
        }
    }
}

/// The text outside of fenced blocks.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Targets of `[text](target)`, also where the text is broken over lines.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let ends = text.match_indices("](").map(|(at, _)| at + 2);
    ends.map(|start| text[start..].split(')').next().unwrap().to_owned()).collect()
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
        })
        .collect()
}

#[test]
fn every_relative_link_resolves() {
    let mut checked = 0;
    let mut broken = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            // A link to a place in the same document has no path.
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let known = || std::fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor));
            if !target.exists() || !anchor.is_empty() && !known() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(checked >= 80, "only {checked} links were found");
}

#[test]
fn links_and_anchors_are_found() {
    let text = "# One thing\n[a](b.md) and [c\nd](e.md#f)\n```md\n# No heading\n[no](link.md)\n```\n## `two`, at once";
    assert_eq!(links(text), ["b.md", "e.md#f"]);
    assert_eq!(anchors(text), ["one-thing", "two-at-once"].map(String::from).into());
}
