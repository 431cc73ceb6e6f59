use rstest::rstest;

use super::{super::findings::Level, *};

const RESOURCE: &str = "
apiVersion: aicore-registry.dev/v1alpha1
kind: AICoreRegistrySecret
metadata: {name: pull, namespace: ml}
spec: {secretRef: {name: source}, aiCoreSecretRef: {name: key}}
";
const SECRETS: &str = "
apiVersion: v1
kind: Secret
metadata: {name: source, namespace: ml}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: '{}'}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: other}
stringData: {clientid: x}
---
";

fn file(name: &str, text: &str) -> File {
    File { name: name.to_owned(), text: text.to_owned(), source: Source::Named }
}

fn read(files: &[(&str, &str)]) -> Vec<Case> {
    let files: Vec<File> = files.iter().map(|(name, text)| file(name, text)).collect();
    cases(&files, None).unwrap()
}

fn is_read(held: Option<&Held>) -> bool {
    matches!(held, Some(Held::Read(_)))
}

#[test]
fn a_resource_finds_its_secrets_in_all_files_but_in_its_own_namespace_only() {
    let cases = read(&[("resource.yaml", RESOURCE), ("secrets.yaml", SECRETS)]);
    let [case] = &cases[..] else { panic!("{} cases", cases.len()) };
    assert_eq!(case.title, "AICoreRegistrySecret ml/pull");
    assert!(is_read(case.source.as_ref()));
    let Some(Held::Unread(why)) = &case.service_key else { panic!("it is read") };
    assert_eq!(why.level, Level::Unchecked);
    assert!(why.text.contains("which have only \"source\""), "{}", why.text);
}

#[test]
fn without_a_resource_each_secret_is_judged_by_itself() {
    let cases = read(&[("secrets.yaml", SECRETS)]);
    let titles: Vec<&str> = cases.iter().map(|case| &*case.title).collect();
    assert_eq!(titles, ["Secret ml/source", "Secret other/key"]);
    assert!(is_read(cases[0].source.as_ref()) && cases[0].service_key.is_none());
    assert!(is_read(cases[1].service_key.as_ref()) && cases[1].source.is_none());
}

#[test]
fn lists_as_kubectl_prints_them_are_taken_apart() {
    let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {".dockercfg": "e30="}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}]}"#;
    let cases = read(&[("list.json", list)]);
    assert_eq!(cases.iter().map(|case| &*case.title).collect::<Vec<_>>(), ["Secret a"]);
}

#[rstest]
#[case::docker_config(r#"{"auths": {}}"#, "Docker config in f", true)]
#[case::helpers(r#"{"credsStore": "desktop"}"#, "Docker config in f", true)]
#[case::service_key(r#"{"clientid": "x"}"#, "Service key in f", false)]
#[case::yaml("serviceurls: {}", "Service key in f", false)]
#[case::environment("AICORE_AUTH_URL: x", "Service key in f", false)]
fn bare_credentials_are_recognised(#[case] text: &str, #[case] title: &str, #[case] docker: bool) {
    let cases = read(&[("f", text)]);
    assert_eq!(cases[0].title, title);
    assert_eq!(
        (is_read(cases[0].source.as_ref()), is_read(cases[0].service_key.as_ref())),
        (docker, !docker)
    );
}

