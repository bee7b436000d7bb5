//! Envelopes that are altered, cut short or put together wrongly.

use std::io::Write as _;

use smime_cms::{Encryptor, Opened, Recipient};
use smime_crypto::{ContentCipher, RustCrypto};
use smime_testkit::{SeededRandom, flips, truncations};

use crate::{CONTENT, Forge, bob, code, envelope, open, to_bob};

#[test]
fn damage_never_gives_other_authenticated_content() {
    let cipher = ContentCipher::Aes128Gcm;
    let der = Forge::honest(cipher, to_bob(cipher)).der();
    let mut opened = 0;
    for (at, damaged) in flips(&der) {
        match open(&damaged) {
            Ok(Opened::Authenticated(decrypted)) => {
                opened += 1;
                let content = decrypted.content().read_to_vec("test", 1 << 20).unwrap();
                assert_eq!(content, CONTENT, "byte {at}");
            }
            Ok(Opened::Unauthenticated(_)) => panic!("byte {at} took authentication away"),
            Err(_) => {}
        }
    }
    // The two versions are covered by nothing.
    assert!(opened < 10, "{opened}");
}

#[test]
fn damage_to_what_nothing_authenticates_stays_quarantined() {
    let cipher = ContentCipher::Aes128Cbc;
    let honest = Forge::honest(cipher, to_bob(cipher));
    let der = honest.der();
    for (_, damaged) in flips(&der) {
        assert!(!matches!(open(&damaged), Ok(Opened::Authenticated(_))));
    }
    // A gadget: blocks repeated, swapped and cut; the padding stays right.
    let whole = honest.ciphertext.clone().unwrap();
    for gadget in [
        [&whole[..32], &whole[..]].concat(),
        [&whole[16..32], &whole[..]].concat(),
        whole[16..].to_vec(),
    ] {
        let der = Forge {
            ciphertext: Some(gadget),
            ..honest.clone()
        }
        .der();
        assert!(matches!(open(&der), Ok(Opened::Unauthenticated(_))));
    }
    // Ragged, and with the padding of another block.
    for gadget in [
        &whole[..whole.len() - 1],
        &whole[..whole.len() - 16],
        &whole[..1],
    ] {
        let der = Forge {
            ciphertext: Some(gadget.to_vec()),
            ..honest.clone()
        }
        .der();
        assert_eq!(code(open(&der)), "cms.decrypt_failed");
    }
}

#[test]
fn an_envelope_cut_short_is_malformed() {
    for cipher in [ContentCipher::Aes128Gcm, ContentCipher::Aes128Cbc] {
        let der = Forge::honest(cipher, to_bob(cipher)).der();
        let mut ber = Vec::new();
        let recipient = Recipient::without_chain(bob().certificate.clone());
        let encryptor =
            Encryptor::to([recipient], cipher, &RustCrypto, &SeededRandom::new(5)).unwrap();
        let mut writer = encryptor.wrap(&mut ber).unwrap();
        writer.write_all(CONTENT).unwrap();
        writer.finish().unwrap();
        for object in [der, ber] {
            for cut in truncations(&object) {
                let error = envelope(cut).unwrap_err();
                assert_eq!(error.code(), "cms.malformed", "{} bytes", cut.len());
            }
        }
    }
}

#[test]
fn fields_that_are_missing_or_of_another_type_are_malformed() {
    let cipher = ContentCipher::Aes128Gcm;
    let honest = Forge::honest(cipher, to_bob(cipher));
    let recipient = &honest.recipients[0];
    for bad in [
        &[0x30, 0][..],
        &[0xa1, 0],
        &[0x05, 0],
        &[0x04, 0],
        &[0xa5, 2, 0x05, 0],
        &[0x30, 3, 0x02, 1, 0],
        &[0xa1, 3, 0x02, 1, 3],
        &[0xa1, 5, 0x02, 1, 3, 0xa0, 0],
        &[&[0xa1, 3][..], &recipient[2..5]].concat(),
    ] {
        let der = Forge {
            recipients: vec![bad.to_vec()],
            ..honest.clone()
        }
        .der();
        assert_eq!(
            envelope(&der).unwrap_err().code(),
            "cms.malformed",
            "{bad:x?}"
        );
    }
    for algorithm in [&[0x30, 0][..], &[0x05, 0], &[0x30, 2, 0x05, 0]] {
        let der = Forge {
            algorithm: algorithm.to_vec(),
            ..honest.clone()
        }
        .der();
        assert_eq!(envelope(&der).unwrap_err().code(), "cms.malformed");
    }
}
