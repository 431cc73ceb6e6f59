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
    assert!(registry.is_usable());
}

#[rstest]
#[case::another_host("docker.io.example.com")]
#[case::path("docker.io/acme")]
#[case::path_after_version("https://index.docker.io/v1/acme")]
#[case::port("docker.io:5000")]
fn what_only_looks_like_docker_hub_is_sent_as_written(#[case] written: &str) {
    assert_eq!(RegistryHost::new(written).sent(), written);
}

#[rstest]
#[case("ghcr.io", "ghcr.io")]
#[case("https://GHCR.io/", "ghcr.io")]
#[case("Http://ghcr.io//", "ghcr.io")]
#[case(" ghcr.io\n", "ghcr.io")]
#[case("ghcr.io/v2/", "ghcr.io")]
#[case("ghcr.io/v2/Acme/", "ghcr.io/Acme")]
#[case("ghcr.io/v1beta", "ghcr.io/v1beta")]
#[case("ghcr.io/acme/v2", "ghcr.io/acme/v2")]
#[case("localhost:5000", "localhost:5000")]
#[case("oci://ghcr.io", "oci://ghcr.io")]
#[case("*.azurecr.io", "*.azurecr.io")]
#[case("", "")]
fn spellings_compare_equal(#[case] written: &str, #[case] normalised: &str) {
    assert_eq!(RegistryHost::new(written).normalised(), normalised);
    assert_eq!(RegistryHost::new(written).sent(), written, "only Docker Hub is rewritten");
}

#[rstest]
#[case::empty("")]
#[case::scheme_only("https://")]
#[case::path_only("/acme")]
#[case::blank_around(" ghcr.io")]
#[case::blank_inside("ghcr io")]
#[case::control_character("ghcr.io\u{0}")]
#[case::userinfo("https://me:s3cr3t@ghcr.io")]
#[case::userinfo_without_scheme("me:s3cr3t@ghcr.io/acme")]
#[case::userinfo_with_a_slash("https://me:s3/cr3t@ghcr.io")]
fn some_texts_name_no_registry(#[case] written: &str) {
    assert!(!RegistryHost::new(written).is_usable());
}

#[rstest]
#[case::address("[::1]:5000")]
fn unusual_names_are_usable(#[case] written: &str) {
    assert!(RegistryHost::new(written).is_usable());
}

#[test]
fn messages_do_not_show_a_password_in_front_of_the_host() {
    assert_eq!(RegistryHost::new("https://ghcr.io/v1/").shown(), r#""https://ghcr.io/v1/""#);
    assert_eq!(RegistryHost::new("https://me:p@ss@ghcr.io").shown(), r#""ghcr.io""#);
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let registry = RegistryHost::new(&text);
        let _ = (registry.is_usable(), registry.shown(), registry.sent().len());
    }

    #[test]
    fn scheme_slash_and_case_of_the_host_do_not_matter(host in "[a-z]{1,8}\\.[a-z]{2,3}(:[0-9]{2,4})?", path in "(/[a-z]{3,5}){0,2}") {
        let plain = RegistryHost::new(&format!("{host}{path}"));
        let spelled = RegistryHost::new(&format!("hTTps://{}/v2{path}/", host.to_uppercase()));
        prop_assert_eq!(plain.normalised(), spelled.normalised());
    }
}
