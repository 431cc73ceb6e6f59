//! What the registries of this field are known for, each played as it behaves, and what the sentence makes of it.

use rstest::rstest;
use testbed::hosts::Reply;

use super::*;

type Registry = fn(&Request) -> Reply;

fn token(token: &str) -> Reply {
    Reply::json(&json!({ "token": token, "expires_in": 300 }))
}

fn has_scope(request: &Request) -> bool {
    request.target.contains("scope=repository%3Aacme%2Fapp%3Apull")
}

/// The manifest for these tokens, and nobody else.
fn manifest_for(request: &Request, tokens: &[&str], refused: u16) -> Reply {
    assert_eq!((&*request.method, &*request.target), ("HEAD", "/v2/acme/app/manifests/1"));
    assert!(request.header("accept").unwrap().contains("application/vnd.oci.image.index.v1+json"));
    let given = matches!(sender(request), Sender::Token(token) if tokens.contains(&token));
    Reply::status(if given { 200 } else { refused })
}

/// Gives a token without a scope to those who log in alone, and with a scope to everybody.
fn harbor(request: &Request) -> Reply {
    const CHALLENGE: &str = r#"Bearer realm="https://harbor.test/service/token",service="harbor-registry""#;
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Token(_)) => Reply::status(200),
        ("/v2/", _) => Reply::challenge(CHALLENGE),
        (target, who) if target.starts_with("/service/token?") => match who {
            Sender::Right => token(TOKENS[0]),
            Sender::Wrong if has_scope(request) => token(TOKENS[1]),
            Sender::Anybody if has_scope(request) => token(TOKENS[2]),
            _ => Reply::status(401),
        },
        _ => manifest_for(request, &TOKENS[..1], 401),
    }
}

/// Gives a token for any scope to anybody, and none for a wrong password.
fn docker_hub(request: &Request) -> Reply {
    const CHALLENGE: &str = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#;
    match (&*request.host, &*request.target, sender(request)) {
        ("registry-1.docker.io:443", "/v2/", Sender::Token(_)) => Reply::status(200),
        ("registry-1.docker.io:443", "/v2/", _) => Reply::challenge(CHALLENGE),
        ("auth.docker.io:443", target, who) => {
            assert!(target.starts_with("/token?service=registry.docker.io&"), "{target}");
            match who {
                Sender::Anybody => token(TOKENS[2]),
                Sender::Right => token(TOKENS[0]),
                _ => Reply::status(401),
            }
        }
        _ => manifest_for(request, &TOKENS[..1], 401),
    }
}

/// The same, for an image that is public.
fn docker_hub_public(request: &Request) -> Reply {
    if request.target.ends_with("/manifests/1") {
        manifest_for(request, &TOKENS, 401)
    } else {
        docker_hub(request)
    }
}

/// Names a placeholder as the scope, and answers a revoked token with 403, which is worse than none.
fn ghcr(request: &Request) -> Reply {
    const CHALLENGE: &str =
        r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#;
    assert!(!request.target.contains("user%2Fimage"), "{request:?}");
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Token(given)) => Reply::status(if given == TOKENS[0] { 200 } else { 401 }),
        ("/v2/", _) => Reply::challenge(CHALLENGE),
        (target, who) if target.starts_with("/token?") => match who {
            Sender::Anybody => token(TOKENS[2]),
            Sender::Right => token(TOKENS[0]),
            _ => Reply::status(403),
        },
        _ => manifest_for(request, &TOKENS[..1], 403),
    }
}

/// Wants the password itself, and says of one that has ended 403 in plain text.
fn ecr(request: &Request) -> Reply {
    match sender(request) {
        Sender::Anybody => Reply::challenge(
            r#"Basic realm="https://1.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com""#,
        ),
        Sender::Right => Reply::status(200),
        _ => Reply::status(403).body(testbed::hosts::Body::Bytes(
            format!("Your Authorization Token has expired. {WRONG}").into_bytes(),
        )),
    }
}

/// Lets a user log in who may not pull.
fn ecr_without_pull(request: &Request) -> Reply {
    if request.target == "/v2/" { ecr(request) } else { Reply::status(403) }
}

