//! Bare CMS objects, in definite and indefinite form, between this engine and `openssl cms`.

use std::io::Write as _;

use smime::{
    cms::{
        self, ClaimedTime, Encryptor, Object, Outcome, Recipient, Sender, SignatureCheck,
        SignedMessage, Signer, sign_der,
    },
    crypto::{ContentCipher, DigestAlgorithm, RustCrypto, SignatureScheme},
    io::{Limits, Source},
    x509::{CertificateBundle, PolicyInputs, Purpose},
};
use smime_testkit::NOW;

use crate::{
    openssl::{Form, OpenSsl},
    setting::{
        Person, Setting, bytes, check_all, check_refused, check_same, content, contents, replaced,
        text,
    },
};

/// How the length of an object is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Definite,
    Indefinite,
}

const LENGTHS: [Length; 2] = [Length::Definite, Length::Indefinite];

const PEOPLE: [&str; 3] = ["rsa2048", "p256", "p384"];

#[test]
fn openssl_verifies_our_opaque_objects_of_both_lengths() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    check_all(signed_cases(&setting), |(signer, length, expected)| {
        let object = signed(&setting, &signer, length, &expected)?;
        check_same(&openssl.verify(Form::Object, &object, None)?, &expected)
    });
}

#[test]
fn openssl_verifies_our_detached_objects() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    check_all(signers(&setting), |signer| {
        let expected = content();
        let mut detached = signer.detached(&RustCrypto, setting.random(), NOW);
        detached.write_all(&expected).map_err(text)?;
        let object = detached.finish().map_err(text)?;
        let verified = openssl.verify(Form::Object, &object, Some(&expected))?;
        check_same(&verified, &expected)?;
        let other = replaced(&expected, b"Guten", b"Faden");
        check_refused(openssl.verify(Form::Object, &object, Some(&other)))
    });
}

#[test]
fn openssl_refuses_our_opaque_objects_over_other_content() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let cases = signers(&setting).into_iter().flat_map(|(name, signer)| {
        LENGTHS.map(|length| (format!("{name}, {length:?}"), (signer.clone(), length)))
    });
    check_all(cases, |(signer, length)| {
        let object = signed(&setting, &signer, length, &content())?;
        let altered = replaced(&object, b"Guten", b"Faden");
        check_refused(openssl.verify(Form::Object, &altered, None))
    });
}

#[test]
fn openssl_decrypts_our_envelopes_of_both_lengths() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    check_all(
        enveloped_cases(&setting),
        |(recipient, cipher, length, expected)| {
            let object = enveloped(&setting, recipient, cipher, length, &expected)?;
            check_same(
                &openssl.decrypt(Form::Object, &object, recipient)?,
                &expected,
            )
        },
    );
}

#[test]
fn openssl_refuses_our_authenticated_envelopes_with_another_last_byte() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let cases = PEOPLE.map(|name| (name.to_owned(), setting.person(name)));
    check_all(cases, |recipient| {
        let cipher = ContentCipher::Aes256Gcm;
        let mut object = enveloped(&setting, recipient, cipher, Length::Definite, &content())?;
        // In DER the tag is last (RFC 5083 §2.1).
        *object.last_mut().unwrap() ^= 1;
        check_refused(openssl.decrypt(Form::Object, &object, recipient))
    });
}

#[test]
fn we_verify_the_opaque_objects_of_openssl_of_both_lengths() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let cases = openssl_cases(&setting, &["-md", "sha256"]);
    check_all(cases, |(signer, mut options, expected)| {
        options.extend(["-nodetach", "-binary"]);
        let object = openssl.sign(&expected, &[signer], &options)?;
        check_same(&verified(&setting, read_signed(&object)?)?, &expected)?;
        if expected == content() {
            let altered = replaced(&object, b"Guten", b"Faden");
            check_refused(verified(&setting, read_signed(&altered)?))?;
        }
        Ok(())
    });
}

