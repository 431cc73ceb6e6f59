//! The customization for Argo CD: its Lua runs in Argo CD's interpreter, on objects that the operator wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

use aicore_registry_operator::api::{KIND, REQUESTED_AT, TENANT_KIND};
use kube::api::{Patch, PatchParams};
use rstest::rstest;
use serde_json::{Value, json};
use testbed::tools::ask;

use crate::{
    recorded::{customization, customization_of, objects, objects_of},
    world::{Login, World, operation::PATCH},
};

/// Must be one of Argo CD's statuses.
const STATUSES: [&str; 4] = ["Healthy", "Progressing", "Degraded", "Suspended"];
const ACTIONS: [&str; 3] = ["sync", "suspend", "resume"];

fn file(name: &str) -> String {
    std::fs::read_to_string(customization().join(name)).unwrap()
}

fn file_of(kind: &str, name: &str) -> String {
    std::fs::read_to_string(customization_of(kind).join(name)).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&file(name)).unwrap()
}

async fn lua(script: &str, object: &Value) -> Result<Value, String> {
    let input = json!({ "script": script, "obj": object });
    let answer = tokio::task::spawn_blocking(move || ask("lua", &input)).await.unwrap();
    answer.map_err(|error| format!("{error:#}"))
}

async fn health(object: &Value) -> Value {
    lua(&file_of(object["kind"].as_str().unwrap(), "health.lua"), object).await.unwrap()
}

/// `health_test.yaml` has the form in which Argo CD's own tests read it.
#[rstest]
#[case::of_resources(KIND)]
#[case::of_tenants(TENANT_KIND)]
#[tokio::test]
async fn every_recorded_object_has_the_health_that_the_test_file_says(#[case] kind: &str) {
    let objects = objects_of(kind);
    let mut tested = BTreeSet::new();
    let tests: Value = serde_saphyr::from_str(&file_of(kind, "health_test.yaml")).unwrap();
    for test in tests["tests"].as_array().unwrap() {
        let state = test["inputPath"].as_str().unwrap().strip_prefix("testdata/").unwrap();
        let state = state.strip_suffix(".yaml").unwrap().to_owned();
        let found = health(&objects[&state]).await;
        assert_eq!(found, test["healthStatus"], "{state}");
        assert!(STATUSES.contains(&found["status"].as_str().unwrap()), "{found}");
        tested.insert(state);
    }
    assert_eq!(tested, objects.into_keys().collect());
}

/// The order of the rules: what an earlier rule decides no later one changes.
#[rstest]
#[case::deletion_before_suspension("deleting", json!({ "spec": { "suspend": true } }), "Progressing")]
#[case::deletion_before_all_else("stalled", json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }), "Progressing")]
#[case::suspension_before_the_generation("outdated", json!({ "spec": { "suspend": true } }), "Suspended")]
#[case::suspension_before_stalled("stalled", json!({ "spec": { "suspend": true } }), "Suspended")]
#[case::generation_before_stalled("stalled", json!({ "metadata": { "generation": 7 } }), "Progressing")]
#[case::generation_before_ready("healthy", json!({ "metadata": { "generation": 7 } }), "Progressing")]
#[case::no_status_at_all("healthy", json!({ "status": null }), "Progressing")]
#[case::no_conditions("healthy", json!({ "status": { "conditions": null } }), "Progressing")]
#[case::not_suspended("healthy", json!({ "spec": { "suspend": false } }), "Healthy")]
#[tokio::test]
async fn the_first_rule_that_fits_decides(#[case] state: &str, #[case] change: Value, #[case] status: &str) {
    let mut object = objects().remove(state).unwrap();
    json_patch::merge(&mut object, &change);
    assert_eq!(health(&object).await["status"], status);
}

/// The same for AICoreTenants.
#[rstest]
#[case::generation_before_stalled("refused", json!({ "metadata": { "generation": 7 } }), "Progressing")]
#[case::generation_before_ready("healthy", json!({ "metadata": { "generation": 7 } }), "Progressing")]
#[case::no_status_at_all("healthy", json!({ "status": null }), "Progressing")]
#[case::no_conditions("healthy", json!({ "status": { "conditions": null } }), "Progressing")]
#[case::stalled_before_ready("healthy", json!({ "status": { "conditions": [
    { "type": "Ready", "status": "True", "message": "" }, { "type": "Stalled", "status": "True", "message": "" },
] } }), "Degraded")]
#[tokio::test]
async fn the_first_rule_for_tenants_that_fits_decides(
    #[case] state: &str,
    #[case] change: Value,
    #[case] status: &str,
) {
    let mut object = objects_of(TENANT_KIND).remove(state).unwrap();
    json_patch::merge(&mut object, &change);
    assert_eq!(health(&object).await["status"], status);
}

