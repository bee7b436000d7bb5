//! Private keys under a store key.

use std::{fs, path::PathBuf};

use redb::{Database, ReadableTable as _, TableDefinition};
use smime_crypto::{
    CryptoProvider as _, Error as CryptoError, PublicKey, RustCrypto, Secret, UnixTime,
    read_private_key,
};
use smime_store::{
    Addition, Embedded, Error, ImportOptions, KeyAtRest, KeyFile, KeyImport, KeysOfDeleted,
    Operation, Store, StoreKeyKind, StoreKeySource, Trust, import, import_key, public_key_id,
};
use smime_testkit::{FailingRandom, Population, SeededRandom};
use tempfile::TempDir;

use crate::making::{DAY, NOW, person_with_key, sign};

const P256: &[u8] = include_bytes!("../../../../testdata/keys/p256-a.pem");
const OTHER: &[u8] = include_bytes!("../../../../testdata/keys/p256-b.pem");

const KEYS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("keys");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

fn pkcs8(file: &[u8]) -> Secret {
    read_private_key(file, None).unwrap()
}

fn public_key(file: &[u8]) -> PublicKey {
    let key = RustCrypto.load_private_key(&pkcs8(file)).unwrap();
    key.public_key().clone()
}

fn id(file: &[u8]) -> [u8; 32] {
    public_key_id(&public_key(file))
}

fn secret(text: &str) -> Secret {
    Secret::from(text.as_bytes())
}

fn key_file(digit: char) -> KeyFile {
    KeyFile::read(digit.to_string().repeat(64).as_bytes()).unwrap()
}

/// A folder with a store, whose certificates are of the two keys.
struct Folder {
    folder: TempDir,
    random: SeededRandom,
}

impl Folder {
    fn new() -> Self {
        let folder = Self {
            folder: tempfile::tempdir().unwrap(),
            random: SeededRandom::new(1),
        };
        let certificates = [(1, P256), (2, OTHER)].map(|(number, file)| {
            sign(person_with_key(number, "a@example.com", &public_key(file)))
        });
        let store = folder.open();
        store.add_certificates(&certificates, NOW).unwrap();
        folder
    }

    /// With the first key under a passphrase of its own, and a store key that `1…` opens.
    fn protected() -> Self {
        let folder = Self::new();
        let store = folder.open();
        folder.import(&store, P256, Some("its own")).unwrap();
        let opener = key_file('1');
        let sealed = folder.protect(&store, StoreKeySource::KeyFile(&opener));
        assert_eq!(sealed.unwrap(), 1);
        folder
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store.redb")
    }

    fn open(&self) -> Embedded {
        Embedded::open(&self.path()).unwrap()
    }

    fn import(
        &self,
        store: &Embedded,
        file: &[u8],
        at_rest: Option<&str>,
    ) -> Result<Addition, Error> {
        let at_rest = at_rest.map(secret);
        let (at_rest, random) = (at_rest.as_ref(), &self.random);
        import_key(store, &RustCrypto, file, None, at_rest, random, NOW).map(|it| it.addition)
    }

    fn protect(&self, store: &Embedded, source: StoreKeySource<'_>) -> Result<u64, Error> {
        store.protect(source, &self.random, NOW)
    }

    /// Changes the tables of private keys and of the rest as somebody who can write the file.
    fn edit(
        &self,
        edit: impl FnOnce(
            &mut redb::Table<'_, &'static [u8; 32], &'static [u8]>,
            &mut redb::Table<'_, &'static str, &'static [u8]>,
        ),
    ) {
        let database = Database::open(self.path()).unwrap();
        let transaction = database.begin_write().unwrap();
        edit(
            &mut transaction.open_table(KEYS).unwrap(),
            &mut transaction.open_table(META).unwrap(),
        );
        transaction.commit().unwrap();
    }

