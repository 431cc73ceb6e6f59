use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::parse::certificate::tests::{LEAF, MIDDLE, ROOT};

/// A PEM block with `bytes` characters of base64.
pub(crate) fn block(label: &str, base64: &str) -> String {
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

#[test]
fn well_formed_text_stays_as_it_is() {
    let first = block("CERTIFICATE", &format!("{}\n{}", "A".repeat(64), "B".repeat(64)));
    let chain = format!("{first}{}", block("CERTIFICATE", "ab+/c9=="));
    assert_eq!(certificate_chain(&chain).as_deref(), Ok(chain.as_str()));
}

#[rstest]
#[case::literal(r"-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n")]
#[case::literal_crlf(r"-----BEGIN CERTIFICATE-----\r\nAAAA\r\nBBBB\r\n-----END CERTIFICATE-----")]
#[case::crlf("-----BEGIN CERTIFICATE-----\r\nAAAA\r\nBBBB\r\n-----END CERTIFICATE-----\r\n")]
#[case::blanks("-----BEGIN CERTIFICATE----- AAAA BBBB -----END CERTIFICATE-----")]
#[case::text_around("subject=x\n-----BEGIN CERTIFICATE-----\nAAAABBBB\n-----END CERTIFICATE-----\nmore")]
fn lost_line_breaks_are_repaired(#[case] text: &str) {
    assert_eq!(certificate_chain(text).as_deref(), Ok(block("CERTIFICATE", "AAAABBBB").as_str()));
}

#[test]
fn lines_have_64_characters() {
    let long = certificate_chain(&block("CERTIFICATE", &"A".repeat(129))).unwrap();
    let lengths: Vec<_> = long.lines().map(str::len).collect();
    assert_eq!(lengths, [27, 64, 64, 1, 25]);
}

#[rstest]
#[case::pkcs8("PRIVATE KEY")]
#[case::pkcs1("RSA PRIVATE KEY")]
#[case::sec1("EC PRIVATE KEY")]
fn private_keys_of_each_kind(#[case] label: &str) {
    let key = block(label, "AAAA");
    assert_eq!(private_key(&key).map(|key| key.to_string()), Ok(key.clone()));
    let after_parameters = format!("{}{key}", block("EC PARAMETERS", "BBBB"));
    assert_eq!(private_key(&after_parameters).map(|key| key.to_string()), Ok(key));
}

#[test]
fn a_key_among_certificates_does_not_travel_with_them() {
    let text = format!("{}{}", block("PRIVATE KEY", "AAAA"), block("CERTIFICATE", "BBBB"));
    assert_eq!(certificate_chain(&text), Ok(block("CERTIFICATE", "BBBB")));
    assert_eq!(private_key(&text).map(|key| key.to_string()), Ok(block("PRIVATE KEY", "AAAA")));
}

#[rstest]
#[case::path("/etc/ssl/tls.crt", Malformed::FileName)]
#[case::name("client.PEM\n", Malformed::FileName)]
#[case::pfx("C:\\keys\\client.pfx", Malformed::FileName)]
#[case::der("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA", Malformed::Der)]
#[case::der_in_lines("MIIBIjANBgkqhkiG9w0B\r\nAQEFAAOCAQ8AMIIBCgKC", Malformed::Der)]
#[case::short_der("MAA=", Malformed::Der)]
#[case::pkcs12("MIIJeQIBAzCCCT8GCSqGSIb3DQEHAaCCCTAEggks", Malformed::Pkcs12)]
#[case::pkcs12_without_length("MIACAQMwgAYJKoZIhvcNAQcB", Malformed::Pkcs12)]
#[case::encoded_twice("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", Malformed::EncodedTwice)]
fn other_forms_are_called_what_they_are(#[case] text: &str, #[case] expected: Malformed) {
    assert_eq!(certificate_chain(text).as_ref(), Err(&expected));
    assert_eq!(private_key(text).map(drop).as_ref(), Err(&expected));
    assert!(expected.to_string().contains("store "), "{expected}");
}

#[rstest]
#[case::nothing("", Malformed::NoPrivateKey)]
#[case::base64_only("AAAA", Malformed::NoPrivateKey)]
#[case::certificate("-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----", Malformed::CertificateForKey)]
#[case::public("-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----", Malformed::PublicKey)]
#[case::openssh(
    "-----BEGIN OPENSSH PRIVATE KEY-----AAAA-----END OPENSSH PRIVATE KEY-----",
    Malformed::OpenSsh
)]
#[case::twice_encoded("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t", Malformed::EncodedTwice)]
#[case::two_keys(&format!("{}{}", block("PRIVATE KEY", "AAAA"), block("PRIVATE KEY", "BBBB")), Malformed::SeveralPrivateKeys)]
#[case::large(&"A".repeat(64 * 1024 + 1), Malformed::TooLarge)]
#[case::many(&block("EC PARAMETERS", "AAAA").repeat(17), Malformed::TooLarge)]
#[case::pkcs8_encrypted(
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
    Malformed::Encrypted
)]
#[case::pkcs1_encrypted(
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END RSA PRIVATE KEY-----",
    Malformed::Encrypted
)]
#[case::header(
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\n\nAAAA\n-----END RSA PRIVATE KEY-----",
    Malformed::Damaged
)]
#[case::word("-----BEGIN PRIVATE KEY-----\nENCRYPTED!\n-----END PRIVATE KEY-----", Malformed::Damaged)]
#[case::cut_off("-----BEGIN PRIVATE KEY-----\nAAAA", Malformed::Damaged)]
#[case::cut_in_the_marker("-----BEGIN PRIVATE KEY", Malformed::Damaged)]
#[case::wrong_end("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", Malformed::Damaged)]
#[case::empty_body("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----", Malformed::Damaged)]
#[case::not_base64("-----BEGIN PRIVATE KEY-----\nAA*A\n-----END PRIVATE KEY-----", Malformed::Damaged)]
fn says_what_is_wrong_with_a_key(#[case] text: &str, #[case] malformed: Malformed) {
    assert_eq!(private_key(text).map(|key| key.to_string()), Err(malformed));
}

