//! One pass, between its points of waiting.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{
    fingerprint::shown,
    world::{ALL, Content, Who, tenant_of},
};
use crate::{
    api::AICoreRegistrySecretStatus,
    controller::errand::KeyFound,
    domain::{
        decide::{
            backoff::Backoff,
            conflict::Claim,
            digest::PayloadDigest,
            key_place::KeyPlace,
            memory::Memory,
            observed::{Found, NamespaceState, Observed, Ownership, Takeover},
            pass_outcome::PassOutcome,
            plan::Plan,
            reason::Reason,
            report::{Outcome, Report},
        },
        parse::{
            api_url::Tenant,
            duration::ResyncInterval,
            object::{Now, Object},
        },
        testing::{HOUR, a_payload, failure, service_key_of, usable},
    },
};

/// What the index keeps of a service key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) version: Arc<str>,
    pub(super) tenant: Arc<Tenant>,
    /// Tells one key from another.
    pub(super) id: u64,
}

/// Versions as they are written.
pub(super) fn source_version(version: u8) -> Arc<str> {
    format!("1{version}").into()
}

pub(super) fn key_version(tenant: usize) -> Arc<str> {
    format!("2{tenant}").into()
}

/// The service key of a resource, for that tenant.
pub(super) fn held(who: Who, tenant: usize) -> Arc<Held> {
    static HELD: LazyLock<[[Arc<Held>; 2]; 2]> = LazyLock::new(|| {
        ALL.map(|who| {
            [0, 1].map(|tenant| {
                let id = u64::try_from(who * 10 + tenant).unwrap();
                Arc::new(Held { version: key_version(tenant), tenant: Arc::new(tenant_of(tenant)), id })
            })
        })
    });
    Arc::clone(&HELD[who][tenant])
}

/// The digest of a credential for a tenant.
fn digest(content: Content, tenant: usize) -> PayloadDigest {
    static DIGESTS: LazyLock<HashMap<(Who, u8, usize), PayloadDigest>> = LazyLock::new(|| {
        let mut digests = HashMap::new();
        for who in ALL {
            for tenant in [0, 1] {
                let key = service_key_of(&format!("secret-{who}-{tenant}"), "one");
                for version in 1..8 {
                    let payload = a_payload("ghcr.io", &format!("password-{who}-{version}"));
                    let digest = PayloadDigest::of(&payload, "pull", &key, &tenant_of(tenant));
                    digests.insert((who, version, tenant), digest);
                }
            }
        }
        digests
    });
    DIGESTS[&(content.by, content.version, tenant)].clone()
}

/// What a pass was begun with.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    pub(super) object: Arc<Object>,
    pub(super) status: Arc<AICoreRegistrySecretStatus>,
    pub(super) memory: Memory,
    pub(super) heard: u32,
    pub(super) overwritten: bool,
    pub(super) confirmation_due: bool,
    /// The version of the service key that the watch has shown.
    pub(super) key_watched: Option<Arc<str>>,
    /// The version of the source Secret that the watch has shown.
    pub(super) source_seen: Option<Arc<str>>,
    pub(super) key_held: Option<Arc<Held>>,
    /// Whether the Secrets are listed for the first time.
    pub(super) lists: bool,
    /// Where the service key is.
    pub(super) key_place: Option<Arc<KeyPlace>>,
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// What the source Secret holds; of a resource that is being deleted it is not read.
    pub(super) source: Option<Content>,
    /// The tenant of the service key.
    pub(super) tenant: usize,
    pub(super) claim: Claim,
    pub(super) ownership: Ownership,
    pub(super) takeover: Takeover,
    pub(super) key: KeyFound,
    pub(super) restored: Option<Backoff>,
    pub(super) now: Now,
}

/// As `Gathered::observed`.
pub(super) fn observed<'a>(begun: &'a Begun, facts: &'a Facts) -> Observed<'a> {
    Observed {
        object: &begun.object,
        status: &begun.status,
        source: match facts.source {
            Some(content) => usable(&source_version(content.version), vec!["ghcr.io".to_owned()]),
            None => Found::Unusable(failure(Reason::SecretNotFound)),
        },
        source_seen: begun.source_seen.as_deref(),
        remarks: Vec::new(),
        credential_ends: None,
        service_key_validity: None,
        service_key: usable(&key_version(facts.tenant), (*facts.claim.tenant).clone()),
        digest: facts.source.map(|content| digest(content, facts.tenant)),
        service_key_identity: Some(format!("aicore-key/#{}", facts.tenant)),
        ownership: facts.ownership.clone(),
        takeover: facts.takeover,
        handing_over: begun.memory.handing_over,
        sent: begun.memory.sent,
        namespace: NamespaceState::Active,
        backoff: begun.memory.retry.backoff.as_deref().or(facts.restored.as_ref()),
        checked: begun.memory.checked.as_ref(),
        synced: begun.memory.synced,
        api_failures: begun.memory.retry.api_failures,
        overwritten: begun.overwritten,
        confirmation_due: begun.confirmation_due,
        default_resync_interval: INTERVAL,
        now: facts.now,
    }
}

pub(super) const INTERVAL: ResyncInterval = ResyncInterval::Every(HOUR);

/// What a pass waits for.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// The answers to the reads of both Secrets.
    Reading,
    /// The answer to a change of the finalizer, before the step.
    Finalizer,
    /// A token.
    Token,
    /// That no other request for the remote secret is under way.
    Order,
    /// That the announcement is written.
    Announcing(Arc<AICoreRegistrySecretStatus>),
    /// The answer to the request to AI Core.
    Sending,
    /// The answer to the removal of the finalizer, after the step.
    LettingGo(Outcome),
    /// That the status is written.
    Writing(Arc<AICoreRegistrySecretStatus>, Box<Report>),
    /// That the status is written which says no more what was left behind; and how the pass ends then.
    Leaving(Arc<AICoreRegistrySecretStatus>, PassOutcome, Option<Duration>),
}

/// One pass that is under way.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    pub(super) begun: Arc<Begun>,
    pub(super) found: Option<Arc<(Facts, Plan)>>,
    pub(super) stage: Stage,
    /// The same for equal ones.
    pub(super) mark: u64,
}

impl Pass {
    pub(super) fn new(begun: Arc<Begun>, found: Option<Arc<(Facts, Plan)>>, stage: Stage) -> Self {
        let mark = shown(&(&begun, &found, &stage));
        Self { begun, found, stage, mark }
    }
}

/// How long after a delay of this length nobody looks: a world that comes to rest only by the look of every quarter of an hour has not.
pub(super) const TOO_LATE: Duration = Duration::from_mins(10);
