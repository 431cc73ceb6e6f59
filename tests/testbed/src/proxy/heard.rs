//! What clients have been told by watches and lists: from then on they can know it.

use serde_json::Value;
use tokio::time::Instant;

use super::request::Request;

/// A version of an object that was passed on to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The resource's plural, such as `secrets`.
    pub resource: String,
    /// The object's namespace; empty for one that is in none.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`; a list's own for an object that it lacks is not told.
    pub version: u64,
    /// Whether the object is gone.
    pub gone: bool,
    /// When the last byte of it was passed on.
    pub at: Instant,
}

/// The answer of one watch or list, as far as it has come.
pub(super) struct Listening {
    resource: String,
    watch: bool,
    pending: Vec<u8>,
}

impl Listening {
    /// For what tells of many objects; `None` for other requests.
    pub(super) fn to(request: &Request) -> Option<Self> {
        let watch = match request.verb {
            "watch" => true,
            "list" => false,
            _ => return None,
        };
        Some(Self { resource: request.resource.clone(), watch, pending: Vec::new() })
    }

    /// The objects whose last byte is in `piece`.
    pub(super) fn hear(&mut self, piece: &[u8]) -> Vec<Heard> {
        self.pending.extend_from_slice(piece);
        let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n').filter(|_| self.watch) else {
            return Vec::new();
        };
        let lines: Vec<u8> = self.pending.drain(..=end).collect();
        let now = Instant::now();
        let events = lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        events
            .filter_map(|event: Value| self.object(&event["object"], event["type"] == "DELETED", now))
            .collect()
    }

    /// The objects of a list that has been passed on to its end.
    pub(super) fn finish(self) -> Vec<Heard> {
        let list: Value = serde_json::from_slice(&self.pending).unwrap_or_default();
        let now = Instant::now();
        let items = list["items"].as_array().into_iter().flatten();
        items.filter_map(|item| self.object(item, false, now)).collect()
    }

    fn object(&self, object: &Value, gone: bool, at: Instant) -> Option<Heard> {
        let metadata = &object["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap_or_default().to_owned();
        Some(Heard {
            resource: self.resource.clone(),
            namespace: text("namespace"),
            // A bookmark has no name.
            name: Some(text("name")).filter(|name| !name.is_empty())?,
            uid: text("uid"),
            version: metadata["resourceVersion"].as_str()?.parse().ok()?,
            gone,
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn listening(query: &str) -> Listening {
        let uri = format!("/api/v1/namespaces/a/secrets?{query}").parse().unwrap();
        Listening::to(&Request::of(&Method::GET, &uri)).unwrap()
    }

    fn names(heard: &[Heard]) -> Vec<(&str, u64, bool)> {
        heard.iter().map(|heard| (&*heard.name, heard.version, heard.gone)).collect()
    }

    #[test]
    fn an_event_is_heard_with_its_last_byte() {
        let mut listening = listening("watch=true");
        let event =
            br#"{"type":"DELETED","object":{"metadata":{"namespace":"a","name":"s","resourceVersion":"7"}}}"#;
        assert_eq!(listening.hear(event), []);
        let heard = listening
            .hear(b"\n{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}\n");
        assert_eq!(names(&heard), [("s", 7, true)]);
    }

    #[test]
    fn a_list_is_heard_when_it_is_whole() {
        let mut listening = listening("limit=5");
        let list = br#"{"items":[{"metadata":{"name":"s","resourceVersion":"7"}},{"metadata":{"name":"t","resourceVersion":"8"}}]}"#;
        assert_eq!(listening.hear(list), []);
        assert_eq!(names(&listening.finish()), [("s", 7, false), ("t", 8, false)]);
    }
}
