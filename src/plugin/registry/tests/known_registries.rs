//! The registries of this field, each as it behaves.

use testbed::hosts::{Body, Reply};

use super::*;

pub(super) fn token(token: &str) -> Reply {
    Reply::json(&json!({ "token": token, "expires_in": 300 }))
}

pub(super) fn has_scope(request: &Request) -> bool {
    request.target.contains("scope=repository%3Aacme%2Fapp%3Apull")
}

/// The manifest for these tokens, and nobody else.
pub(super) fn manifest_for(request: &Request, tokens: &[&str], refused: u16) -> Reply {
    assert_eq!((&*request.method, &*request.target), ("HEAD", "/v2/acme/app/manifests/1"));
    assert!(request.header("accept").unwrap().contains("application/vnd.oci.image.index.v1+json"));
    let given = matches!(sender(request), Sender::Token(token) if tokens.contains(&token));
    Reply::status(if given { 200 } else { refused })
}

/// Gives a token without a scope to those who log in alone, and with a scope to everybody.
pub(super) fn harbor(request: &Request) -> Reply {
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
pub(super) fn docker_hub(request: &Request) -> Reply {
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
pub(super) fn docker_hub_public(request: &Request) -> Reply {
    if request.target.ends_with("/manifests/1") {
        manifest_for(request, &TOKENS, 401)
    } else {
        docker_hub(request)
    }
}

/// Names a placeholder as the scope, and answers a revoked token with 403, which is worse than none.
pub(super) fn ghcr(request: &Request) -> Reply {
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
pub(super) fn ecr(request: &Request) -> Reply {
    match sender(request) {
        Sender::Anybody => Reply::challenge(
            r#"Basic realm="https://1.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com""#,
        ),
        Sender::Right => Reply::status(200),
        _ => Reply::status(403)
            .body(Body::Bytes(format!("Your Authorization Token has expired. {WRONG}").into_bytes())),
    }
}

/// Lets a user log in who may not pull.
pub(super) fn ecr_without_pull(request: &Request) -> Reply {
    if request.target == "/v2/" { ecr(request) } else { Reply::status(403) }
}

/// Gives a token for a password that has ended, and answers that with 400 and no challenge.
pub(super) fn ecr_public(request: &Request) -> Reply {
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
pub(super) fn gitlab(request: &Request) -> Reply {
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
pub(super) fn gitea(request: &Request) -> Reply {
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
pub(super) fn nexus_anonymous(_: &Request) -> Reply {
    Reply::status(200)
}

/// Answers everybody at /v2/, and not for the images.
pub(super) fn artifactory(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", _) | (_, Sender::Right) => Reply::status(200),
        _ => Reply::challenge(r#"Basic realm="Artifactory Realm""#).with("WWW-Authenticate", "Negotiate"),
    }
}

/// Calls its token by another name.
pub(super) fn acr(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Token(_)) => Reply::status(200),
        ("/v2/", _) => Reply::challenge(
            r#"Bearer realm="https://acme.azurecr.io/oauth2/token",service="acme.azurecr.io""#,
        ),
        (_, Sender::Right) => Reply::json(&json!({ "access_token": TOKENS[0] })),
        _ => Reply::status(401),
    }
}

pub(super) fn busy(_: &Request) -> Reply {
    Reply::status(429).with("Retry-After", "3600")
}

/// Asks for a while to be left alone once it has seen a login.
pub(super) fn busy_with_logins(request: &Request) -> Reply {
    match sender(request) {
        Sender::Anybody => Reply::challenge("Basic realm=x"),
        _ => Reply::status(429),
    }
}

/// Has the image for everybody, and lets those in at /v2/ alone who send any password.
pub(super) fn public_behind_basic(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Anybody) => Reply::challenge("Basic realm=x"),
        _ => Reply::status(200),
    }
}

/// The same with tokens, of which anybody is given none.
pub(super) fn public_behind_tokens(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Anybody) => Reply::challenge(r#"Bearer realm="https://registry.test/token""#),
        (target, Sender::Anybody) if target.starts_with("/token?") => Reply::status(401),
        (target, _) if target.starts_with("/token?") => token(TOKENS[1]),
        _ => Reply::status(200),
    }
}

/// Gives tokens to those who log in alone, and takes them for images alone.
pub(super) fn tokens_for_images(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", _) => Reply::challenge(r#"Bearer realm="https://registry.test/token""#),
        (target, Sender::Right) if target.starts_with("/token?") => token(TOKENS[0]),
        (target, _) if target.starts_with("/token?") => Reply::status(403),
        _ => manifest_for(request, &TOKENS[..1], 401),
    }
}

/// Gives a token for any password, which opens nothing but `/v2/`, and to anonymous callers none.
pub(super) fn tokens_for_any_login(request: &Request) -> Reply {
    match (&*request.target, sender(request)) {
        ("/v2/", Sender::Token(_)) => Reply::status(200),
        ("/v2/", _) => Reply::challenge(r#"Bearer realm="https://registry.test/token""#),
        (target, Sender::Right) if target.starts_with("/token?") => token(TOKENS[0]),
        (target, Sender::Wrong) if target.starts_with("/token?") => token(TOKENS[1]),
        (target, _) if target.starts_with("/token?") => Reply::status(401),
        _ => manifest_for(request, &TOKENS[..1], 401),
    }
}

pub(super) fn no_registry(_: &Request) -> Reply {
    Reply::status(404)
}
