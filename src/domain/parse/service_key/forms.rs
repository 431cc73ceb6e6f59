//! Where in a Secret the fields of an AI Core service key are.
//!
//! The forms (what each program writes is in its own documentation):
//!
//! - flat keys: `clientid`, … from the SAP BTP service operator or Crossplane, and `AICORE_CLIENT_ID`, … of SAP's SDKs;
//! - JSON under a key: a service key as a file under any name, Crossplane's `__raw`, the `secretKey` and `secretRootKey` of the
//!   SAP BTP service operator, `VCAP_SERVICES`. JSON may stand as text in JSON, and the service key may lie inside other objects.
//!
//! All of them are looked for, in the whole Secret or under the key that `spec.aiCoreSecretRef.key` names. Several that say the
//! same are one; between several that differ nothing is chosen, nor beside what may be another one ([`suspects`]). What has a client of another service counts only while nothing
//! of AI Core is there: then its missing fields are the user's mistake.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::domain::{
    parse::{
        json::{Json, JsonObject},
        secret_data::SecretData,
    },
    tools::invalid::{Invalid, Quoted, quoted_list},
};

mod suspects;
pub(crate) mod text;

/// The key under which a service key is stored as a file.
pub(crate) const SERVICE_KEY_FILE: &str = "service-key.json";
/// Keys that hold a whole service key by convention. Where nothing else is found, what is wrong with them is said.
const WELL_KNOWN_KEYS: [&str; 7] = [
    "credentials",
    SERVICE_KEY_FILE,
    "key.json",
    "service-key",
    "AICORE_SERVICE_KEY",
    VCAP_SERVICES,
    "__raw",
];
/// The bindings of an application by service, as Cloud Foundry gives them to it.
const VCAP_SERVICES: &str = "VCAP_SERVICES";
/// The name of AI Core's service there.
const AI_CORE: &str = "aicore";
const METADATA_KEY: &str = ".metadata";
/// A field of a service key that is an object itself, and so no place for others.
const SERVICE_URLS: &str = "serviceurls";
/// How deep a service key may lie inside of other objects.
const MAX_DEPTH: usize = 4;
/// How many are compared; more than that differ.
const MAX_CANDIDATES: usize = 32;

/// An object that should have the fields of a service key, and the Secret's key that it is from (none: flat).
pub(crate) struct Form {
    pub(crate) key: Option<String>,
    pub(crate) fields: JsonObject,
}

/// What an object has the fields of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    Nothing,
    /// A client of an authorization server, whatever for.
    Client,
    /// A service key of AI Core, perhaps not a complete one.
    ServiceKey,
}

/// What is looked for.
pub(crate) trait Kind {
    fn likeness(object: &JsonObject) -> Likeness;
    /// The object, or its parts if it has the fields of two service keys under different names.
    fn parts(object: &JsonObject) -> Vec<Cow<'_, JsonObject>>;
    /// Whether the names of the object's members are those of a service key in another spelling.
    fn resembles(object: &JsonObject) -> bool;
    /// Whether `one` has every field of `other`, with the same value.
    fn covers(one: &JsonObject, other: &JsonObject) -> bool;
    /// Whether a name, in any case, is that of a field which little else has.
    fn is_telling(name: &str) -> bool;
}

/// Whether `value` by itself is or holds the fields of what is looked for, or was meant to.
pub(crate) fn recognises<K: Kind>(value: &[u8]) -> bool {
    let object = match text::object(value) {
        Ok(object) => object,
        Err(text::Unreadable::TooLarge) => {
            return std::str::from_utf8(value).is_ok_and(text::names_fields);
        }
        Err(_) => return is_attempt(value),
    };
    let is_well_known = |name: &str| WELL_KNOWN_KEYS.iter().any(|key| key.eq_ignore_ascii_case(name));
    object.members().any(|(name, _)| K::is_telling(name) || is_well_known(name))
        || holds::<K>(&object, MAX_DEPTH)
}

fn holds<K: Kind>(object: &JsonObject, depth: usize) -> bool {
    K::likeness(object) != Likeness::Nothing
        || depth
            .checked_sub(1)
            .is_some_and(|depth| inner_objects(object).any(|inner| holds::<K>(&inner, depth)))
}

/// Finds the service key in `secret`.
pub(crate) fn locate<K: Kind>(secret: &SecretData, key: Option<&str>) -> Result<Form, Invalid> {
    let mut search = Search::<K> { secret, found: Vec::new(), foreign: None, kind: std::marker::PhantomData };
    match key {
        Some(key) => search.under_key(key),
        None => search.anywhere(),
    }
}

struct Search<'a, K> {
    secret: &'a SecretData,
    found: Vec<Candidate>,
    /// A key with bindings of services, none of which is AI Core, and the names of the services.
    foreign: Option<(String, Vec<String>)>,
    kind: std::marker::PhantomData<K>,
}

