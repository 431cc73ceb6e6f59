//! The parts of a report, which are the parts of the documentation as well.

use serde::Serialize;

/// A part of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// The operator when all is well, beside the floor.
    Alone,
    /// The operator beside one as its users would have written it.
    Ordinary,
    /// The operator when others misbehave.
    Neighbours,
    /// What one resource costs, by their number.
    Growth,
    /// Fleets that no machine carries, in virtual time.
    Pacing,
}

impl Section {
    /// All, in the order in which they stand in the report.
    pub const ALL: [Self; 5] = [Self::Alone, Self::Ordinary, Self::Neighbours, Self::Growth, Self::Pacing];

    /// Those that docs/performance.md shows.
    pub const PUBLISHED: [Self; 4] = [Self::Alone, Self::Ordinary, Self::Neighbours, Self::Growth];

    /// As markers name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Ordinary => "ordinary",
            Self::Neighbours => "neighbours",
            Self::Growth => "growth",
            Self::Pacing => "pacing",
        }
    }

    /// Its heading in the report.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Alone => "Beside the floor",
            Self::Ordinary => "Beside an ordinary operator",
            Self::Neighbours => "Beside neighbours in trouble",
            Self::Growth => "By the number of resources",
            Self::Pacing => "In virtual time",
        }
    }

    /// The scenarios that fill it, in the order in which they run.
    #[must_use]
    pub fn scenarios(self) -> &'static [&'static str] {
        match self {
            Self::Alone => {
                &["memory", "cold", "idle", "burst", "restart", "noise", "rest", "relist", "shards"]
            }
            Self::Ordinary => &["ordinary"],
            Self::Neighbours => &["limits", "hung", "invented", "namespaces", "outages", "scrape"],
            Self::Growth => &["growth"],
            Self::Pacing => &["pacing"],
        }
    }

    /// The line before its part of a document.
    #[must_use]
    pub fn begin(self) -> String {
        format!("<!-- bench:{} -->", self.name())
    }

    /// The line after it.
    #[must_use]
    pub fn end(self) -> String {
        format!("<!-- /bench:{} -->", self.name())
    }
}
