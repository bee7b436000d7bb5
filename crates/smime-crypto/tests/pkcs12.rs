//! PKCS#12 and key files that other people wrote.
//!
//! Every file is opened with the passphrase its suite gives, and what came of it is held against
//! the word of the suite. Where a file must be refused, or is refused for want of an algorithm, the
//! tables say why; a line that is no longer true fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use proptest::prelude::*;
use smime_crypto::{
    CryptoProvider as _, Error, OsRandom, Pkcs12, Pkcs12Builder, Pkcs12Integrity, RustCrypto,
    Secret, read_private_key, read_private_keys,
};
use smime_testkit::{FailingRandom, flips, peer, suite, truncations};

#[test]
fn the_files_of_botan_give_what_their_names_say() {
    containers("botan-pkcs12", "", REFUSED_BOTAN, 38);
}

#[test]
fn the_files_of_pyca_give_what_their_names_say() {
    containers("pyca-vectors", "pkcs12", &[], 31);
}

#[test]
fn the_files_of_openssl_give_what_their_names_say() {
    containers("openssl-test", "pkcs12_data", REFUSED_OPENSSL, 5);
}

#[test]
fn the_files_of_rustcrypto_give_what_their_names_say() {
    containers("rustcrypto-formats", "pkcs12", REFUSED_RUSTCRYPTO, 21);
}

#[test]
fn the_files_of_pkits_hold_a_key_and_its_certificate() {
    let Some(folder) = suite("pkits") else { return };
    let files = files(&folder.join("pkcs12"));
    assert_eq!(files.len(), 405);
    let passphrase = Secret::from(&b"password"[..]);
    for path in files {
        let opened = Pkcs12::open(&fs::read(&path).unwrap(), Some(&passphrase)).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy();
        assert_eq!(
            (opened.keys.len(), opened.certificates.len()),
            (1, 1),
            "{name}"
        );
        assert_eq!(opened.integrity, Pkcs12Integrity::Mac);
        let certificate = fs::read(folder.join(format!("certs/{name}.crt"))).unwrap();
        assert_eq!(opened.certificates[0].value, certificate, "{name}");
        assert_eq!(
            opened.keys[0].local_key_id,
            opened.certificates[0].local_key_id
        );
    }
    println!("pkits: 405 of 405 opened");
}

/// Opens every PKCS#12 file of a folder, but for those `refused`; `expected` can be opened.
fn containers(name: &str, folder: &str, refused: &[(&str, &str, &str)], expected: usize) {
    let Some(suite) = suite(name) else { return };
    let folder = suite.join(folder);
    let (mut opened, mut seen) = (0, 0);
    for path in files(&folder) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if !file.ends_with(".p12") && !file.ends_with(".pfx") {
            continue;
        }
        seen += 1;
        let passphrase = Secret::from(passphrase_of(name, &file).as_bytes());
        let result = Pkcs12::open(&fs::read(&path).unwrap(), Some(&passphrase));
        let exception = refused.iter().find(|(refused, ..)| *refused == file);
        match (result, exception) {
            (Ok(pkcs12), None) => {
                let items = pkcs12.keys.len() + pkcs12.certificates.len() + pkcs12.passed_over;
                assert!(items > 0, "{file}");
                for key in &pkcs12.keys {
                    RustCrypto.load_private_key(&key.value).unwrap();
                }
                opened += 1;
            }
            (Err(error), Some((_, code, reason))) => {
                assert_eq!(error.code(), *code, "{file}: {reason}");
            }
            (result, exception) => panic!("{file}: {result:?}, but {exception:?}"),
        }
    }
    println!(
        "{name}: {opened} of {seen} opened, {} refused for a reason",
        refused.len()
    );
    assert_eq!(
        seen,
        opened + refused.len(),
        "a stale exception is a failure too"
    );
    assert_eq!(opened, expected);
}

