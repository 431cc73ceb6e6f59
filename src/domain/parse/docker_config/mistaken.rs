//! Recognises what people store instead of a docker config, so that the message can name it.
//!
//! Only looked at when there is no docker config; what is said has names from the value in it, and never content.

use base64::Engine;
use zeroize::Zeroizing;

use super::{
    DOCKER_CFG_KEY, DOCKER_CONFIG_JSON_KEY,
    entry::{AUTH_BASE64, is_field_of_entry},
    reader::is_docker_config,
    text::is_field,
};
use crate::domain::{
    parse::{
        json::{Broken, Json, JsonObject},
        placeholder::{Kind, placeholder},
        registry_host::RegistryHost,
        token,
    },
    tools::invalid::{Quoted, listed, quoted_list},
};

mod plain_text;

/// What a message says in the end when nothing better is known.
pub(super) const EXPECTED: &str =
    "store a docker config, {\"auths\": {\"ghcr.io\": {\"username\": \"…\", \"password\": \"…\"}}}";

/// The longest value that is looked into, in bytes; of a longer one only the reader's word is said. A docker config has a
/// few hundred bytes for each registry.
const MAX_DIAGNOSED: usize = 256 * 1024;

/// What a value is that is not JSON.
pub(super) fn not_json(value: &[u8], broken: &Broken) -> String {
    if value.len() > MAX_DIAGNOSED {
        return format!("{broken}; {EXPECTED}");
    }
    let text = std::str::from_utf8(value).unwrap_or_default().trim_start_matches('\u{feff}').trim();
    let known = match broken {
        Broken::Empty | Broken::Utf16 | Broken::Compressed | Broken::NotUtf8 | Broken::TooManyValues(_) => {
            None
        }
        _ => in_base64(text).map(str::to_owned).or_else(|| as_text(text)),
    };
    match (known, broken) {
        (Some(known), _) => known,
        (None, Broken::EncodedTwice) => broken.to_string(),
        (None, _) => format!("{broken}; {EXPECTED}"),
    }
}

fn in_base64(text: &str) -> Option<&'static str> {
    let is_line_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let packed = Zeroizing::new(text.bytes().filter(|byte| !is_line_break(byte)).collect::<Vec<u8>>());
    let decoded = Zeroizing::new(AUTH_BASE64.decode(&*packed).ok()?);
    if is_docker_config(&decoded) {
        return Some(
            "the value is a docker config that is base64-encoded twice; use stringData, or encode the JSON once in data",
        );
    }
    if let Ok(Json::Object(object)) = Json::parse(&decoded) {
        return (object.has("payload") && object.has("datakey")).then_some(
            "the value is a password of Amazon ECR alone; store a docker config in which the user name is AWS, or set \
             spec.secretRef.server and give the user name under a key of its own",
        );
    }
    std::str::from_utf8(&decoded).is_ok_and(|text| text.contains(':')).then_some(
        "the value is user:password in base64, as \"auth\" of a docker config has it, and not a docker config; store \
         {\"auths\": {\"<registry>\": {\"auth\": \"…\"}}} with the registry's host",
    )
}

/// What a text is that stands where JSON should be. Each test reads it once at most.
fn as_text(text: &str) -> Option<String> {
    in_braces(text)
        .or_else(|| plain_text::named(text))
        .or_else(|| is_token(text).then_some(plain_text::TOKEN))
        .map(str::to_owned)
        .or_else(|| match placeholder(text)? {
            Kind::Template => None,
            kind => Some(format!("the value {kind}; {EXPECTED}")),
        })
}

