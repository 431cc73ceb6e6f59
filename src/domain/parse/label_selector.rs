//! Label selectors as the API server reads them (`k8s.io/apimachinery/pkg/labels`, `Parse`), so that a wrong one is found
//! before the first request.

use crate::domain::tools::invalid::Quoted;

/// Longest selector, in bytes. It is part of the URL of each list and watch.
const MAX_BYTES: usize = 4096;
/// Longest name in a key, and longest value, in bytes.
const MAX_NAME: usize = 63;
/// Longest prefix of a key, in bytes.
const MAX_PREFIX: usize = 253;

/// What is wrong with a label selector: a phrase that follows its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is too long for the URL of a list.
    #[error("it has {length} bytes; at most {} are allowed", MAX_BYTES)]
    TooLong {
        /// In bytes.
        length: usize,
    },
    /// There is no more, and something must follow.
    #[error("it ends where {wanted} is expected")]
    Ends {
        /// What must follow.
        wanted: &'static str,
    },
    /// Something else follows.
    #[error("{} stands where {wanted} is expected", Quoted(found))]
    Unexpected {
        /// What is there.
        found: String,
        /// What must be there.
        wanted: &'static str,
    },
    /// Only integers are compared by size.
    #[error("{} after {operator} is not an integer", Quoted(value))]
    NotAnInteger {
        /// What is there.
        value: String,
        /// `<` or `>`.
        operator: String,
    },
    /// No label can have this key.
    #[error("{} is not a label's key: {fault}", Quoted(key))]
    Key {
        /// The key.
        key: String,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// No label can have this value.
    #[error("{} is not a label's value: {fault}", Quoted(value))]
    Value {
        /// The value.
        value: String,
        /// What is wrong with it.
        fault: ValueFault,
    },
}

/// What is wrong with the key of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The part before the slash.
    #[error("the part before the / must be a DNS name of lower-case letters, digits, - and .")]
    Prefix,
    /// Nothing after the slash.
    #[error("its name is empty")]
    Empty,
    /// The part after the slash.
    #[error("its name is longer than {} characters", MAX_NAME)]
    TooLong,
    /// The part after the slash.
    #[error("its name must be of letters, digits, -, _ and ., with a letter or digit at both ends")]
    Characters,
}

/// What is wrong with the value of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// Its length.
    #[error("it is longer than {} characters", MAX_NAME)]
    TooLong,
    /// What it is made of.
    #[error("it must be of letters, digits, -, _ and ., with a letter or digit at both ends")]
    Characters,
}

/// Whether the API server takes this text as a label selector. The empty one selects everything.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str) -> Result<(), Malformed> {
    if text.len() > MAX_BYTES {
        return Err(Malformed::TooLong { length: text.len() });
    }
    let mut tokens = Tokens { rest: text };
    if tokens.peek() == Token::End {
        return Ok(());
    }
    loop {
        requirement(&mut tokens)?;
        match tokens.take() {
            Token::End => return Ok(()),
            Token::Symbol(",") => {}
            other => return Err(unexpected(other, "a comma or the end")),
        }
    }
}

/// One of `key`, `!key`, `key=value` (also `==`, `!=`), `key in (a,b)`, `key notin (a,b)`, `key>5` and `key<5`.
fn requirement(tokens: &mut Tokens<'_>) -> Result<(), Malformed> {
    let negated = tokens.peek() == Token::Symbol("!");
    if negated {
        tokens.take();
    }
    match tokens.take() {
        Token::Word(key) => self::key(key)?,
        other => return Err(unexpected(other, "a label's key")),
    }
    if negated || matches!(tokens.peek(), Token::End | Token::Symbol(",")) {
        return Ok(());
    }
    match tokens.take() {
        Token::Symbol("=" | "==" | "!=") => value(exact(tokens)?),
        Token::Symbol(operator @ (">" | "<")) => {
            let number = exact(tokens)?;
            value(number)?;
            match number.parse::<i64>() {
                Ok(_) => Ok(()),
                Err(_) => {
                    Err(Malformed::NotAnInteger { value: number.to_owned(), operator: operator.to_owned() })
                }
            }
        }
        Token::Word("in" | "notin") => list(tokens),
        other => Err(unexpected(other, "=, ==, !=, in, notin, > or <")),
    }
}

