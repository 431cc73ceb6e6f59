//! What is wrong with a command line: each sentence names the flag.

use std::{path::PathBuf, time::Duration};

use crate::{
    ca_bundle::BadBundle,
    domain::{
        parse::label_selector::Malformed,
        tools::invalid::{Invalid, Quoted},
    },
    k8s::kubeconfig::UnusableProxy,
    leadership::JITTER,
};

/// Why the operator cannot run with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `--allowed-hosts`.
    #[error("--allowed-hosts: {0}")]
    AllowedHosts(Invalid),
    /// `--watch-namespaces`.
    #[error("--watch-namespaces: {} is not the name of a namespace", Quoted(.0))]
    Namespace(String),
    /// `--watch-label-selector`.
    #[error("--watch-label-selector: {} is not a label selector: {why}", Quoted(selector))]
    LabelSelector {
        /// As it was given.
        selector: String,
        /// What is wrong with it.
        why: Malformed,
    },
    /// `--ca-bundle`.
    #[error(transparent)]
    CaBundle(#[from] BadBundle),
    /// A variable of the environment that names a proxy.
    #[error(transparent)]
    Proxy(#[from] UnusableProxy),
    /// Flags of leader election.
    #[error(transparent)]
    LeaderElection(#[from] LeaderElectionError),
}

/// What is wrong with the flags of leader election.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaderElectionError {
    /// No Lease can have this name.
    #[error("--leader-elect-lease-name: {} is not the name of a Lease", Quoted(.0))]
    LeaseName(String),
    /// No namespace can have this name.
    #[error("--leader-elect-lease-namespace: {} is not the name of a namespace", Quoted(.0))]
    LeaseNamespace(String),
    /// Nobody can be called so in a Lease.
    #[error(
        "--leader-elect-identity: {} is no identity: at most 300 letters, digits, '-', '.' and '_', as in the name of a pod",
        Quoted(.0)
    )]
    Identity(String),
    /// It is neither given nor known.
    #[error(
        "--leader-elect-lease-namespace is missing: outside a pod it must be given, because {} does not exist there",
        file.display()
    )]
    NoNamespace {
        /// Where a pod has the name of its namespace.
        file: PathBuf,
    },
    /// Another leader could begin before this one has stopped.
    #[error(
        "--leader-elect-renew-deadline: {deadline:?} must be less than --leader-elect-lease-duration ({lease:?}), so that a \
         leader stops before another one begins"
    )]
    RenewDeadline {
        /// `--leader-elect-renew-deadline`.
        deadline: Duration,
        /// `--leader-elect-lease-duration`.
        lease: Duration,
    },
    /// There would be one attempt to renew.
    #[error(
        "--leader-elect-retry-period: {retry:?} and its jitter of {:.0} % must be less than --leader-elect-renew-deadline \
         ({deadline:?}), so that a leader can try more than once",
        JITTER * 100.0
    )]
    RetryPeriod {
        /// `--leader-elect-retry-period`.
        retry: Duration,
        /// `--leader-elect-renew-deadline`.
        deadline: Duration,
    },
}

/// Why a flag cannot have this value; the flag is named by the parser of the command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FlagError {
    #[error("{} is not a duration such as 90s, 1h30m or 1.5h", Quoted(.0))]
    NotADuration(String),
    #[error("it must be at least 10s, or 0s to never send an unchanged credential again")]
    ResyncInterval,
    #[error("it must be between 100ms and 60s")]
    RequestTimeout,
    #[error("it must be a number between 0.01 and 10000")]
    Rate,
    #[error("{} is not an address such as :8080 or 127.0.0.1:8080", Quoted(.0))]
    Address(String),
    #[error("it must be whole seconds between 1s and 1h")]
    LeaseDuration,
    #[error("it must be at least 100ms")]
    RetryPeriod,
    #[error("it must be longer than 0s")]
    Zero,
}