/// A docker config that is spelled otherwise, or has something around it.
fn in_braces(text: &str) -> Option<&'static str> {
    let unquoted = ['\'', '"', '`']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote).map(|rest| rest.strip_suffix(*quote).unwrap_or(rest)));
    let is_object = |text: &str| text.trim_start().starts_with('{');
    if unquoted.is_some_and(is_object) {
        return Some("the value stands in quotes; leave out the quotes around the JSON");
    }
    if let Some(markup) = plain_text::markup(text) {
        return Some(markup);
    }
    if text.starts_with("{{") || text.starts_with("${") || text.starts_with("$(") || text.starts_with('<') {
        return Some("the value is a placeholder that no tool has filled in");
    }
    if text.starts_with("{'") || text.contains("{'auths'") {
        return Some("the names and values are in single quotes; JSON has double quotes");
    }
    if let Some(spelled) = plain_text::misspelled(text) {
        return Some(spelled);
    }
    // Only the first line that can begin an object is tried: each try reads all the rest.
    if !is_object(text) && first_object(text).is_some_and(|rest| is_docker_config(rest.as_bytes())) {
        return Some("there is other text in front of the JSON; remove it");
    }
    if text.lines().any(|line| line.trim_start_matches("- ").trim_end() == "auths:") {
        return Some("the value is YAML; store the docker config as JSON");
    }
    None
}

/// `text` from its first line on that begins with a brace.
fn first_object(text: &str) -> Option<&str> {
    let mut start: usize = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('{') {
            return text.get(start..);
        }
        start = start.saturating_add(line.len());
    }
    None
}

/// Three parts in base64url, the first of which is a JSON object.
fn is_token(text: &str) -> bool {
    let is_base64url = |character: char| character.is_ascii_alphanumeric() || "-_=".contains(character);
    let parts = text.split('.');
    text.starts_with("eyJ")
        && parts.clone().count() == 3
        && parts.into_iter().all(|part| !part.is_empty() && part.chars().all(is_base64url))
}

/// What JSON is that is not an object.
pub(super) fn not_an_object(value: &[u8]) -> String {
    match Json::parse(value) {
        Ok(json @ Json::Text(_)) if json.object().is_some() => {
            "the JSON stands as a text in JSON, in quotes and with backslashes; store it without that"
                .to_owned()
        }
        Ok(Json::Null) => format!("the value is null; {EXPECTED}"),
        Ok(Json::List(_)) => format!("the value is a JSON list and not a JSON object; {EXPECTED}"),
        _ => format!("the value is not a JSON object; {EXPECTED}"),
    }
}

/// What a JSON object is that has no `auths`; none when nothing is known about it.
pub(super) fn without_auths(value: &[u8]) -> Option<String> {
    if value.len() > MAX_DIAGNOSED {
        return None;
    }
    let Ok(Json::Object(object)) = Json::parse(value) else { return None };
    let known = kubernetes(&object)
        .or_else(|| foreign(&object))
        .or_else(|| login(&object))
        .or_else(|| old_form(&object))
        .or_else(|| wrapped(&object));
    let names = || object.members().map(|(name, _)| name);
    match (known, names().next()) {
        (Some(known), _) => Some(known),
        (None, None) => None,
        (None, Some(_)) => Some(format!(
            "it has no entry for any registry: \"auths\" is missing, and what is there is {}; {EXPECTED}",
            listed(names().map(shown).collect())
        )),
    }
}

/// What there is in place of `auths`, for an object that has none.
pub(super) fn under_auths(value: &[u8]) -> &'static str {
    let Ok(Json::Object(object)) = Json::parse(value) else { return "something else" };
    match object.members().find(|(name, _)| is_field(name, "auths")) {
        Some((_, text @ Json::Text(_))) if text.object().is_some() => "the JSON text of one",
        Some((_, Json::Text(_))) => "a text",
        Some((_, Json::List(_))) => "a list",
        _ => "something else",
    }
}

