//! What the engine seals, `openssl cms` opens: the mails.

use smime::{
    Cipher, Draft, Mode, Root, RsaPadding, SignatureChoice, SignedForm,
    crypto::{ContentCipher, DigestAlgorithm},
    mime::MediaTypes,
};

use crate::{
    openssl::{Form, OpenSsl},
    setting::{
        Person, Setting, check_all, check_refused, check_same, content, contents, draft, replaced,
    },
};

const FORMS: [SignedForm; 2] = [SignedForm::Detached, SignedForm::Opaque];

#[test]
fn openssl_verifies_our_signature_of_every_key_digest_and_padding() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    check_all(signers(&setting), |(signer, signature)| {
        for form in FORMS {
            let draft = Draft {
                form,
                signature,
                ..signed(signer, &expected)
            };
            let mail = setting.seal(&draft)?;
            check_same(&openssl.verify(Form::Smime, &mail, None)?, &expected)?;
        }
        Ok(())
    });
}

#[test]
fn openssl_reads_our_mails_under_the_old_names_too() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let (expected, person) = (content(), setting.person("p256"));
    let old = |draft: Draft| {
        let draft = Draft {
            media_types: MediaTypes::Old,
            root: Root::Included,
            ..draft
        };
        setting.seal(&draft)
    };
    check_all(FORMS.map(|form| (format!("{form:?}"), form)), |form| {
        let mail = old(Draft {
            form,
            ..signed(person, &expected)
        })?;
        check_same(&openssl.verify(Form::Smime, &mail, None)?, &expected)
    });
    let mail = old(encrypted(&[person], ContentCipher::Aes256Cbc, &expected)).unwrap();
    let opened = openssl.decrypt(Form::Smime, &mail, person).unwrap();
    check_same(&opened, &expected).unwrap();
}

#[test]
fn openssl_gets_the_very_bytes_that_we_signed() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let cases = contents().into_iter().flat_map(|(name, content)| {
        FORMS.map(|form| (format!("{name}, {form:?}"), (content.clone(), form)))
    });
    check_all(cases, |(expected, form)| {
        let draft = Draft {
            form,
            ..signed(setting.person("p256"), &expected)
        };
        let mail = setting.seal(&draft)?;
        check_same(&openssl.verify(Form::Smime, &mail, None)?, &expected)
    });
}

#[test]
fn openssl_decrypts_every_cipher_for_every_recipient() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    let cases = recipients(&setting).into_iter().flat_map(|(name, case)| {
        ContentCipher::ALL.map(|cipher| (format!("{name}, {}", cipher.name()), (case, cipher)))
    });
    check_all(cases, |((recipient, oaep), cipher)| {
        let mail = setting.seal(&Draft {
            oaep,
            ..encrypted(&[recipient], cipher, &expected)
        })?;
        check_same(&openssl.decrypt(Form::Smime, &mail, recipient)?, &expected)
    });
}

#[test]
fn openssl_gets_the_very_bytes_that_we_encrypted() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let cases = contents().into_iter().flat_map(|(name, content)| {
        ContentCipher::ALL.map(|cipher| {
            (
                format!("{name}, {}", cipher.name()),
                (content.clone(), cipher),
            )
        })
    });
    let recipient = setting.person("rsa2048");
    check_all(cases, |(expected, cipher)| {
        let mail = setting.seal(&encrypted(&[recipient], cipher, &expected))?;
        check_same(&openssl.decrypt(Form::Smime, &mail, recipient)?, &expected)
    });
}

#[test]
fn each_recipient_of_one_mail_decrypts_it_with_openssl() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    let everybody: Vec<&Person> = setting.people().iter().collect();
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        let mail = setting
            .seal(&encrypted(&everybody, cipher, &expected))
            .unwrap();
        let cases = everybody
            .iter()
            .map(|person| (format!("{}, {}", person.name, cipher.name()), *person));
        check_all(cases, |person| {
            check_same(&openssl.decrypt(Form::Smime, &mail, person)?, &expected)
        });
    }
}

#[test]
fn openssl_opens_what_is_signed_and_then_encrypted() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    let mut forms = FORMS.into_iter().cycle();
    let mut cases = Vec::new();
    for (signer_name, (signer, signature)) in signers(&setting) {
        if signature.digest != Some(DigestAlgorithm::Sha384) {
            continue;
        }
        for (recipient_name, (recipient, oaep)) in recipients(&setting) {
            for cipher in ContentCipher::ALL {
                let form = forms.next().unwrap();
                let draft = Draft {
                    sign: Some(Mode::Always),
                    from: Some(signer.email()),
                    signature,
                    form,
                    oaep,
                    ..encrypted(&[recipient], cipher, &expected)
                };
                let cipher = cipher.name();
                let name = format!("{signer_name}, {form:?}, {recipient_name}, {cipher}");
                cases.push((name, (draft, recipient)));
            }
        }
        // One step aside, so that each form meets each cipher.
        forms.next();
    }
    check_all(cases, |(draft, recipient)| {
        let mail = setting.seal(&draft)?;
        let inner = openssl.decrypt(Form::Smime, &mail, recipient)?;
        check_same(&openssl.verify(Form::Smime, &inner, None)?, &expected)
    });
}

#[test]
fn openssl_refuses_our_signature_over_other_content() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    check_all(signers(&setting), |(signer, signature)| {
        let draft = Draft {
            signature,
            ..signed(signer, &content())
        };
        let altered = replaced(&setting.seal(&draft)?, b"Guten Tag", b"Guten tag");
        check_refused(openssl.verify(Form::Smime, &altered, None))
    });
}

#[test]
fn openssl_refuses_an_authenticated_mail_for_somebody_else() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let cases = recipients(&setting)
        .into_iter()
        .filter(|(_, (it, _))| it.name != "rsa3072");
    check_all(cases, |(recipient, oaep)| {
        let cipher = ContentCipher::Aes128Gcm;
        let draft = Draft {
            oaep,
            ..encrypted(&[recipient], cipher, &content())
        };
        let mail = setting.seal(&draft)?;
        check_refused(openssl.decrypt(Form::Smime, &mail, setting.person("rsa3072")))
    });
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

/// Every key that signs, with every digest; RSA with both paddings.
fn signers(setting: &Setting) -> Vec<(String, (&Person, SignatureChoice))> {
    let mut signers = Vec::new();
    for (name, padding) in [
        ("rsa2048", RsaPadding::Pkcs1),
        ("rsa2048", RsaPadding::Pss),
        ("rsa3072", RsaPadding::Pkcs1),
        ("rsa4096", RsaPadding::Pss),
        ("p256", RsaPadding::Pkcs1),
        ("p384", RsaPadding::Pkcs1),
    ] {
        for digest in [
            DigestAlgorithm::Sha256,
            DigestAlgorithm::Sha384,
            DigestAlgorithm::Sha512,
        ] {
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

/// Every key that is encrypted to; RSA with v1.5 and with OAEP over every digest we write.
fn recipients(setting: &Setting) -> Vec<(String, (&Person, Option<DigestAlgorithm>))> {
    [
        ("rsa2048", None),
        ("rsa2048", Some(DigestAlgorithm::Sha256)),
        ("rsa2048", Some(DigestAlgorithm::Sha384)),
        ("rsa2048", Some(DigestAlgorithm::Sha512)),
        ("rsa4096", Some(DigestAlgorithm::Sha256)),
        ("p256", None),
        ("p384", None),
    ]
    .into_iter()
    .map(|(name, oaep)| {
        (
            format!("to {name}, OAEP {oaep:?}"),
            (setting.person(name), oaep),
        )
    })
    .collect()
}
