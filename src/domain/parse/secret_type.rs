//! Types of Secrets that are never what a resource may name, whatever is in them. Without this, who may create resources but not
//! read Secrets could have any two keys of any Secret sent to a tenant of their own.

use crate::domain::{
    parse::secret_data::SecretData,
    tools::invalid::{Invalid, Quoted},
};

/// What a Secret is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// `spec.secretRef`.
    RegistryCredential,
    /// `spec.aiCoreSecretRef`.
    ServiceKey,
}

/// What Secrets of a type hold, for the types that are neither a registry credential nor a service key. The names are those of
/// Kubernetes ("Types of Secret"), and Helm's (`helm.sh/release.v1`, with a number for each format of its releases).
fn purpose(type_: &str) -> Option<&'static str> {
    Some(match type_ {
        "kubernetes.io/service-account-token" => "the token of a ServiceAccount",
        "bootstrap.kubernetes.io/token" => "a token for nodes that join the cluster",
        "kubernetes.io/tls" => "a certificate and its private key",
        "kubernetes.io/ssh-auth" => "an SSH key",
        _ if type_.starts_with("helm.sh/release") => "a release of Helm",
        _ => return None,
    })
}

/// Refuses a Secret by its type, before anything of its content is looked at.
pub(crate) fn refuse_foreign(secret: &SecretData, used_as: Use) -> Result<(), Invalid> {
    let Some((type_, purpose)) = secret.type_().and_then(|type_| Some((type_, purpose(type_)?))) else {
        return Ok(());
    };
    let (never, instead) = match used_as {
        Use::RegistryCredential => (
            "a registry credential",
            "a Secret of type kubernetes.io/dockerconfigjson, or one with a user name and a password, in spec.secretRef",
        ),
        Use::ServiceKey => (
            "an AI Core service key",
            "the Secret of the service binding, or an Opaque one with the service key as JSON, in spec.aiCoreSecretRef",
        ),
    };
    Err(secret.invalid(format_args!(
        "its type {} is for {purpose}, which is never {never}; name {instead}",
        Quoted(type_)
    )))
}

#[cfg(test)]
mod tests;
