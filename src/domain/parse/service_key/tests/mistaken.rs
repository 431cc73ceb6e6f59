//! What people store by mistake: each gets a sentence that says what it is.

use super::*;

/// Files and programs that turn names into upper case, or into the case of another language.
#[rstest]
#[case::upper(str::to_uppercase, "\"clientid\" for \"CLIENTID\"")]
#[case::capital(|name: &str| format!("{}{}", name[..1].to_uppercase(), &name[1..]), "\"clientid\" for \"Clientid\"")]
#[case::dashes(|name: &str| name.replace("client", "client-"), "\"clientid\" for \"client-id\"")]
fn names_in_another_spelling(#[case] spelled: fn(&str) -> String, #[case] part: &str) {
    let members = members(with(client_secret_key(), json!({"serviceurls": null, "AI_API_URL": API_URL})));
    let key: serde_json::Map<String, Value> =
        members.iter().map(|(name, value)| (spelled(name), value.clone())).collect();
    let key = Value::Object(key);
    for secret in [flat(&key), file(&key)] {
        let message = refused(&secret);
        assert!(
            message.contains("fields are found by their exact names: write ") && message.contains(part),
            "{message}"
        );
        assert!(!message.contains("c4n4ry"), "{message}");
    }
}

#[test]
fn names_of_the_environment_in_lower_case() {
    let pairs = [
        ("aicore_client_id", CLIENT_ID),
        ("aicore_client_secret", CLIENT_SECRET),
        ("aicore_auth_url", AUTH_URL),
        ("aicore_base_url", API_URL),
    ];
    let message = refused(&secret("aicore-key", None, pairs));
    assert!(message.contains("\"AICORE_CLIENT_ID\" for \"aicore_client_id\""), "{message}");
    assert!(message.contains("\"AICORE_BASE_URL\" for \"aicore_base_url\""), "{message}");
}

/// A whole `.env` file as one value: in quotes, and as a text in JSON.
#[test]
fn an_env_file_as_one_value() {
    let members = [
        ("AICORE_CLIENT_ID", CLIENT_ID),
        ("AICORE_CLIENT_SECRET", CLIENT_SECRET),
        ("AICORE_AUTH_URL", AUTH_URL),
        ("AICORE_BASE_URL", API_URL),
    ];
    let lines = members.map(|(name, value)| format!("{name}=\"{value}\""));
    let plain = members.map(|(name, value)| format!("export {name}={value}"));
    for value in [
        lines.join("\n"),
        plain.join("\r\n"),
        format!("'{}'", plain.join("\n")),
        json!(plain.join("\n")).to_string(),
    ] {
        let message = refused(&secret("aicore-key", None, [("AICORE_SERVICE_KEY", value)]));
        assert!(
            message.contains("the value is a file of environment variables; store each under a key"),
            "{message}"
        );
    }
}

#[rstest]
#[case::path("/var/run/certs/tls.crt", "is the name of a file")]
#[case::der("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA", "is DER in base64")]
#[case::pkcs12("MIIJeQIBAzCCCT8GCSqGSIb3DQEHAaCCCTAEggks", "is a PKCS#12 file")]
fn what_is_no_pem(#[case] value: &str, #[case] part: &str) {
    let message = refused(&file(&with(x509_key(), json!({"certificate": value, "key": value}))));
    assert!(message.contains(&format!("\"certificate\" {part}")), "{message}");
    assert!(message.contains(&format!("\"key\" {part}")), "{message}");
}

#[test]
fn a_binary_certificate() {
    let pairs: [(&str, &[u8]); 6] = [
        ("clientid", CLIENT_ID.as_bytes()),
        ("certificate", &[0x30, 0x82, 0xff, 0xff]),
        ("key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ("certurl", CERT_URL.as_bytes()),
        ("url", AUTH_URL.as_bytes()),
        ("AI_API_URL", API_URL.as_bytes()),
    ];
    let message = refused(&secret("aicore-key", None, pairs));
    assert!(message.contains("\"certificate\" is not text, as DER"), "{message}");
}

/// In double quotes, or none, a shell takes `$` and what follows for a variable.
#[test]
fn a_client_secret_that_a_shell_has_eaten() {
    let key = with(client_secret_key(), json!({"clientsecret": "00000000-0000-0000-0000-00000000abcd"}));
    let message = refused(&file(&key));
    assert!(message.contains("\"clientsecret\" has lost what begins with its $"), "{message}");
}
