use rstest::rstest;

use super::*;
use crate::domain::parse::pem;

/// Public certificates, whose keys were thrown away: the first ends in a `UTCTime`, the second in a `GeneralizedTime`.
pub(crate) const UNTIL_2027: &str = "\
-----BEGIN CERTIFICATE-----
MIIBDDCBsgIBATAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdleGFtcGxlMB4XDTI0
MDEwMTAwMDAwMFoXDTI3MTIzMTIzNTk1OVowEjEQMA4GA1UEAwwHZXhhbXBsZTBZ
MBMGByqGSM49AgEGCCqGSM49AwEHA0IABGnUm9qIBs4SQyyJYLXyRkGJPse/+KQr
C+zmIECoO+QflzxpRNF91VSBPrsVfuIA61oHX2YRI00452COIIpuIxMwCgYIKoZI
zj0EAwIDSQAwRgIhAO9wMmNrzB5nLzLUp+la3lOqGHMkZJj+IsooBfMHTR6WAiEA
iZ4k6KH4SnJQ+Qe4pWI+KEWKMRZ98D+BMwG37JT7qHE=
-----END CERTIFICATE-----
";
const UNTIL_2060: &str = "\
-----BEGIN CERTIFICATE-----
MIIBDTCBtAIBAjAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdleGFtcGxlMCAXDTI0
MDEwMTAwMDAwMFoYDzIwNjAwMTAyMDMwNDA1WjASMRAwDgYDVQQDDAdleGFtcGxl
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEadSb2ogGzhJDLIlgtfJGQYk+x7/4
pCsL7OYgQKg75B+XPGlE0X3VVIE+uxV+4gDrWgdfZhEjTTjnYI4gim4jEzAKBggq
hkjOPQQDAgNIADBFAiEAl+IGTBvkcBZF5MWiR/pBI4ad7QZNY287I4SXnHhGhaEC
IGGlKRy0Uy6x1evKEo1sU0HgKim644hKJGwNzQOu6FE5
-----END CERTIFICATE-----
";

/// A chain: the client's own, valid in February 2026, its issuer, and the issuer of that.
pub(crate) const LEAF: &str = "\
-----BEGIN CERTIFICATE-----
MIIBGjCBwQIUFXf0L9xYMdWeYVSCIAa6RaetDI0wCgYIKoZIzj0EAwIwETEPMA0G
A1UEAwwGbWlkZGxlMB4XDTI2MDIwMTAwMDAwMFoXDTI2MDMwMTAwMDAwMFowDzEN
MAsGA1UEAwwEbGVhZjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFkQ7BSrNRPI
sj4rKRC9vnjJsFu25t0N1DMrtsorpbGiRQj6i1MTW/cwKXgZ3b2HSVmCZqisFzH0
0Ly9rf+A+z0wCgYIKoZIzj0EAwIDSAAwRQIhAO51b0ML1aSg+DgeVv8FMLkTyPjR
+wxZoQrzwLYSd+2JAiAeYYu11lXIjPIT0ircEQLrxi7i1kvvTuVQHjfGfQ/dWg==
-----END CERTIFICATE-----
";
pub(crate) const MIDDLE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBGjCBwQIUHjhEaHbqJTXY05gOpVfv6vWSy0YwCgYIKoZIzj0EAwIwDzENMAsG
A1UEAwwEcm9vdDAeFw0yNDAxMDEwMDAwMDBaFw0zNTAxMDEwMDAwMDBaMBExDzAN
BgNVBAMMBm1pZGRsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABD4wYGIsj2La
0JzeLegzD2Jun6bYGX+2nPNV6aTsI0dfZC93ke/rcrmat36RIOOcj4Pxm0siUaN+
3xboQ6/aeRwwCgYIKoZIzj0EAwIDSAAwRQIhAMvCA0vdkRofiyaZRlF3UbKtSDYr
VDD99o9aE3YGYKU3AiAgtcHu+joVCn33jb0bjgAisVwxz3S0h4QdV0zRK/tNdw==
-----END CERTIFICATE-----
";
pub(crate) const ROOT: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFzCBvwIUSl/v2Gqs2rljFtgF1jRWXrKY/+MwCgYIKoZIzj0EAwIwDzENMAsG
A1UEAwwEcm9vdDAeFw0yNDAxMDEwMDAwMDBaFw00MDAxMDEwMDAwMDBaMA8xDTAL
BgNVBAMMBHJvb3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASzEjV/vmx8Y+KF
aEkMNi0EJeO+GUMWbJ5nX5bNQRfhx4Q9cOoJMVIguRxR7hWEcnUPRu336MBqeQjm
7r5IIJo0MAoGCCqGSM49BAMCA0cAMEQCIFlkHhu093Z2SrysozKTG4ILe1px6fbs
PPVw7wvnUHteAiBhywZkUPA03nghaD9KN5ez02KGZFPD8Dd4dDrX++6V6Q==
-----END CERTIFICATE-----
";

