use proptest::prelude::*;
use rstest::rstest;

use super::*;

#[rstest]
fn docker_hub_has_many_spellings_and_one_key(
    #[values(
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "registry.hub.docker.com",
        "hub.docker.com"
    )]
    host: &str,
    #[values("", "https://", "http://", "HTTPS://")] scheme: &str,
    #[values("", "/", "/v1", "/v1/", "/v2", "/v2/")] path: &str,
    #[values(false, true)] upper_case: bool,
) {
    let written = format!("{scheme}{host}{path}");
    let registry = RegistryHost::new(&if upper_case { written.to_uppercase() } else { written });
    assert_eq!(registry.sent(), "https://index.docker.io");
    assert_eq!(registry.normalised(), "index.docker.io");
    assert_eq!(registry.fault(), None);
}

#[rstest]
#[case::another_host("docker.io.example.com")]
#[case::path("docker.io/acme")]
#[case::port("docker.io:5000")]
fn what_only_looks_like_docker_hub_is_sent_as_written(#[case] written: &str) {
    assert_eq!(RegistryHost::new(written).sent(), written);
}

#[rstest]
#[case("https://index.docker.io/v1/acme")]
#[case("index.docker.io/acme")]
fn a_path_of_docker_hub_is_sent_under_the_host_that_images_have(#[case] written: &str) {
    assert_eq!(RegistryHost::new(written).sent(), "docker.io/acme");
}

/// The last column: what `kubernetes/kubernetes` v1.37 matches with an image of the normalised name.
#[rstest]
#[case::plain("ghcr.io", "ghcr.io", "ghcr.io")]
#[case::scheme("https://ghcr.io", "ghcr.io", "https://ghcr.io")]
#[case::slash("https://ghcr.io/", "ghcr.io", "https://ghcr.io/")]
#[case::version("https://ghcr.io/v1/", "ghcr.io", "https://ghcr.io/v1/")]
#[case::http("http://registry:5000/v2/", "registry:5000", "http://registry:5000/v2/")]
#[case::version_and_path("ghcr.io/v2/acme", "ghcr.io/acme", "ghcr.io/v2/acme")]
#[case::path("ghcr.io/acme", "ghcr.io/acme", "ghcr.io/acme")]
#[case::path_with_slash("ghcr.io/acme/", "ghcr.io/acme", "ghcr.io/acme/")]
#[case::no_version("ghcr.io/v1beta", "ghcr.io/v1beta", "ghcr.io/v1beta")]
#[case::version_at_the_end("ghcr.io/acme/v2", "ghcr.io/acme/v2", "ghcr.io/acme/v2")]
#[case::port("localhost:5000", "localhost:5000", "localhost:5000")]
#[case::standard_port("ghcr.io:443", "ghcr.io:443", "ghcr.io:443")]
#[case::pattern("*.azurecr.io", "*.azurecr.io", "*.azurecr.io")]
#[case::pattern_inside("*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com")]
#[case::ipv6("[2001:db8::1]:5000", "[2001:db8::1]:5000", "[2001:db8::1]:5000")]
#[case::version_without_slash("https://ghcr.io/v1", "ghcr.io", "ghcr.io")]
#[case::version_2_without_slash("ghcr.io/v2", "ghcr.io", "ghcr.io")]
#[case::http_without_slash("http://registry:5000/v2", "registry:5000", "registry:5000")]
#[case::host_in_upper_case("GHCR.io", "ghcr.io", "ghcr.io")]
#[case::host_and_version_in_upper_case("https://GHCR.IO/V2/", "ghcr.io", "ghcr.io")]
#[case::scheme_in_upper_case("HTTPS://ghcr.io", "ghcr.io", "ghcr.io")]
#[case::path_in_upper_case("ghcr.io/v2/Acme/", "ghcr.io/acme", "ghcr.io/acme")]
#[case::two_slashes("Http://ghcr.io//", "ghcr.io", "ghcr.io")]
#[case::two_slashes_after_a_path("ghcr.io/acme//", "ghcr.io/acme", "ghcr.io/acme")]
#[case::full_domain_name("ghcr.io.", "ghcr.io", "ghcr.io")]
#[case::full_domain_name_and_port("ghcr.io.:443/acme", "ghcr.io:443/acme", "ghcr.io:443/acme")]
#[case::ipv6_in_upper_case("[2001:DB8::1]:5000", "[2001:db8::1]:5000", "[2001:db8::1]:5000")]
fn a_registry_is_sent_as_written_where_the_kubelet_matches_that(
    #[case] written: &str,
    #[case] normalised: &str,
    #[case] sent: &str,
) {
    let registry = RegistryHost::new(written);
    assert_eq!((registry.normalised(), registry.sent(), registry.fault()), (normalised, sent, None));
}

