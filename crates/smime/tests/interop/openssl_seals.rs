//! What `openssl cms` seals, the engine opens: the mails.

use smime::{Engine, Layer, Verdict};

use crate::{
    openssl::OpenSsl,
    setting::{
        Authenticated, Person, Setting, check_all, check_refused, check_same, content, contents,
        open_encrypted, open_signed, replaced, text,
    },
};

/// How `openssl cms -sign` packs a signature.
const FORMS: [&[&str]; 4] = [
    &[],
    &["-stream"],
    &["-nodetach"],
    &["-nodetach", "-stream", "-indef"],
];

/// The keys, with the options that go with them.
const SIGNERS: [(&str, &[&str]); 10] = [
    ("rsa2048", &[]),
    ("rsa3072", &[]),
    ("rsa4096", &[]),
    // Salt as long as the key leaves room, which is this peer's choice unless told.
    ("rsa2048", &["-keyopt", "rsa_padding_mode:pss"]),
    (
        "rsa2048",
        &[
            "-keyopt",
            "rsa_padding_mode:pss",
            "-keyopt",
            "rsa_pss_saltlen:digest",
        ],
    ),
    (
        "rsa3072",
        &[
            "-keyopt",
            "rsa_padding_mode:pss",
            "-keyopt",
            "rsa_pss_saltlen:0",
        ],
    ),
    (
        "rsa4096",
        &[
            "-keyopt",
            "rsa_padding_mode:pss",
            "-keyopt",
            "rsa_pss_saltlen:20",
        ],
    ),
    ("p256", &[]),
    ("p384", &[]),
    ("p384", &["-cades"]),
];

/// The keys, with the options for how the content key gets to them.
const RECIPIENTS: [(&str, &[&str]); 18] = [
    ("rsa2048", &[]),
    ("rsa3072", &["-keyid"]),
    ("rsa4096", &[]),
    // SHA-1 in both places, which is the default of RFC 8017.
    ("rsa2048", &["-keyopt", "rsa_padding_mode:oaep"]),
    (
        "rsa2048",
        &[OAEP[0], OAEP[1], "-keyopt", "rsa_oaep_md:sha256"],
    ),
    (
        "rsa2048",
        &[OAEP[0], OAEP[1], "-keyopt", "rsa_oaep_md:sha384"],
    ),
    (
        "rsa2048",
        &[OAEP[0], OAEP[1], "-keyopt", "rsa_oaep_md:sha512"],
    ),
    (
        "rsa2048",
        &[
            OAEP[0],
            OAEP[1],
            "-keyopt",
            "rsa_oaep_md:sha256",
            "-keyopt",
            "rsa_mgf1_md:sha1",
        ],
    ),
    (
        "rsa4096",
        &[OAEP[0], OAEP[1], "-keyopt", "rsa_oaep_md:sha256", "-keyid"],
    ),
    // SHA-1 in the key derivation, which is this peer's choice unless told.
    ("p256", &[]),
    ("p256", &["-keyid"]),
    ("p256", &["-keyopt", "ecdh_kdf_md:sha256"]),
    ("p256", &["-keyopt", "ecdh_kdf_md:sha384", "-aes256-wrap"]),
    ("p256", &["-keyopt", "ecdh_kdf_md:sha512", "-aes128-wrap"]),
    ("p384", &[]),
    ("p384", &["-keyopt", "ecdh_kdf_md:sha256"]),
    ("p384", &["-keyopt", "ecdh_kdf_md:sha384", "-keyid"]),
    ("p384", &["-keyopt", "ecdh_kdf_md:sha512", "-aes256-wrap"]),
];

const OAEP: [&str; 2] = ["-keyopt", "rsa_padding_mode:oaep"];

/// AES as `openssl cms -encrypt` names it; GCM makes AuthEnvelopedData.
const CIPHERS: [(&str, Authenticated); 4] = [
    ("-aes-128-cbc", Authenticated::No),
    ("-aes-256-cbc", Authenticated::No),
    ("-aes-128-gcm", Authenticated::Yes),
    ("-aes-256-gcm", Authenticated::Yes),
];

