//! The rules of the resource definition, judged by the operator's own functions instead of by CEL. Each is told by its text in the schema, so that none can be changed there without being noticed here.

use std::time::Duration;

use serde_json::Value;

use crate::{
    api,
    domain::{
        parse::{
            duration,
            name::{RemoteName, SecretName, is_label},
        },
        tools::invalid::Quoted,
    },
};

/// Gives a sentence about the value of a field when it is wrong.
pub(super) type Judge = fn(&str, &Value) -> Option<String>;

/// For a rule of `x-kubernetes-validations`.
pub(super) fn rule(rule: &str) -> Option<Judge> {
    match rule {
        api::SECRET_NAME => Some(name),
        api::REMOTE_NAME => {
            Some(|_, value| RemoteName::parse(value.as_str()?).err().map(|invalid| invalid.to_string()))
        }
        api::SECRET_KEY => Some(secret_key),
        api::DURATION => Some(|field, value| {
            let text = value.as_str()?;
            duration::parse(text)
                .is_none()
                .then(|| format!("{field} {} is not a duration such as 90s, 1h30m or 1.5h", Quoted(text)))
        }),
        api::LOGIN_KEYS => Some(login_keys),
        api::ONE_KEY => Some(one_key),
        api::RESYNC_INTERVAL => Some(resync_interval),
        api::NAMESPACE => Some(namespace),
        api::NAMESPACE_PATTERNS => Some(|field, value| {
            let pattern =
                first_that_is_none(value, |pattern| pattern.bytes().all(is_of_a_namespace_pattern))?;
            Some(format!(
                "{field} has {}, which no namespace is; write the name of a namespace, or a pattern such as team-*, in which * \
                 stands for any characters",
                Quoted(pattern)
            ))
        }),
        api::REMOTE_NAME_PATTERNS => Some(|field, value| {
            let pattern = first_that_is_none(value, is_remote_name_pattern)?;
            Some(format!(
                "{field} has {}, which no docker registry secret is called; write a name in AI Core, or a pattern such as \
                 {{namespace}}.*, in which * stands for any characters and {{namespace}} for the namespace",
                Quoted(pattern)
            ))
        }),
        _ => None,
    }
}

/// Of a Secret, or of an AICoreTenant, which follows the same rule.
fn name(field: &str, value: &Value) -> Option<String> {
    let invalid = SecretName::parse(field, value.as_str()?).err()?;
    Some(if field.ends_with("tenantRef.name") {
        format!(
            "{field} {} cannot be the name of an AICoreTenant; write the name that it has",
            Quoted(value.as_str()?)
        )
    } else {
        invalid.to_string()
    })
}

fn namespace(field: &str, value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !is_label(text))?;
    Some(format!(
        "{field} {} cannot be the name of a namespace; write lower-case letters, digits and '-', with a letter or a digit at both \
         ends",
        Quoted(text)
    ))
}

/// The first pattern of a list that can be none.
fn first_that_is_none(list: &Value, can_be: impl Fn(&str) -> bool) -> Option<&str> {
    list.as_array()?.iter().filter_map(Value::as_str).find(|pattern| !pattern.is_empty() && !can_be(pattern))
}

fn is_of_a_namespace_pattern(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'*')
}

fn is_remote_name_pattern(pattern: &str) -> bool {
    let rest = pattern.replace("{namespace}", "");
    rest.bytes().all(|byte| is_of_a_namespace_pattern(byte) || matches!(byte, b'.' | b'_'))
}

fn secret_key(field: &str, value: &Value) -> Option<String> {
    let key = value.as_str()?;
    let is_key = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (!is_key).then(|| {
        format!(
            "{field} {} cannot be a key of a Secret, which has letters, digits, '-', '_' and '.'; write the key that the \
             Secret has",
            Quoted(key)
        )
    })
}

fn login_keys(field: &str, value: &Value) -> Option<String> {
    let has = |name: &str| value.get(name).is_some_and(|value| !value.is_null());
    let given: Vec<String> = ["usernameKey", "passwordKey"]
        .into_iter()
        .filter(|name| has(name))
        .map(|name| format!("{field}.{name}"))
        .collect();
    (!given.is_empty() && !has("server")).then(|| {
        format!(
            "{} only together with {field}.server: set that to the registry that the user name and the password belong to",
            match given.as_slice() {
                [one] => format!("{one} counts"),
                _ => format!("{} count", given.join(" and ")),
            }
        )
    })
}

fn one_key(field: &str, value: &Value) -> Option<String> {
    let has = |name: &str| value.get(name).is_some_and(|value| !value.is_null());
    (has("aiCoreSecretRef") == has("tenantRef")).then(|| format!("{field}: {}", api::NOT_ONE_KEY))
}

fn resync_interval(field: &str, value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let interval = duration::parse(text)?;
    (!interval.is_zero() && interval < Duration::from_secs(10)).then(|| {
        format!("{field} {} is below 10s; write 0s to never send an unchanged credential again", Quoted(text))
    })
}
