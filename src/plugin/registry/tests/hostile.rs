//! Registries that want the credential elsewhere, that do not stop talking, or that do not talk at all.

use std::time::Duration;

use rstest::rstest;
use testbed::hosts::{Body, Reply};

use super::*;

const NAME: &str = "registry.test";
/// For those that never end.
const SHORT: Limits = Limits {
    connect: Duration::from_secs(5),
    request: Duration::from_millis(300),
    total: Duration::from_secs(60),
};

async fn tried(
    limits: Limits,
    script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (String, Hosts) {
    let hosts = Hosts::start(&Trusted::new().unwrap(), &[NAME], &[], script).await.unwrap();
    let registries = Registries::new(http(&hosts, limits).unwrap(), None, Vec::new());
    let said = said(&registries.judge_one(&payload(&[(NAME, RIGHT)])).await);
    assert_eq!(said.len(), 1);
    (said.concat(), hosts)
}

#[rstest]
#[case::other_host("https://evil.test/token", "sent to evil.test, another host than the registry's")]
#[case::other_port("https://registry.test:444/token", "sent to registry.test:444, another host")]
#[case::known_pair_of_another("https://auth.docker.io/token", "sent to auth.docker.io, another host")]
#[case::user_info("https://registry.test@evil.test/token", "with a user name or password in it")]
#[case::address("https://169.254.169.254/token", "is an address and no name")]
#[case::http("http://registry.test/token", "without https")]
#[case::look_alike("https://r\\\u{65}gistry.tes\u{74}.evil.test/token", "another host")]
#[case::this_machine("https://localhost/token", "is this machine")]
#[case::shell_code("https://x;{touch,pwned};/token", "has other characters in its name")]
#[tokio::test]
async fn the_credential_goes_nowhere_else(#[case] realm: &'static str, #[case] part: &str) {
    let (said, hosts) = tried(Limits::default(), move |_| {
        Reply::challenge(&format!("Bearer realm=\"{realm}\",service=\"s\""))
    })
    .await;
    assert!(said.contains(part) && said.contains("the credential was not sent"), "{said}");
    assert!(!said.contains("pwned"), "{said}");
    assert_eq!((hosts.journal().len(), hosts.connections()), (1, vec!["registry.test:443".to_owned()]));
}

#[tokio::test]
async fn the_user_says_which_host_gives_the_tokens_of_a_registry() {
    let script = |request: &Request| match (&*request.host, sender(request)) {
        ("gitlab.test:443", Sender::Right) => Reply::json(&json!({ "token": TOKENS[0] })),
        ("registry.test:443", Sender::Token(_)) => Reply::status(200),
        ("registry.test:443", _) => Reply::challenge(r#"Bearer realm="https://gitlab.test/jwt/auth""#),
        _ => Reply::status(401),
    };
    let hosts = Hosts::start(&Trusted::new().unwrap(), &[NAME, "gitlab.test"], &[], script).await.unwrap();
    let credential = payload(&[(NAME, RIGHT)]);
    let for_another = ["other.test=gitlab.test"];
    let refused = said(&registries(&hosts, None, &for_another).judge_one(&credential).await);
    assert!(refused[0].contains("--registry-token-host=registry.test=gitlab.test"), "{refused:?}");
    assert!(passwords_seen_by(&hosts).is_empty());
    let accepted =
        said(&registries(&hosts, None, &["registry.test=gitlab.test"]).judge_one(&credential).await);
    assert!(accepted[0].starts_with("Ok registry.test: accepted"), "{accepted:?}");
    assert_eq!(passwords_seen_by(&hosts), ["gitlab.test:443"]);
}

/// Wherever it is answered with a redirect, that is the end.
#[rstest]
#[case::base(0)]
#[case::token_for_anybody(1)]
#[case::token(2)]
#[case::answer(3)]
#[tokio::test]
async fn no_redirect_is_followed(#[case] step: usize) {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (said, hosts) = tried(Limits::default(), move |request| {
        if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == step {
            return Reply::status(307).with("Location", "https://evil.test/v2/");
        }
        match (&*request.target, sender(request)) {
            ("/v2/", _) => Reply::challenge(r#"Bearer realm="https://registry.test/token""#),
            (_, Sender::Right) => Reply::json(&json!({ "token": TOKENS[0] })),
            _ => Reply::status(401),
        }
    })
    .await;
    assert!(
        said.contains("unknown, because it sends its callers elsewhere") && !said.contains("evil"),
        "{said}"
    );
    assert!(hosts.connections().iter().all(|host| host == "registry.test:443"));
    assert_eq!(hosts.journal().len(), step + 1);
}

fn base_with(header: impl Fn(Reply) -> Reply) -> Reply {
    header(Reply::status(401))
}

#[tokio::test]
async fn ten_thousand_challenges_are_no_more_than_a_few() {
    let line = format!("{}Basic realm=x", "Negotiate, ".repeat(10_000));
    let (said, hosts) = tried(Limits::default(), move |_| Reply::challenge(&line)).await;
    assert!(said.contains("unknown, because"), "{said}");
    assert_eq!(hosts.journal().len(), 1);
    let (said, hosts) = tried(Limits::default(), |_| {
        base_with(|reply| (0..10_000).fold(reply, |reply, _| reply.with("WWW-Authenticate", "Basic realm=x")))
    })
    .await;
    assert!(said.contains("breaks off or is not one of HTTP"), "{said}");
    assert_eq!(hosts.journal().len(), 1);
}

#[tokio::test]
async fn a_head_without_end_is_not_read() {
    let (said, hosts) =
        tried(Limits::default(), |_| Reply::status(401).with("X", &"x".repeat(8 << 20))).await;
    assert!(said.contains("breaks off or is not one of HTTP"), "{said}");
    assert_eq!(hosts.journal().len(), 1);
}

/// With a body of that kind in each of its answers.
async fn with_bodies(limits: Limits, body: Body, status: u16) -> String {
    let (said, hosts) = tried(limits, move |request| {
        let reply = match (&*request.target, sender(request)) {
            ("/v2/", _) => Reply::challenge(r#"Bearer realm="https://registry.test/token""#),
            (_, Sender::Right) => Reply::status(status),
            _ => Reply::status(401),
        };
        reply.body(body.clone())
    })
    .await;
    assert_eq!(passwords_seen_by(&hosts), ["registry.test:443"]);
    said
}

#[tokio::test]
async fn of_large_bodies_no_more_is_read_than_a_token_takes() {
    let said = with_bodies(Limits::default(), Body::Large(1 << 30), 200).await;
    assert!(said.contains("unknown, because the answer with its token is longer than 64 KiB"), "{said}");
    let said = with_bodies(Limits::default(), Body::Large(1 << 30), 401).await;
    assert!(said.contains("rejected with 401"), "{said}");
}

#[tokio::test]
async fn a_token_that_trickles_is_not_waited_for() {
    let said = with_bodies(SHORT, Body::Trickle, 200).await;
    assert!(
        said.contains("unknown, because registry.test has not answered") && said.contains("within 0.3 s"),
        "{said}"
    );
}

#[tokio::test]
async fn a_registry_that_says_nothing_is_not_waited_for() {
    let (said, hosts) = tried(SHORT, |_| Reply::status(401).body(Body::Silence)).await;
    assert!(said.contains("unknown, because registry.test has not answered"), "{said}");
    assert_eq!(hosts.journal().len(), 1);
}

#[tokio::test]
async fn all_registries_together_have_an_end() {
    let names: Vec<String> = (0..20).map(|number| format!("r{number}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let silent = |_: &Request| Reply::status(401).body(Body::Silence);
    let hosts = Hosts::start(&Trusted::new().unwrap(), &names, &[], silent).await.unwrap();
    let limits = Limits { total: Duration::from_millis(300), ..Limits::default() };
    let registries = Registries::new(http(&hosts, limits).unwrap(), None, Vec::new());
    let credential = payload(&names.iter().map(|name| (*name, RIGHT)).collect::<Vec<_>>());
    let said = said(&registries.judge_one(&credential).await);
    assert_eq!(said.len(), 20);
    assert!(said.iter().all(|line| line.contains("unknown, there was no time left for it")), "{said:#?}");
    assert!(hosts.connections().len() <= AT_A_TIME, "{:?}", hosts.connections());
}

#[tokio::test]
async fn a_certificate_of_another_name_or_authority_is_refused() {
    let trusted = Trusted::new().unwrap();
    let hosts = Hosts::start(&trusted, &["other.test"], &[], |_| Reply::status(200)).await.unwrap();
    let said_of = |findings: Vec<Finding>| said(&findings).concat();
    let said = said_of(registries(&hosts, None, &[]).judge_one(&payload(&[(NAME, RIGHT)])).await);
    assert!(said.contains("the TLS certificate of registry.test is for another host name"), "{said}");
    let strange = Hosts::start(&Trusted::new().unwrap(), &[NAME], &[], |_| Reply::status(200)).await.unwrap();
    let proxies = Proxies::from_environment(|name| (name == "HTTPS_PROXY").then(|| strange.proxy())).unwrap();
    let http = Http::new(Some(hosts.authority_pem().as_bytes()), proxies, Limits::default()).unwrap();
    let registries = Registries::new(http, None, Vec::new());
    let said = said_of(registries.judge_one(&payload(&[(NAME, RIGHT)])).await);
    let expected = "the TLS certificate of registry.test is signed by an authority that is not trusted; where a private authority has \
                    signed it, name that in --ca-bundle";
    assert!(said.contains(expected), "{said}");
    assert!(hosts.journal().is_empty() && strange.journal().is_empty());
}

/// In every place where it can say something.
#[tokio::test]
async fn a_password_that_is_sent_back_is_not_shown() {
    let (said, _) = tried(Limits::default(), |request| {
        let echo = format!("{RIGHT} {} \u{1b}[2J", request.header("authorization").unwrap_or_default());
        let echo: String = echo.chars().filter(|character| !character.is_control()).collect();
        match (&*request.target, sender(request)) {
            ("/v2/", _) => Reply::challenge(r#"Bearer realm="https://registry.test/token""#),
            _ => Reply::status(if sender(request) == Sender::Right { 403 } else { 401 }),
        }
        .with("X-Error", &echo)
        .body(Body::Bytes(echo.into_bytes()))
    })
    .await;
    assert!(said.contains("rejected with 403"), "{said}");
}
