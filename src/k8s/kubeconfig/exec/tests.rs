use std::{os::unix::fs::PermissionsExt, path::Path, sync::Mutex};

use rstest::rstest;
use secrecy::ExposeSecret;

use super::*;

const V1: &str = "client.authentication.k8s.io/v1";

/// A plugin that is this shell script, run without a terminal.
fn plugin(config: &ExecConfig, show: Option<fn(&str)>) -> Result<Plugin, Unusable> {
    let auth = AuthInfo::default();
    let title = "user \"me\" in kubeconfig k".to_owned();
    let entry = Entry { file: Path::new("/nowhere/k"), title, value: &auth };
    let cluster = ExecAuthCluster { server: Some("https://api".to_owned()), ..ExecAuthCluster::default() };
    let cluster = config.provide_cluster_info.then_some(cluster);
    Plugin::new(&entry, config, cluster, show)
}

fn script(script: &str) -> ExecConfig {
    ExecConfig {
        api_version: Some(V1.to_owned()),
        command: Some("sh".to_owned()),
        args: Some(vec!["-c".to_owned(), script.to_owned()]),
        interactive_mode: Some(ExecInteractiveMode::IfAvailable),
        ..ExecConfig::default()
    }
}

async fn run(config: ExecConfig) -> Result<Credential, String> {
    plugin(&config, None).map_err(|error| error.to_string())?.run().await.map_err(|error| error.to_string())
}

fn printing(status: &str) -> String {
    format!("printf '%s' '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{V1}\",\"status\":{status}}}'")
}

#[tokio::test]
async fn a_token_is_taken_with_its_end() {
    let given =
        run(script(&printing("{\"token\":\"t0k3n\",\"expirationTimestamp\":\"2026-03-01T10:00:00Z\"}")))
            .await
            .unwrap();
    assert_eq!(given.token.unwrap().expose_secret(), "t0k3n");
    assert_eq!(given.ends, "2026-03-01T10:00:00Z".parse().ok());
    let given =
        run(script(&printing("{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}"))).await.unwrap();
    assert!(given.token.is_none() && given.identity.is_some());
    let yaml = format!("printf 'kind: ExecCredential\napiVersion: {V1}\nstatus: {{token: t}}\n'");
    assert!(run(script(&yaml)).await.is_ok());
}

#[tokio::test]
async fn the_program_is_told_what_client_go_tells() {
    let mut config = script(
        "test \"$A\" = b && case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) ;; *) exit 3;; esac && \
         case $KUBERNETES_EXEC_INFO in *'\"server\":\"https://api\"'*) ;; *) exit 4;; esac && ! read -r line && exit 0; exit 5",
    );
    config.provide_cluster_info = true;
    config.env =
        Some(vec![[("name", "A"), ("value", "b")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()]);
    // All of it was right: what is missing is the answer.
    assert!(run(config).await.unwrap_err().contains("no ExecCredential"));
}

#[rstest]
#[case::exit("exit 7".to_owned(), "the exec program \"sh\" ended with exit code 7; run it by hand to see why")]
#[case::signal("kill -9 $$".to_owned(), "was ended by a signal")]
#[case::nothing("true".to_owned(), "no ExecCredential")]
#[case::text("echo s3cr3t".to_owned(), "no ExecCredential")]
#[case::binary("printf '\\377'".to_owned(), "not UTF-8")]
#[case::endless("yes s3cr3t | head -c 3000000".to_owned(), "more than 1 MiB")]
#[case::other_version(printing("{}").replace("/v1", "/v1alpha1"), "no ExecCredential of client.authentication.k8s.io/v1")]
#[case::no_status(printing("null"), "without status")]
#[case::empty(printing("{}"), "neither a token nor a certificate")]
#[case::half(printing("{\"clientKeyData\":\"s3cr3t\"}"), "only one of certificate and key")]
#[case::time(printing("{\"token\":\"s3cr3t\",\"expirationTimestamp\":\"soon\"}"), "no RFC 3339 time")]
#[tokio::test]
async fn what_fails_is_said_and_what_it_printed_is_not(#[case] text: String, #[case] part: &str) {
    let sentence = run(script(&text)).await.unwrap_err();
    assert!(sentence.starts_with("user \"me\" in kubeconfig k: "), "{sentence}");
    assert!(sentence.contains(part) && !sentence.contains("s3cr3t"), "{sentence}");
}

#[tokio::test]
async fn a_program_that_is_missing_is_named_with_its_hint() {
    let mut config = script("");
    config.command = Some("no-such-program".to_owned());
    config.install_hint = Some("get it\n  with brew".to_owned());
    let sentence = run(config.clone()).await.unwrap_err();
    assert!(
        sentence.ends_with(
            "the exec program \"no-such-program\" is not installed, or not in PATH; its installHint: get it with brew"
        ),
        "{sentence}"
    );
    // With a separator it counts from the folder of the kubeconfig.
    config.command = Some("./no-such-program".to_owned());
    assert!(run(config).await.unwrap_err().contains("\"/nowhere/./no-such-program\" is not installed"));
    let file = std::env::temp_dir().join(format!("plain-{}", std::process::id()));
    std::fs::write(&file, "x").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut plain = script("");
    plain.command = Some(file.display().to_string());
    assert!(run(plain).await.unwrap_err().contains("may not be executed"));
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_program_that_hangs_is_stopped() {
    let mut plugin = plugin(&script("exec sleep 1000"), None).unwrap();
    plugin.limit = Duration::from_millis(50);
    let sentence = plugin.run().await.unwrap_err().to_string();
    assert!(sentence.contains("did not end within 0 s, and was stopped"), "{sentence}");
}

#[tokio::test]
async fn what_it_says_is_passed_on_line_by_line() {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let show = |line: &str| SAID.lock().unwrap().push(line.to_owned());
    let sentence = plugin(&script("echo one >&2; printf two >&2; exit 1"), Some(show)).unwrap().run().await;
    assert!(sentence.unwrap_err().to_string().ends_with("exit code 1; what it said is above"));
    assert_eq!(*SAID.lock().unwrap(), ["one", "two"]);
}

#[rstest]
#[case::version(
    Some("client.authentication.k8s.io/v1alpha1"),
    Some("sh"),
    "v1alpha1\" is not supported, as in kubectl"
)]
#[case::no_version(None, Some("sh"), "exec.apiVersion \"\" is not supported")]
#[case::no_command(Some(V1), None, "exec.command is missing")]
fn what_cannot_be_run_is_said(
    #[case] version: Option<&str>,
    #[case] command: Option<&str>,
    #[case] part: &str,
) {
    let mut config = script("");
    config.api_version = version.map(str::to_owned);
    config.command = command.map(str::to_owned);
    let sentence = plugin(&config, None).unwrap_err().to_string();
    assert!(sentence.contains(part), "{sentence}");
}

#[test]
fn a_program_that_must_ask_needs_a_terminal() {
    let mut config = script("");
    config.interactive_mode = Some(ExecInteractiveMode::Always);
    assert!(plugin(&config, None).unwrap_err().to_string().contains("has to ask at a terminal"));
}
