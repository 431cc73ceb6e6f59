//! Values that stand for a credential and are none: what a tool should have replaced, decrypted or printed otherwise.
//!
//! A form is here when no registry and no service hands out such a credential and no generator makes one but by a chance
//! that need not be counted with. So a name between marks has to read like a name: a generated password has digits and
//! letters of both cases side by side, or changes the case from letter to letter. Words that somebody can have chosen as a
//! password, such as `changeme`, are none of these.

/// What stands in front of and behind the name of a value: of documentation and the Vault plugin of Argo CD; of systems
/// that run builds; of shells and `envsubst`, Kubernetes and make; of Go and Jinja templates; of Concourse, Windows, Azure
/// and Octopus.
const MARKS: [(&str, &str); 11] = [
    ("<", ">"),
    ("${{", "}}"),
    ("${", "}"),
    ("$(", ")"),
    ("$[", "]"),
    ("{{", "}}"),
    ("((", "))"),
    ("[[", "]]"),
    ("#{", "}"),
    ("%", "%"),
    ("@@", "@@"),
];
/// The shortest name between marks. What is shorter is as likely a password.
const SHORTEST_NAME: usize = 2;
/// User names that programs send although they look like a placeholder: of a token that needs no user.
const REAL: [&str; 1] = ["<unused>"];
/// The longest row of `x` that somebody writes instead of a value.
const LONGEST_ROW: usize = 40;

/// What a value is instead of a credential: a phrase that follows "that" or the name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Kind {
    #[error("is a template's placeholder, which no tool has filled in")]
    Template,
    #[error("is a reference to a secret elsewhere, which no tool has followed")]
    Reference,
    #[error("is still encrypted, as no tool has decrypted it")]
    Encrypted,
    #[error("is masked, as programs print secrets")]
    Masked,
    #[error("is what programs write when there is no value")]
    Nothing,
    #[error("is a value as a program prints it for people (as b'…' or map[…])")]
    Printed,
    #[error("is an example of documentation")]
    Example,
    #[error("has nothing but blanks")]
    Blank,
}

/// What `value` stands for, if it is no credential.
pub(crate) fn placeholder(value: &str) -> Option<Kind> {
    let text = value.trim();
    Some(match () {
        () if value.is_empty() || REAL.contains(&text) => return None,
        () if text.is_empty() => Kind::Blank,
        () if is_encrypted(text) => Kind::Encrypted,
        () if is_nothing(text) => Kind::Nothing,
        () if is_masked(text) => Kind::Masked,
        () if is_printed(text) => Kind::Printed,
        () if is_reference(text) => Kind::Reference,
        () if is_between_marks(text) || is_variable(text) => Kind::Template,
        () if is_example(text) => Kind::Example,
        () => return None,
    })
}

/// SOPS, Jasypt, the transit engine of Vault, Ansible, age and PGP.
fn is_encrypted(text: &str) -> bool {
    const STARTS: [&str; 5] = [
        "vault:v1:",
        "$ANSIBLE_VAULT;",
        "age-encryption.org/",
        "-----BEGIN AGE ENCRYPTED FILE-----",
        "-----BEGIN PGP MESSAGE-----",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
        || [("ENC[", ']'), ("ENC(", ')')]
            .iter()
            .any(|(open, close)| text.starts_with(open) && text.ends_with(*close))
}

fn is_nothing(text: &str) -> bool {
    const WORDS: [&str; 11] = [
        "null",
        "NULL",
        "None",
        "undefined",
        "nil",
        "NaN",
        "<nil>",
        "<null>",
        "<none>",
        "<no value>",
        "<undefined>",
    ];
    WORDS.contains(&text)
}

fn is_masked(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "redacted",
        "masked",
        "hidden",
        "filtered",
        "secure",
        "sensitive",
        "sensitive value",
        "secret masked",
    ];
    const BARE: [&str; 4] = ["REDACTED", "MASKED", "...", "\u{2026}"];
    let only = |characters: &[char]| text.chars().all(|character| characters.contains(&character));
    let is_row = text.chars().nth(2).is_some()
        && (only(&['*'])
            || only(&['\u{2022}', '\u{25cf}'])
            || (text.len() <= LONGEST_ROW && (only(&['x']) || only(&['X']))));
    let between = [("[", "]"), ("(", ")"), ("<", ">"), ("***", "***")];
    let inside = between.iter().find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
    is_row
        || BARE.contains(&text)
        || inside.is_some_and(|inside| WORDS.iter().any(|word| inside.trim().eq_ignore_ascii_case(word)))
}

