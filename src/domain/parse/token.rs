//! Tokens and other random texts, known by their form. What is one is never shown, wherever somebody put it.

/// How tokens begin that registries and their owners hand out: GitHub, GitLab, Docker Hub, Google, JWT, Vault, AWS, npm, NVIDIA.
const STARTS: [&str; 18] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glcbt-",
    "dckr_pat_",
    "dckr_oat_",
    "ya29.",
    "eyJ",
    "hvs.",
    "AKIA",
    "ASIA",
    "npm_",
    "nvapi-",
];
/// From this length on, letters and digits in a row are no word.
const LONG: usize = 16;

/// Whether `text` begins like a token.
pub(crate) fn is_token(text: &str) -> bool {
    STARTS.iter().any(|start| text.starts_with(start))
}

/// Whether `text` is a token and no host whose name happens to begin like one, as `hvs.example.com`.
pub(crate) fn is_token_and_no_host(text: &str) -> bool {
    let is_jwt = ["eyJ", "ya29."].iter().any(|start| text.starts_with(start));
    let has_random = || text.split(|character: char| !character.is_ascii_alphanumeric()).any(is_random);
    is_token(text) && (is_jwt || !text.contains('.') || has_random())
}

/// Whether a part of `text` can be a token or a password: one begins like a token, is long, or has digits and letters of both cases.
pub(crate) fn has_random_part(text: &str) -> bool {
    is_token(text)
        || text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').any(is_token)
        || text.split(|character: char| !character.is_ascii_alphanumeric()).any(is_random)
}

fn is_random(part: &str) -> bool {
    let has = |is: fn(&u8) -> bool| part.bytes().any(|byte| is(&byte));
    let (digit, lower, upper) =
        (has(u8::is_ascii_digit), has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase));
    let is_mixed = lower && upper && digit;
    is_mixed || part.len() > 2 * LONG || (part.len() >= LONG && digit && (lower || upper))
}

/// A name from the input that nobody has to hide: words, with separators between them. None: it can be a password or token.
pub(crate) fn plain_name(name: &str) -> Option<&str> {
    let is_of_a_name = |character: char| character.is_ascii_alphanumeric() || "._-/ ".contains(character);
    (name.chars().all(is_of_a_name) && !has_random_part(name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("auths")]
    #[case("credsStore")]
    #[case(".dockerconfigjson")]
    #[case("docker-config")]
    #[case("identitytoken")]
    #[case("config.json")]
    #[case("AI_API_URL")]
    fn names_of_fields_are_plain(#[case] name: &str) {
        assert_eq!(plain_name(name), Some(name));
    }

    #[rstest]
    #[case("ghp_S3cr3tPw123")]
    #[case("glpat-abcdef")]
    #[case("me:S3cr3tPw-999")]
    #[case("S3cr3tPw")]
    #[case("bWU6UzNjcjN0UHctOTk5")]
    #[case("0123456789abcdef")]
    #[case("Authorization: Basic x")]
    #[case("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    #[case("pw!")]
    fn what_can_be_secret_is_not(#[case] name: &str) {
        assert_eq!(plain_name(name), None);
    }
}
