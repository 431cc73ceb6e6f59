//! A Prometheus that scrapes the pods and evaluates the rules, as `deploy/prometheus` says. It is Debian's, which is built without the
//! discovery of pods: it is given their addresses.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    command::{apply, kubectl},
    release::{Release, repository},
    team::Team,
    waiting::eventually,
};

const MANIFESTS: &str = include_str!("manifests/prometheus.yaml");

/// What Prometheus answers to a query: the value of each series, with its labels.
async fn query(query: &str) -> Result<Vec<(Value, String)>, String> {
    let answer = get(&format!("query?query={}", encoded(query))).await?;
    let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    Ok(series
        .into_iter()
        .map(|one| (one["metric"].clone(), one["value"][1].as_str().unwrap().to_owned()))
        .collect())
}

/// Through the API server, which reaches the Service.
async fn get(path: &str) -> Result<Value, String> {
    let path = format!("/api/v1/namespaces/prometheus/services/prometheus:9090/proxy/api/v1/{path}");
    let answer = kubectl(&["get", "--raw", &path]).await.result()?;
    serde_json::from_str(&answer).map_err(|error| error.to_string())
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The scrape job of the page, for these pods instead of those that it discovers.
fn documented_job(pods: &[Pod]) -> Value {
    let page = std::fs::read_to_string(repository().join("deploy/prometheus/README.md")).unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    let mut config: Value = serde_saphyr::from_str(block).unwrap();
    let addresses = pods.iter().filter_map(|pod| pod.status.as_ref()?.pod_ip.as_ref());
    let targets: Vec<String> = addresses.map(|address| format!("{address}:8080")).collect();
    let job = config["scrape_configs"][0].as_object_mut().unwrap();
    assert!(job.remove("kubernetes_sd_configs").is_some() && job.remove("relabel_configs").is_some());
    job.insert("static_configs".to_owned(), json!([{"targets": targets}]));
    config
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn prometheus_scrapes_both_pods_and_evaluates_the_rules() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "scraped-system", json!({"replicaCount": 2})).await;
    let pods = release.ready(2).await;
    let team = Team::new(&cluster, "scraped").await;
    team.first("first").await;

    let mut config = documented_job(&pods);
    let settings = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["/etc/prometheus/rules.yaml"],
    });
    json_patch::merge(&mut config, &settings);
    let rules = std::fs::read_to_string(repository().join("deploy/prometheus/rules.yaml")).unwrap();
    cluster.namespace("prometheus", &[]).await;
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus", "namespace": "prometheus"},
        "data": {"prometheus.yml": config.to_string(), "rules.yaml": rules},
    });
    apply(&map.to_string()).await;
    apply(MANIFESTS).await;
    let rollout = ["rollout", "status", "--namespace=prometheus", "deployment/prometheus", "--timeout=120s"];
    kubectl(&rollout).await.success();

    eventually("two pods to be scraped, one of which leads", async || {
        let up = query("up{job=\"aicore-registry-operator\"} == 1").await?;
        let leading = query("sum(aicore_registry_leader)").await?;
        let led = leading.first().is_some_and(|(_, value)| value == "1");
        if up.len() == 2 && led { Ok(()) } else { Err(format!("{up:?} {leading:?}")) }
    })
    .await;
    // By the namespace and name of the resource, not of the pod.
    eventually("the resource to be ready in Prometheus", async || {
        let ready =
            query("aicore_registry_resource_ready{namespace=\"scraped\", name=\"scraped\"} == 1").await?;
        if ready.len() == 1 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    eventually("all rules to be evaluated", async || {
        let answer = get("rules").await?;
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules: Vec<Value> =
            groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap()).collect();
        let bad: Vec<&Value> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
        if !rules.is_empty() && bad.is_empty() {
            Ok(())
        } else {
            Err(format!("{} rules, {bad:?}", rules.len()))
        }
    })
    .await;
    let firing = query("ALERTS{alertstate=\"firing\"}").await.unwrap();
    assert!(firing.is_empty(), "{firing:?}");
}
