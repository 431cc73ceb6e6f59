//! Why there is no way to the API server. Each sentence names the file, the entry and the field; none holds a secret value.
//!
//! A request that needs a new token fails with one of these, and of such a failure the innermost cause is shown. So each sentence
//! has its cause in it and gives no other as its source.

use std::{io, path::PathBuf};

use http::Uri;

use crate::{domain::tools::invalid::Quoted, k8s::pem::BadCertificates};

/// Why there is no way to the API server.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is no kubeconfig, and this is no pod.
    #[error(
        "no Kubernetes API server is configured: {sought}, and this is no pod (KUBERNETES_SERVICE_HOST is not set)"
    )]
    NothingConfigured {
        /// Where a kubeconfig was looked for.
        sought: String,
    },
    /// A context was asked for, and there is no kubeconfig.
    #[error("there is no kubeconfig, and so no context {}", Quoted(context))]
    NoKubeconfig {
        /// The context.
        context: String,
    },
    /// No context was asked for, and none is the current one.
    #[error("{files} has no current-context; set one with kubectl config use-context")]
    NoCurrentContext {
        /// The files that were read.
        files: String,
    },
    /// The context does not exist.
    #[error(
        "{files} has no context {}; kubectl config get-contexts lists those that it has",
        Quoted(context)
    )]
    NoContext {
        /// The files that were read.
        files: String,
        /// The context.
        context: String,
    },
    /// A kubeconfig cannot be read.
    #[error("{named} {}: {why}", path.display())]
    File {
        /// How it was named: by the flag or by the environment.
        named: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: BadKubeconfig,
    },
    /// Something is wrong with an entry of a kubeconfig.
    #[error("{entry}: {fault}")]
    Entry {
        /// `cluster "x" in kubeconfig /home/me/.kube/config`.
        entry: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A variable of the environment that names a proxy.
    #[error(transparent)]
    Proxy(#[from] UnusableProxy),
    /// What a pod is given cannot be used.
    #[error("the ServiceAccount of the pod cannot be used: {0}")]
    ServiceAccount(kube::config::InClusterError),
    /// The token that a pod is given cannot be used.
    #[error("the token of the pod's ServiceAccount cannot be used: {0}")]
    PodToken(BadToken),
    /// The libraries for TLS and HTTP refuse what was found. Around the innermost cause they put URLs, which can hold passwords.
    #[error("the way to the API server {server} cannot be used: {cause}")]
    Client {
        /// The API server.
        server: Uri,
        /// Innermost cause.
        cause: String,
    },
    /// The program ends while a token is renewed.
    #[error("the program ends")]
    Ends,
}

/// Why a kubeconfig cannot be used. Parsers quote what they do not understand, and kubeconfigs hold tokens: of their errors there
/// is only the place.
#[derive(Debug, thiserror::Error)]
pub enum BadKubeconfig {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] BadFile),
    /// It is not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// It is not what a kubeconfig is.
    #[error("it is not a kubeconfig{}", place.map_or(String::new(), |(line, column)| format!(" (see line {line}, column {column})")))]
    NotOne {
        /// Line and column.
        place: Option<(u64, u64)>,
    },
    /// It is several documents that do not belong together.
    #[error("its documents are of different kinds")]
    Mixed,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// The path leads nowhere.
    #[error("there is no such file")]
    Missing,
    /// The system does not give it.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is too long to be what it should be.
    #[error("it is longer than 10 MiB")]
    TooLong,
}

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct BadToken {
    /// The file.
    pub(super) path: PathBuf,
    /// What is wrong with it.
    pub(super) why: TokenFault,
}

/// What is wrong with a file for a token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenFault {
    /// The system does not give it.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// There is something else in it.
    #[error("it holds no token")]
    NoToken,
}

/// What is wrong with an entry of a kubeconfig: a phrase that follows its name.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Of a context: its cluster.
    #[error("there is no cluster {}, which it names", Quoted(.0))]
    NoCluster(String),
    /// Of a cluster: its address.
    #[error("it has no server")]
    NoServer,
    /// Of a cluster: its address.
    #[error("server {} is not a URL with https:// or http://", Quoted(.0))]
    Server(String),
    /// Of a cluster: the certificates to trust.
    #[error("{field} {why}")]
    Authority {
        /// Which of the two fields.
        field: &'static str,
        /// What is wrong with them.
        why: BadCertificates,
    },
    /// Of a cluster: `proxy-url`.
    #[error("proxy-url: {0}")]
    Proxy(ProxyFault),
    /// A field whose name ends in `-data`.
    #[error("{field} is not base64")]
    NotBase64 {
        /// Its name.
        field: String,
    },
    /// A field that names a file.
    #[error("{field} {path}: {why}")]
    File {
        /// Its name.
        field: String,
        /// As it is written there.
        path: String,
        /// What is wrong with the file.
        why: BadFile,
    },
    /// Of a user: `tokenFile`.
    #[error("tokenFile {0}")]
    TokenFile(BadToken),
    /// Of a user: its certificate stands alone.
    #[error("it has a client-certificate and no client-key")]
    NoClientKey,
    /// Of a user: its private key stands alone.
    #[error("it has a client-key and no client-certificate")]
    NoClientCertificate,
    /// Of a user: its certificate.
    #[error("the client certificate is not one in PEM form")]
    ClientCertificate,
    /// Of a user: its private key.
    #[error("the client key is not a private key in PEM form")]
    ClientKey,
    /// Of a user: a provider that kubectl had or has.
    #[error("auth-provider {0}")]
    Provider(ProviderFault),
    /// Of a user: `exec`.
    #[error("exec.apiVersion {} is not supported, as in kubectl; see whether a newer version of the program takes {}", Quoted(given), supported.join(" or "))]
    ExecVersion {
        /// As it is written there.
        given: String,
        /// The others.
        supported: &'static [&'static str],
    },
    /// Of a user: `exec`.
    #[error("exec.command is missing")]
    ExecCommand,
    /// Of a user: `exec`.
    #[error("the exec program {} {fault}", Quoted(program))]
    Exec {
        /// The program.
        program: String,
        /// What is wrong with it, or with what it gave.
        fault: ExecFault,
    },
}