/// Python's bytes, Go's maps and failed formats, JavaScript's objects, pydantic's secrets.
fn is_printed(text: &str) -> bool {
    let between = |open: &str, close: &str| {
        text.len() > open.len() + close.len() && text.starts_with(open) && text.ends_with(close)
    };
    between("b'", "'")
        || between("b\"", "\"")
        || (between("map[", "]") && text.contains(':'))
        || (between("%!", ")") && text.chars().nth(3) == Some('('))
        || text.eq_ignore_ascii_case("[object Object]")
        || between("SecretStr('", "')")
}

/// The Vault webhook of bank-vaults, 1Password, vals, Google, Azure, AWS.
fn is_reference(text: &str) -> bool {
    const STARTS: [&str; 12] = [
        "op://",
        "sm://",
        "ref+",
        "secretref+",
        "awssm://",
        "vault://",
        "gcpsm://",
        "azurekeyvault://",
        "arn:aws:secretsmanager:",
        "arn:aws:ssm:",
        "!Ref ",
        "!vault",
    ];
    let is_path = |path: &str| path.bytes().all(|byte| byte.is_ascii_graphic());
    let of_bank = ["vault:", "bao:"].iter().any(|start| {
        text.strip_prefix(start).is_some_and(|path| path.contains('/') && path.contains('#') && is_path(path))
    });
    let of_vals = |rest: &str| rest.contains("://");
    let of_azure = text.starts_with("@Microsoft.KeyVault(");
    let of_build =
        ["env.", "env:", "secrets."].iter().any(|start| text.strip_prefix(start).is_some_and(is_in_capitals));
    of_bank
        || of_azure
        || of_build
        || STARTS.iter().any(|start| {
            text.strip_prefix(start)
                .is_some_and(|rest| (!start.ends_with('+') || of_vals(rest)) && !rest.is_empty())
        })
}

/// Whether the whole text is a name between marks.
fn is_between_marks(text: &str) -> bool {
    let is_of_a_name = |character: char| {
        character.is_ascii_alphanumeric()
            || character.is_ascii_whitespace()
            || "._-:/#|,\"'".contains(character)
    };
    let is_name = |name: &str| {
        let name = name.trim_matches(['-', ' ']);
        name.len() >= SHORTEST_NAME
            && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '.' || first == '_')
            && name.chars().all(is_of_a_name)
            && reads_like_a_name(name)
    };
    MARKS.iter().any(|(open, close)| {
        text.strip_prefix(open)
            .and_then(|rest| {
                rest.strip_suffix(close).or_else(|| rest.strip_suffix("}#").filter(|_| *open == "#{"))
            })
            .is_some_and(is_name)
    })
}

/// `$NAME` and `__NAME__`, in capitals: `$oauthtoken` and `__token__` are users.
fn is_variable(text: &str) -> bool {
    let of_shell = text.strip_prefix('$');
    let underlined = || text.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    of_shell.or_else(underlined).is_some_and(|name| name.len() >= SHORTEST_NAME && is_in_capitals(name))
}

/// Words in capitals with underscores between them, and digits only at the end of a word.
fn is_in_capitals(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name.split('_').all(|word| {
            let letters = word.trim_end_matches(|character: char| character.is_ascii_digit());
            letters.bytes().all(|byte| byte.is_ascii_uppercase())
        })
}

/// Whether each row of letters and digits can be a word, an abbreviation, or words with a capital in front of each.
fn reads_like_a_name(name: &str) -> bool {
    name.split(|character: char| !character.is_ascii_alphanumeric()).all(|part| {
        let has = |is: fn(&char) -> bool| part.chars().any(|character| is(&character));
        let (lower, upper) = (has(char::is_ascii_lowercase), has(char::is_ascii_uppercase));
        if !(lower && upper) {
            return true;
        }
        // One word of two letters may be among them, as in `MySecret`.
        let short =
            part.split(|character: char| character.is_ascii_uppercase()).filter(|hump| hump.len() == 1);
        !has(char::is_ascii_digit) && short.count() <= 1
    })
}

/// What documentation writes: `your-password`, `YOUR_PASSWORD`, `replace-me`.
fn is_example(text: &str) -> bool {
    const STARTS: [&str; 8] = [
        "your-",
        "your_",
        "your ",
        "replace-me",
        "replace_me",
        "replace-with",
        "replace_with",
        "insert-your-",
    ];
    let lower = text.to_ascii_lowercase();
    let is_words = lower.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b' '));
    // A longer one would only be copied to be looked at.
    let is_short = text.len() <= 100;
    (is_short && is_words && STARTS.iter().any(|start| lower.starts_with(start)))
        || ["TODO", "FIXME"].contains(&text)
}

#[cfg(test)]
mod tests;
