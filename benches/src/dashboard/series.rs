//! Answers of Prometheus' engine.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::model::{Panel, Target};

/// A series.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Series {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Times in milliseconds since 1970, and values.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// Its name by a panel's legend, which has `{{label}}` in it.
    #[must_use]
    pub fn name(&self, legend: &str) -> String {
        if legend.is_empty() {
            let pairs: Vec<String> =
                self.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            return format!("{{{}}}", pairs.join(", "));
        }
        let mut name = String::new();
        let mut rest = legend;
        while let Some((before, after)) = rest.split_once("{{") {
            let (label, after) = after.split_once("}}").unwrap_or((after, ""));
            name.push_str(before);
            name.push_str(self.labels.get(label.trim()).map_or("", String::as_str));
            rest = after;
        }
        name + rest
    }

    /// The last value.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.points.last().map(|point| point.1)
    }
}

/// Answers to all queries, by the panel's id and the query's letter.
#[derive(Clone, Debug, Default)]
pub struct Answers(BTreeMap<(u64, String), Vec<Series>>);

impl Answers {
    /// Adds the answer to a query.
    pub fn insert(&mut self, panel: u64, query: &str, series: Vec<Series>) {
        self.0.insert((panel, query.to_owned()), series);
    }

    /// The answers to a panel's queries: each series with its query.
    pub fn of<'a>(&'a self, panel: &'a Panel) -> impl Iterator<Item = (&'a Target, &'a Series)> {
        panel.targets.iter().flat_map(|target| {
            let series = self.0.get(&(panel.id, target.ref_id.clone())).into_iter().flatten();
            series.map(move |series| (target, series))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_labels() {
        let labels = [("method", "PATCH"), ("code", "204")].map(|(name, value)| (name.into(), value.into()));
        let series = Series { labels: labels.into(), points: Vec::new() };
        assert_eq!(series.name("{{method}} {{ code }}!"), "PATCH 204!");
        assert_eq!(series.name("p50"), "p50");
        assert_eq!(series.name("{{none}}"), "");
        assert_eq!(series.name(""), "{code=\"204\", method=\"PATCH\"}");
    }
}