#[test]
fn a_stranger_verifies_openssl_signatures_of_every_key_digest_and_form() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    let mut cases = Vec::new();
    for (name, key_options) in SIGNERS {
        for digest in ["sha256", "sha384", "sha512"] {
            for form in FORMS
                .into_iter()
                .filter(|form| is_writable(form, key_options))
            {
                let options = [form, &["-md", digest], key_options].concat();
                cases.push((
                    format!("{name}, {options:?}"),
                    (setting.person(name), options),
                ));
            }
        }
    }
    check_all(cases, |(signer, options)| {
        let mail = openssl.sign(&expected, &[signer], &options)?;
        check_same(&open_signed(&setting.stranger(), &mail)?, &expected)
    });
}

#[test]
fn a_signature_without_attributes_or_by_key_identifier_is_good() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    let mut cases = Vec::new();
    for (name, key_options) in SIGNERS {
        for option in ["-noattr", "-keyid", "-nosmimecap"] {
            // CAdES is signed attributes.
            if option == "-noattr" && key_options.contains(&"-cades") {
                continue;
            }
            for form in FORMS
                .into_iter()
                .filter(|form| is_writable(form, key_options))
            {
                let options = [form, &["-md", "sha256", option], key_options].concat();
                cases.push((
                    format!("{name}, {options:?}"),
                    (setting.person(name), options),
                ));
            }
        }
    }
    check_all(cases, |(signer, options)| {
        let mail = openssl.sign(&expected, &[signer], &options)?;
        check_same(&open_signed(&setting.stranger(), &mail)?, &expected)
    });
}

#[test]
fn a_signature_without_certificates_is_good_only_where_they_are_known() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    check_all(everybody(&setting), |signer| {
        for id in [&["-nocerts"][..], &["-nocerts", "-keyid"]] {
            let mail = openssl.sign(&expected, &[signer], &[&["-md", "sha256"], id].concat())?;
            check_same(&open_signed(&setting.engine(), &mail)?, &expected)?;
            check_verdict(&setting.stranger(), &mail, "no_certificate")?;
        }
        Ok(())
    });
}

#[test]
fn we_get_the_very_bytes_that_openssl_signed() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let signer = setting.person("p256");
    check_all(entities(), |(written, expected)| {
        for form in FORMS {
            let mail = openssl.sign(&written, &[signer], &[form, &["-md", "sha256"]].concat())?;
            check_same(&open_signed(&setting.stranger(), &mail)?, &expected)
                .map_err(|why| format!("{form:?}: {why}"))?;
        }
        Ok(())
    });
}

#[test]
fn both_signatures_of_one_person_are_good() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    check_all(everybody(&setting), |signer| {
        let second = setting.second_key(signer);
        for form in FORMS {
            let options = [form, &["-md", "sha256"]].concat();
            let mail = openssl.sign(&expected, &[signer, &second], &options)?;
            check_same(&open_signed(&setting.stranger(), &mail)?, &expected)?;
        }
        Ok(())
    });
}

#[test]
fn a_second_signature_by_somebody_else_is_not_the_senders() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let signers = [setting.person("rsa2048"), setting.person("p256")];
    let mail = openssl
        .sign(&content(), &signers, &["-md", "sha256"])
        .unwrap();
    check_verdict(&setting.stranger(), &mail, "wrong_sender").unwrap();
}

#[test]
fn we_decrypt_every_cipher_of_openssl_by_every_way_to_every_key() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    check_all(
        encrypted_cases(&setting),
        |(recipient, options, authenticated)| {
            let mail = openssl.encrypt(&expected, recipient, &[recipient], &options)?;
            check_same(
                &open_encrypted(&setting.engine(), &mail, authenticated)?,
                &expected,
            )
        },
    );
}