fn not_after(pem: &str) -> Option<Timestamp> {
    Certificate::read(&pem::der(pem)?).map(|certificate| certificate.validity.not_after)
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

#[test]
fn reads_the_end_in_both_forms() {
    assert_eq!(not_after(UNTIL_2027), Some(at("2027-12-31T23:59:59Z")));
    assert_eq!(not_after(UNTIL_2060), Some(at("2060-01-02T03:04:05Z")));
    // Of a chain, the first is the client's own.
    assert_eq!(not_after(&format!("{UNTIL_2060}{UNTIL_2027}")), Some(at("2060-01-02T03:04:05Z")));
}

#[test]
fn what_is_no_certificate_has_no_end() {
    assert_eq!(not_after("a certificate"), None);
    assert_eq!(not_after("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), None);
}

/// A certificate that ends anywhere too early has an end of its validity or none, and is no reason to panic; so are wrong
/// lengths.
#[test]
fn damaged_certificates_are_borne() {
    let der = pem::der(UNTIL_2027).unwrap();
    assert!(Certificate::read(&der).is_some());
    for place in 0..der.len() {
        // The outermost length does not fit any more.
        assert!(Certificate::read(&der[..place]).is_none());
        for damage in [0x00, 0x7f, 0x80, 0x84, 0x88, 0xff] {
            let mut der = der.clone();
            der[place] = damage;
            let _ = Certificate::read(&der);
        }
    }
}

#[rstest]
#[case::before("2026-01-31T23:59:59Z", Some(OutOfDate::NotYet(at("2026-02-01T00:00:00Z"))))]
#[case::first_second("2026-02-01T00:00:00Z", None)]
#[case::last_second("2026-03-01T00:00:00Z", None)]
#[case::after("2026-03-01T00:00:01Z", Some(OutOfDate::Ended(at("2026-03-01T00:00:00Z"))))]
fn a_certificate_is_valid_from_its_begin_to_its_end(
    #[case] now: &str,
    #[case] out_of_date: Option<OutOfDate>,
) {
    let der = pem::der(LEAF).unwrap();
    assert_eq!(Certificate::read(&der).unwrap().validity.out_of_date(at(now)), out_of_date);
}

#[test]
fn it_is_told_with_its_secret_date_and_cure() {
    assert_eq!(
        OutOfDate::Ended(at("2026-03-01T00:00:00Z")).in_words("Secret \"key\""),
        "The client certificate of the service key in Secret \"key\" ended on 2026-03-01T00:00:00Z; create a new service \
         key or binding, and store it in its place"
    );
    assert_eq!(
        OutOfDate::NotYet(at("2026-03-01T00:00:00Z")).in_words("Secret \"key\""),
        "The client certificate of the service key in Secret \"key\" is valid from 2026-03-01T00:00:00Z on; wait until then, \
         or see whether the clock of this machine is right"
    );
}

#[rstest]
#[case(&[LEAF], Some(vec![0]))]
#[case(&[ROOT], Some(vec![0]))]
#[case(&[LEAF, MIDDLE, ROOT], Some(vec![0, 1, 2]))]
#[case(&[ROOT, MIDDLE, LEAF], Some(vec![2, 1, 0]))]
#[case(&[MIDDLE, LEAF], Some(vec![1, 0]))]
#[case(&[MIDDLE, ROOT, LEAF], Some(vec![2, 0, 1]))]
#[case::two_that_are_not_related(&[LEAF, UNTIL_2060], None)]
#[case::one_is_missing(&[ROOT, LEAF], None)]
#[case::twice_the_same(&[LEAF, LEAF], None)]
#[case::issuer_twice(&[LEAF, MIDDLE, MIDDLE], None)]
fn the_order_follows_from_the_issuers(#[case] chain: &[&str], #[case] places: Option<Vec<usize>>) {
    let ders: Vec<_> = chain.iter().map(|pem| pem::der(pem).unwrap()).collect();
    let read: Vec<_> = ders.iter().map(|der| Certificate::read(der).unwrap()).collect();
    assert_eq!(order(&read), places);
}
