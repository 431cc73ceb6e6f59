use rstest::rstest;

use super::*;

fn rules(variables: &[(&'static str, &str)]) -> Rules {
    Rules::from_environment(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn proxied(server: &str, no_proxy: &str) -> bool {
    let rules = rules(&[("HTTPS_PROXY", "http://p:3128"), ("HTTP_PROXY", "p2:80"), ("NO_PROXY", no_proxy)]);
    rules.proxy_for(&server.parse().unwrap()).unwrap().is_some()
}

/// The cases of `golang.org/x/net/http/httpproxy`, and what clusters have.
#[rstest]
#[case("https://api.example.com", "", true)]
#[case("https://localhost:6443", "", false)]
#[case("https://127.0.0.1:6443", "", false)]
#[case("https://127.1.2.3", "", false)]
#[case("https://[::1]:6443", "", false)]
#[case("https://[::2]:6443", "", true)]
#[case("https://api.example.com", "*", false)]
#[case("https://api.example.com", "x, *", false)]
#[case("https://api.example.com", "example.com", false)]
#[case("https://example.com", "example.com", false)]
#[case("https://example.com", ".example.com", true)]
#[case("https://api.example.com", ".example.com", false)]
#[case("https://api.example.com", "*.example.com", false)]
#[case("https://example.com", "*.example.com", true)]
#[case("https://notexample.com", "example.com", true)]
#[case("https://API.Example.com", "example.COM", false)]
#[case("https://api.example.com:6443", "example.com:6443", false)]
#[case("https://api.example.com:6443", "example.com:443", true)]
#[case("https://api.example.com", "example.com:443", false)]
#[case("https://10.1.2.3:6443", "10.0.0.0/8", false)]
#[case("https://11.1.2.3:6443", "10.0.0.0/8", true)]
#[case("https://10.1.2.3:6443", "0.0.0.0/0", false)]
#[case("https://[fd00::1]:6443", "fd00::/8", false)]
#[case("https://[fe00::1]:6443", "fd00::/8", true)]
#[case("https://[fd00::1]:6443", "0.0.0.0/0", true)]
#[case("https://10.1.2.3:6443", "10.1.2.3", false)]
#[case("https://10.1.2.3:6443", "10.1.2.3:6443", false)]
#[case("https://10.1.2.3:6443", "10.1.2.3:443", true)]
#[case("https://[fd00::1]:6443", "[fd00::1]:6443", false)]
#[case("https://[fd00::1]:6443", "fd00::1", false)]
#[case("https://10.1.2.3:6443", "10.1.2.0/33,:443,,  ,/,[,.", true)]
#[case("https://kubernetes.default.svc", "127.0.0.1, .svc", false)]
#[case("http://api.example.com", "", true)]
fn servers_are_excepted_as_by_go(#[case] server: &str, #[case] no_proxy: &str, #[case] expected: bool) {
    assert_eq!(proxied(server, no_proxy), expected);
}

#[rstest]
#[case(&[("HTTPS_PROXY", "http://p:3128")], Some("http://p:3128 (HTTPS_PROXY)"))]
#[case(&[("https_proxy", "http://p:3128")], Some("http://p:3128 (https_proxy)"))]
#[case(&[("HTTPS_PROXY", ""), ("https_proxy", "p:3128")], Some("http://p:3128 (https_proxy)"))]
#[case(&[("HTTPS_PROXY", "p")], Some("http://p:80 (HTTPS_PROXY)"))]
#[case(&[("HTTPS_PROXY", "https://u:s3cr3t@p/x")], Some("https://p:443 (HTTPS_PROXY)"))]
#[case(&[("HTTPS_PROXY", "socks5h://p")], Some("socks5://p:1080 (HTTPS_PROXY)"))]
#[case(&[("HTTP_PROXY", "http://p:3128"), ("ALL_PROXY", "http://p:3128"), ("all_proxy", "x")], None)]
#[case(&[("HTTPS_PROXY", "http://p:3128"), ("no_proxy", "example.com")], None)]
#[case(&[], None)]
fn the_variables_are_those_of_kubectl(
    #[case] variables: &[(&'static str, &str)],
    #[case] expected: Option<&str>,
) {
    let proxy = rules(variables).proxy_for(&"https://api.example.com:6443".parse().unwrap()).unwrap();
    assert_eq!(proxy.as_ref().map(ToString::to_string).as_deref(), expected);
    assert!(!format!("{proxy:?}").contains("s3cr3t"));
}

#[test]
fn the_login_of_a_proxy_is_kept() {
    let proxy = Proxy::parse("http://u:p%40ss@p:3128", Source::Kubeconfig).unwrap();
    assert_eq!(proxy.uri().to_string(), "http://u:p%40ss@p:3128/");
}

#[rstest]
#[case("ftp://p:21", "not \"ftp\"")]
#[case("socks4://p:1080", "not \"socks4\"")]
#[case("socks5://u:s3cr3t@p:1080", "only possible for a proxy with http or https")]
#[case("http://", "it is not a URL such as")]
#[case("http://u:s3cr3t@p:x", "it is not a URL such as")]
fn a_proxy_that_cannot_be_used_gets_a_sentence(#[case] url: &str, #[case] part: &str) {
    let rules = rules(&[("HTTPS_PROXY", url)]);
    let sentence = rules.proxy_for(&"https://x".parse().unwrap()).unwrap_err().to_string();
    assert!(sentence.starts_with("HTTPS_PROXY: ") && sentence.contains(part), "{sentence}");
    assert!(!sentence.contains("s3cr3t"), "{sentence}");
    // What does not concern the server does no harm.
    assert_eq!(rules.proxy_for(&"http://x".parse().unwrap()), Ok(None));
    assert_eq!(rules.proxy_for(&"https://127.0.0.1".parse().unwrap()), Ok(None));
}
