//! `make dashboard`: draws the Grafana dashboard over a run of the test bed, without Grafana. With `AGAIN=1` over the last run.

use std::{fs, path::Path};

use anyhow::Context;
use bench::{
    dashboard::{
        self,
        model::Dashboard,
        questions,
        run::{self, Recording},
    },
    parameters::Parameters,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let dashboard = Dashboard::parse(&fs::read_to_string(repository.join("deploy/grafana/dashboard.json"))?)?;
    let parameters = Parameters::from_environment()?;
    let file = parameters.output.join("dashboard.json");
    let recording: Recording = if std::env::var_os("AGAIN").is_some_and(|again| !again.is_empty()) {
        let json = fs::read(&file).context("there is no run to draw again")?;
        serde_json::from_slice(&json)?
    } else {
        println!("running the operator for some six minutes");
        let recording = run::record(&parameters).await?;
        fs::write(&file, serde_json::to_vec(&recording)?)?;
        recording
    };
    let window = recording.window;
    let asked = questions::of(&dashboard, &window)?;
    let answers =
        tokio::task::spawn_blocking(move || questions::ask(&asked, &recording.scrapes, &window)).await??;
    let svg = dashboard::draw(&dashboard, &answers, &window)?;
    let folder = repository.join("docs/monitoring");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("dashboard.svg"), svg)?;
    println!("picture: docs/monitoring/dashboard.svg");
    Ok(())
}
