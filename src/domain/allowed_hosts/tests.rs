use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// The default list, for the tests of this and the neighbouring modules.
pub(crate) fn default_hosts() -> AllowedHosts {
    AllowedHosts::parse(DEFAULT_ALLOWED_HOSTS, false).unwrap()
}

fn hosts(list: &str) -> AllowedHosts {
    AllowedHosts::parse(list, false).unwrap()
}

fn refused(url: &str, allowed: &AllowedHosts) -> Refusal {
    match allowed.url(url) {
        Ok(url) => panic!("{url} is allowed"),
        Err(refusal) => refusal,
    }
}

#[rstest]
#[case::api("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/v2")]
#[case::authorization_server("https://my-subdomain.authentication.eu10.hana.ondemand.com")]
#[case::certificates("https://my-subdomain.authentication.cert.eu10.hana.ondemand.com/")]
#[case::china("https://my-subdomain.authentication.cn40.platform.sapcloud.cn")]
#[case::upper_case("HTTPS://API.AI.HANA.ONDEMAND.COM")]
#[case::port("https://api.ai.hana.ondemand.com:8443")]
#[case::full_width_dots("https://api\u{3002}hana\u{ff0e}ondemand.com")]
fn saps_clouds_are_allowed_by_default(#[case] url: &str) {
    assert!(default_hosts().url(url).is_ok());
}

#[rstest]
#[case::another_domain("https://evil.example", "evil.example")]
#[case::suffix_without_dot("https://evilhana.ondemand.com", "evilhana.ondemand.com")]
#[case::suffix_inside("https://api.hana.ondemand.com.evil.example", "api.hana.ondemand.com.evil.example")]
#[case::the_domain_itself("https://hana.ondemand.com", "hana.ondemand.com")]
#[case::backslash_ends_the_host("https://evil.example\\.hana.ondemand.com", "evil.example")]
#[case::slash_ends_the_host("https://evil.example/.hana.ondemand.com", "evil.example")]
#[case::encoded_dot("https://evil%2eexample", "evil.example")]
#[case::trailing_dot("https://api.hana.ondemand.com.", "api.hana.ondemand.com.")]
#[case::look_alike("https://api.hana.ond\u{435}mand.com", "api.hana.xn--ondmand-9gg.com")]
#[case::metadata_service("https://169.254.169.254", "169.254.169.254")]
#[case::address_in_one_number("https://2130706433", "127.0.0.1")]
#[case::ipv6("https://[::1]:443", "[::1]")]
#[case::cluster("https://kubernetes.default.svc", "kubernetes.default.svc")]
fn other_hosts_are_refused_by_the_name_that_would_be_connected_to(#[case] url: &str, #[case] host: &str) {
    assert_eq!(refused(url, &default_hosts()), Refusal::Host(host.to_owned()));
}

#[rstest]
#[case::empty("", Refusal::NotAUrl)]
#[case::no_scheme("api.hana.ondemand.com", Refusal::NotAUrl)]
#[case::no_host("https://", Refusal::NotAUrl)]
#[case::relative("/v2", Refusal::NotAUrl)]
#[case::no_authority("mailto:me", Refusal::NotAUrl)]
#[case::line_break("https://api.\nhana.ondemand.com", Refusal::NotAUrl)]
#[case::tab("https://api.hana.ondemand.com/\t", Refusal::NotAUrl)]
#[case::blank(" https://api.hana.ondemand.com", Refusal::NotAUrl)]
#[case::nul("https://api.hana.ondemand.com\0", Refusal::NotAUrl)]
#[case::http("http://api.hana.ondemand.com", Refusal::NotHttps)]
#[case::http_loopback("http://127.0.0.1:8080", Refusal::NotHttps)]
#[case::other_scheme("ftp://api.hana.ondemand.com", Refusal::NotHttps)]
#[case::unknown_scheme("unix://api.hana.ondemand.com", Refusal::NotHttps)]
#[case::user("https://me@api.hana.ondemand.com", Refusal::Userinfo)]
#[case::password("https://:s3cr3t@api.hana.ondemand.com", Refusal::Userinfo)]
#[case::host_as_user("https://api.hana.ondemand.com@evil.example", Refusal::Userinfo)]
#[case::query("https://api.hana.ondemand.com/?a=b", Refusal::QueryOrFragment)]
#[case::empty_query("https://api.hana.ondemand.com?", Refusal::QueryOrFragment)]
#[case::fragment("https://api.hana.ondemand.com/#a", Refusal::QueryOrFragment)]
fn malformed_urls_are_refused(#[case] url: &str, #[case] reason: Refusal) {
    assert_eq!(refused(url, &default_hosts()), reason);
}

#[test]
fn doubled_dots_do_not_match_a_wildcard() {
    assert!(default_hosts().url("https://.hana.ondemand.com").is_err());
    assert!(default_hosts().url("https://a..hana.ondemand.com").is_err());
}

#[rstest]
#[case::v4("http://127.0.0.1:8080")]
#[case::v4_range("http://127.8.9.1")]
#[case::v6("http://[::1]:8080")]
#[case::name("http://localhost:8080/path")]
fn http_to_this_machine_can_be_accepted(#[case] url: &str) {
    assert!(AllowedHosts::parse(DEFAULT_ALLOWED_HOSTS, true).unwrap().url(url).is_ok());
}