#[rstest]
#[case(" ghcr.io\n", "ghcr.io")]
#[case("oci://ghcr.io", "oci://ghcr.io")]
#[case("", "")]
fn any_text_can_be_compared(#[case] written: &str, #[case] normalised: &str) {
    assert_eq!(RegistryHost::new(written).normalised(), normalised);
}

#[rstest]
#[case::empty("", Fault::NoHost)]
#[case::scheme_only("https://", Fault::NoHost)]
#[case::path_only("/acme", Fault::NoHost)]
#[case::port_only(":5000", Fault::NoHost)]
#[case::angle_brackets("<your-registry-server>", Fault::Placeholder)]
#[case::vault_plugin("<path:secret/data/registry#host>", Fault::Placeholder)]
#[case::shell("${REGISTRY}", Fault::Placeholder)]
#[case::shell_without_braces("$REGISTRY", Fault::Placeholder)]
#[case::shell_with_a_domain("https://$REGISTRY_NAME.azurecr.io", Fault::Placeholder)]
#[case::kubernetes("$(REGISTRY)", Fault::Placeholder)]
#[case::go("{{ .Values.registry }}", Fault::Placeholder)]
#[case::go_with_a_path("{{.registry}}/acme", Fault::Placeholder)]
#[case::windows("%REGISTRY%", Fault::Placeholder)]
#[case::at_signs("@@REGISTRY@@", Fault::Placeholder)]
#[case::underscores("__REGISTRY__", Fault::Placeholder)]
#[case::screaming("DOCKER_REGISTRY_SERVER", Fault::NoDomain)]
#[case::short_name("myregistry", Fault::NoDomain)]
#[case::short_name_with_scheme("https://myregistry/v2/", Fault::NoDomain)]
#[case::any("*", Fault::NoDomain)]
#[case::oci("oci://ghcr.io/acme", Fault::Scheme("oci://".to_owned()))]
#[case::docker("docker://ghcr.io", Fault::Scheme("docker://".to_owned()))]
#[case::ftp("ftp://ghcr.io", Fault::Scheme("ftp://".to_owned()))]
#[case::two_schemes("https://https://ghcr.io", Fault::Scheme("https:".to_owned()))]
#[case::one_slash("https:/ghcr.io", Fault::Scheme("https:".to_owned()))]
#[case::comma("ghcr.io,quay.io", Fault::List)]
#[case::comma_and_blank("ghcr.io, quay.io", Fault::List)]
#[case::semicolon("ghcr.io;quay.io", Fault::List)]
#[case::blank("ghcr.io quay.io", Fault::Blank)]
#[case::blank_in_front(" ghcr.io", Fault::Blank)]
#[case::line_break("ghcr.io\n", Fault::Blank)]
#[case::control_character("ghcr.io\u{0}", Fault::Blank)]
#[case::quotes("\"ghcr.io\"", Fault::Quotes)]
#[case::userinfo("https://me:s3cr3t@ghcr.io", Fault::UserInfo)]
#[case::userinfo_without_scheme("me:s3cr3t@ghcr.io/acme", Fault::UserInfo)]
#[case::userinfo_with_a_slash("https://me:s3/cr3t@ghcr.io", Fault::UserInfo)]
#[case::query("ghcr.io?insecure=true", Fault::Query)]
#[case::fragment("ghcr.io#acme", Fault::Query)]
#[case::tag("ghcr.io/acme/app:1.0", Fault::Image)]
#[case::digest(
    "ghcr.io/acme/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    Fault::Image
)]
#[case::empty_port("ghcr.io:", Fault::Port)]
#[case::port_in_words("ghcr.io:https", Fault::Port)]
#[case::port_zero("ghcr.io:0", Fault::Port)]
#[case::port_too_large("ghcr.io:65536", Fault::Port)]
#[case::port_with_a_sign("ghcr.io:+443", Fault::Port)]
#[case::port_pattern("ghcr.io:*", Fault::Port)]
#[case::two_ports("ghcr.io:443:443", Fault::Port)]
#[case::ipv6_without_brackets("2001:db8::1", Fault::Ipv6)]
#[case::azure_template("YOUR_REGISTRY.azurecr.io", Fault::Placeholder)]
#[case::amazon_template("ACCOUNT_ID.dkr.ecr.REGION.amazonaws.com", Fault::Placeholder)]
#[case::region("123456789012.dkr.ecr.REGION.amazonaws.com", Fault::Placeholder)]
#[case::octopus("#{registry}#", Fault::Placeholder)]
#[case::square("[[registry]]", Fault::Placeholder)]
#[case::variable("env:REGISTRY", Fault::NoName(Kind::Reference))]
#[case::encrypted("ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]", Fault::NoName(Kind::Encrypted))]
#[case::token("ghp_abcdefghij", Fault::Token)]
#[case::jwt("eyJhbGci.eyJzdWIi.abc", Fault::Token)]
#[case::arn("arn:aws:ecr:eu-central-1:123456789012:repository/x", Fault::Arn)]
#[case::ipv6_without_port("[2001:db8::1]", Fault::Ipv6)]
#[case::ipv6_zone("[fe80::1%25eth0]:5000", Fault::Placeholder)]
#[case::ipv4_in_ipv6("[::ffff:10.0.0.1]:5000", Fault::Ipv6)]
#[case::brackets("[registry]", Fault::Ipv6)]
#[case::empty_label("ghcr..io", Fault::Label)]
#[case::leading_dot(".ghcr.io", Fault::Label)]
#[case::two_trailing_dots("ghcr.io..", Fault::Label)]
#[case::hyphen("-ghcr.io", Fault::Label)]
#[case::hyphen_at_an_end("ghcr-.io", Fault::Label)]
#[case::underscore_and_port("my_registry.example.com:5000", Fault::Character('_'))]
#[case::backslash("https:\\\\ghcr.io", Fault::Character('\\'))]
#[case::umlaut("bücher.example", Fault::Character('ü'))]
#[case::zero_width("ghcr\u{200b}.io", Fault::Character('\u{200b}'))]
#[case::path_pattern("ghcr.io/*", Fault::PathPattern)]
#[case::path_pattern_inside("ghcr.io/acme/*/app", Fault::PathPattern)]
#[case::empty_path_component("ghcr.io//acme", Fault::Path)]
#[case::dots_in_the_path("ghcr.io/acme/../other", Fault::Path)]
#[case::catalog("https://ghcr.io/v2/_catalog", Fault::Path)]
#[case::separator_before_a_slash("ghcr.io/acme-/", Fault::Path)]
#[case::separator_before_a_component("ghcr.io/acme-/app", Fault::Path)]
#[case::two_versions("ghcr.io/v1/v2/acme", Fault::Path)]
#[case::long(&format!("{}.example.com", "a".repeat(244)), Fault::TooLong)]
fn some_texts_match_no_image(#[case] written: &str, #[case] fault: Fault) {
    assert_eq!(RegistryHost::new(written).fault(), Some(fault));
}

