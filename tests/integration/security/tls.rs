//! There is no way to have AI Core and its authorization servers taken for what they do not prove to be.

use std::{path::Path, process::Command};

use crate::{
    connection::kubeconfig,
    operator::PROGRAM,
    world::{Conditions, Login, World},
};

/// What switches verification off, or tells keys, in other programs and libraries, and might in one that is added some day.
const SWITCHES: [(&str, &str); 14] = [
    ("AICORE_REGISTRY_INSECURE", "true"),
    ("AICORE_REGISTRY_INSECURE_SKIP_TLS_VERIFY", "true"),
    ("AICORE_REGISTRY_SKIP_TLS_VERIFY", "true"),
    ("CURL_INSECURE", "1"),
    ("GIT_SSL_NO_VERIFY", "1"),
    ("GODEBUG", "x509ignoreCN=0"),
    ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
    ("OPENSSL_CONF", "/dev/null"),
    ("PYTHONHTTPSVERIFY", "0"),
    ("REQWEST_DANGER_ACCEPT_INVALID_CERTS", "true"),
    ("RUSTLS_DANGEROUS", "1"),
    ("SSL_NO_VERIFY", "1"),
    ("TLS_INSECURE", "1"),
    ("INSECURE_SKIP_VERIFY", "true"),
];

/// `insecure-skip-tls-verify` of a kubeconfig is about the API server, as its certificate authorities are.
#[tokio::test]
async fn nothing_switches_the_verification_of_ai_core_off() {
    let world = World::with_tls("verified").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", serde_json::json!({})).await;
    let keys = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.keys", world.namespace));
    for (name, skip) in [("trusting", false), ("skipping", true)] {
        let kubeconfig = kubeconfig(&world, name, |config| {
            let cluster = config["clusters"][0]["cluster"].as_object_mut().unwrap();
            if skip {
                cluster.remove("certificate-authority-data");
                cluster.remove("certificate-authority");
                cluster.insert("insecure-skip-tls-verify".to_owned(), true.into());
            }
        });
        let launch = world.launch().with(&world.simulator_hosts()).with_kubeconfig(&kubeconfig);
        let launch = SWITCHES.iter().fold(launch, |launch, (name, value)| launch.with_variable(name, value));
        let operator = launch.with_variable("SSLKEYLOGFILE", keys.to_str().unwrap()).start().await;
        let refused = world.wait_reason("pull", "RemoteUnavailable").await;
        let message = &refused.condition("Ready").message;
        assert!(
            message.contains("its TLS certificate is signed by an authority that is not trusted"),
            "{message}"
        );
        assert!(message.contains("--ca-bundle"), "what helps: {message}");
        world.annotate("pull", "aicore-registry.dev/requestedAt", name).await;
        world
            .wait_for("pull", "answered", |resource| {
                resource.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some(name)
            })
            .await;
        world.check(&operator).await;
        operator.kill().await;
    }
    assert_eq!(world.simulator().journal().entries().len(), 0, "no request was ever made");
    assert!(!keys.exists(), "the keys of connections are written nowhere");
}

/// Plain http is for this machine alone; nothing else is about how much is trusted.
#[test]
fn no_flag_is_about_less_verification() {
    let help = Command::new(PROGRAM).args(["run", "--help"]).env_clear().output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags: Vec<&str> = help
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .map(|flag| flag.trim_matches('>'))
        .collect();
    assert!(flags.len() > 15, "{help}");
    let about: Vec<&&str> = flags
        .iter()
        .filter(|flag| {
            ["insecure", "skip", "verif", "trust", "danger", "tls"].iter().any(|part| flag.contains(part))
        })
        .collect();
    assert!(
        about.iter().all(|flag| flag.starts_with("allow-insecure-http")) && !about.is_empty(),
        "{about:?}"
    );
}
