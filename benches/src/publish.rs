//! Puts the sections of a report into a document, between the markers that both have.

use anyhow::{Context, ensure};

use crate::report::Section;

/// The document with those sections of the report that are complete, and which these are.
///
/// # Errors
/// When the document lacks the markers of a section, or has them twice.
pub fn published(document: &str, report: &str) -> anyhow::Result<(String, Vec<Section>)> {
    let mut document = document.to_owned();
    let mut sections = Vec::new();
    for section in Section::PUBLISHED {
        let (before, _, after) = parts(&document, section)
            .with_context(|| format!("the document has no section {}", section.name()))?;
        let Some((_, content, _)) = parts(report, section) else { continue };
        document = format!("{before}{content}{after}");
        sections.push(section);
    }
    ensure!(!sections.is_empty(), "no section of the report is complete: run all scenarios of one");
    Ok((document, sections))
}

/// What stands before, between and after the markers of a section, if it has each of them once.
#[must_use]
pub fn parts(text: &str, section: Section) -> Option<(&str, &str, &str)> {
    let (begin, end) = (section.begin(), section.end());
    let (first, last) = (text.find(&begin)? + begin.len(), text.find(&end)?);
    let once = |marker: &str| text.matches(marker).count() == 1;
    (first <= last && once(&begin) && once(&end)).then(|| (&text[..first], &text[first..last], &text[last..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(contents: &[(Section, &str)]) -> String {
        let parts = contents
            .iter()
            .map(|(section, content)| format!("{}\n{content}\n{}\nprose\n", section.begin(), section.end()));
        std::iter::once("top\n".to_owned()).chain(parts).collect()
    }

    #[test]
    fn complete_sections_replace_those_of_the_document_and_the_prose_stays() {
        let old = Section::PUBLISHED.map(|section| (section, "old"));
        let (document, sections) =
            published(&text(&old), &text(&[(Section::Neighbours, "new"), (Section::Pacing, "x")])).unwrap();
        assert_eq!(sections, [Section::Neighbours]);
        let expected = Section::PUBLISHED
            .map(|section| (section, if section == Section::Neighbours { "new" } else { "old" }));
        assert_eq!(document, text(&expected));
    }

    #[test]
    fn a_document_without_markers_or_a_report_without_sections_is_refused() {
        let all = text(&Section::PUBLISHED.map(|section| (section, "old")));
        for (document, report) in [
            (text(&[(Section::Alone, "old")]), all.clone()),
            (format!("{all}{}", Section::Growth.begin()), all.clone()),
            (all, text(&[(Section::Pacing, "x")])),
        ] {
            assert!(published(&document, &report).is_err(), "{document} {report}");
        }
    }
}
