//! Command line and environment, and the validated configuration made of them.

mod error;
mod leader_election;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

pub use self::error::ConfigError;
pub(crate) use self::error::FlagError;
use self::leader_election::LeaderElectionArgs;
use crate::{
    aicore::{pool, way::Proxies},
    ca_bundle,
    controller::Settings,
    domain::{
        parse::{
            allowed_hosts::{AllowedHosts, DEFAULT_ALLOWED_HOSTS},
            duration::{self, ResyncInterval},
            label_selector,
        },
        tools::bucket::Rate,
    },
    k8s::watch::SILENCE_LIMIT,
    leadership,
    telemetry::LogFormat,
};

/// Default of `--tenant-rps`.
pub(crate) const DEFAULT_TENANT_RPS: f64 = 10.0;
/// Default of `--tenant-burst`.
pub(crate) const DEFAULT_TENANT_BURST: u32 = 20;

/// Keeps docker registry secrets in SAP AI Core up to date from Kubernetes Secrets.
#[derive(Parser, Debug)]
#[command(
    name = "aicore-registry-operator",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the operator until SIGTERM or Ctrl-C. If a flag is given twice, the last one counts.
    #[command(args_override_self = true)]
    // so that the chart's extraArgs can replace what the chart sets
    Run(Box<RunArgs>),
    /// Print the CustomResourceDefinitions as YAML.
    Crd,
}

/// Flags of `run`. Each is also an environment variable.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Namespaces to watch, separated by commas. Default: all namespaces.
    #[arg(long, env = "AICORE_REGISTRY_WATCH_NAMESPACES", value_delimiter = ',', default_value = "")]
    pub watch_namespaces: Vec<String>,

    /// Reconcile only resources whose labels match this selector, so that several operators can share the work. The name of
    /// the Lease is derived from it.
    #[arg(long, env = "AICORE_REGISTRY_WATCH_LABEL_SELECTOR")]
    pub watch_label_selector: Option<String>,

    #[command(flatten)]
    leader_election: LeaderElectionArgs,

    /// Maximum number of resources that are reconciled at the same time. Resources of one tenant use at most a quarter of it.
    #[arg(long, env = "AICORE_REGISTRY_CONCURRENCY", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,

    /// How often an unchanged credential is sent again, for resources without spec.resyncInterval: a duration such as 1h or
    /// 90s, at least 10s; 0s means never.
    #[arg(long, env = "AICORE_REGISTRY_DEFAULT_RESYNC_INTERVAL", default_value = "1h", value_parser = resync_interval)]
    pub default_resync_interval: Duration,

    /// Maximum number of requests per second to one tenant, on average.
    #[arg(long, env = "AICORE_REGISTRY_TENANT_RPS", default_value_t = DEFAULT_TENANT_RPS, value_parser = rate)]
    pub tenant_rps: f64,

    /// Maximum number of requests that may go to one tenant at once, before --tenant-rps limits them.
    #[arg(long, env = "AICORE_REGISTRY_TENANT_BURST", default_value_t = DEFAULT_TENANT_BURST, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub tenant_burst: u32,

    /// Timeout of one request to AI Core or its authorization server, from 100ms to 60s.
    #[arg(long, env = "AICORE_REGISTRY_REQUEST_TIMEOUT", default_value = "15s", value_parser = request_timeout)]
    pub request_timeout: Duration,

    /// Hosts that a service key may name, separated by commas. *.example.com matches every name that ends in .example.com; a
    /// * further inside matches one label. Another port than 443 must be part of the pattern: example.com:8443.
    #[arg(long, env = "AICORE_REGISTRY_ALLOWED_HOSTS", default_value = DEFAULT_ALLOWED_HOSTS)]
    pub allowed_hosts: String,

    /// Allow http to loopback addresses. Only for tests with a simulator.
    #[arg(long, env = "AICORE_REGISTRY_ALLOW_INSECURE_HTTP", num_args = 0..=1, default_missing_value = "true", default_value_t = false, action = clap::ArgAction::Set)]
    pub allow_insecure_http: bool,

    /// File with CA certificates (PEM) to trust in addition to those of the system.
    #[arg(long, env = "AICORE_REGISTRY_CA_BUNDLE")]
    pub ca_bundle: Option<PathBuf>,

    /// Address for /livez, /readyz, /metrics and /log-level. Without a host: all interfaces.
    #[arg(long, env = "AICORE_REGISTRY_LISTEN", default_value = ":8080", value_parser = listen)]
    pub listen: SocketAddr,

    /// Format of the log.
    #[arg(long, env = "AICORE_REGISTRY_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// Log level: error, warn, info, debug, trace or off, or a filter such as `info,aicore_registry_operator=debug`. PUT
    /// /log-level changes it while the operator runs, from the same machine only.
    #[arg(long, env = "AICORE_REGISTRY_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

