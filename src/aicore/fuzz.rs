//! What servers answer: when to come again, and why something was refused.

use std::{sync::LazyLock, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use jiff::Timestamp;
use regex::Regex;

use super::{
    error_details::{ErrorDetails, Message, UncheckedDetails},
    redact::{SHOWN, Sent},
    retry_after,
};
use crate::{
    domain::{parse::docker_config::Payload, testing::a_payload_for},
    fuzz::{Outcome, Syntax, Target, fuzz},
};

/// Each line is a header.
fn retry_after_attempt(input: &[u8]) -> Outcome {
    let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n').take(20) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(RETRY_AFTER, value);
        }
    }
    let wait = retry_after::longest(&headers, now);
    assert_ne!(wait, Some(Duration::ZERO), "no wait says nothing");
    // Plain seconds are never missed.
    let plain = headers.iter().filter_map(|(_, value)| value.to_str().ok()?.trim().parse::<u64>().ok());
    let plain = plain.filter(|_| input.iter().all(|byte| *byte != b'+')).max().unwrap_or_default();
    assert!(wait.unwrap_or_default() >= Duration::from_secs(plain), "{wait:?} of {plain} s");
    let later = retry_after::longest(&headers, now.checked_add(Duration::from_secs(1)).unwrap());
    assert!(later.unwrap_or_default() <= wait.unwrap_or_default(), "an hour that has come is no longer wait");
    Outcome::of((
        headers.len(),
        wait.map(|wait| wait.as_secs().checked_ilog2()),
        wait.map(|wait| wait.subsec_nanos() > 0),
    ))
}

/// Passwords, a token and a client secret: of letters and digits, of what encoders treat in their own ways, and of words.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.c4NaRy0fTh3K3yB1";
const CLIENT_SECRET: &str = "Rb5!nH3$yGt6&uJ1=";
const PASSWORDS: [&str; 3] = ["kZ7qVw2Xp9Lm4Td8", "Kp&7<t>Z\u{e4}\"q/w 9!x~Lm2", "horse-staple-battery"];
const WIDTH: usize = 6;

/// What a text may stand for, found in another way than the product finds it: each encoding undone by itself, and twice.
fn readings(text: &str) -> Vec<String> {
    let once = decoded(text);
    let twice: Vec<String> = once.iter().flat_map(|text| decoded(text)).collect();
    once.into_iter().chain(twice).chain([text.to_owned()]).collect()
}

fn decoded(text: &str) -> Vec<String> {
    thread_local! {
        static ESCAPES: [Regex; 4] = [
            r"%([0-9A-Fa-f]{2})",
            r"\\x([0-9A-Fa-f]{2})",
            r"\\u([0-9A-Fa-f]{4})",
            r"&#x([0-9A-Fa-f]{1,6});",
        ]
        .map(|pattern| Regex::new(pattern).unwrap());
        static BASE64: Regex = Regex::new("[A-Za-z0-9+/]{8,}").unwrap();
    }
    let mut texts = ESCAPES.with(|escapes| {
        let undone = |escape: &Regex| {
            let undo = |found: &regex::Captures<'_>| {
                u32::from_str_radix(&found[1], 16)
                    .ok()
                    .and_then(char::from_u32)
                    .map_or(String::new(), String::from)
            };
            escape.is_match(text).then(|| escape.replace_all(text, undo).into_owned())
        };
        escapes.iter().filter_map(undone).collect::<Vec<_>>()
    });
    BASE64.with(|base64| {
        for run in base64.find_iter(text) {
            let run = run.as_str();
            for start in 0..4_usize.min(run.len()) {
                let digits = &run[start..start + (run.len() - start) / 4 * 4];
                texts.extend(
                    STANDARD.decode(digits).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
                );
            }
        }
    });
    texts
}

/// Nothing of the secrets is in what is shown, in upper or lower case, and no sign that a terminal or an eye would not show.
fn assert_nothing_of_it(shown: &str) {
    assert!(!shown.contains(char::is_control), "{shown:?}");
    let readings: Vec<String> = readings(shown).into_iter().map(|text| text.to_lowercase()).collect();
    let token = TOKEN.split('.').next_back().unwrap();
    for secret in PASSWORDS.iter().chain([&token, &CLIENT_SECRET]) {
        let secret: Vec<char> = secret.to_lowercase().chars().collect();
        for part in secret.windows(WIDTH) {
            let part: String = part.iter().collect();
            let found = readings.iter().find(|text| text.contains(&part));
            assert!(found.is_none(), "{part:?} is in {shown:?}, which stands for {found:?}");
        }
    }
}

