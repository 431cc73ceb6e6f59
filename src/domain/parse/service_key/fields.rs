//! The fields of a service key, and the names under which they occur.

use std::borrow::Cow;

use url::Url;
use zeroize::Zeroizing;

use super::forms::{Kind, Likeness, text::object_in};
use crate::domain::{
    parse::json::{Ambiguous, Json, JsonObject},
    tools::invalid::{Quoted, listed},
};

/// One field: its name in service keys, its name in the environment of SAP's SDKs, and other spellings.
pub(super) struct Names {
    service_key: &'static str,
    environment: &'static str,
    others: &'static [&'static str],
    content: Content,
}

/// What counts when two values are compared.
#[derive(Clone, Copy)]
enum Content {
    Text,
    /// With or without the path that SAP's SDKs add.
    Url,
    /// However its lines are broken.
    Pem,
}

pub(super) const CLIENT_ID: Names = Names {
    service_key: "clientid",
    environment: "AICORE_CLIENT_ID",
    others: &["client_id", "clientId"],
    content: Content::Text,
};
pub(super) const CLIENT_SECRET: Names = Names {
    service_key: "clientsecret",
    environment: "AICORE_CLIENT_SECRET",
    others: &["client_secret", "clientSecret"],
    content: Content::Text,
};
pub(super) const URL: Names = Names {
    service_key: "url",
    environment: "AICORE_AUTH_URL",
    others: &["auth_url", "authUrl", "token_url"],
    content: Content::Url,
};
pub(super) const CERTIFICATE: Names =
    Names { service_key: "certificate", environment: "AICORE_CERT_STR", others: &[], content: Content::Pem };
pub(super) const PRIVATE_KEY: Names =
    Names { service_key: "key", environment: "AICORE_KEY_STR", others: &[], content: Content::Pem };
pub(super) const CERT_URL: Names = Names {
    service_key: "certurl",
    environment: "AICORE_CERT_URL",
    others: &["cert_url"],
    content: Content::Url,
};
/// Outside of `serviceurls`.
const API_URL: Names = Names {
    service_key: "AI_API_URL",
    environment: "AICORE_BASE_URL",
    others: &["ai_api_url", "base_url", "baseUrl"],
    content: Content::Url,
};
const SERVICE_URLS: &str = "serviceurls";
const IN_SERVICE_URLS: &str = "serviceurls.AI_API_URL";
const ENVIRONMENT: &str = "AICORE_";
/// All but the API's URL, which has a second place.
const AT_THE_TOP: [&Names; 6] = [&CLIENT_ID, &CLIENT_SECRET, &URL, &CERTIFICATE, &PRIVATE_KEY, &CERT_URL];

fn all() -> impl Iterator<Item = &'static Names> {
    AT_THE_TOP.into_iter().chain([&API_URL])
}

/// AI Core's service keys.
pub(super) struct ServiceKeys;

impl Kind for ServiceKeys {
    /// By fields that are only found in clients or service keys: `url` and `key` are found everywhere.
    fn likeness(object: &JsonObject) -> Likeness {
        let has = |names: &Names| names.all().any(|name| object.has(name));
        let has_environment = all().any(|field| object.has(field.environment));
        if has_environment || has(&API_URL) || has_service_urls(object) {
            Likeness::ServiceKey
        } else if object.has(SERVICE_URLS) || [&CLIENT_ID, &CLIENT_SECRET, &CERT_URL].into_iter().any(has) {
            Likeness::Client
        } else {
            Likeness::Nothing
        }
    }

    fn is_telling(name: &str) -> bool {
        let is_one_of = |field: &Names| field.all().any(|known| known.eq_ignore_ascii_case(name));
        [&CLIENT_ID, &CLIENT_SECRET, &CERT_URL].into_iter().any(is_one_of)
            || name.eq_ignore_ascii_case(SERVICE_URLS)
            || is_of_environment(name)
    }