/// Forms that only the operator's own rules know. What it says about them is what the plugin says.
#[rstest]
#[case::upper_case(r#"{"AUTHS": {"ghcr.io": {"auth": "dTpw"}}}"#, true)]
#[case::helpers_in_upper_case(r#"{"CREDSSTORE": "desktop"}"#, true)]
#[case::old_form(r#"{"ghcr.io": {"auth": "dTpw"}}"#, true)]
#[case::old_form_of_docker_hub(
    r#"{"https://index.docker.io/v1/": {"Username": "u", "password": "p"}}"#,
    true
)]
#[case::old_form_as_yaml("ghcr.io: {auth: dTpw}", true)]
#[case::request_to_ai_core(r#"{"name": "x", "data": {".dockerconfigjson": "{\"auths\": {}}"}}"#, true)]
#[case::wrapped(r#"{"config": {"auths": {"ghcr.io": {"auth": "dTpw"}}}}"#, true)]
#[case::wrapped_as_text(r#"{"config": "{\"auths\": {}}"}"#, true)]
#[case::as_text(r#""{\"auths\": {}}""#, true)]
#[case::base64("eyJhdXRocyI6e319", true)]
#[case::login(r#"{"username": "u", "password": "p"}"#, true)]
#[case::google_key(r#"{"type": "service_account", "private_key": "x", "client_email": "y"}"#, true)]
#[case::ecr(r#"{"authorizationData": []}"#, true)]
#[case::vcap_services(r#"{"VCAP_SERVICES": {"aicore": [{"credentials": {"clientid": "x"}}]}}"#, false)]
#[case::value_of_vcap_services(r#"{"aicore": [{"credentials": {"clientid": "x"}}]}"#, false)]
#[case::environment("aicore_client_id: x", false)]
#[case::other_spelling(r#"{"ClientSecret": "x"}"#, false)]
#[case::wrapper(r#"{"credentials": {"url": "x"}}"#, false)]
#[case::nested(r#"{"a": {"b": {"serviceurls": {"AI_API_URL": "x"}}}}"#, false)]
#[case::text_in_json(r#"{"key": "{\"clientid\": \"x\"}"}"#, false)]
fn odd_forms_are_judged_by_the_operators_rules(#[case] text: &str, #[case] docker: bool) {
    let cases = read(&[("f", text)]);
    assert_eq!(
        cases[0].found.len(),
        0,
        "{:?}",
        cases[0].found.iter().map(|found| &found.text).collect::<Vec<_>>()
    );
    let held = [cases[0].source.as_ref(), cases[0].service_key.as_ref()].map(is_read);
    assert_eq!(held, [docker, !docker]);
}

/// The parser would keep the last of two; the operator refuses them.
#[test]
fn a_bare_docker_config_is_judged_as_it_stands() {
    let twice = r#"{"auths": {"a": {}}, "auths": {"b": {}}}"#;
    let cases = read(&[("f", twice)]);
    let Some(Held::Read(data)) = &cases[0].source else { panic!("it is not read") };
    assert_eq!(data.value(DOCKER_CONFIG_JSON_KEY), Some(twice.as_bytes()));
}

#[rstest]
#[case::json("{\"auths\": {\"ghcr.io\": \"s3cr3t\"", "not valid JSON (line 1, column 30)")]
#[case::yaml("stringData:\n  password: \"s3cr3t\n", "not valid YAML (line")]
#[case::yaml_twice("password: s3cr3t\npassword: s3cr3t", "not valid YAML (line")]
#[case::something_else("replicas: 3", "no docker config with auths")]
#[case::text("s3cr3t", "no docker config with auths")]
#[case::passwords_of_something_else(
    "postgres: {username: a, password: s3cr3t}",
    "no docker config with auths"
)]
#[case::kind_alone("kind: Secret\ndata: {.dockerconfigjson: s3cr3t}", "no docker config with auths")]
#[case::list("[s3cr3t]", "no docker config with auths")]
fn what_is_broken_is_named_but_not_shown(#[case] text: &str, #[case] part: &str) {
    let cases = read(&[("f", text)]);
    let found = &cases[0].found[0];
    assert_eq!(found.level, Level::Wrong);
    assert!(found.text.contains(part) && !found.text.contains("s3cr3t"), "{}", found.text);
}

#[test]
fn files_without_anything_to_check_are_wrong_usage() {
    let other = file("f", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}");
    for files in [vec![other], vec![file("f", "")]] {
        assert!(matches!(cases(&files, None), Err(Failed::Usage(_))));
    }
}

#[test]
fn of_a_folder_what_is_something_else_is_passed_over() {
    let other = || File { source: Source::Folder, ..file("folder/name-reference.yaml", "nameReference: []") };
    let cases = cases(&[other(), file("resource.yaml", RESOURCE)], None).unwrap();
    let found = &cases[1].found[0];
    assert_eq!(found.level, Level::Note);
    assert!(found.text.starts_with("skipped: it is no manifest"), "{}", found.text);
    let broken = File { source: Source::Folder, ..file("folder/broken.yaml", "a: [") };
    let cases = super::cases(&[broken], None).unwrap();
    assert_eq!(cases[0].found[0].level, Level::Wrong);
}