#[test]
fn we_verify_the_detached_objects_of_openssl() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    // Asked for a stream, OpenSSL puts the content inside, detached or not.
    let cases = openssl_cases(&setting, &["-md", "sha384"])
        .into_iter()
        .filter(|(_, (_, options, _))| !options.contains(&"-stream"));
    check_all(cases, |(signer, mut options, expected)| {
        options.push("-binary");
        let object = openssl.sign(&expected, &[signer], &options)?;
        let detached = |content: &[u8]| {
            let signature = Source::from_bytes(object.clone());
            let content = Source::from_bytes(content.to_vec());
            SignedMessage::detached(&signature, content, &Limits::default()).map_err(text)
        };
        check_same(&verified(&setting, detached(&expected)?)?, &expected)?;
        let longer = [&*expected, b"."].concat();
        check_refused(verified(&setting, detached(&longer)?))
    });
}

#[test]
fn we_decrypt_the_envelopes_of_openssl_of_both_lengths() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    for cipher in CIPHERS {
        let cases = openssl_cases(&setting, &[cipher]);
        check_all(cases, |(recipient, mut options, expected)| {
            options.push("-binary");
            let object = openssl.encrypt(&expected, recipient, &[recipient], &options)?;
            let (authenticated, content) = decrypted(&setting, &object, recipient)?;
            if authenticated != cipher.ends_with("gcm") {
                return Err(format!("{cipher} authenticated: {authenticated}"));
            }
            check_same(&content, &expected)
        });
    }
}

#[test]
fn we_refuse_the_authenticated_envelopes_of_openssl_with_another_last_byte() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let cases = PEOPLE.map(|name| (name.to_owned(), setting.person(name)));
    check_all(cases, |recipient| {
        let options = ["-aes-128-gcm", "-outform", "DER"];
        let mut object = openssl.encrypt(&content(), recipient, &[recipient], &options)?;
        *object.last_mut().unwrap() ^= 1;
        check_refused(decrypted(&setting, &object, recipient))
    });
}

/// AES as `openssl cms -encrypt` names it; GCM makes AuthEnvelopedData.
const CIPHERS: [&str; 4] = [
    "-aes-128-cbc",
    "-aes-256-cbc",
    "-aes-128-gcm",
    "-aes-256-gcm",
];

fn signers(setting: &Setting) -> Vec<(String, Signer)> {
    let digest = DigestAlgorithm::Sha256;
    let schemes = [
        ("rsa2048", SignatureScheme::RsaPkcs1(digest)),
        ("rsa2048", SignatureScheme::RsaPss { digest, salt: 32 }),
        ("rsa3072", SignatureScheme::RsaPss { digest, salt: 0 }),
        ("p256", SignatureScheme::Ecdsa(digest)),
        ("p384", SignatureScheme::Ecdsa(DigestAlgorithm::Sha384)),
    ];
    schemes
        .into_iter()
        .map(|(name, scheme)| {
            let identity = &setting.person(name).identity;
            let signer =
                Signer::without_chain(identity.certificate.clone(), identity.private_key());
            let signer = signer.unwrap().scheme(scheme).unwrap();
            let signer = signer.also_include([setting.issuer().clone()]);
            (format!("{name}, {scheme:?}"), signer)
        })
        .collect()
}

fn signed_cases(setting: &Setting) -> Vec<(String, (Signer, Length, Vec<u8>))> {
    let mut cases = Vec::new();
    for (name, signer) in signers(setting) {
        for length in LENGTHS {
            for (what, content) in contents() {
                let case = format!("{name}, {length:?}, {what}");
                cases.push((case, (signer.clone(), length, content)));
            }
        }
    }
    cases
}

fn enveloped_cases(setting: &Setting) -> Vec<(String, (&Person, ContentCipher, Length, Vec<u8>))> {
    let mut cases = Vec::new();
    for name in PEOPLE {
        for cipher in ContentCipher::ALL {
            for length in LENGTHS {
                for (what, content) in contents() {
                    let case = format!("{name}, {}, {length:?}, {what}", cipher.name());
                    cases.push((case, (setting.person(name), cipher, length, content)));
                }
            }
        }
    }
    cases
}