/// The one value of a comparison, which may be empty.
fn exact<'a>(tokens: &mut Tokens<'a>) -> Result<&'a str, Malformed> {
    if matches!(tokens.peek(), Token::End | Token::Symbol(",")) {
        return Ok("");
    }
    match tokens.take() {
        Token::Word(value) => Ok(value),
        other => Err(unexpected(other, "a value")),
    }
}

/// `(a,b)`. An empty value is one, and an empty list is the list of that.
fn list(tokens: &mut Tokens<'_>) -> Result<(), Malformed> {
    match tokens.take() {
        Token::Symbol("(") => {}
        other => return Err(unexpected(other, "(")),
    }
    if tokens.peek() == Token::Symbol(")") {
        tokens.take();
        return Ok(());
    }
    loop {
        match tokens.take() {
            Token::Word(text) => {
                value(text)?;
                match tokens.take() {
                    Token::Symbol(",") if tokens.peek() == Token::Symbol(")") => {
                        tokens.take();
                        return Ok(());
                    }
                    Token::Symbol(",") => {}
                    Token::Symbol(")") => return Ok(()),
                    other => return Err(unexpected(other, "a comma or )")),
                }
            }
            // An empty value.
            Token::Symbol(",") => {
                if tokens.peek() == Token::Symbol(")") {
                    tokens.take();
                    return Ok(());
                }
            }
            other => return Err(unexpected(other, "a value or )")),
        }
    }
}

fn key(key: &str) -> Result<(), Malformed> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let fault = match name {
        _ if prefix.is_some_and(|prefix| !is_subdomain(prefix)) => KeyFault::Prefix,
        "" => KeyFault::Empty,
        name if name.len() > MAX_NAME => KeyFault::TooLong,
        name if !is_name(name) => KeyFault::Characters,
        _ => return Ok(()),
    };
    Err(Malformed::Key { key: key.to_owned(), fault })
}

fn value(value: &str) -> Result<(), Malformed> {
    let fault = match value {
        "" => return Ok(()),
        value if value.len() > MAX_NAME => ValueFault::TooLong,
        value if !is_name(value) => ValueFault::Characters,
        _ => return Ok(()),
    };
    Err(Malformed::Value { value: value.to_owned(), fault })
}

fn is_name(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(edge)
        && text.ends_with(edge)
        && text.chars().all(|c| edge(c) || matches!(c, '-' | '_' | '.'))
}

/// RFC 1123 subdomain.
fn is_subdomain(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= MAX_PREFIX
        && text.split('.').all(|label| {
            label.starts_with(edge) && label.ends_with(edge) && label.chars().all(|c| edge(c) || c == '-')
        })
}

fn unexpected(found: Token<'_>, wanted: &'static str) -> Malformed {
    match found {
        Token::End => Malformed::Ends { wanted },
        Token::Word(text) | Token::Symbol(text) => Malformed::Unexpected { found: text.to_owned(), wanted },
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A key, a value, `in` or `notin`: which of them, the place decides.
    Word(&'a str),
    Symbol(&'a str),
    End,
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn peek(&self) -> Token<'a> {
        Self { rest: self.rest }.take()
    }

    fn take(&mut self) -> Token<'a> {
        const SYMBOLS: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];
        const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
        let rest = self.rest.trim_start_matches(BLANKS);
        let length = if rest.starts_with("==") || rest.starts_with("!=") {
            2
        } else if rest.starts_with(SYMBOLS) {
            1
        } else {
            rest.find(|c| SYMBOLS.contains(&c) || BLANKS.contains(&c)).unwrap_or(rest.len())
        };
        let (token, rest) = rest.split_at_checked(length).unwrap_or((rest, ""));
        self.rest = rest;
        match token {
            "" => Token::End,
            symbol if symbol.starts_with(SYMBOLS) => Token::Symbol(symbol),
            word => Token::Word(word),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
