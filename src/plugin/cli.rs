//! The command line of the plugin.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    api::GROUP,
    config::{FlagError, parse_duration},
    domain::parse::allowed_hosts::DEFAULT_ALLOWED_HOSTS,
};

/// What kubectl calls the kinds.
const RESOURCE: [&str; 3] = ["aicrs", "aicoreregistrysecret", "aicoreregistrysecrets"];
const TENANT: [&str; 3] = ["aictenant", "aicoretenant", "aicoretenants"];

/// Shows, syncs and checks the resources that keep docker registry secrets in SAP AI Core up to date.
///
/// Exit codes: 0 nothing is wrong, 1 something is wrong, 2 wrong usage.
#[derive(Parser, Debug)]
#[command(
    name = "kubectl-aicore_registry",
    bin_name = "kubectl aicore-registry",
    version,
    arg_required_else_help = true
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Which cluster and namespace, with kubectl's names.
#[derive(Args, Debug)]
pub(super) struct ClusterArgs {
    /// Path of the kubeconfig file. Default: $KUBECONFIG, else ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig. Default: its current context.
    #[arg(long, global = true)]
    pub(super) context: Option<String>,
    /// Namespace. Default: that of the context.
    #[arg(short, long, global = true)]
    pub(super) namespace: Option<String>,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Show whether AI Core holds the current credentials.
    ///
    /// Exit code 0 when all resources shown are ready, 1 when one is not.
    Status(StatusArgs),
    /// Show the AICoreTenants, whose service keys are shared with namespaces.
    ///
    /// Exit code 0 when all that are shown are ready, 1 when one is not.
    Tenants(TenantsArgs),
    /// Have the operator send the credential to AI Core now, and wait for the outcome.
    ///
    /// Exit code 0 when AI Core accepted it, 1 when it did not, or when the operator did not answer in time.
    Sync(SyncArgs),
    /// Suspend a resource: nothing is sent to AI Core for it until it is resumed.
    Suspend(NameArgs),
    /// Resume a suspended resource.
    Resume(NameArgs),
    /// Explain what is wrong with a resource and its Secrets, in files or in the cluster. Secret values are never shown.
    ///
    /// Credentials are read by the same code as in the operator. Exit code 0 when nothing is wrong, 1 when something is.
    Check(CheckArgs),
}

#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    /// Name of the resource. Default: all of the namespace.
    #[arg(value_parser = resource)]
    pub(super) name: Option<String>,
    /// Show the resources of all namespaces.
    #[arg(short = 'A', long, conflicts_with_all = ["name", "namespace"])]
    pub(super) all_namespaces: bool,
    /// Output format; wide adds end of the service key, age, AICoreTenant, API URL and registries.
    #[arg(short, long, value_enum)]
    pub(super) output: Option<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// More columns.
    Wide,
}

#[derive(Args, Debug)]
pub(super) struct TenantsArgs {
    /// Name of the AICoreTenant. Default: all.
    #[arg(value_parser = tenant)]
    pub(super) name: Option<String>,
    /// Output format; wide adds age, API URL and authorization server.
    #[arg(short, long, value_enum)]
    pub(super) output: Option<Output>,
}

#[derive(Args, Debug)]
pub(super) struct NameArgs {
    /// Name of the resource.
    #[arg(value_parser = resource)]
    pub(super) name: String,
}

#[derive(Args, Debug)]
pub(super) struct SyncArgs {
    /// Name of the resource.
    #[arg(value_parser = resource)]
    pub(super) name: String,
    /// How long to wait for the outcome: a duration such as 90s or 5m.
    #[arg(long, default_value = "1m", value_parser = timeout)]
    pub(super) timeout: Duration,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("subject").required(true).args(["name", "files"]))]