/// Whatever is said of lives, the health is what it would be without it.
#[tokio::test]
async fn the_end_of_a_credential_changes_no_health() {
    for (state, object) in objects().into_iter().chain(objects_of(TENANT_KIND)) {
        let before = health(&object).await;
        for type_ in ["CredentialExpiring", "CredentialExpired"] {
            let mut ending = object.clone();
            let condition = json!({ "type": type_, "status": "True", "reason": "RegistryCredential", "message": "it ends" });
            if let Some(conditions) = ending["status"]["conditions"].as_array_mut() {
                conditions.push(condition);
            }
            assert_eq!(health(&ending).await, before, "{state}");
        }
    }
}

/// Not ready, and nobody has the next step: no state of the operator's, but what a program of another version may leave.
#[tokio::test]
async fn not_ready_is_degraded_only_if_the_operator_does_nothing_about_it() {
    let mut object = objects().remove("retrying").unwrap();
    assert_eq!(health(&object).await["status"], "Progressing");
    object["status"]["conditions"].as_array_mut().unwrap().retain(|condition| condition["type"] == "Ready");
    assert_eq!(health(&object).await["status"], "Degraded");
}

/// `action_test.yaml`, too, has the form of Argo CD's own tests.
#[tokio::test]
async fn every_recorded_object_offers_the_actions_that_the_test_file_says() {
    let objects = objects();
    let discovery = file("actions/discovery.lua");
    let tests = yaml("actions/action_test.yaml");
    for test in tests["discoveryTests"].as_array().unwrap() {
        let path = test["inputPath"].as_str().unwrap();
        let state = path.strip_prefix("../testdata/").unwrap().strip_suffix(".yaml").unwrap();
        let found = lua(&discovery, &objects[state]).await.unwrap();
        assert_eq!(found.as_object().unwrap().keys().collect::<BTreeSet<_>>(), names().iter().collect());
        for expected in test["result"].as_array().unwrap() {
            let action = &found[expected["name"].as_str().unwrap()];
            assert_eq!(
                action["disabled"],
                expected["disabled"].as_bool().unwrap_or(false),
                "{state}: {expected}"
            );
            assert_eq!(action["iconClass"], expected["iconClass"], "{state}: {expected}");
        }
    }
    for test in tests["actionTests"].as_array().unwrap() {
        let action = test["action"].as_str().unwrap();
        let input = yaml(&format!("actions/{}", test["inputPath"].as_str().unwrap()));
        let expected = yaml(&format!("actions/{}", test["expectedOutputPath"].as_str().unwrap()));
        assert_eq!(act(action, &input).await, expected, "{action}");
    }
}

fn names() -> BTreeSet<String> {
    ACTIONS.iter().map(|&name| name.to_owned()).collect()
}

async fn act(action: &str, object: &Value) -> Value {
    lua(&file(&format!("actions/{action}/action.lua")), object).await.unwrap()
}

#[tokio::test]
async fn the_actions_do_in_the_cluster_what_their_names_say() {
    let world = World::synced("argocd").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();

    click(&world, "sync").await;
    world.wait_requests(PATCH, 1).await;
    let synced = world
        .wait_for("pull", "the answer to the request", |resource| {
            let status = resource.status.as_ref().unwrap();
            let asked = resource.metadata.annotations.as_ref().and_then(|all| all.get(REQUESTED_AT));
            asked.is_some() && status.last_handled_reconcile_at.as_ref() == asked
        })
        .await;
    let asked: jiff::Timestamp = synced.metadata.annotations.unwrap()[REQUESTED_AT].parse().unwrap();
    let apart = aicore_registry_operator::clock::now().duration_since(asked).as_secs();
    assert!((0..3600).contains(&apart), "the time is UTC: {asked}");

    click(&world, "suspend").await;
    world.wait_reason("pull", "Suspended").await;
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes(), []);

    click(&world, "resume").await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

/// As Argo CD does: runs the script on the live object, and sends the difference.
async fn click(world: &World, action: &str) {
    let before = world.stored("pull").await;
    let after = act(action, &before).await;
    let difference: json_patch::Patch = json_patch::diff(&before, &after);
    assert!(!difference.0.is_empty(), "{action} changes nothing");
    let patch = Patch::Json::<()>(difference);
    world.resources().patch("pull", &PatchParams::default(), &patch).await.unwrap();
}