#[test]
fn we_get_the_very_bytes_that_openssl_encrypted() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let to = setting.person("rsa2048");
    for (cipher, authenticated) in CIPHERS {
        check_all(entities(), |(written, expected)| {
            for length in [&[][..], &["-stream", "-indef"]] {
                let options = [&[cipher], length].concat();
                let mail = openssl.encrypt(&written, to, &[to], &options)?;
                let opened = open_encrypted(&setting.engine(), &mail, authenticated)?;
                check_same(&opened, &expected).map_err(|why| format!("{options:?}: {why}"))?;
            }
            Ok(())
        });
    }
}

#[test]
fn every_key_among_several_recipients_opens_the_mail() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    let all: Vec<&Person> = setting.people().iter().collect();
    for (cipher, authenticated) in CIPHERS {
        let mail = openssl.encrypt(&expected, all[0], &all, &[cipher]).unwrap();
        check_all(everybody(&setting), |person| {
            let keys = smime::Keyring::default();
            keys.add(person.identity.private_key());
            let engine = Engine {
                keys: &keys,
                ..setting.engine()
            };
            check_same(&open_encrypted(&engine, &mail, authenticated)?, &expected)
        });
    }
}

#[test]
fn a_good_signature_inside_vouches_for_what_openssl_encrypted() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let expected = content();
    let signer = setting.person("rsa3072");
    let mut signed = Vec::new();
    for form in FORMS {
        let options = [form, &["-md", "sha256"]].concat();
        signed.push(openssl.sign(&expected, &[signer], &options).unwrap());
    }
    let mut forms = signed.iter().cycle();
    check_all(encrypted_cases(&setting), |(recipient, options, _)| {
        let inner = forms.next().unwrap();
        let mail = openssl.encrypt(inner, signer, &[recipient], &options)?;
        let message = setting.engine().open(&*mail).map_err(text)?;
        match message.layers() {
            [
                Layer::Encrypted {
                    authenticated: true,
                    ..
                },
                Layer::Signed { good: true, .. },
            ] => check_same(&crate::setting::entity(&message)?, &expected),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn other_content_under_an_openssl_signature_is_found() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    check_all(everybody(&setting), |signer| {
        for option in ["-nosmimecap", "-noattr"] {
            let mail = openssl.sign(&content(), &[signer], &["-md", "sha256", option])?;
            let altered = replaced(&mail, b"Guten", b"Faden");
            check_verdict(&setting.stranger(), &altered, "bad_signature")?;
        }
        Ok(())
    });
}

#[test]
fn a_changed_character_in_openssl_ciphertext_releases_nothing_authenticated() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    check_all(
        encrypted_cases(&setting),
        |(recipient, options, authenticated)| {
            if authenticated == Authenticated::No {
                return Ok(());
            }
            let mail = openssl.encrypt(&content(), recipient, &[recipient], &options)?;
            check_refused(open_encrypted(
                &setting.engine(),
                &last_changed(&mail),
                authenticated,
            ))
        },
    );
}

#[test]
fn a_changed_character_in_openssl_cbc_ciphertext_around_a_signature_releases_nothing() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let to = setting.person("rsa2048");
    for form in FORMS {
        let options = [form, &["-md", "sha256"]].concat();
        let inner = openssl.sign(&content(), &[to], &options).unwrap();
        for cipher in ["-aes-128-cbc", "-aes-256-cbc"] {
            let mail = openssl.encrypt(&inner, to, &[to], &[cipher]).unwrap();
            let altered = changed_before(&mail, mail.len() * 3 / 4);
            check_code(&setting.engine(), &altered, "engine.decrypt_failed")
                .unwrap_or_else(|why| panic!("{options:?}, {cipher}: {why}"));
        }
    }
}

#[test]
fn a_mail_of_openssl_for_somebody_else_has_no_key_here() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    check_all(encrypted_cases(&setting), |(recipient, options, _)| {
        let mail = openssl.encrypt(&content(), recipient, &[recipient], &options)?;
        check_code(&setting.stranger(), &mail, "engine.no_key")
    });
}

