//! Files and texts of other kinds than JSON. All are known by their beginning or by a line, and each line is read once.

use crate::domain::parse::{quotes, token};

pub(super) const TOKEN: &str = "the value is an access token alone; set spec.secretRef.server and give the user name under a key of its own";
const USER_PASSWORD: &str =
    "the value is user:password; set spec.secretRef.server and give both under keys of their own";
const YAML_SECRET: &str = "the value is the YAML of a Kubernetes Secret; apply that, or store what is under \".dockerconfigjson\" in it, decoded";

/// A page of the web or another text in angle brackets, in contrast to a placeholder.
pub(super) fn markup(text: &str) -> Option<&'static str> {
    let start: String = text.chars().take("<!doctype".len()).collect::<String>().to_ascii_lowercase();
    if start.starts_with("<!doctype") || start.starts_with("<html") {
        return Some("the value is a page of the web, perhaps of a login; store a docker config");
    }
    (start.starts_with("<?xml") || (start.starts_with('<') && text.contains("</")))
        .then_some("the value is XML; store the docker config as JSON")
}

/// JSON with something else in the place of its quotes or blanks.
pub(super) fn misspelled(text: &str) -> Option<&'static str> {
    let inner = text.strip_prefix('{')?.trim_start_matches([' ', '\t', '\r', '\n']);
    let first = inner.chars().next()?;
    if inner.starts_with("\\\"") {
        return Some(
            "a backslash stands in front of the quotes, as in a shell script; store the JSON without the backslashes",
        );
    }
    if quotes::is_typographic(first) {
        return Some("names and values stand in typographic quotes; JSON has straight double quotes (\")");
    }
    matches!(first, '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{200b}').then_some(
        "there are blanks in it that JSON does not know (no-break spaces, as a web page has them); write the docker config anew",
    )
}

/// What a text is that is no JSON at all.
pub(super) fn named(text: &str) -> Option<&'static str> {
    let is_one_line = !text.contains(['\n', '\r']);
    let is_one_word = is_one_line && !text.contains(char::is_whitespace);
    let starts = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    let has_line = |is: fn(&str) -> bool| text.lines().map(str::trim).any(is);
    Some(match () {
        () if starts(&["-----BEGIN PGP ", "-----BEGIN AGE ", "age-encryption.org/"]) => {
            "the value is an encrypted file; store it decrypted"
        }
        () if starts(&["-----BEGIN "]) => "the value is a PEM text, which is no docker config",
        () if starts(&["Ag"]) && text.len() > 300 && is_one_word => {
            "the value looks like one of a SealedSecret; apply the SealedSecret, so that its controller decrypts it"
        }
        () if is_one_word && token::is_token(text) && !text.contains(':') => TOKEN,
        () if starts(&["/", "~/", "./", "../", "@", "file:"]) && is_one_word && !text.starts_with("//") => {
            "the value is the path of a file; store what is in the file (kubectl create secret --from-file)"
        }
        () if starts(&["docker login", "podman login", "helm registry login"]) => {
            "the value is a command to log in; store what \"kubectl create secret docker-registry\" makes of its user name and password"
        }
        () if has_line(|line| line.starts_with("machine ") && line.contains(" login ")) => {
            "the value is a netrc file; store the login as a docker config"
        }
        () if has_line(|line| line.contains(":_authToken=") || line.contains(":_auth=")) => {
            "the value is an npmrc file; store the login as a docker config"
        }
        () if has_line(|line| line.starts_with('[') && line.ends_with(']') && line.contains('"')) => {
            "the value is TOML, as containerd's configuration is; store the login as a docker config"
        }
        () if has_line(|line| line == "kind: Secret") => YAML_SECRET,
        () if !text.contains('{') && is_env_file(text) => {
            "the value is a file of environment variables; store user name and password under keys of their own, and set \
             spec.secretRef.server"
        }
        () if is_one_word && !text.contains(['{', '[', '"']) && is_login(text) => USER_PASSWORD,
        () => return None,
    })
}

fn is_env_file(text: &str) -> bool {
    let is_assignment = |line: &str| {
        let line = line.strip_prefix("export ").unwrap_or(line);
        line.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    lines.peek().is_some_and(|line| line.contains('=')) && lines.all(is_assignment) && !text.ends_with('=')
}

fn is_login(text: &str) -> bool {
    text.split_once(':').is_some_and(|(user, password)| {
        !user.is_empty() && !password.is_empty() && !password.starts_with("//")
    })
}
