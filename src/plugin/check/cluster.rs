//! A case from the cluster: the resource, and the Secrets that it names.

use super::{Case, Held, findings::Finding};
use crate::{
    domain::{
        failure::Failure,
        object::{Object, ObjectKey},
        reason::Reason,
    },
    k8s::{
        error::{Error, within_limit},
        secrets,
    },
    plugin::{Failed, cli::ClusterArgs, cluster},
};

pub(super) async fn case(args: &ClusterArgs, name: &str) -> Result<Case, Failed> {
    let cluster = cluster::Cluster::connect(args).await?;
    let resource = within_limit(cluster.resources().get(name)).await;
    let resource = resource.map_err(|error| cluster.failed(name, error))?;
    let Some(object) = Object::from_resource(&resource) else {
        return Err(Failed::cluster(format_args!("the API server's answer for {name:?} has no metadata")));
    };
    let (source, service_key) = (object.source(), object.service_key());
    let (source, service_key) = tokio::join!(
        held(&cluster, "credential", Reason::SecretNotFound, "spec.secretRef", &source),
        held(&cluster, "service key", Reason::ServiceKeyNotFound, "spec.aiCoreSecretRef", &service_key),
    );
    Ok(Case {
        title: format!("AICoreRegistrySecret {}", object.key),
        found: Vec::new(),
        source: Some(source?),
        service_key: Some(service_key?),
        resource: Some((name.to_owned(), resource.spec)),
    })
}

async fn held(
    cluster: &cluster::Cluster,
    part: &'static str,
    missing: Reason,
    field: &str,
    key: &ObjectKey,
) -> Result<Held, Failed> {
    match secrets::read(&cluster.client, key).await {
        Ok(Some(read)) => Ok(Held::Read(read.data)),
        Ok(None) => {
            Ok(Held::Unread(Finding::wrong(part, Failure::secret_missing(missing, field, key).message)))
        }
        Err(Error::Forbidden(message)) => Ok(Held::Unread(Finding::wrong(
            part,
            format!("you may not read Secret {:?}, which {field} names: {message}", &*key.name),
        ))),
        Err(error) => Err(cluster.in_words(error)),
    }
}
