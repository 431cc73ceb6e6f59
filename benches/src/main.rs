//! `make bench`.

use bench::{parameters::Parameters, report::Report, scenario};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let parameters = Parameters::from_environment()?;
    let mut report = Report::default();
    report.describe(&parameters);
    let result = scenario::run(&parameters, &mut report).await;
    // What was measured before a failure is worth reading.
    report.write(&parameters.output)?;
    println!("report: {}", parameters.output.join("report.md").display());
    result
}
