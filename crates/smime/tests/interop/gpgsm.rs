//! Between the engine and `gpgsm`, both ways.
//!
//! What gpgsm 2.2 lacks, as it says itself, is not here: it knows neither OAEP nor GCM nor a
//! recipient or signer named by key identifier, makes no PSS signature, and what it encrypts to an
//! EC key it cannot write. Nor does it let SHA-256 sign for P-384.

use std::io::Write as _;

use smime::{
    Cipher, Draft, Mode, RsaPadding, SignatureChoice, SignedForm, Verdict,
    crypto::{ContentCipher, DigestAlgorithm},
    io::{Limits, Source},
    mime::{Entity, MultipartSigned, Pkcs7Mime, Protection, SmimeType},
};

use crate::{
    gpgsm_home::Gpgsm,
    setting::{
        Authenticated, Person, Setting, bytes, check_all, check_refused, check_same, content,
        contents, draft, mail, open_encrypted, open_signed, replaced, text,
    },
};

const FORMS: [SignedForm; 2] = [SignedForm::Detached, SignedForm::Opaque];

const RSA: [&str; 3] = ["rsa2048", "rsa3072", "rsa4096"];

#[test]
fn gpgsm_verifies_our_signature_of_every_key_and_digest() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let expected = content();
    check_all(signers(&setting), |(signer, signature)| {
        for form in FORMS {
            let sealed = setting.seal(&Draft {
                form,
                signature,
                ..signed(signer, &expected)
            })?;
            check_verified(&gpgsm, &sealed, &expected)?;
        }
        Ok(())
    });
}

#[test]
fn gpgsm_gets_the_very_bytes_that_we_signed() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let cases = contents().into_iter().flat_map(|(name, content)| {
        FORMS.map(|form| (format!("{name}, {form:?}"), (content.clone(), form)))
    });
    check_all(cases, |(expected, form)| {
        let sealed = setting.seal(&Draft {
            form,
            ..signed(setting.person("p256"), &expected)
        })?;
        check_verified(&gpgsm, &sealed, &expected)
    });
}

#[test]
fn gpgsm_refuses_our_signature_over_other_content() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    check_all(signers(&setting), |(signer, signature)| {
        for form in FORMS {
            let sealed = setting.seal(&Draft {
                form,
                signature,
                ..signed(signer, &content())
            })?;
            let other = replaced(&content(), b"Guten", b"Faden");
            match protection(&sealed)? {
                Protection::MultipartSigned { signature, .. } => {
                    check_refused(gpgsm.verify_detached(&bytes(&signature)?, &other))?;
                }
                Protection::Pkcs7(object) => {
                    let altered = replaced(&bytes(&object)?, b"Guten", b"Faden");
                    check_refused(gpgsm.verify(&altered))?;
                }
                Protection::None => return Err("not protected".to_owned()),
            }
        }
        Ok(())
    });
}

#[test]
fn gpgsm_decrypts_our_cbc_for_every_rsa_key() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let mut cases = Vec::new();
    for name in RSA {
        for cipher in [ContentCipher::Aes128Cbc, ContentCipher::Aes256Cbc] {
            for (what, content) in contents() {
                let case = format!("{name}, {}, {what}", cipher.name());
                cases.push((case, (setting.person(name), cipher, content)));
            }
        }
    }
    check_all(cases, |(recipient, cipher, expected)| {
        let sealed = setting.seal(&encrypted(&[recipient], cipher, &expected))?;
        let Protection::Pkcs7(object) = protection(&sealed)? else {
            return Err("no object".to_owned());
        };
        check_same(&gpgsm.decrypt(&bytes(&object)?)?, &expected)
    });
}

#[test]
fn gpgsm_decrypts_our_mail_to_many_where_one_has_an_rsa_key() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let all: Vec<&Person> = ["p256", "rsa2048", "p384"]
        .map(|it| setting.person(it))
        .to_vec();
    let sealed = setting
        .seal(&encrypted(&all, ContentCipher::Aes256Cbc, &content()))
        .unwrap();
    let Protection::Pkcs7(object) = protection(&sealed).unwrap() else {
        panic!("no object")
    };
    check_same(
        &gpgsm.decrypt(&bytes(&object).unwrap()).unwrap(),
        &content(),
    )
    .unwrap();
}

