//! The chart's README.

use std::fmt::Write as _;

use super::values::Section;

const INTRODUCTION: &str = "# The chart aicore-registry-operator

Keeps docker registry secrets of SAP AI Core equal to Kubernetes Secrets. This page is made from `values.yaml` by `make chart`.

```console
helm install aicore-registry-operator charts/aicore-registry-operator --namespace aicore-registry-system --create-namespace \\
  --set image.repository=registry.example.com/aicore-registry-operator,image.tag=0.1.0
helm test aicore-registry-operator --namespace aicore-registry-system
```

## The CRDs

The chart installs two CRDs and upgrades them: `helm upgrade` needs no other step. `helm uninstall` leaves the CRDs, and with them all
AICoreRegistrySecrets and AICoreTenants, unless `crds.keep` is false. When the CRDs are installed by other means, as by a second release
in the same cluster, set `crds.enabled=false`. To take over CRDs that another release or kubectl has made, add `--take-ownership` to
`helm install`.

## Namespaces

With `operator.watchNamespaces`, the operator looks after these namespaces alone, and reads Secrets in these alone, by a Role in each;
the namespaces must exist. AICoreTenants are not served then. These belong to the cluster all the same: the CRDs (`crds.enabled`), the roles for people
(`rbac.aggregateToView`, `rbac.aggregateToEdit`), and the right to release a resource from its finalizer after the Role in its namespace
has gone (`rbac.releaseClusterWide`). Whoever may not create them sets all four to false; then set `deletionPolicy: Retain`, or delete
the resources before their namespace.

## Values
";

pub(super) fn render(sections: &[Section]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in sections {
        let _ = write!(page, "\n### {}\n\n| value | default | meaning |\n|---|---|---|\n", section.title);
        for value in &section.values {
            let _ = writeln!(
                page,
                "| `{}` | `{}` | {} |",
                value.path,
                cell(&value.default.to_string()),
                cell(&value.meaning)
            );
        }
    }
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
