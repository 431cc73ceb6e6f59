//! What the body of a refusal says, in the forms that AI Core, its gateways, authorization servers and proxies use.

use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::redact::{SEARCHED, Sent, is_code, is_id, visible};

/// Where messages stand, in this order.
const MESSAGE: [&str; 8] =
    ["message", "error_description", "detail", "description", "title", "msg", "faultstring", "errors"];
/// Where codes stand.
const CODE: [&str; 4] = ["code", "error", "errorCode", "errorcode"];
/// Where the id of the request stands; the published schema of AI Core spells `requestId`, answers have been seen with
/// `requestID`.
const REQUEST_ID: [&str; 4] = ["requestId", "requestID", "request_id", "correlationId"];
/// Items of a list of messages that are looked at.
const ITEMS: usize = 10;
/// How deep in a message another message is looked for.
const DEPTH: usize = 4;
/// The longest code that is shown, in characters.
const CODE_LENGTH: usize = 48;
/// The longest id of a request that is shown, in characters.
const ID_LENGTH: usize = 36;

/// What was said, not checked for secret values yet. It is erased when it is dropped.
#[derive(Default)]
pub(super) struct UncheckedDetails {
    pub(super) code: Option<Zeroizing<String>>,
    pub(super) request_id: Option<Zeroizing<String>>,
    pub(super) message: Option<Zeroizing<String>>,
}

/// What may be shown of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorDetails {
    /// SAP's error code (`error.code`), or the OAuth error (`error`).
    pub code: Option<String>,
    /// The server's id of the request, to quote to support.
    pub(crate) request_id: Option<String>,
    /// The server's message.
    pub message: Message,
}

/// A server's message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Message {
    /// There is none.
    #[default]
    None,
    /// It is made of plain words, and free of the secret values at hand; at most 300 characters.
    Clean(String),
    /// It may hold a part of a secret value.
    Withheld,
}

impl UncheckedDetails {
    /// From SAP's form `{"error":{"code","message","requestId"}}`, OAuth's `{"error","error_description"}` (RFC 6749 §5.2),
    /// `{"message"}`, `{"detail"}` and their like, a page of HTML, or plain text.
    pub(super) fn parse(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match serde_json::from_slice::<Value>(body) {
            Ok(mut value) => {
                let details = Self::of_json(&value);
                erase(&mut value);
                details
            }
            Err(_) => Self { message: plain(body), ..Self::default() },
        }
    }

    pub(super) fn of_json(value: &Value) -> Self {
        let Value::Object(outer) = value else {
            return Self { message: words(value, DEPTH).and_then(|text| cut(&text)), ..Self::default() };
        };
        let inner = ["error", "fault"].into_iter().find_map(|name| outer.get(name)?.as_object());
        let places: Vec<&Map<String, Value>> = inner.into_iter().chain([outer]).collect();
        let fields = |names: &'static [&'static str]| {
            places.iter().flat_map(move |place| names.iter().filter_map(|name| place.get(*name)))
        };
        let sign = |names, length| {
            fields(names).filter_map(scalar).find(|text| is_sign(text, length)).map(Zeroizing::new)
        };
        let message = fields(&MESSAGE).find_map(|value| words(value, DEPTH));
        // Some write the status in words where OAuth has its code.
        let message = message.or_else(|| {
            outer.get("error").and_then(scalar).filter(|text| !is_sign(text, CODE_LENGTH)).map(Zeroizing::new)
        });
        Self {
            code: sign(&CODE, CODE_LENGTH),
            request_id: sign(&REQUEST_ID, ID_LENGTH),
            message: message.and_then(|text| cut(&text)),
        }
    }

    /// Whether there is anything.
    pub(super) fn is_empty(&self) -> bool {
        self.code.is_none() && self.message.is_none()
    }

    /// What may be shown of it after a request that carried `sent`. Where a secret value has fewer than six characters, an id and the
    /// digits of a code may hold it as numbers, so neither is shown.
    pub(super) fn checked(&self, sent: &Sent<'_>) -> ErrorDetails {
        let text = |text: &Option<Zeroizing<String>>| text.as_ref().map(|text| text.to_string());
        let texts = [&self.code, &self.request_id, &self.message]
            .map(|text| text.as_ref().map_or("", |text| text.as_str()));
        let found = sent.quotes(texts);
        let [code, request_id, message] = found.quoted;
        ErrorDetails {
            code: text(&self.code).filter(|text| !code && !found.short_values && is_code(text)),
            request_id: text(&self.request_id)
                .filter(|text| !request_id && !found.short_values && is_id(text)),
            message: match &self.message {
                None => Message::None,
                Some(text) => {
                    sent.plain(text, message || found.short_values).map_or(Message::Withheld, Message::Clean)
                }
            },
        }
    }
}

/// A text, or a number as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether it looks like a code or an id rather than like words.
fn is_sign(text: &str, length: usize) -> bool {
    (1..=length).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte))
}

/// The sentence that a value is, or that is somewhere in it.
fn words(value: &Value, depth: usize) -> Option<Zeroizing<String>> {
    let depth = depth.checked_sub(1)?;
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(|item| words(item, depth)).take(ITEMS).collect();
            items.iter().map(|item| item.as_str()).collect::<Vec<_>>().join("; ")
        }
        Value::Object(fields) => {
            let message =
                MESSAGE.iter().filter_map(|name| fields.get(*name)).find_map(|value| words(value, depth))?;
            // FastAPI says where in the request something is wrong.
            match fields.get("loc").and_then(Value::as_array) {
                Some(loc) => {
                    let loc: Vec<_> = loc.iter().filter_map(scalar).take(ITEMS).collect();
                    format!("{}: {}", loc.join("."), message.as_str())
                }
                None => return Some(message),
            }
        }
        Value::Null | Value::Bool(_) => return None,
    };
    (!text.is_empty()).then(|| Zeroizing::new(text))
}

/// A body that is no JSON.
fn plain(body: &[u8]) -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(String::from_utf8_lossy(body).into_owned());
    let text = text.trim();
    if !text.starts_with('<') {
        return cut(text);
    }
    match title(text).and_then(cut) {
        Some(title) => Some(Zeroizing::new(format!("an HTML page with the title {:?}", title.as_str()))),
        None => Some(Zeroizing::new("an HTML page".to_owned())),
    }
}

/// The text of the first `title` element.
fn title(page: &str) -> Option<&str> {
    let lower = Zeroizing::new(page.to_ascii_lowercase());
    let start = lower.find("<title")?;
    let start = start + lower.get(start..)?.find('>')? + 1;
    let length = lower.get(start..)?.find("</")?;
    page.get(start..start + length)
}

/// What is searched of a message, with nothing in it that cannot be seen; `None` when that is nothing.
fn cut(text: &str) -> Option<Zeroizing<String>> {
    let text: Zeroizing<String> = Zeroizing::new(visible(text.trim()).take(SEARCHED).collect());
    (!text.trim().is_empty()).then_some(text)
}

/// Overwrites the texts in a value.
pub(super) fn erase(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(erase),
        Value::Object(fields) => fields.values_mut().for_each(erase),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