    fn parts(object: &JsonObject) -> Vec<Cow<'_, JsonObject>> {
        let is_twice = |field: &Names| {
            let mut others = field.all().filter(|name| *name != field.environment);
            object.has(field.environment) && others.any(|name| object.has(name))
        };
        let api_url_is_twice = object.has(API_URL.environment) && object.has(SERVICE_URLS);
        if !api_url_is_twice && !all().any(is_twice) {
            return vec![Cow::Borrowed(object)];
        }
        let part = |environment: bool| {
            let members = object.members().filter(|(name, _)| name.starts_with(ENVIRONMENT) == environment);
            Cow::Owned(JsonObject::new(
                members.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
            ))
        };
        vec![part(false), part(true)]
    }

    /// A client and the API's URL, which no other service has.
    fn resembles(object: &JsonObject) -> bool {
        let has = |object: &JsonObject, wanted: &[&str]| {
            object.members().any(|(name, _)| wanted.contains(&folded(name).as_str()))
        };
        let in_service_urls = |(name, value): (&str, &Json)| {
            folded(name) == SERVICE_URLS && object_in(value).is_some_and(|urls| has(&urls, &["aiapiurl"]))
        };
        has(object, &["clientid", "aicoreclientid"])
            && (has(object, &["aiapiurl", "aicorebaseurl"]) || object.members().any(in_service_urls))
    }

    fn covers(one: &JsonObject, other: &JsonObject) -> bool {
        let (one, other) = (Fields::new(one), Fields::new(other));
        let fits = |one: &Value, other: &Value, content: Content| match (one, other) {
            (_, Value::Missing(_)) => true,
            (Value::Text(_, one), Value::Text(_, other)) => content.is_same(one, other),
            // Whatever is wrong with it is said later.
            (Value::Wrong(one), Value::Wrong(other)) => one == other,
            _ => false,
        };
        fits(&one.api_url(), &other.api_url(), Content::Url)
            && AT_THE_TOP.into_iter().all(|field| fits(&one.text(field), &other.text(field), field.content))
    }
}

/// By its start, in any case: a name that is written wrong is named beside those that are right.
fn is_of_environment(name: &str) -> bool {
    name.get(..ENVIRONMENT.len()).is_some_and(|front| front.eq_ignore_ascii_case(ENVIRONMENT))
}

/// A name without what spellings differ in.
fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

/// Other services of SAP have `serviceurls` too. One that cannot be read is taken for AI Core's, so that it is named.
fn has_service_urls(object: &JsonObject) -> bool {
    match object.get(SERVICE_URLS) {
        Ok(None) => false,
        Ok(Some(urls)) => object_in(urls).is_none_or(|urls| urls.has("AI_API_URL") || urls.has("ML_API_URL")),
        Err(Ambiguous) => true,
    }
}

/// A field's text under the quoted name where it stands, or what to say about it.
pub(super) enum Value {
    Text(String, Zeroizing<String>),
    /// The quoted name that the form would use.
    Missing(String),
    /// A clause.
    Wrong(String),
}

pub(super) struct Fields<'a> {
    object: &'a JsonObject,
    /// Whether the form uses the names of the environment.
    environment: bool,
}

impl Names {
    fn all(&self) -> impl Iterator<Item = &'static str> {
        [self.service_key, self.environment].into_iter().chain(self.others.iter().copied())
    }
}

impl Content {
    fn is_same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Text => one == other,
            Self::Pem => pem(one) == pem(other),
            Self::Url => url(one) == url(other),
        }
    }
}

fn pem(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.replace("\\r", "").replace("\\n", "").split_whitespace().collect())
}

