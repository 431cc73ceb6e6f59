//! The generated parts of the chart.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::{Generated, read, readme, values};

/// The chart's folder.
pub(super) const CHART: &str = "charts/aicore-registry-operator";

/// The CRDs, and the chart's templates of them.
const CRDS: [(&str, &str); 2] = [
    ("crds/aicoreregistrysecrets.aicore-registry.dev.yaml", "templates/crd.yaml"),
    ("crds/aicoretenants.aicore-registry.dev.yaml", "templates/crd-aicoretenants.yaml"),
];

/// Files that the chart needs inside of it, and where they live.
const COPIES: [(&str, &str); 2] =
    [("deploy/prometheus/rules.yaml", "rules.yaml"), ("deploy/grafana/dashboard.json", "dashboard.json")];

/// What the chart adds to the CRD's metadata.
const METADATA: &str = r#"  labels:
    {{- include "aicore-registry-operator.labels" . | nindent 4 }}
  {{- if or .Values.crds.keep .Values.crds.annotations }}
  annotations:
    {{- $keep := ternary (dict "helm.sh/resource-policy" "keep") dict .Values.crds.keep }}
    {{- include "aicore-registry-operator.merged" (list .Values.crds.annotations $keep) | nindent 4 }}
  {{- end }}
"#;

/// The CRDs as templates, so that an upgrade of the chart upgrades them, which Helm does not do for its folder `crds/`.
pub(super) fn crds() -> anyhow::Result<Generated> {
    let mut generated = Generated::default();
    for (source, path) in CRDS {
        generated.add(Path::new(CHART).join(path), template(source, &read(source)?)?);
    }
    Ok(generated)
}

fn template(source: &str, crd: &str) -> anyhow::Result<String> {
    ensure!(!crd.contains("{{"), "the CRD holds {{{{, which Helm would take for the begin of a template");
    let name = crd
        .split_inclusive('\n')
        .find(|line| line.starts_with("  name: "))
        .context("the CRD has no metadata.name")?;
    let (before, after) = crd.split_once(name).context("the CRD has no metadata.name")?;
    Ok(format!(
        "{{{{- /* Made from {source} by `make crd`. */}}}}\n{{{{- if .Values.crds.enabled }}}}\n\
         {before}{name}{METADATA}{after}{{{{- end }}}}\n"
    ))
}

/// The table of values, and copies of what other tools use too.
pub(super) fn readme_and_files() -> anyhow::Result<Generated> {
    let chart = Path::new(CHART);
    let mut generated = Generated::default();
    let values = values::read(&read(chart.join("values.yaml"))?)?;
    generated.add(chart.join("README.md"), readme::render(&values));
    for (source, copy) in COPIES {
        generated.add(chart.join("files").join(copy), read(source)?);
    }
    generated.folders = vec![PathBuf::from(CHART).join("files")];
    Ok(generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_annotations_go_to_the_crds_metadata() {
        let crd = "kind: CustomResourceDefinition\nmetadata:\n  name: a.b\nspec:\n  group: b\n";
        let template = template("crds/a.yaml", crd).unwrap();
        assert!(template.contains("metadata:\n  name: a.b\n  labels:\n"), "{template}");
        assert!(template.ends_with("  {{- end }}\nspec:\n  group: b\n{{- end }}\n"), "{template}");
    }

    #[test]
    fn what_helm_would_take_for_a_template_is_refused() {
        assert!(template("crds/a.yaml", "metadata:\n  name: a.b\ndescription: '{{ x }}'\n").is_err());
    }
}