#[rstest]
#[case::allowed_host("http://api.hana.ondemand.com")]
#[case::any_address("http://0.0.0.0")]
#[case::private_address("http://10.0.0.1")]
#[case::mapped("http://[::ffff:10.0.0.1]")]
#[case::resolved_elsewhere("http://localhost.evil.example")]
#[case::below_localhost("http://a.localhost")]
fn http_to_other_machines_never(#[case] url: &str) {
    assert_eq!(
        refused(url, &AllowedHosts::parse("*.hana.ondemand.com,10.0.0.1", true).unwrap()),
        Refusal::NotLoopback
    );
}

#[test]
fn https_to_this_machine_must_be_listed_also_when_http_is_accepted() {
    let allowed = AllowedHosts::parse(DEFAULT_ALLOWED_HOSTS, true).unwrap();
    assert_eq!(refused("https://localhost", &allowed), Refusal::Host("localhost".to_owned()));
    assert_eq!(refused("ftp://localhost", &allowed), Refusal::NotHttps);
}

#[rstest]
#[case("api.example.com", "https://API.example.com:8443", true)]
#[case("API.Example.com", "https://api.example.com", true)]
#[case("api.example.com", "https://a.api.example.com", false)]
#[case("*.example.com", "https://a.b.example.com", true)]
#[case("*.example.com", "https://example.com", false)]
#[case("other.test , *.example.com", "https://a.example.com", true)]
#[case("127.0.0.1", "https://127.0.0.1:8443", true)]
#[case("127.0.0.1", "https://127.0.0.2", false)]
#[case("::1", "https://[::1]", true)]
#[case("[::1]", "https://[0:0::1]", true)]
#[case("*.bücher.example", "https://a.xn--bcher-kva.example", true)]
#[case("*.my_host", "https://a.my_host", true)]
#[case("*.a-b.c", "https://x.a-b.c", true)]
fn patterns_match(#[case] list: &str, #[case] url: &str, #[case] allowed: bool) {
    assert_eq!(hosts(list).url(url).is_ok(), allowed);
}

#[rstest]
#[case::everything("*")]
#[case::star_inside("api.*.example.com")]
#[case::star_without_dot("*example.com")]
#[case::two_stars("*.*.example.com")]
#[case::star_and_address("*.0.0.1")]
#[case::scheme("https://example.com")]
#[case::port("example.com:8443")]
#[case::path("example.com/v2")]
#[case::leading_dot(".example.com")]
#[case::trailing_dot("example.com.")]
#[case::only_star_dot("*.")]
#[case::blank("exam ple.com")]
#[case::punctuation("exam!ple.com")]
fn other_patterns_are_refused(#[case] pattern: &str) {
    let message = AllowedHosts::parse(&format!("a.example,{pattern}"), false).unwrap_err().to_string();
    assert_eq!(
        message,
        format!(
            "\"{pattern}\" is not a pattern for allowed hosts; write a host without scheme, port and path, such as \
             \"api.example.com\", or \"*.example.com\" for every host below it."
        )
    );
}

#[rstest]
#[case("")]
#[case(" , ")]
fn an_empty_list_is_refused(#[case] list: &str) {
    assert_eq!(
        AllowedHosts::parse(list, true).unwrap_err().to_string(),
        "The list of allowed hosts is empty; the default is \"*.hana.ondemand.com,*.platform.sapcloud.cn\"."
    );
}

#[test]
fn shows_its_patterns_as_a_list_that_it_can_read() {
    let allowed = hosts(" *.Example.com,, api.test ,::1,127.0.0.1,");
    assert_eq!(allowed.to_string(), "*.example.com,api.test,[::1],127.0.0.1");
    assert_eq!(hosts(&allowed.to_string()), allowed);
}

#[test]
fn refusals_are_phrases() {
    assert_eq!(Refusal::NotAUrl.to_string(), "is not a URL that starts with https://");
    assert_eq!(
        Refusal::Host("evil.example".to_owned()).to_string(),
        "points to host \"evil.example\", which the operator may not connect to; if it is right, its administrator \
         can add the host to --allowed-hosts"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]
    #[test]
    fn what_is_allowed_ends_in_a_listed_suffix(
        text in r"(https?:)?[/\\]{0,3}[a-z@:.%0-9\\/?#*]{0,12}(\.hana\.ondemand\.com|@evil\.test)?[/\\.@:a-z]{0,8}|\PC*"
    ) {
        if let Ok(url) = default_hosts().url(&text) {
            prop_assert_eq!(url.scheme(), "https");
            prop_assert!(url.host_str().is_some_and(|host| host.ends_with(".hana.ondemand.com")), "{}", url);
            prop_assert_eq!((url.username(), url.password(), url.query(), url.fragment()), ("", None, None, None));
        }
    }

    #[test]
    fn no_list_panics(list in any::<String>(), url in any::<String>()) {
        if let Ok(allowed) = AllowedHosts::parse(&list, true) {
            let _ = allowed.url(&url);
        }
    }
}