fn passphrase_of(suite: &str, file: &str) -> &'static str {
    match (suite, file) {
        (_, "java-truststore.p12" | "no-password.p12" | "example.pfx") => "",
        (_, file) if file.ends_with("no-pwd.p12") => "",
        (_, file) if file.ends_with("pwd.p12") || file.starts_with("Valid") => "password",
        (_, file) if file.starts_with("openssl_") => "test123",
        ("openssl-test" | "rustcrypto-formats", _) => "1234",
        _ => "cryptography",
    }
}

const UNSUPPORTED: &str = "crypto.unsupported";
const UNKNOWN: &str = "crypto.unknown_algorithm";
const MALFORMED: &str = "crypto.malformed";
const WRONG: &str = "crypto.wrong_passphrase";

/// Files that must not open, the code and why.
const REFUSED_BOTAN: &[(&str, &str, &str)] = &[
    (
        "envelopeddata_content.pfx",
        UNSUPPORTED,
        "privacy by a public key",
    ),
    (
        "nesting_too_deep.pfx",
        UNSUPPORTED,
        "eleven bags in each other",
    ),
    ("pfx_version_2.pfx", UNSUPPORTED, "only version 3 exists"),
];
const REFUSED_OPENSSL: &[(&str, &str, &str)] = &[
    ("bad1.p12", MALFORMED, "authSafe without content"),
    ("bad2.p12", WRONG, "the MAC is of the empty passphrase"),
    ("bad3.p12", WRONG, "the MAC is of the empty passphrase"),
    ("nomac_parse.p12", UNSUPPORTED, "privacy by a public key"),
    ("pbmac1_256_256.bad-iter.p12", WRONG, "wrong iterations"),
    (
        "pbmac1_256_256.bad-key-len.p12",
        UNSUPPORTED,
        "absurd key length",
    ),
    (
        "pbmac1_256_256.bad-len.p12",
        UNSUPPORTED,
        "absurd key length",
    ),
    (
        "pbmac1_256_256.bad-salt-type.p12",
        MALFORMED,
        "salt of another type",
    ),
    ("pbmac1_256_256.bad-salt.p12", WRONG, "wrong salt"),
    (
        "pbmac1_256_256.negative-len.p12",
        UNSUPPORTED,
        "absurd key length",
    ),
    (
        "pbmac1_256_256.no-len.p12",
        UNSUPPORTED,
        "key length left out (RFC 9579)",
    ),
    ("pbmac1_256_256.no-salt.p12", MALFORMED, "salt left out"),
    (
        "pbmac1_256_256.very-big-len.p12",
        UNSUPPORTED,
        "absurd key length",
    ),
    (
        "pbmac1_256_256.zero-len.p12",
        UNSUPPORTED,
        "absurd key length",
    ),
];
const REFUSED_RUSTCRYPTO: &[(&str, &str, &str)] = &[(
    "example11.pfx",
    UNKNOWN,
    "MAC by BLAKE2, which nobody writes",
)];

