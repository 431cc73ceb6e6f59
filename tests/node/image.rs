//! What is tested is what the Dockerfile makes.

use serde_json::json;
use sha2::{Digest, Sha256};
use testbed::node::variables;

use crate::{
    cluster::Cluster,
    release::{Release, image_id, process_id},
};

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn the_program_in_the_dockerfiles_image_is_the_one_that_runs() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "image-system", json!({})).await;
    let pods = release.ready(1).await;
    // The pod's image, by its content, is the one that was built.
    let digest = std::env::var(variables::DIGEST).unwrap();
    assert!(image_id(&pods[0]).ends_with(&format!("@{digest}")), "{}", image_id(&pods[0]));
    // The process' program, byte for byte, is the one in it.
    let program = std::fs::read(format!("/proc/{}/exe", process_id(&pods[0]).await)).unwrap();
    let running: Vec<String> = Sha256::digest(program).iter().map(|byte| format!("{byte:02x}")).collect();
    let built = std::env::var(variables::PROGRAM).unwrap();
    assert_eq!(format!("sha256:{}", running.concat()), built);
    println!("image {digest}, program {built}");
}
