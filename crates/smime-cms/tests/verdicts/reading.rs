//! What is read as a signed message, and what of it.

use smime_cms::{Error, Object, Outcome, SignedMessage, Verdict, read};
use smime_crypto::{Oid, asn1::Tag};
use smime_io::{Limits, Source};
use smime_testkit::{Profile, TestKey, flips, truncations};

use crate::forge::{DATA, Forger, content_info, issuer_serial};
use crate::{CONTENT, Court, alice, honest, message, root, sent, try_message};

#[test]
fn what_is_not_signed_data_is_not_read_as_such() {
    let other = content_info(Oid::new("1.2.840.113549.1.7.6"), |w| w.small(0));
    let error = read(Source::from_bytes(other), &Limits::default()).unwrap_err();
    assert_eq!(error.code(), "cms.unknown_content_type");
    let certificate = alice().certificate.der();
    for bytes in [
        &b""[..],
        b"\r\n",
        b"-----BEGIN CMS-----",
        certificate,
        &[0x30, 0x80],
    ] {
        let error = read(Source::from_bytes(bytes), &Limits::default()).unwrap_err();
        assert_eq!(error.code(), "cms.malformed");
    }
}

#[test]
fn what_follows_the_object_never_reaches_the_content() {
    let der = [&honest()[..], b"\r\n-- \r\nlist footer\r\n"].concat();
    match Court::new().judge(message(&der)).unwrap() {
        Outcome::Verified(verified) => {
            assert_eq!(
                verified.content().read_to_vec("test", 1000).unwrap(),
                CONTENT
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn certificates_that_cannot_be_read_are_passed_over() {
    let info = Forger::honest(alice(), CONTENT).sign(CONTENT);
    let own = alice().certificate.der();
    for junk in [&[0x30, 0][..], &[0xa1, 2, 0x05, 0], &[0x30, 3, 0x02, 1, 7]] {
        let der = content_info(crate::forge::SIGNED_DATA, |w| {
            w.small(1);
            w.set_of(Tag::SET, Vec::new());
            w.sequence(|w| {
                w.oid(DATA);
                w.constructed(Tag::context_constructed(0), |w| w.octet_string(CONTENT));
            });
            w.element(Tag::context_constructed(0), &[junk, own].concat());
            w.element(Tag::SET, &info);
        });
        assert_eq!(message(&der).skipped_certificates(), 1);
        assert_eq!(Court::new().verdict(&der), Verdict::Good);
    }
}

#[test]
fn damage_is_never_verified_unless_it_changes_nothing() {
    let der = honest();
    let (mut verified, mut total) = (0, 0);
    for (at, damaged) in flips(&der) {
        total += 1;
        let Ok(message) = try_read(&damaged) else {
            continue;
        };
        let Ok(outcome) = Court::new().judge(message) else {
            continue;
        };
        if let Outcome::Verified(it) = outcome {
            verified += 1;
            let content = it.content().read_to_vec("test", 1000).unwrap();
            assert_eq!(content, CONTENT, "byte {at}");
            assert_eq!(it.signers().len(), 1);
            assert_eq!(
                it.signers()[0].certificate.as_ref(),
                Some(&alice().certificate)
            );
        }
    }
    // Versions and the like are covered by nothing.
    assert!(verified < 10, "{verified} of {total}");
}

fn try_read(bytes: &[u8]) -> Result<SignedMessage, Error> {
    match read(Source::from_bytes(bytes), &Limits::default())? {
        Object::Signed(message) => Ok(message),
        _ => Err(Error::MissingContent),
    }
}

#[test]
fn a_message_cut_short_is_malformed() {
    for cut in truncations(&honest()) {
        let error = read(Source::from_bytes(cut), &Limits::default()).unwrap_err();
        assert_eq!(error.code(), "cms.malformed", "{} bytes", cut.len());
    }
}

#[test]
fn another_issuer_or_serial_names_another_certificate() {
    let bob = root().person("bob@example.com", Profile::of(TestKey::P256A));
    let mut forger = Forger::honest(alice(), CONTENT);
    forger.id = issuer_serial(&bob.certificate);
    assert_eq!(
        Court::new().verdict(&sent(forger.sign(CONTENT))),
        Verdict::NoCertificate
    );
    for id in [&[0x30, 0][..], &[0x05, 0], &[0x30, 5, 0x30, 0, 0x02, 1, 0]] {
        forger.id = id.to_vec();
        let der = sent(forger.sign(CONTENT));
        match try_message(&der) {
            Ok(_) => assert_eq!(Court::new().verdict(&der), Verdict::NoCertificate),
            Err(error) => assert_eq!(error.code(), "cms.malformed"),
        }
    }
}
