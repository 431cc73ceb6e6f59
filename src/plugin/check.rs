//! `check`: tells what is wrong with a resource and its two Secrets, before or after they are in the cluster.
//!
//! [`files`] or the cluster give the [`Case`]s, [`doctor`] judges them with the operator's own rules, and [`remote`] asks AI
//! Core. Nothing here shows a secret value: findings are made of names and of the domain's sentences.

mod cluster;
mod doctor;
mod documents;
mod files;
mod findings;
mod inventory;
mod manifest;
mod remote;
mod rules;
mod schema;
mod shared;
mod standing;

use std::sync::Arc;

use super::{
    Done, Failed,
    cli::{CheckArgs, ClusterArgs},
    registry::{self, Registries},
};
use crate::{
    aicore::{
        pool::{self, Pool},
        way::Proxies,
    },
    api::AICoreRegistrySecretSpec,
    ca_bundle, clock,
    config::{DEFAULT_TENANT_BURST, DEFAULT_TENANT_RPS},
    domain::{
        parse::{allowed_hosts::AllowedHosts, secret_data::SecretData},
        tools::bucket::Rate,
    },
    fence::Fence,
    metrics::Metrics,
};
use doctor::{Doctor, Examined};
pub(super) use findings::Finding;
use findings::Findings;

/// What belongs together and is judged together.
struct Case {
    /// What it is, as its heading says it.
    title: String,
    /// What reading it has shown already.
    found: Vec<Finding>,
    /// Name and spec of the resource; none for a credential by itself.
    resource: Option<(String, AICoreRegistrySecretSpec)>,
    /// The Secret with the registry credential, if one is wanted.
    source: Option<Held>,
    /// The Secret with the service key, if one is wanted.
    service_key: Option<Held>,
    /// The key within it that holds the service key, if somebody says so.
    key_field: Option<String>,
}

/// A Secret that is wanted.
enum Held {
    Read(SecretData),
    /// There is none to judge, and this says why.
    Unread(Finding),
}

impl Held {
    /// The same, of another namespace than the resource's.
    fn elsewhere(self, namespace: &str) -> Self {
        match self {
            Self::Read(secret) => Self::Read(secret.elsewhere(namespace)),
            unread @ Self::Unread(_) => unread,
        }
    }
}

/// The service key of a resource.
#[derive(Default)]
struct KeyFound {
    /// The Secret, if one is wanted.
    held: Option<Held>,
    /// The key within it that holds the service key, if somebody says so.
    field: Option<String>,
    /// What the AICoreTenant allows, if one shares it.
    allowed: Option<Finding>,
}

impl KeyFound {
    /// There is none to judge, and this says why.
    fn unread(why: Finding) -> Self {
        Self { held: Some(Held::Unread(why)), ..Self::default() }
    }
}

pub(super) async fn run(cluster: &ClusterArgs, args: &CheckArgs) -> Result<Done, Failed> {
    let allowed_hosts = AllowedHosts::parse(&args.allowed_hosts, args.allow_insecure_http)
        .map_err(|invalid| Failed::usage(format_args!("--allowed-hosts: {invalid}")))?;
    let extra_roots_pem =
        args.ca_bundle.as_deref().map(ca_bundle::read).transpose().map_err(Failed::unusable)?;
    let registries = Registries::of(args, extra_roots_pem.as_deref())?;
    let doctor = Doctor {
        allowed_hosts,
        registries: (!args.registries.is_empty()).then(|| args.registries.clone()),
        pool: pool(args, extra_roots_pem)?,
        now: clock::now(),
    };
    let (cases, standing) = match &args.name {
        Some(name) => {
            let (case, standing) = cluster::case(cluster, name).await?;
            (vec![case], standing)
        }
        None => (inventory::cases(&files::read(&args.files)?, cluster.namespace.as_deref())?, None),
    };
    let mut findings = Findings::default();
    let mut all: Vec<Examined> = cases.into_iter().map(|case| doctor.examine(case)).collect();
    if let Some(registries) = &registries {
        ask_registries(registries, &mut all).await;
    }
    for mut examined in all {
        if args.remote {
            examined.findings.extend(remote::ask(&examined).await);
        } else if let Some(how) = &examined.token {
            let note = Finding::note(doctor::TOKEN, format!("not asked for (--remote does): {how}"));
            examined.findings.push(note);
        }
        if let Some(standing) = standing.as_ref().filter(|standing| !standing.repeats(&examined.findings)) {
            examined.findings.push(standing.clone());
        }
        findings.add(examined.title, examined.findings);
    }
    Ok(Done { fine: findings.are_fine(), lines: findings.lines() })
}

/// For all credentials together.
async fn ask_registries(registries: &Registries, all: &mut [Examined]) {
    let payloads: Vec<_> = all.iter().filter_map(|examined| examined.payload.as_ref()).collect();
    let mut judged = registries.judge(&payloads).await.into_iter();
    for examined in all {
        if examined.payload.is_some() {
            examined.findings.extend(judged.next().unwrap_or_default());
        } else if examined.has_credential {
            let why = "not asked, because there is no usable credential";
            examined.findings.push(Finding::unchecked(registry::PART, why));
        }
    }
}

/// Opens no connection by itself.
fn pool(args: &CheckArgs, extra_roots_pem: Option<Vec<u8>>) -> Result<Pool, Failed> {
    let proxies = if args.remote {
        Proxies::from_environment(|name| std::env::var(name).ok()).map_err(Failed::unusable)?
    } else {
        Proxies::default()
    };
    let settings = pool::RequestSettings {
        request_timeout: pool::DEFAULT_REQUEST_TIMEOUT,
        tenant_rate: Rate::new(DEFAULT_TENANT_RPS, DEFAULT_TENANT_BURST),
        extra_roots_pem,
        proxies,
    };
    Pool::new(settings, Fence::always_open(), Arc::new(Metrics::new())).map_err(Failed::unusable)
}