pub(super) struct CheckArgs {
    /// Name of the resource in the cluster.
    #[arg(value_parser = resource)]
    pub(super) name: Option<String>,
    /// File or folder to check instead: manifests, a docker config or a service key, as YAML or JSON; - for standard input.
    /// May be repeated; a resource finds its Secrets in all of them.
    #[arg(short = 'f', long = "filename", value_name = "FILE", num_args = 1..)]
    pub(super) files: Vec<PathBuf>,
    /// Also get a token, and ask AI Core whether the name exists and how much of the quota is used. Nothing is changed there.
    #[arg(long)]
    pub(super) remote: bool,
    /// Also try the credential at its registry, from this machine and without pulling anything: whether it is taken at all, or,
    /// given an image such as acme/app:1.2 or ghcr.io/acme/app:1.2, whether it may pull that. Takes a minute at most.
    // No value without '=', one with it, which may be empty.
    #[arg(
        long,
        value_name = "REPOSITORY:TAG",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set
    )]
    pub(super) registry: Option<Vec<String>>,
    /// For --registry: a host that may get the credential of a registry, because it gives the registry's tokens, as in
    /// registry.example.com=gitlab.example.com. Docker Hub's and GitLab's are known. May be repeated.
    #[arg(long = "registry-token-host", value_name = "REGISTRY=HOST", requires = "registry")]
    pub(super) registry_token_hosts: Vec<String>,
    /// Registries to check instead of those in spec.registries, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(super) registries: Vec<String>,
    /// Hosts that a service key may name, as in the operator's flag of this name.
    #[arg(long, default_value = DEFAULT_ALLOWED_HOSTS)]
    pub(super) allowed_hosts: String,
    /// Allow http to loopback addresses, as in the operator's flag of this name.
    #[arg(long)]
    pub(super) allow_insecure_http: bool,
    /// File with CA certificates (PEM) to trust in addition to those of the system, for --remote and --registry.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_bundle: Option<PathBuf>,
}

/// What clap does not say of wrong usage: a blank in the place of `=`, which makes another argument of the image.
pub(super) fn hint(arguments: &[OsString]) -> Option<&'static str> {
    let has_blank = arguments.windows(2).any(|pair| match pair {
        [flag, next] => flag == "--registry" && !next.to_string_lossy().starts_with('-'),
        _ => false,
    });
    has_blank.then_some("An image follows --registry with '=' and no blank, as in --registry=acme/app:1.2.")
}

/// Why an argument is not the name of what the command is for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum BadName {
    #[error(
        "an AICoreTenant is shown by `kubectl aicore-registry tenants {0}`, and checked in files with check -f"
    )]
    Tenant(String),
    #[error("an AICoreRegistrySecret is shown by `kubectl aicore-registry status {0}`")]
    Resource(String),
}

/// The name of a resource, which may have its kind before it, as for kubectl.
fn resource(text: &str) -> Result<String, BadName> {
    match typed(text) {
        Some((kind, name)) if is_kind(kind, &RESOURCE) => Ok(name.to_owned()),
        Some((kind, name)) if is_kind(kind, &TENANT) => Err(BadName::Tenant(name.to_owned())),
        _ => Ok(text.to_owned()),
    }
}

/// The same for an AICoreTenant.
fn tenant(text: &str) -> Result<String, BadName> {
    match typed(text) {
        Some((kind, name)) if is_kind(kind, &TENANT) => Ok(name.to_owned()),
        Some((kind, name)) if is_kind(kind, &RESOURCE) => Err(BadName::Resource(name.to_owned())),
        _ => Ok(text.to_owned()),
    }
}

/// Kind and name of `kind/name`, where a group may follow the kind.
fn typed(text: &str) -> Option<(&str, &str)> {
    let (kind, name) = text.split_once('/')?;
    Some((kind.strip_suffix(&format!(".{GROUP}")).unwrap_or(kind), name))
}

fn is_kind(kind: &str, names: &[&str]) -> bool {
    names.iter().any(|name| kind.eq_ignore_ascii_case(name))
}

