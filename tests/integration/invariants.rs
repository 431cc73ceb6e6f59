//! What must hold for every state of every resource, at all times.

use std::{collections::BTreeSet, fmt};

use aicore_registry_operator::api::AICoreRegistrySecret;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::world::Conditions;

/// Part of every password that tests use.
pub(crate) const CANARY: &str = "s3cr3tCanary";

/// Each line of the log is a JSON object, and no object in it has a key twice: readers keep one of the two values.
pub(crate) fn check_lines(lines: &[String]) {
    for line in lines.iter().filter(|line| line.starts_with('{')) {
        if let Err(error) = serde_json::from_str::<KeysOnce>(line) {
            panic!("{error}: {line}");
        }
    }
}

/// JSON whose objects have no key twice.
#[derive(Debug)]
struct KeysOnce;

impl<'de> Deserialize<'de> for KeysOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for KeysOnce {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some((key, Self)) = object.next_entry::<String, Self>()? {
            if let Some(key) = seen.replace(key) {
                return Err(A::Error::custom(format_args!("the key {key:?} is there twice")));
            }
        }
        Ok(self)
    }
}

#[test]
#[should_panic(expected = "the key \"level\" is there twice")]
fn a_line_with_a_key_twice_is_found() {
    check_lines(&[r#"{"level":"WARN","span":{"name":"x"},"level":"info"}"#.to_owned()]);
}

/// The kstatus rules, for each state in the order in which a watch showed them.
pub(crate) fn check_states<'a>(histories: impl Iterator<Item = &'a Vec<AICoreRegistrySecret>>) {
    for states in histories {
        let mut observed = -1;
        let mut uid = None;
        for state in states {
            if uid != state.metadata.uid {
                uid.clone_from(&state.metadata.uid);
                observed = -1;
            }
            observed = check_state(state, observed);
        }
    }
}

fn check_state(state: &AICoreRegistrySecret, observed_before: i64) -> i64 {
    let Some(status) = &state.status else {
        return observed_before;
    };
    let context = format!("{:?}: {status:#?}", state.metadata.name);
    let observed = status.observed_generation.unwrap_or(-1);
    assert!(observed <= state.metadata.generation.unwrap(), "observedGeneration is ahead: {context}");
    assert!(observed >= observed_before, "observedGeneration went back: {context}");
    if status.conditions.is_empty() {
        assert_eq!(observed, -1, "an outcome without conditions: {context}");
        return observed;
    }
    assert!(["True", "False", "Unknown"].contains(&&*state.condition("Ready").status), "no Ready: {context}");
    let (reconciling, stalled) = (state.condition("Reconciling"), state.condition("Stalled"));
    assert!(reconciling.status.is_empty() || stalled.status.is_empty(), "Reconciling and Stalled: {context}");
    for condition in &status.conditions {
        let types = ["Ready", "Reconciling", "Stalled", "CredentialExpiring", "CredentialExpired"];
        assert!(types.contains(&&*condition.type_), "{context}");
        assert!(condition.type_ == "Ready" || condition.status == "True", "present means True: {context}");
        assert!(!condition.message.is_empty() && !condition.message.contains('\n'), "{context}");
        assert!(!condition.message.ends_with('.'), "a condition's message is a phrase: {context}");
    }
    if state.condition("Ready").status == "False" && state.condition("Ready").reason != "Suspended" {
        assert!(
            !(reconciling.status.is_empty() && stalled.status.is_empty()),
            "nobody has the next step: {context}"
        );
    }
    observed
}

/// No secret value in anything that people can see: neither as it is, nor in base64.
pub(crate) fn check_canaries(visible: &[String], secrets: &[String]) {
    let mut needles = vec![CANARY.to_owned()];
    for secret in secrets.iter().map(String::as_str).chain([CANARY]) {
        needles.push(secret.to_owned());
        for offset in 0..3 {
            let mut shifted = vec![b' '; offset];
            shifted.extend_from_slice(secret.as_bytes());
            // Without the characters that depend on what stands before and after.
            let start = if offset == 0 { 0 } else { 4 };
            let end = shifted.len() / 3 * 4;
            needles.push(STANDARD_NO_PAD.encode(&shifted)[start..end].to_owned());
            needles.push(URL_SAFE_NO_PAD.encode(&shifted)[start..end].to_owned());
        }
    }
    for text in visible {
        for needle in &needles {
            if let Some(place) = text.find(needle.as_str()) {
                let start = text.floor_char_boundary(place.saturating_sub(200));
                panic!("a secret value ({needle:?}) is visible: {}", &text[start..place]);
            }
        }
    }
}
