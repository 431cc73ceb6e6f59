//! `tenants`: one line for each AICoreTenant.

use jiff::Timestamp;
use kube::{Api, api::ListParams};

use super::{
    Done, Failed, age,
    cli::{ClusterArgs, Output, TenantsArgs},
    cluster::Cluster,
    status, table, terminal,
};
use crate::{
    api::{
        AICoreTenant, AICoreTenantStatus,
        condition::{self, READY},
    },
    clock,
    domain::tools::{invalid::Quoted, printable::Printable},
    k8s::error::{Error, within_limit},
};

/// Stands where there is nothing to show.
const NONE: &str = "-";

pub(super) async fn run(args: &ClusterArgs, what: &TenantsArgs) -> Result<Done, Failed> {
    let cluster = Cluster::connect(args).await?;
    let tenants: Api<AICoreTenant> = Api::all(cluster.client.clone());
    let found = match &what.name {
        Some(name) => match within_limit(tenants.get(name)).await {
            Ok(found) => vec![found],
            Err(Error::NotFound) => {
                return Err(Failed::cluster(format_args!(
                    "there is no AICoreTenant {}, or the resource definition is not installed",
                    Quoted(name)
                )));
            }
            Err(error) => return Err(cluster.in_words(error)),
        },
        None => match within_limit(tenants.list(&ListParams::default())).await {
            Ok(list) => list.items,
            Err(Error::NotFound) => {
                return Err(Failed::cluster(
                    "the API server does not know AICoreTenants; install the operator's resource definitions",
                ));
            }
            Err(error) => return Err(cluster.in_words(error)),
        },
    };
    if found.is_empty() {
        terminal::tell(&Printable::new("No AICoreTenants found."));
        return Ok(Done { lines: Vec::new(), fine: true });
    }
    Ok(show(&found, what.output == Some(Output::Wide), clock::now()))
}

/// The table, and whether every service key works.
fn show(tenants: &[AICoreTenant], wide: bool, now: Timestamp) -> Done {
    let mut headings = vec!["NAME", "READY", "REASON", "RESOURCES", "QUOTA", "KEY EXPIRES"];
    if wide {
        headings.extend(["AGE", "API URL", "AUTHORIZATION SERVER"]);
    }
    headings.push("MESSAGE");
    let rows: Vec<Vec<String>> = tenants.iter().map(|tenant| row(tenant, wide, now)).collect();
    let fine = tenants.iter().all(|tenant| summary(tenant).0 == "True");
    Done { lines: table::render(&headings, &rows), fine }
}

fn row(tenant: &AICoreTenant, wide: bool, now: Timestamp) -> Vec<String> {
    let (ready, reason, message) = summary(tenant);
    let empty = AICoreTenantStatus::default();
    let known = tenant.status.as_ref().unwrap_or(&empty);
    let text = |text: Option<&String>| text.map_or(NONE.to_owned(), Clone::clone);
    let mut cells = vec![
        text(tenant.metadata.name.as_ref()),
        ready,
        reason,
        known.resources.map_or(NONE.to_owned(), |resources| resources.to_string()),
        known.quota.as_ref().map_or(NONE.to_owned(), |quota| format!("{} of {}", quota.used, quota.limit)),
        status::until(known.service_key_expires_at, now),
    ];
    if wide {
        let created = tenant.metadata.creation_timestamp.as_ref();
        cells.push(created.map_or(NONE.to_owned(), |time| age::short(now.duration_since(time.0).as_secs())));
        cells.push(text(known.api_url.as_ref()));
        cells.push(text(known.authorization_server.as_ref()));
    }
    cells.push(message);
    cells
}

/// Ready, reason and message.
fn summary(tenant: &AICoreTenant) -> (String, String, String) {
    let conditions = tenant.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let observed = tenant.status.as_ref().and_then(|status| status.observed_generation);
    let unknown = |message: &str| ("Unknown".to_owned(), NONE.to_owned(), message.to_owned());
    let Some(ready) = condition::find(conditions, READY) else {
        return unknown(
            "The operator has not looked at it yet; if this lasts, see whether it runs and watches all namespaces",
        );
    };
    if observed < tenant.metadata.generation {
        return unknown("The operator has not looked at its latest change yet");
    }
    (ready.status.clone(), ready.reason.clone(), status::message(ready, conditions))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tenant(name: &str, status: &Value) -> AICoreTenant {
        serde_json::from_value(json!({
            "apiVersion": "aicore-registry.dev/v1alpha1",
            "kind": "AICoreTenant",
            "metadata": { "name": name, "generation": 2, "creationTimestamp": "2026-03-01T08:00:00Z" },
            "spec": { "secretRef": { "namespace": "platform", "name": "key" }, "allowedNamespaces": ["*"] },
            "status": status,
        }))
        .unwrap()
    }

    fn condition(type_: &str, status: &str, reason: &str) -> Value {
        json!({ "type": type_, "status": status, "reason": reason, "message": format!("{reason} it is"),
                "lastTransitionTime": "2026-03-01T10:00:00Z" })
    }

    fn shown(tenants: &[AICoreTenant], wide: bool) -> (String, bool) {
        let Done { lines, fine } = show(tenants, wide, "2026-03-01T10:00:00Z".parse().unwrap());
        (lines.iter().map(|line| line.to_string() + "\n").collect(), fine)
    }

    #[test]
    fn each_is_a_line_and_one_that_does_not_work_is_not_fine() {
        let good = tenant(
            "good",
            &json!({
                "observedGeneration": 2, "conditions": [condition("Ready", "True", "Valid")], "resources": 3,
                "quota": { "used": 7, "limit": 50, "observedTime": "2026-03-01T09:00:00Z" },
                "serviceKeyExpiresAt": "2026-03-03T10:00:00Z", "apiURL": "https://api.example",
            }),
        );
        let (text, fine) = shown(std::slice::from_ref(&good), false);
        assert_eq!(
            text,
            "NAME   READY   REASON   RESOURCES   QUOTA     KEY EXPIRES   MESSAGE\n\
             good   True    Valid    3           7 of 50   in 2d         Valid it is\n"
        );
        assert!(fine);
        let (wide, _) = shown(std::slice::from_ref(&good), true);
        assert!(wide.contains("https://api.example") && wide.contains("120m"), "{wide}");
        let ended = json!({
            "observedGeneration": 2, "serviceKeyExpiresAt": "2026-03-01T09:00:00Z",
            "conditions": [condition("Ready", "True", "Valid"), condition("Reconciling", "True", "RateLimited"),
                           condition("CredentialExpired", "True", "ServiceKey")],
        });
        let (text, fine) = shown(&[good.clone(), tenant("ended", &ended)], false);
        assert!(
            text.contains("60m ago")
                && text.contains(
                    "; Reconciling: RateLimited: RateLimited it is; CredentialExpired: ServiceKey it is"
                ),
            "{text}"
        );
        assert!(fine);
        for unknown in [
            json!({ "observedGeneration": -1 }),
            json!({ "observedGeneration": 1, "conditions": [condition("Ready", "True", "Valid")] }),
        ] {
            let (text, fine) = shown(&[good.clone(), tenant("new", &unknown)], false);
            assert!(text.contains("Unknown") && !fine, "{text}");
        }
    }
}