fn openssl_cases<'a>(
    setting: &'a Setting,
    options: &[&'static str],
) -> Vec<(String, (&'a Person, Vec<&'static str>, Vec<u8>))> {
    let mut cases = Vec::new();
    for name in PEOPLE {
        for output in [
            &["-outform", "DER"][..],
            &["-outform", "DER", "-stream", "-indef"],
        ] {
            for (what, content) in contents() {
                let options = [options, output].concat();
                let case = format!("{name}, {options:?}, {what}");
                cases.push((case, (setting.person(name), options, content)));
            }
        }
    }
    cases
}

fn signed(
    setting: &Setting,
    signer: &Signer,
    length: Length,
    content: &[u8],
) -> Result<Vec<u8>, String> {
    match length {
        Length::Definite => {
            let mut object = Vec::new();
            let content = Source::from_bytes(content.to_vec());
            sign_der(
                signer,
                &content,
                &RustCrypto,
                setting.random(),
                NOW,
                &mut object,
            )
            .map_err(text)?;
            Ok(object)
        }
        Length::Indefinite => {
            let mut writer = signer
                .opaque(Vec::new(), &RustCrypto, setting.random(), NOW)
                .map_err(text)?;
            writer.write_all(content).map_err(text)?;
            writer.finish().map_err(text)
        }
    }
}

fn enveloped(
    setting: &Setting,
    recipient: &Person,
    cipher: ContentCipher,
    length: Length,
    content: &[u8],
) -> Result<Vec<u8>, String> {
    let recipient = Recipient::without_chain(recipient.identity.certificate.clone());
    let encryptor =
        Encryptor::to([recipient], cipher, &RustCrypto, setting.random()).map_err(text)?;
    let mut writer = match length {
        Length::Definite => encryptor.wrap_definite(content.len() as u64, Vec::new()),
        Length::Indefinite => encryptor.wrap(Vec::new()),
    }
    .map_err(text)?;
    writer.write_all(content).map_err(text)?;
    writer.finish().map_err(text)
}

fn read(object: &[u8]) -> Result<Object, String> {
    cms::read(Source::from_bytes(object.to_vec()), &Limits::default()).map_err(text)
}

fn read_signed(object: &[u8]) -> Result<SignedMessage, String> {
    match read(object)? {
        Object::Signed(signed) => Ok(signed),
        other => Err(format!("{other:?}")),
    }
}

/// Verifies as somebody who knows the root alone, and returns the content.
fn verified(setting: &Setting, signed: SignedMessage) -> Result<Vec<u8>, String> {
    let engine = setting.stranger();
    let anchors = [setting.root().clone()].into_iter().collect();
    let chains = smime::x509::ChainVerifier {
        provider: engine.provider,
        algorithms: &engine.policy.algorithms,
        policy: &engine.policy.certificates,
        anchors: &anchors,
        revocation: &smime::x509::Revocation::off(),
    };
    let check = SignatureCheck {
        chains: Some(&chains),
        purpose: Purpose::SignMail,
        policies: &PolicyInputs::default(),
        provider: engine.provider,
        algorithms: &engine.policy.algorithms,
        pool: &CertificateBundle::new(),
        sender: Sender::Any,
        at: NOW,
        claimed_time: ClaimedTime::Ignored,
    };
    match signed.verify(&check).map_err(text)? {
        Outcome::Verified(verified) => bytes(verified.content()),
        Outcome::Unverified(unverified) => Err(format!("{:?}", unverified.signers())),
    }
}

fn decrypted(
    setting: &Setting,
    object: &[u8],
    recipient: &Person,
) -> Result<(bool, Vec<u8>), String> {
    let Object::Enveloped(envelope) = read(object)? else {
        return Err("no envelope".to_owned());
    };
    let identity = &recipient.identity;
    let engine = setting.engine();
    let (authenticated, content) = engine
        .decrypt(&envelope, &identity.certificate, &identity.private_key())
        .map_err(text)?;
    Ok((authenticated, bytes(&content)?))
}