fn url(text: &str) -> String {
    let text = Url::parse(text.trim()).map_or_else(|_| text.trim().to_owned(), String::from);
    let text = text.trim_end_matches('/');
    let base = text.strip_suffix("/oauth/token").or_else(|| text.strip_suffix("/v2")).unwrap_or(text);
    base.trim_end_matches('/').to_owned()
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'a JsonObject) -> Self {
        let environment = object.members().any(|(name, _)| is_of_environment(name));
        Self { object, environment }
    }

    /// The names that differ from those of missing fields in their spelling alone: as they are, and as they should be.
    pub(super) fn misspelled(&self) -> Vec<(&'a str, &'static str)> {
        let is_missing = |field: &&Names| matches!(self.text(field), Value::Missing(_));
        let missing = all().filter(is_missing).flat_map(Names::all).chain([SERVICE_URLS]);
        let missing: Vec<_> = missing.filter(|name| !self.object.has(name)).collect();
        let names = self
            .object
            .members()
            .map(|(name, _)| name)
            .filter(|name| !all().any(|field| field.all().any(|known| known == *name)));
        names
            .filter_map(|name| {
                let meant = missing.iter().find(|known| folded(known) == folded(name))?;
                (name != *meant).then_some((name, *meant))
            })
            .collect()
    }

    /// The value under the field's names, which must not differ. Line breaks at the end are not part of it.
    pub(super) fn text(&self, field: &Names) -> Value {
        let missing = if self.environment { field.environment } else { field.service_key };
        let values = field.all().map(|name| text(self.object, name, name, field.content));
        let mut values = values.filter(|value| !matches!(value, Value::Missing(_)));
        let Some(first) = values.next() else {
            return Value::Missing(Quoted(missing).to_string());
        };
        values.fold(first, |first, other| first.or_differs(other, field.content))
    }

    /// `serviceurls.AI_API_URL`, or the same outside of `serviceurls`.
    pub(super) fn api_url(&self) -> Value {
        let outside = self.text(&API_URL);
        let service_urls = match self.object.get(SERVICE_URLS) {
            Err(Ambiguous) => return different_values(SERVICE_URLS),
            Ok(None) if self.environment => return outside,
            Ok(None) => return outside.or_missing(IN_SERVICE_URLS),
            Ok(Some(service_urls)) => service_urls,
        };
        let Some(service_urls) = object_in(service_urls) else {
            return Value::Wrong(format!(
                "{} is not a JSON object such as {{\"AI_API_URL\": \"https://…\"}}",
                Quoted(SERVICE_URLS)
            ));
        };
        match (text(&service_urls, "AI_API_URL", IN_SERVICE_URLS, Content::Url), outside) {
            (Value::Missing(_), outside @ Value::Missing(_)) if service_urls.has("ML_API_URL") => {
                drop(outside);
                Value::Wrong(format!(
                    "{} has ML_API_URL but no AI_API_URL, as in old service keys; create a new service key",
                    Quoted(SERVICE_URLS)
                ))
            }
            (Value::Missing(_), outside) => outside.or_missing(IN_SERVICE_URLS),
            (inside, Value::Missing(_)) => inside,
            (inside, outside) => inside.or_differs(outside, Content::Url),
        }
    }
}

impl Value {
    fn or_missing(self, name: &str) -> Self {
        if matches!(self, Self::Missing(_)) { Self::Missing(Quoted(name).to_string()) } else { self }
    }

    /// The first of two values of one field, or that they differ.
    fn or_differs(self, other: Self, content: Content) -> Self {
        match (self, other) {
            (Self::Text(name, text), Self::Text(other_name, other)) if !content.is_same(&text, &other) => {
                let names = listed(vec![name, other_name]);
                Self::Wrong(format!("{names} have different values; keep one"))
            }
            (Self::Text(..), wrong @ Self::Wrong(_)) => wrong,
            (first, _) => first,
        }
    }
}

fn text(object: &JsonObject, key: &str, name: &str, content: Content) -> Value {
    let value = match object.get(key) {
        Err(Ambiguous) => return different_values(name),
        Ok(value) => value,
    };
    match value {
        None => Value::Missing(Quoted(name).to_string()),
        Some(Json::Text(text)) => match text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']) {
            blank if blank.trim().is_empty() => Value::Missing(Quoted(name).to_string()),
            text => Value::Text(Quoted(name).to_string(), Zeroizing::new(text.to_owned())),
        },
        Some(Json::Binary) => Value::Wrong(format!(
            "{} is not {}",
            Quoted(name),
            match content {
                Content::Pem => {
                    "text, as DER (.der, .cer) and PKCS#12 (.p12, .pfx) are not; store it as PEM, which begins with -----BEGIN"
                }
                Content::Text | Content::Url => "UTF-8 text; save it as UTF-8",
            }
        )),
        Some(_) => Value::Wrong(format!("{} is not text", Quoted(name))),
    }
}

fn different_values(name: &str) -> Value {
    Value::Wrong(format!("{} occurs twice with different values", Quoted(name)))
}
