use rstest::rstest;

use super::*;

fn refused(server: Server, status: u16) -> Error {
    Error::Refused(Refusal {
        server,
        host: "api.example".to_owned(),
        status,
        details: ErrorDetails::default(),
        retry_after: None,
    })
}

#[rstest]
#[case(Server::Api, 401, Reason::AuthenticationFailed)]
#[case(Server::Api, 403, Reason::Forbidden)]
#[case(Server::Api, 400, Reason::RemoteRejected)]
#[case(Server::Api, 302, Reason::RemoteRejected)]
#[case(Server::Api, 404, Reason::RemoteRejected)]
#[case(Server::Api, 408, Reason::RemoteUnavailable)]
#[case(Server::Api, 425, Reason::RemoteUnavailable)]
#[case(Server::Api, 429, Reason::RateLimited)]
#[case(Server::Api, 500, Reason::RemoteUnavailable)]
#[case(Server::Api, 503, Reason::RemoteUnavailable)]
#[case(Server::Authorization, 400, Reason::AuthenticationFailed)]
#[case(Server::Authorization, 401, Reason::AuthenticationFailed)]
#[case(Server::Authorization, 403, Reason::AuthenticationFailed)]
#[case(Server::Authorization, 404, Reason::AuthenticationFailed)]
#[case(Server::Authorization, 302, Reason::RemoteRejected)]
#[case(Server::Authorization, 405, Reason::RemoteRejected)]
#[case(Server::Authorization, 408, Reason::RemoteUnavailable)]
#[case(Server::Authorization, 429, Reason::RateLimited)]
#[case(Server::Authorization, 502, Reason::RemoteUnavailable)]
fn statuses_have_reasons(#[case] server: Server, #[case] status: u16, #[case] reason: Reason) {
    assert_eq!(refused(server, status).reason(), reason);
}

#[test]
fn sentences_name_host_status_code_and_cure() {
    let mut error = refused(Server::Api, 401);
    if let Error::Refused(refusal) = &mut error {
        refusal.details = ErrorDetails {
            code: Some("01010076".to_owned()),
            request_id: Some("r-1".to_owned()),
            message: Message::Clean("token expired".to_owned()),
        };
    }
    assert_eq!(
        error.failure("Secret \"aicore-key\"", false).message,
        "AI Core at api.example answered HTTP 401 (error code 01010076, request id r-1): token expired; renew the \
         service key in Secret \"aicore-key\", the operator tries again when it changes, and at least every 15 minutes"
    );
    assert_eq!(error.failure("Secret \"aicore-key\"", false).request_id.as_deref(), Some("r-1"));
    if let Error::Refused(refusal) = &mut error {
        refusal.details.message = Message::Withheld;
    }
    assert_eq!(
        error.to_string(),
        "AI Core at api.example answered HTTP 401 (error code 01010076, request id r-1); its message is withheld because \
         it may quote the credential"
    );
    let quota = Error::QuotaExceeded { used: 50, limit: 50 };
    assert!(quota.failure("Secret \"k\"", true).message.contains("50 of 50 used"));
}

/// A client id may be plain words, and stand in any of the fields.
#[test]
fn who_uses_a_shared_key_is_not_told_what_the_authorization_server_says_of_it() {
    let details = || ErrorDetails {
        code: Some("sb-client".to_owned()),
        request_id: Some("r-1".to_owned()),
        message: Message::Clean("No client with requested id: sb-client".to_owned()),
    };
    let refusal = |server| {
        Error::Refused(Refusal {
            server,
            host: "host.example".to_owned(),
            status: 401,
            details: details(),
            retry_after: Some(Duration::from_secs(20)),
        })
    };
    let failure =
        refusal(Server::Authorization).without_words_about_the_key().failure("AICoreTenant \"big\"", false);
    assert_eq!(
        failure.message,
        "The authorization server host.example answered HTTP 401 (request id r-1); renew the service key in AICoreTenant \"big\", \
         the operator tries again when it changes, and at least every 15 minutes"
    );
    assert_eq!(failure.retry_after, Some(Duration::from_secs(20)));
    let instead = Error::UnreadableToken {
        host: "host.example".to_owned(),
        cause: WithoutToken::ErrorInstead(details()),
    };
    let message = instead.without_words_about_the_key().message("AICoreTenant \"big\"");
    assert!(!message.contains("sb-client") && message.contains("an error instead of a token"), "{message}");
    // What AI Core says is about the secret.
    assert_eq!(refusal(Server::Api).without_words_about_the_key(), refusal(Server::Api));
}

