//! Writes `seeds/`: one small input of each shape. Run it in `fuzz/` when a shape is added:
//! `cargo run --example seeds`. The same bytes come out of every run. The target `mime_entity` has
//! the mails of `testdata/mail` and those of `engine_open`.

use std::{fs, io, path::Path};

use smime::{
    Cipher, Draft, Mode, Policy, RsaPadding, SignatureChoice, SignedForm,
    cms::{Encryptor, Recipient, Signer, sign_der},
    crypto::{ContentCipher, DigestAlgorithm},
    io::Source,
    x509::{CertificateStatus, RevocationReason},
};
use smime_fuzz::{AUTHORITY, CONTENT, PEOPLE, with_engine};
use smime_testkit::{
    AcceptAll, CrlBuilder, CrlScope, NOW, OcspBuilder, SeededRandom, TestKey, entry_issuer, uri,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    certificates()?;
    chains()?;
    evidence()?;
    objects()?;
    containers()?;
    sealed_mails()?;
    Ok(())
}

fn certificates() -> Outcome<()> {
    write("certificate", "authority", AUTHORITY.certificate().der())?;
    for person in PEOPLE.iter() {
        write(
            "certificate",
            &name_of(person.certificate.emails()),
            person.certificate.der(),
        )?;
    }
    Ok(())
}

fn containers() -> Outcome<()> {
    let forms = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/keys/forms");
    let mixed = fs::read(forms.join("p256-with-certificate-crlf.pem"))?;
    write("pem_bundle", "mixed", &mixed)?;
    for name in ["p256-cheap", "p256-cheap-legacy", "p256-open"] {
        write(
            "pkcs12",
            name,
            &fs::read(forms.join(format!("{name}.p12")))?,
        )?;
    }
    Ok(())
}

/// Four bytes for each certificate, as `smime_testkit::Graph` reads them.
fn chains() -> Outcome<()> {
    let leaf = [0b00_00_00_00, 0, 4, 2];
    let authority = [0b00_00_00_01, 0, 0, 2];
    let excludes = [0b00_00_01_01, 0b000_10_000, 0, 0x82];
    let permits = [0b00_00_01_01, 0b000_01_110, 0, 0x82];
    let crossed = [0b00_00_01_00, 0, 0, 2];
    write(
        "chain",
        "excluded",
        &[&[0][..], &leaf, &authority, &excludes].concat(),
    )?;
    write(
        "chain",
        "permitted",
        &[&[1][..], &leaf, &authority, &permits].concat(),
    )?;
    write(
        "chain",
        "loop",
        &[&[7][..], &leaf, &authority, &crossed, &permits].concat(),
    )?;
    Ok(())
}

fn evidence() -> Outcome<()> {
    let [alice, bob] = &*PEOPLE;
    let list = CrlBuilder::of(&AUTHORITY);
    let scope = CrlScope {
        names: uri("http://crl.example.com/a.crl"),
        only_user: true,
        reasons: vec![5, 0x60],
        indirect: true,
        ..CrlScope::default()
    };
    let issuer = entry_issuer(&bob.certificate.issuer().to_name());
    for (name, list) in [
        ("empty", list.clone()),
        ("listed", list.clone().revoke_because(&alice.certificate, 1)),
        ("hold", list.clone().revoke_because(&alice.certificate, 6)),
        (
            "delta",
            list.clone()
                .number(2)
                .delta(1)
                .revoke_because(&alice.certificate, 8),
        ),
        (
            "scope",
            list.clone()
                .scope(&scope)
                .entry(&bob.certificate, NOW, &[issuer]),
        ),
        (
            "version-1",
            list.version(1)
                .without_extensions()
                .revoke(&bob.certificate),
        ),
    ] {
        write("crl", name, &list.sign_der())?;
    }
    let issuer = AUTHORITY.certificate();
    let responder = OcspBuilder::by(&AUTHORITY).nonce(b"nonce");
    let revoked = CertificateStatus::Revoked {
        at: NOW,
        reason: Some(RevocationReason::KeyCompromise),
    };
    for (name, status) in [
        ("good", CertificateStatus::Good),
        ("revoked", revoked),
        ("unknown", CertificateStatus::Unknown),
    ] {
        let answer = responder.clone().tell(&alice.certificate, issuer, status);
        write("ocsp", name, &answer.sign_der())?;
    }
    let delegate = OcspBuilder::by_owner(&bob.certificate, TestKey::P256A).by_key();
    let delegate = delegate.with_certificate(&bob.certificate);
    let answer = delegate.tell(&alice.certificate, issuer, CertificateStatus::Good);
    write("ocsp", "delegate", &answer.sign_der())?;
    write("ocsp", "try-later", &[0x30, 3, 10, 1, 3])?;
    Ok(())
}

