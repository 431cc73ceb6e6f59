//! Flags of leader election.

use std::{path::Path, time::Duration};

use clap::Args;
use sha2::{Digest, Sha256};

use super::{
    error::{FlagError, LeaderElectionError},
    parse_duration,
};
use crate::leadership::{ElectionSettings, JITTER};

/// Name of the Lease; operators that share the work by labels have one each.
const LEASE: &str = "aicore-registry-operator";
/// Longest identity, in bytes: a pod's name has 253 at most, its UID 36.
const MAX_IDENTITY: usize = 300;
/// Where a pod finds the name of its namespace.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Flags of leader election.
#[derive(Args, Debug)]
pub(super) struct LeaderElectionArgs {
    /// Elect one of several replicas as leader, by a Lease. Only the leader works; the others stand by.
    #[arg(long = "leader-elect", env = "AICORE_REGISTRY_LEADER_ELECT", value_name = "true|false", num_args = 0..=1, default_missing_value = "true", default_value_t = false, action = clap::ArgAction::Set)]
    enabled: bool,

    /// Name of the Lease. Default: aicore-registry-operator; with --watch-label-selector, a suffix derived from the selector
    /// is added.
    #[arg(long = "leader-elect-lease-name", env = "AICORE_REGISTRY_LEADER_ELECT_LEASE_NAME")]
    lease_name: Option<String>,

    /// Namespace of the Lease. Default: the namespace of the pod.
    #[arg(long = "leader-elect-lease-namespace", env = "AICORE_REGISTRY_LEADER_ELECT_LEASE_NAMESPACE")]
    lease_namespace: Option<String>,

    /// Who this process is in the Lease; no two that run at the same time may say the same. In a pod its name and UID, so that a
    /// container that starts again takes its own Lease back at once. Default: the host name and something random.
    #[arg(long = "leader-elect-identity", env = "AICORE_REGISTRY_LEADER_ELECT_IDENTITY")]
    identity: Option<String>,

    /// How long the other replicas wait for a silent leader before one of them takes over, in whole seconds.
    #[arg(long = "leader-elect-lease-duration", env = "AICORE_REGISTRY_LEADER_ELECT_LEASE_DURATION", default_value = "15s", value_parser = lease_duration)]
    lease_duration: Duration,

    /// How long the leader tries to renew the Lease before it stops all work and exits. Less than the duration of the Lease.
    #[arg(long = "leader-elect-renew-deadline", env = "AICORE_REGISTRY_LEADER_ELECT_RENEW_DEADLINE", default_value = "10s", value_parser = parse_duration)]
    renew_deadline: Duration,

    /// Time between two attempts to acquire or renew the Lease. Several must fit into the renew deadline.
    #[arg(long = "leader-elect-retry-period", env = "AICORE_REGISTRY_LEADER_ELECT_RETRY_PERIOD", default_value = "2s", value_parser = retry_period)]
    retry_period: Duration,
}

impl LeaderElectionArgs {
    /// `None` without leader election.
    pub(super) fn validate(
        self,
        label_selector: Option<&str>,
    ) -> Result<Option<ElectionSettings>, LeaderElectionError> {
        // A name that is wrong is said also while it is not used.
        let lease_name = self.lease_name.filter(|name| !name.is_empty());
        if let Some(name) = lease_name.as_deref().filter(|name| !is_subdomain(name)) {
            return Err(LeaderElectionError::LeaseName(name.to_owned()));
        }
        let lease_namespace = self.lease_namespace.filter(|name| !name.is_empty());
        if let Some(name) = lease_namespace.as_deref().filter(|name| !super::is_namespace(name)) {
            return Err(LeaderElectionError::LeaseNamespace(name.to_owned()));
        }
        let identity = self.identity.filter(|identity| !identity.is_empty());
        if let Some(identity) = identity.as_deref().filter(|identity| !is_identity(identity)) {
            return Err(LeaderElectionError::Identity(identity.to_owned()));
        }
        if !self.enabled {
            return Ok(None);
        }
        let (duration, deadline) = (self.lease_duration, self.renew_deadline);
        if deadline >= duration {
            return Err(LeaderElectionError::RenewDeadline { deadline, lease: duration });
        }
        let retry = self.retry_period;
        if retry.mul_f64(1.0 + JITTER) >= deadline {
            return Err(LeaderElectionError::RetryPeriod { retry, deadline });
        }
        let name = lease_name.unwrap_or_else(|| lease_of(label_selector));
        let namespace = match lease_namespace {
            Some(name) => name,
            None => own_namespace(Path::new(OWN_NAMESPACE))?,
        };
        Ok(Some(ElectionSettings {
            namespace,
            name,
            identity,
            lease_duration: duration,
            renew_deadline: deadline,
            retry_period: retry,
        }))
    }
}

/// Operators with different selectors work side by side, so each has a Lease of its own.
fn lease_of(label_selector: Option<&str>) -> String {
    let Some(selector) = label_selector else { return LEASE.to_owned() };
    let spaceless: String = selector.split_whitespace().collect();
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(spaceless.as_bytes()).into();
    format!("{LEASE}-{:08x}", u32::from_be_bytes([a, b, c, d]))
}

