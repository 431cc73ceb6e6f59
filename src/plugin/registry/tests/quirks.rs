//! What the registries of this field are known for, and what the sentence makes of it.

use rstest::rstest;
use testbed::hosts::Reply;

use super::{known_registries::*, *};

type Registry = fn(&Request) -> Reply;

#[rstest]
#[case::harbor(
    "harbor.test",
    harbor,
    RIGHT,
    None,
    "Ok harbor.test: accepted, it lets the credential in, and not anybody; whether an image may be pulled shows when you name one"
)]
#[case::harbor_wrong(
    "harbor.test",
    harbor,
    WRONG,
    None,
    "Wrong harbor.test: rejected with 401 where its tokens are given; it was sent once"
)]
#[case::harbor_image(
    "harbor.test",
    harbor,
    RIGHT,
    Some("acme/app:1"),
    "Ok harbor.test: accepted, it has the manifest of acme/app:1 for the credential, and not for anybody"
)]
#[case::harbor_token_for_a_wrong_password(
    "harbor.test",
    harbor,
    WRONG,
    Some("acme/app:1"),
    "Wrong harbor.test: rejected with 401 for the manifest of acme/app:1: the credential has ended or is wrong (some registries give tokens for it nevertheless)"
)]
#[case::docker_hub(
    "docker.io",
    docker_hub,
    RIGHT,
    None,
    "Unchecked https://index.docker.io: unknown, because it gave a token for the credential and an equal one to anybody; name an image"
)]
#[case::docker_hub_wrong(
    "docker.io",
    docker_hub,
    WRONG,
    None,
    "Wrong https://index.docker.io: rejected with 401 where its tokens are given; Docker Hub locks accounts"
)]
#[case::docker_hub_image(
    "docker.io",
    docker_hub,
    RIGHT,
    Some("docker.io/acme/app:1"),
    "Ok https://index.docker.io: accepted, it has the manifest"
)]
#[case::docker_hub_public(
    "docker.io",
    docker_hub_public,
    RIGHT,
    Some("acme/app:1"),
    "Unchecked https://index.docker.io: unknown, because anybody may pull that image; name an image that only the credential may pull"
)]
#[case::docker_hub_public_wrong(
    "docker.io",
    docker_hub_public,
    WRONG,
    Some("acme/app:1"),
    "Wrong https://index.docker.io: rejected with 401 where"
)]
#[case::ghcr(
    "ghcr.io",
    ghcr,
    RIGHT,
    None,
    "Ok ghcr.io: accepted, it lets the credential in, and not anybody; whether an image may be pulled shows when you name one with --registry=repository:tag, and only that tells the right password from a wrong one at a registry that gives tokens for both"
)]
#[case::tokens_for_any_login(
    "registry.test",
    tokens_for_any_login,
    WRONG,
    None,
    "Ok registry.test: accepted, it lets the credential in, and not anybody; whether an image may be pulled shows when you name one with --registry=repository:tag, and only that tells the right password from a wrong one"
)]
#[case::tokens_for_any_login_image(
    "registry.test",
    tokens_for_any_login,
    WRONG,
    Some("acme/app:1"),
    "Wrong registry.test: rejected with 401 for the manifest of acme/app:1"
)]
#[case::ghcr_revoked(
    "ghcr.io",
    ghcr,
    WRONG,
    None,
    "Wrong ghcr.io: rejected with 403 where its tokens are given; GitHub answers so when the token was revoked"
)]
#[case::ghcr_image(
    "ghcr.io",
    ghcr,
    RIGHT,
    Some("ghcr.io/acme/app:1"),
    "Ok ghcr.io: accepted, it has the manifest"
)]
#[case::ecr(
    "1.dkr.ecr.eu-central-1.amazonaws.com",
    ecr,
    RIGHT,
    None,
    "Ok 1.dkr.ecr.eu-central-1.amazonaws.com: accepted, it lets the credential in, and not anybody; whether an image may be pulled shows when you name one with --registry=repository:tag (seen"
)]
#[case::ecr_ended(
    "1.dkr.ecr.eu-central-1.amazonaws.com",
    ecr,
    WRONG,
    None,
    "rejected with 403 at /v2/; Amazon ECR answers so when the password has ended"
)]
#[case::ecr_may_not_pull(
    "1.dkr.ecr.eu-central-1.amazonaws.com",
    ecr_without_pull,
    RIGHT,
    Some("acme/app:1"),
    "rejected with 403 for the manifest of acme/app:1"
)]
#[case::ecr_public(
    "public.ecr.aws",
    ecr_public,
    RIGHT,
    None,
    "Unchecked public.ecr.aws: unknown, because it gave a token for the credential and an equal one to anybody"
)]
#[case::ecr_public_ended(
    "public.ecr.aws",
    ecr_public,
    WRONG,
    None,
    "Unchecked public.ecr.aws: unknown, because its answer says neither yes nor no (seen: /v2/ for anybody 401, token for anybody 200, /v2/ for anybody 200, token for the credential 200, /v2/ with the credential 400)"
)]
#[case::gitlab("registry.gitlab.com", gitlab, RIGHT, None, "Ok registry.gitlab.com: accepted")]
#[case::gitlab_wrong(
    "registry.gitlab.com",
    gitlab,
    WRONG,
    None,
    "rejected with 401 where its tokens are given; see whether the GitLab token has ended"
)]
#[case::gitlab_unseen(
    "registry.gitlab.com",
    gitlab,
    RIGHT,
    Some("acme/app:1"),
    "Unchecked registry.gitlab.com: unknown, because it answered with no token, as GitLab does"
)]
#[case::gitea_wrong(
    "gitea.test",
    gitea,
    WRONG,
    None,
    "Unchecked gitea.test: unknown, because it gave a token for the credential and an equal one to anybody"
)]
#[case::gitea_wrong_image(
    "gitea.test",
    gitea,
    WRONG,
    Some("acme/app:1"),
    "Wrong gitea.test: rejected with 401 for the manifest"
)]
#[case::gitea_image(
    "gitea.test",
    gitea,
    RIGHT,
    Some("acme/app:1"),
    "Ok gitea.test: accepted, it has the manifest"
)]
#[case::nexus(
    "nexus.test",
    nexus_anonymous,
    WRONG,
    None,
    "Unchecked nexus.test: unknown, because it answers everybody without asking who they are; name an image"
)]
#[case::nexus_image(
    "nexus.test",
    nexus_anonymous,
    WRONG,
    Some("acme/app:1"),
    "Unchecked nexus.test: unknown, because anybody may pull that image"
)]
#[case::artifactory(
    "artifactory.test",
    artifactory,
    RIGHT,
    None,
    "Unchecked artifactory.test: unknown, because it answers everybody"
)]
#[case::artifactory_image(
    "artifactory.test",
    artifactory,
    RIGHT,
    Some("acme/app:1"),
    "Ok artifactory.test: accepted, it has the manifest"
)]
#[case::artifactory_wrong(
    "artifactory.test",
    artifactory,
    WRONG,
    Some("acme/app:1"),
    "Wrong artifactory.test: rejected with 401 for the manifest"
)]
#[case::acr("acme.azurecr.io", acr, RIGHT, None, "Ok acme.azurecr.io: accepted")]
#[case::acr_wrong("acme.azurecr.io", acr, WRONG, None, "Wrong acme.azurecr.io: rejected with 401")]
#[case::busy(
    "quay.io",
    busy,
    RIGHT,
    None,
    "Unchecked quay.io: unknown, because it asks to be left alone for a while (429); try again later"
)]
#[case::busy_with_logins(
    "quay.io",
    busy_with_logins,
    RIGHT,
    None,
    "Unchecked quay.io: unknown, because it asks to be left alone for a while (429)"
)]
#[case::public_behind_basic(
    "registry.test",
    public_behind_basic,
    WRONG,
    Some("acme/app:1"),
    "Unchecked registry.test: unknown, because anybody may pull that image"
)]
#[case::public_behind_tokens(
    "registry.test",
    public_behind_tokens,
    WRONG,
    Some("acme/app:1"),
    "Unchecked registry.test: unknown, because anybody may pull that image"
)]
#[case::tokens_for_images(
    "registry.test",
    tokens_for_images,
    RIGHT,
    None,
    "Unchecked registry.test: unknown, because it gives a token for the credential and refuses it at /v2/"
)]
#[case::tokens_for_images_image(
    "registry.test",
    tokens_for_images,
    RIGHT,
    Some("acme/app:1"),
    "Ok registry.test: accepted, it has the manifest of acme/app:1 for the credential, and not for anybody (seen: /v2/ for anybody 401, token for anybody 403, manifest for anybody 401, token for the credential 200, manifest with the credential 200)"
)]
#[case::no_registry(
    "www.test",
    no_registry,
    RIGHT,
    None,
    "Unchecked www.test: unknown, because there is no registry at /v2/ of that host"
)]
#[tokio::test]
async fn a_registry_is_heard_for_what_it_says(
    #[case] entry: &str,
    #[case] registry: Registry,
    #[case] password: &str,
    #[case] image: Option<&str>,
    #[case] sentence: &str,
) {
    let names = [entry, "registry-1.docker.io", "auth.docker.io", "gitlab.com"];
    let hosts = Hosts::start(&Trusted::new().unwrap(), &names, &[], registry).await.unwrap();
    let findings = registries(&hosts, image, &[]).judge_one(&payload(&[(entry, password)])).await;
    let said = said(&findings);
    assert!(said.len() == 1 && said[0].contains(sentence), "{said:#?}");
    let seen = passwords_seen_by(&hosts);
    let rejected = said[0].starts_with("Wrong");
    // Where the password itself goes with each request, a second one follows when the first was good.
    assert!(seen.len() <= if rejected && !said[0].contains("for the manifest") { 1 } else { 2 }, "{seen:?}");
    let (own, tokens) = match entry {
        "docker.io" => ("registry-1.docker.io:443".to_owned(), "auth.docker.io:443".to_owned()),
        "registry.gitlab.com" => ("registry.gitlab.com:443".to_owned(), "gitlab.com:443".to_owned()),
        other => (format!("{other}:443"), format!("{other}:443")),
    };
    assert!(seen.iter().all(|host| *host == tokens), "{seen:?}");
    assert!(
        hosts.connections().iter().all(|host| *host == own || *host == tokens),
        "{:?}",
        hosts.connections()
    );
    if said[0].contains("left alone") && registry as usize == busy as Registry as usize {
        assert!(seen.is_empty());
    }
}
