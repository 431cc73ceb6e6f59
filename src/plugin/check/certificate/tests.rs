use base64::{Engine, engine::general_purpose::STANDARD};

use super::not_after;

/// Public certificates, whose keys were thrown away: the first ends in a `UTCTime`, the second in a `GeneralizedTime`.
pub(in crate::plugin::check) const UNTIL_2027: &str = "\
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

#[test]
fn reads_the_end_in_both_forms() {
    assert_eq!(not_after(UNTIL_2027), "2027-12-31T23:59:59Z".parse().ok());
    assert_eq!(not_after(UNTIL_2060), "2060-01-02T03:04:05Z".parse().ok());
    // Of a chain, the first is the client's own.
    assert_eq!(not_after(&format!("{UNTIL_2060}{UNTIL_2027}")), "2060-01-02T03:04:05Z".parse().ok());
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
    let base64: String = UNTIL_2027.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).unwrap();
    let end = not_after(UNTIL_2027);
    let read = |der: &[u8]| {
        let base64 = STANDARD.encode(der);
        not_after(&format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n"))
    };
    assert_eq!(read(&der), end);
    for place in 0..der.len() {
        // The outermost length does not fit any more.
        assert_eq!(read(&der[..place]), None);
        for damage in [0x00, 0x7f, 0x80, 0x84, 0x88, 0xff] {
            let mut der = der.clone();
            der[place] = damage;
            let _ = read(&der);
        }
    }
}
