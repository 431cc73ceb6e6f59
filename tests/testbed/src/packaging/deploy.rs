//! The kustomizations in `deploy/`: the base is the chart, rendered with `deploy/values/base.yaml`; an overlay is what changes
//! when the values of `deploy/values/<overlay>.yaml` are added, or for Kyma those of `deploy/kyma/values.yaml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

use super::{
    Generated,
    chart::CHART,
    files_below,
    overlay::operations,
    rendered::{Object, objects},
};
use crate::{controlplane::workspace, helm::helm};

const RELEASE: &str = "aicore-registry-operator";
const NAMESPACE: &str = "aicore-registry-system";
const HEADER: &str = "# Rendered from the chart by `make deploy`; what to change is in deploy/values.\n";

/// An overlay whose values have a place of their own, where users of Helm look for them.
const KYMA: &str = "kyma";

pub(super) async fn kustomizations() -> anyhow::Result<Generated> {
    let folders = vec!["deploy/base".into(), "deploy/overlays".into()];
    let mut generated = Generated { folders, ..Generated::default() };
    let base = render(&["base"]).await?;
    let mut resources = vec!["../../crds".to_owned()];
    resources.extend(add_files(&mut generated, Path::new("deploy/base"), &base)?);
    add_kustomization(&mut generated, Path::new("deploy/base"), &resources, &[])?;
    for name in overlays()? {
        let folder = PathBuf::from("deploy/overlays").join(&name);
        let variant = render(&["base", &name]).await?;
        add_overlay(&mut generated, &folder, &base, &variant)?;
    }
    Ok(generated)
}

/// The names of the values' files, except the base's.
fn overlays() -> anyhow::Result<Vec<String>> {
    let files = files_below(&workspace().join("deploy/values"))?;
    let names = files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.filter(|name| name != "base").chain([KYMA.to_owned()]).collect();
    names.sort();
    Ok(names)
}

/// The file with the values of the base or of an overlay.
fn values_of(name: &str) -> String {
    match name {
        KYMA => "deploy/kyma/values.yaml".to_owned(),
        name => format!("deploy/values/{name}.yaml"),
    }
}

async fn render(values: &[&str]) -> anyhow::Result<Vec<Object>> {
    let mut helm = helm()?;
    helm.current_dir(workspace()).args([
        "template",
        RELEASE,
        CHART,
        "--namespace",
        NAMESPACE,
        "--skip-tests",
    ]);
    for name in values {
        helm.arg("--values").arg(values_of(name));
    }
    let output = helm.output().await.context("cannot run helm")?;
    ensure!(output.status.success(), "helm: {}", String::from_utf8_lossy(&output.stderr).trim());
    objects(std::str::from_utf8(&output.stdout).context("helm prints no text")?)
}

/// Adds a file for each object, and returns their names.
fn add_files<'a>(
    generated: &mut Generated,
    folder: &Path,
    objects: impl IntoIterator<Item = &'a Object>,
) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for object in objects {
        // Objects that values bring have no template of their own.
        let file = match object.file.as_str() {
            "extraobjects" => object.kind().to_lowercase(),
            file => file.to_owned(),
        };
        let name = format!("{file}.yaml");
        ensure!(!names.contains(&name), "{} would hold two objects", folder.join(&name).display());
        generated.add(folder.join(&name), format!("{HEADER}{}", object.text));
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn add_overlay(
    generated: &mut Generated,
    folder: &Path,
    base: &[Object],
    variant: &[Object],
) -> anyhow::Result<()> {
    let new = variant.iter().filter(|object| !base.iter().any(|other| other.is(object)));
    let mut resources = vec!["../../base".to_owned()];
    resources.extend(add_files(generated, folder, new)?);
    let mut patches = Vec::new();
    for object in base {
        let target = json!({ "kind": object.kind(), "name": object.name() });
        let (name, patch) = match variant.iter().find(|other| other.is(object)) {
            None => {
                let metadata = json!({ "name": object.name() });
                let patch = json!({ "apiVersion": object.value["apiVersion"], "kind": object.kind(),
                                    "metadata": metadata, "$patch": "delete" });
                (format!("without-{}.yaml", object.file), patch)
            }
            Some(other) => match operations(&object.value, &other.value) {
                none if none.is_empty() => continue,
                operations => (format!("{}-patch.yaml", object.file), Value::Array(operations)),
            },
        };
        generated.add(folder.join(&name), format!("{HEADER}{}", yaml(&patch)?));
        patches.push(json!({ "path": name, "target": target }));
    }
    add_kustomization(generated, folder, &resources, &patches)
}

fn add_kustomization(
    generated: &mut Generated,
    folder: &Path,
    resources: &[String],
    patches: &[Value],
) -> anyhow::Result<()> {
    let mut kustomization = Map::new();
    kustomization.insert("apiVersion".into(), json!("kustomize.config.k8s.io/v1beta1"));
    kustomization.insert("kind".into(), json!("Kustomization"));
    kustomization.insert("resources".into(), json!(resources));
    if !patches.is_empty() {
        kustomization.insert("patches".into(), json!(patches));
    }
    let text = format!("{HEADER}{}", yaml(&Value::Object(kustomization))?);
    generated.add(folder.join("kustomization.yaml"), text);
    Ok(())
}

fn yaml(value: &Value) -> anyhow::Result<String> {
    let mut text = serde_saphyr::to_string(value).context("cannot write YAML")?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}
