//! docs/reliability.md names a test for each promise: they are all there.

use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is quoted in the page and names a file or a test.
fn named(page: &str) -> Vec<&str> {
    let quoted = page.split('`').skip(1).step_by(2);
    let mut named: Vec<&str> = quoted
        .filter(|text| {
            let is_path =
                std::path::Path::new(text).extension().is_some_and(|end| end == "rs") && text.contains('/');
            !text.contains(' ') && (is_path || text.contains("::"))
        })
        .collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// The file of `a::b::test`, which is `tests/integration/a/b.rs`, or of `src/x.rs::test`; and the name of the test, if there is one.
fn place(name: &str) -> (PathBuf, Option<&str>) {
    if name.contains(".rs") {
        let (file, test) = name.split_once("::").map_or((name, None), |(file, test)| (file, Some(test)));
        return (repository().join(file), test);
    }
    let (module, test) = name.rsplit_once("::").unwrap();
    (repository().join("tests/integration").join(module.replace("::", "/")).with_extension("rs"), Some(test))
}

#[test]
fn every_test_that_holds_a_promise_is_there() {
    let page = std::fs::read_to_string(repository().join("docs/reliability.md")).unwrap();
    let named = named(&page);
    assert!(named.len() > 60, "{named:?}");
    for name in named {
        let (file, test) = place(name);
        let source = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{name}: {}: {error}", file.display()));
        if let Some(test) = test {
            assert!(source.contains(&format!("fn {test}(")), "{name}: there is no such test");
        }
    }
}
