use rstest::rstest;

use super::*;

#[test]
fn the_vocabulary_is_in_order_and_spells_nothing() {
    let words: Vec<&str> = include_str!("../vocabulary.txt").split_ascii_whitespace().collect();
    assert!(words.is_sorted_by(|a, b| a < b), "sorted, each word once");
    let spelled = [
        "zero",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "latin",
        "capital",
        "letter",
        "digit",
        "ampersand",
        "asterisk",
        "comma",
        "dot",
        "dash",
        "plus",
        "minus",
        "hash sign",
        "percent",
        "dollar",
        "parenthesis",
        "bracket",
    ];
    for word in spelled {
        assert!(!WORDS.contains(word), "{word}");
    }
    let plain = |word: &&str| (2..=20).contains(&word.len()) || ["a", "i"].contains(word);
    assert!(words.iter().all(plain), "{:?}", words.iter().find(|word| !plain(word)));
}

#[rstest]
#[case("Bad credentials")]
#[case("Application is not found")]
#[case("quota exceeded")]
#[case("The quota is exceeded (50 of 50 used).")]
#[case("Jwt issuer is not configured")]
#[case("Jwt is expired")]
#[case("RBAC: access denied")]
#[case("secret name invalid")]
#[case("no healthy upstream")]
#[case("upstream connect error or disconnect/reset before headers. reset reason: connection termination")]
#[case("An HTML page with the title \"404 Not Found\"")]
#[case("Secret doesn't exist")]
#[case("body.name: field required; requestId is missing")]
#[case("UNAUTHORIZED: authentication required")]
#[case("invalid_client: unsupported grant_type 'client_credentials'")]
#[case("Connection refused (os error 111)")]
#[case("failed to lookup address information: Name or service not known")]
#[case("failed to lookup address information: Temporary failure in name resolution")]
#[case("connection closed before message completed")]
#[case("operation timed out")]
#[case("no answer in time")]
#[case("Connection reset by peer (os error 104)")]
fn what_servers_and_libraries_say_is_plain(#[case] text: &str) {
    assert!(is_plain(text), "{text}");
}

#[rstest]
#[case::a_value("conflict: stored is Kp7tZq-wSecretPass-9xLm2")]
#[case::a_part("conflict: stored is Kp7")]
#[case::decimal("112 55 116")]
#[case::decimal_with_signs("112.55;116")]
#[case::hex("70 6b 7a")]
#[case::octal("od 164 132 161")]
#[case::binary("1110000 0110111")]
#[case::letters_apart("K p t Z q w S e c r e t")]
#[case::signs("!?.,;:")]
#[case::signs_apart("! ? . , ; :")]
#[case::other_signs("#$%")]
#[case::named_letters("\\N{LATIN SMALL LETTER K}")]
#[case::named_signs("commercial at number sign dollar sign percent sign")]
#[case::named_numbers("seven two nine four")]
#[case::full_width("Ｐａｓｓ")]
#[case::mathematical("𝖯𝖺𝗌𝗌")]
#[case::mojibake("Ã¤Ã„")]
#[case::decomposed("Pa\u{308}ss")]
#[case::letters_of_another_script("расс")]
#[case::case_as_bits("seCRet naME")]
#[case::letters_and_digits("password1")]
fn what_may_be_a_value_is_not_plain(#[case] text: &str) {
    assert!(!is_plain(text), "{text}");
}

#[rstest]
#[case("01010076", true)]
#[case("invalid_client", true)]
#[case("unauthorized", true)]
#[case("UNAUTHORIZED", true)]
#[case("BadRequest", true)]
#[case("oauth.v2.InvalidApiKey", true)]
#[case("ERR-1234", true)]
#[case("404", true)]
#[case("Kp7tZ", false)]
#[case("cretP", false)]
#[case("112-55-116-90", false)]
#[case("112551169", false)]
#[case("a-b-C-d", false)]
fn codes_are_words_and_a_number(#[case] text: &str, #[case] code: bool) {
    assert_eq!(is_code(text), code, "{text}");
}

#[rstest]
#[case("2f1c8a52-93d4-4c7e-8b1f-0a9d6e5c4b3a", true)]
#[case("2F1C8A52-93D4-4C7E-8B1F-0A9D6E5C4B3A", true)]
#[case("4bf92f3577b34da6a3ce929d0e0e4736", true)]
#[case("cretP", false)]
#[case("17", false)]
#[case("4b703774-5a71-2d77-5365-637265745061", false)]
#[case("4b7037745a712d775365637265745061", false)]
#[case("112-55-116-90-113-45-119-83-101", false)]
#[case("2f1c8a52-93d4-4c7e-8b1f-0a9d6e5c4b3g", false)]
#[case("2f1c8a52--93d4-4c7e-8b1f-0a9d6e5c4b3", false)]
fn ids_are_random_bytes(#[case] text: &str, #[case] id: bool) {
    assert_eq!(is_id(text), id, "{text}");
}
