//! The benchmark works, on a small scale and with unoptimised programs. Counts are checked, speed is not.

use std::path::{Path, PathBuf};

use bench::{
    parameters::{Parameters, SCENARIOS},
    report::Report,
    scenario,
};

#[tokio::test]
async fn every_scenario_runs_and_counts_what_it_should() -> anyhow::Result<()> {
    let floor = PathBuf::from(env!("CARGO_BIN_EXE_floor"));
    let parameters = Parameters {
        resources: 60,
        unrelated: 40,
        rotations: 6,
        pairs: 1,
        rest_seconds: 1,
        scenarios: SCENARIOS.map(str::to_owned).to_vec(),
        product: floor.with_file_name("aicore-registry-operator"),
        floor,
        output: Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench"),
    };
    let mut report = Report::default();
    report.describe(&parameters);
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
        ("growth", "60: status writes for one resource", 1.0),
    ] {
        assert!(
            (product(scenario, what) - expected).abs() < 1e-9,
            "{scenario}: {what}: {}",
            product(scenario, what)
        );
    }
    assert!(product("relist", "lists of Secrets (pages)") >= 1.0, "nothing was listed again");
    for figure in &report.figures {
        assert!(figure.product.is_finite() && figure.ratio.is_none_or(f64::is_finite), "{figure:?}");
    }
    for file in ["report.json", "report.md", "rotation.svg", "cold-start.svg", "growth.svg"] {
        let text = std::fs::read_to_string(parameters.output.join(file))?;
        assert!(text.len() > 200 && !text.contains("NaN"), "{file}: {text}");
    }
    Ok(())
}
