use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// These tests are about the form of URLs.
fn default_hosts() -> AllowedHosts {
    AllowedHosts::parse("*.hana.ondemand.com,*.hana.ondemand.com:8443", false).unwrap()
}

fn api(text: &str) -> ApiUrl {
    ApiUrl::parse(text, &default_hosts()).unwrap()
}

fn server(text: &str) -> AuthorizationServer {
    AuthorizationServer::parse(text, &default_hosts()).unwrap()
}

#[rstest]
#[case("https://api.hana.ondemand.com")]
#[case("https://api.hana.ondemand.com/")]
#[case("https://API.Hana.OnDemand.com//")]
#[case("https://api.hana.ondemand.com/v2")]
#[case("https://api.hana.ondemand.com:443/v2//")]
#[case("https://api.hana.ondemand.com//v2/")]
fn every_spelling_of_the_api_is_one(#[case] text: &str) {
    assert_eq!(api(text).to_string(), "https://api.hana.ondemand.com");
    assert_eq!(api(text), api("https://api.hana.ondemand.com"));
    assert_eq!(api(text).join("/v2/a/b").as_str(), "https://api.hana.ondemand.com/v2/a/b");
}

#[rstest]
#[case("https://api.hana.ondemand.com/proxy/v2/", "https://api.hana.ondemand.com/proxy")]
#[case("https://api.hana.ondemand.com/xv2", "https://api.hana.ondemand.com/xv2")]
#[case("https://api.hana.ondemand.com:8443/v3", "https://api.hana.ondemand.com:8443/v3")]
fn other_paths_and_ports_stay(#[case] text: &str, #[case] shown: &str) {
    assert_eq!(api(text).to_string(), shown);
    assert_eq!(api(text).join("/v2/a").as_str(), format!("{shown}/v2/a"));
}

#[rstest]
#[case("https://sub.authentication.eu10.hana.ondemand.com")]
#[case("https://SUB.authentication.eu10.hana.ondemand.com/")]
#[case("https://sub.authentication.eu10.hana.ondemand.com/oauth/token")]
#[case("https://sub.authentication.eu10.hana.ondemand.com/oauth/token/")]
fn every_spelling_of_the_authorization_server_is_one(#[case] text: &str) {
    assert_eq!(server(text).to_string(), "https://sub.authentication.eu10.hana.ondemand.com");
    assert_eq!(
        server(text).token_url().as_str(),
        "https://sub.authentication.eu10.hana.ondemand.com/oauth/token"
    );
}

#[test]
fn refuses_what_the_allow_list_refuses() {
    assert_eq!(ApiUrl::parse("http://x.test", &default_hosts()), Err(Refusal::NotHttps));
    assert_eq!(AuthorizationServer::parse("x", &default_hosts()), Err(Refusal::NotAUrl));
}

#[rstest]
#[case("https://api.hana.ondemand.com/v2/inference/deployments/d1")]
#[case("https://api.hana.ondemand.com/v2/inference/deployments/d1/v2")]
#[case("https://api.hana.ondemand.com//v2//INFERENCE/")]
#[case("https://api.hana.ondemand.com/v2/x/../inference/d1")]
#[case("https://api.hana.ondemand.com\\\\v2\\inference")]
#[case("https://api.hana.ondemand.com/v2/%69nference/d1")]
#[case("https://api.hana.ondemand.com/v2/inference;a/d1")]
#[case("https://api.hana.ondemand.com/v2%2finference%2fd1")]
fn what_a_customer_has_deployed_is_not_the_api(#[case] text: &str) {
    assert_eq!(ApiUrl::parse(text, &default_hosts()), Err(Refusal::Deployment));
    assert_eq!(AuthorizationServer::parse(text, &default_hosts()), Err(Refusal::NotTheAuthorizationServer));
}

const SAPS_API: &str = "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com";
const SAPS_SERVER: &str = "https://sub.authentication.eu10.hana.ondemand.com";

/// One list admits both, and none of the hosts in it is both.
#[rstest]
#[case(SAPS_SERVER)]
#[case("https://sub.authentication.cert.eu10.hana.ondemand.com/oauth/token")]
#[case("https://sub.authentication.cn40.platform.sapcloud.cn")]
fn a_host_of_sap_has_one_role(#[case] server: &str) {
    let allowed = crate::domain::parse::allowed_hosts::tests::default_hosts();
    assert!(AuthorizationServer::parse(server, &allowed).is_ok());
    assert_eq!(ApiUrl::parse(server, &allowed), Err(Refusal::IsAnAuthorizationServer));
    assert!(ApiUrl::parse(SAPS_API, &allowed).is_ok());
    assert_eq!(AuthorizationServer::parse(SAPS_API, &allowed), Err(Refusal::IsTheApi));
}

#[test]
fn a_host_of_ones_own_may_be_either_at_any_path() {
    let allowed = AllowedHosts::parse("proxy.example.com", false).unwrap();
    let url = "https://proxy.example.com/aicore";
    assert_eq!(ApiUrl::parse(&format!("{url}/v2"), &allowed).unwrap().to_string(), url);
    assert_eq!(AuthorizationServer::parse(&format!("{url}/oauth/token"), &allowed).unwrap().to_string(), url);
}

#[rstest]
#[case("", true)]
#[case("/", true)]
#[case("/v2", true)]
#[case("//v2//", true)]
#[case("/v1", false)]
#[case("/V2", false)]
#[case("/v2/v2", false)]
#[case("/v2/lm", false)]
#[case("/v2/admin/dockerRegistrySecrets", false)]
#[case("/x", false)]
fn saps_api_has_one_path(#[case] path: &str, #[case] fits: bool) {
    let read = ApiUrl::parse(&format!("{SAPS_API}{path}"), &default_hosts());
    assert_eq!(
        read.map(|url| url.to_string()),
        if fits { Ok(SAPS_API.to_owned()) } else { Err(Refusal::ApiPath) }
    );
}

#[rstest]
#[case("", true)]
#[case("/", true)]
#[case("/oauth/token", true)]
#[case("/oauth/token/", true)]
#[case("/oauth/token/oauth/token", false)]
#[case("/oauth/authorize", false)]
#[case("/login", false)]
#[case("/.well-known/openid-configuration", false)]
fn saps_authorization_servers_have_one_path(#[case] path: &str, #[case] fits: bool) {
    let read = AuthorizationServer::parse(&format!("{SAPS_SERVER}{path}"), &default_hosts());
    let expected = if fits { Ok(SAPS_SERVER.to_owned()) } else { Err(Refusal::TokenPath) };
    assert_eq!(read.map(|url| url.to_string()), expected);
}

#[test]
fn a_tenant_is_both() {
    let tenant =
        Tenant::new(&api("https://api.hana.ondemand.com/v2"), &server("https://sub.hana.ondemand.com/"));
    assert_eq!(tenant.api_url, "https://api.hana.ondemand.com");
    assert_eq!(tenant.authorization_server, "https://sub.hana.ondemand.com");
    assert_eq!(tenant.to_string(), "https://api.hana.ondemand.com (https://sub.hana.ondemand.com)");
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same(path in "(/[a-z0-9%2v]{0,6}){0,4}") {
        let Ok(once) = ApiUrl::parse(&format!("https://a.hana.ondemand.com/x{path}"), &default_hosts()) else {
            prop_assert!(path.contains('%'));
            return Ok(());
        };
        prop_assert!(!once.to_string().ends_with('/'));
        let joined = once.join("/v2");
        prop_assert_eq!(api(joined.as_str()), once);
    }
}