    /// Returns the records of the private keys as they stand in the file.
    fn records(&self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        self.edit(|keys, _| {
            for entry in keys.iter().unwrap() {
                records.push(entry.unwrap().1.value().to_vec());
            }
        });
        records
    }
}

#[test]
fn a_store_key_opens_by_what_it_was_made_with_and_nothing_else() {
    let (passphrase, wrong) = (secret("of the store"), secret("another"));
    let (file, other_file) = (key_file('1'), key_file('2'));
    let by_passphrase = StoreKeySource::Passphrase(&passphrase);
    let by_file = StoreKeySource::KeyFile(&file);
    let empty = secret("");
    let digits = file.content();
    for (right, kind, wrong) in [
        (
            by_passphrase,
            StoreKeyKind::Passphrase,
            [
                StoreKeySource::Passphrase(&wrong),
                StoreKeySource::Passphrase(&empty),
                by_file,
            ],
        ),
        (
            by_file,
            StoreKeyKind::KeyFile,
            [
                StoreKeySource::KeyFile(&other_file),
                StoreKeySource::Passphrase(&digits),
                by_passphrase,
            ],
        ),
    ] {
        let folder = Folder::new();
        let store = folder.open();
        assert_eq!(store.store_key_kind().unwrap(), None);
        folder.protect(&store, right).unwrap();
        drop(store);
        let store = folder.open();
        assert_eq!(store.store_key_kind().unwrap(), Some(kind));
        for source in wrong {
            let error = store.unlock(source).unwrap_err();
            assert!(matches!(error, Error::WrongStoreKey), "{error:?}");
            assert_eq!(error.code(), "store.wrong_key");
        }
        store.unlock(right).unwrap();
    }
}

#[test]
fn a_locked_store_does_everything_but_read_and_add_keys() {
    let folder = Folder::protected();
    let store = folder.open();
    let error = store.key(&id(P256)).unwrap_err();
    assert!(matches!(error, Error::Sealed), "{error:?}");
    assert_eq!(error.code(), "store.sealed");
    for file in [P256, OTHER] {
        for at_rest in [Some("x"), None] {
            let error = folder.import(&store, file, at_rest).unwrap_err();
            assert!(matches!(error, Error::Sealed), "{error:?}");
        }
    }
    assert!(store.key(&id(OTHER)).unwrap().is_none(), "there is none");
    assert!(store.has_key(&id(P256)).unwrap() && !store.has_key(&id(OTHER)).unwrap());
    assert_eq!(store.key_ids().unwrap(), [id(P256)]);
    let mine = store.by_public_key(&id(P256)).unwrap().remove(0);
    assert!(mine.has_key);
    let fingerprint = mine.certificate.fingerprint();
    store.set_trust(&fingerprint, Trust::Distrusted).unwrap();
    store.check_log().unwrap();
    let gone = store.delete_certificates(&[fingerprint], KeysOfDeleted::Go);
    assert_eq!(gone.unwrap(), [id(P256)]);
    assert!(store.key_ids().unwrap().is_empty());
}

#[test]
fn a_key_keeps_its_own_passphrase_under_the_seal() {
    let folder = Folder::protected();
    let store = folder.open();
    store
        .unlock(StoreKeySource::KeyFile(&key_file('1')))
        .unwrap();
    let key = store.key(&id(P256)).unwrap().unwrap();
    assert!(matches!(key, KeyAtRest::Protected(_)));
    assert_eq!(key.open(Some(&secret("its own"))).unwrap(), pkcs8(P256));
    assert_eq!(
        key.open(Some(&secret("other"))),
        Err(CryptoError::WrongPassphrase)
    );
    assert_eq!(key.open(None), Err(CryptoError::PassphraseNeeded));
    // One that comes later is sealed as well, and one that is there stays.
    folder.import(&store, OTHER, Some("another")).unwrap();
    let again = folder.import(&store, P256, Some("new")).unwrap();
    assert_eq!(again, Addition::AlreadyThere { since: NOW });
    let other = store.key(&id(OTHER)).unwrap().unwrap();
    assert_eq!(other.open(Some(&secret("another"))).unwrap(), pkcs8(OTHER));
}