/// The configuration of a run, validated.
#[derive(Debug)]
pub struct Config {
    /// For the controller.
    pub controller: Settings,
    /// How replicas agree on which one works; `None`: there is only one.
    pub leader_election: Option<leadership::ElectionSettings>,
    /// For requests to AI Core.
    pub aicore: pool::RequestSettings,
    /// Where health and metrics are served.
    pub listen: SocketAddr,
}

impl RunArgs {
    /// Checks what depends on more than one flag or on files.
    ///
    /// # Errors
    /// Which flag is wrong, and how.
    pub fn validate(self) -> Result<Config, ConfigError> {
        let allowed_hosts = AllowedHosts::parse(&self.allowed_hosts, self.allow_insecure_http)
            .map_err(ConfigError::AllowedHosts)?;
        let mut namespaces = Vec::new();
        for namespace in self
            .watch_namespaces
            .iter()
            .map(|namespace| namespace.trim())
            .filter(|namespace| !namespace.is_empty())
        {
            if !is_namespace(namespace) {
                return Err(ConfigError::Namespace(namespace.to_owned()));
            }
            if !namespaces.iter().any(|known| known == namespace) {
                namespaces.push(namespace.to_owned());
            }
        }
        let label_selector = self.watch_label_selector.filter(|selector| !selector.trim().is_empty());
        if let Some(selector) = &label_selector {
            label_selector::check(selector)
                .map_err(|why| ConfigError::LabelSelector { selector: selector.clone(), why })?;
        }
        let leader_election = self.leader_election.validate(label_selector.as_deref())?;
        let extra_roots_pem = match &self.ca_bundle {
            None => None,
            Some(path) => Some(ca_bundle::read(path)?),
        };
        Ok(Config {
            controller: Settings {
                namespaces,
                label_selector,
                concurrency: usize::from(self.concurrency),
                // A quarter: a tenant that does not answer leaves the rest to the others.
                tenant_passes: usize::from(self.concurrency).div_ceil(4),
                default_resync_interval: ResyncInterval::from(self.default_resync_interval),
                allowed_hosts,
                watch_silence_limit: SILENCE_LIMIT,
            },
            leader_election,
            aicore: pool::RequestSettings {
                request_timeout: self.request_timeout,
                tenant_rate: Rate::new(self.tenant_rps, self.tenant_burst),
                extra_roots_pem,
                proxies: Proxies::from_environment(|name| std::env::var(name).ok())?,
            },
            listen: self.listen,
        })
    }
}

/// RFC 1123 label, as namespaces are named.
fn is_namespace(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 63
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(|c| plain(c) || c == '-')
}

pub(crate) fn parse_duration(text: &str) -> Result<Duration, FlagError> {
    duration::parse(text).ok_or_else(|| FlagError::NotADuration(text.to_owned()))
}

fn resync_interval(text: &str) -> Result<Duration, FlagError> {
    let interval = parse_duration(text)?;
    if interval.is_zero() || interval >= Duration::from_secs(10) {
        Ok(interval)
    } else {
        Err(FlagError::ResyncInterval)
    }
}

fn request_timeout(text: &str) -> Result<Duration, FlagError> {
    let timeout = parse_duration(text)?;
    if (Duration::from_millis(100)..=Duration::from_mins(1)).contains(&timeout) {
        Ok(timeout)
    } else {
        Err(FlagError::RequestTimeout)
    }
}

