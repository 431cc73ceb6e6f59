//! The program itself: its command line, how it starts and how it ends.

use std::process::{Command, Output};

use rstest::rstest;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aicore-registry-operator"))
        .args(arguments)
        .env_clear()
        .env("KUBECONFIG", "/does/not/exist")
        .output()
        .unwrap()
}

#[rstest]
#[case(&["run", "--watch-namespaces=Bad_One"], "--watch-namespaces: \"Bad_One\" is not the name of a namespace")]
#[case(&["run", "--watch-label-selector=shard in"], "--watch-label-selector: \"shard in\" is not a label selector: it ends where")]
#[case(&["run", "--leader-elect-lease-name=A_b"], "--leader-elect-lease-name: \"A_b\"")]
#[case(&["run", "--listen=nowhere"], "such as :8080")]
#[case(&["run", "--ca-bundle=Cargo.toml"], "holds no certificate in PEM form")]
#[case(&["run", "--log-level=a=b=c"], "--log-level")]
#[case(&["run", "--default-resync-interval=1s"], "at least 10s")]
#[case(&["run", "--ca-bundle=/does/not/exist"], "--ca-bundle: /does/not/exist cannot be read")]
#[case(&["run", "--allowed-hosts=https://x.example"], "--allowed-hosts")]
#[case(&["run", "--leader-elect"], "--leader-elect-lease-namespace is missing: outside a pod it must be given")]
#[case(&["run", "--leader-elect", "--leader-elect-renew-deadline=20s"], "must be less than --leader-elect-lease-duration")]
#[case(&["run", "--no-such-flag"], "--no-such-flag")]
#[case(&["walk"], "walk")]
fn a_wrong_configuration_ends_with_a_sentence_and_code_2(#[case] arguments: &[&str], #[case] part: &str) {
    let output = run(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.starts_with("error: ") && text.contains(part), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn without_a_cluster_it_says_so() {
    let output = run(&["run", "--log-format=text"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("no Kubernetes API server is configured"), "{text}");
}

#[test]
fn a_proxy_that_cannot_be_used_ends_the_start() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aicore-registry-operator"));
    let output = command.arg("run").env_clear().env("HTTPS_PROXY", "ftp://u:s3cr3t@x").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text, "error: HTTPS_PROXY: a proxy is reached by http, https or socks5, not \"ftp\"\n");
}

#[test]
fn the_environment_is_read_too() {
    let output = Command::new(env!("CARGO_BIN_EXE_aicore-registry-operator"))
        .arg("run")
        .env_clear()
        .env("AICORE_REGISTRY_WATCH_NAMESPACES", "Bad_One")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--watch-namespaces"));
}
