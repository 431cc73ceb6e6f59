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
             \"certurl\", which tokens are requested from, \"url\" has {expected}; copy both from one service key."
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

/// A landscape of one's own, a server for tests, a proxy: the names have SAP's shape, or are the same. Ports may differ.
#[rstest]
#[case::private_region(
    "https://t.authentication.corp.example",
    "https://t.authentication.cert.corp.example",
    true
)]
#[case::another_port("https://auth.corp.example", "https://auth.corp.example:8443", true)]
#[case::same_path(
    "https://auth.corp.example/uaa/t",
    "https://auth.corp.example:8443/uaa/t/oauth/token",
    true
)]
#[case::loopback("http://127.0.0.1:8080/uaa/t", "http://127.0.0.1:9090/uaa/t", true)]
#[case::other_path("http://127.0.0.1:8080/uaa/victim", "http://127.0.0.1:9090/uaa/mine", false)]
#[case::other_name("https://victim.corp.example", "https://mine.corp.example", false)]
#[case::cert_elsewhere("https://t.uaa.corp.example", "https://t.uaa.cert.corp.example", false)]
#[case::other_loopback("http://127.0.0.1:8080", "http://127.0.0.2:8080", false)]
fn of_other_hosts_have_one_host_and_path(#[case] url: &str, #[case] cert_url: &str, #[case] agree: bool) {
    match read_at(url, cert_url, "*.hana.ondemand.com,*.corp.example,*.corp.example:8443") {
        Ok(tenant) => {
            assert!(agree, "{tenant}");
            assert_eq!(tenant.authorization_server, url);
        }
        Err(message) => {
            assert!(!agree, "{message}");
            let path = message.contains("\"url\" has the same path");
            assert_eq!(path, url.contains("/uaa/victim"), "{message}");
        }
    }
}

/// The URL of the API is not compared: it does not say which tenant of a region it is.
#[test]
fn with_a_client_secret_may_carry_any_certurl() {
    let key =
        with(client_secret_key(), json!({"certurl": "https://x.authentication.cert.eu10.hana.ondemand.com"}));
    assert_is_client_secret_key(&read(&file(key)));
}
