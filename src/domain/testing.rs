//! Resources, statuses and observations for tests, with names that read as English.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, LazyLock},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{
    api::{
        AICoreRegistrySecretSpec, AICoreRegistrySecretStatus, AICoreSecretRef, SecretRef,
        condition::{READY, RECONCILING, STALLED},
    },
    domain::{
        decide::{
            arrival::Sent,
            backoff::Backoff,
            digest::PayloadDigest,
            failure::Failure,
            key_place::{self, KeyPlace, Lookup},
            observed::{Found, NamespaceState, Observed, Ownership, Takeover},
            reason::{Class, Reason},
        },
        parse::{
            api_url::Tenant,
            docker_config::{self, Payload, Selection},
            duration::ResyncInterval,
            name::RemoteName,
            object::{Now, Object, ObjectKey},
            service_key::{self, ServiceKey},
            tenant::{SharedTenant, Terms},
        },
    },
};

/// When everything that the status speaks of began.
pub(crate) const LAST_SYNC: i64 = 1_750_000_000;
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const LONG_UPTIME: Duration = Duration::from_secs(1_000_000);

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("ns", name)
}

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant {
        api_url: format!("https://api.{name}.example"),
        authorization_server: format!("https://{name}.example"),
    }
}

/// Names the Secrets `registry` and `aicore-key`, and leaves everything else to the defaults.
pub(crate) fn spec() -> AICoreRegistrySecretSpec {
    AICoreRegistrySecretSpec {
        secret_ref: SecretRef {
            name: "registry".to_owned(),
            server: None,
            username_key: None,
            password_key: None,
        },
        ai_core_secret_ref: Some(AICoreSecretRef { name: "aicore-key".to_owned(), key: None }),
        tenant_ref: None,
        remote_name: None,
        registries: None,
        creation_policy: None,
        deletion_policy: None,
        resync_interval: None,
        suspend: None,
    }
}

/// `ns/pull`, of generation 1.
pub(crate) fn an_object() -> Object {
    object_named("pull", 1)
}

/// `ns/<name>` with the uid `uid-<name>`.
pub(crate) fn object_named(name: &str, created: i64) -> Object {
    Object {
        key: key(name),
        uid: format!("uid-{name}").into(),
        created: at(created),
        generation: 1,
        deleting: false,
        finalizer: false,
        requested_at: None,
        abandon: false,
        spec: Arc::new(spec()),
        inadmissible: None,
        remote_name: RemoteName::parse(name),
    }
}

/// Where the service key of an object that has one in its namespace is.
pub(crate) fn place_of(object: &Object) -> Arc<KeyPlace> {
    key_place::place(object, |_| Lookup::NotServed).unwrap_or_else(|failure| panic!("{}", failure.message))
}

/// `shared`, whose key is in `platform/aicore-key`.
pub(crate) fn a_shared_tenant(namespaces: &[&str], remote_names: Option<&[&str]>) -> SharedTenant {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    SharedTenant {
        name: "shared".into(),
        uid: "uid-shared".into(),
        generation: 1,
        requested_at: None,
        terms: Ok(Arc::new(Terms {
            secret: ObjectKey::new("platform", "aicore-key"),
            field: None,
            allowed_namespaces: texts(namespaces),
            remote_names: remote_names.map(texts),
        })),
    }
}

/// Changes to an object's spec, chained.
pub(crate) trait WithSpec {
    fn with_spec(self, change: impl FnOnce(&mut AICoreRegistrySecretSpec)) -> Self;
}

impl WithSpec for Object {
    fn with_spec(mut self, change: impl FnOnce(&mut AICoreRegistrySecretSpec)) -> Self {
        change(Arc::make_mut(&mut self.spec));
        self.remote_name = RemoteName::parse(self.spec.remote_name.as_deref().unwrap_or(&self.key.name));
        self
    }
}

/// A service key of the tenant with that name, with that client secret.
pub(crate) fn service_key_of(client_secret: &str, tenant: &str) -> ServiceKey {
    let json = serde_json::json!({
        "clientid": "client",
        "clientsecret": client_secret,
        "serviceurls": {"AI_API_URL": format!("https://api.ai.{tenant}.eu-central-1.aws.ml.hana.ondemand.com")},
        "url": format!("https://{tenant}.authentication.eu10.hana.ondemand.com"),
    });
    let secret = crate::domain::parse::secret_data::tests::secret(
        "aicore-key",
        None,
        [("key.json", json.to_string())],
    );
    service_key::parse(&secret, None, &crate::domain::parse::allowed_hosts::tests::default_hosts())
        .unwrap_or_else(|invalid| panic!("{invalid}"))
}

/// What would be sent for one registry.
pub(crate) fn a_payload(registry: &str, password: &str) -> Payload {
    a_payload_for(&[(registry, "me", password)])
}

/// What would be sent for these registries, user names and passwords.
pub(crate) fn a_payload_for(logins: &[(&str, &str, &str)]) -> Payload {
    let auths: serde_json::Map<_, _> = logins
        .iter()
        .map(|(registry, username, password)| {
            ((*registry).to_owned(), serde_json::json!({"username": username, "password": password}))
        })
        .collect();
    let json = serde_json::json!({ "auths": auths }).to_string();
    let secret =
        crate::domain::parse::secret_data::tests::secret("registry", None, [(".dockerconfigjson", json)]);
    docker_config::payload(&secret, &Selection::default()).unwrap_or_else(|invalid| panic!("{invalid}"))
}

