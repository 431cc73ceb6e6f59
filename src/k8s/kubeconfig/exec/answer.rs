//! What an exec plugin prints: an `ExecCredential`. Nothing of it is ever shown.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Credential, ExecFault};

#[derive(Deserialize)]
struct ExecCredential {
    kind: Option<String>,
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<String>,
    token: Option<SecretString>,
    client_certificate_data: Option<String>,
    client_key_data: Option<SecretString>,
}

/// # Errors
/// What is wrong with the answer, without anything of it.
pub(super) fn read(answer: &[u8], version: &str) -> Result<Credential, ExecFault> {
    use secrecy::ExposeSecret;

    // JSON is YAML, and client-go takes YAML.
    let text = std::str::from_utf8(answer).map_err(|_| ExecFault::NotText)?;
    let answer: ExecCredential =
        serde_saphyr::from_str(text).map_err(|_| ExecFault::NoCredential { version: None })?;
    if answer.kind.as_deref() != Some("ExecCredential") || answer.api_version.as_deref() != Some(version) {
        return Err(ExecFault::NoCredential { version: Some(version.to_owned()) });
    }
    let status = answer.status.ok_or(ExecFault::NoStatus)?;
    let some = |secret: Option<SecretString>| secret.filter(|text| !text.expose_secret().is_empty());
    let token = some(status.token);
    let identity = match (
        status.client_certificate_data.filter(|text| !text.is_empty()),
        some(status.client_key_data),
    ) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(ExecFault::HalfIdentity),
    };
    if token.is_none() && identity.is_none() {
        return Err(ExecFault::Nothing);
    }
    let ends = status
        .expiration_timestamp
        .map(|text| text.parse::<Timestamp>().map_err(|_| ExecFault::Expiration))
        .transpose()?;
    Ok(Credential { token, identity, ends })
}
