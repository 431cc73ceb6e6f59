//! Manifests that Helm has rendered.

use anyhow::{Context, ensure};
use serde_json::Value;

/// Labels that are true of a Helm release alone.
const OF_HELM: [&str; 2] = ["app.kubernetes.io/managed-by: Helm", "helm.sh/chart: "];

/// One object.
#[derive(Debug)]
pub(super) struct Object {
    /// The template's name, as in `deployment`.
    pub(super) file: String,
    /// As rendered, with comments.
    pub(super) text: String,
    pub(super) value: Value,
}

impl Object {
    pub(super) fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Whether both are the same object, though maybe not alike.
    pub(super) fn is(&self, other: &Self) -> bool {
        let namespace = |object: &Self| object.value["metadata"]["namespace"].clone();
        self.kind() == other.kind() && self.name() == other.name() && namespace(self) == namespace(other)
    }
}

/// Splits the output of `helm template`, without what is true of a Helm release alone.
pub(super) fn objects(output: &str) -> anyhow::Result<Vec<Object>> {
    let documents = output.split("\n---\n").map(|document| document.trim_start_matches("---\n"));
    let objects = documents.filter(|document| document.contains("\nkind: ")).map(object);
    objects.collect()
}

fn object(document: &str) -> anyhow::Result<Object> {
    let (source, body) = document.trim_start().split_once('\n').context("a document is one line")?;
    let path = source.strip_prefix("# Source: ").context("helm does not say which template it rendered")?;
    let file = path.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).context("no template")?;
    let kept = body.trim_end().lines().filter(|line| {
        let line = line.trim_start();
        !OF_HELM.iter().any(|label| line.starts_with(label))
    });
    let text = kept.flat_map(|line| [line, "\n"]).collect::<String>();
    let value: Value = serde_saphyr::from_str(&text).with_context(|| format!("{path} renders no YAML"))?;
    ensure!(value["metadata"]["name"].is_string(), "{path} renders an object without a name");
    Ok(Object { file: file.to_owned(), text, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_split_and_helms_labels_go() {
        let output = "---\n# Source: c/templates/service.yaml\n# Why.\napiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  \
                      labels:\n    helm.sh/chart: c-1\n    x: a\n\n---\n# Source: c/templates/empty.yaml\n---\n\
                      # Source: c/templates/tests/pod.yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n";
        let objects = objects(output).unwrap();
        assert_eq!(objects.iter().map(|object| &*object.file).collect::<Vec<_>>(), ["service", "pod"]);
        assert!(objects[0].text.starts_with("# Why.\napiVersion: v1\n"), "{}", objects[0].text);
        assert_eq!(objects[0].value["metadata"]["labels"], serde_json::json!({ "x": "a" }));
        assert!(!objects[0].is(&objects[1]));
    }
}
