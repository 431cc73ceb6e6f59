use rstest::rstest;

use super::*;

const BASIC: &str = r#"Basic realm="Registry""#;
const BEARER: &str =
    r#"Bearer realm="https://registry.test/token",service="s",scope="repository:user/image:pull""#;

fn server() -> Server {
    Server::parse("registry.test").unwrap()
}

fn answer(status: u16, challenge: &str, body: &str) -> Answer {
    Answer { status, challenges: vec![challenge.to_owned()], body: Zeroizing::new(body.as_bytes().to_vec()) }
}

/// Gives the answers in their order, each with a token in it.
fn play(image: Option<&Image>, challenge: &str, statuses: &[u16]) -> (Report, Vec<Ask>) {
    let server = server();
    let mut conversation = Conversation::new(&server, image, &[]);
    let (mut asked, mut statuses) = (Vec::new(), statuses.iter());
    loop {
        match conversation.next() {
            Err(report) => return (report, asked),
            Ok(ask) => {
                let Some(status) = statuses.next() else {
                    return (Report::unknown(Why::OutOfTime), asked);
                };
                asked.push(ask);
                conversation = conversation.hear(&answer(*status, challenge, r#"{"token":"t"}"#));
            }
        }
    }
}

#[rstest]
#[case::let_in(BASIC, &[401, 200], Verdict::Accepted)]
#[case::refused(BASIC, &[401, 401], Verdict::Rejected(Step::Base, 401))]
#[case::ended_at_ecr(BASIC, &[401, 403], Verdict::Rejected(Step::Base, 403))]
#[case::fault(BASIC, &[401, 500], Verdict::Unknown(Why::Status))]
#[case::token_for_nobody_else(BEARER, &[401, 401, 200, 200], Verdict::Accepted)]
#[case::other_token_refused(BEARER, &[401, 200, 401, 200, 200], Verdict::Accepted)]
#[case::tokens_for_all(BEARER, &[401, 200, 200, 200, 200], Verdict::Unknown(Why::OpenTokens))]
#[case::no_token(BEARER, &[401, 401, 403], Verdict::Rejected(Step::Token, 403))]
#[case::no_token_although_all_get_one(BEARER, &[401, 200, 200, 401], Verdict::Rejected(Step::Token, 401))]
#[case::token_for_no_image_refused(BEARER, &[401, 401, 200, 401], Verdict::Unknown(Why::TokenRefused))]
#[case::token_for_no_image_forbidden(BEARER, &[401, 403, 200, 403], Verdict::Unknown(Why::TokenRefused))]
#[case::token_refused_and_anybodys_not(BEARER, &[401, 200, 200, 200, 401], Verdict::Unknown(Why::TokenRefused))]
#[case::no_difference(BEARER, &[401, 200, 401, 200, 401], Verdict::Unknown(Why::NoDifference))]
#[case::ended_at_ecr_public(BEARER, &[401, 200, 200, 200, 400], Verdict::Unknown(Why::Status))]
#[case::token_request_malformed(BEARER, &[401, 401, 400], Verdict::Unknown(Why::Status))]
#[case::busy_before(BEARER, &[401, 429], Verdict::Unknown(Why::Status))]
#[case::busy_now(BEARER, &[401, 401, 429], Verdict::Unknown(Why::Status))]
#[case::open(BEARER, &[200], Verdict::Unknown(Why::Open))]
#[case::elsewhere(BEARER, &[302], Verdict::Unknown(Why::Status))]
#[case::no_registry(BEARER, &[404], Verdict::Unknown(Why::Status))]
fn without_an_image(#[case] challenge: &str, #[case] statuses: &[u16], #[case] verdict: Verdict) {
    let (report, asked) = play(None, challenge, statuses);
    assert_eq!((report.verdict, asked.len()), (verdict, statuses.len()));
}

#[rstest]
#[case::may_pull(BASIC, &[401, 401, 200, 200], Verdict::Accepted)]
#[case::may_not_pull(BASIC, &[401, 401, 200, 403], Verdict::Rejected(Step::Manifest, 403))]
#[case::refused_before(BASIC, &[401, 401, 401], Verdict::Rejected(Step::Base, 401))]
#[case::public_behind_a_login(BASIC, &[401, 200, 200], Verdict::Unknown(Why::PublicImage))]
#[case::public_behind_a_refused_login(BASIC, &[401, 200, 401], Verdict::Rejected(Step::Base, 401))]
#[case::busy_with_anybody(BASIC, &[401, 429], Verdict::Unknown(Why::Status))]
#[case::no_such_image(BASIC, &[401, 404, 200, 404], Verdict::Unknown(Why::NoManifest))]
#[case::private_behind_an_open_base(BASIC, &[200, 401, 200], Verdict::Accepted)]
#[case::refused_behind_an_open_base(BASIC, &[200, 401, 401], Verdict::Rejected(Step::Manifest, 401))]
#[case::public_behind_an_open_base(BASIC, &[200, 200], Verdict::Unknown(Why::PublicImage))]
#[case::token(BEARER, &[401, 200, 401, 200, 200], Verdict::Accepted)]
#[case::token_where_anybody_gets_none(BEARER, &[401, 403, 401, 200, 200], Verdict::Accepted)]
#[case::public_without_a_token(BEARER, &[401, 401, 200, 200, 200], Verdict::Unknown(Why::PublicImage))]
#[case::public_without_a_token_and_refused(BEARER, &[401, 401, 200, 401], Verdict::Rejected(Step::Token, 401))]
#[case::busy_without_a_token(BEARER, &[401, 401, 429], Verdict::Unknown(Why::Status))]
#[case::asked_without_a_token_before(BEARER, &[200, 401, 403, 200, 200], Verdict::Accepted)]
#[case::hidden_from_anybody(BEARER, &[401, 200, 404, 200, 200], Verdict::Accepted)]
#[case::token_of_a_wrong_password(BEARER, &[401, 200, 401, 200, 401], Verdict::Rejected(Step::Manifest, 401))]
#[case::public(BEARER, &[401, 200, 200, 200, 200], Verdict::Unknown(Why::PublicImage))]
#[case::public_and_refused(BEARER, &[401, 200, 200, 401], Verdict::Rejected(Step::Token, 401))]
#[case::no_such_image(BEARER, &[401, 200, 404, 200, 404], Verdict::Unknown(Why::NoManifest))]
#[case::sent_elsewhere(BEARER, &[401, 200, 401, 200, 307], Verdict::Unknown(Why::Status))]
fn with_an_image(#[case] challenge: &str, #[case] statuses: &[u16], #[case] verdict: Verdict) {
    let image: Image = "acme/app:1".parse().unwrap();
    let (report, asked) = play(Some(&image), challenge, statuses);
    assert_eq!((report.verdict, asked.len()), (verdict, statuses.len()));
    assert!(
        asked.iter().all(
            |ask| ask.step != Step::Token || ask.url.as_str().ends_with("repository%3Aacme%2Fapp%3Apull")
        )
    );
}

/// Every order of answers, as far as the conversation goes.
#[rstest]
fn whatever_is_answered(
    #[values(BASIC, BEARER)] challenge: &str,
    #[values(None, Some("acme/app:1"))] image: Option<&str>,
) {
    let image: Option<Image> = image.map(|image| image.parse().unwrap());
    let (mut open, mut judged) = (vec![Vec::new()], 0);
    while let Some(statuses) = open.pop() {
        let (report, asked) = play(image.as_ref(), challenge, &statuses);
        let by_login = |ask: &&Ask| matches!(ask.authorization, Authorization::Login);
        let logins: Vec<u16> =
            asked.iter().zip(&statuses).filter(|(ask, _)| by_login(ask)).map(|(_, status)| *status).collect();
        assert!(
            asked
                .iter()
                .all(|ask| ask.url.host_str() == Some("registry.test") && ask.url.scheme() == "https")
        );
        // What came before the last one with the credential was good, and nothing with it follows a refusal.
        assert!(logins.iter().rev().skip(1).all(|status| *status == 200), "{statuses:?}");
        assert!(asked.len() <= 6, "{statuses:?}");
        if report.verdict == Verdict::Unknown(Why::OutOfTime) {
            open.extend(
                [200, 302, 400, 401, 403, 404, 429, 500].map(|status| [&*statuses, &[status]].concat()),
            );
            continue;
        }
        judged += 1;
        let last = statuses.last().copied();
        match report.verdict {
            Verdict::Accepted => {
                assert_eq!(last, Some(200));
                // The same question was asked by anybody, and refused.
                let step = report.seen.last().unwrap().step;
                let by_anybody =
                    report.seen.iter().filter(|sight| sight.caller == Caller::Anybody && sight.step == step);
                let by_anybody: Vec<u16> = by_anybody.map(|sight| sight.status).collect();
                let refused = |status: &u16| [400, 401, 403, 404].contains(status);
                assert!(!by_anybody.is_empty() && by_anybody.iter().all(refused), "{statuses:?}");
            }
            Verdict::Rejected(step, status) => {
                assert!([401, 403].contains(&status) && last == Some(status), "{statuses:?}");
                let sight = report.seen.last().unwrap();
                assert_eq!((sight.caller, sight.step), (Caller::Login, step));
                // A token that is for no image proves nothing against the credential.
                assert!(challenge == BASIC || step != Step::Base, "{statuses:?}");
            }
            Verdict::Unknown(_) => {}
        }
    }
    assert!(judged > 10, "{judged}");
}

fn malformed() -> Verdict {
    Verdict::Unknown(Why::BadToken("is not JSON as the protocol has it"))
}

#[rstest]
#[case::empty(r#"{"token":""}"#, Verdict::Unknown(Why::NoToken))]
#[case::none("{}", Verdict::Unknown(Why::NoToken))]
#[case::null(r#"{"token":null}"#, Verdict::Unknown(Why::NoToken))]
#[case::other_name(r#"{"access_token":"t"}"#, Verdict::Accepted)]
#[case::both(r#"{"token":"","access_token":"t"}"#, Verdict::Accepted)]
#[case::no_json("<html>", malformed())]
#[case::other_name_beside_null(r#"{"token":null,"access_token":"t"}"#, Verdict::Accepted)]
#[case::blanks_around(" \r\n\t{\"token\":\"t\"}\n", Verdict::Accepted)]
#[case::others_beside(
    r#"{"expires_in":"soon","issued_at":[1],"refresh_token":{},"token":"t"}"#,
    Verdict::Accepted
)]
#[case::number(r#"{"token":1}"#, malformed())]
#[case::list_as_token(r#"{"token":["t"]}"#, malformed())]
#[case::object_as_token(r#"{"token":{"token":"t"}}"#, malformed())]
#[case::twice(r#"{"token":"t","token":"u"}"#, malformed())]
#[case::list("[]", malformed())]
#[case::list_of_fields(r#"["t",null]"#, malformed())]
#[case::list_of_the_other_field(r#"[null,"t"]"#, malformed())]
#[case::list_of_answers(r#"[{"token":"t"}]"#, malformed())]
#[case::text(r#""t""#, malformed())]
#[case::scalar("1", malformed())]
#[case::truth("true", malformed())]
#[case::nothing("null", malformed())]
#[case::no_content("", malformed())]
#[case::cut(r#"{"token":"t""#, malformed())]
#[case::more_behind(r#"{"token":"t"}{"token":"u"}"#, malformed())]
#[case::byte_order_mark("\u{feff}{\"token\":\"t\"}", malformed())]
#[case::bare("token=t&access_token=t", malformed())]
#[case::deep_beside(&format!(r#"{{"x":{}{},"token":"t"}}"#, "[".repeat(1000), "]".repeat(1000)), Verdict::Accepted)]
#[case::half_a_pair(r#"{"token":"\ud800"}"#, malformed())]
#[case::blank(
    r#"{"token":" "}"#,
    Verdict::Unknown(Why::BadToken("holds one with characters that no token has"))
)]
#[case::other_letters(
    r#"{"token":"tökèn"}"#,
    Verdict::Unknown(Why::BadToken("holds one with characters that no token has"))
)]
#[case::line_break(
    r#"{"token":"a\r\nX: y"}"#,
    Verdict::Unknown(Why::BadToken("holds one with characters that no token has"))
)]
#[case::long(&format!(r#"{{"token":"{}"}}"#, "t".repeat(MAX_TOKEN + 1)), Verdict::Unknown(Why::BadToken("holds one of more than 16 KiB")))]
#[case::long_answer(&" ".repeat(MAX_TOKEN_ANSWER + 1), Verdict::Unknown(Why::BadToken("is longer than 64 KiB")))]
fn answers_with_tokens(#[case] body: &str, #[case] verdict: Verdict) {
    let server = server();
    let mut conversation = Conversation::new(&server, None, &[]);
    for (status, body) in [(401, ""), (401, ""), (200, body)] {
        conversation = conversation.hear(&answer(status, BEARER, body));
    }
    if conversation.next().is_ok() {
        conversation = conversation.hear(&answer(200, "", ""));
    }
    assert_eq!(conversation.next().map(|_| ()).unwrap_err().verdict, verdict);
}

