use proptest::prelude::*;
use rstest::rstest;

use super::*;

#[rstest]
#[case("")]
#[case(" \t")]
#[case("shard")]
#[case("!shard")]
#[case("! shard")]
#[case("shard=a")]
#[case("shard == a , team!=b")]
#[case("shard=")]
#[case("shard=,team!=")]
#[case("shard in (a,b)")]
#[case("shard notin(a, b ,c)")]
#[case("shard in ()")]
#[case("shard in (,)")]
#[case("shard in (a,)")]
#[case("shard in (,a)")]
#[case("shard in (a,,b)")]
#[case("in in (in,notin)")]
#[case("notin")]
#[case("size>5,size<10")]
#[case("example.com/shard=A_b.c-9")]
fn what_the_api_server_takes_is_right(#[case] text: &str) {
    assert_eq!(check(text), Ok(()));
}

#[rstest]
#[case("shard in", "it ends where ( is expected")]
#[case("shard in a", "\"a\" stands where ( is expected")]
#[case("shard in (a", "it ends where a comma or ) is expected")]
#[case("shard in (a b)", "\"b\" stands where a comma or ) is expected")]
#[case("shard=a b", "\"b\" stands where a comma or the end is expected")]
#[case("shard=a,", "it ends where a label's key is expected")]
#[case(",shard", "\",\" stands where a label's key is expected")]
#[case("=a", "\"=\" stands where")]
#[case("!shard=a", "\"=\" stands where a comma or the end is expected")]
#[case("!!shard", "\"!\" stands where")]
#[case("shard=(a)", "\"(\" stands where a value is expected")]
#[case("shard===a", "\"=\" stands where a value")]
#[case("size>=5", "\"=\" stands where a value")]
#[case("size>five", "\"five\" after > is not an integer")]
#[case("size>", "\"\" after > is not an integer")]
#[case("size>99999999999999999999", "is not an integer")]
#[case("shard In (a)", "\"In\" stands where =, ==,")]
#[case("team/x/y=a", "is not a label's key")]
#[case("/x=a", "the part before the / must be a DNS name")]
#[case("Team/x=a", "the part before the / must be a DNS name")]
#[case("team/=a", "its name is empty")]
#[case("-x", "letter or digit at both ends")]
#[case("x=-1", "\"-1\" is not a label's value")]
#[case("x={{ .Values.shard }}", "\"{{\" is not a label's value")]
#[case("x=\"a\"", "is not a label's value")]
#[case("x=ä", "is not a label's value")]
#[case("x=a;y=b", "\"a;y\" is not a label's value")]
fn what_it_refuses_gets_a_phrase(#[case] text: &str, #[case] part: &str) {
    let phrase = check(text).unwrap_err().to_string();
    assert!(phrase.contains(part), "{phrase}");
}

#[test]
fn lengths_are_those_of_labels() {
    let long = |length| "a".repeat(length);
    assert_eq!(check(&format!("{}={}", long(63), long(63))), Ok(()));
    assert!(check(&long(64)).unwrap_err().to_string().contains("longer than 63"));
    assert!(check(&format!("x={}", long(64))).unwrap_err().to_string().contains("longer than 63"));
    assert_eq!(check(&format!("{}/x", [long(63), long(63), long(63), long(61)].join("."))), Ok(()));
    assert!(check(&format!("{}/x", [long(63), long(63), long(63), long(62)].join("."))).is_err());
    assert!(check(&vec!["x"; 3000].join(",")).unwrap_err().to_string().contains("at most 4096"));
}

proptest! {
    #[test]
    fn whatever_comes_ends(text in "[a-z!=<>(), /\"\u{0}ä-]{0,24}|\\PC*") {
        let _ = check(&text);
    }
}