#[test]
fn under_a_store_key_a_key_can_rest_without_a_passphrase() {
    let folder = Folder::protected();
    let store = folder.open();
    let opener = key_file('1');
    store.unlock(StoreKeySource::KeyFile(&opener)).unwrap();
    assert_eq!(folder.import(&store, OTHER, None).unwrap(), Addition::Added);
    drop(store);
    let store = folder.open();
    store.unlock(StoreKeySource::KeyFile(&opener)).unwrap();
    let key = store.key(&id(OTHER)).unwrap().unwrap();
    assert_eq!(key, KeyAtRest::Plain(pkcs8(OTHER)));
    assert_eq!(key.open(None).unwrap(), pkcs8(OTHER));
    drop(store);
    let file = fs::read(folder.path()).unwrap();
    // The middle of the private value; the public key stands in the certificate.
    for part in pkcs8(OTHER).expose()[40..64].windows(16) {
        assert!(!file.windows(16).any(|window| window == part));
    }
}

#[test]
fn an_import_of_certificates_takes_plain_keys_under_a_store_key() {
    let folder = Folder::new();
    let store = folder.open();
    let opener = key_file('1');
    folder
        .protect(&store, StoreKeySource::KeyFile(&opener))
        .unwrap();
    let options = ImportOptions {
        keys: Some(KeyImport {
            passphrase: None,
            provider: &RustCrypto,
            random: &folder.random,
        }),
        ..ImportOptions::new(NOW)
    };
    let protected = include_bytes!("../../../../testdata/keys/forms/p256-pbes2-pbkdf2.pem");
    let file = [OTHER, protected].concat();
    let summary = import(&store, &file[..], &options, &mut |_| ())
        .unwrap()
        .summary;
    assert_eq!(
        (summary.added, summary.refused),
        (1, 1),
        "one has a passphrase"
    );
    let key = store.key(&id(OTHER)).unwrap().unwrap();
    assert_eq!(key, KeyAtRest::Plain(pkcs8(OTHER)));
}

#[test]
fn the_other_key_opens_the_store_after_rotation_and_the_old_one_nothing() {
    let passphrase = secret("of the store");
    let (one, two) = (key_file('1'), key_file('2'));
    let steps = [
        StoreKeySource::KeyFile(&one),
        StoreKeySource::Passphrase(&passphrase),
        StoreKeySource::KeyFile(&two),
        StoreKeySource::KeyFile(&one),
    ];
    let folder = Folder::protected();
    for step in steps.windows(2) {
        let store = folder.open();
        let before = {
            drop(store);
            folder.records()
        };
        let store = folder.open();
        let keys = store.rotate(step[0], step[1], &folder.random, NOW).unwrap();
        assert_eq!(keys, 1);
        assert!(store.key(&id(P256)).is_ok(), "it is unlocked");
        drop(store);
        assert_ne!(folder.records(), before, "sealed anew");
        let store = folder.open();
        let error = store.unlock(step[0]).unwrap_err();
        assert!(matches!(error, Error::WrongStoreKey), "{error:?}");
        let again = store.rotate(step[0], step[0], &folder.random, NOW);
        assert!(matches!(again, Err(Error::WrongStoreKey)), "{again:?}");
        store.unlock(step[1]).unwrap();
        let key = store.key(&id(P256)).unwrap().unwrap();
        assert_eq!(key.open(Some(&secret("its own"))).unwrap(), pkcs8(P256));
    }
}

