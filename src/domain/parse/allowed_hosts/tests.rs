use rstest::rstest;

use super::*;

mod properties;

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

/// What AI Core's API document lists, and SAP's list of regions.
#[rstest]
#[case::api("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/v2")]
#[case::api_eu_only("https://api.ai.prodeuonly.eu-central-1.aws.ml.hana.ondemand.com")]
#[case::api_azure("https://api.ai.prod-eu20.westeurope.azure.ml.hana.ondemand.com")]
#[case::api_google("https://api.ai.prod-in30.asia-south1.gcp.ml.hana.ondemand.com/v2/")]
#[case::authorization_server("https://my-subdomain.authentication.eu10.hana.ondemand.com")]
#[case::second_cell("https://my-subdomain.authentication.eu10-004.hana.ondemand.com/oauth/token")]
#[case::saps_own("https://my-subdomain.authentication.sap.hana.ondemand.com")]
#[case::sap_cloud_infrastructure("https://my-subdomain.authentication.eu01.hana.ondemand.com")]
#[case::certificates("https://my-subdomain.authentication.cert.eu10.hana.ondemand.com/")]
#[case::china("https://my-subdomain.authentication.cn40.platform.sapcloud.cn")]
#[case::certificates_in_china("https://my-subdomain.authentication.cert.cn20.platform.sapcloud.cn")]
#[case::upper_case("HTTPS://API.AI.PROD.EU-CENTRAL-1.AWS.ML.HANA.ONDEMAND.COM")]
#[case::port_of_https("https://my-subdomain.authentication.eu10.hana.ondemand.com:443")]
#[case::full_width_dots("https://api\u{3002}ai.prod.eu-central-1.aws.ml.hana\u{ff0e}ondemand.com")]
fn saps_clouds_are_allowed_by_default(#[case] url: &str) {
    assert!(default_hosts().url(url).is_ok());
}

/// What a customer of SAP can own, or make up, below the domains of SAP's clouds.
#[rstest]
#[case::cloud_foundry("attacker-trial.cfapps.eu10.hana.ondemand.com")]
#[case::cloud_foundry_second_cell("attacker.cfapps.us10-001.hana.ondemand.com")]
#[case::cloud_foundry_named_authentication("authentication.cfapps.eu10.hana.ondemand.com")]
#[case::cloud_foundry_below_authentication("x.authentication.cfapps.eu10.hana.ondemand.com")]
#[case::cloud_foundry_with_certificates("authentication.cert.cfapps.eu10.hana.ondemand.com")]
#[case::cloud_foundry_below_cert("x.authentication.cert.cfapps.eu10.hana.ondemand.com")]
#[case::cloud_foundry_named_as_the_api("api.ai.prod.eu-central-1.aws.ml.cfapps.eu10.hana.ondemand.com")]
#[case::cloud_foundry_itself("api.cf.eu10.hana.ondemand.com")]
#[case::neo("myapp-s0001.eu1.hana.ondemand.com")]
#[case::neo_named_authentication("authenticationxyz.eu1.hana.ondemand.com")]
#[case::neo_named_exactly_so("authentication.eu1.hana.ondemand.com")]
#[case::neo_that_ends_so("x-authentication.eu1.hana.ondemand.com")]
#[case::neo_in_rot("myapp.hana.ondemand.com")]
#[case::neo_that_ends_as_the_api("xml.hana.ondemand.com")]
#[case::china("attacker.cfapps.cn40.platform.sapcloud.cn")]
#[case::china_custom_domain("x.authentication.cn40.apps.platform.sapcloud.cn")]
#[case::china_apps("shop.exercise.cn40.apps.platform.sapcloud.cn")]
#[case::kyma("x.c-1234.kyma.ondemand.com")]
#[case::hana_cloud("x.hana.prod-eu10.hanacloud.ondemand.com")]
#[case::trial("x.hanatrial.ondemand.com")]
#[case::neo_trial("authentication.x.hanatrial.ondemand.com")]
#[case::business_studio("x.eu10.applicationstudio.cloud.sap")]
#[case::identity("x.accounts.ondemand.com")]
#[case::no_subdomain("authentication.eu10.hana.ondemand.com")]
#[case::no_region("x.authentication.hana.ondemand.com")]
#[case::two_labels_for_a_region("x.authentication.evil.eu10.hana.ondemand.com")]
#[case::domain_below_another("x.authentication.eu10.hana.ondemand.com.evil.example")]
#[case::below_the_api("x.api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com")]
#[case::beside_the_api("x.ml.hana.ondemand.com")]
fn applications_of_customers_are_not_allowed_by_default(#[case] host: &str) {
    assert_eq!(refused(&format!("https://{host}"), &default_hosts()), Refusal::Host(host.to_owned()));
}

