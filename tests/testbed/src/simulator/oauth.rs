//! The token endpoint: client credentials grant (RFC 6749 §4.4), with a secret or a client certificate (RFC 8705 §2).

use std::{collections::HashMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rustls::pki_types::CertificateDer;
use serde_json::json;
use url::form_urlencoded;

use super::{
    answer::Answer, errors, media_type::media_type, options::TenantOptions, random, shared::Shared,
    tenant::TenantState,
};

/// How the client came to the token endpoint.
pub(super) enum Proof<'a> {
    /// Without a certificate: it must show the secret.
    Secret,
    /// With this certificate.
    Certificate(&'a CertificateDer<'static>),
}

/// The answer, and the number of the token in it.
pub(super) fn token(
    shared: &Shared,
    tenant: &Arc<TenantState>,
    proof: &Proof<'_>,
    headers: &HeaderMap,
    body: &[u8],
) -> (Answer, Option<u64>) {
    if let Err(refusal) = check(tenant, proof, headers, body) {
        return (refusal, None);
    }
    let TenantOptions { token_lifetime: lifetime, token_mark, .. } = tenant.options();
    let (token, number) = shared.tokens.issue(tenant, &token_mark, lifetime);
    let body = json!({
        "access_token": token,
        "token_type": "bearer",
        "expires_in": lifetime.as_secs(),
        "scope": "uaa.resource",
        "jti": random::uuid(),
    });
    let answer = Answer::json(StatusCode::OK, &body)
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (answer, Some(number))
}

fn check(tenant: &TenantState, proof: &Proof<'_>, headers: &HeaderMap, body: &[u8]) -> Result<(), Answer> {
    let bad_request = |error, description| errors::oauth(StatusCode::BAD_REQUEST, error, description);
    if media_type(headers).as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(bad_request("invalid_request", "the body must be a form"));
    }
    let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let field = |name| form.get(name).map(String::as_str);
    match field("grant_type") {
        Some("client_credentials") => {}
        Some(_) => return Err(bad_request("unsupported_grant_type", "Unsupported grant type")),
        None => return Err(bad_request("invalid_request", "Missing grant type")),
    }
    let credentials = tenant.credentials.lock().expect("no holder panics");
    let accepted = match proof {
        Proof::Certificate(certificate) => field("client_id")
            .is_some_and(|client_id| credentials.accepts_certificate(client_id, certificate)),
        Proof::Secret => {
            let in_form = field("client_id").zip(field("client_secret"));
            let in_form = in_form.is_some_and(|(id, secret)| credentials.accepts_secret(id, secret));
            let mut basic = basic(headers).into_iter().flatten();
            in_form || basic.any(|(id, secret)| credentials.accepts_secret(&id, &secret))
        }
    };
    if accepted {
        Ok(())
    } else {
        Err(errors::oauth(StatusCode::UNAUTHORIZED, "unauthorized", "Bad credentials"))
    }
}

/// The client that asks for a token, whether it is one or not.
pub(super) fn client_id(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let in_form = form_urlencoded::parse(body).find(|(name, _)| name == "client_id");
    let in_header = || basic(headers).map(|[(id, _), _]| id);
    in_form.map(|(_, id)| id.into_owned()).or_else(in_header)
}

/// Client id and secret of HTTP Basic, both as written and form-decoded, which RFC 6749 §2.3.1 demands and not every
/// client does.
fn basic(headers: &HeaderMap) -> Option<[(String, String); 2]> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| {
        let pairs = form_urlencoded::parse(text.as_bytes());
        pairs.map(|(key, _)| key.into_owned()).next().unwrap_or_default()
    };
    Some([(id.to_owned(), secret.to_owned()), (decoded(id), decoded(secret))])
}
