//! Data that are kept and put back.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{ListParams, VersionMatch},
};
use testbed::controlplane::{ControlPlane, Options};

#[tokio::test]
async fn data_that_were_kept_are_put_back_with_their_versions() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    assert!(control_plane.restore_data().await.is_err(), "nothing was kept");
    let before = control_plane.namespace("before").await.unwrap();
    control_plane.save_data().await.unwrap();
    let after = control_plane.namespace("after").await.unwrap();
    let namespaces: Api<Namespace> = Api::all(control_plane.client().await.unwrap());
    let version = async |name: &str| {
        let found = namespaces.get_opt(name).await.unwrap();
        found.and_then(|found| found.metadata.resource_version).map(|version| version.parse::<u64>().unwrap())
    };
    let (older, newer) = (version(&before).await.unwrap(), version(&after).await.unwrap());
    assert!(older < newer);
    for _ in 0..2 {
        control_plane.restore_data().await.unwrap();
        assert_eq!(version(&before).await, Some(older));
        assert_eq!(version(&after).await, None);
        control_plane.namespace("later").await.unwrap();
    }
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn versions_before_a_compaction_are_gone() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let namespaces: Api<Namespace> = Api::all(control_plane.client().await.unwrap());
    let before = namespaces.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let created = control_plane.namespace("later").await.unwrap();
    let exactly = ListParams::default().at(&before).matching(VersionMatch::Exact);
    let names = async || -> kube::Result<Vec<String>> {
        let list = namespaces.list(&exactly).await?;
        Ok(list.items.into_iter().filter_map(|namespace| namespace.metadata.name).collect())
    };
    // From etcd: what an API server has seen itself it keeps.
    control_plane.stop_api_server().await.unwrap();
    control_plane.start_api_server().await.unwrap();
    assert!(!names().await.unwrap().contains(&created));
    for _ in 0..2 {
        control_plane.compact().await.unwrap();
    }
    match names().await {
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 410),
        other => panic!("{other:?}"),
    }
    control_plane.stop().await.unwrap();
}
