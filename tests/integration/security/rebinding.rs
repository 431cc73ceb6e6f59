//! An allowed name that leads to another machine: by a DNS server in the wrong hands, or a proxy. Addresses are not judged, as
//! private ones are usual (private links, proxies, split DNS): who has no certificate for the name learns nothing.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::{Trap, production};
use crate::{
    invariants::CANARY,
    world::{Conditions, Login, World},
};

/// A proxy that leads every name to one address of this machine.
async fn leading_to(address: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let address = Arc::new(address);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let address = Arc::clone(&address);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(from.read_u8().await?);
                }
                let mut to = TcpStream::connect(&*address).await?;
                from.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    proxy
}

async fn forged_key(world: &World) {
    let key = json!({
        "clientid": "sb-a", "clientsecret": format!("{CANARY}-key"), "url": "https://a.authentication.eu10.hana.ondemand.com",
        "serviceurls": { "AI_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com" },
    });
    world.secret("key", "Opaque", BTreeMap::from([("key.json".to_owned(), key.to_string())])).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
}

/// It speaks no TLS: all that it hears is the beginning of a handshake.
#[tokio::test]
async fn an_allowed_name_that_leads_to_a_service_of_the_cluster_gives_it_no_request() {
    let world = World::new("rebound").await;
    let trap = Trap::set().await;
    forged_key(&world).await;
    let proxy = leading_to(format!("127.0.0.1:{}", trap.port)).await;
    let operator = production(&world).with_variable("HTTPS_PROXY", &proxy).start().await;
    world.wait_reason("pull", "RemoteUnavailable").await;
    let heard = trap.heard();
    assert!(trap.connections() > 0 && heard.first() == Some(&0x16), "a TLS handshake: {heard:?}");
    let text = String::from_utf8_lossy(&heard);
    for request in ["POST", "oauth", "client_id", "sb-a", CANARY] {
        assert!(!text.contains(request), "{request}: {text}");
    }
    world.check(&operator).await;
}

/// It has a certificate of an authority that is trusted, and for another name.
#[tokio::test]
async fn an_allowed_name_that_leads_to_a_server_with_another_certificate_gives_it_no_request() {
    let world = World::with_tls("impostor").await;
    forged_key(&world).await;
    let [bundle, _] = world.trust();
    let address = world.simulator().url().trim_start_matches("https://").to_owned();
    let proxy = leading_to(address).await;
    let operator = production(&world).with(&bundle).with_variable("HTTPS_PROXY", &proxy).start().await;
    let refused = world.wait_reason("pull", "RemoteUnavailable").await;
    let message = &refused.condition("Ready").message;
    assert!(message.contains("its TLS certificate is for another host name"), "{message}");
    assert_eq!(world.simulator().journal().entries().len(), 0);
    world.check(&operator).await;
}
