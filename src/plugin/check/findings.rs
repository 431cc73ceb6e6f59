//! What a check has found, and how it is printed.

use std::fmt::{self, Display};

use crate::domain::tools::printable::Printable;

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plugin) enum Level {
    Ok,
    Wrong,
    /// Neither: something to know.
    Note,
    /// Neither: something that could not be looked at. Printed as a note.
    Unchecked,
}

/// One sentence about one part of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugin) struct Finding {
    pub(in crate::plugin) level: Level,
    pub(in crate::plugin) part: &'static str,
    pub(in crate::plugin) text: String,
}

impl Finding {
    pub(in crate::plugin) fn ok(part: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, part, text: text.into() }
    }

    pub(in crate::plugin) fn wrong(part: &'static str, text: impl Display) -> Self {
        Self { level: Level::Wrong, part, text: text.to_string().trim_end_matches('.').to_owned() }
    }

    pub(in crate::plugin) fn note(part: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Note, part, text: text.into() }
    }

    pub(in crate::plugin) fn unchecked(part: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Unchecked, part, text: text.into() }
    }

    /// Whether it ends in the sentence of one of them that is as bad.
    pub(super) fn repeats(&self, others: &[Self]) -> bool {
        others.iter().any(|other| other.level == self.level && self.text.ends_with(&other.text))
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::Note | Self::Unchecked => "note",
        })
    }
}

/// All findings, by case.
#[derive(Default)]
pub(super) struct Findings(Vec<(String, Vec<Finding>)>);

impl Findings {
    pub(super) fn add(&mut self, title: String, findings: Vec<Finding>) {
        self.0.push((title, findings));
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().flat_map(|(_, findings)| findings).filter(|one| one.level == level).count()
    }

    pub(super) fn are_fine(&self) -> bool {
        self.count(Level::Wrong) == 0
    }

    pub(super) fn lines(&self) -> Vec<Printable> {
        let mut lines = Vec::new();
        for (title, findings) in &self.0 {
            lines.push(Printable::new(title));
            for Finding { level, part, text: said } in findings {
                lines.push(Printable::new(format_args!("  {level:<5}  {part:<11}  {said}")));
            }
            lines.push(Printable::default());
        }
        lines.push(Printable::new(match (self.count(Level::Wrong), self.count(Level::Unchecked)) {
            (0, 0) => "Nothing is wrong.".to_owned(),
            (0, 1) => "Nothing is wrong in what was checked; 1 part was not.".to_owned(),
            (0, unchecked) => format!("Nothing is wrong in what was checked; {unchecked} parts were not."),
            (1, _) => "1 thing is wrong.".to_owned(),
            (many, _) => format!("{many} things are wrong."),
        }));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(findings: &Findings) -> Vec<String> {
        findings.lines().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sentence_that_was_said_is_known() {
        let status = Finding::wrong("status", "stalled, SecretNotFound: there is no Secret.");
        let (same, another) = ("there is no Secret.", "there is no key");
        assert!(status.repeats(&[Finding::wrong("key", another), Finding::wrong("credential", same)]));
        assert!(!status.repeats(&[Finding::wrong("credential", another), Finding::note("credential", same)]));
    }

    #[test]
    fn findings_stand_below_their_case_and_are_counted() {
        let mut findings = Findings::default();
        findings.add("one".to_owned(), vec![Finding::ok("name", "good"), Finding::note("quota", "unread")]);
        assert!(findings.are_fine());
        assert_eq!(text(&findings).last().map(String::as_str), Some("Nothing is wrong."));
        findings.add("more".to_owned(), vec![Finding::unchecked("credential", "not checked")]);
        let last = |findings: &Findings| text(findings).pop().unwrap();
        assert_eq!(last(&findings), "Nothing is wrong in what was checked; 1 part was not.");
        findings.add("key".to_owned(), vec![Finding::unchecked("service key", "not checked")]);
        assert_eq!(last(&findings), "Nothing is wrong in what was checked; 2 parts were not.");
        assert!(findings.are_fine());
        findings.0.truncate(1);
        findings.add("two".to_owned(), vec![Finding::wrong("service key", "A sentence.")]);
        assert!(!findings.are_fine());
        assert_eq!(
            text(&findings),
            [
                "one",
                "  ok     name         good",
                "  note   quota        unread",
                "",
                "two",
                "  wrong  service key  A sentence",
                "",
                "1 thing is wrong.",
            ]
        );
    }
}