#[test]
fn a_compacted_file_holds_nothing_of_the_seals_before() {
    let folder = Folder::protected();
    let store = folder.open();
    let mut people = Vec::new();
    Population::new(2000).write_pem(&mut people).unwrap();
    import(&store, &people[..], &ImportOptions::new(NOW), &mut |_| ()).unwrap();
    let opener = key_file('1');
    let source = StoreKeySource::KeyFile(&opener);
    store.unlock(source).unwrap();
    folder.import(&store, OTHER, None).unwrap();
    drop(store);
    let before = folder.records();
    let mut store = folder.open();
    store.rotate(source, source, &folder.random, NOW).unwrap();
    store.compact().unwrap();
    drop(store);
    let file = fs::read(folder.path()).unwrap();
    for record in before {
        let part = &record[20..44];
        assert!(!file.windows(24).any(|window| window == part));
    }
    let store = folder.open();
    store.unlock(source).unwrap();
    let key = store.key(&id(OTHER)).unwrap().unwrap();
    assert_eq!(key, KeyAtRest::Plain(pkcs8(OTHER)));
    assert_eq!(store.summary().unwrap().certificates, 2002);
}

#[test]
fn protecting_and_rotating_are_in_the_log() {
    let folder = Folder::protected();
    let store = folder.open();
    let passphrase = secret("of the store");
    let later = UnixTime(NOW.0 + DAY);
    let old = key_file('1');
    let (old, new) = (
        StoreKeySource::KeyFile(&old),
        StoreKeySource::Passphrase(&passphrase),
    );
    store.rotate(old, new, &folder.random, later).unwrap();
    let log = store.activities().unwrap();
    let [.., protected, rotated] = &log[..] else {
        panic!("{log:?}");
    };
    let seen = [protected, rotated].map(|it| {
        let activity = &it.activity;
        (activity.operation, activity.time, activity.code.as_str())
    });
    assert_eq!(
        seen,
        [
            (Operation::Protect, NOW, "protect.key_file"),
            (Operation::Rotate, later, "rotate.passphrase"),
        ]
    );
    store.check_log().unwrap();
}

#[test]
fn only_a_store_without_a_store_key_is_given_one_and_only_one_with_it_opened() {
    let (file, random) = (key_file('1'), SeededRandom::new(1));
    let source = StoreKeySource::KeyFile(&file);
    let folder = Folder::new();
    let store = folder.open();
    for error in [
        store.unlock(source).unwrap_err(),
        store.rotate(source, source, &random, NOW).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NoStoreKey), "{error:?}");
        assert_eq!(error.code(), "store.no_store_key");
    }
    store.protect(source, &random, NOW).unwrap();
    let error = store.protect(source, &random, NOW).unwrap_err();
    assert!(matches!(error, Error::HasStoreKey), "{error:?}");
    assert_eq!(error.code(), "store.has_store_key");
}

#[test]
fn without_randomness_nothing_is_sealed_anew() {
    let (file, other) = (key_file('1'), key_file('2'));
    let (old, new) = (
        StoreKeySource::KeyFile(&file),
        StoreKeySource::KeyFile(&other),
    );
    let folder = Folder::new();
    let store = folder.open();
    folder.import(&store, P256, Some("its own")).unwrap();
    let failed = store.protect(old, &FailingRandom, NOW).unwrap_err();
    assert_eq!(failed.code(), "crypto.no_randomness");
    assert_eq!(store.store_key_kind().unwrap(), None);
    assert!(store.key(&id(P256)).unwrap().is_some());
    store.protect(old, &folder.random, NOW).unwrap();
    let failed = store.rotate(old, new, &FailingRandom, NOW).unwrap_err();
    assert_eq!(failed.code(), "crypto.no_randomness");
    store.unlock(old).unwrap();
    let key = KeyAtRest::Plain(pkcs8(OTHER));
    let failed = store.add_key(&public_key(OTHER), &key, &FailingRandom, NOW);
    assert_eq!(failed.unwrap_err().code(), "crypto.no_randomness");
    assert_eq!(store.key_ids().unwrap(), [id(P256)]);
}