#[rstest]
#[case::address("[::1]:5000")]
#[case::ipv4("10.0.0.1:5000")]
#[case::localhost("localhost")]
#[case::single_label_with_port("registry:5000")]
#[case::underscore("my_registry.example.com")]
#[case::punycode("xn--bcher-kva.example")]
#[case::half_a_path_component("ghcr.io/acme-")]
#[case::longest(&format!("{}.example.com", "a".repeat(243)))]
fn unusual_names_are_usable(#[case] written: &str) {
    assert_eq!(RegistryHost::new(written).fault(), None);
}

#[rstest]
#[case("https://index.docker.io/v1/access-token", true)]
#[case("https://index.docker.io/v1/refresh-token", true)]
#[case("HTTPS://Index.Docker.io/v1/Refresh-Token/", true)]
#[case("docker.io/access-token", true)]
#[case("https://index-stage.docker.io/v1/access-token", true)]
#[case("https://registry.example.com/v1/access-token", false)]
#[case("https://harbor.example.com/v2/access-token", false)]
#[case("registry.example.com/access-token", false)]
#[case("https://index.docker.io/v1/", false)]
#[case("https://index.docker.io/v1/access-tokens", false)]
fn places_for_the_accounts_tokens_are_recognised(#[case] written: &str, #[case] expected: bool) {
    assert_eq!(RegistryHost::new(written).is_token_cache(), expected);
}

