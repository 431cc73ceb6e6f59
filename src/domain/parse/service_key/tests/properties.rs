//! What holds for every input.

use proptest::prelude::*;

use super::*;

const CANARY: &str = "c4n4ry";

/// JSON with the names of service keys in arbitrary places, and the canary in every value but hosts.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,3}".prop_map(|text| format!("{CANARY}{text}").into()),
        "(https?://)?(c4n4ry(:c4n4ry)?@)?(x.authentication.eu10|api.ai.a.b.c.ml|x)[.](hana.ondemand.com|test)(:8443)?(/c4n4ry)?([?#]c4n4ry)?"
            .prop_map(Value::from),
        "[A-Z ]{0,12}".prop_map(|label| block(&label, CANARY).into()),
        Just(block("CERTIFICATE", CANARY).into()),
        Just(block("PRIVATE KEY", CANARY).into()),
        Just(client_secret_key().to_string().into()),
        Just(x509_key()),
        "['\"`<{$]{1,2}(c4n4ry|clientid: c4n4ry|AICORE_CLIENT_ID=c4n4ry)['\"`>}]{1,2}".prop_map(Value::from),
        Just(client_secret_key().to_string().replace('"', "'").replace("https", CANARY).into()),
    ];
    let key = prop::sample::select(vec![
        "clientid",
        "clientsecret",
        "url",
        "certificate",
        "key",
        "certurl",
        "serviceurls",
        "AI_API_URL",
        "ML_API_URL",
        "credentials",
        "__raw",
        ".metadata",
        "credentialProperties",
        "container",
        "name",
        "AICORE_CLIENT_ID",
        "AICORE_SERVICE_KEY",
        "AICORE_BASE_URL",
        "",
    ]);
    leaf.prop_recursive(4, 32, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner.clone(), 0..8)
                .prop_map(|members| members.into_iter().collect()),
            inner.prop_map(|json| json.to_string().into()),
        ]
    })
}

fn check_no_leak(secret: &SecretData, key: Option<&str>) -> Result<(), TestCaseError> {
    let shown = match parse(secret, key, &default_hosts()) {
        Ok(key) => {
            let certificate = match key.grant() {
                Grant::X509 { certificate_chain_pem, .. } => certificate_chain_pem.as_str(),
                Grant::ClientSecret(_) => "",
            };
            // Neither the certificate nor the client's name nor a URL's path is secret.
            format!("{:?}", key.grant())
                .replace(&format!("{certificate:?}"), "")
                .replace("/c4n4ry/oauth/token", "")
        }
        Err(invalid) => format!("{invalid} {invalid:?}"),
    };
    prop_assert!(!shown.contains(CANARY), "{}", shown);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn no_json_panics_or_leaks(json in json(), name in "[a-z]{1,3}|clientid|credentials|.metadata|__raw") {
        check_no_leak(&file(&json), None)?;
        check_no_leak(&file(&json), Some("key.json"))?;
        if json.is_object() {
            check_no_leak(&flat(&json), None)?;
            check_no_leak(&flat(&json), Some(&name))?;
        }
    }

    #[test]
    fn a_key_with_arbitrary_members_in_place_of_its_own_neither_panics_nor_leaks(
        changes in prop::collection::btree_map(
            prop::sample::select(vec!["clientid", "clientsecret", "url", "certificate", "key", "certurl", "serviceurls"]),
            json(),
            0..4,
        ),
        certificate in any::<bool>(),
    ) {
        let json = with(if certificate { x509_key() } else { client_secret_key() }, json!(changes));
        check_no_leak(&file(&json), None)?;
        check_no_leak(&flat(&json), None)?;
    }

    #[test]
    fn every_secret_and_client_name_arrives_unchanged(
        client_id in r"[!-~]([ -~]{0,10}[!-~])?",
        client_secret in r"[^\r\n\x{feff}]{0,10}[^\r\n\s\x{feff}]",
    ) {
        prop_assume!(oddity::of_client_id(&client_id).is_none() && oddity::of_secret(&client_secret).is_none());
        let json = with(client_secret_key(), json!({"clientid": client_id, "clientsecret": client_secret}));
        for secret in [file(&json), flat(&json), file(json!(json.to_string())), file(all_text(json.clone()))] {
            let key = read(&secret);
            prop_assert_eq!(key.client_id(), &client_id);
            prop_assert_eq!(key.hmac_key().expose_secret(), &client_secret);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>(), key in prop::option::of("[a-z]{0,2}")) {
        let data = [("clientid", &bytes), ("credentials", &bytes), (".metadata", &bytes), ("a", &bytes)];
        let _ = parse(&secret("s", None, data), key.as_deref(), &default_hosts());
        let _ = parse(&secret("s", None, [("a", &bytes)]), key.as_deref(), &default_hosts());
    }
}