#[test]
fn an_altered_or_exchanged_key_is_damage_and_is_not_rotated() {
    type Edit = fn(&mut Vec<u8>, &[u8]);
    let edits: [Edit; 6] = [
        |record, other| *record = other.to_vec(),
        |record, other| record[8..].copy_from_slice(&other[8..]),
        |record, _| record[0] ^= 0x40,
        |record, _| *record.last_mut().unwrap() ^= 1,
        |record, _| record.truncate(20),
        |record, _| record.truncate(8),
    ];
    for (at, edit) in edits.into_iter().enumerate() {
        let folder = Folder::protected();
        let opener = key_file('1');
        let source = StoreKeySource::KeyFile(&opener);
        let store = folder.open();
        store.unlock(source).unwrap();
        folder.import(&store, OTHER, Some("its own")).unwrap();
        drop(store);
        folder.edit(|keys, _| {
            let record = |id: [u8; 32]| keys.get(&id).unwrap().unwrap().value().to_vec();
            let (mut changed, other) = (record(id(P256)), record(id(OTHER)));
            edit(&mut changed, &other);
            keys.insert(&id(P256), &changed[..]).unwrap();
        });
        let records = folder.records();
        let store = folder.open();
        store.unlock(source).unwrap();
        let rotated = store.rotate(source, source, &folder.random, NOW);
        for error in [store.key(&id(P256)).unwrap_err(), rotated.unwrap_err()] {
            let whose = matches!(error, Error::DamagedKey(which) if which == id(P256));
            assert!(whose, "edit {at}: {error:?}");
            assert_eq!(error.code(), "store.damaged");
        }
        assert!(store.key(&id(OTHER)).is_ok(), "the other is whole");
        drop(store);
        assert_eq!(folder.records(), records, "nothing was sealed anew");
        // The way out.
        let store = folder.open();
        store.delete_key(&id(P256)).unwrap();
        store.rotate(source, source, &folder.random, NOW).unwrap();
    }
}

#[test]
fn an_unsealed_key_put_into_a_sealed_store_is_damage() {
    let plain = Folder::new();
    let store = plain.open();
    plain.import(&store, P256, Some("its own")).unwrap();
    drop(store);
    let record = plain.records().remove(0);
    let folder = Folder::protected();
    folder.edit(|keys, _| drop(keys.insert(&id(P256), &record[..]).unwrap()));
    let store = folder.open();
    store
        .unlock(StoreKeySource::KeyFile(&key_file('1')))
        .unwrap();
    assert_eq!(store.key(&id(P256)).unwrap_err().code(), "store.damaged");
}

#[test]
fn an_altered_store_key_opens_nothing_and_costs_no_more_than_its_bounds() {
    type Edit = fn(&mut Vec<u8>);
    // After 17 bytes of version and one of kind: memory, passes, lanes, salt, ciphertext.
    let edits: [(Edit, &str); 9] = [
        (|key| key.clear(), "store.damaged"),
        (|key| key.truncate(18), "store.damaged"),
        (|key| key[0] ^= 1, "store.damaged"),
        (|key| key[17] = 9, "store.damaged"),
        (|key| key[18..22].fill(0xff), "store.damaged"),
        (|key| key[22..26].fill(0xff), "store.damaged"),
        (|key| key[26..30].fill(0), "store.damaged"),
        (|key| key[30] ^= 1, "store.wrong_key"),
        (|key| *key.last_mut().unwrap() ^= 1, "store.wrong_key"),
    ];
    let passphrase = secret("of the store");
    let source = StoreKeySource::Passphrase(&passphrase);
    let folder = Folder::new();
    let store = folder.open();
    folder.protect(&store, source).unwrap();
    drop(store);
    let whole = fs::read(folder.path()).unwrap();
    for (at, (edit, code)) in edits.into_iter().enumerate() {
        fs::write(folder.path(), &whole).unwrap();
        folder.edit(|_, meta| {
            let mut key = meta.get("store-key").unwrap().unwrap().value().to_vec();
            edit(&mut key);
            meta.insert("store-key", &key[..]).unwrap();
        });
        let error = folder.open().unlock(source).unwrap_err();
        assert_eq!(error.code(), code, "edit {at}: {error:?}");
    }
    // Taken away, or put where none belongs: the layout says whether there is one.
    fs::write(folder.path(), &whole).unwrap();
    folder.edit(|_, meta| drop(meta.remove("store-key").unwrap()));
    let error = Embedded::open(&folder.path()).unwrap_err();
    assert_eq!(error.code(), "store.damaged");
    fs::write(folder.path(), &whole).unwrap();
    folder.edit(|_, meta| {
        let layout = 3_u64.to_be_bytes();
        meta.insert("schema", &layout[..]).unwrap();
    });
    let error = Embedded::open(&folder.path()).unwrap_err();
    assert_eq!(error.code(), "store.damaged");
}