#[test]
fn the_key_files_of_pyca_and_rustcrypto_open_but_for_the_listed_reasons() {
    let (mut opened, mut seen, mut used) = (0, 0, 0);
    for (name, part) in [
        ("pyca-vectors", "asymmetric/PKCS8"),
        ("pyca-vectors", "asymmetric/PEM_Serialization"),
        ("pyca-vectors", "asymmetric/DER_Serialization"),
        (
            "pyca-vectors",
            "asymmetric/Traditional_OpenSSL_Serialization",
        ),
        ("rustcrypto-formats", "pkcs8"),
    ] {
        let Some(folder) = suite(name) else { return };
        for path in files(&folder.join(part)) {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            if file.contains("pub") || file.contains("dsaparam") || file == "README.txt" {
                continue;
            }
            seen += 1;
            let passphrase = key_passphrase(&file);
            let passphrase = passphrase.map(|it| Secret::from(it.as_bytes()));
            let bytes = fs::read(&path).unwrap();
            let result = read_private_key(&bytes, passphrase.as_ref());
            let result = result.and_then(|key| RustCrypto.load_private_key(&key));
            let exception = REFUSED_KEYS.iter().find(|(refused, ..)| *refused == file);
            match (result, exception) {
                (Ok(_), None) => opened += 1,
                // The container was opened: what is in it is not of a kind that this crate has.
                (Err(Error::UnknownAlgorithm(kind)), None)
                    if OTHER_KEYS.contains(&kind.to_string().as_str()) =>
                {
                    opened += 1;
                }
                (Err(error), Some((_, code, reason))) => {
                    assert_eq!(error.code(), *code, "{file}: {reason}");
                    used += 1;
                }
                (result, exception) => panic!("{file}: {result:?}, but {exception:?}"),
            }
        }
    }
    println!("key files: {opened} of {seen} opened, {used} refused for a reason");
    assert_eq!(
        used,
        REFUSED_KEYS.len(),
        "a stale exception is a failure too"
    );
}

fn key_passphrase(file: &str) -> Option<&'static str> {
    match file {
        "enc-rsa-pkcs8.pem" | "enc-rsa-pkcs8.der" => Some("foobar"),
        "enc2-rsa-pkcs8.pem" | "enc2-rsa-pkcs8.der" | "rsa-40bitrc2.pem" => Some("baz"),
        "enc-rsa-3des.pem" | "rsa-pbe-3des-long-salt.pem" | "testrsa-encrypted.pem" => {
            Some("password")
        }
        "rsa-pbewithmd5anddescbc.pem" => Some("hunter2"),
        "rsa-rc2-cbc.pem" | "rsa-rc2-cbc-effective-key-length.pem" => {
            Some("Red Hat Enterprise Linux 7.4")
        }
        "key2.pem" => Some("a123456"),
        "rsa_private_key.pem" | "ec_private_key_encrypted.pem" | "ec_private_key_encrypted.der" => {
            Some("123456")
        }
        file if file.starts_with("rsa_pkcs8_pbes2") || file == "rsa-aes-192-cbc.pem" => {
            Some("PolarSSLTest")
        }
        file if file.starts_with("pkcs12_s2k") || file.starts_with("key1") => Some("123456"),
        file if file.contains("enc") || file == "ed25519-scrypt.pem" => Some("hunter42"),
        _ => None,
    }
}

/// Kinds of key that no provider here has: DSA, Ed25519, X25519, RSA for PSS alone, bign.
const OTHER_KEYS: &[&str] = &[
    "1.2.840.10040.4.1",
    "1.3.101.112",
    "1.3.101.110",
    "1.2.840.113549.1.1.10",
    "1.2.112.0.2.0.34.101.45.2.1",
];

