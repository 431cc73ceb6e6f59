//! Reads a docker config in one pass over its text. What no message and no login needs is skipped where it stands, so
//! that memory does not depend on how the text is nested or how many entries it has.

use std::collections::BTreeSet;

use serde::de::MapAccess;

use super::{
    entries::Entries,
    entry::{Entry, Fields, Unusable, is_field_of_entry},
    helpers::Helpers,
    text::is_field,
    value::{Members, NoMembers, Reading, Value, skip},
};
use crate::domain::parse::{
    json::{self, Broken},
    registry_host::RegistryHost,
};

/// What a docker config says.
pub(super) struct Config<'a> {
    pub(super) auths: Auths<'a>,
    pub(super) helpers: Helpers,
}

/// What stands under `auths`.
#[derive(PartialEq)]
pub(super) enum Auths<'a> {
    Missing,
    Null,
    Entries(Entries<'a>),
    /// Two that differ.
    Twice,
    /// A text, perhaps the JSON text of an object.
    Text,
    /// Neither an object nor a text.
    Other,
}

/// Reads the form with `auths` and keeps the entries that `wanted` has, all when it is empty. None: the JSON is not
/// an object.
pub(super) fn docker_config_json<'a>(
    text: &'a [u8],
    wanted: &BTreeSet<String>,
) -> Result<Option<Config<'a>>, Broken> {
    let mut config =
        ConfigMembers { config: Config { auths: Auths::Missing, helpers: Helpers::default() }, wanted };
    let value = json::read(text, Reading(&mut config))?;
    Ok((value == Value::Object).then_some(config.config))
}

/// Reads the old form, which is what the new one has under `auths`.
pub(super) fn docker_cfg<'a>(
    text: &'a [u8],
    wanted: &BTreeSet<String>,
) -> Result<Option<Config<'a>>, Broken> {
    let mut entries = EntryMembers { entries: Entries::default(), wanted };
    let value = json::read(text, Reading(&mut entries))?;
    let config = Config { auths: Auths::Entries(entries.entries), helpers: Helpers::default() };
    Ok((value == Value::Object).then_some(config))
}

/// Whether `text` is a docker config of the form with `auths`.
pub(super) fn is_docker_config(text: &[u8]) -> bool {
    let nothing = BTreeSet::from([String::new()]);
    docker_config_json(text, &nothing)
        .is_ok_and(|config| config.is_some_and(|config| matches!(config.auths, Auths::Entries(_))))
}

struct ConfigMembers<'a, 'w> {
    config: Config<'a>,
    wanted: &'w BTreeSet<String>,
}

impl<'de> Members<'de> for ConfigMembers<'de, '_> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        if is_field(name, "auths") {
            let mut entries = EntryMembers { entries: Entries::default(), wanted: self.wanted };
            let auths = match object.next_value_seed(Reading(&mut entries))? {
                Value::Null => Auths::Null,
                Value::Text(_) => Auths::Text,
                Value::Object => Auths::Entries(entries.entries),
                Value::Other => Auths::Other,
            };
            let auths_of_config = &mut self.config.auths;
            if *auths_of_config == Auths::Missing {
                *auths_of_config = auths;
            } else if *auths_of_config != auths {
                *auths_of_config = Auths::Twice;
            }
            Ok(())
        } else if is_field(name, "credsstore") {
            let store = object.next_value_seed(Reading(&mut NoMembers))?;
            if matches!(store, Value::Text(store) if !store.is_empty()) {
                self.config.helpers.add_store();
            }
            Ok(())
        } else if is_field(name, "credhelpers") {
            object.next_value_seed(Reading(&mut HelperMembers(&mut self.config.helpers))).map(|_| ())
        } else {
            skip(object)
        }
    }
}

struct HelperMembers<'t>(&'t mut Helpers);

impl<'de> Members<'de> for HelperMembers<'_> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        self.0.add_registry(name);
        skip(object)
    }
}

struct EntryMembers<'a, 'w> {
    entries: Entries<'a>,
    wanted: &'w BTreeSet<String>,
}

impl<'de> Members<'de> for EntryMembers<'de, '_> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        let registry = RegistryHost::new(name);
        if !self.entries.wants(&registry, self.wanted) {
            return skip(object);
        }
        let mut fields = Fields::default();
        let value = object.next_value_seed(Reading(&mut fields))?;
        self.entries.nameless |= matches!(value, Value::Text(_)) && is_field_of_entry(name);
        let login = match (registry.fault(), value) {
            (Some(fault), _) => Err(Unusable::Name(fault)),
            (None, Value::Object) => fields.login().and_then(|login| login.fits(&registry)),
            (None, _) => Err(Unusable::NotAnObject),
        };
        self.entries.add(Entry { registry, login });
        Ok(())
    }
}
