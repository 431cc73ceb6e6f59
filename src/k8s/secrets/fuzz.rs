//! What the API server answers to a GET of a Secret.

use super::*;
use crate::fuzz::{Outcome, Secrets, Syntax, Target, assert_hidden, fuzz};

fn secret_answer_attempt(input: &[u8]) -> Outcome {
    let name = SecretName::parse("spec.secretRef.name", "registry").unwrap();
    match parse(input, "ml", &name) {
        Ok(read) => {
            assert!(read.data.keys().count() <= MAX_KEYS);
            let (keys, bytes) =
                (read.data.keys().count(), read.data.iter().map(|(_, value)| value.len()).sum::<usize>());
            assert!(bytes <= input.len());
            assert_hidden(&format!("{:?}", read.data), || Secrets::of_json(input));
            Outcome::of((
                keys.min(20),
                bytes.checked_ilog2(),
                read.data.is_stale(),
                read.data.type_().is_some(),
            ))
        }
        Err(error) => {
            assert_hidden(&error.to_string(), || Secrets::default().secret(&String::from_utf8_lossy(input)));
            Outcome::of_sentence(&error.to_string())
        }
    }
}

#[test]
fn secret_answers() {
    let dictionary = &[
        "kind",
        "Secret",
        "apiVersion",
        "v1",
        "metadata",
        "name",
        "registry",
        "namespace",
        "ml",
        "resourceVersion",
        "labels",
        "annotations",
        "services.cloud.sap.com/stale",
        "managedFields",
        "kubectl.kubernetes.io/last-applied-configuration",
        "type",
        "Opaque",
        "kubernetes.io/dockerconfigjson",
        "data",
        "stringData",
        ".dockerconfigjson",
        "a1o3cVZ3MlhwOUxtNFRkOA==",
        "=",
        "\\u0041",
    ];
    fuzz(&Target {
        name: "secret_answers",
        short: 2_000,
        syntax: Syntax::Json,
        dictionary,
        attempt: secret_answer_attempt,
    });
}