/// Gives a token for a password that has ended, and answers that with 400 and no challenge.
fn ecr_public(request: &Request) -> Reply {
    const CHALLENGE: &str =
        r#"Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws""#;
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Token(given)) => Reply::status(if given == TOKENS[1] { 400 } else { 200 }),
        ("/v2/", _) => Reply::challenge(CHALLENGE),
        (_, Sender::Anybody) => token(TOKENS[2]),
        (_, Sender::Right) => token(TOKENS[0]),
        _ => token(TOKENS[1]),
    }
}

/// Has its tokens elsewhere, and answers with an empty one for what the credential may not see.
fn gitlab(request: &Request) -> Reply {
    const CHALLENGE: &str = r#"Bearer realm="https://gitlab.com/jwt/auth",service="container_registry",scope="registry:catalog:*""#;
    match (&*request.host, sender(request)) {
        ("registry.gitlab.com:443", Sender::Token(_)) => Reply::status(200),
        ("registry.gitlab.com:443", _) => Reply::challenge(CHALLENGE),
        ("gitlab.com:443", Sender::Right) if has_scope(request) => token(""),
        ("gitlab.com:443", Sender::Right) => token(TOKENS[0]),
        ("gitlab.com:443", Sender::Anybody) => Reply::status(403),
        _ => Reply::status(401),
    }
}

/// Logs wrong passwords in as nobody.
fn gitea(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Token(_)) => Reply::status(200),
        ("/v2/", _) => Reply::challenge(
            r#"Bearer realm="https://gitea.test/v2/token",service="container_registry",scope="*""#,
        ),
        (target, Sender::Right) if target.starts_with("/v2/token?") => token(TOKENS[0]),
        (target, _) if target.starts_with("/v2/token?") => token(TOKENS[2]),
        _ => manifest_for(request, &TOKENS[..1], 401),
    }
}

/// Lets everybody pull everything, whatever they send.
fn nexus_anonymous(_: &Request) -> Reply {
    Reply::status(200)
}

/// Answers everybody at /v2/, and not for the images.
fn artifactory(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", _) | (_, Sender::Right) => Reply::status(200),
        _ => Reply::challenge(r#"Basic realm="Artifactory Realm""#).with("WWW-Authenticate", "Negotiate"),
    }
}

/// Calls its token by another name.
fn acr(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Token(_)) => Reply::status(200),
        ("/v2/", _) => Reply::challenge(
            r#"Bearer realm="https://acme.azurecr.io/oauth2/token",service="acme.azurecr.io""#,
        ),
        (_, Sender::Right) => Reply::json(&json!({ "access_token": TOKENS[0] })),
        _ => Reply::status(401),
    }
}

fn busy(_: &Request) -> Reply {
    Reply::status(429).with("Retry-After", "3600")
}

/// Asks for a while to be left alone once it has seen a login.
fn busy_with_logins(request: &Request) -> Reply {
    match sender(request) {
        Sender::Anybody => Reply::challenge("Basic realm=x"),
        _ => Reply::status(429),
    }
}

/// Has the image for everybody, and lets those in at /v2/ alone who send any password.
fn public_behind_basic(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Anybody) => Reply::challenge("Basic realm=x"),
        _ => Reply::status(200),
    }
}

/// The same with tokens, of which anybody is given none.
fn public_behind_tokens(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Anybody) => Reply::challenge(r#"Bearer realm="https://registry.test/token""#),
        (target, Sender::Anybody) if target.starts_with("/token?") => Reply::status(401),
        (target, _) if target.starts_with("/token?") => token(TOKENS[1]),
        _ => Reply::status(200),
    }
}

/// Gives tokens to those who log in alone, and takes them for images alone.
fn tokens_for_images(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", _) => Reply::challenge(r#"Bearer realm="https://registry.test/token""#),
        (target, Sender::Right) if target.starts_with("/token?") => token(TOKENS[0]),
        (target, _) if target.starts_with("/token?") => Reply::status(403),
        _ => manifest_for(request, &TOKENS[..1], 401),
    }
}

fn no_registry(_: &Request) -> Reply {
    Reply::status(404)
}

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
#[case::ghcr("ghcr.io", ghcr, RIGHT, None, "Ok ghcr.io: accepted")]
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
    "Ok 1.dkr.ecr.eu-central-1.amazonaws.com: accepted"
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
