//! A case from the cluster: the resource, and the Secrets that it names.

use kube::Api;

use super::{Case, Held, KeyFound, findings::Finding, shared, standing};
use crate::{
    domain::{
        decide::{
            failure::Failure,
            key_place::{self, Lookup},
            reason::Reason,
        },
        parse::{
            name::SecretName,
            object::{KeyRef, Object, ObjectKey},
        },
        tools::invalid::Quoted,
    },
    k8s::{
        error::{Error, within_limit},
        partial::UnvalidatedTenant,
        secrets,
    },
    plugin::{Failed, cli::ClusterArgs, cluster::Cluster},
};

const CREDENTIAL: &str = "credential";
const SERVICE_KEY: &str = "service key";

/// And what the operator says of it, if that is not that all is well.
pub(super) async fn case(args: &ClusterArgs, name: &str) -> Result<(Case, Option<Finding>), Failed> {
    let cluster = Cluster::connect(args).await?;
    let resource = match within_limit(cluster.resources().get(name)).await {
        Ok(resource) => cluster.understood(resource)?,
        Err(Error::NotFound) => return Err(not_found(&cluster, name).await),
        Err(error) => return Err(cluster.failed(name, error)),
    };
    let Some(object) = Object::from_resource(&resource) else {
        return Err(Failed::cluster(format_args!("the API server's answer for {name:?} has no metadata")));
    };
    let (source, key) = tokio::join!(source(&cluster, &object), service_key(&cluster, &object));
    let KeyFound { held: service_key, field: key_field, allowed } = key?;
    let standing = standing::judge(&resource);
    let case = Case {
        title: format!("AICoreRegistrySecret {}", object.key),
        found: allowed.into_iter().collect(),
        source: source?,
        service_key,
        key_field,
        resource: Some((name.to_owned(), resource.spec)),
    };
    Ok((case, standing))
}

/// There is no resource of that name; it may be that of an AICoreTenant.
async fn not_found(cluster: &Cluster, name: &str) -> Failed {
    let is_tenant =
        SecretName::parse("", name).is_ok() && within_limit(tenants(cluster).get(name)).await.is_ok();
    match cluster.failed(name, Error::NotFound) {
        Failed::Cluster(sentence) if is_tenant => Failed::cluster(format_args!(
            "{sentence}; there is an AICoreTenant of that name, and `kubectl aicore-registry tenants {name}` shows it"
        )),
        failed => failed,
    }
}

async fn source(cluster: &Cluster, object: &Object) -> Result<Option<Held>, Failed> {
    held(cluster, CREDENTIAL, Reason::SecretNotFound, "spec.secretRef", &object.source()).await
}

async fn service_key(cluster: &Cluster, object: &Object) -> Result<KeyFound, Failed> {
    match object.key_ref() {
        // What is wrong with the spec is found with the rest of it.
        None => Ok(KeyFound::default()),
        Some(KeyRef::Secret(reference)) => {
            let secret = object.key.sibling(&reference.name);
            let field = "spec.aiCoreSecretRef";
            let held = held(cluster, SERVICE_KEY, Reason::ServiceKeyNotFound, field, &secret).await?;
            Ok(KeyFound { held, field: reference.key.clone(), allowed: None })
        }
        Some(KeyRef::Tenant(reference)) => shared_key(cluster, object, &reference.name).await,
    }
}

/// As far as the rights go of whoever runs this. Where the Secret is, those are told who may read it.
async fn shared_key(cluster: &Cluster, object: &Object, name: &str) -> Result<KeyFound, Failed> {
    // A name that none can have is found with the rest of the spec.
    if SecretName::parse("", name).is_err() {
        return Ok(KeyFound::default());
    }
    let tenant = match within_limit(tenants(cluster).get(name)).await {
        Ok(tenant) => tenant.check().map(|(tenant, _)| tenant),
        Err(Error::NotFound) => None,
        Err(Error::Forbidden(message)) => {
            return Ok(KeyFound::unread(Finding::unchecked(
                SERVICE_KEY,
                format!(
                    "not checked: you may not read AICoreTenant {}, which spec.tenantRef names ({message}); whether it allows the \
                     resource what it wants is in the status of the resource",
                    Quoted(name)
                ),
            )));
        }
        Err(error) => return Err(cluster.in_words(error)),
    };
    let place = match key_place::place(object, |_| Lookup::Listed(tenant.as_ref())) {
        Ok(place) => place,
        Err(failure) => return Ok(KeyFound::unread(Finding::wrong(SERVICE_KEY, &failure.message))),
    };
    let held = match secrets_of(cluster, &place.secret).await {
        Err(Error::Forbidden(_)) => Some(Held::Unread(Finding::unchecked(
            SERVICE_KEY,
            format!(
                "not checked: you may not read the Secret of AICoreTenant {}, as it should be; its status says whether the key works",
                Quoted(name)
            ),
        ))),
        read => {
            let (missing, field) = (Reason::ServiceKeyNotFound, shared::field_of(name));
            judged(cluster, SERVICE_KEY, missing, &field, &place.secret, read)?
        }
    };
    Ok(KeyFound {
        held: held.map(|held| held.elsewhere(&place.secret.namespace)),
        field: place.field.as_deref().map(str::to_owned),
        allowed: Some(shared::allowed(name, &object.key.namespace)),
    })
}

fn tenants(cluster: &Cluster) -> Api<UnvalidatedTenant> {
    Api::all(cluster.client.clone())
}

async fn held(
    cluster: &Cluster,
    part: &'static str,
    missing: Reason,
    field: &str,
    secret: &ObjectKey,
) -> Result<Option<Held>, Failed> {
    // What is wrong with a name is found with the rest of the spec.
    if SecretName::parse(field, &secret.name).is_err() {
        return Ok(None);
    }
    let read = secrets_of(cluster, secret).await;
    judged(cluster, part, missing, field, secret, read)
}

async fn secrets_of(cluster: &Cluster, secret: &ObjectKey) -> Result<Option<secrets::Read>, Error> {
    match SecretName::parse("", &secret.name) {
        Ok(name) => secrets::read(&cluster.client, &secret.namespace, &name).await,
        Err(invalid) => Err(Error::Oversized(invalid)),
    }
}

fn judged(
    cluster: &Cluster,
    part: &'static str,
    missing: Reason,
    field: &str,
    secret: &ObjectKey,
    read: Result<Option<secrets::Read>, Error>,
) -> Result<Option<Held>, Failed> {
    Ok(Some(match read {
        Ok(Some(read)) => Held::Read(read.data),
        Ok(None) => {
            Held::Unread(Finding::wrong(part, Failure::secret_missing(missing, field, secret).message))
        }
        Err(Error::Oversized(sentence)) => Held::Unread(Finding::wrong(part, sentence)),
        Err(Error::Forbidden(message)) => Held::Unread(Finding::wrong(
            part,
            format!("you may not read Secret {:?}, which {field} names: {message}", secret.name),
        )),
        Err(error) => return Err(cluster.in_words(error)),
    }))
}
