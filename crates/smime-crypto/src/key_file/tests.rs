use super::*;
use crate::{CryptoProvider, OsRandom, RustCrypto, random::NoRandom};

const P256: &[u8] = include_bytes!("../../../../testdata/keys/p256-a.pem");
const RSA1024: &[u8] = include_bytes!("../../../../testdata/keys/forms/rsa1024.pem");

macro_rules! form {
    ($name:literal) => {
        include_bytes!(concat!("../../../../testdata/keys/forms/", $name)).as_slice()
    };
}

/// The key of `p256-a.pem` under every scheme.
const PROTECTED_FORMS: &[&[u8]] = &[
    form!("p256-pbes2-pbkdf2.pem"),
    form!("p256-pbes2-pbkdf2-sha1.pem"),
    form!("p256-pbes2-scrypt.pem"),
    form!("p256-pbes2-des3-sha512.pem"),
    form!("p256-pbes2-aes-192-cbc-sha512.pem"),
    form!("p256-pbe-md5-des.pem"),
    form!("p256-pbe-md5-rc2-64.pem"),
    form!("p256-pbe-sha1-des.pem"),
    form!("p256-pbe-sha1-rc2-64.pem"),
    form!("p256-pbe-sha1-3des.pem"),
    form!("p256-pbe-sha1-2des.pem"),
    form!("p256-pbe-sha1-rc2-128.pem"),
    form!("p256-pbe-sha1-rc2-40.pem"),
    form!("p256-legacy-encrypted.pem"),
    form!("p256-legacy-aes128.pem"),
    form!("p256-legacy-aes192.pem"),
    form!("p256-legacy-des3.pem"),
    form!("p256-legacy-des-cbc.pem"),
];

#[test]
fn a_wrong_passphrase_whose_padding_looks_right_is_wrong_too() {
    // One in 256 does; none of these may be told as anything else.
    for number in 0..600_u32 {
        let wrong = Secret::from(&number.to_be_bytes()[..]);
        assert_eq!(
            read_private_key(form!("p256-legacy-encrypted.pem"), Some(&wrong)),
            Err(Error::WrongPassphrase)
        );
    }
}

#[test]
fn a_key_may_leave_its_curve_to_the_parameters_before_it() {
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.small(1);
            w.octet_string(&[7; 32]);
        });
    });
    let block = |label, der: &[u8]| {
        pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der).unwrap()
    };
    let parameters = Writer::encode(|w| w.oid(crate::oid::SECP256R1));
    let parameters = block("EC PARAMETERS", &parameters);
    let key = block("EC PRIVATE KEY", &key);
    let file = format!("{parameters}{key}{key}");
    let keys = read_private_keys(file.as_bytes(), None);
    assert_eq!(keys.len(), 2);
    assert!(keys[0].1.is_ok());
    assert_eq!(
        keys[1].1,
        Err(Error::Unsupported("EC key that names no curve"))
    );
}

#[test]
fn headers_that_are_not_those_of_an_encrypted_key_are_refused() {
    for headers in [
        "Proc-Type: 4,ENCRYPTED\n",
        "Proc-Type: 4,MIC-CLEAR\n",
        "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n",
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: RC4,0011223344556677\n",
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC\n",
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,00112233445566\n",
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,001122334455667+\n",
        "Proc-Type: 4,ENCRYPTED\nX: y\n",
        "AAAA\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n",
    ] {
        let file = format!(
            "-----BEGIN EC PRIVATE KEY-----\n{headers}\nAAAA\n-----END EC PRIVATE KEY-----\n"
        );
        let read = read_private_key(file.as_bytes(), Some(&Secret::new(vec![1])));
        assert!(
            matches!(read, Err(Error::Malformed { .. } | Error::Unsupported(_))),
            "{headers} {read:?}"
        );
    }
}

