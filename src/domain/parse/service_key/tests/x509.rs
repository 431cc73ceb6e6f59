//! Service keys with a certificate: the tenant is the one that hands out the tokens.

use super::*;

fn with_urls(url: &str, cert_url: &str) -> SecretData {
    file(with(x509_key(), json!({"url": url, "certurl": cert_url})))
}

fn read_at(url: &str, cert_url: &str, allowed: &str) -> Result<Tenant, String> {
    let allowed = AllowedHosts::parse(allowed, true).unwrap();
    let key = parse(&with_urls(url, cert_url), None, &allowed);
    key.map(|key| key.tenant()).map_err(|invalid| invalid.to_string())
}

/// As SAP hands them out, in the regions of its documentation.
#[rstest]
#[case::as_documented("my-subdomain", "eu10.hana.ondemand.com")]
#[case::extension_landscape("my-subdomain", "eu10-004.hana.ondemand.com")]
#[case::azure("acme", "us21.hana.ondemand.com")]
#[case::china("acme", "cn40.platform.sapcloud.cn")]
#[case::subdomain_cert("cert", "eu10.hana.ondemand.com")]
#[case::subdomain_authentication("authentication", "eu10.hana.ondemand.com")]
#[case::capitals("My-Subdomain", "EU10.hana.ondemand.com")]
fn of_sap_are_read(
    #[case] subdomain: &str,
    #[case] rest: &str,
    #[values("", "/", "/oauth/token")] path: &str,
) {
    let url = format!("https://{subdomain}.authentication.{rest}");
    let cert_url = format!("https://{subdomain}.authentication.cert.{rest}{path}");
    let key = read(&with_urls(&url, &cert_url));
    assert_eq!(key.authorization_server().to_string(), url.to_lowercase());
    let expected = format!("https://{subdomain}.authentication.cert.{rest}/oauth/token").to_lowercase();
    assert_eq!(key.token_url().as_str(), expected);
}

#[rstest]
#[case::another_tenant(
    "https://victim.authentication.eu10.hana.ondemand.com",
    "https://mine.authentication.cert.eu10.hana.ondemand.com",
    "host \"mine.authentication.eu10.hana.ondemand.com\""
)]
#[case::another_region(
    "https://mine.authentication.us10.hana.ondemand.com",
    "https://mine.authentication.cert.eu10.hana.ondemand.com",
    "host \"mine.authentication.eu10.hana.ondemand.com\""
)]
#[case::a_longer_name(
    "https://x.mine.authentication.eu10.hana.ondemand.com",
    "https://mine.authentication.cert.eu10.hana.ondemand.com",
    "host \"mine.authentication.eu10.hana.ondemand.com\""
)]
#[case::without_cert(
    "https://victim.authentication.eu10.hana.ondemand.com",
    "https://mine.authentication.eu10.hana.ondemand.com",
    "host \"mine.authentication.eu10.hana.ondemand.com\""
)]
fn of_two_tenants_are_refused(#[case] url: &str, #[case] cert_url: &str, #[case] expected: &str) {
    assert_eq!(
        refused(&with_urls(url, cert_url)),
        format!(
            "Secret \"aicore-key\", key \"key.json\": \"url\" and \"certurl\" name different authorization servers; by \
             \"certurl\", which tokens are requested from, \"url\" has {expected}; copy both from one service key, or \
             write the value of \"certurl\" in both."
        )
    );
}

#[test]
fn name_the_fields_as_they_stand() {
    let environment = json!({
        "AICORE_CLIENT_ID": CLIENT_ID,
        "AICORE_CERT_STR": block("CERTIFICATE", "AAAA"),
        "AICORE_KEY_STR": block("RSA PRIVATE KEY", "c4n4ry"),
        "AICORE_CERT_URL": "https://mine.authentication.cert.eu10.hana.ondemand.com/oauth/token",
        "AICORE_AUTH_URL": AUTH_URL,
        "AICORE_BASE_URL": API_URL,
    });
    let message = refused(&flat(&environment));
    assert!(message.contains("\"AICORE_AUTH_URL\" and \"AICORE_CERT_URL\" name different"), "{message}");
    let right = with(environment, json!({"AICORE_CERT_URL": format!("{CERT_URL}/oauth/token")}));
    assert_eq!(read(&flat(&right)).authorization_server().to_string(), AUTH_URL);
}

/// Both names lead to one server: whichever stands in `url`, it is one tenant.
#[rstest]
#[case::both_for_certificates(CERT_URL, CERT_URL)]
#[case::both_without(AUTH_URL, AUTH_URL)]
fn with_one_name_in_both_fields_are_of_the_same_tenant(#[case] url: &str, #[case] cert_url: &str) {
    assert_eq!(read(&with_urls(url, cert_url)).authorization_server().to_string(), AUTH_URL);
}

