//! Label selectors as the API server reads them (`k8s.io/apimachinery/pkg/labels`, `Parse`), so that a wrong one is found
//! before the first request.

use crate::domain::tools::invalid::Quoted;

/// Longest selector, in bytes. It is part of the URL of each list and watch.
const MAX_BYTES: usize = 4096;
/// Longest name in a key, and longest value, in bytes.
const MAX_NAME: usize = 63;
/// Longest prefix of a key, in bytes.
const MAX_PREFIX: usize = 253;

/// Whether the API server takes this text as a label selector. The empty one selects everything.
///
/// # Errors
/// A phrase that says what is wrong with it.
pub fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it has {} bytes; at most {MAX_BYTES} are allowed", text.len()));
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
fn requirement(tokens: &mut Tokens<'_>) -> Result<(), String> {
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
                Err(_) => Err(format!("{} after {operator} is not an integer", Quoted(number))),
            }
        }
        Token::Word("in" | "notin") => list(tokens),
        other => Err(unexpected(other, "=, ==, !=, in, notin, > or <")),
    }
}

/// The one value of a comparison, which may be empty.
fn exact<'a>(tokens: &mut Tokens<'a>) -> Result<&'a str, String> {
    if matches!(tokens.peek(), Token::End | Token::Symbol(",")) {
        return Ok("");
    }
    match tokens.take() {
        Token::Word(value) => Ok(value),
        other => Err(unexpected(other, "a value")),
    }
}

/// `(a,b)`. An empty value is one, and an empty list is the list of that.
fn list(tokens: &mut Tokens<'_>) -> Result<(), String> {
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

fn key(key: &str) -> Result<(), String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let wrong = |why: &str| Err(format!("{} is not a label's key: {why}", Quoted(key)));
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        return wrong("in front of the / stands no DNS name of small letters, digits, - and .");
    }
    match name {
        "" => wrong("its name is empty"),
        name if name.len() > MAX_NAME => wrong("its name is longer than 63 characters"),
        name if !is_name(name) => {
            wrong("its name must be of letters, digits, -, _ and ., with a letter or digit at both ends")
        }
        _ => Ok(()),
    }
}

fn value(value: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{} is not a label's value: {why}", Quoted(value)));
    match value {
        "" => Ok(()),
        value if value.len() > MAX_NAME => wrong("it is longer than 63 characters"),
        value if !is_name(value) => {
            wrong("it must be of letters, digits, -, _ and ., with a letter or digit at both ends")
        }
        _ => Ok(()),
    }
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

fn unexpected(found: Token<'_>, wanted: &str) -> String {
    match found {
        Token::End => format!("it ends where {wanted} is expected"),
        Token::Word(text) | Token::Symbol(text) => {
            format!("{} stands where {wanted} is expected", Quoted(text))
        }
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