#[test]
fn a_store_has_another_layout_while_it_has_a_store_key() {
    let folder = Folder::new();
    let store = folder.open();
    assert_eq!(store.summary().unwrap().layout, 3);
    let opener = key_file('1');
    folder
        .protect(&store, StoreKeySource::KeyFile(&opener))
        .unwrap();
    drop(store);
    let summary = folder.open().summary().unwrap();
    assert_eq!(
        (summary.layout, summary.certificates, summary.keys),
        (4, 2, 0)
    );
    assert_eq!(summary.store_key, Some(StoreKeyKind::KeyFile));
}

#[test]
fn a_key_file_is_64_hexadecimal_digits_and_a_line_end() {
    let digits = "0123456789abcdefABCDEF0123456789".repeat(2);
    let content = |text: String| KeyFile::read(text.as_bytes());
    let key = content(digits.clone()).unwrap();
    for end in ["\n", "\r\n"] {
        assert_eq!(content(format!("{digits}{end}")).unwrap(), key);
    }
    let written = format!("{}\n", digits.to_lowercase());
    assert_eq!(key.content().expose(), written.as_bytes());
    for bad in [
        String::new(),
        digits[1..].to_owned(),
        format!("{digits}0"),
        format!("{digits}00"),
        format!(" {digits}"),
        format!("{digits}\n\n"),
        format!("0x{}", &digits[2..]),
        format!("+{}", &digits[1..]),
        format!("g{}", &digits[1..]),
        format!("é{}", &digits[2..]),
        "x".repeat(32),
    ] {
        let error = content(bad.clone()).unwrap_err();
        assert!(matches!(error, Error::BadKeyFile), "{bad}");
        assert_eq!(error.code(), "store.bad_key_file");
    }
    let (one, two) = (SeededRandom::new(1), SeededRandom::new(2));
    assert_ne!(KeyFile::new(&one).unwrap(), KeyFile::new(&two).unwrap());
    assert!(KeyFile::new(&FailingRandom).is_err());
}

#[test]
fn nothing_about_a_store_key_prints_it() {
    let folder = Folder::protected();
    let store = folder.open();
    let (opener, passphrase) = (key_file('1'), secret("of the store"));
    store.unlock(StoreKeySource::KeyFile(&opener)).unwrap();
    folder.import(&store, OTHER, None).unwrap();
    let key = store.key(&id(OTHER)).unwrap().unwrap();
    let shown = format!(
        "{store:?} {opener:?} {:?} {:?} {key:?} {:?}",
        StoreKeySource::KeyFile(&opener),
        StoreKeySource::Passphrase(&passphrase),
        Error::DamagedKey([0x11; 32]).code(),
    );
    assert_eq!(
        shown,
        "Embedded { .. } KeyFile KeyFile(KeyFile) Passphrase(Secret) Plain(Secret) \"store.damaged\""
    );
}
