//! Prometheus rules and the Grafana dashboard, held against the metrics that the program exports, and the rules' own tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use aicore_registry_operator::domain::decide::reason::Reason;
use serde_json::{Value, json};
use testbed::tools::{ask, promtool};

use crate::{
    dashboard::queries,
    tenants::exposition_of_a_mortal_tenant,
    world::{Login, World},
};

/// Labels by the name of a series, as they are exposed.
type Series = BTreeMap<String, BTreeSet<String>>;

/// What Prometheus adds to each series that it scrapes.
const SCRAPE_LABELS: [&str; 2] = ["instance", "job"];

pub(crate) fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).unwrap()
}

fn rules() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&read("prometheus/rules.yaml")).unwrap();
    let groups = file["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Prometheus' own checks and tests.
#[tokio::test]
async fn promtool_accepts_the_rules_and_their_tests_pass() {
    for arguments in [["check", "rules", "rules.yaml"], ["test", "rules", "rules_test.yaml"]] {
        let run =
            move || promtool().unwrap().args(arguments).current_dir(deploy("prometheus")).output().unwrap();
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}");
        assert!(text.contains("SUCCESS"), "{arguments:?}: {text}");
    }
}

#[test]
fn every_rule_is_tested_and_every_alert_both_fires_and_keeps_silent() {
    let file: Value = serde_saphyr::from_str(&read("prometheus/rules_test.yaml")).unwrap();
    let (mut fires, mut silent, mut recorded) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for test in file["tests"].as_array().unwrap() {
        for alert in test["alert_rule_test"].as_array().into_iter().flatten() {
            let name = alert["alertname"].as_str().unwrap().to_owned();
            let expected = alert["exp_alerts"].as_array().unwrap();
            if expected.is_empty() {
                silent.insert(name)
            } else {
                fires.insert(name)
            };
        }
        let expressions = test["promql_expr_test"].as_array().into_iter().flatten();
        recorded.extend(expressions.map(|expression| expression["expr"].as_str().unwrap().to_owned()));
    }
    let names = |field: &str| -> BTreeSet<String> {
        rules().iter().filter_map(|rule| rule[field].as_str()).map(str::to_owned).collect()
    };
    assert_eq!(fires, names("alert"));
    assert_eq!(silent, names("alert"));
    // What an alert rests on is tested with the alert.
    let used: String = rules()
        .iter()
        .filter(|rule| rule["alert"].is_string())
        .map(|rule| rule["expr"].to_string())
        .collect();
    for name in names("record") {
        assert!(recorded.contains(&name) || used.contains(&name), "{name}");
    }
    for rule in rules().iter().filter(|rule| rule["alert"].is_string()) {
        assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{rule}");
        for text in ["summary", "description", "runbook_url"] {
            assert!(rule["annotations"][text].is_string(), "{rule}");
        }
    }
}

#[test]
fn the_outcomes_that_alerts_select_are_reasons() {
    let reasons: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    let text = read("prometheus/rules.yaml");
    let selected: Vec<&str> = text
        .split("outcome=~\"")
        .skip(1)
        .flat_map(|rest| rest.split('"').next().unwrap().split('|'))
        .collect();
    assert!(!selected.is_empty());
    for outcome in selected {
        assert!(reasons.contains(outcome), "{outcome}");
    }
}

/// The program runs, and everything happens that makes a series appear.
#[tokio::test]
async fn rules_and_dashboard_ask_only_for_what_the_program_exports() {
    let world = World::mortal("monitoring").await;
    let operator = world.operator_trusting().await;
    world.wait_ready("pull").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    operator.wait_for_metric("aicore_registry_rotation_latency_seconds_count", 1.0).await;
    world.tenant().configure(|options| options.quota = 1);
    world.resource("second", json!({})).await;
    world.wait_reason("second", "QuotaExceeded").await;
    let mut known = exported(&operator.get("/metrics").await.1);
    known.extend(exported(&exposition_of_a_mortal_tenant("monitoring-tenants").await));
    world.check(&operator).await;

    let rules = rules();
    let expression = |rule: &Value| rule["expr"].as_str().unwrap().to_owned();
    for rule in rules.iter().filter(|rule| rule["record"].is_string()) {
        // The labels of a recorded series are those that its expression keeps.
        let uses = uses(&[expression(rule)]).await.remove(0);
        known.insert(rule["record"].as_str().unwrap().to_owned(), strings(&uses["labels"]));
    }
    let mut expressions: Vec<String> = rules.iter().map(expression).collect();
    assert!(expressions.len() >= 10);
    expressions.extend(queries().into_iter().map(|query| query.expression));
    assert_eq!(complaints(&known, &expressions).await, Vec::<String>::new());

    for query in queries() {
        let uses = uses(std::slice::from_ref(&query.expression)).await.remove(0);
        let mut labels: BTreeSet<String> = strings(&uses["labels"]);
        for metric in uses["metrics"].as_object().unwrap().keys() {
            labels.extend(known[metric].clone());
        }
        labels.extend(SCRAPE_LABELS.map(str::to_owned));
        for label in query.legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()) {
            assert!(labels.contains(label), "legend {:?} of {:?}", query.legend, query.expression);
        }
    }
}

