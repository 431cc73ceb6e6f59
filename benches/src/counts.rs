//! How many requests the API server has answered.

use std::{collections::BTreeMap, time::Duration};

use http::Request;
use kube::Client;
use tokio::time::{sleep, timeout};

/// Answered requests by verb and resource, as in `GET secrets/` or `PATCH aicoreregistrysecrets/status`. Watches count when
/// they end.
pub type Counts = BTreeMap<String, u64>;

/// Reads them from the API server's metrics. Requests for these metrics are not counted among them.
///
/// # Errors
/// When the API server does not answer.
pub async fn answered(client: &Client) -> anyhow::Result<Counts> {
    let request = Request::get("/metrics").body(Vec::new())?;
    let text = client.request_text(request).await?;
    let mut counts = Counts::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")) {
        let Some((labels, count)) = line.rsplit_once("} ") else { continue };
        let label = |name: &str| {
            labels
                .split(&format!("{name}=\""))
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .unwrap_or_default()
        };
        if matches!(label("resource"), "secrets" | "aicoreregistrysecrets" | "events") {
            let what = format!("{} {}/{}", label("verb"), label("resource"), label("subresource"));
            *counts.entry(what).or_insert(0) += count.parse::<f64>().unwrap_or_default() as u64;
        }
    }
    Ok(counts)
}

/// Waits until no more events are published: they come after the statuses that they are about, one after another.
///
/// # Errors
/// When the API server does not answer, or they do not end within two minutes.
pub async fn events_end(client: &Client) -> anyhow::Result<()> {
    let end = async {
        let mut before = None;
        loop {
            let counts = answered(client).await?;
            let events = ["POST events/", "PATCH events/"].map(|what| counts.get(what).copied());
            if before.replace(events) == Some(events) {
                return Ok(());
            }
            sleep(Duration::from_millis(250)).await;
        }
    };
    timeout(Duration::from_secs(120), end).await?
}

/// How many more of one kind there are after than before.
#[must_use]
pub fn more(before: &Counts, after: &Counts, what: &str) -> u64 {
    after.get(what).unwrap_or(&0).saturating_sub(*before.get(what).unwrap_or(&0))
}
