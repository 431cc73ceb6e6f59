//! The bounds of [`crate::api::sizes`], kept in code: an older schema in the cluster, or a status of an older version, may be
//! larger. What is kept of a resource and what is written to its status is cut here.

use std::{borrow::Cow, fmt::Write};

use sha2::{Digest, Sha256};

use crate::{
    api::{
        AICoreRegistrySecretSpec, AICoreRegistrySecretStatus,
        condition::{EXPIRED, EXPIRING, READY, RECONCILING, STALLED},
        sizes,
    },
    domain::{
        parse::{
            duration::ResyncInterval,
            name::{MAX_LENGTH, MAX_SECRET_NAME_LENGTH},
        },
        tools::invalid::{Invalid, Quoted},
    },
};

/// What a message of a condition or a failure is cut to, in bytes.
pub(crate) const MESSAGE: usize = 4096;

/// Hexadecimal digits that stand for what was cut from a long request.
const DIGITS: usize = 32;

/// The text, or as much of it as fits into `limit` bytes together with an ellipsis.
#[must_use]
pub fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit.saturating_sub('…'.len_utf8())));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// A value of the annotation `aicore-registry.dev/requestedAt` as it is kept and answered: as it is up to 256 bytes, else its
/// beginning and a digest of the whole, so that every value, however long, is answered exactly once.
#[must_use]
pub fn request(value: &str) -> Cow<'_, str> {
    if value.len() <= sizes::REQUEST {
        return Cow::Borrowed(value);
    }
    let mut digest = String::from("…sha256:");
    for byte in Sha256::digest(value.as_bytes()).iter().take(DIGITS / 2) {
        // Writing to a String does not fail.
        let _ = write!(digest, "{byte:02x}");
    }
    let beginning = value.floor_char_boundary(sizes::REQUEST - digest.len());
    Cow::Owned(format!("{}{digest}", value.get(..beginning).unwrap_or_default()))
}

/// A spec as it is kept, and what of it the schema does not admit. What is too large is refused, never used in part: it is
/// only cut so that it takes no room.
pub(super) fn spec(spec: &AICoreRegistrySecretSpec) -> (AICoreRegistrySecretSpec, Option<Invalid>) {
    let mut kept = spec.clone();
    let mut refused = None;
    let mut refuse = |sentence: String| {
        refused.get_or_insert(Invalid::new(sentence));
    };
    let too_long = |field: &str, text: &str, limit: usize| {
        format!("{field} {} is longer than {limit} characters; shorten it.", Quoted(text))
    };
    if let Some(registries) = &mut kept.registries {
        if registries.len() > sizes::REGISTRIES {
            refuse(format!(
                "spec.registries has {} entries; write {} at most.",
                registries.len(),
                sizes::REGISTRIES
            ));
            registries.truncate(sizes::REGISTRIES);
            registries.shrink_to_fit();
        }
        for registry in registries.iter_mut().filter(|registry| is_longer(registry, sizes::REGISTRY)) {
            refuse(too_long("an entry of spec.registries,", registry, sizes::REGISTRY));
            cut_beyond(registry, sizes::REGISTRY);
        }
    }
    let secret = &mut kept.secret_ref;
    for (field, text, limit) in [
        ("spec.secretRef.server", &mut secret.server, sizes::REGISTRY),
        ("spec.secretRef.usernameKey", &mut secret.username_key, sizes::SECRET_KEY),
        ("spec.secretRef.passwordKey", &mut secret.password_key, sizes::SECRET_KEY),
    ] {
        if let Some(text) = text.as_mut().filter(|text| is_longer(text, limit)) {
            refuse(too_long(field, text, limit));
            cut_beyond(text, limit);
        }
    }
    // Each of these is refused where it is used, for its length too: no Secret has such a key.
    cut_beyond(&mut secret.name, MAX_SECRET_NAME_LENGTH);
    cut_beyond(&mut kept.ai_core_secret_ref.name, MAX_SECRET_NAME_LENGTH);
    kept.ai_core_secret_ref.key.iter_mut().for_each(|key| cut_beyond(key, sizes::SECRET_KEY));
    kept.remote_name.iter_mut().for_each(|name| cut_beyond(name, MAX_LENGTH));
    if let Some(interval) = &mut kept.resync_interval {
        if is_longer(interval, sizes::INTERVAL) {
            refuse(too_long("spec.resyncInterval", interval, sizes::INTERVAL));
            cut_beyond(interval, sizes::INTERVAL);
        } else if let Err(invalid) = ResyncInterval::parse(interval) {
            refuse(invalid.to_string());
        }
    }
    (kept, refused)
}

fn is_longer(text: &str, characters: usize) -> bool {
    text.chars().nth(characters).is_some()
}

/// Cuts to one character more than the limit, so that it still is too long.
fn cut_beyond(text: &mut String, limit: usize) {
    if let Some((end, _)) = text.char_indices().nth(limit + 1) {
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// A status as it is kept and written. What only people read is cut; what is compared is left out when it is too long, as if
/// nothing had been pushed.
#[must_use]
pub fn status(mut status: AICoreRegistrySecretStatus) -> AICoreRegistrySecretStatus {
    let drop_beyond = |text: &mut Option<String>, limit: usize| {
        text.take_if(|text| is_longer(text, limit));
    };
    drop_beyond(&mut status.remote_name, MAX_LENGTH);
    drop_beyond(&mut status.api_url, sizes::URL);
    drop_beyond(&mut status.authorization_server, sizes::URL);
    drop_beyond(&mut status.credentials_digest, sizes::DIGEST);
    drop_beyond(&mut status.secret_resource_version, sizes::RESOURCE_VERSION);
    drop_beyond(&mut status.ai_core_secret_resource_version, sizes::RESOURCE_VERSION);
    // Without its versions an attempt says nothing.
    status.failed_attempt.take_if(|attempt| {
        [&attempt.ai_core_secret_resource_version, &attempt.secret_resource_version]
            .into_iter()
            .flatten()
            .any(|version| is_longer(version, sizes::RESOURCE_VERSION))
    });
    status.left_behind.take_if(|left| {
        let urls = [&left.api_url, &left.authorization_server];
        is_longer(&left.remote_name, MAX_LENGTH)
            || urls.into_iter().flatten().any(|url| is_longer(url, sizes::URL))
    });
    if let Some(answered) = &mut status.last_handled_reconcile_at
        && let Cow::Owned(short) = request(answered)
    {
        *answered = short;
    }
    if let Some(registries) = &mut status.registries {
        registries.truncate(sizes::REGISTRIES);
        for registry in registries {
            *registry = cut(std::mem::take(registry), sizes::REGISTRY);
        }
    }
    if status.conditions.len() > sizes::CONDITIONS {
        let ours = [READY, RECONCILING, STALLED, EXPIRING, EXPIRED];
        status.conditions.retain(|condition| ours.contains(&&*condition.type_));
        status.conditions.truncate(sizes::CONDITIONS);
    }
    for condition in &mut status.conditions {
        condition.message = cut(std::mem::take(&mut condition.message), MESSAGE);
        condition.reason = cut(std::mem::take(&mut condition.reason), sizes::REASON);
        condition.message.shrink_to_fit();
    }
    // One is kept for each resource: the room that a list or a text had to grow would be a fifth of all that a resource costs.
    status.conditions.shrink_to_fit();
    if let Some(registries) = &mut status.registries {
        registries.shrink_to_fit();
    }
    status
}

#[cfg(test)]
mod tests;