#[test]
fn says_what_is_wrong_with_a_certificate() {
    assert_eq!(certificate_chain(&block("PRIVATE KEY", "AAAA")), Err(Malformed::KeyForCertificate));
    assert_eq!(
        certificate_chain(&block("CERTIFICATE REQUEST", "AAAA")),
        Err(Malformed::RequestForCertificate)
    );
    assert_eq!(certificate_chain("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"), Err(Malformed::EncodedTwice));
    assert_eq!(certificate_chain("MIIB"), Err(Malformed::NoCertificate));
    assert_eq!(certificate_chain(&block("CERTIFICATE", "AAAA").repeat(17)), Err(Malformed::TooLarge));
    assert!(certificate_chain(&block("CERTIFICATE", "AAAA").repeat(16)).is_ok());
    assert_eq!(certificate_chain(&block("CERTIFICATE", "A:A")), Err(Malformed::Damaged));
    assert_eq!(
        Malformed::NoCertificate.to_string(),
        "has no PEM block that begins with -----BEGIN CERTIFICATE-----"
    );
}

#[test]
fn a_chain_is_put_in_order() {
    let sorted = format!("{LEAF}{MIDDLE}{ROOT}");
    assert_eq!(certificate_chain(&sorted).as_ref(), Ok(&sorted));
    assert_eq!(certificate_chain(&format!("{ROOT}{MIDDLE}{LEAF}")).as_ref(), Ok(&sorted));
    assert_eq!(certificate_chain(&format!("{MIDDLE}\nsubject=x\n{LEAF}")), Ok(format!("{LEAF}{MIDDLE}")));
    // Nothing follows from these: they stay as they are.
    let unrelated = format!("{ROOT}{LEAF}");
    assert_eq!(certificate_chain(&unrelated), Ok(unrelated));
}

#[test]
fn a_key_that_occurs_twice_is_one() {
    let key = block("PRIVATE KEY", "AAAA");
    assert_eq!(private_key(&key.repeat(2)).map(|key| key.to_string()), Ok(key));
}

proptest! {
    #[test]
    fn no_text_panics(text in r"(-----(BEGIN|END) [A-Z ]{0,3}-----|-----|\\n|[A-Za-z ü\n]{0,5}){0,12}") {
        let _ = (certificate_chain(&text), private_key(&text));
    }

    #[test]
    fn the_form_of_line_breaks_does_not_matter(body in "[A-Za-z0-9+/]{1,200}={0,2}", width in 1_usize..80) {
        let lines: Vec<_> = body.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let plain = certificate_chain(&block("CERTIFICATE", &body)).unwrap();
        let real = certificate_chain(&block("CERTIFICATE", &lines.join("\n"))).unwrap();
        let literal = certificate_chain(&block("CERTIFICATE", &lines.join("\\n"))).unwrap();
        prop_assert_eq!(&real, &plain);
        prop_assert_eq!(&literal, &plain);
        prop_assert_eq!(certificate_chain(&plain).unwrap(), plain);
    }
}