const REFUSED_KEYS: &[(&str, &str, &str)] = &[
    ("bad-encryption-oid.pem", UNKNOWN, "no such algorithm"),
    ("bad-oid-dsa-key.pem", UNKNOWN, "no such algorithm"),
    ("ec-inconsistent-curve.pem", UNSUPPORTED, "names two curves"),
    (
        "ec-inconsistent-curve2.pem",
        UNSUPPORTED,
        "names two curves",
    ),
    (
        "ec-invalid-private-scalar.pem",
        MALFORMED,
        "scalar of another length",
    ),
    ("ec-invalid-version.pem", UNSUPPORTED, "no such version"),
    (
        "ec_oid_not_in_reg_private_2.pkcs8.pem",
        UNSUPPORTED,
        "explicit curve parameters",
    ),
    ("enc-ec-sha1-128-rc4.pem", UNKNOWN, "RC4"),
    (
        "enc-rsa-pkcs8-pbkdf2-0iter.pem",
        UNSUPPORTED,
        "no iteration",
    ),
    ("enc-unknown-algorithm.pem", UNKNOWN, "no such algorithm"),
    ("enc-unknown-kdf.pem", UNKNOWN, "no such algorithm"),
    ("enc-unknown-pbkdf2-prf.pem", UNKNOWN, "no such algorithm"),
    (
        "nodompar_private.pkcs8.pem",
        UNSUPPORTED,
        "explicit curve parameters",
    ),
    ("private.pem", UNSUPPORTED, "explicit curve parameters"),
    (
        "rsa-rc2-cbc-effective-key-length.pem",
        UNSUPPORTED,
        "RC2 of an odd strength",
    ),
    ("unknown-oid.der", UNKNOWN, "no such algorithm"),
    (
        "withdompar_private.pkcs8.pem",
        UNKNOWN,
        "a curve of its own",
    ),
    (
        "wrong-pem-delimiter-rsa.pem",
        MALFORMED,
        "the label is wrong",
    ),
    ("dsa_4096.pem", UNSUPPORTED, "DSA"),
    ("dsa_private_key.pem", UNSUPPORTED, "DSA"),
    (
        "rsa-bad-1025-q-is-2.pem",
        "crypto.wrong_key",
        "a prime is 2",
    ),
    ("dsa.1024.der", MALFORMED, "DSA"),
    ("dsa.2048.der", MALFORMED, "DSA"),
    ("dsa.3072.der", MALFORMED, "DSA"),
    ("dsa-wrong-version.pem", UNSUPPORTED, "DSA"),
    ("dsa.1024.pem", UNSUPPORTED, "DSA"),
    ("dsa.2048.pem", UNSUPPORTED, "DSA"),
    ("dsa.3072.pem", UNSUPPORTED, "DSA"),
    (
        "key1-malformed-dek-info.pem",
        UNSUPPORTED,
        "no such DEK-Info",
    ),
    ("key1-malformed-iv.pem", UNSUPPORTED, "no such DEK-Info"),
    ("key1-no-dek-info.pem", MALFORMED, "no DEK-Info"),
    ("key1-short-iv.pem", UNSUPPORTED, "no such DEK-Info"),
    ("rsa-wrong-version.pem", UNSUPPORTED, "no such version"),
];

