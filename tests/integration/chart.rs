//! The Helm chart and the kustomizations, with real helm and kubectl on the real API server. No pods run there: what runs in their
//! place is the operator as a process, with the arguments and the rights that the chart gives it.

mod arguments;
mod artifact_hub;
mod kustomize;
mod lifecycle;
mod manifests;
mod rights;
pub(crate) mod scenario;
mod schema;
mod values;

use std::{path::Path, process::Stdio};

use serde_json::Value;
use testbed::{controlplane::ControlPlane, helm::helm};
use tokio::{io::AsyncWriteExt, process::Command};

/// The repository's root.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn chart() -> std::path::PathBuf {
    repository().join("charts/aicore-registry-operator")
}

/// Runs a command with this input; its output, or what it says on standard error.
async fn run(mut command: Command, input: &str) -> Result<Output, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let ((), output) = tokio::join!(
        async move {
            // A command that fails at once may not read it.
            let _ = stdin.write_all(input.as_bytes()).await;
        },
        child.wait_with_output()
    );
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    if output.status.success() { Ok(Output { stdout, stderr }) } else { Err(stderr) }
}

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What `helm template` makes of the values, or its complaint.
pub(crate) async fn template(release: &str, namespace: &str, values: &Value) -> Result<String, String> {
    let mut helm = helm().unwrap();
    helm.args(["template", release, "--namespace", namespace, "--values", "-"]).arg(chart());
    Ok(run(helm, &values.to_string()).await?.stdout)
}

/// The objects in a stream of YAML documents.
pub(crate) fn objects(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    documents.into_iter().filter(Value::is_object).collect()
}

/// The only object of the kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}: {found:#?}");
    found[0]
}

/// The arguments of the operator's container in a pod, with variables replaced as the kubelet does it.
fn arguments(deployment: &Value, namespace: &str, pod: &str) -> Vec<String> {
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    let pod = [("$(POD_NAMESPACE)", namespace), ("$(POD_NAME)", pod), ("$(POD_UID)", "0b1c6f9e")];
    let replaced = |text: &str| {
        pod.iter().fold(text.to_owned(), |text, (variable, value)| text.replace(variable, value))
    };
    arguments.iter().map(|argument| replaced(argument.as_str().unwrap())).collect()
}

/// `helm` for a control plane.
fn helm_on(control_plane: &ControlPlane) -> Command {
    let mut helm = helm().unwrap();
    helm.env("KUBECONFIG", control_plane.kubeconfig());
    helm
}

/// Runs helm with this kubeconfig and these values for `--values -`.
async fn helm_with(
    control_plane: &ControlPlane,
    arguments: &[&str],
    values: &Value,
) -> Result<Output, String> {
    let mut helm = helm_on(control_plane);
    helm.args(arguments).args(["--values", "-"]);
    run(helm, &values.to_string()).await
}

/// Installs the chart, without waiting for pods.
async fn install(control_plane: &ControlPlane, release: &str, namespace: &str, values: &Value) -> Output {
    let chart = chart();
    let arguments = ["install", release, chart.to_str().unwrap(), "--namespace", namespace];
    helm_with(control_plane, &arguments, values).await.unwrap()
}

/// Runs kubectl, and expects that it works.
pub(crate) async fn kubectl(control_plane: &ControlPlane, arguments: &[&str], input: &str) -> Output {
    let mut kubectl = control_plane.kubectl();
    kubectl.args(arguments).current_dir(repository());
    run(kubectl, input).await.unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
}