fn own_namespace(file: &Path) -> Result<String, LeaderElectionError> {
    let namespace = std::fs::read_to_string(file).unwrap_or_default();
    match namespace.trim() {
        "" => Err(LeaderElectionError::NoNamespace { file: file.to_owned() }),
        namespace => Ok(namespace.to_owned()),
    }
}

fn lease_duration(text: &str) -> Result<Duration, FlagError> {
    let duration = parse_duration(text)?;
    if duration.subsec_nanos() == 0 && (1..=3600).contains(&duration.as_secs()) {
        Ok(duration)
    } else {
        Err(FlagError::LeaseDuration)
    }
}

fn retry_period(text: &str) -> Result<Duration, FlagError> {
    let period = parse_duration(text)?;
    if period >= Duration::from_millis(100) { Ok(period) } else { Err(FlagError::RetryPeriod) }
}

/// What people can read in the Lease and a log: a name of a pod, a UID, and what stands between them.
fn is_identity(identity: &str) -> bool {
    identity.len() <= MAX_IDENTITY && identity.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

/// RFC 1123 subdomain, as Leases are named.
fn is_subdomain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        args: LeaderElectionArgs,
    }

    fn settings(label_selector: Option<&str>, flags: &[&str]) -> Result<Option<ElectionSettings>, String> {
        let on = if flags.iter().any(|flag| flag.starts_with("--leader-elect=")) {
            None
        } else {
            Some(&"--leader-elect")
        };
        let all = ["test", "--leader-elect-lease-namespace=ops"].iter().chain(on).chain(flags);
        let parsed = Flags::try_parse_from(all).map_err(|error| error.to_string())?;
        parsed.args.validate(label_selector).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_off_by_default_and_then_needs_nothing() {
        assert_eq!(Flags::try_parse_from(["test"]).unwrap().args.validate(None), Ok(None));
        assert_eq!(settings(None, &["--leader-elect=false"]), Ok(None));
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let expected = ElectionSettings {
            namespace: "ops".to_owned(),
            name: "aicore-registry-operator".to_owned(),
            identity: None,
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        };
        assert_eq!(settings(None, &[]), Ok(Some(expected)));
    }

    #[test]
    fn the_name_of_the_lease_follows_the_selector() {
        let name = |selector| settings(Some(selector), &[]).unwrap().unwrap().name;
        assert_eq!(name("shard=a, team in (x, y)"), name("shard=a,team in (x,y)"));
        assert_ne!(name("shard=a"), name("shard=b"));
        assert!(is_subdomain(&name("shard=a")) && name("shard=a").len() == LEASE.len() + 9);
        let given = settings(Some("shard=a"), &["--leader-elect-lease-name=mine"]).unwrap().unwrap();
        assert_eq!(given.name, "mine");
    }

    #[test]
    fn an_identity_is_given_or_made_up() {
        let identity = |flags: &[&str]| settings(None, flags).unwrap().unwrap().identity;
        let pod = "operator-6c5d_0b1c6f9e-1f2d-4a8e-9e52-3c5a5c1c0f7e";
        assert_eq!(identity(&[&format!("--leader-elect-identity={pod}")]).as_deref(), Some(pod));
        assert_eq!(identity(&["--leader-elect-identity="]), None);
    }

    #[test]
    fn the_namespace_of_the_pod_is_taken_where_there_is_one() {
        let folder = std::env::temp_dir().join(format!("lease-{}", std::process::id()));
        std::fs::write(&folder, "ops\n").unwrap();
        assert_eq!(own_namespace(&folder), Ok("ops".to_owned()));
        std::fs::remove_file(&folder).unwrap();
        assert!(own_namespace(&folder).unwrap_err().to_string().contains("outside a pod it must be given"));
    }

    #[test]
    fn wrong_values_get_a_sentence_that_names_the_flag() {
        for (flags, part) in [
            (
                &["--leader-elect-renew-deadline=15s"][..],
                "--leader-elect-renew-deadline: 15s must be less than --leader-elect-lease-duration (15s)",
            ),
            (
                &["--leader-elect-retry-period=9s"],
                "--leader-elect-retry-period: 9s and its jitter of 20 % must",
            ),
            (&["--leader-elect-retry-period=1ms"], "at least 100ms"),
            (&["--leader-elect-lease-duration=1500ms"], "whole seconds between 1s and 1h"),
            (&["--leader-elect-lease-duration=0s"], "whole seconds"),
            (&["--leader-elect-lease-name=A_b"], "--leader-elect-lease-name: \"A_b\""),
            (
                &["--leader-elect-identity=a b"],
                "--leader-elect-identity: \"a b\" is no identity: at most 300 letters",
            ),
            (&["--leader-elect-identity=$(POD_NAME)_$(POD_UID)"], "--leader-elect-identity"),
            (&["--leader-elect-lease-namespace=A_b"], "--leader-elect-lease-namespace"),
            (&["--leader-elect=maybe"], "invalid value 'maybe'"),
        ] {
            let message = settings(None, flags).unwrap_err();
            assert!(message.contains(part), "{flags:?}: {message}");
        }
    }
}