/// Scripts get what Argo CD gives them and no more, so a script that needs more fails here, not in a user's Argo CD.
#[rstest]
#[case("return { status = string.lower('X') }")]
#[case("return { status = math.floor(1) }")]
#[case("return { status = os.date() }")]
#[case("return { status = require('os').getenv('HOME') }")]
#[case("return { status = io.open('/etc/hostname') }")]
#[case("while true do end")]
#[tokio::test]
async fn the_interpreter_has_argo_cds_limits(#[case] script: &str) {
    let error = lua(script, &json!({})).await.unwrap_err();
    assert!(error.starts_with("lua: "), "{error}");
}

/// The API servers of the tests do not have Argo CD's kinds.
#[test]
fn the_applications_are_complete_and_name_what_there_is() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["chart", "kustomize", "secrets"] {
        let path = repository.join(format!("deploy/argocd/application-{name}.yaml"));
        let application: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(application["apiVersion"], "argoproj.io/v1alpha1", "{name}");
        assert_eq!(application["kind"], "Application", "{name}");
        let spec = &application["spec"];
        assert!(spec["destination"]["namespace"].is_string() && spec["project"] == "default", "{name}");
        let source = &spec["source"];
        assert!(source["targetRevision"].is_string(), "{name}");
        match name {
            "chart" => {
                assert_eq!(source["chart"], "aicore-registry-operator");
                assert!(
                    !source["repoURL"].as_str().unwrap().contains("://"),
                    "an OCI repository has no scheme"
                );
            }
            "kustomize" => {
                let folder = repository.join(source["path"].as_str().unwrap());
                assert!(folder.join("kustomization.yaml").is_file());
            }
            _ => assert!(source["path"].is_string()),
        }
    }
}

/// The patch of argocd-cm is made from the Lua files: `make recorded` writes it.
#[test]
fn the_config_map_holds_the_scripts() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/argocd/argocd-cm-patch.yaml");
    let rendered = config_map();
    if std::env::var_os("WRITE_RECORDED").is_some() {
        std::fs::write(path, &rendered).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text, rendered, "run `make recorded`");
    // What Argo CD reads from it is what was tested.
    let config_map: Value = serde_saphyr::from_str(&text).unwrap();
    let data = config_map["data"].as_object().unwrap();
    assert_eq!(data.len(), 3);
    assert_eq!(
        data["resource.customizations.health.aicore-registry.dev_AICoreRegistrySecret"],
        file("health.lua")
    );
    assert_eq!(
        data["resource.customizations.health.aicore-registry.dev_AICoreTenant"],
        file_of(TENANT_KIND, "health.lua")
    );
    let actions = &data["resource.customizations.actions.aicore-registry.dev_AICoreRegistrySecret"];
    let actions: Value = serde_saphyr::from_str(actions.as_str().unwrap()).unwrap();
    assert_eq!(actions["discovery.lua"], file("actions/discovery.lua"));
    let definitions = actions["definitions"].as_array().unwrap();
    let definitions: BTreeMap<&str, &str> = definitions
        .iter()
        .map(|action| (action["name"].as_str().unwrap(), action["action.lua"].as_str().unwrap()))
        .collect();
    assert_eq!(definitions.len(), ACTIONS.len());
    for action in ACTIONS {
        assert_eq!(definitions[action], file(&format!("actions/{action}/action.lua")));
    }
}

fn config_map() -> String {
    let mut text = "# Made from resource_customizations/ by `make recorded`.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
data:
  resource.customizations.health.aicore-registry.dev_AICoreRegistrySecret: |
"
    .to_owned();
    text += &indented(4, &file("health.lua"));
    text += "  resource.customizations.health.aicore-registry.dev_AICoreTenant: |\n";
    text += &indented(4, &file_of(TENANT_KIND, "health.lua"));
    text += "  resource.customizations.actions.aicore-registry.dev_AICoreRegistrySecret: |\n    discovery.lua: |\n";
    text += &indented(6, &file("actions/discovery.lua"));
    text += "    definitions:\n";
    for action in ACTIONS {
        write!(text, "      - name: {action}\n        action.lua: |\n").unwrap();
        text += &indented(10, &file(&format!("actions/{action}/action.lua")));
    }
    text
}

fn indented(by: usize, text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{:by$}{line}\n", "") };
    text.lines().map(line).collect()
}