fn objects() -> Outcome<()> {
    let random = SeededRandom::new(1);
    let content = Source::from_bytes(CONTENT);
    for person in PEOPLE.iter() {
        let who = name_of(person.certificate.emails());
        let signer = Signer::without_chain(person.certificate.clone(), person.private_key())?;

        let mut detached = signer.detached(&AcceptAll, &random, NOW);
        io::Write::write_all(&mut detached, CONTENT)?;
        write("cms_read", &format!("{who}-detached"), &detached.finish()?)?;

        let mut der = Vec::new();
        sign_der(&signer, &content, &AcceptAll, &random, NOW, &mut der)?;
        write("cms_read", &format!("{who}-opaque-der"), &der)?;

        let mut opaque = signer.opaque(Vec::new(), &AcceptAll, &random, NOW)?;
        io::Write::write_all(&mut opaque, CONTENT)?;
        write("cms_read", &format!("{who}-opaque-ber"), &opaque.finish()?)?;
    }
    for cipher in [ContentCipher::Aes128Cbc, ContentCipher::Aes256Gcm] {
        let encryptor = || {
            let recipients = PEOPLE
                .iter()
                .map(|it| Recipient::without_chain(it.certificate.clone()));
            Encryptor::to(recipients, cipher, &AcceptAll, &random)
        };
        let mut ber = encryptor()?.wrap(Vec::new())?;
        io::Write::write_all(&mut ber, CONTENT)?;
        write(
            "cms_read",
            &format!("{}-ber", cipher.name()),
            &ber.finish()?,
        )?;

        let length = u64::try_from(CONTENT.len())?;
        let mut der = encryptor()?.wrap_definite(length, Vec::new())?;
        io::Write::write_all(&mut der, CONTENT)?;
        write(
            "cms_read",
            &format!("{}-der", cipher.name()),
            &der.finish()?,
        )?;
    }
    Ok(())
}

fn sealed_mails() -> Outcome<()> {
    let plain = b"From: alice@example.com\r\nTo: bob@example.org\r\nSubject: seed\r\n\
        Content-Type: text/plain\r\n\r\nHello, Bob.\r\n";
    let ciphers = [
        None,
        Some(ContentCipher::Aes256Cbc),
        Some(ContentCipher::Aes256Gcm),
    ];
    for (form, form_name) in [
        (SignedForm::Detached, "detached"),
        (SignedForm::Opaque, "opaque"),
    ] {
        for (sign, cipher) in [Mode::Never, Mode::Always]
            .into_iter()
            .flat_map(|sign| ciphers.map(|cipher| (sign, cipher)))
        {
            if sign == Mode::Never && (cipher.is_none() || form == SignedForm::Opaque) {
                continue;
            }
            let draft = Draft {
                sign: Some(sign),
                encrypt: Some(if cipher.is_some() {
                    Mode::Always
                } else {
                    Mode::Never
                }),
                cipher: cipher.map_or(Cipher::Best, Cipher::Only),
                form,
                signature: SignatureChoice {
                    digest: None,
                    padding: RsaPadding::Pss,
                },
                oaep: Some(DigestAlgorithm::Sha256),
                ..Draft::new(Source::from_bytes(&plain[..]))
            };
            let mut sealed = Vec::new();
            with_engine(Policy::standard(), |engine| {
                engine.seal(&draft, &mut sealed).map(drop)
            })?;
            let mut name = String::new();
            if sign == Mode::Always {
                name.push_str(form_name);
            }
            if let Some(cipher) = cipher {
                name.push('-');
                name.push_str(cipher.name());
            }
            with_engine(Policy::standard(), |engine| engine.open(&*sealed).map(drop))?;
            write("engine_open", name.trim_matches('-'), &sealed)?;
        }
    }
    Ok(())
}

fn name_of(addresses: &[smime::x509::EmailAddress]) -> String {
    let first = addresses
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    first.split('@').next().unwrap_or_default().to_owned()
}

fn write(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
