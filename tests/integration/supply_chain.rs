//! What builds and publishes the product: pinned, from main, and with dependencies that somebody watches.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::Value;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn workflows() -> Vec<(String, Value)> {
    let folder = repository().join(".github/workflows");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), yaml(&format!(".github/workflows/{name}")))).collect()
}

fn jobs(workflow: &Value) -> impl Iterator<Item = (&String, &Value)> {
    workflow["jobs"].as_object().unwrap().iter()
}

fn steps(job: &Value) -> &[Value] {
    job["steps"].as_array().map_or(&[], Vec::as_slice)
}

/// The action of a step, without its commit.
fn action(step: &Value) -> Option<&str> {
    step["uses"].as_str().map(|uses| uses.split_once('@').map_or(uses, |(action, _)| action))
}

fn may_write(job: &Value) -> bool {
    job["permissions"]
        .as_object()
        .is_some_and(|permissions| permissions.values().any(|level| level == "write"))
}

#[test]
fn actions_are_pinned_by_commit() {
    let mut seen = 0;
    for (file, workflow) in workflows() {
        for (name, job) in jobs(&workflow) {
            for step in steps(job) {
                let Some(uses) = step["uses"].as_str() else { continue };
                let (_, commit) = uses.split_once('@').unwrap_or_else(|| panic!("{file} {name}: {uses}"));
                let pinned = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(pinned, "{file} {name}: {uses}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Inputs by which an action is told what program to fetch. Without them it takes the newest.
const FETCHED: [(&str, &str); 4] = [
    ("docker/setup-buildx-action", "driver-opts"),
    ("azure/setup-helm", "version"),
    ("sigstore/cosign-installer", "cosign-release"),
    ("anchore/sbom-action", "syft-version"),
];

/// Actions that fetch no program beside their own commit, or are told by a file of this repository which.
const SELF_CONTAINED: [&str; 9] = [
    "actions/attest-build-provenance",
    "actions/attest-sbom",
    "actions/cache",
    "actions/checkout",
    "actions/download-artifact",
    "actions/setup-go",
    "actions/upload-artifact",
    "docker/build-push-action",
    "docker/login-action",
];

#[test]
fn programs_that_run_with_write_rights_are_pinned() {
    let mut seen = BTreeSet::new();
    for (file, workflow) in workflows() {
        for (name, job) in jobs(&workflow).filter(|(_, job)| may_write(job)) {
            for step in steps(job) {
                let Some(action) = action(step) else { continue };
                match FETCHED.iter().find(|(fetching, _)| *fetching == action) {
                    Some((_, input)) => {
                        let version = step["with"][input].as_str().unwrap_or_default();
                        assert!(
                            version.bytes().any(|byte| byte.is_ascii_digit()) && !version.contains("latest"),
                            "{file} {name}: {action} has no {input} that names a version"
                        );
                        seen.insert(action.to_owned());
                    }
                    None => assert!(
                        SELF_CONTAINED.contains(&action),
                        "{file} {name}: say in this test what {action} fetches"
                    ),
                }
            }
        }
    }
    assert_eq!(seen.len(), FETCHED.len(), "{seen:?}");
    let builder = FETCHED[0];
    for (file, workflow) in workflows() {
        for (name, job) in jobs(&workflow) {
            for step in steps(job).iter().filter(|step| action(step) == Some(builder.0)) {
                let options = step["with"][builder.1].as_str().unwrap_or_default();
                assert!(options.contains("@sha256:"), "{file} {name}: {options:?}");
            }
        }
    }
    let dockerfile = std::fs::read_to_string(repository().join("Dockerfile")).unwrap();
    assert!(!dockerfile.lines().any(|line| line.replace(' ', "").to_lowercase().starts_with("#syntax=")));
}

#[test]
fn a_release_is_made_from_main_alone_and_after_a_review() {
    let release = yaml(".github/workflows/release.yml");
    let version = &release["jobs"]["version"];
    let checks = steps(version).iter().filter_map(|step| step["run"].as_str());
    assert_eq!(checks.filter(|run| run.contains("git merge-base --is-ancestor \"$GITHUB_SHA\"")).count(), 1);
    let checkout = steps(version).iter().find(|step| action(step) == Some("actions/checkout")).unwrap();
    assert_eq!(checkout["with"]["fetch-depth"], 0, "without the history nothing is an ancestor");
    let mut publishing = 0;
    for (name, job) in jobs(&release).filter(|(_, job)| may_write(job)) {
        let needs = job["needs"].as_array().unwrap();
        assert!(needs.iter().any(|need| need == "version"), "{name} does not wait for the check of the tag");
        assert_eq!(job["environment"], "release", "{name}");
        publishing += 1;
    }
    assert_eq!(publishing, 3);
}

#[test]
fn advisories_are_checked_every_day_and_in_make_check() {
    let workflow = yaml(".github/workflows/advisories.yml");
    let daily = workflow["on"]["schedule"][0]["cron"].as_str().unwrap();
    assert!(daily.ends_with("* * *"), "{daily}");
    let runs: Vec<&str> =
        jobs(&workflow).flat_map(|(_, job)| steps(job)).filter_map(|step| step["run"].as_str()).collect();
    assert_eq!(runs, ["make advisories REQUIRED=1"]);
    let makefile = std::fs::read_to_string(repository().join("Makefile")).unwrap();
    let check = makefile.lines().find(|line| line.starts_with("check:")).unwrap();
    assert!(check.split_whitespace().any(|target| target == "advisories"), "{check}");
}

/// Of the image of each architecture, attested for that image; it finds the packages in the list that the build leaves in the binary.
#[test]
fn each_image_of_a_release_has_a_bill_of_materials() {
    let release = yaml(".github/workflows/release.yml");
    let of = |wanted: &str| -> Vec<&Value> {
        steps(&release["jobs"]["image"]).iter().filter(|step| action(step) == Some(wanted)).collect()
    };
    let build = of("docker/build-push-action")[0];
    let architectures: Vec<&str> = build["with"]["platforms"]
        .as_str()
        .unwrap()
        .split(',')
        .map(|platform| platform.rsplit('/').next().unwrap())
        .collect();
    assert!(architectures.len() >= 2, "{architectures:?}");
    for architecture in &architectures {
        let digest = format!("steps.platforms.outputs.{architecture} ");
        let made: Vec<&Value> = of("anchore/sbom-action")
            .into_iter()
            .filter(|step| step["with"]["image"].as_str().unwrap().contains(&digest))
            .collect();
        let [made] = made[..] else { panic!("{architecture}: {made:?}") };
        assert_eq!(made["with"]["format"], "spdx-json");
        let attested = of("actions/attest-sbom").into_iter().any(|step| {
            step["with"]["subject-digest"].as_str().unwrap().contains(&digest)
                && step["with"]["sbom-path"] == made["with"]["output-file"]
        });
        assert!(attested, "{architecture}");
    }
    let build = std::fs::read_to_string(repository().join("deploy/image/build.sh")).unwrap();
    assert!(build.contains("cargo auditable build --locked --release"));
}

#[test]
fn newer_versions_of_everything_are_proposed() {
    let updates = yaml(".github/dependabot.yml");
    let updates = updates["updates"].as_array().unwrap();
    let of = |ecosystem: &str| updates.iter().find(|update| update["package-ecosystem"] == ecosystem);
    for ecosystem in ["cargo", "github-actions", "docker"] {
        assert_eq!(of(ecosystem).unwrap()["directory"], "/", "{ecosystem}");
    }
    let watched: BTreeSet<PathBuf> = of("gomod").unwrap()["directories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|folder| PathBuf::from(folder.as_str().unwrap().trim_start_matches('/')))
        .collect();
    assert_eq!(watched, go_modules());
}

/// The folders with a `go.mod`.
fn go_modules() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> =
        [".github", "benches", "deploy", "tests"].map(|name| repository().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.ends_with("go.mod") {
                found.insert(folder.strip_prefix(repository()).unwrap().to_path_buf());
            }
        }
    }
    found
}

#[test]
fn every_command_of_the_page_names_the_workflow_that_signs() {
    let page = std::fs::read_to_string(repository().join("docs/verify.md")).unwrap();
    let joined = page.replace("\\\n", " ");
    let commands: Vec<&str> =
        joined.lines().filter(|line| line.starts_with("gh attestation verify")).collect();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in commands {
        assert!(command.contains("--signer-workflow \"$WORKFLOW\""), "{command}");
        assert!(command.contains("--deny-self-hosted-runners"), "{command}");
    }
    let verified = joined.lines().filter(|line| line.starts_with("cosign verify"));
    assert_eq!(verified.filter(|line| line.contains("--certificate-identity \"$IDENTITY\"")).count(), 2);
    assert!(page.contains("IDENTITY=https://github.com/$REPOSITORY/.github/workflows/release.yml@refs/tags"));
}
