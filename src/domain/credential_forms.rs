//! Where in a Secret the fields of an AI Core service key are.
//!
//! The forms, in the order in which they are looked for (what each program writes is in its own documentation):
//!
//! 1. the key that `spec.aiCoreSecretRef.key` names;
//! 2. the key that the SAP BTP service operator's `.metadata` marks as container (`secretKey`);
//! 3. flat keys (`clientid`, …), from the SAP BTP service operator or Crossplane;
//! 4. one of the well-known keys that hold a service key as JSON, Crossplane's `__raw` among them;
//! 5. flat keys with other names (`AICORE_CLIENT_ID`, `client_id`, …);
//! 6. the only key whose value is JSON that holds a service key (`secretRootKey`, or a file under any name).
//!
//! In each, JSON may stand as text in JSON, and the service key may lie inside another object.

use std::borrow::Cow;

use crate::domain::invalid::{Invalid, Quoted, quoted_list};
use crate::domain::json::{Ambiguous, Json, Object};
use crate::domain::secret_data::SecretData;

/// Keys that hold a whole service key by convention.
const WELL_KNOWN_KEYS: [&str; 6] =
    ["credentials", "service-key.json", "key.json", "service-key", "AICORE_SERVICE_KEY", "__raw"];
const METADATA_KEY: &str = ".metadata";
/// How deep a service key may lie inside of other objects.
const MAX_DEPTH: usize = 4;

/// An object that should have the fields of a service key, and the Secret's key that it is from (none: flat).
pub(crate) struct Form {
    pub(crate) key: Option<String>,
    pub(crate) fields: Object,
}

/// Finds the service key in `secret`; `is_service_key` recognises an object with fields of one.
pub(crate) fn locate(
    secret: &SecretData,
    key: Option<&str>,
    is_service_key: fn(&Object) -> bool,
) -> Result<Form, Invalid> {
    let forms = Forms { secret, is_service_key };
    if let Some(key) = key {
        return forms.under_key(key);
    }
    if let Some(key) = forms.container() {
        return forms.under_key(&key);
    }
    let flat = Object::new(
        secret.iter().map(|(key, value)| (key.to_owned(), Json::from_secret_value(value))).collect(),
    );
    if flat.has("clientid") {
        return Ok(Form { key: None, fields: flat });
    }
    if let Some(key) = WELL_KNOWN_KEYS.into_iter().find(|key| flat.has(key)) {
        return forms.under_key(key);
    }
    if is_service_key(&flat) {
        return Ok(Form { key: None, fields: flat });
    }
    forms.under_any_key()
}

struct Forms<'a> {
    secret: &'a SecretData,
    is_service_key: fn(&Object) -> bool,
}

impl Forms<'_> {
    fn under_key(&self, key: &str) -> Result<Form, Invalid> {
        let secret = self.secret;
        let value = secret.value(key).ok_or_else(|| {
            secret.invalid(format_args!("it has no key {}; {}", Quoted(key), secret.keys_in_words()))
        })?;
        let json = Json::parse(value).map_err(|broken| {
            secret.invalid_key(key, format_args!("{broken}; it must hold an AI Core service key as JSON"))
        })?;
        let object = json.object().ok_or_else(|| {
            secret.invalid_key(
                key,
                "the value is not a JSON object; it must hold an AI Core service key as JSON",
            )
        })?;
        let fields = match self.inside(&object, MAX_DEPTH) {
            Ok(found) => found.unwrap_or_else(|| object.into_owned()),
            Err(Ambiguous) => {
                return Err(secret.invalid_key(key, "it holds more than one service key; keep one"));
            }
        };
        Ok(Form { key: Some(key.to_owned()), fields })
    }

    /// `{"credentialProperties":[{"name":"credentials","container":true,"format":"json"}], …}`
    fn container(&self) -> Option<String> {
        let metadata = Json::parse(self.secret.value(METADATA_KEY)?).ok()?;
        let metadata = metadata.object()?;
        let Json::List(properties) = metadata.get("credentialProperties").ok()?? else {
            return None;
        };
        let container = properties
            .iter()
            .filter_map(Json::object)
            .find(|property| matches!(property.get("container"), Ok(Some(Json::Bool(true)))))?;
        Some(container.get("name").ok()??.text()?.to_owned())
    }

    fn under_any_key(&self) -> Result<Form, Invalid> {
        let secret = self.secret;
        let holds_service_key = |value| {
            let json = Json::parse(value).ok()?;
            self.inside(json.object()?.as_ref(), MAX_DEPTH).transpose()
        };
        let mut candidates = secret.iter().filter(|(_, value)| holds_service_key(value).is_some());
        match (candidates.next(), candidates.next(), secret.keys().next(), secret.keys().nth(1)) {
            (Some((key, _)), None, ..) | (None, None, Some(key), None) => self.under_key(key),
            (Some((first, _)), Some((second, _)), ..) => Err(secret.invalid(format_args!(
                "more than one key holds a service key ({}); name one with spec.aiCoreSecretRef.key",
                quoted_list([first, second].into_iter().chain(candidates.map(|(key, _)| key)))
            ))),
            _ => Err(secret.invalid(format_args!(
                "no key holds an AI Core service key or binding; {}",
                secret.keys_in_words()
            ))),
        }
    }

    /// The service key that `object` is or holds; an error when it holds several that differ.
    fn inside(&self, object: &Object, depth: usize) -> Result<Option<Object>, Ambiguous> {
        if (self.is_service_key)(object) {
            return Ok(Some(object.clone()));
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(None);
        };
        let mut found = None;
        for inner in object.members().flat_map(|(_, value)| objects(value)) {
            let inner = self.inside(&inner, depth)?;
            if found.is_some() && inner.is_some() && found != inner {
                return Err(Ambiguous);
            }
            found = found.or(inner);
        }
        Ok(found)
    }
}

/// The object that a value is, or the objects of a list (as in `VCAP_SERVICES`).
fn objects(value: &Json) -> Vec<Cow<'_, Object>> {
    match value {
        Json::List(items) => items.iter().filter_map(Json::object).collect(),
        other => other.object().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