#[test]
fn messages_do_not_show_a_password_in_front_of_the_host() {
    assert_eq!(RegistryHost::new("https://ghcr.io/v1/").shown(), r#""https://ghcr.io/v1/""#);
    assert_eq!(RegistryHost::new("https://me:p@ss@ghcr.io").shown(), r#""ghcr.io""#);
    assert_eq!(RegistryHost::new("https://me:p#s@ghcr.io").shown(), r#""…""#);
    assert_eq!(RegistryHost::new("https://me:p?s@ghcr.io").shown(), r#""…""#);
    assert_eq!(RegistryHost::new("ghcr.io?token=s3cr3t").shown(), r#""ghcr.io""#);
    assert_eq!(RegistryHost::new("me:p@ghcr.io#s3cr3t").shown(), r#""ghcr.io""#);
    assert_eq!(
        RegistryHost::new("me:s3cr3t@sha256:0123456789abcdef0123456789abcdef").shown(),
        r#""sha256:0123456789abcdef0123456789abcdef""#
    );
    let image = format!("ghcr.io/acme@sha256:{}", "0".repeat(64));
    assert_eq!(RegistryHost::new(&image).shown(), format!("\"{image}\""));
}

#[rstest]
#[case("https://hub.docker.com/u/acme", "docker.io")]
#[case("https://hub.docker.com/r/acme/app", "docker.io")]
#[case("hub.docker.com/repositories/acme", "docker.io")]
#[case("https://registry.hub.docker.com/v2/repositories/acme", "docker.io")]
#[case("docker.com", "docker.io")]
#[case("index.docker.com", "docker.io")]
#[case("https://login.docker.com/u", "docker.io")]
#[case("auth.docker.io", "docker.io")]
#[case("https://quay.io/organization/acme", "quay.io")]
#[case("quay.io/repository/acme/app", "quay.io")]
#[case("https://github.com/acme", "ghcr.io")]
#[case("https://gitlab.com/acme/app/container_registry", "registry.gitlab.com")]
#[case("https://console.cloud.google.com/artifacts", "pkg.dev")]
#[case("https://portal.azure.com/acme", "azurecr.io")]
#[case("https://harbor.example.com/harbor/projects/3", "pulling images")]
fn addresses_of_web_pages_are_refused_with_the_registry(#[case] written: &str, #[case] instead: &str) {
    let fault = RegistryHost::new(written).fault();
    assert!(matches!(fault, Some(Fault::WebPage(said)) if said.contains(instead)), "{fault:?}");
}

#[rstest]
#[case("quay.io/acme")]
#[case("hvs.example.com")]
#[case("npm_registry.example.com")]
#[case("hub.docker.com")]
#[case("registry.hub.docker.com/v2/")]
#[case("registry.gitlab.com/acme/app")]
#[case("gitlab.example.com/acme")]
fn registries_beside_web_pages_stay(#[case] written: &str) {
    assert_eq!(RegistryHost::new(written).fault(), None);
}

/// What stands in the place of a name can be the secret itself.
#[rstest]
#[case("me:S3cr3tPw-999")]
#[case("ghp_S3cr3tPw123")]
#[case("github_pat_secretsecret")]
#[case("bWU6UzNjcjN0UHctOTk5")]
#[case("bWU6cHc=")]
#[case("Authorization: Basic bWU6cHc=")]
#[case("https://me:S3cr3tPw-123ghcr.io")]
#[case("me:secretghcr.io")]
#[case("eyJhbGci.eyJzdWIi.abc")]
#[case("ghcr.io ghp_S3cr3tPw123")]
#[case("hunter2")]
#[case("s3cr3t/ghcr.io")]
#[case("ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]")]
#[case("@@@@@")]
#[case("user@")]
fn what_has_not_the_form_of_a_host_is_not_shown(#[case] written: &str) {
    let registry = RegistryHost::new(written);
    assert_eq!((registry.shown().as_str(), registry.is_hidden()), ("\"…\"", true));
}

#[rstest]
#[case("myregistry")]
#[case("<your-registry>")]
#[case("${REGISTRY}")]
#[case("#{registry}#")]
#[case("@@REG@@")]
#[case("ghcr.io,quay.io")]
#[case("ghcr.io:0")]
#[case("https://hub.docker.com/u/acme")]
#[case("oci://ghcr.io/acme")]
fn a_refused_name_of_that_form_is_shown(#[case] written: &str) {
    assert_eq!(RegistryHost::new(written).shown(), format!("\"{written}\""));
}

/// Mostly names of registries.
const NAMES: &str = "(https?://|HTTP://|oci://)?[a-zA-Z]{0,4}[*_.-]?[a-z0-9]{1,3}\\.[a-zA-Z]{2}\\.?(:[0-9]{1,4})?(/[vV][12])?(/[a-zA-Z0-9]{1,4}[._-]?){0,2}/{0,2}";

/// `Add` and `Lookup` of the kubelet, for an image of that name without tag or digest.
fn the_kubelet_matches(key: &str, image: &str) -> bool {
    let key = as_the_kubelet_reads(key);
    let parts = |text: &str| {
        let (authority, path) = split_path(text);
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        (host.split('.').map(str::to_owned).collect::<Vec<_>>(), port.to_owned(), path.to_owned())
    };
    let ((host, port, path), (image_host, image_port, image_path)) = (parts(&key), parts(image));
    let matches = |(pattern, label): (&String, &String)| match pattern.split_once('*') {
        Some((front, end)) => label.starts_with(front) && label.ends_with(end),
        None => pattern == label,
    };
    key == "index.docker.io" && image_host == ["docker", "io"]
        || port == image_port
            && host.len() == image_host.len()
            && image_path.starts_with(&path)
            && host.iter().zip(&image_host).all(matches)
}

#[rstest]
#[case("https://ghcr.io/v1/", "ghcr.io/acme/app", true)]
#[case("https://ghcr.io/v1", "ghcr.io/acme/app", false)]
#[case("GHCR.io", "ghcr.io/acme/app", false)]
#[case("*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.eu-1.amazonaws.com/app", true)]
#[case("index.docker.io/acme", "docker.io/acme/app", false)]
#[case("ghcr.io:443", "ghcr.io/app", false)]
fn the_comparison_is_the_kubelets(#[case] key: &str, #[case] image: &str, #[case] matches: bool) {
    assert_eq!(the_kubelet_matches(key, image), matches);
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let registry = RegistryHost::new(&text);
        let _ = (registry.fault(), registry.is_token_cache(), registry.shown(), registry.sent().len());
    }

    #[test]
    fn scheme_slash_and_case_of_the_host_do_not_matter(host in "[a-z]{1,8}\\.[a-z]{2,3}(:[0-9]{2,4})?", path in "(/[a-z]{3,5}){0,2}") {
        let plain = RegistryHost::new(&format!("{host}{path}"));
        let spelled = RegistryHost::new(&format!("hTTps://{}/v2{path}/", host.to_uppercase()));
        prop_assert_eq!(plain.normalised(), spelled.normalised());
        prop_assert_eq!(plain.sent(), &plain.written);
        prop_assert_eq!(spelled.sent(), plain.sent());
    }

    #[test]
    fn what_is_not_refused_is_sent_as_something_that_the_kubelet_matches(text in NAMES) {
        let registry = RegistryHost::new(&text);
        if registry.fault().is_some() {
            return Ok(());
        }
        let sent = RegistryHost::new(registry.sent());
        prop_assert_eq!(sent.fault(), None);
        prop_assert_eq!(sent.sent(), registry.sent());
        prop_assert_eq!(sent.normalised(), registry.normalised());
        let mut image = registry.normalised().replace('*', "x").replace("index.docker.io", "docker.io");
        image.push_str(if image.ends_with(['.', '_', '-']) { "0/app" } else { "/app" });
        prop_assert!(the_kubelet_matches(registry.sent(), &image), "{} and {}", registry.sent(), image);
    }
}