/// The check above would notice.
#[tokio::test]
async fn an_unknown_metric_or_label_is_found_wherever_it_stands() {
    let known = exported("a_total{code=\"4,\\\"}{\",method=\"x\"} 1.0\n# TYPE b gauge\nb 2\n# EOF\n");
    assert_eq!(
        known,
        Series::from([
            ("a_total".to_owned(), BTreeSet::from(["code".to_owned(), "method".to_owned()])),
            ("b".to_owned(), BTreeSet::new()),
        ])
    );
    for right in [
        "sum by (code, job) (rate(a_total{method=\"c\"}[5m])) / on (code) group_left (method) a_total",
        "{__name__=\"b\", job=\"x\"} > 1 or absent(b)",
    ] {
        assert_eq!(complaints(&known, &[right.to_owned()]).await, Vec::<String>::new(), "{right}");
    }
    for (wrong, part) in [
        ("c", "metric \"c\""),
        ("sum(rate(a[5m]))", "metric \"a\""),
        ("b + on () c_bucket", "metric \"c_bucket\""),
        ("{__name__=\"c\"}", "metric \"c\""),
        ("{__name__=~\"a.*\"}", "metric \"\""),
        ("a_total{colour=\"red\"}", "label \"colour\""),
        ("b{code=\"1\"}", "label \"code\""),
        ("sum by (colour) (a_total)", "label \"colour\""),
        ("a_total / ignoring (colour) a_total", "label \"colour\""),
        ("sum(", "parse error"),
    ] {
        let found = complaints(&known, &[wrong.to_owned()]).await;
        assert!(found.len() == 1 && found[0].contains(part), "{wrong}: {found:?}");
    }
}

/// What of these expressions is not known.
async fn complaints(known: &Series, expressions: &[String]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (expression, uses) in expressions.iter().zip(uses(expressions).await) {
        let mut complain = |what: String| complaints.push(format!("{what} in {expression:?}"));
        if let Some(error) = uses["error"].as_str() {
            complain(error.to_owned());
        }
        let mut present: BTreeSet<&str> = SCRAPE_LABELS.into();
        for (metric, used) in uses["metrics"].as_object().unwrap() {
            let Some(labels) = known.get(metric) else {
                complain(format!("unknown metric {metric:?}"));
                continue;
            };
            present.extend(labels.iter().map(String::as_str));
            for label in strings(used) {
                if !labels.contains(&label) && !SCRAPE_LABELS.contains(&&*label) {
                    complain(format!("unknown label {label:?} of {metric:?}"));
                }
            }
        }
        for label in strings(&uses["labels"]) {
            if !present.contains(&*label) {
                complain(format!("unknown label {label:?}"));
            }
        }
    }
    complaints
}

/// The metrics and labels in each expression, by Prometheus' parser.
async fn uses(expressions: &[String]) -> Vec<Value> {
    let input = json!(expressions);
    let answer = tokio::task::spawn_blocking(move || ask("promql", &input)).await.unwrap().unwrap();
    let uses = answer.as_array().unwrap().clone();
    assert_eq!(uses.len(), expressions.len());
    uses
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// The series of an exposition.
fn exported(text: &str) -> Series {
    let mut series = Series::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let labels = series.entry(name.to_owned()).or_default();
        let mut rest = rest.strip_prefix('{').unwrap_or_default();
        while let Some((label, value)) = rest.split_once("=\"") {
            labels.insert(label.trim_start_matches(',').to_owned());
            let mut escaped = false;
            let end = value.find(|character| {
                let end = character == '"' && !escaped;
                escaped = character == '\\' && !escaped;
                end
            });
            rest = &value[end.unwrap() + 1..];
            if !rest.starts_with(',') {
                break;
            }
        }
    }
    series
}
