//! A case from the cluster: the resource, and the Secrets that it names.

use super::{Case, Held, findings::Finding};
use crate::{
    domain::{
        decide::{failure::Failure, reason::Reason},
        parse::{name::SecretName, object::Object},
        tools::invalid::Invalid,
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
    let resource = cluster.understood(resource.map_err(|error| cluster.failed(name, error))?)?;
    let Some(object) = Object::from_resource(&resource) else {
        return Err(Failed::cluster(format_args!("the API server's answer for {name:?} has no metadata")));
    };
    let (source, service_key) = (object.source_name(), object.service_key_name());
    let (source, service_key) = tokio::join!(
        held(&cluster, "credential", Reason::SecretNotFound, "spec.secretRef", &object, source),
        held(
            &cluster,
            "service key",
            Reason::ServiceKeyNotFound,
            "spec.aiCoreSecretRef",
            &object,
            service_key
        ),
    );
    Ok(Case {
        title: format!("AICoreRegistrySecret {}", object.key),
        found: Vec::new(),
        source: source?,
        service_key: service_key?,
        resource: Some((name.to_owned(), resource.spec)),
    })
}

async fn held(
    cluster: &cluster::Cluster,
    part: &'static str,
    missing: Reason,
    field: &str,
    object: &Object,
    name: Result<SecretName, Invalid>,
) -> Result<Option<Held>, Failed> {
    // What is wrong with a name is found with the rest of the spec.
    let Ok(name) = name else { return Ok(None) };
    let held = match secrets::read(&cluster.client, &object.key.namespace, &name).await {
        Ok(Some(read)) => Held::Read(read.data),
        Ok(None) => {
            let key = object.key.sibling(name.as_str());
            Held::Unread(Finding::wrong(part, Failure::secret_missing(missing, field, &key).message))
        }
        Err(Error::Oversized(sentence)) => Held::Unread(Finding::wrong(part, sentence)),
        Err(Error::Forbidden(message)) => Held::Unread(Finding::wrong(
            part,
            format!("you may not read Secret {:?}, which {field} names: {message}", name.as_str()),
        )),
        Err(error) => return Err(cluster.in_words(error)),
    };
    Ok(Some(held))
}