/// The digest of a credential for `ghcr.io` with the password `a` or `b`.
pub(crate) fn digest_of(password: &str) -> PayloadDigest {
    static DIGESTS: LazyLock<[PayloadDigest; 2]> = LazyLock::new(|| {
        ["a", "b"].map(|password| {
            PayloadDigest::of(
                &a_payload("ghcr.io", password),
                "pull",
                &service_key_of("s3cret", "one"),
                &tenant("one"),
            )
        })
    });
    DIGESTS[usize::from(password == "b")].clone()
}

/// What `Ready` says of the resource of these tests when AI Core has accepted its credential.
pub(crate) const SYNCED: &str =
    "AI Core accepted the credential for ghcr.io as docker registry secret \"pull\"";

pub(crate) fn condition(type_: &str, status: &str, reason: &str) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: match reason {
            "Synced" => SYNCED.to_owned(),
            _ => format!("{reason} it is"),
        },
        last_transition_time: Time(at(LAST_SYNC)),
        observed_generation: Some(1),
    }
}

/// As the schema's default writes it.
pub(crate) fn a_new_status() -> AICoreRegistrySecretStatus {
    AICoreRegistrySecretStatus { observed_generation: Some(-1), ..AICoreRegistrySecretStatus::default() }
}

/// The credential `a` was pushed to tenant `one` at `LAST_SYNC`, from Secrets at versions 10 and 20; the next resync is an
/// hour later.
pub(crate) fn a_status_in_sync() -> AICoreRegistrySecretStatus {
    AICoreRegistrySecretStatus {
        observed_generation: Some(1),
        conditions: vec![condition(READY, "True", "Synced")],
        remote_name: Some("pull".to_owned()),
        api_url: Some(tenant("one").api_url),
        authorization_server: Some(tenant("one").authorization_server),
        registries: Some(vec!["ghcr.io".to_owned()]),
        credentials_digest: Some(digest_of("a").as_str().to_owned()),
        secret_resource_version: Some("10".to_owned()),
        ai_core_secret_resource_version: Some("20".to_owned()),
        last_sync_time: Some(Time(at(LAST_SYNC))),
        next_resync_time: Some(Time(at(LAST_SYNC + 3600))),
        ..AICoreRegistrySecretStatus::default()
    }
}

/// A status in sync but for what `Ready` says, and for what else is said after a failure.
pub(crate) fn a_status_saying(
    ready: &str,
    reason: Reason,
    trouble: Option<(&str, Reason)>,
) -> AICoreRegistrySecretStatus {
    let mut conditions = vec![condition(READY, ready, reason.as_str())];
    conditions.extend(trouble.map(|(type_, reason)| condition(type_, "True", reason.as_str())));
    AICoreRegistrySecretStatus { conditions, ..a_status_in_sync() }
}

/// As `report` leaves the status of the class of `reason` after a failed resync that left the remote secret alone.
pub(crate) fn a_status_after_failed_resync(reason: Reason) -> AICoreRegistrySecretStatus {
    let type_ = if reason.class() == Class::Stalled { STALLED } else { RECONCILING };
    a_status_saying("True", Reason::Synced, Some((type_, reason)))
}

pub(crate) fn failure(reason: Reason) -> Failure {
    Failure::new(reason, format!("{} happened", reason.as_str()))
}

pub(crate) fn usable<T>(version: &str, content: T) -> Found<T> {
    Found::Usable { version: version.to_owned(), content }
}

pub(crate) fn unusable<T>(reason: Reason) -> Found<T> {
    Found::Unusable(failure(reason))
}

/// Both Secrets are as they were when the credential `a` was pushed, a minute after that; nobody else wants the name, and
/// the operator has been running for long.
pub(crate) fn an_observation<'a>(object: &'a Object, status: &'a AICoreRegistrySecretStatus) -> Observed<'a> {
    Observed {
        object,
        status,
        source: usable("10", vec!["ghcr.io".to_owned()]),
        source_seen: None,
        remarks: Vec::new(),
        credential_ends: None,
        service_key_validity: None,
        service_key: usable("20", tenant("one")),
        digest: Some(digest_of("a")),
        service_key_identity: Some("aicore-key/@20".to_owned()),
        ownership: Ownership::Owner { successor: None },
        takeover: Takeover::Done,
        handing_over: None,
        sent: Sent::AsTold,
        namespace: NamespaceState::Active,
        backoff: None,
        checked: None,
        synced: None,
        api_failures: 0,
        overwritten: false,
        confirmation_due: false,
        default_resync_interval: ResyncInterval::Every(HOUR),
        now: a_minute_later(),
    }
}

pub(crate) fn a_minute_later() -> Now {
    Now { wall: at(LAST_SYNC + 60), uptime: LONG_UPTIME, leading: LONG_UPTIME }
}

/// The resync of `a_status_in_sync` is due, after the operator ran for `uptime`.
pub(crate) fn resync_due_after(uptime: Duration) -> Now {
    Now { wall: at(LAST_SYNC + 3600), uptime, leading: uptime }
}

/// A failure under the circumstances of the observation, that holds the next attempt for `left` more.
pub(crate) fn a_backoff(observed: &Observed<'_>, failure: Failure, left: Duration) -> Backoff {
    Backoff {
        attempts: 1,
        not_before: observed.now.uptime + left,
        failure,
        circumstances: observed.circumstances(),
    }
}

/// The same for the same items in any order.
pub(crate) fn hash_unordered(items: impl IntoIterator<Item: Hash>, state: &mut impl Hasher) {
    let sum = items.into_iter().fold(0_u64, |sum, item| {
        let mut hasher = DefaultHasher::new();
        item.hash(&mut hasher);
        sum.wrapping_add(hasher.finish())
    });
    state.write_u64(sum);
}