/// The body of AI Core's request, or a manifest.
fn kubernetes(object: &JsonObject) -> Option<String> {
    let holder = ["data", "stringData"].into_iter().find(
        |field| matches!(member(object, field), Some(Json::Object(data)) if data.has(DOCKER_CONFIG_JSON_KEY)),
    );
    let is_manifest = object.has("kind") || object.has("apiVersion");
    match holder {
        Some(_) if is_manifest => Some(format!(
            "the value is the manifest of a Kubernetes Secret; apply that, or store what is under {} in it, decoded",
            Quoted(DOCKER_CONFIG_JSON_KEY)
        )),
        Some(holder) => Some(format!(
            "the value is the body of a request to AI Core; store only the text that is under {} of its {}",
            Quoted(DOCKER_CONFIG_JSON_KEY),
            Quoted(holder)
        )),
        None if is_manifest => Some(format!("the value is the manifest of a Kubernetes object; {EXPECTED}")),
        None => None,
    }
}

/// Files of other programs.
fn foreign(object: &JsonObject) -> Option<String> {
    if matches!(member(object, "type"), Some(Json::Text(type_)) if type_.as_str() == "service_account")
        || (object.has("private_key") && object.has("client_email"))
    {
        return Some(
            "the value is the key of a Google service account; store a docker config in which it is the password, as a \
             text, and the user name is _json_key"
                .to_owned(),
        );
    }
    if object.has("clientid")
        && ["clientsecret", "certificate", "serviceurls"].iter().any(|name| object.has(name))
    {
        return Some(
            "the value is an AI Core service key, which belongs into the Secret of spec.aiCoreSecretRef"
                .to_owned(),
        );
    }
    if object.has("ServerURL") && object.has("Secret") {
        return Some(
            "the value is the output of a credential helper (\"ServerURL\", \"Username\", \"Secret\"); store {\"auths\": \
             {\"<registry>\": {\"username\": \"…\", \"password\": \"…\"}}} with its values"
                .to_owned(),
        );
    }
    if object.has("sops") {
        return Some("the value is a file that SOPS has encrypted; store it decrypted".to_owned());
    }
    object.has("authorizationData").then(|| {
        "the value is the answer of Amazon ECR; store its token as \"auth\" of a docker config".to_owned()
    })
}

/// A login without its registry.
fn login(object: &JsonObject) -> Option<String> {
    let fields: Vec<&str> = object
        .members()
        .filter(|(name, value)| is_field_of_entry(name) && matches!(value, Json::Text(_)))
        .map(|(name, _)| name)
        .collect();
    (!fields.is_empty()).then(|| {
        format!(
            "\"auths\" is missing, and nothing says for which registry the login ({}) is; store {{\"auths\": {{\"<registry>\": …}}}} \
             with the registry's host",
            quoted_list(fields)
        )
    })
}

/// What `.dockercfg` holds.
fn old_form(object: &JsonObject) -> Option<String> {
    let entry = object.members().find(|(_, value)| {
        matches!(value, Json::Object(entry) if entry.members().any(|(name, _)| is_field_of_entry(name)))
    });
    entry.map(|(name, _)| {
        format!(
            "its entries, such as {}, must stand under \"auths\"; store {{\"auths\": …}} around them, or store them under \
             {} with the type kubernetes.io/dockercfg",
            RegistryHost::new(name).shown(),
            Quoted(DOCKER_CFG_KEY)
        )
    })
}

/// A docker config in another object.
fn wrapped(object: &JsonObject) -> Option<String> {
    object.members().find_map(|(name, value)| {
        let inner = value.object()?;
        inner.members().any(|(name, _)| is_field(name, "auths")).then(|| {
            let form = if matches!(value, Json::Text(_)) { ", as a text" } else { "" };
            format!(
                "\"auths\" is missing; the whole docker config stands under {}{form}: store only that",
                shown(name)
            )
        })
    })
}

/// The name of a member for messages; an ellipsis, when it can be a password or token.
fn shown(name: &str) -> String {
    Quoted(token::plain_name(name).unwrap_or("…")).to_string()
}

fn member<'a>(object: &'a JsonObject, name: &str) -> Option<&'a Json> {
    object.get(name).ok().flatten()
}