#[test]
fn openssl_reads_what_we_write_and_we_read_it_back() {
    let (key, certificate) = key_and_certificate();
    for passphrase in ["", "correct horse", "Grüße 𝄞"] {
        let secret = Secret::from(passphrase.as_bytes());
        let written = Pkcs12Builder::new(&key, &certificate)
            .authority(&certificate)
            .friendly_name("Alicé")
            .finish(&secret, &OsRandom)
            .unwrap();
        let read = Pkcs12::open(&written, Some(&secret)).unwrap();
        assert_eq!(read.integrity, Pkcs12Integrity::Mac);
        assert_eq!(read.keys[0].value, key);
        assert_eq!(read.keys[0].friendly_name.as_deref(), Some("Alicé"));
        assert_eq!(read.keys[0].local_key_id, read.certificates[0].local_key_id);
        assert!(read.keys[0].local_key_id.is_some());
        assert_eq!(read.certificates[0].value, certificate);
        assert_eq!(read.certificates[1].local_key_id, None);
        let Some(openssl) = peer("openssl") else {
            return;
        };
        let folder = std::env::temp_dir().join(format!("smime-pkcs12-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("written.p12");
        fs::write(&path, &written).unwrap();
        let judge = Command::new(openssl)
            .args(["pkcs12", "-nodes", "-in"])
            .arg(&path)
            .args(["-passin", &format!("pass:{passphrase}")])
            .output()
            .unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let text = String::from_utf8_lossy(&judge.stdout).into_owned();
        assert!(
            judge.status.success(),
            "{}",
            String::from_utf8_lossy(&judge.stderr)
        );
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2);
        assert_eq!(read_private_key(text.as_bytes(), None).unwrap(), key);
    }
}

#[test]
fn only_a_key_is_written_and_only_with_randomness() {
    let (key, certificate) = key_and_certificate();
    let (none, passphrase) = (Secret::new(vec![0x30, 0]), Secret::new(vec![1]));
    let failed = Pkcs12Builder::new(&none, &certificate).finish(&passphrase, &OsRandom);
    assert!(matches!(failed, Err(Error::Malformed { .. })));
    let failed = Pkcs12Builder::new(&key, &certificate).finish(&passphrase, &FailingRandom);
    assert_eq!(failed, Err(Error::NoRandomness));
}

#[test]
fn every_key_of_a_file_is_read_and_a_broken_one_costs_no_other() {
    let (key, _) = key_and_certificate();
    let plain = include_str!("../../../testdata/keys/p256-a.pem");
    let legacy = include_str!("../../../testdata/keys/forms/p256-legacy-encrypted.pem");
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n";
    let dsa = "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n";
    let file = format!("{broken}{plain}text\n{dsa}{legacy}");
    let passphrase = Secret::from(&b"correct horse"[..]);
    let keys = read_private_keys(file.as_bytes(), Some(&passphrase));
    let positions: Vec<usize> = keys.iter().map(|(position, _)| *position).collect();
    let second = broken.len() + plain.len() + 5;
    assert_eq!(positions[..3], [0, broken.len(), second]);
    assert!(matches!(keys[0].1, Err(Error::Malformed { .. })));
    assert_eq!(keys[1].1, Ok(key));
    assert!(matches!(keys[2].1, Err(Error::Unsupported(_))));
    assert!(keys[3].1.is_ok());
    let keys = read_private_keys(file.as_bytes(), None);
    assert_eq!(keys[3].1, Err(Error::PassphraseNeeded));
    let certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(read_private_keys(certificate, None).is_empty());
    assert_eq!(read_private_keys(b"", None).len(), 1);
}

fn key_and_certificate() -> (Secret, Vec<u8>) {
    let opened = Pkcs12::open(&cheap(), Some(&Secret::from(&b"1234"[..]))).unwrap();
    let key = include_bytes!("../../../testdata/keys/p256-a.pem");
    let key = read_private_key(key, None).unwrap();
    assert_eq!(opened.keys[0].value, key);
    (key, opened.certificates[0].value.clone())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// A file that costs little to open: its passphrase is `1234`.
fn cheap() -> Vec<u8> {
    include_bytes!("../../../testdata/keys/forms/p256-cheap.p12").to_vec()
}

#[test]
fn a_damaged_file_never_opens_as_authentic() {
    let (file, passphrase) = (cheap(), Secret::from(&b"1234"[..]));
    let whole = Pkcs12::open(&file, Some(&passphrase)).unwrap();
    assert_eq!(whole.integrity, Pkcs12Integrity::Mac);
    for short in truncations(&file) {
        assert!(Pkcs12::open(short, Some(&passphrase)).is_err());
    }
    for (at, damaged) in flips(&file) {
        if let Ok(opened) = Pkcs12::open(&damaged, Some(&passphrase)) {
            // Bytes beside the MAC that nobody reads, such as the NULL of an algorithm.
            assert_eq!(opened.keys[0].value, whole.keys[0].value, "byte {at}");
            assert_eq!(
                opened.certificates[0].value, whole.certificates[0].value,
                "byte {at}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_two_bytes_changed_give_an_error_or_the_same(
        (one, two, bits) in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..=255_u8)
    ) {
        let (mut file, passphrase) = (cheap(), Secret::from(&b"1234"[..]));
        let whole = Pkcs12::open(&file, Some(&passphrase)).unwrap();
        let (one, two) = (one.index(file.len()), two.index(file.len()));
        file[one] ^= bits;
        file[two] = file[two].wrapping_add(bits);
        if let Ok(opened) = Pkcs12::open(&file, Some(&passphrase)) {
            prop_assert_eq!(&opened.keys[0].value, &whole.keys[0].value);
        }
    }
}
