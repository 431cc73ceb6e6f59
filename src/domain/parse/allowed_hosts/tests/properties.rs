use proptest::prelude::*;

use super::*;

/// Judged anew, from the text of a URL that was admitted and without anything of this module.
fn is_saps(url: &Url) -> bool {
    let labels: Vec<_> = url.host_str().unwrap().split('.').collect();
    let is_cloud =
        |rest: &[&str]| matches!(rest, [_, "hana", "ondemand", "com"] | [_, "platform", "sapcloud", "cn"]);
    url.as_str().starts_with("https://")
        && url.port().is_none()
        && match labels.as_slice() {
            ["api", "ai", _, _, _, "ml", "hana", "ondemand", "com"] => true,
            [.., first, "authentication", "cert", a, b, c, d] if !first.is_empty() => is_cloud(&[a, b, c, d]),
            [.., first, "authentication", a, b, c, d] if !first.is_empty() => is_cloud(&[a, b, c, d]),
            _ => false,
        }
}

/// Pieces of which attacks on the reading of URLs are made, and of the hosts that are admitted.
fn adversarial_url() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "https://",
        "http://",
        "https:",
        "//",
        "/",
        "\\",
        "@",
        ":",
        ":443",
        ":8443",
        "?",
        "#",
        "%2e",
        "%2f",
        "%40",
        "%00",
        ".",
        "..",
        "\u{3002}",
        "\u{ff0e}",
        "\u{200b}",
        "\u{ad}",
        "\t",
        "\n",
        " ",
        "[",
        "]",
        "[::1]",
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "evil.test",
        "cfapps",
        "eu10",
        "EU10",
        "cert",
        "authentication",
        "AUTHENTICATION",
        "authentic\u{430}tion",
        "x",
        "api",
        "ai",
        "api.ai.",
        "prod.eu-central-1.aws",
        ".ml",
        ".hana.ondemand.com",
        "hana",
        "ondemand",
        "com",
        ".eu10.hana.ondemand.com",
        "x.authentication.eu10.hana.ondemand.com",
        "api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com",
        ".platform.sapcloud.cn",
        "xn--",
        "v2",
        "..%2f",
    ]);
    prop::collection::vec(piece, 1..9).prop_map(|pieces| format!("https://{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn what_is_allowed_is_saps(
        text in prop_oneof![
            adversarial_url(),
            r"(https?:)?[/\\]{0,3}[a-z@:.%0-9\\/?#*]{0,12}(\.authentication\.eu10\.hana\.ondemand\.com|@evil\.test)?[/\\.@:a-z]{0,8}",
            r"\PC*",
        ]
    ) {
        if let Ok(url) = default_hosts().url(&text) {
            prop_assert!(is_saps(&url), "{}", url);
            prop_assert_eq!((url.username(), url.password(), url.query(), url.fragment()), ("", None, None, None));
            // Whoever reads it again reads the same.
            prop_assert_eq!(Url::parse(url.as_str()), Ok(url.clone()));
            prop_assert_eq!(default_hosts().url(url.as_str()), Ok(url));
        }
    }

    #[test]
    fn a_pattern_admits_what_fits_it_label_by_label(
        pattern in r"(\*\.)?([ab]\.|\*\.){0,3}[ab]\.[ab](:8443)?",
        host in r"([ab]\.){0,6}[ab](:8443)?",
    ) {
        let Ok(allowed) = AllowedHosts::parse(&pattern, false) else { return Ok(()) };
        let fits = |pattern: &str, host: &str| {
            let (pattern, host) = (pattern.split('.').collect::<Vec<_>>(), host.split('.').collect::<Vec<_>>());
            let shorter = host.len().checked_sub(pattern.len());
            let aligned = |skip: usize| pattern.iter().skip(skip).rev().zip(host.iter().rev()).all(|(p, h)| *p == "*" || p == h);
            match pattern[0] {
                "*" => shorter.is_some() && aligned(1),
                _ => shorter == Some(0) && aligned(0),
            }
        };
        let port = |text: &str| text.ends_with(":8443");
        let expected = port(&pattern) == port(&host)
            && fits(pattern.trim_end_matches(":8443"), host.trim_end_matches(":8443"));
        prop_assert_eq!(allowed.url(&format!("https://{host}")).is_ok(), expected);
    }

    #[test]
    fn no_list_panics(list in any::<String>(), url in any::<String>()) {
        if let Ok(allowed) = AllowedHosts::parse(&list, true) {
            let _ = allowed.url(&url);
            prop_assert_eq!(AllowedHosts::parse(&allowed.to_string(), true), Ok(allowed));
        }
    }

    #[test]
    fn no_pattern_panics(list in r"([*a\[\]:.0-9x]{0,8},?){0,4}") {
        if let Ok(allowed) = AllowedHosts::parse(&list, false) {
            prop_assert_eq!(AllowedHosts::parse(&allowed.to_string(), false), Ok(allowed));
        }
    }
}
