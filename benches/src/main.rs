//! `make bench`: runs the scenarios and writes the report. With the argument `publish`, `make bench-publish`: puts the report
//! that was written last into docs/performance.md.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use bench::{
    facts::Facts,
    ordinary,
    parameters::{OUTPUT, Parameters},
    publish::published,
    report::Report,
    scenario,
};
use tokio::time::Instant;

/// The document, and the folder of its plots.
const DOCUMENT: &str = "docs/performance.md";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => run().await,
        Some("publish") => publish(),
        Some(other) => bail!("{other:?} is not known; there is only `publish`"),
    }
}

async fn run() -> anyhow::Result<()> {
    let mut parameters = Parameters::from_environment()?;
    if parameters.wants("ordinary") {
        // Now, and not beside what is measured.
        parameters.ordinary = ordinary::path();
    }
    let mut report = Report::new(Facts::gather(&parameters));
    let began = Instant::now();
    let result = scenario::run(&parameters, &mut report).await;
    report.facts.minutes = began.elapsed().as_secs().div_ceil(60);
    // What was measured before a failure is worth reading.
    report.write(&parameters.output)?;
    println!("report: {}", parameters.output.join("report.md").display());
    result
}

fn publish() -> anyhow::Result<()> {
    let folder = Path::new(OUTPUT);
    let report =
        fs::read_to_string(folder.join("report.md")).context("there is no report: run make bench")?;
    let document = fs::read_to_string(DOCUMENT).context("run this in the root of the repository")?;
    let (document, sections) = published(&document, &report)?;
    // Plots are named relative to the report as to the document.
    for plot in fs::read_dir(folder.join("performance")).into_iter().flatten() {
        let plot = plot?;
        if report.contains(&format!("(performance/{})", plot.file_name().to_string_lossy())) {
            fs::copy(plot.path(), Path::new("docs/performance").join(plot.file_name()))?;
        }
    }
    fs::write(DOCUMENT, document)?;
    for section in sections {
        println!("{DOCUMENT}: {}", section.name());
    }
    Ok(())
}
