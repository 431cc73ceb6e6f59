//! Mutations of JSON that know its structure, and look into texts that hold JSON or base64 themselves.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::bytes::Mutator;

/// JSON as text has it: members in their order, duplicates included, and scalars that need not be valid.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Bare(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// How often a node may be wrapped at once: beyond the nesting that `serde_json` admits.
const DEEPEST: usize = 200;

impl Node {
    pub(super) fn parse(input: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Value>(input).ok().map(Self::of)
    }

    fn of(value: Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items.into_iter().map(Self::of).collect()),
            Value::Object(members) => {
                Self::Object(members.into_iter().map(|(key, value)| (key, Self::of(value))).collect())
            }
            scalar => Self::Bare(scalar.to_string()),
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_to(&mut out);
        out
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bare(text) => out.extend_from_slice(text.as_bytes()),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push(b'[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(b',');
                    }
                    item.write_to(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (number, (key, value)) in members.iter().enumerate() {
                    if number > 0 {
                        out.push(b',');
                    }
                    write_text(key, out);
                    out.push(b':');
                    value.write_to(out);
                }
                out.push(b'}');
            }
        }
    }

    fn count(&self) -> usize {
        1 + match self {
            Self::Bare(_) | Self::Text(_) => 0,
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Object(members) => members.iter().map(|(_, value)| value.count()).sum(),
        }
    }

    /// The node of that number, the root being 0.
    fn node(&mut self, number: usize) -> Option<&mut Self> {
        let Some(mut left) = number.checked_sub(1) else { return Some(self) };
        let children: Vec<&mut Self> = match self {
            Self::Bare(_) | Self::Text(_) => Vec::new(),
            Self::List(items) => items.iter_mut().collect(),
            Self::Object(members) => members.iter_mut().map(|(_, value)| value).collect(),
        };
        for child in children {
            let count = child.count();
            if left < count {
                return child.node(left);
            }
            left -= count;
        }
        None
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(Value::from(text).to_string().as_bytes());
}

impl Mutator<'_> {
    /// One or several mutations; `other` is another tree, to take parts from. `valid`: it stays valid JSON.
    pub(super) fn json(&mut self, root: &mut Node, other: &mut Node, valid: bool) {
        for _ in 0..self.few() {
            let number = self.rng.usize(..root.count());
            if let Some(node) = root.node(number) {
                self.node(node, other, valid);
            }
        }
    }

    fn node(&mut self, node: &mut Node, other: &mut Node, valid: bool) {
        match self.rng.u8(0..10) {
            0 => *node = self.scalar(valid),
            1 => {
                let number = self.rng.usize(..other.count());
                if let Some(part) = other.node(number) {
                    *node = part.clone();
                }
            }
            2 => self.wrap(node),
            _ => match node {
                Node::Bare(_) => *node = self.scalar(valid),
                Node::Text(text) => self.text(text),
                Node::List(items) => self.list(items, valid),
                Node::Object(members) => self.object(members, other, valid),
            },
        }
    }

    fn scalar(&mut self, valid: bool) -> Node {
        match self.rng.u8(0..8) {
            0 => Node::Bare("null".to_owned()),
            1 => Node::Bare(self.rng.bool().to_string()),
            2 => Node::Bare(self.rng.i64(..).to_string()),
            3 if !valid => Node::Bare(self.some_text()),
            4 => Node::List(Vec::new()),
            5 => Node::Object(Vec::new()),
            _ => Node::Text(self.some_text()),
        }
    }

    fn some_text(&mut self) -> String {
        String::from_utf8_lossy(&self.word()).into_owned()
    }

    fn wrap(&mut self, node: &mut Node) {
        let times = if self.rng.u8(0..32) == 0 { self.rng.usize(..DEEPEST) } else { 1 };
        for _ in 0..times {
            let inner = std::mem::replace(node, Node::List(Vec::new()));
            *node = match self.rng.u8(0..3) {
                0 => Node::List(vec![inner]),
                1 if times == 1 => Node::Text(String::from_utf8_lossy(&inner.write()).into_owned()),
                _ => Node::Object(vec![(self.some_text(), inner)]),
            };
        }
    }

    /// A text, or what is encoded in it.
    fn text(&mut self, text: &mut String) {
        if self.rng.bool()
            && let Some(mut inner) = Node::parse(text.as_bytes())
            && !matches!(inner, Node::Bare(_))
        {
            let mut other = inner.clone();
            let number = self.rng.usize(..inner.count());
            if let Some(node) = inner.node(number) {
                self.node(node, &mut other, false);
            }
            *text = String::from_utf8_lossy(&inner.write()).into_owned();
            return;
        }
        let mut bytes = text.as_bytes().to_vec();
        if self.rng.bool()
            && bytes.len() >= 8
            && let Ok(mut inner) = STANDARD.decode(text.trim())
        {
            let other = inner.clone();
            self.bytes(&mut inner, &other);
            *text = STANDARD.encode(inner);
            return;
        }
        match self.rng.u8(0..16) {
            0 => bytes = STANDARD.encode(&bytes).into_bytes(),
            1 => bytes = self.word(),
            _ => {
                let other = bytes.clone();
                self.bytes(&mut bytes, &other);
            }
        }
        *text = String::from_utf8_lossy(&bytes).into_owned();
    }

    fn list(&mut self, items: &mut Vec<Node>, valid: bool) {
        let at = self.rng.usize(..=items.len());
        match self.rng.u8(0..4) {
            0 if at < items.len() => {
                items.remove(at);
            }
            1 if at < items.len() => {
                let item = items[at].clone();
                let room = self.longest / item.write().len().max(1);
                let times = if self.rng.u8(0..32) == 0 { room } else { self.rng.usize(..=room.min(3)) };
                items.extend(std::iter::repeat_n(item, times));
            }
            2 => self.rng.shuffle(items),
            _ => items.insert(at, self.scalar(valid)),
        }
    }

    fn object(&mut self, members: &mut Vec<(String, Node)>, other: &mut Node, valid: bool) {
        let at = self.rng.usize(..=members.len());
        match self.rng.u8(0..7) {
            0 if at < members.len() => {
                members.remove(at);
            }
            1 if at < members.len() => {
                let (key, mut value) = members[at].clone();
                if self.rng.bool() {
                    self.node(&mut value, other, valid);
                }
                members.push((key, value));
            }
            2 if at < members.len() => members[at].0 = self.some_text(),
            3 if at < members.len() => {
                let mut key = std::mem::take(&mut members[at].0).into_bytes();
                let copy = key.clone();
                self.bytes(&mut key, &copy);
                members[at].0 = String::from_utf8_lossy(&key).into_owned();
            }
            4 => self.rng.shuffle(members),
            5 => {
                let number = self.rng.usize(..other.count());
                let value = other.node(number).cloned().unwrap_or_else(|| self.scalar(valid));
                members.insert(at, (self.some_text(), value));
            }
            _ => members.insert(at, (self.some_text(), self.scalar(valid))),
        }
    }
}