/// A landscape of one's own, a server for tests, a proxy: the names have SAP's shape, or are the same.
#[rstest]
#[case::private_region(
    "https://t.authentication.corp.example",
    "https://t.authentication.cert.corp.example",
    None
)]
#[case::same("https://auth.corp.example:8443", "https://auth.corp.example:8443", None)]
#[case::port_written_out("https://auth.corp.example:443/", "https://auth.corp.example", None)]
#[case::capitals("https://Auth.Corp.Example", "https://auth.corp.example/oauth/token", None)]
#[case::idn("https://b\u{fc}cher.corp.example", "https://xn--bcher-kva.corp.example", None)]
#[case::same_path("https://auth.corp.example/uaa/t", "https://auth.corp.example/uaa/t/oauth/token", None)]
#[case::loopback("http://127.0.0.1:8080/uaa/t", "http://127.1:8080/uaa/t/", None)]
#[case::another_port("https://auth.corp.example", "https://auth.corp.example:8443", Some("port 8443"))]
#[case::another_port_of_url("https://auth.corp.example:8443", "https://auth.corp.example", Some("port 443"))]
#[case::port_of_a_region(
    "https://t.authentication.corp.example:8443",
    "https://t.authentication.cert.corp.example",
    Some("port 443")
)]
#[case::loopback_port("http://127.0.0.1:8080/uaa/t", "http://127.0.0.1:9090/uaa/t", Some("port 9090"))]
#[case::another_scheme("https://127.0.0.1", "http://127.0.0.1:443", Some("scheme \"http\""))]
#[case::other_path(
    "http://127.0.0.1:8080/uaa/victim",
    "http://127.0.0.1:8080/uaa/mine",
    Some("the same path")
)]
#[case::path_in_capitals(
    "https://auth.corp.example/uaa/T",
    "https://auth.corp.example/uaa/t",
    Some("the same path")
)]
#[case::other_name(
    "https://victim.corp.example",
    "https://mine.corp.example",
    Some("host \"mine.corp.example\"")
)]
#[case::cert_elsewhere(
    "https://t.uaa.corp.example",
    "https://t.uaa.cert.corp.example",
    Some("host \"t.uaa.cert.corp.example\"")
)]
#[case::other_loopback("http://127.0.0.1:8080", "http://127.0.0.2:8080", Some("host \"127.0.0.2\""))]
#[case::by_name("http://127.0.0.1:8080", "http://localhost:8080", Some("host \"localhost\""))]
fn of_other_hosts_name_one_server(#[case] url: &str, #[case] cert_url: &str, #[case] expected: Option<&str>) {
    let allowed = "*.corp.example,*.corp.example:8443,*.hana.ondemand.com,127.0.0.1";
    match (read_at(url, cert_url, allowed), expected) {
        (Ok(tenant), None) => {
            let allowed = AllowedHosts::parse(allowed, true).unwrap();
            let contacted = AuthorizationServer::parse(cert_url, &allowed).unwrap().for_any_client();
            assert_eq!(tenant.authorization_server, contacted.to_string());
        }
        (Err(message), Some(expected)) => {
            let expected = format!("tokens are requested from, \"url\" has {expected}; copy both");
            assert!(message.contains(&expected), "{message}");
        }
        (result, _) => panic!("{result:?}"),
    }
}

/// What would hide that two URLs are one server, or that they are two, is refused for itself.
#[rstest]
#[case::trailing_dot("https://auth.corp.example.")]
#[case::user("https://victim@auth.corp.example")]
#[case::password("https://victim:x@auth.corp.example")]
#[case::query("https://auth.corp.example?x")]
#[case::fragment("https://auth.corp.example#x")]
#[case::encoded_path("https://auth.corp.example/%75aa")]
fn of_urls_that_need_no_reading_are_refused(#[case] other: &str, #[values(false, true)] swapped: bool) {
    let own = "https://auth.corp.example";
    let (url, cert_url) = if swapped { (other, own) } else { (own, other) };
    assert!(read_at(url, cert_url, "*.corp.example,*.hana.ondemand.com").is_err());
}

/// The URL of the API is not compared: it does not say which tenant of a region it is.
#[test]
fn with_a_client_secret_may_carry_any_certurl() {
    let key =
        with(client_secret_key(), json!({"certurl": "https://x.authentication.cert.eu10.hana.ondemand.com"}));
    assert_is_client_secret_key(&read(&file(key)));
}
