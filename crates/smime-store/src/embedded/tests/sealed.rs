use smime_crypto::{OsRandom, ProtectedKey, PublicKey, Secret, read_private_key};

use super::*;
use crate::{KeyFile, StoreKeySource, making};

const P256: &[u8] = include_bytes!("../../../../../testdata/keys/p256-a.pem");

fn opener(digit: char) -> KeyFile {
    KeyFile::read(digit.to_string().repeat(64).as_bytes()).unwrap()
}

fn protected() -> KeyAtRest {
    let pkcs8 = read_private_key(P256, None).unwrap();
    let passphrase = Secret::from(&b"its own"[..]);
    KeyAtRest::Protected(ProtectedKey::protect(&pkcs8, &passphrase, &OsRandom).unwrap())
}

fn public_keys() -> [PublicKey; 3] {
    [1, 2, 3].map(making::public_key)
}

/// Makes a store with three private keys, all alike.
fn with_keys(disk: &Disk, key: &KeyAtRest) -> Embedded {
    let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
    for public_key in public_keys() {
        store.add_key(&public_key, key, &OsRandom, NOW).unwrap();
    }
    store
}

fn assert_readable(store: &Embedded, key: &KeyAtRest) {
    assert_eq!(store.key_ids().unwrap().len(), 3);
    for public_key in public_keys() {
        let stored = store.key(&public_key_id(&public_key)).unwrap();
        assert_eq!(stored.as_ref(), Some(key));
    }
}

/// Lets the power fail after every number of writes in `change`, and calls `check` with the store
/// opened again and with whether the change was promised; it says whether the change was made.
fn fail_everywhere(
    prepare: impl Fn(&Disk) -> Embedded,
    change: impl Fn(&Embedded) -> Result<u64, Error>,
    check: impl Fn(&Embedded) -> bool,
) {
    let (mut unchanged, mut failures) = (0, 0);
    for writes in 0.. {
        let disk = Disk::new();
        let store = prepare(&disk);
        disk.writes_left.store(writes, Ordering::SeqCst);
        let result = change(&store);
        if let Err(error) = &result {
            assert_eq!(error.code(), "store.io", "{error:?}");
            failures += 1;
        }
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, LIMITS).unwrap();
        let changed = check(&store);
        assert!(
            changed || result.is_err(),
            "promised, after {writes} writes"
        );
        assert_eq!(store.activities().unwrap().len(), usize::from(changed));
        store.check_log().unwrap();
        unchanged += usize::from(!changed);
        if left > 0 {
            break;
        }
    }
    assert!(unchanged > 2 && failures > 3, "{unchanged} {failures}");
}

#[test]
fn power_that_fails_while_keys_are_sealed_leaves_all_of_them_sealed_or_none() {
    let (key, opener) = (protected(), opener('1'));
    let source = StoreKeySource::KeyFile(&opener);
    fail_everywhere(
        |disk| with_keys(disk, &key),
        |store| store.protect(source, &OsRandom, NOW),
        |store| {
            let changed = store.store_key_kind().unwrap().is_some();
            if changed {
                store.unlock(source).unwrap();
            }
            assert_readable(store, &key);
            changed
        },
    );
}

#[test]
fn power_that_fails_while_the_store_key_is_rotated_leaves_the_old_one_or_the_new() {
    let (key, old, new) = (protected(), opener('1'), opener('2'));
    let (old, new) = (StoreKeySource::KeyFile(&old), StoreKeySource::KeyFile(&new));
    fail_everywhere(
        |disk| {
            let store = with_keys(disk, &key);
            store.protect(old, &OsRandom, NOW).unwrap();
            store.forget_activities(UnixTime(i64::MAX)).unwrap();
            store
        },
        |store| store.rotate(old, new, &OsRandom, NOW),
        |store| {
            let (by_old, by_new) = (store.unlock(old).is_ok(), store.unlock(new).is_ok());
            assert_ne!(by_old, by_new);
            assert_readable(store, &key);
            by_new
        },
    );
}

#[test]
fn power_that_fails_while_a_store_is_compacted_loses_nothing() {
    let (key, opener, all) = (protected(), opener('1'), people(40));
    let source = StoreKeySource::KeyFile(&opener);
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let mut store = with_keys(&disk, &key);
        store.add_certificates(&all, NOW).unwrap();
        store.protect(source, &OsRandom, NOW).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        failures += usize::from(store.compact().is_err());
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, LIMITS).unwrap();
        store.unlock(source).unwrap();
        assert_readable(&store, &key);
        assert_found(&store, &all);
        if left > 0 {
            break;
        }
    }
    assert!(failures > 3, "{failures}");
}

#[test]
fn a_change_that_fails_leaves_the_store_unlocked_as_it_was() {
    let (key, old, new) = (protected(), opener('1'), opener('2'));
    let (old, new) = (StoreKeySource::KeyFile(&old), StoreKeySource::KeyFile(&new));
    let store = with_keys(&Disk::new(), &key);
    store.protect(old, &OsRandom, NOW).unwrap();
    let damaged = public_key_id(&public_keys()[2]);
    store
        .write(|tables| {
            assert!(tables.delete_key(&damaged)?);
            let sealed = store.store_key();
            let other = sealed.as_ref().unwrap();
            let another = public_key_id(&public_keys()[1]);
            let body = other.seal(&another, NOW, &key, &OsRandom)?;
            tables.set_key(&damaged, NOW, &body)
        })
        .unwrap();
    let error = store.rotate(old, new, &OsRandom, NOW).unwrap_err();
    assert!(matches!(error, Error::DamagedKey(id) if id == damaged));
    let whole = public_key_id(&public_keys()[0]);
    assert_eq!(store.key(&whole).unwrap(), Some(key));
}

#[test]
fn readers_beside_rotations_find_every_key_whole() {
    let key = protected();
    let openers = ['1', '2'].map(opener);
    let store = with_keys(&Disk::new(), &key);
    store
        .protect(StoreKeySource::KeyFile(&openers[0]), &OsRandom, NOW)
        .unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..200 {
                assert_readable(&store, &key);
            }
        });
        let mut at = 0;
        while !reader.is_finished() {
            let source = |at: usize| StoreKeySource::KeyFile(&openers[at % 2]);
            store
                .rotate(source(at), source(at + 1), &OsRandom, NOW)
                .unwrap();
            at += 1;
        }
        reader.join().unwrap();
    });
}

#[test]
fn a_full_disk_is_an_error_of_input_and_output_until_the_store_is_opened_again() {
    let all = people(40);
    let disk = Disk::new();
    let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
    store.add_certificates(&all[..10], NOW).unwrap();
    disk.writes_left.store(0, Ordering::SeqCst);
    for _ in 0..3 {
        let error = store.add_certificates(&all[10..], NOW).unwrap_err();
        assert_eq!(error.code(), "store.io", "{error:?}");
    }
    drop(store);
    disk.writes_left.store(usize::MAX, Ordering::SeqCst);
    let store = Embedded::with_backend(disk, LIMITS).unwrap();
    assert_eq!(store.certificates().unwrap().len(), 10);
    store.add_certificates(&all[10..], NOW).unwrap();
    assert_found(&store, &all);
}