#[rstest]
#[case::another_domain("https://evil.example", "evil.example")]
#[case::suffix_without_dot("https://evilhana.ondemand.com", "evilhana.ondemand.com")]
#[case::suffix_inside(
    "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com.evil.example",
    "api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com.evil.example"
)]
#[case::the_domain_itself("https://hana.ondemand.com", "hana.ondemand.com")]
#[case::backslash_ends_the_host("https://evil.example\\.hana.ondemand.com", "evil.example")]
#[case::slash_ends_the_host("https://evil.example/.hana.ondemand.com", "evil.example")]
#[case::encoded_dot("https://evil%2eexample", "evil.example")]
#[case::trailing_dot(
    "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com.",
    "api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com."
)]
#[case::look_alike("https://api.hana.ond\u{435}mand.com", "api.hana.xn--ondmand-9gg.com")]
#[case::metadata_service("https://169.254.169.254", "169.254.169.254")]
#[case::address_in_one_number("https://2130706433", "127.0.0.1")]
#[case::ipv6("https://[::1]:443", "[::1]")]
#[case::ipv6_with_a_port("https://[::1]:8443", "[::1]:8443")]
#[case::port("https://evil.example:8443/a", "evil.example:8443")]
#[case::cluster("https://kubernetes.default.svc", "kubernetes.default.svc")]
fn other_hosts_are_refused_by_the_name_that_would_be_connected_to(#[case] url: &str, #[case] host: &str) {
    assert_eq!(refused(url, &default_hosts()), Refusal::Host(host.to_owned()));
}

#[rstest]
#[case::empty("", Refusal::NotAUrl)]
#[case::no_scheme("api.hana.ondemand.com", Refusal::NotAUrl)]
#[case::no_host("https://", Refusal::NoHost)]
#[case::no_host_but_a_port("https://:443", Refusal::NoHost)]
#[case::no_such_port("HTTPS://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com:65536", Refusal::NoHost)]
#[case::no_such_address("https://1.2.3.256", Refusal::NoHost)]
#[case::no_such_name("https://api.ai.`.eu-central-1.aws.ml.hana.ondemand.com", Refusal::NoHost)]
#[case::relative("/v2", Refusal::NotAUrl)]
#[case::no_authority("mailto:me", Refusal::NotAUrl)]
#[case::line_break("https://api.\nhana.ondemand.com", Refusal::Blank)]
#[case::tab("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/\t", Refusal::Blank)]
#[case::blank(" https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com", Refusal::Blank)]
#[case::nul("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com\0", Refusal::Blank)]
#[case::http("http://api.hana.ondemand.com", Refusal::NotHttps)]
#[case::http_loopback("http://127.0.0.1:8080", Refusal::NotHttps)]
#[case::other_scheme("ftp://api.hana.ondemand.com", Refusal::NotHttps)]
#[case::unknown_scheme("unix://api.hana.ondemand.com", Refusal::NotHttps)]
#[case::user("https://me@api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com", Refusal::Userinfo)]
#[case::password("https://:s3cr3t@api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com", Refusal::Userinfo)]
#[case::host_as_user(
    "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com@evil.example",
    Refusal::Userinfo
)]
#[case::query("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/?a=b", Refusal::QueryOrFragment)]
#[case::empty_query("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com?", Refusal::QueryOrFragment)]
#[case::fragment("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/#a", Refusal::QueryOrFragment)]
#[case::long(&format!("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/{}", "a".repeat(1024)), Refusal::TooLong)]
#[case::long_once_encoded(&format!("https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/{}", "\u{fc}".repeat(300)), Refusal::TooLong)]
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
#[case("api.example.com", "https://API.example.com", true)]
#[case("API.Example.com", "https://api.example.com", true)]
#[case("api.example.com", "https://a.api.example.com", false)]
#[case("*.example.com", "https://a.b.example.com", true)]
#[case("*.example.com", "https://example.com", false)]
#[case("other.test , *.example.com", "https://a.example.com", true)]
#[case("127.0.0.1", "https://127.0.0.1", true)]
#[case("127.0.0.1:8443", "https://127.0.0.1:8443", true)]
#[case("127.0.0.1", "https://127.0.0.2", false)]
#[case("::1", "https://[::1]", true)]
#[case("[::1]", "https://[0:0::1]", true)]
#[case("*.bücher.example", "https://a.xn--bcher-kva.example", true)]
#[case("*.my_host", "https://a.my_host", true)]
#[case("*.a-b.c", "https://x.a-b.c", true)]
#[case("api.*.example.com", "https://api.a.example.com", true)]
#[case("api.*.example.com", "https://api.a.b.example.com", false)]
#[case("api.*.example.com", "https://api.example.com", false)]
#[case("api.*.example.com", "https://x.api.a.example.com", false)]
#[case("api.*.*.example.com", "https://api.a.b.example.com", true)]
#[case("*.api.*.example.com", "https://x.y.api.a.example.com", true)]
#[case("*.api.*.example.com", "https://api.a.example.com", false)]
#[case("*.api.*.example.com", "https://xapi.a.example.com", false)]
#[case("*.API.*.example.com", "https://x.api.A.example.com", true)]
#[case("*.example.com", "https://a.example.com:8443", false)]
#[case("*.example.com:8443", "https://a.example.com:8443", true)]
#[case("*.example.com:8443", "https://a.example.com", false)]
#[case("*.example.com:443", "https://a.example.com", true)]
#[case("a.example.com:8443,a.example.com", "https://a.example.com", true)]
#[case("[::1]:8443", "https://[::1]:8443", true)]
#[case("[::1]:8443", "https://[::1]", false)]
#[case("2001:db8::1", "https://[2001:db8::1]", true)]
#[case("192.0.2.1", "https://3221225985", true)]
fn patterns_match(#[case] list: &str, #[case] url: &str, #[case] allowed: bool) {
    assert_eq!(hosts(list).url(url).is_ok(), allowed);
}

