//! Somebody reads `/metrics` all the time, of an operator with many resources.

use std::cell::RefCell;

use tokio::time::Instant;

use super::{CONCURRENCY, Run, beside, warm_up};
use crate::{counts::events_end, fleet::Fleet, report::Figure, statistics::median, subject::Which};

/// Scrapes so far.
#[derive(Default)]
struct Scrapes {
    milliseconds: Vec<f64>,
    bytes: usize,
}

pub(super) async fn run(run: &mut Run<'_>) -> anyhow::Result<()> {
    let trouble = &run.parameters.trouble;
    let mut fleet = Fleet::start(run.parameters).await?;
    run.step(&format!("making {} resources", trouble.scraped));
    fleet.grow(trouble.scraped).await?;
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    let url = format!("http://{}/metrics", subject.address()?);
    fleet.settled().await?;
    warm_up(&fleet, "scrape-warm").await?;
    events_end(&fleet.client).await?;
    run.step("reading the metrics");
    let mut pairs = Vec::new();
    let scrapes: RefCell<Scrapes> = RefCell::default();
    for pair in 0..trouble.pairs {
        let quiet = beside::healthy(&fleet, trouble.round, &format!("scrape-{pair}-quiet")).await?;
        let others = scrape(&url, &scrapes);
        let mark = format!("scrape-{pair}-beside");
        let busy = beside::healthy_beside(&fleet, trouble.round, &mark, others).await?;
        pairs.push((busy, quiet));
    }
    subject.stop().await?;
    fleet.control_plane.stop().await?;
    let scenario = format!("metrics of {} resources are read all the time", fleet.size);
    beside::report(run.report, &scenario, beside::QUIET, &pairs);
    let scrapes = scrapes.into_inner();
    let took = median(scrapes.milliseconds.iter().copied());
    run.report.add(Figure::new(&scenario, "a scrape takes, p50", "ms", took));
    run.report.add(Figure::new(&scenario, "a scrape has", "MiB", scrapes.bytes as f64 / 1_048_576.0));
    Ok(())
}

/// How long a scrape takes that nobody else makes, in milliseconds: the median of several, of a process in sync.
///
/// # Errors
/// When one fails.
pub(super) async fn once(fleet: &Fleet, scrapes: usize) -> anyhow::Result<f64> {
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    let url = format!("http://{}/metrics", subject.address()?);
    fleet.settled().await?;
    let mut milliseconds = Vec::new();
    for _ in 0..scrapes {
        milliseconds.push(read(&reqwest::Client::new(), &url).await?.0);
    }
    subject.stop().await?;
    Ok(median(milliseconds))
}

/// One scrape after the other; returns only when one fails.
async fn scrape(url: &str, scrapes: &RefCell<Scrapes>) -> anyhow::Error {
    let client = reqwest::Client::new();
    loop {
        match read(&client, url).await {
            Ok((milliseconds, bytes)) => {
                let mut scrapes = scrapes.borrow_mut();
                scrapes.bytes = bytes;
                scrapes.milliseconds.push(milliseconds);
            }
            Err(error) => return error.into(),
        }
    }
}

/// One scrape: how long it takes, in milliseconds, and how many bytes it has.
async fn read(client: &reqwest::Client, url: &str) -> reqwest::Result<(f64, usize)> {
    let began = Instant::now();
    let body = client.get(url).send().await?.error_for_status()?.bytes().await?;
    Ok((began.elapsed().as_secs_f64() * 1e3, body.len()))
}