#[test]
fn the_scope_of_a_challenge_is_not_taken() {
    let (_, asked) = play(None, BEARER, &[401, 401]);
    assert_eq!(
        asked[1].url.as_str(),
        "https://registry.test/token?service=s&client_id=kubectl-aicore_registry"
    );
}

#[test]
fn what_a_service_is_called_stays_one_parameter() {
    let challenge = r#"Bearer realm="https://registry.test/token?a=b#c",service="s&scope=x#y""#;
    let (_, asked) = play(None, challenge, &[401, 401]);
    assert_eq!(
        asked[1].url.as_str(),
        "https://registry.test/token?a=b&service=s%26scope%3Dx%23y&client_id=kubectl-aicore_registry"
    );
}

#[rstest]
#[case("Negotiate", Why::Challenge(challenge::Unanswerable::OtherScheme))]
#[case("Bearer service=s", Why::Realm(Refused::Missing))]
#[case(r#"Bearer realm="http://registry.test/token""#, Why::Realm(Refused::NotHttps))]
#[case(r#"Basic realm=x, Bearer realm="https://u@registry.test/token""#, Why::Realm(Refused::UserInfo))]
fn nothing_is_sent_to_what_must_not_be_answered(#[case] challenge: &str, #[case] why: Why) {
    let (report, asked) = play(None, challenge, &[401]);
    assert_eq!((report.verdict, asked.len()), (Verdict::Unknown(why), 1));
}
