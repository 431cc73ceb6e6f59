//! User names and passwords that a templating tool should have replaced.

/// What stands in front of and behind the name of a value: of documentation and the Vault plugin of Argo CD, shells and
/// `envsubst`, Kubernetes and make, Go and Jinja templates, Windows.
const MARKS: [(&str, &str); 6] =
    [("<", ">"), ("${", "}"), ("$(", ")"), ("{{", "}}"), ("%", "%"), ("@@", "@@")];

/// Whether the whole text is the name of a value between marks. A generated password that happens to stand between such
/// marks has other characters inside as well.
pub(super) fn is_placeholder(text: &str) -> bool {
    let is_of_a_name = |character: char| {
        character.is_ascii_alphanumeric()
            || character.is_ascii_whitespace()
            || "._-:/#|,\"".contains(character)
    };
    MARKS.iter().any(|(open, close)| {
        text.strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
            .map(|name| name.trim_matches(['-', ' ']))
            .is_some_and(|name| {
                name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '.' || first == '_')
                    && name.chars().all(is_of_a_name)
            })
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("<user>")]
    #[case("<your password>")]
    #[case("<path:secret/data/registry#password>")]
    #[case("${REGISTRY_PASSWORD}")]
    #[case("${REGISTRY_PASSWORD:-none}")]
    #[case("$(REGISTRY_PASSWORD)")]
    #[case("{{ .Values.registry.password }}")]
    #[case("{{- .password | quote -}}")]
    #[case("{{password}}")]
    #[case("%REGISTRY_PASSWORD%")]
    #[case("@@password@@")]
    fn what_templates_have_is_a_placeholder(#[case] text: &str) {
        assert!(is_placeholder(text));
    }

    #[rstest]
    #[case("")]
    #[case("user")]
    #[case("robot$ml+pull")]
    #[case("<>")]
    #[case("<a")]
    #[case("<7h$x!>")]
    #[case("<8kzLq2>")]
    #[case("%")]
    #[case("%%")]
    #[case("%a!b%")]
    #[case("${}")]
    #[case("a<user>")]
    #[case("{\"type\": \"service_account\"}")]
    #[case("{\n}")]
    fn what_people_and_generators_choose_is_none(#[case] text: &str) {
        assert!(!is_placeholder(text));
    }
}