#[test]
fn algorithms_outside_the_policy_are_refused_from_openssl() {
    let setting = Setting::new();
    let Some(openssl) = OpenSsl::find(&setting) else {
        return;
    };
    let rsa = setting.person("rsa2048");
    for (name, options) in [
        ("rsa2048", &["-md", "sha1"][..]),
        ("p256", &["-md", "sha1"]),
        // Not one of the digests of S/MIME (RFC 8551 §2.1).
        ("rsa2048", &["-md", "sha3-256"]),
        // Two digests in one PSS signature (RFC 4055 §3.1 asks for one).
        (
            "rsa2048",
            &[
                "-md",
                "sha256",
                "-keyopt",
                "rsa_padding_mode:pss",
                "-keyopt",
                "rsa_mgf1_md:sha1",
            ],
        ),
    ] {
        let mail = openssl
            .sign(&content(), &[setting.person(name)], options)
            .unwrap();
        check_verdict(&setting.stranger(), &mail, "refused")
            .unwrap_or_else(|why| panic!("{name}, {options:?}: {why}"));
    }
    for cipher in ["-des3", "-aes-192-cbc", "-camellia-128-cbc"] {
        let mail = openssl.encrypt(&content(), rsa, &[rsa], &[cipher]).unwrap();
        check_code(&setting.engine(), &mail, "cms.unknown_algorithm")
            .unwrap_or_else(|why| panic!("{cipher}: {why}"));
    }
}

/// Says whether OpenSSL writes this at all: 3.0 ends with "illegal zero content" where it streams
/// an object with a PSS signature and its content inside.
fn is_writable(form: &[&str], key_options: &[&str]) -> bool {
    !(form.contains(&"-indef") && key_options.contains(&"rsa_padding_mode:pss"))
}

/// What is given to the peer, and what must come out of it: mail as written, and mail whose lines
/// end as on Unix, which the peer makes canonical (RFC 8551 §3.1.1).
fn entities() -> Vec<(String, (Vec<u8>, Vec<u8>))> {
    let mut entities = Vec::new();
    for (name, content) in contents() {
        let lines = String::from_utf8(content.clone())
            .unwrap()
            .replace("\r\n", "\n");
        entities.push((name.to_owned(), (content.clone(), content.clone())));
        entities.push((format!("{name}, Unix lines"), (lines.into_bytes(), content)));
    }
    entities
}

fn everybody(setting: &Setting) -> Vec<(String, &Person)> {
    setting
        .people()
        .iter()
        .map(|person| (person.name.to_owned(), person))
        .collect()
}

fn encrypted_cases(
    setting: &Setting,
) -> Vec<(String, (&Person, Vec<&'static str>, Authenticated))> {
    let mut cases = Vec::new();
    for (name, key_options) in RECIPIENTS {
        for (cipher, authenticated) in CIPHERS {
            let options = [key_options, &[cipher]].concat();
            let case = format!("{name}, {options:?}");
            cases.push((case, (setting.person(name), options, authenticated)));
        }
    }
    cases
}

fn check_verdict(engine: &Engine<'_>, mail: &[u8], expected: &str) -> Result<(), String> {
    let message = engine.open(mail).map_err(text)?;
    match message.signature() {
        Verdict::NotGood(verdict) if verdict == expected => Ok(()),
        other => Err(format!(
            "{other:?} instead of {expected}: {:?}",
            message.layers()
        )),
    }
}

fn check_code(engine: &Engine<'_>, mail: &[u8], expected: &str) -> Result<(), String> {
    match engine.open(mail) {
        Ok(message) => Err(format!("opened: {:?}", message.layers())),
        Err(error) if error.code() == expected => Ok(()),
        Err(error) => Err(format!("{} instead of {expected}", error.code())),
    }
}

/// Changes a character among the last of the base64, which stands for bits of the tag.
fn last_changed(mail: &[u8]) -> Vec<u8> {
    let end = mail.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
    changed_before(mail, end - 4)
}

/// Changes the last base64 character before `end` that is no line end, padding or sign.
fn changed_before(mail: &[u8], end: usize) -> Vec<u8> {
    let mut mail = mail.to_vec();
    let place = mail[..end]
        .iter()
        .rposition(u8::is_ascii_alphanumeric)
        .unwrap();
    mail[place] = if mail[place] == b'A' { b'B' } else { b'A' };
    mail
}