struct Candidate {
    key: Option<String>,
    likeness: Likeness,
    fields: JsonObject,
}

impl<K: Kind> Search<'_, K> {
    fn under_key(&mut self, key: &str) -> Result<Form, Invalid> {
        let secret = self.secret;
        let value = secret.value(key).ok_or_else(|| {
            secret.invalid(format_args!("it has no key {}; {}", Quoted(key), secret.keys_in_words()))
        })?;
        let object = text::object(value).map_err(|why| unreadable(secret, key, &why))?;
        self.collect_under(key, &object);
        self.chosen().map(|form| form.unwrap_or_else(|| Form { key: Some(key.to_owned()), fields: object }))
    }

    fn anywhere(&mut self) -> Result<Form, Invalid> {
        let secret = self.secret;
        let flat = JsonObject::new(
            secret.iter().map(|(key, value)| (key.to_owned(), Json::from_secret_value(value))).collect(),
        );
        self.consider(None, &flat);
        // A value that seems to be meant as a service key and cannot be read.
        let mut attempt = None;
        for (key, value) in secret.iter().filter(|(key, _)| is_place(key)) {
            match text::object(value) {
                Ok(object) => self.collect_under(key, &object),
                Err(why) if is_attempt(value) => attempt = attempt.or(Some((key, why))),
                Err(_) => {}
            }
        }
        match (self.chosen()?, attempt) {
            (Some(form), None) => self.alone(form),
            (_, Some((key, why))) => Err(unreadable(secret, key, &why)),
            // Fields whose names are written in another way, which is said when they are missing.
            (None, None) if flat.members().any(|(name, _)| K::is_telling(name)) => {
                Ok(Form { key: None, fields: flat })
            }
            (None, None) => match self.expected_key() {
                // It holds nothing of the kind, and reading it says why.
                Some(key) => self.under_key(&key),
                None => Err(secret.invalid(format_args!(
                    "no key holds an AI Core service key or binding; {}",
                    secret.keys_in_words()
                ))),
            },
        }
    }

    /// The form, unless the Secret may hold another service key, which only its owner can tell.
    fn alone(&self, form: Form) -> Result<Form, Invalid> {
        let secret = self.secret;
        // Beside half of a service key, what is missing is said.
        let is_chosen = form.fields.members().any(|(name, _)| text::names_fields(name));
        let others = secret.iter().filter(|(_, value)| suspects::could_be_another::<K>(value, &form.fields));
        let others: Vec<&str> = if is_chosen { others.map(|(key, _)| key).collect() } else { Vec::new() };
        if others.is_empty() {
            return Ok(form);
        }
        Err(secret.invalid(format_args!(
            "beside a service key, another one may be in {}: encoded once more, compressed, too deep or too large to be \
             compared, or with other names of its fields; name the key to use with spec.aiCoreSecretRef.key ({})",
            quoted_list(others),
            secret.keys_in_words()
        )))
    }

    /// Where the service key should be, if it is nowhere.
    fn expected_key(&self) -> Option<String> {
        let well_known = || WELL_KNOWN_KEYS.into_iter().find(|key| self.secret.value(key).is_some());
        let mut keys = self.secret.keys();
        let only = keys.next().filter(|_| keys.next().is_none());
        self.container().or_else(|| well_known().or(only).map(str::to_owned))
    }

    /// `{"credentialProperties":[{"name":"credentials","container":true,"format":"json"}], …}`
    fn container(&self) -> Option<String> {
        let metadata = text::object(self.secret.value(METADATA_KEY)?).ok()?;
        let Json::List(properties) = metadata.get("credentialProperties").ok()?? else {
            return None;
        };
        let container = properties
            .iter()
            .filter_map(text::object_in)
            .find(|property| matches!(property.get("container"), Ok(Some(Json::Bool(true)))))?;
        Some(container.get("name").ok()??.text()?.to_owned())
    }

    fn collect_under(&mut self, key: &str, object: &JsonObject) {
        if let Some(services) = foreign_bindings(key, object) {
            self.foreign = Some((key.to_owned(), services));
        }
        self.collect(Some(key), object, MAX_DEPTH);
    }

    /// Notes the service keys that `object` is and holds.
    fn collect(&mut self, key: Option<&str>, object: &JsonObject, depth: usize) {
        self.consider(key, object);
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        for inner in inner_objects(object) {
            if self.found.len() > MAX_CANDIDATES {
                return;
            }
            self.collect(key, &inner, depth);
        }
    }

    fn consider(&mut self, key: Option<&str>, object: &JsonObject) {
        if K::likeness(object) == Likeness::Nothing {
            return;
        }
        for part in K::parts(object) {
            let likeness = K::likeness(&part);
            if likeness != Likeness::Nothing {
                self.found.push(Candidate {
                    key: key.map(str::to_owned),
                    likeness,
                    fields: part.into_owned(),
                });
            }
        }
    }

    /// The one that all others repeat.
    fn chosen(&mut self) -> Result<Option<Form>, Invalid> {
        let likeness = self.found.iter().map(|candidate| candidate.likeness).max();
        if let Some((key, services)) = &self.foreign
            && likeness != Some(Likeness::ServiceKey)
            && self.found.iter().all(|candidate| candidate.key.as_deref() == Some(key))
        {
            let others = match services.as_slice() {
                [] => "nor of another one".to_owned(),
                services => format!("only of {}", quoted_list(services.iter().map(String::as_str))),
            };
            return Err(self.secret.invalid_key(
                key,
                format_args!("it has no binding of the service {AI_CORE:?}, {others}; bind AI Core, and store its binding"),
            ));
        }
        let Some(likeness) = likeness else {
            return Ok(None);
        };
        self.found.retain(|candidate| candidate.likeness == likeness);
        let whole = |one: &Candidate| self.found.iter().all(|other| K::covers(&one.fields, &other.fields));
        let place = if self.found.len() > MAX_CANDIDATES { None } else { self.found.iter().position(whole) };
        match place {
            Some(place) => {
                let Candidate { key, fields, .. } = self.found.swap_remove(place);
                Ok(Some(Form { key, fields }))
            }
            None => Err(self.several(likeness)),
        }
    }

    fn several(&self, likeness: Likeness) -> Invalid {
        let secret = self.secret;
        let mut keys: Vec<_> = self.found.iter().map(|candidate| candidate.key.as_deref()).collect();
        keys.dedup();
        if likeness == Likeness::Client {
            return secret.invalid(
                "it holds several bindings, and none of them is of SAP AI Core, whose service keys have \
                 serviceurls.AI_API_URL; store the service key or binding of AI Core",
            );
        }
        match keys.as_slice() {
            [Some(key)] => secret.invalid_key(
                key,
                "it holds more than one service key; keep one, or store one in a key of its own and name that with \
                 spec.aiCoreSecretRef.key",
            ),
            keys if keys.contains(&None) => {
                let flat = self.found.iter().filter(|candidate| candidate.key.is_none()).filter_map(|candidate| {
                    let mut names = candidate.fields.members().map(|(name, _)| name);
                    names.find(|name| text::names_fields(name)).or_else(|| candidate.fields.members().next().map(|(name, _)| name))
                });
                let named = quoted_list(flat.chain(keys.iter().flatten().copied()));
                secret.invalid(format_args!(
                    "it holds more than one service key, and they differ (see the keys {named}); keep one, or store one as \
                     JSON and name its key with spec.aiCoreSecretRef.key"
                ))
            }
            keys => secret.invalid(format_args!(
                "more than one key holds a service key ({}); name one with spec.aiCoreSecretRef.key",
                quoted_list(keys.iter().flatten().copied())
            )),
        }
    }
}