fn timeout(text: &str) -> Result<Duration, FlagError> {
    match parse_duration(text)? {
        Duration::ZERO => Err(FlagError::Zero),
        timeout => Ok(timeout),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn check(arguments: &[&str]) -> Result<CheckArgs, clap::Error> {
        let all = ["plugin", "check", "-f", "a.json"].iter().chain(arguments);
        match Cli::try_parse_from(all)?.command {
            Command::Check(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case(&[], None)]
    #[case(&["--registry"], Some(&[][..]))]
    #[case(&["--registry", "--registry-token-host=a.test=b.test"], Some(&[][..]))]
    #[case(&["--registry="], Some(&[""][..]))]
    #[case(&["--registry=acme/app:1"], Some(&["acme/app:1"][..]))]
    fn an_image_may_be_named_and_an_empty_one_is_not_none(
        #[case] arguments: &[&str],
        #[case] image: Option<&[&str]>,
    ) {
        let registry = check(arguments).unwrap().registry;
        let image: Option<Vec<String>> =
            image.map(|image| image.iter().map(|image| (*image).to_owned()).collect());
        assert_eq!(registry, image);
    }

    #[rstest]
    #[case("pull", Ok("pull"))]
    #[case("aicrs/pull", Ok("pull"))]
    #[case("AICoreRegistrySecret/pull", Ok("pull"))]
    #[case("aicoreregistrysecrets.aicore-registry.dev/pull", Ok("pull"))]
    #[case("aicoretenant/research", Err("tenants research"))]
    // What else has a slash is told as the image that it mostly is.
    #[case("ghcr.io/acme/app:1", Ok("ghcr.io/acme/app:1"))]
    #[case("secrets/pull", Ok("secrets/pull"))]
    fn a_name_may_have_its_kind(#[case] given: &str, #[case] expected: Result<&str, &str>) {
        for command in ["check", "status", "sync", "suspend", "resume"] {
            let parsed = Cli::try_parse_from(["plugin", command, given]).map(|cli| match cli.command {
                Command::Check(args) => args.name.unwrap(),
                Command::Status(args) => args.name.unwrap(),
                Command::Sync(args) => args.name,
                Command::Suspend(args) | Command::Resume(args) => args.name,
                Command::Tenants(_) => panic!("{command}"),
            });
            match (parsed, expected) {
                (Ok(name), Ok(expected)) => assert_eq!(name, expected, "{command}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (parsed, _) => panic!("{command}: {parsed:?}"),
            }
        }
    }

    #[test]
    fn a_tenant_may_have_its_kind() {
        for given in ["research", "aictenant/research", "aicoretenants.aicore-registry.dev/research"] {
            assert_eq!(tenant(given).as_deref(), Ok("research"));
        }
        assert_eq!(tenant("aicrs/pull"), Err(BadName::Resource("pull".to_owned())));
    }

    #[rstest]
    #[case("status", &["end of the service key", "age", "AICoreTenant", "API URL", "registries"])]
    #[case("tenants", &["age", "API URL", "authorization server"])]
    fn the_help_names_the_columns_of_its_own_command(#[case] command: &str, #[case] columns: &[&str]) {
        let help = Cli::try_parse_from(["plugin", command, "--help"]).unwrap_err().to_string();
        let adds = help.split("wide adds").nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let adds = adds.split(" Possible values").next().unwrap();
        let (last, rest) = columns.split_last().unwrap();
        let expected = format!("{} and {last}", rest.join(", "));
        assert_eq!(adds, expected);
        assert!(!help.split("wide adds").next().unwrap().contains("registries"), "{help}");
    }

    #[test]
    fn a_blank_before_the_image_is_wrong_usage_with_a_hint() {
        assert!(check(&["--registry", "acme/app:1"]).is_err());
        assert!(check(&["--registry=a/b", "--registry=a/c"]).is_err());
        let hint = |arguments: &[&str]| hint(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(hint(&["check", "--registry", "acme/app:1"]).unwrap().contains("--registry=acme/app:1.2"));
        assert_eq!(hint(&["check", "--registry", "--remote", "x"]), None);
    }
}