/// Why an `auth-provider` gives no credential: a phrase that begins with its name.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFault {
    /// It has no token.
    #[error("oidc has no id-token; log in, or use an exec plugin such as kubectl oidc-login")]
    Oidc,
    /// It is no longer a part of kubectl.
    #[error("gcp was removed from kubectl; use the exec plugin gke-gcloud-auth-plugin")]
    Gcp,
    /// It is no longer a part of kubectl.
    #[error("azure was removed from kubectl; use the exec plugin kubelogin")]
    Azure,
    /// It never was a part of kubectl.
    #[error("{} is not known; kubectl has exec plugins instead", Quoted(.0))]
    Unknown(String),
}

/// What is wrong with an exec plugin, or with what it gave: a phrase that follows the name of its program.
#[derive(Debug, thiserror::Error)]
pub enum ExecFault {
    /// It has to ask.
    #[error("has to ask at a terminal (interactiveMode: Always), and there is none")]
    NoTerminal,
    /// The cluster has something in it that cannot be passed on.
    #[error("cannot be told of the cluster (provideClusterInfo)")]
    NotTold,
    /// There is no such program.
    #[error("is not installed, or not in PATH{hint}")]
    NotInstalled {
        /// What the kubeconfig says about that.
        hint: Hint,
    },
    /// It is no program.
    #[error("may not be executed{hint}")]
    NotExecutable {
        /// What the kubeconfig says about that.
        hint: Hint,
    },
    /// The system does not start it.
    #[error("cannot be started: {kind}{hint}")]
    NotStarted {
        /// Why not.
        kind: io::ErrorKind,
        /// What the kubeconfig says about that.
        hint: Hint,
    },
    /// It ended with a failure.
    #[error(
        "{}; {}",
        code.map_or("was ended by a signal".to_owned(), |code| format!("ended with exit code {code}")),
        if *shown { "what it said is above" } else { "run it by hand to see why" }
    )]
    Failed {
        /// Its exit code, unless a signal ended it.
        code: Option<i32>,
        /// Whether what it said was shown.
        shown: bool,
    },
    /// It took too long.
    #[error("did not end within {seconds} s, and was stopped")]
    TookTooLong {
        /// The limit.
        seconds: u64,
    },
    /// Its end cannot be seen.
    #[error("cannot be waited for: {0}")]
    NoEnd(io::ErrorKind),
    /// What it printed.
    #[error("gave an answer that cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// What it printed.
    #[error("gave an answer of more than 1 MiB")]
    TooLong,
    /// What it printed.
    #[error("gave an answer that is not UTF-8 text")]
    NotText,
    /// What it printed.
    #[error("gave an answer that is no ExecCredential{}", version.as_deref().map_or(String::new(), |version| format!(" of {version}")))]
    NoCredential {
        /// What was asked for, if it is one of another version.
        version: Option<String>,
    },
    /// What it printed.
    #[error("gave an answer without status")]
    NoStatus,
    /// What it gave.
    #[error("gave only one of certificate and key")]
    HalfIdentity,
    /// What it gave.
    #[error("gave neither a token nor a certificate")]
    Nothing,
    /// What it gave.
    #[error("gave an expirationTimestamp that is no RFC 3339 time")]
    Expiration,
    /// What it gave later on.
    #[error("gave no token this time")]
    NoToken,
    /// What it gave.
    #[error("gave a token that no header can carry")]
    BadToken,
}

/// `installHint` of an exec plugin, in one line.
#[derive(Clone, Debug)]
pub struct Hint(String);

impl Hint {
    pub(super) fn new(text: Option<&str>) -> Self {
        Self(text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "; its installHint: {}", self.0) }
    }
}

/// A proxy of the environment that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {fault}")]
pub struct UnusableProxy {
    /// The variable that names it.
    pub(super) variable: &'static str,
    /// What is wrong with it.
    pub(super) fault: ProxyFault,
}

/// What is wrong with a proxy. Its URL may hold a password, so it is not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// Its form.
    #[error("it is not a URL such as http://proxy.example.com:3128")]
    NotAUrl,
    /// Its scheme.
    #[error("a proxy is reached by http, https or socks5, not {}", Quoted(.0))]
    Scheme(String),
    /// SOCKS5 with a login.
    #[error("a user name and password are only possible for a proxy with http or https")]
    Login,
}
