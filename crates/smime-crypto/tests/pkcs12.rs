//! PKCS#12 and key files that other people wrote.
//!
//! Every file is opened with the passphrase its suite gives, and what came of it is held against
//! the word of the suite. Where a file must be refused, or is refused for want of an algorithm, the files in
//! `exceptions` say why.
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
use smime_testkit::{Differences, FailingRandom, flips, peer, suite, truncations};

#[test]
fn the_files_of_botan_give_what_their_names_say() {
    let exceptions = include_str!("exceptions/botan-pkcs12.json");
    containers("botan-pkcs12", "", exceptions, 38);
}

#[test]
fn the_files_of_pyca_give_what_their_names_say() {
    containers("pyca-vectors", "pkcs12", "[]", 31);
}

#[test]
fn the_files_of_openssl_give_what_their_names_say() {
    let exceptions = include_str!("exceptions/openssl-test-pkcs12.json");
    containers("openssl-test", "pkcs12_data", exceptions, 5);
}

#[test]
fn the_files_of_rustcrypto_give_what_their_names_say() {
    let exceptions = include_str!("exceptions/rustcrypto-formats-pkcs12.json");
    containers("rustcrypto-formats", "pkcs12", exceptions, 21);
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

/// Opens every PKCS#12 file of a folder but for the exceptions; `expected` can be opened.
fn containers(name: &str, folder: &str, exceptions: &str, expected: usize) {
    let Some(suite) = suite(name) else { return };
    let mut differences = Differences::default();
    for path in files(&suite.join(folder)) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if !file.ends_with(".p12") && !file.ends_with(".pfx") {
            continue;
        }
        let passphrase = Secret::from(passphrase_of(name, &file).as_bytes());
        let result = Pkcs12::open(&fs::read(&path).unwrap(), Some(&passphrase));
        if let Ok(pkcs12) = &result {
            let items = pkcs12.keys.len() + pkcs12.certificates.len() + pkcs12.passed_over;
            assert!(items > 0, "{file}");
            for key in &pkcs12.keys {
                RustCrypto.load_private_key(&key.value).unwrap();
            }
        }
        differences.case(&file, result.err().map(|error| error.code().to_owned()));
    }
    let opened = differences.check(&format!("{name}, PKCS#12"), exceptions);
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

#[test]
fn the_key_files_of_pyca_and_rustcrypto_open_but_for_the_listed_reasons() {
    let mut differences = Differences::default();
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
            let passphrase = key_passphrase(&file);
            let passphrase = passphrase.map(|it| Secret::from(it.as_bytes()));
            let bytes = fs::read(&path).unwrap();
            let result = read_private_key(&bytes, passphrase.as_ref());
            let result = result.and_then(|key| RustCrypto.load_private_key(&key));
            let difference = match result {
                Ok(_) => None,
                // The container was opened: what is in it is not of a kind that this crate has.
                Err(Error::UnknownAlgorithm(kind))
                    if OTHER_KEYS.contains(&kind.to_string().as_str()) =>
                {
                    None
                }
                Err(error) => Some(error.code().to_owned()),
            };
            differences.case(&file, difference);
        }
    }
    differences.check("key files", include_str!("exceptions/key-files.json"));
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
