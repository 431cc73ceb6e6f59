//! The benchmark works, on a small scale and with unoptimised programs. Counts are checked, speed is not.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bench::{
    facts::Facts,
    ordinary,
    parameters::{Parameters, TenantRef, Trouble, scenarios},
    publish::parts,
    report::{Report, Section},
    scenario,
};

const TROUBLE: Trouble = Trouble {
    pairs: 1,
    round: Duration::from_secs(1),
    hung: Vec::new(),
    hung_resources: 2,
    invented: 4,
    invented_delay: Duration::from_secs(1),
    namespaces: 3,
    scraped: 50,
    outage: Duration::from_secs(1),
    outage_rotations: 6,
    request_timeout: Duration::from_secs(2),
};

const NOT_SENT: &str = "healthy rotations not sent within a minute";
const CHANGED: &str = "credentials that changed meanwhile";
const NOT_RECOVERED: &str = "not sent within five minutes";

fn parameters(scenarios: Vec<String>, output: &str) -> Parameters {
    let floor = PathBuf::from(env!("CARGO_BIN_EXE_floor"));
    Parameters {
        resources: 60,
        tenant_ref: TenantRef::Half,
        unrelated: 40,
        rotations: 6,
        pairs: 1,
        rest_seconds: 1,
        trouble: TROUBLE,
        scenarios,
        product: floor.with_file_name("aicore-registry-operator"),
        floor,
        // `make bench` builds it.
        ordinary: Err("tests do not build it".to_owned()),
        output: Path::new(env!("CARGO_TARGET_TMPDIR")).join(output),
    }
}

#[tokio::test]
async fn every_scenario_runs_and_counts_what_it_should() -> anyhow::Result<()> {
    let parameters =
        Parameters { trouble: Trouble { hung: vec![1, 3], ..TROUBLE }, ..parameters(scenarios(), "bench") };
    let mut report = Report::new(Facts::gather(&parameters));
    scenario::run(&parameters, &mut report).await?;
    report.write(&parameters.output)?;

    let product = |scenario: &str, what: &str| {
        report.find(scenario, what).unwrap_or_else(|| panic!("no figure {scenario}: {what}")).product
    };
    for (scenario, what, expected) in [
        ("rotation, idle", "API server requests of one rotation", 2.0),
        ("rotation burst", "writes beyond one for each rotation", 0.0),
        ("restart in sync", "requests to AI Core", 0.0),
        ("restart in sync", "status writes", 0.0),
        ("restart in sync", "GETs of Secrets", 0.0),
        ("restart in sync", "writes of events", 0.0),
        ("at rest", "requests to the API server", 0.0),
        ("at rest", "requests to AI Core", 0.0),
        ("relist", "pushes of unchanged Secrets", 0.0),
        ("relist", "GETs of unchanged Secrets", 0.0),
        ("relist", "status writes", 0.0),
        ("two shards, cold start", "resources written by both", 0.0),
        ("two shards, cold start", "tenants that both wrote to", 0.0),
        ("1 tenant hangs, 2 resources each", NOT_SENT, 0.0),
        ("3 tenants hang, 2 resources each", NOT_SENT, 0.0),
        ("a namespace invents 4 tenants that answer after 1 s", NOT_SENT, 0.0),
        ("3 namespaces, each watched: after a start", NOT_SENT, 0.0),
        ("3 namespaces, each watched: after the API server was started again", NOT_SENT, 0.0),
        ("metrics of 50 resources are read all the time", NOT_SENT, 0.0),
        ("AI Core is away for 1 s: no answer", CHANGED, 3.0),
        ("AI Core is away for 1 s: 503", CHANGED, 3.0),
        ("the API server is away for 1 s", CHANGED, 6.0),
        ("AI Core is away for 1 s: no answer", NOT_RECOVERED, 0.0),
        ("AI Core is away for 1 s: 503", NOT_RECOVERED, 0.0),
        ("the API server is away for 1 s", NOT_RECOVERED, 0.0),
        ("growth", "60: status writes for one resource", 1.0),
    ] {
        assert!(
            (product(scenario, what) - expected).abs() < 1e-9,
            "{scenario}: {what}: {}",
            product(scenario, what)
        );
    }
    assert!(product("relist", "lists of Secrets (pages)") >= 1.0, "nothing was listed again");
    for (scenario, to) in [
        ("AI Core is away for 1 s: no answer", "to AI Core"),
        ("AI Core is away for 1 s: 503", "to AI Core"),
        ("the API server is away for 1 s", "to the API server"),
    ] {
        let during = product(scenario, &format!("requests {to} during it, the most in a second"));
        assert!(during >= 1.0, "{scenario}: nobody noticed");
    }
    let scraped = product("metrics of 50 resources are read all the time", "a scrape has");
    assert!(scraped > 0.0, "nothing was scraped");
    for figure in &report.figures {
        assert!(figure.product.is_finite() && figure.ratio.is_none_or(f64::is_finite), "{figure:?}");
    }
    assert_eq!(report.ended.len(), scenarios().len() - 1);
    let markdown = std::fs::read_to_string(parameters.output.join("report.md"))?;
    assert!(markdown.contains("Not measured: ordinary, since tests do not build it."), "{markdown}");
    for section in Section::ALL.into_iter().filter(|section| *section != Section::Ordinary) {
        assert!(parts(&markdown, section).is_some(), "{}: {markdown}", section.name());
    }
    for plot in &report.plots {
        assert!(markdown.contains(&format!("({})", plot.file)), "{}", plot.file);
    }
    let plots = report.plots.iter().map(|plot| &*plot.file);
    for file in ["report.json", "report.md"].into_iter().chain(plots) {
        let text = std::fs::read_to_string(parameters.output.join(file))?;
        assert!(text.len() > 200 && !text.contains("NaN"), "{file}: {text}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "builds the ordinary operator, which takes Go and some minutes: cargo test --package bench --test smoke -- --ignored"]
async fn the_ordinary_operator_does_the_same_work() -> anyhow::Result<()> {
    let mut parameters = parameters(vec!["ordinary".to_owned()], "bench-ordinary");
    parameters.ordinary = tokio::task::spawn_blocking(ordinary::path).await?;
    assert!(parameters.ordinary.is_ok(), "{:?}", parameters.ordinary);
    let mut report = Report::new(Facts::gather(&parameters));
    scenario::run(&parameters, &mut report).await?;
    report.write(&parameters.output)?;

    // Of the product, of the ordinary operator that caches Secrets, and of the one that caches their metadata.
    for (scenario, what, expected) in [
        ("rotation, idle", "API server requests of one rotation", [2.0, 1.0, 2.0]),
        ("rotation burst", "writes beyond one for each rotation", [0.0; 3]),
        ("restart in sync", "requests to AI Core", [0.0; 3]),
        ("restart in sync", "status writes", [0.0; 3]),
        ("restart in sync", "GETs of Secrets", [0.0; 3]),
    ] {
        let found = report.comparisons.iter().find(|found| found.scenario == scenario && found.what == what);
        let [product, _, cached, metadata] = &found.expect(what).values;
        let found = [product, cached, metadata].map(|rounds| rounds.as_ref().map(|rounds| rounds.median));
        assert_eq!(found, expected.map(Some), "{scenario}: {what}");
    }
    assert_eq!(report.ended, ["ordinary"]);
    let markdown = std::fs::read_to_string(parameters.output.join("report.md"))?;
    assert!(parts(&markdown, Section::Ordinary).is_some(), "{markdown}");
    Ok(())
}