fn refusal_attempt(input: &[u8]) -> Outcome {
    static PAYLOAD: LazyLock<Payload> = LazyLock::new(|| {
        a_payload_for(&[
            ("ghcr.io", "robot", PASSWORDS[0]),
            ("quay.io", "me", PASSWORDS[1]),
            ("docker.io", "you", PASSWORDS[2]),
        ])
    });
    let sent =
        Sent { secrets: &[TOKEN, CLIENT_SECRET], names: &["pull", "sb-client"], payload: Some(&PAYLOAD) };
    let ErrorDetails { code, request_id, message } = UncheckedDetails::parse(input).checked(&sent);
    [&code, &request_id].into_iter().flatten().for_each(|sign| {
        assert!(sign.len() <= 48, "{sign}");
        assert_nothing_of_it(sign);
    });
    if let Message::Clean(text) = &message {
        assert!(text.chars().count() <= SHOWN + 1, "{text}");
        assert_nothing_of_it(text);
    }
    let kind = match &message {
        Message::None => 0,
        Message::Withheld => 1,
        Message::Clean(text) => 2 + text.split(' ').count().min(30),
    };
    Outcome::of((code.is_some(), request_id.is_some(), kind))
}

#[test]
fn an_encoded_part_of_a_secret_is_recognised() {
    assert_nothing_of_it("the registry credential is not accepted");
    for shown in [
        "is Q2kZ7qVwX wrong",
        "KZ7QVW",
        "%6bZ7%71Vw",
        "\\u006bZ7\\x71Vw2X",
        "a1o3cVZ3MlhwOUxtNFRkOA==",
        "horse-s",
    ] {
        assert!(std::panic::catch_unwind(|| assert_nothing_of_it(shown)).is_err(), "{shown}");
    }
}

#[test]
fn retry_after() {
    let dictionary = &[
        "120",
        "0",
        "-5",
        "+5",
        "1.5",
        "18446744073709551616",
        "Sun, 01 Mar 2026 10:00:30 GMT",
        "Sunday, 01-Mar-26 10:00:30 GMT",
        "2026-03-01 10:01:00",
        "9999-12-31 23:59:59",
        "-009999-01-01",
        "GMT",
        "UTC",
        "+2359",
        "(comment)",
        " ",
        "\n",
        "\t",
        "60",
        "24:00:00",
        "29 Feb",
    ];
    fuzz(&Target {
        name: "retry_after",
        short: 2_000,
        syntax: Syntax::Bytes,
        dictionary,
        attempt: retry_after_attempt,
    });
}

#[test]
fn refusals() {
    let dictionary = &[
        "error",
        "message",
        "code",
        "requestId",
        "details",
        "error_description",
        "fault",
        "faultstring",
        "errors",
        "loc",
        "msg",
        "<html><title>",
        "</title>",
        "the password is wrong: ",
        "invalid credential",
        "request",
        "not",
        "kZ7qVw2Xp9Lm4Td8",
        "kZ7qVw",
        "9Lm4Td8",
        "a1o3cVZ3MlhwOUxtNFRkOA==",
        "cm9ib3Q6a1o3cVZ3MlhwOUxtNFRkOA",
        "%6bZ7qVw2Xp",
        "\\u006bZ7qVw2Xp",
        "6b5a377156773258",
        "k-Z-7-q-V-w-2-X",
        "107 90 55 113 86 119 50",
        "Kp&7<t>Z\u{e4}\"q/w 9!x~Lm2",
        "Kp&amp;7&lt;t&gt;Z&auml;&quot;q/w",
        "Kp%267%3Ct%3EZ%C3%A4",
        "horse-staple-battery",
        "horse staple battery",
        "staple",
        "battery",
        "c4NaRy0fTh3K3yB1",
        "Rb5!nH3$yGt6&uJ1=",
        "robot:kZ7q",
        "pull",
        "sb-client",
        "\u{200b}",
        "=\r\n",
    ];
    fuzz(&Target {
        name: "refusals",
        short: 200,
        syntax: Syntax::Json,
        dictionary,
        attempt: refusal_attempt,
    });
}