#[test]
fn gpgsm_refuses_our_envelope_cut_short() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let to = setting.person("rsa2048");
    let sealed = setting
        .seal(&encrypted(&[to], ContentCipher::Aes128Cbc, &content()))
        .unwrap();
    let Protection::Pkcs7(object) = protection(&sealed).unwrap() else {
        panic!("no object")
    };
    let object = bytes(&object).unwrap();
    check_refused(gpgsm.decrypt(&object[..object.len() - 40])).unwrap();
}

#[test]
fn a_stranger_verifies_gpgsm_signatures_of_every_key_and_digest() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let made = signers(&setting).into_iter();
    let made = made.filter(|(_, (_, choice))| choice.padding == RsaPadding::Pkcs1);
    check_all(made, |(signer, choice)| {
        let digest = choice.digest.unwrap();
        for (what, expected) in contents() {
            for form in FORMS {
                let mail = signed_mail(&gpgsm, signer, digest, form, &expected)?;
                open_signed(&setting.stranger(), &mail)
                    .and_then(|opened| check_same(&opened, &expected))
                    .map_err(|why| format!("{what}, {form:?}: {why}"))?;
            }
        }
        Ok(())
    });
}

#[test]
fn other_content_under_a_gpgsm_signature_is_found() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let names = ["rsa2048", "p256"].map(|name| (name.to_owned(), setting.person(name)));
    check_all(names, |signer| {
        let form = SignedForm::Detached;
        let mail = signed_mail(&gpgsm, signer, DigestAlgorithm::Sha256, form, &content())?;
        let altered = replaced(&mail, b"Guten", b"Faden");
        let message = setting.stranger().open(&*altered).map_err(text)?;
        match message.signature() {
            Verdict::NotGood("bad_signature") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn we_decrypt_what_gpgsm_encrypts_to_every_rsa_key() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let mut cases = Vec::new();
    for name in RSA {
        for cipher in ["AES", "AES256"] {
            for (what, content) in contents() {
                let case = format!("{name}, {cipher}, {what}");
                cases.push((case, (setting.person(name), cipher, content)));
            }
        }
    }
    check_all(cases, |(recipient, cipher, expected)| {
        let object = gpgsm.encrypt(&expected, &[recipient], cipher)?;
        let mail = object_mail(recipient, &object, SmimeType::EnvelopedData)?;
        let opened = open_encrypted(&setting.engine(), &mail, Authenticated::No)?;
        check_same(&opened, &expected)
    });
}

#[test]
fn every_key_among_several_recipients_of_gpgsm_opens_the_mail() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let expected = content();
    let all = RSA.map(|name| setting.person(name));
    let object = gpgsm.encrypt(&expected, &all, "AES256").unwrap();
    let mail = object_mail(all[0], &object, SmimeType::EnvelopedData).unwrap();
    check_all(
        all.map(|person| (person.name.to_owned(), person)),
        |person| {
            let keys = smime::Keyring::default();
            keys.add(person.identity.private_key());
            let engine = smime::Engine {
                keys: &keys,
                ..setting.engine()
            };
            check_same(
                &open_encrypted(&engine, &mail, Authenticated::No)?,
                &expected,
            )
        },
    );
}

#[test]
fn a_gpgsm_envelope_with_an_altered_content_key_does_not_open() {
    let setting = Setting::new();
    let Some(gpgsm) = Gpgsm::find(&setting) else {
        return;
    };
    let to = setting.person("rsa2048");
    let mut object = gpgsm.encrypt(&content(), &[to], "AES256").unwrap();
    // The wrapped key follows the only rsaEncryption with NULL parameters and a length of 256.
    let mark = [0x05, 0x00, 0x04, 0x82, 0x01, 0x00];
    let place = object
        .windows(mark.len())
        .position(|window| window == mark)
        .unwrap();
    object[place + mark.len() + 100] ^= 1;
    let mail = object_mail(to, &object, SmimeType::EnvelopedData).unwrap();
    let error = setting.engine().open(&*mail).unwrap_err();
    assert_eq!(error.code(), "engine.decrypt_failed");
}

fn signed(signer: &Person, content: &[u8]) -> Draft {
    Draft {
        sign: Some(Mode::Always),
        ..draft(signer, &[signer], content)
    }
}

fn encrypted(recipients: &[&Person], cipher: ContentCipher, content: &[u8]) -> Draft {
    Draft {
        encrypt: Some(Mode::Always),
        cipher: Cipher::Only(cipher),
        ..draft(recipients[0], recipients, content)
    }
}

fn signers(setting: &Setting) -> Vec<(String, (&Person, SignatureChoice))> {
    let mut signers = Vec::new();
    for (name, padding) in [
        ("rsa2048", RsaPadding::Pkcs1),
        ("rsa3072", RsaPadding::Pkcs1),
        ("rsa4096", RsaPadding::Pkcs1),
        ("rsa2048", RsaPadding::Pss),
        ("p256", RsaPadding::Pkcs1),
        ("p384", RsaPadding::Pkcs1),
    ] {
        for digest in [
            DigestAlgorithm::Sha256,
            DigestAlgorithm::Sha384,
            DigestAlgorithm::Sha512,
        ] {
            if name == "p384" && digest == DigestAlgorithm::Sha256 {
                continue;
            }
            let choice = SignatureChoice {
                digest: Some(digest),
                padding,
            };
            let case = format!("signed by {name}, {}, {padding:?}", digest.name());
            signers.push((case, (setting.person(name), choice)));
        }
    }
    signers
}

/// Gives the object of a sealed mail to the peer, which knows no MIME.
fn check_verified(gpgsm: &Gpgsm<'_>, sealed: &[u8], expected: &[u8]) -> Result<(), String> {
    match protection(sealed)? {
        Protection::MultipartSigned {
            content, signature, ..
        } => {
            let content = bytes(&content)?;
            check_same(&content, expected)?;
            gpgsm.verify_detached(&bytes(&signature)?, &content)
        }
        Protection::Pkcs7(object) => check_same(&gpgsm.verify(&bytes(&object)?)?, expected),
        Protection::None => Err("not protected".to_owned()),
    }
}

fn protection(sealed: &[u8]) -> Result<Protection, String> {
    let source = Source::from_bytes(sealed.to_vec());
    Entity::read(source, &Limits::default())
        .and_then(|it| it.protection())
        .map_err(text)
}

fn signed_mail(
    gpgsm: &Gpgsm<'_>,
    signer: &Person,
    digest: DigestAlgorithm,
    form: SignedForm,
    content: &[u8],
) -> Result<Vec<u8>, String> {
    match form {
        SignedForm::Opaque => {
            let object = gpgsm.sign(content, signer, digest.name(), "--sign")?;
            object_mail(signer, &object, SmimeType::SignedData)
        }
        SignedForm::Detached => {
            let object = gpgsm.sign(content, signer, digest.name(), "--detach-sign")?;
            let start = mail(signer, &[signer], b"MIME-Version: 1.0\r\n");
            let begun = MultipartSigned::begin(start, digest.micalg(), "boundary-of-a-test");
            let mut multipart = begun.map_err(text)?;
            multipart.content().write_all(content).map_err(text)?;
            multipart.finish(&object).map_err(text)
        }
    }
}

fn object_mail(from: &Person, object: &[u8], kind: SmimeType) -> Result<Vec<u8>, String> {
    let start = mail(from, &[from], b"MIME-Version: 1.0\r\n");
    let mut base64 = Pkcs7Mime::begin(start, kind).map_err(text)?;
    base64.write_all(object).map_err(text)?;
    base64.finish().map_err(text)
}