#[rstest]
#[case(None, "; the operator tries again by itself")]
#[case(Some(20), "; the operator tries again by itself, in 1 min or later")]
#[case(Some(61), "; the operator tries again by itself, in 2 min or later")]
#[case(Some(86_400), "; the operator tries again by itself, in 60 min or later")]
fn a_server_that_asks_for_time_is_quoted_in_minutes(#[case] seconds: Option<u64>, #[case] end: &str) {
    let mut error = refused(Server::Api, 429);
    if let Error::Refused(refusal) = &mut error {
        refusal.retry_after = seconds.map(Duration::from_secs);
    }
    let message = error.failure("Secret \"key\"", false).message;
    assert!(message.ends_with(&format!("HTTP 429{end}")), "{message}");
}

/// What a service key that leads nowhere looks like: the subaccount is gone, or its subdomain has another name.
#[test]
fn a_token_endpoint_that_is_not_there_points_to_the_url_of_the_service_key() {
    let message = refused(Server::Authorization, 404).failure("Secret \"aicore-key\"", false).message;
    assert!(
        message.contains("HTTP 404") && message.contains("its \"url\"") && message.contains("aicore-key"),
        "{message}"
    );
    let message = refused(Server::Authorization, 302).failure("Secret \"aicore-key\"", false).message;
    assert!(message.contains("check \"url\"") && message.contains("aicore-key"), "{message}");
}

#[test]
fn hosts_are_named_with_their_role_and_keep_their_case() {
    let host = || "tenant.authentication.example".to_owned();
    for (error, sentence) in [
        (
            Error::Unreachable {
                server: Server::Authorization,
                host: host(),
                proxy: None,
                cause: "its name cannot be resolved".to_owned(),
            },
            "The authorization server tenant.authentication.example could not be reached: its name cannot be resolved",
        ),
        (
            Error::Unreachable {
                server: Server::Api,
                host: host(),
                proxy: Some("http://127.0.0.1:3128 (HTTPS_PROXY)".to_owned()),
                cause: "Connection refused".to_owned(),
            },
            "AI Core at tenant.authentication.example could not be reached through the proxy http://127.0.0.1:3128 \
             (HTTPS_PROXY): Connection refused",
        ),
        (
            Error::Silent { server: Server::Api, host: host(), limit: Duration::from_secs(15) },
            "AI Core at tenant.authentication.example did not answer within 15 s",
        ),
        (
            Error::Silent { server: Server::Api, host: host(), limit: Duration::from_millis(1500) },
            "AI Core at tenant.authentication.example did not answer within 1500 ms",
        ),
        (
            Error::UnreadableToken { host: host(), cause: WithoutToken::Form("it is not JSON") },
            "The authorization server tenant.authentication.example answered the token request with something that is not an \
             OAuth 2.0 access token: it is not JSON",
        ),
    ] {
        let message = error.failure("Secret \"key\"", false).message;
        assert_eq!(message, format!("{sentence}; the operator tries again by itself"));
    }
}

#[rstest]
#[case(302, true)]
#[case(400, true)]
#[case(401, true)]
#[case(403, true)]
#[case(404, true)]
#[case(405, true)]
#[case(410, true)]
#[case(422, true)]
#[case(408, false)]
#[case(425, false)]
#[case(429, false)]
#[case(500, false)]
#[case(503, false)]
fn what_no_other_try_mends_is_final(#[case] status: u16, #[case] last: bool) {
    assert_eq!(refused(Server::Authorization, status).is_final(), last);
    assert!(!refused(Server::Api, status).is_final(), "the API is asked with each resource's own content");
}

#[rstest]
#[case(
    ClientCertificate::Until(None),
    Some("it was revoked"),
    "the authorization server a.example refused the client certificate of the AI Core service key in the TLS handshake: it \
     was revoked"
)]
#[case(
    ClientCertificate::Until(Some(Timestamp::UNIX_EPOCH)),
    Some("its issuer is not known there"),
    "the authorization server a.example refused the client certificate of the AI Core service key, which is valid until \
     1970-01-01T00:00:00Z, in the TLS handshake: its issuer is not known there"
)]
#[case(
    ClientCertificate::Ended(Timestamp::UNIX_EPOCH),
    None,
    "the client certificate of the AI Core service key ended on 1970-01-01T00:00:00Z, and the authorization server a.example \
     gives no token for it"
)]
#[case(
    ClientCertificate::None,
    None,
    "the authorization server a.example asks for a client certificate in the TLS handshake, and the AI Core service key has \
     a client secret"
)]
fn a_refused_certificate_is_a_matter_of_the_service_key(
    #[case] certificate: ClientCertificate,
    #[case] why: Option<&'static str>,
    #[case] sentence: &str,
) {
    let error = Error::CertificateRefused { host: "a.example".to_owned(), certificate, why };
    assert_eq!(error.to_string(), sentence);
    assert_eq!(error.reason(), Reason::AuthenticationFailed);
    assert!(error.is_final());
    assert!(
        error
            .failure("Secret \"aicore-key\"", false)
            .message
            .contains("renew the service key in Secret \"aicore-key\"")
    );
}
