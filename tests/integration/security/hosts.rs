//! A service key leads to allowed hosts and nowhere else, in whatever notation another one is written.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testbed::simulator::KeyFormat;

use super::{Trap, production};
use crate::{
    invariants::CANARY,
    world::{Conditions, Login, World},
};

const API: &str = "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com";
const AUTHORIZATION: &str = "https://a.authentication.eu10.hana.ondemand.com";

/// This machine at the trap's port, other machines, and names that look like allowed ones.
fn forged(port: u16) -> Vec<String> {
    let here = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "localhost.localdomain",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "0.0.0.0",
        "0",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.0.1.",
        "127%2e0%2e0%2e1",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "\u{2460}27.0.0.1",
        "127.0.0.1.nip.io",
    ];
    let mut urls: Vec<String> = here.iter().map(|host| format!("https://{host}:{port}")).collect();
    urls.extend(here.iter().map(|host| format!("https://{host}")));
    let disguised = [
        format!("http://127.0.0.1:{port}"),
        format!("//127.0.0.1:{port}"),
        format!("https:127.0.0.1:{port}"),
        format!("https:\\\\127.0.0.1:{port}"),
        format!("{API}@127.0.0.1:{port}"),
        format!("{API}:443@127.0.0.1:{port}"),
        format!("{API}%40127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}\\@api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"),
        format!("https://127.0.0.1:{port}#.ml.hana.ondemand.com"),
        format!("https://127.0.0.1:{port}?.ml.hana.ondemand.com"),
        format!("https://127.0.0.1:{port}/.ml.hana.ondemand.com"),
        format!("https://user:{CANARY}@127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}/?{CANARY}"),
        format!("{API}:{port}"),
    ];
    urls.extend(disguised);
    let elsewhere = [
        "https://kubernetes.default.svc",
        "https://10.96.0.1",
        "https://169.254.169.254",
        "https://[fd00:ec2::254]",
        "https://metadata.google.internal",
        "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com.",
        "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com.evil.example",
        "https://evil.example/.ml.hana.ondemand.com",
        "https://\u{430}pi.ai.prod.eu-central-1.aws.ml.hana.ondemand.com",
        "https://api.ai.prod.eu-central-1.aws.ml.hana.ondem\u{430}nd.com",
        "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.c\u{3bf}m",
        "https://api.ai.prod.eu-central-1.aws.ml.hana\u{2024}\u{2024}ondemand.com",
        "https://api.ai.prod.eu-central-1.aws.ml.xn--hana-.ondemand.com",
        "https://attacker.cfapps.eu10.hana.ondemand.com",
        "file:///var/run/secrets/kubernetes.io/serviceaccount/token",
        "unix:///var/run/docker.sock",
        "gopher://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com",
        "data:application/json,{}",
    ];
    urls.extend(elsewhere.map(str::to_owned));
    urls
}

fn key(api: &str, authorization: &str) -> Value {
    json!({
        "clientid": "sb-a", "clientsecret": format!("{CANARY}-key"), "url": authorization, "serviceurls": { "AI_API_URL": api },
    })
}

/// One whose tokens come from `certurl`.
fn key_with_certificate(world: &World, certurl: &str) -> Value {
    let mut key = world.tenant().x509_service_key(KeyFormat::Pkcs8).unwrap();
    (key["url"], key["serviceurls"]["AI_API_URL"]) = (AUTHORIZATION.into(), API.into());
    key["certurl"] = certurl.into();
    key
}

#[tokio::test]
async fn no_service_key_leads_the_operator_to_another_host() {
    let world = World::with_tls("hosts").await;
    let trap = Trap::set().await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let urls = forged(trap.port);
    for (number, url) in urls.iter().enumerate() {
        let keys = [
            ("api", key(url, AUTHORIZATION)),
            ("uaa", key(API, url)),
            ("cert", key_with_certificate(&world, url)),
        ];
        for (role, key) in keys {
            let name = format!("{role}-{number}");
            let content = BTreeMap::from([("key.json".to_owned(), key.to_string())]);
            world.secret(&name, "Opaque", content).await;
            world.resource(&name, json!({ "aiCoreSecretRef": { "name": name } })).await;
        }
    }
    let operator = production(&world).start().await;
    for (number, url) in urls.iter().enumerate() {
        for (role, field) in [("api", "AI_API_URL"), ("uaa", "url"), ("cert", "certurl")] {
            let refused = world.wait_reason(&format!("{role}-{number}"), "ServiceKeyInvalid").await;
            let message = &refused.condition("Stalled").message;
            assert!(message.contains(field), "{url}: {message}");
            assert_eq!(refused.status.as_ref().unwrap().api_url, None, "{url}");
        }
    }
    assert_eq!(trap.connections(), 0, "{}", String::from_utf8_lossy(&trap.heard()));
    let asked = operator.metric("aicore_registry_token_requests_total{code=\"none\"}").await;
    assert_eq!(asked, 0.0, "nothing was tried anywhere");
    world.check(&operator).await;
}
