use serde_json::json;
use testbed::hosts::{Hosts, Request, Trusted};

use super::{http::SetupError, *};
use crate::domain::parse::{
    docker_config::{self, Selection},
    secret_data::tests::secret,
};

mod hostile;
mod known_registries;
mod quirks;
mod several;

/// Neither is ever shown.
const RIGHT: &str = "canary-f1c3-right-password";
const WRONG: &str = "canary-9b2d-wrong-password";
/// What is given for the right password, for a wrong one, and to anybody.
const TOKENS: [&str; 3] = ["canary-token-right", "canary-token-wrong", "canary-token-anybody"];

/// A docker config with these entries.
fn payload(entries: &[(&str, &str)]) -> Payload {
    let auths: serde_json::Map<_, _> = entries
        .iter()
        .map(|(registry, password)| {
            ((*registry).to_owned(), json!({ "username": "robot", "password": password }))
        })
        .collect();
    let config = json!({ "auths": auths }).to_string();
    let secret = secret("pull", Some("kubernetes.io/dockerconfigjson"), [(".dockerconfigjson", config)]);
    docker_config::payload(&secret, &Selection::default()).unwrap()
}

fn http(hosts: &Hosts, limits: Limits) -> Result<Http, SetupError> {
    // An earlier test may have installed it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let proxies = Proxies::from_environment(|name| (name == "HTTPS_PROXY").then(|| hosts.proxy())).unwrap();
    Http::new(Some(hosts.authority_pem().as_bytes()), proxies, limits)
}

fn registries(hosts: &Hosts, image: Option<&str>, token_hosts: &[&str]) -> Registries {
    let image = image.map(|image| image.parse().unwrap());
    let token_hosts = token_hosts.iter().map(|pair| pair.parse().unwrap()).collect();
    Registries::new(http(hosts, Limits::default()).unwrap(), image, token_hosts)
}

impl Registries {
    /// Of a command with one credential.
    async fn judge_one(&self, payload: &Payload) -> Vec<Finding> {
        self.judge(&[payload]).await.remove(0)
    }
}

/// Level and sentence of each finding, in which there is no secret.
fn said(findings: &[Finding]) -> Vec<String> {
    let said: Vec<String> = findings.iter().map(|one| format!("{:?} {}", one.level, one.text)).collect();
    for secret in [RIGHT, WRONG].iter().chain(&TOKENS) {
        assert!(said.iter().all(|line| !line.contains(secret)), "{said:?}");
    }
    said
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender<'a> {
    Anybody,
    Right,
    Wrong,
    Token(&'a str),
}

fn sender(request: &Request) -> Sender<'_> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    match request.header("authorization").map(|value| value.split_once(' ').unwrap()) {
        None => Sender::Anybody,
        Some(("Bearer", token)) => Sender::Token(token),
        Some(("Basic", login)) if login == STANDARD.encode(format!("robot:{RIGHT}")) => Sender::Right,
        Some(("Basic", _)) => Sender::Wrong,
        Some(other) => panic!("{other:?}"),
    }
}

/// The hosts that have seen a password, each time they have.
fn passwords_seen_by(hosts: &Hosts) -> Vec<String> {
    let journal = hosts.journal();
    let seen = journal.iter().filter(|request| matches!(sender(request), Sender::Right | Sender::Wrong));
    seen.map(|request| request.host.clone()).collect()
}