#[test]
fn another_port_is_named_with_what_would_admit_it() {
    let url = "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com:8443";
    assert_eq!(
        refused(url, &default_hosts()).to_string(),
        "points to port 8443 of host \"api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com\", where the operator may not \
         connect to; leave the port out, or have the operator's administrator add \
         \"api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com:8443\" to --allowed-hosts"
    );
}

#[rstest]
#[case::scheme("https://example.com", "without scheme and path")]
#[case::path("example.com/v2", "without scheme and path")]
#[case::leading_dot(".example.com", "without scheme and path")]
#[case::trailing_dot("example.com.", "without scheme and path")]
#[case::only_star_dot("*.", "without scheme and path")]
#[case::blank("exam ple.com", "without scheme and path")]
#[case::punctuation("exam!ple.com", "without scheme and path")]
#[case::user("me@example.com", "without scheme and path")]
#[case::encoded("%zz.example.com", "without scheme and path")]
#[case::long(
    "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "without scheme and path"
)]
#[case::everything("*", "a whole label")]
#[case::star_without_dot("*example.com", "a whole label")]
#[case::star_in_a_label("api.*x.example.com", "a whole label")]
#[case::star_at_the_end("api.*", "a whole label")]
#[case::star_before_the_last("api.*.com", "a whole label")]
#[case::star_in_an_address("10.*.0.1", "a whole label")]
#[case::two_stars("*.*.example.com", "leave out the second")]
#[case::star_and_address("*.0.0.1", "without scheme and path")]
#[case::address_as_a_number("2130706433", "written in full")]
#[case::short_address("127.1", "written in full")]
#[case::octal_address("0177.0.0.1", "written in full")]
#[case::no_port("example.com:", "a port from 1 to 65535")]
#[case::port_0("example.com:0", "a port from 1 to 65535")]
#[case::large_port("example.com:65536", "a port from 1 to 65535")]
#[case::any_port("example.com:*", "a port from 1 to 65535")]
#[case::signed_port("example.com:+1", "a port from 1 to 65535")]
#[case::two_ports("example.com:1:2", "a port from 1 to 65535")]
#[case::ipv6_without_brackets("1:2:3:4:5:6:7:8:8443", "a port from 1 to 65535")]
fn what_is_no_pattern_is_refused(#[case] pattern: &str, #[case] why: &str) {
    let message = AllowedHosts::parse(&format!("a.example,{pattern}"), false).unwrap_err().to_string();
    let start = format!("{} is not a pattern for allowed hosts; ", Quoted(pattern));
    assert!(message.starts_with(&start) && message.contains(why) && message.ends_with('.'), "{message}");
}

#[rstest]
#[case("")]
#[case(" , ")]
fn an_empty_list_is_refused(#[case] list: &str) {
    assert_eq!(
        AllowedHosts::parse(list, true).unwrap_err().to_string(),
        format!("The list of allowed hosts is empty; the default is \"{DEFAULT_ALLOWED_HOSTS}\".")
    );
}

#[test]
fn shows_its_patterns_as_a_list_that_it_can_read() {
    let allowed = hosts(" *.Example.com,, api.test:443 ,::1,127.0.0.1:8443,a.*.B.test:1,[::2]:3,");
    assert_eq!(allowed.to_string(), "*.example.com,api.test,[::1],127.0.0.1:8443,a.*.b.test:1,[::2]:3");
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
