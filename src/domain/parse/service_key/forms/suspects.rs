//! What may be another service key beside the one that was found, in a form that no service key is taken from: encoded once more,
//! compressed, deeper or larger than what is searched, or with other names of its fields. Where it can be read and says the same,
//! it is no other.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use zeroize::Zeroizing;

use super::{Kind, Likeness, is_attempt, text};
use crate::domain::parse::json::{Json, JsonObject};

/// How often base64 is taken off.
const MAX_ENCODINGS: usize = 2;
/// How deep objects are looked into. What is deeper may be anything.
const MAX_DEPTH: usize = 64;

/// Whether a value could hold another service key than `found`.
pub(super) fn could_be_another<K: Kind>(value: &[u8], found: &JsonObject) -> bool {
    is_compressed(value)
        || match text::object(value) {
            Ok(object) => is_another::<K>(&object, found, MAX_DEPTH),
            Err(text::Unreadable::TooLarge) => is_attempt(value),
            // What else was meant as one is refused by what is wrong with it.
            Err(_) => encoded_is_another::<K>(value, found, MAX_ENCODINGS),
        }
}

fn encoded_is_another<K: Kind>(value: &[u8], found: &JsonObject, encodings: usize) -> bool {
    let (Some(encodings), Some(decoded)) = (encodings.checked_sub(1), decoded(value)) else {
        return false;
    };
    is_compressed(&decoded)
        || match text::object(&decoded) {
            Ok(object) => is_another::<K>(&object, found, MAX_DEPTH),
            Err(_) => is_attempt(&decoded) || encoded_is_another::<K>(&decoded, found, encodings),
        }
}

fn is_another<K: Kind>(object: &JsonObject, found: &JsonObject, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return true;
    };
    // Without a client it is a part of another, as the object with the URLs is.
    let has_client = |part: &JsonObject| part.members().any(|(name, _)| text::names_fields(name));
    let differs = K::parts(object)
        .iter()
        .any(|part| K::likeness(part) == Likeness::ServiceKey && has_client(part) && !K::covers(found, part));
    differs
        || (K::likeness(object) != Likeness::ServiceKey && K::resembles(object))
        || object.members().any(|(_, value)| holds_another::<K>(value, found, depth))
}

fn holds_another<K: Kind>(value: &Json, found: &JsonObject, depth: usize) -> bool {
    match value {
        Json::List(items) => depth
            .checked_sub(1)
            .is_none_or(|depth| items.iter().any(|item| holds_another::<K>(item, found, depth))),
        other => text::object_in(other).is_some_and(|object| is_another::<K>(&object, found, depth)),
    }
}

/// By the marks of gzip, ZIP and Zstandard.
fn is_compressed(value: &[u8]) -> bool {
    const MARKS: [&[u8]; 3] = [b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"];
    MARKS.iter().any(|mark| value.starts_with(mark))
}

/// In either alphabet, with or without padding and line breaks.
fn decoded(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let digits = value.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=');
    let digits: Zeroizing<Vec<u8>> = Zeroizing::new(
        digits
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect(),
    );
    STANDARD_NO_PAD.decode(&*digits).ok().map(Zeroizing::new)
}
