//! Why a text is not JSON, in the words of the person who stored it.

/// Why a text is not JSON: a phrase that is free of its content.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the value is empty")]
    Empty,
    #[error("the value is UTF-16 text, as Windows PowerShell writes it; save it as UTF-8")]
    Utf16,
    #[error("the value is a compressed file; store what is in it")]
    Compressed,
    #[error("the value is not UTF-8 text")]
    NotUtf8,
    #[error("the value seems to be base64-encoded twice; use stringData, or encode the JSON once in data")]
    EncodedTwice,
    #[error("the JSON ends too early (line {line}, column {column})")]
    Incomplete { line: usize, column: usize },
    #[error("the value is not valid JSON (line {line}, column {column}){hint}")]
    Syntax { line: usize, column: usize, hint: &'static str },
    #[error("the JSON has more than {0} values")]
    TooManyValues(usize),
}

/// What `serde_json` says, and what the user did. Only these texts are compared with; none of serde's is shown, as some
/// quote the input.
const HINTS: [(&str, &str); 6] = [
    (
        "control character",
        ": a text in quotes has a line break or tab in it; write it as \\n or \\t, and quotes in a text as \\\"",
    ),
    ("invalid escape", ": a backslash in a text has to be doubled"),
    ("key must be a string", ": a name is not in double quotes"),
    ("trailing comma", ": there is a comma too many"),
    ("trailing characters", ": something follows the JSON"),
    ("recursion limit", ": it is nested too deeply"),
];

impl Broken {
    /// Takes the place from serde's error and drops its text, which can quote the input.
    pub(super) fn new(text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        // `{"` and `{` with a line break, encoded.
        if ["eyJ", "ewo", "ew0"].iter().any(|start| text.trim_start().starts_with(start)) {
            Self::EncodedTwice
        } else if has_nul(text.as_bytes()) {
            Self::Utf16
        } else if error.is_eof() {
            Self::Incomplete { line, column }
        } else {
            let said = error.to_string();
            let hint = HINTS.iter().find(|(start, _)| said.starts_with(start)).map_or("", |(_, hint)| hint);
            Self::Syntax { line, column, hint }
        }
    }

    /// What bytes are that are no UTF-8.
    pub(super) fn not_utf8(bytes: &[u8]) -> Self {
        const GZIP: &[u8] = b"\x1f\x8b";
        const ZIP: &[u8] = b"PK\x03\x04";
        const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
        let starts_with = |marks: &[&[u8]]| marks.iter().any(|mark| bytes.starts_with(mark));
        if starts_with(&[GZIP, ZIP, ZSTD]) {
            Self::Compressed
        } else if starts_with(&[b"\xff\xfe", b"\xfe\xff"]) || has_nul(bytes) {
            Self::Utf16
        } else {
            Self::NotUtf8
        }
    }
}

/// UTF-16 has a zero byte beside each ASCII character, as the first two are.
fn has_nul(bytes: &[u8]) -> bool {
    matches!(bytes, [0, _, 0, _, ..] | [_, 0, _, 0, ..])
}
