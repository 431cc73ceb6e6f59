//! A dashboard's queries, as Prometheus' engine is asked them.

use std::collections::BTreeMap;

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use serde_json::json;
use testbed::tools;

use super::{
    model::Dashboard,
    series::{Answers, Series},
};

/// The shown time, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Window {
    /// Its start.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// Time between two points.
    pub step: i64,
    /// Over how long rates are taken: Grafana's `$__rate_interval`.
    pub rate_interval: i64,
}

/// What a target had to say at one time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scrape {
    /// In milliseconds since 1970.
    pub time: i64,
    /// Labels of the target.
    pub target: BTreeMap<String, String>,
    /// OpenMetrics; empty if it did not answer.
    pub text: String,
}

/// A query of a panel.
#[derive(Clone, Debug)]
pub struct Question {
    /// Id of the panel.
    pub panel: u64,
    /// The query's letter.
    pub letter: String,
    /// The expression.
    pub expr: String,
    /// Only the end of the shown time is asked for.
    pub instant: bool,
}

/// All queries of a dashboard, with a value for each of Grafana's variables.
///
/// # Errors
/// When there is a variable that is not known here.
pub fn of(dashboard: &Dashboard, window: &Window) -> anyhow::Result<Vec<Question>> {
    let range = format!("{}ms", window.end - window.start);
    let rate_interval = format!("{}ms", window.rate_interval);
    let mut questions = Vec::new();
    for panel in &dashboard.panels {
        for target in &panel.targets {
            let expr = target
                .expr
                .replace("$__rate_interval", &rate_interval)
                .replace("$__range", &range)
                .replace("$job", ".*")
                .replace("$namespace", ".*");
            ensure!(!expr.contains('$'), "{:?}: a variable in {expr} is not known here", panel.title);
            questions.push(Question {
                panel: panel.id,
                letter: target.ref_id.clone(),
                expr,
                instant: target.instant,
            });
        }
    }
    Ok(questions)
}

/// Has Prometheus' engine answer them. Blocks.
///
/// # Errors
/// When it does not accept a query or a scrape.
pub fn ask(questions: &[Question], scrapes: &[Scrape], window: &Window) -> anyhow::Result<Answers> {
    let queries: Vec<_> =
        questions.iter().map(|asked| json!({ "expr": asked.expr, "instant": asked.instant })).collect();
    let input = json!({
        "scrapes": scrapes, "queries": queries,
        "start": window.start, "end": window.end, "step": window.step,
    });
    let found = Vec::<Vec<Series>>::deserialize(tools::ask("promeval", &input)?)?;
    ensure!(found.len() == questions.len(), "{} answers to {} queries", found.len(), questions.len());
    let mut answers = Answers::default();
    for (asked, series) in questions.iter().zip(found) {
        answers.insert(asked.panel, &asked.letter, series);
    }
    Ok(answers)
}
