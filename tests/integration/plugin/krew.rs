//! The manifest by which krew installs the plugin.

use std::path::Path;

use serde_json::Value;

#[test]
fn the_manifest_fits_what_is_built() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/krew/aicore-registry.yaml");
    let manifest: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(manifest["metadata"]["name"], "aicore-registry", "the command after kubectl");
    assert!(manifest["spec"]["shortDescription"].as_str().unwrap().len() <= 50, "krew's guide asks for this");

    let binary = Path::new(env!("CARGO_BIN_EXE_kubectl-aicore_registry")).file_name().unwrap();
    let mut platforms = Vec::new();
    for platform in manifest["spec"]["platforms"].as_array().unwrap() {
        let label = |name: &str| platform["selector"]["matchLabels"][name].as_str().unwrap().to_owned();
        let (os, arch) = (label("os"), label("arch"));
        assert_eq!(platform["bin"], binary.to_str().unwrap());
        // What the release fills in.
        let sum = format!("SHA256_{}_{}", os.to_uppercase(), arch.to_uppercase());
        assert_eq!(platform["sha256"], sum);
        let archive = format!("/VERSION/kubectl-aicore_registry_{os}_{arch}.tar.gz");
        assert!(platform["uri"].as_str().unwrap().ends_with(&archive));
        platforms.push(format!("{os}/{arch}"));
    }
    platforms.sort();
    assert_eq!(platforms, ["darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64"]);
    assert_eq!(manifest["spec"]["version"], "VERSION");
}
