//! The Grafana dashboard: well formed, described, and with an answer to each query of each panel over a recorded run.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testbed::tools::ask;

use crate::{
    monitoring::deploy,
    operator::Operator,
    tenants::exposition_of_a_mortal_tenant,
    world::{Login, World},
};

/// Time between two scrapes, as Prometheus would know it. No test waits that long: the texts are real, their times are not.
const INTERVAL_MS: i64 = 15_000;
/// Grafana's `$__rate_interval`, four scrapes.
const RATE_INTERVAL: &str = "1m";
const RANGE: &str = "10m";

/// A query of a panel or of a variable.
pub(crate) struct Query {
    /// In the language of Prometheus.
    pub(crate) expression: String,
    /// How its series are named: text with `{{label}}`.
    pub(crate) legend: String,
}

fn dashboard() -> Value {
    let text = std::fs::read_to_string(deploy("grafana/dashboard.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// All queries of the dashboard: those of panels and those of its variables.
pub(crate) fn queries() -> Vec<Query> {
    let dashboard = dashboard();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            // What Grafana puts in; a variable that stands for a label's value is a string already.
            let expression = expression.replace("$__rate_interval", "5m").replace("$__range", "6h");
            queries.push(Query { expression, legend: target["legendFormat"].as_str().unwrap().to_owned() });
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if variable["type"] == "query" {
            let definition = variable["query"]["query"].as_str().unwrap();
            let inner = definition.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (metric, label) = inner.rsplit_once(", ").unwrap();
            queries.push(Query { expression: format!("sum by ({label}) ({metric})"), legend: String::new() });
        }
    }
    assert!(queries.len() >= 20);
    queries
}

#[test]
fn the_dashboard_is_well_formed() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels {
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
        if panel["type"] != "row" {
            assert!(!panel["description"].as_str().unwrap().is_empty(), "{}", panel["title"]);
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        }
        for other in panels.iter().filter(|other| other["id"] != panel["id"]) {
            let of = |side: &str| other["gridPos"][side].as_u64().unwrap();
            let apart =
                |at: &str, size: &str| place(at) >= of(at) + of(size) || of(at) >= place(at) + place(size);
            assert!(apart("x", "w") || apart("y", "h"), "{} covers {}", panel["title"], other["title"]);
        }
    }
}

/// The page's table has each panel, in the dashboard's order and with its description.
#[test]
fn the_page_on_monitoring_describes_the_panels() {
    let page = std::fs::read_to_string(deploy("../docs/monitoring.md")).unwrap();
    let mut rows = vec!["| Panel | Shows |".to_owned(), "|---|---|".to_owned()];
    for panel in dashboard()["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        rows.push(match panel["description"].as_str() {
            Some(description) => format!("| {title} | {description} |"),
            None => format!("| **{title}** | |"),
        });
    }
    let table = rows.join("\n");
    assert!(page.contains(&format!("\n{table}\n\n")), "docs/monitoring.md lacks this table:\n{table}");
}

/// What Prometheus would have stored of one replica.
#[derive(Default)]
struct Recording(Vec<Value>);

impl Recording {
    async fn scrape(&mut self, operator: &Operator) {
        let (status, text) = operator.get("/metrics").await;
        assert_eq!(status, 200);
        self.scraped("10.0.0.1:8080", &text);
    }

    fn scraped(&mut self, instance: &str, text: &str) {
        let target = json!({ "job": "aicore-registry-operator", "instance": instance });
        self.0.push(json!({ "time": self.end() + INTERVAL_MS, "target": target, "text": text }));
    }

    /// When the last scrape was, in milliseconds since 1970.
    fn end(&self) -> i64 {
        let passed = INTERVAL_MS * i64::try_from(self.0.len()).unwrap();
        1_764_000_000_000 + passed
    }

    /// What Prometheus' engine answers: the number of points of each query.
    async fn ask(self, queries: &[(String, bool)]) -> Vec<usize> {
        let end = self.end();
        let asked: Vec<_> =
            queries.iter().map(|(expr, instant)| json!({ "expr": expr, "instant": instant })).collect();
        let start = end - INTERVAL_MS * 4;
        let input = json!({
            "scrapes": self.0, "queries": asked, "start": start, "end": end, "step": INTERVAL_MS,
        });
        let answers = tokio::task::spawn_blocking(move || ask("promeval", &input)).await.unwrap().unwrap();
        let points = |series: &Value| series["points"].as_array().unwrap().len();
        let answers = answers.as_array().unwrap().iter();
        answers.map(|series| series.as_array().unwrap().iter().map(points).sum()).collect()
    }
}

/// A run in which everything happens that a panel shows: rotations, a resource that is not ready, a tenant that told its quota.
#[tokio::test]
async fn every_query_of_every_panel_has_an_answer_over_a_recorded_run() {
    let world = World::mortal("dashboard").await;
    let operator = world.operator_trusting().await;
    world.wait_ready("pull").await;
    world.tenant().configure(|options| options.quota = 1);
    world.resource("second", json!({})).await;
    world.wait_reason("second", "QuotaExceeded").await;
    let mut recording = Recording::default();
    for rotation in 0..8 {
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation + 2))]).await;
        let rotated = f64::from(rotation + 1);
        operator.wait_for_metric("aicore_registry_rotation_latency_seconds_count", rotated).await;
        recording.scrape(&operator).await;
    }
    recording.scraped("10.0.0.2:8080", &exposition_of_a_mortal_tenant("dashboard-tenant").await);
    world.check(&operator).await;

    let mut queries = Vec::new();
    let mut panels = Vec::new();
    for panel in dashboard()["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"]
                .as_str()
                .unwrap()
                .replace("$__rate_interval", RATE_INTERVAL)
                .replace("$__range", RANGE)
                .replace("$job", ".*")
                .replace("$namespace", ".*");
            assert!(!expression.contains('$'), "a variable in {expression} is not known here");
            queries.push((expression, target["instant"] == true));
            panels.push(panel["title"].as_str().unwrap().to_owned());
        }
    }
    assert!(queries.len() >= 20);
    let answers = recording.ask(&queries).await;
    assert_eq!(answers.len(), queries.len());
    for ((title, (expression, _)), points) in panels.iter().zip(&queries).zip(answers) {
        assert!(points > 0, "panel {title:?} shows nothing: {expression}");
    }
}
