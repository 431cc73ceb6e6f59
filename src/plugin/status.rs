//! `status`: one line for each resource.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{Api, api::ListParams};

use super::{
    Done, Failed, age,
    cli::{ClusterArgs, Output, StatusArgs},
    cluster::{Cluster, not_understood},
    table, terminal,
};
use crate::{
    api::{
        AICoreRegistrySecret, AICoreRegistrySecretStatus, Moment,
        condition::{self, EXPIRED, EXPIRING, READY, RECONCILING, STALLED},
    },
    clock,
    domain::tools::printable::Printable,
    k8s::{
        error::within_limit,
        partial::{Misunderstood, UnvalidatedResource},
    },
};

/// Stands where there is nothing to show.
const NONE: &str = "-";

pub(super) async fn run(args: &ClusterArgs, what: &StatusArgs) -> Result<Done, Failed> {
    let cluster = Cluster::connect(args).await?;
    let found = match &what.name {
        Some(name) => {
            let found = within_limit(cluster.resources().get(name)).await;
            vec![found.map_err(|error| cluster.failed(name, error))?]
        }
        None => {
            let api: Api<UnvalidatedResource> =
                if what.all_namespaces { Api::all(cluster.client.clone()) } else { cluster.resources() };
            let list = within_limit(api.list(&ListParams::default())).await;
            list.map_err(|error| cluster.in_words(error))?.items
        }
    };
    if found.is_empty() {
        let place =
            if what.all_namespaces { String::new() } else { format!(" in {} namespace", cluster.namespace) };
        terminal::tell(&Printable::new(format_args!("No resources found{place}.")));
        return Ok(Done { lines: Vec::new(), fine: true });
    }
    let resources: Vec<Checked> = found.into_iter().map(UnvalidatedResource::check).collect();
    Ok(show(&resources, what.output == Some(Output::Wide), clock::now()))
}

/// A resource, or one that this version does not understand: what can be shown of it is.
type Checked = Result<AICoreRegistrySecret, Box<Misunderstood>>;

/// The table, and whether every resource is ready.
fn show(resources: &[Checked], wide: bool, now: Timestamp) -> Done {
    let mut headings =
        vec!["NAMESPACE", "NAME", "READY", "REASON", "REMOTE NAME", "LAST SYNC", "NEXT RESYNC", "EXPIRES"];
    if wide {
        headings.extend(["KEY EXPIRES", "AGE", "TENANT", "API URL", "REGISTRIES"]);
    }
    headings.push("MESSAGE");
    let rows: Vec<Vec<String>> = resources.iter().map(|resource| row(resource, wide, now)).collect();
    let fine = resources.iter().all(|resource| summary(resource).is_ready());
    Done { lines: table::render(&headings, &rows), fine }
}

fn summary(resource: &Checked) -> Summary {
    match resource {
        Ok(resource) => Summary::of(resource),
        Err(misunderstood) => Summary::unknown(not_understood(misunderstood)),
    }
}

fn row(resource: &Checked, wide: bool, now: Timestamp) -> Vec<String> {
    let Summary { ready, reason, message } = summary(resource);
    let (metadata, status) = match resource {
        Ok(resource) => (&resource.metadata, &resource.status),
        Err(misunderstood) => (&misunderstood.metadata, &misunderstood.status),
    };
    let empty = AICoreRegistrySecretStatus::default();
    let status = status.as_ref().unwrap_or(&empty);
    let text = |text: Option<&String>| text.map_or(NONE.to_owned(), Clone::clone);
    let since = |time: Option<&Time>| {
        time.map_or(NONE.to_owned(), |time| age::short(now.duration_since(time.0).as_secs()))
    };
    // A suspended resource is not pushed, whatever its status says from before.
    let suspended = resource.as_ref().is_ok_and(|resource| resource.spec.suspended());
    let resync = status.next_resync_time.as_ref().filter(|_| !suspended);
    let resync = resync.map(|time| time.0.duration_since(now).as_secs());
    let mut cells = vec![
        text(metadata.namespace.as_ref()),
        text(metadata.name.as_ref()),
        ready,
        reason,
        text(status.remote_name.as_ref()),
        since(status.last_sync_time.as_ref()),
        match resync {
            None => NONE.to_owned(),
            Some(seconds) if seconds <= 0 => "due".to_owned(),
            Some(seconds) => format!("in {}", age::short(seconds)),
        },
        until(status.credential_expires_at, now),
    ];
    if wide {
        cells.push(until(status.service_key_expires_at, now));
        cells.push(since(metadata.creation_timestamp.as_ref()));
        let tenant = resource.as_ref().ok().and_then(|resource| resource.spec.tenant_ref.as_ref());
        cells.push(text(tenant.map(|tenant| &tenant.name)));
        cells.push(text(status.api_url.as_ref()));
        cells.push(status.registries.as_ref().map_or(NONE.to_owned(), |registries| registries.join(",")));
    }
    cells.push(message);
    cells
}

/// How long something still lives, or how long ago it ended.
pub(super) fn until(end: Option<Moment>, now: Timestamp) -> String {
    match end.map(|end| end.timestamp().duration_since(now).as_secs()) {
        None => NONE.to_owned(),
        Some(seconds) if seconds <= 0 => format!("{} ago", age::short(-seconds)),
        Some(seconds) => format!("in {}", age::short(seconds)),
    }
}

/// The conditions in three cells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    ready: String,
    reason: String,
    message: String,
}

impl Summary {
    pub(super) fn of(resource: &AICoreRegistrySecret) -> Self {
        let conditions = resource.status.as_ref().map_or(&[][..], |status| &status.conditions);
        let Some(ready) = condition::find(conditions, READY) else {
            return Self::unknown("The operator has not reconciled this resource yet; if this lasts, see whether it runs and watches this namespace".to_owned());
        };
        let observed = resource.status.as_ref().and_then(|status| status.observed_generation);
        let next = unfinished(conditions);
        if observed < resource.metadata.generation {
            let last = next.unwrap_or(ready);
            return Self::unknown(format!(
                "The operator has not reconciled the latest change of this resource yet; before: {}: {}",
                last.reason, last.message
            ));
        }
        Self {
            ready: ready.status.clone(),
            reason: ready.reason.clone(),
            message: message(ready, conditions),
        }
    }

    fn unknown(message: String) -> Self {
        Self { ready: "Unknown".to_owned(), reason: NONE.to_owned(), message }
    }

    fn is_ready(&self) -> bool {
        self.ready == "True"
    }
}

/// What `Ready` says, and what the other conditions add to it.
pub(super) fn message(ready: &Condition, conditions: &[Condition]) -> String {
    // `Ready` stays true while a repetition fails.
    let next = unfinished(conditions).filter(|next| next.reason != ready.reason);
    let lives = [EXPIRED, EXPIRING].iter().filter_map(|type_| condition::find(conditions, type_));
    let reasons = next.map(|next| format!("; {}: {}: {}", next.type_, next.reason, next.message));
    let lives = lives.map(|life| format!("; {}: {}", life.type_, life.message));
    reasons.into_iter().chain(lives).fold(ready.message.clone(), |message, more| message + &more)
}

/// What somebody still has to do, if anything.
pub(super) fn unfinished(conditions: &[Condition]) -> Option<&Condition> {
    [STALLED, RECONCILING].iter().find_map(|type_| condition::find(conditions, type_))
}

#[cfg(test)]
mod tests;
