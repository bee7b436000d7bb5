//! Which URLs a certificate can make anyone fetch.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashMap;

use smime_crypto::{
    Oid,
    asn1::{Tag, Writer},
};
use smime_testkit::{
    Authority, CRL_DISTRIBUTION_POINTS, Profile, TestKey, distribution_points, uri,
};
use smime_x509::{FetchError, Fetcher, WantedUrls, is_public_http_url};

/// A network of given pages.
struct Pages(HashMap<&'static str, Vec<u8>>);

impl Fetcher for Pages {
    fn fetch(&self, url: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
        if !is_public_http_url(url) {
            return Err(FetchError::Refused);
        }
        match self.0.get(url) {
            Some(page) if page.len() > limit => Err(FetchError::TooLarge),
            Some(page) => Ok(page.clone()),
            None => Err(FetchError::Failed("no such page".to_owned())),
        }
    }
}

#[test]
fn urls_on_the_open_internet_may_be_fetched() {
    for url in [
        "http://crl.example.com/a.crl",
        "https://crl.example.com",
        "HTTP://CRL.Example.COM:80/a?b#c",
        "https://crl.example.com:443/a",
        "http://crl.example.com./a",
        "http://8.8.8.8/a",
        "http://[2606:4700::1111]/a",
        "http://[2606:4700::1111]:80/a",
        "http://a_b.example.com/@user:pass",
        "http://xn--bcher-kva.example/",
    ] {
        assert!(is_public_http_url(url), "{url}");
    }
}

/// Attack class 35: a certificate that makes its reader ask inner hosts.
#[test]
fn ssrf_urls_that_lead_inwards_or_deceive_are_refused() {
    for url in [
        "",
        "http://",
        "http:///a",
        "crl.example.com/a",
        "file:///etc/passwd",
        "ftp://crl.example.com/a",
        "gopher://crl.example.com/a",
        "javascript://crl.example.com/a",
        "http:/crl.example.com",
        "http://user@crl.example.com/",
        "http://user:pass@crl.example.com/",
        "http://crl.example.com@127.0.0.1/",
        "http://crl.example.com:8080/",
        "http://crl.example.com:443/",
        "https://crl.example.com:80/",
        "http://crl.example.com:/",
        "http://crl.example.com:0080/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://a.localhost/",
        "http://printer/",
        "http://printer.local/",
        "http://db.internal/",
        "http://router.lan/",
        "http://nas.home.arpa/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://1.2.3.4.5/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.0.1/",
        "http://192.0.0.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001::1]/",
        "http://[2001:db8::1]/",
        "http://[fc00::1]/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[ff02::1]/",
        "http://[2606:4700::1111/",
        "http://[2606:4700::1111]a/",
        "http://crl.example.com\\@127.0.0.1/",
        "http://crl.example.com\r\nHost: a/",
        "http://crl.example.com/a b",
        "http://crl.example.com/\0",
        "http://%31%32%37.0.0.1/",
        "http://crl..example.com/",
        "http://.example.com/",
        "http://bücher.example/",
        "http://①②⑦.0.0.1/",
    ] {
        assert!(!is_public_http_url(url), "{url:?}");
    }
    let long = format!("http://crl.example.com/{}", "a".repeat(2048));
    assert!(!is_public_http_url(&long));
}

/// Attack class 34: LDAP URLs of certificates are filter input for a directory.
#[test]
fn ldap_urls_of_certificates_are_never_wanted() {
    for url in [
        "ldap://ldap.example.com/cn=a?certificateRevocationList",
        "ldap:///cn=*)(uid=*",
        "ldaps://ldap.example.com/",
        "LDAP://ldap.example.com/",
    ] {
        assert!(!is_public_http_url(url), "{url}");
    }
}

#[test]
fn a_certificate_wants_what_it_names_once_and_not_without_end() {
    let mut names = Vec::new();
    names.extend(uri("ldap://ldap.example.com/cn=a"));
    names.extend(uri("http://crl.example.com/a.crl"));
    names.extend(uri("http://crl.example.com/a.crl"));
    names.extend(uri("http://127.0.0.1/a.crl"));
    for number in 0..2000 {
        names.extend(uri(&format!("https://crl.example.com/{number}.crl")));
    }
    let access = |method: &str, url: &str| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(Oid::new(method));
                w.raw(&uri(url));
            });
        })
    };
    let access = [
        access("1.3.6.1.5.5.7.48.1", "http://ocsp.example.com"),
        access("1.3.6.1.5.5.7.48.2", "http://ca.example.com/ca.cer"),
        access("1.3.6.1.5.5.7.48.2", "file:///etc/passwd"),
        access("1.3.6.1.5.5.7.48.9", "http://other.example.com"),
    ];
    let access = Writer::encode(|w| w.element(Tag::SEQUENCE, &access.concat()));
    let root = Authority::root("Root", TestKey::P256A);
    let person = root.person_with("a@example.com", Profile::of(TestKey::P256B), |builder| {
        let points = distribution_points(&names, &[], &[]);
        builder
            .extension(CRL_DISTRIBUTION_POINTS, false, &points)
            .extension(Oid::new("1.3.6.1.5.5.7.1.1"), false, &access)
    });
    let wanted = WantedUrls::of(&person.certificate.view());
    assert_eq!(wanted.crls.len(), 8);
    assert_eq!(wanted.crls[0], "http://crl.example.com/a.crl");
    assert_eq!(wanted.crls[1], "https://crl.example.com/0.crl");
    assert_eq!(wanted.ocsp, ["http://ocsp.example.com"]);
    assert_eq!(wanted.issuers, ["http://ca.example.com/ca.cer"]);
    assert!(wanted.delta_crls.is_empty());
    let none = WantedUrls::of(&root.certificate().view());
    assert_eq!(none, WantedUrls::default());
}

#[test]
fn what_is_fetched_is_bounded() {
    let pages = Pages([("http://crl.example.com/a.crl", vec![0; 10])].into());
    let fetch = |url, limit| pages.fetch(url, limit).map(|page| page.len());
    assert_eq!(fetch("http://crl.example.com/a.crl", 10), Ok(10));
    let codes = [
        fetch("http://crl.example.com/a.crl", 9),
        fetch("http://crl.example.com/b.crl", 9),
        fetch("http://127.0.0.1/a.crl", 9),
    ]
    .map(|it| it.unwrap_err().code());
    assert_eq!(codes, ["fetch.too_large", "fetch.failed", "fetch.refused"]);
}
