use super::*;

/// A Secret for the tests of this and the neighbouring modules.
pub(crate) fn secret<V: AsRef<[u8]>>(
    name: &str,
    type_: Option<&str>,
    data: impl IntoIterator<Item = (&'static str, V)>,
) -> SecretData {
    let data = data
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Zeroizing::new(value.as_ref().to_vec())))
        .collect();
    SecretData::new(name, type_.map(str::to_owned), false, data)
}

#[test]
fn debug_shows_keys_and_no_values() {
    let shown = format!("{:?}", secret("reg", Some("Opaque"), [("password", "s3cr3t"), ("user", "me")]));
    assert_eq!(
        shown,
        r#"SecretData { name: "reg", holder: Secret, type_: Some("Opaque"), stale: false, keys: ["password", "user"] }"#
    );
}

#[test]
fn gives_back_what_it_was_made_of() {
    let made = secret("reg", Some("Opaque"), [("b", "2"), ("a", "1")]);
    assert_eq!((made.name(), made.type_(), made.is_stale()), ("reg", Some("Opaque"), false));
    assert_eq!(made.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(made.iter().collect::<Vec<_>>(), [("a", b"1".as_slice()), ("b", b"2")]);
    assert_eq!(made.value("b"), Some(b"2".as_slice()));
    assert_eq!(made.value("c"), None);
    assert!(SecretData::new("reg", None, true, BTreeMap::new()).is_stale());
}

#[test]
fn says_where_something_is_wrong() {
    let made = secret("re\ng", None, [("a", "1")]);
    assert_eq!(made.invalid("it is bad").to_string(), r#"Secret "re\ng": it is bad."#);
    assert_eq!(made.invalid_key("a", "it is bad").to_string(), r#"Secret "re\ng", key "a": it is bad."#);
    assert_eq!(made.keys_in_words(), r#"it has the key "a""#);
    assert_eq!(secret("r", None, [("a", ""), ("b", "")]).keys_in_words(), r#"it has the keys "a" and "b""#);
    assert_eq!(secret::<&str>("r", None, []).keys_in_words(), "it is empty");
}

#[test]
fn a_file_is_called_by_its_name_and_has_no_keys() {
    let file = SecretData::of_file("a/config.json", "Opaque", "key", Zeroizing::new(b"x".to_vec()));
    assert_eq!(file.value("key"), Some(&b"x"[..]));
    assert_eq!(file.title(), "a/config.json");
    assert_eq!(file.invalid("it is wrong").to_string(), "a/config.json: it is wrong.");
    assert_eq!(file.invalid_key("key", "it is wrong").to_string(), "a/config.json: it is wrong.");
}