#[test]
fn every_form_holds_the_same_key() {
    let passphrase = Secret::from(&b"correct horse"[..]);
    let spki = |file: &[u8], passphrase: Option<&Secret>| {
        let pkcs8 = read_private_key(file, passphrase).unwrap();
        RustCrypto
            .load_private_key(&pkcs8)
            .unwrap()
            .public_key()
            .spki()
            .to_vec()
    };
    let expected = spki(P256, None);
    for (file, passphrase) in [
        (form!("p256-pkcs8.der"), None),
        (form!("p256-sec1.der"), None),
        (form!("p256-sec1.pem"), None),
        (form!("p256-with-certificate-crlf.pem"), None),
        (form!("p256-with-certificate-crlf.pem"), Some(&passphrase)),
        (form!("p256-pbes2-pbkdf2.pem"), Some(&passphrase)),
        (form!("p256-pbes2-pbkdf2-sha1.pem"), Some(&passphrase)),
        (form!("p256-pbes2-scrypt.pem"), Some(&passphrase)),
    ] {
        assert_eq!(spki(file, passphrase), expected);
    }
    for file in PROTECTED_FORMS {
        assert_eq!(spki(file, Some(&passphrase)), expected);
    }
    assert_eq!(spki(form!("rsa1024-pkcs1.pem"), None), spki(RSA1024, None));
}

#[test]
fn passphrases_are_asked_for_and_checked() {
    let wrong = Secret::from(&b"battery staple"[..]);
    for file in PROTECTED_FORMS {
        assert_eq!(read_private_key(file, None), Err(Error::PassphraseNeeded));
        assert_eq!(
            read_private_key(file, Some(&wrong)),
            Err(Error::WrongPassphrase)
        );
    }
}

#[test]
fn what_we_do_not_read_is_said() {
    let edwards = read_private_key(form!("ed448.pem"), None);
    assert!(matches!(edwards, Err(Error::UnknownAlgorithm(_))));
    for label in ["CERTIFICATE", "PUBLIC KEY"] {
        let file = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert!(matches!(
            read_private_key(file.as_bytes(), None),
            Err(Error::Unsupported(_))
        ));
    }
    for label in ["DSA PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        let file = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert!(matches!(
            read_private_key(file.as_bytes(), None),
            Err(Error::Unsupported(_))
        ));
    }
}

#[test]
fn files_that_are_no_key_are_malformed() {
    for file in [
        &b""[..],
        b"hello",
        b"-----BEGIN PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAA!A\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        &[0x30, 0],
        &[0x30, 3, 2, 1, 0],
        &[0x30, 0x80, 2, 1, 0, 0, 0],
    ] {
        let read = read_private_key(file, None);
        assert!(matches!(read, Err(Error::Malformed { .. })), "{read:?}");
    }
}

#[test]
fn lines_of_any_width_and_end_are_read() {
    let text = String::from_utf8(P256.to_vec()).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let expected = read_private_key(P256, None).unwrap();
    for width in [1, 5, 63, 76, 1000] {
        for end in ["\n", "\r\n", "  \n"] {
            let lines: Vec<&str> = body
                .as_bytes()
                .chunks(width)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let file = format!(
                "text before{end}-----BEGIN PRIVATE KEY-----{end}{}{end}-----END PRIVATE KEY-----",
                lines.join(end)
            );
            assert_eq!(
                read_private_key(file.as_bytes(), None),
                Ok(expected.clone())
            );
        }
    }
}

#[test]
fn a_protected_key_opens_with_its_passphrase_alone() {
    let pkcs8 = read_private_key(P256, None).unwrap();
    let passphrase = Secret::from(&b"correct horse"[..]);
    let protected = ProtectedKey::protect(&pkcs8, &passphrase, &OsRandom).unwrap();
    let again = ProtectedKey::from_der(protected.der()).unwrap();
    assert_eq!(again.open(&passphrase), Ok(pkcs8.clone()));
    assert_eq!(
        read_private_key(protected.der(), Some(&passphrase)),
        Ok(pkcs8.clone())
    );
    assert_eq!(
        again.open(&Secret::new(Vec::new())),
        Err(Error::WrongPassphrase)
    );
    assert_ne!(
        ProtectedKey::protect(&pkcs8, &passphrase, &OsRandom),
        Ok(protected.clone())
    );
    assert_eq!(format!("{protected:?}"), "ProtectedKey");
    let mut altered = protected.der().to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let altered = ProtectedKey::from_der(&altered).unwrap();
    assert_eq!(altered.open(&passphrase), Err(Error::WrongPassphrase));
}

