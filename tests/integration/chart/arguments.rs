//! The arguments that the chart renders are those of the program.

use aicore_registry_operator::config::{Cli, Command, RunArgs};
use clap::Parser;
use serde_json::json;

use super::{arguments, chart, objects, only, template, values::sets};

/// What the program makes of the arguments of a rendered Deployment.
fn parsed(rendered: &str) -> Result<RunArgs, String> {
    let objects = objects(rendered);
    let arguments = arguments(only(&objects, "Deployment"), "default", "operator");
    let program = std::iter::once("aicore-registry-operator".to_owned());
    let cli = Cli::try_parse_from(program.chain(arguments)).map_err(|error| error.to_string())?;
    let Command::Run(args) = cli.command else { return Err(format!("the chart runs {:?}", cli.command)) };
    Ok(*args)
}

#[tokio::test]
async fn the_program_understands_all_arguments() {
    for set in sets() {
        let rendered = template(&set.name, "default", &set.values).await.unwrap();
        parsed(&rendered).unwrap_or_else(|error| panic!("{}: {error}", set.name));
    }
}

#[tokio::test]
async fn the_charts_defaults_are_the_programs() {
    // But for leader election, which the chart turns on.
    let rendered =
        template("rel", "default", &json!({ "leaderElection": { "enabled": false } })).await.unwrap();
    let Command::Run(own) = Cli::try_parse_from(["aicore-registry-operator", "run"]).unwrap().command else {
        panic!("the command is run")
    };
    assert_eq!(format!("{:?}", parsed(&rendered).unwrap()), format!("{own:?}"));
}

#[test]
fn the_charts_version_is_the_programs() {
    let chart = std::fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let chart: serde_json::Value = serde_saphyr::from_str(&chart).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}