fn unreadable(secret: &SecretData, key: &str, why: &text::Unreadable) -> Invalid {
    secret.invalid_key(key, format_args!("{why}; it must hold an AI Core service key as JSON"))
}

fn is_place(name: &str) -> bool {
    name != METADATA_KEY && name != SERVICE_URLS
}

/// Whether a value that is no JSON was meant to be a service key: it speaks of a client and of AI Core.
fn is_attempt(value: &[u8]) -> bool {
    // UTF-16 has a zero byte beside each letter.
    let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(value.iter().copied().filter(|byte| *byte != 0).collect());
    let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    text::names_fields(&text)
        && ["serviceurls", "AI_API_URL", "AICORE_"].iter().any(|name| text.contains(name))
}

/// The names of the services whose bindings an object of the form of `VCAP_SERVICES` has, when AI Core is not among them.
fn foreign_bindings(key: &str, object: &JsonObject) -> Option<Vec<String>> {
    let is_list = |value: &Json| matches!(value, Json::List(_));
    let is_binding = |binding: &JsonObject| binding.has("credentials");
    let of_binding =
        |value: &Json| is_list(value) && objects(value).iter().all(|binding| is_binding(binding));
    let mut services = object.members();
    let has_form = key == VCAP_SERVICES && services.all(|(_, value)| of_binding(value));
    (has_form && !object.has(AI_CORE)).then(|| object.members().map(|(name, _)| name.to_owned()).collect())
}

/// The objects in which a service key may lie.
fn inner_objects(object: &JsonObject) -> impl Iterator<Item = Cow<'_, JsonObject>> {
    object.members().filter(|(name, _)| is_place(name)).flat_map(|(_, value)| objects(value))
}

/// The object that a value is, or the objects of a list (as in `VCAP_SERVICES`).
fn objects(value: &Json) -> Vec<Cow<'_, JsonObject>> {
    match value {
        Json::List(items) => items.iter().filter_map(text::object_in).collect(),
        other => text::object_in(other).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