fn rate(text: &str) -> Result<f64, FlagError> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err(FlagError::Rate),
    }
}

fn listen(text: &str) -> Result<SocketAddr, FlagError> {
    let full = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    full.parse().map_err(|_| FlagError::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::WithCauses;

    fn config(args: &[&str]) -> Result<Config, String> {
        let all = ["aicore-registry-operator", "run"].iter().chain(args);
        match Cli::try_parse_from(all).map_err(|error| error.to_string())?.command {
            Command::Run(args) => args.validate().map_err(|error| WithCauses(&error).to_string()),
            Command::Crd => unreachable!("the command is run"),
        }
    }

    #[test]
    fn of_a_flag_that_is_given_twice_the_last_one_counts() {
        let twice =
            config(&["--concurrency=3", "--listen=:1", "--concurrency=5", "--listen=127.0.0.1:2"]).unwrap();
        assert_eq!(twice.controller.concurrency, 5);
        assert_eq!(twice.listen, "127.0.0.1:2".parse().unwrap());
        // Of a list nothing is lost.
        let listed = config(&["--watch-namespaces=a,b", "--watch-namespaces=c"]).unwrap();
        assert_eq!(listed.controller.namespaces, ["a", "b", "c"]);
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let config = config(&[]).unwrap();
        assert_eq!(config.controller.concurrency, 32);
        assert_eq!(config.controller.namespaces, Vec::<String>::new());
        assert_eq!(config.controller.default_resync_interval, ResyncInterval::Every(Duration::from_hours(1)));
        assert_eq!(config.listen, "[::]:8080".parse().unwrap());
        assert_eq!(config.aicore.request_timeout, Duration::from_secs(15));
        assert_eq!(config.aicore.request_timeout, pool::DEFAULT_REQUEST_TIMEOUT);
    }

    #[test]
    fn namespaces_are_trimmed_and_unique() {
        assert_eq!(config(&["--watch-namespaces", "a, b,a,"]).unwrap().controller.namespaces, ["a", "b"]);
    }

    #[test]
    fn wrong_values_get_a_sentence_that_names_the_flag() {
        for (args, part) in [
            (
                &["--watch-namespaces", "Bad_One"][..],
                "--watch-namespaces: \"Bad_One\" is not the name of a namespace",
            ),
            (&["--default-resync-interval", "5s"], "at least 10s"),
            (&["--default-resync-interval", "soon"], "not a duration"),
            (&["--concurrency", "0"], "1..=1024"),
            (&["--tenant-rps", "0"], "between 0.01 and 10000"),
            (&["--request-timeout", "5m"], "between 100ms and 60s"),
            (&["--listen", "8080"], "such as :8080"),
            (
                &["--ca-bundle", "/does/not/exist"],
                "--ca-bundle: /does/not/exist cannot be read: No such file",
            ),
            (&["--ca-bundle", "Cargo.toml"], "holds no certificate"),
            (&["--ca-bundle", "src"], "--ca-bundle: src cannot be read"),
            (&["--ca-bundle", "/dev/null"], "holds no certificate"),
            (&["--ca-bundle", "/dev/zero"], "is longer than 4 MiB"),
            (
                &["--watch-label-selector", "shard in"],
                "--watch-label-selector: \"shard in\" is not a label selector: it ends where ( is expected",
            ),
            (&["--watch-label-selector", "{{ .Values.shard }}"], "is not a label selector"),
            (&["--leader-elect-lease-name", "A_b"], "--leader-elect-lease-name: \"A_b\" is not"),
            (&["--leader-elect-lease-namespace", "A_b"], "--leader-elect-lease-namespace: \"A_b\" is not"),
            (&["--listen", "localhost:8080"], "such as :8080"),
            (&["--listen", ":70000"], "such as :8080"),
            (&["--log-format", "xml"], "xml"),
        ] {
            let message = config(args).unwrap_err();
            assert!(message.contains(part), "{args:?}: {message}");
        }
    }
}