#[test]
fn only_a_key_can_be_protected_and_only_with_randomness() {
    let (pkcs8, passphrase) = (read_private_key(P256, None).unwrap(), Secret::new(vec![1]));
    let none = Secret::new(vec![0x30, 0]);
    assert!(ProtectedKey::protect(&none, &passphrase, &OsRandom).is_err());
    let failed = ProtectedKey::protect(&pkcs8, &passphrase, &NoRandom);
    assert_eq!(failed, Err(Error::NoRandomness));
}

#[test]
fn costs_beyond_measure_are_refused_before_any_work() {
    let scheme = |kdf: &[u8], parameters: &[&[u8]]| {
        let parameters = tlv(0x30, parameters);
        let kdf = tlv(0x30, &[&tlv(6, &[kdf]), &parameters]);
        let cipher = tlv(
            0x30,
            &[
                &tlv(6, &[crate::oid::AES256_CBC.as_bytes()]),
                &tlv(4, &[&[0; 16]]),
            ],
        );
        let pbes2 = crate::Oid::new("1.2.840.113549.1.5.13");
        let scheme = tlv(
            0x30,
            &[&tlv(6, &[pbes2.as_bytes()]), &tlv(0x30, &[&kdf, &cipher])],
        );
        tlv(0x30, &[&scheme, &tlv(4, &[&[0; 16]])])
    };
    let number = |number: u64| Writer::encode(|w| w.unsigned(&number.to_be_bytes()));
    let salt = tlv(4, &[&[0; 8]]);
    let pbkdf2 = crate::Oid::new("1.2.840.113549.1.5.12");
    let scrypt = crate::Oid::new("1.3.6.1.4.1.11591.4.11");
    let mut keys = Vec::new();
    for iterations in [0, 10_000_001, u64::from(u32::MAX)] {
        keys.push(scheme(pbkdf2.as_bytes(), &[&salt, &number(iterations)]));
    }
    for (n, r, p) in [
        (0, 8, 1),
        (1, 8, 1),
        (1000, 8, 1),
        (1 << 19, 8, 1),
        (1 << 63, 8, 1),
        (1 << 14, 0, 1),
        (1 << 14, 65_535, 1),
        (1 << 14, 8, 0),
        (1 << 14, 8, 65_535),
    ] {
        keys.push(scheme(
            scrypt.as_bytes(),
            &[&salt, &number(n), &number(r), &number(p)],
        ));
    }
    let passphrase = Secret::new(vec![1]);
    for key in keys {
        let opened = ProtectedKey::from_der(&key).unwrap().open(&passphrase);
        assert_eq!(
            opened,
            Err(Error::Unsupported("cost of the key's protection"))
        );
    }
    let affordable = scheme(pbkdf2.as_bytes(), &[&salt, &number(1)]);
    let opened = ProtectedKey::from_der(&affordable)
        .unwrap()
        .open(&passphrase);
    assert_eq!(opened, Err(Error::WrongPassphrase));
}

#[test]
fn damaged_files_give_errors_and_no_panic() {
    let passphrase = Secret::from(&b"correct horse"[..]);
    let protected = block(form!("p256-pbes2-scrypt.pem"));
    let keys = [
        form!("p256-pkcs8.der").to_vec(),
        form!("p256-sec1.der").to_vec(),
        block(RSA1024),
    ];
    for der in &keys {
        for cut in 0..der.len() {
            assert!(read_private_key(&der[..cut], None).is_err());
        }
        for position in 0..der.len() {
            let mut altered = der.clone();
            altered[position] ^= 0x41;
            let _ = read_private_key(&altered, None);
        }
    }
    for position in 0..80 {
        let mut altered = protected.clone();
        altered[position] ^= 0x41;
        assert!(
            read_private_key(&altered, Some(&passphrase)).is_err(),
            "byte {position}"
        );
    }
}

fn block(file: &[u8]) -> Vec<u8> {
    let (_, block) = pem::Blocks::new(file).next().unwrap();
    block.unwrap().content.expose().to_vec()
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    Writer::encode(|w| w.element(Tag(tag), &parts.concat()))
}
