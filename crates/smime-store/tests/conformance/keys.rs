use smime_crypto::{
    CryptoProvider as _, PublicKey, RustCrypto, Secret, UnixTime, read_private_key,
};
use smime_store::{
    Activity, Addition, Direction, Error, KeyAtRest, KeyOutcome, KeysOfDeleted, Operation, Outcome,
    Store, import_key, public_key_id,
};
use smime_testkit::{FailingRandom, SeededRandom};

use crate::{
    making::{DAY, NOW, person_with_key, sign},
    on_every_store,
};

const P256: &[u8] = include_bytes!("../../../../testdata/keys/p256-a.pem");
const OTHER: &[u8] = include_bytes!("../../../../testdata/keys/p256-b.pem");
const RSA: &[u8] = include_bytes!("../../../../testdata/keys/rsa2048-a.pem");

fn public_key(file: &[u8]) -> PublicKey {
    let pkcs8 = read_private_key(file, None).unwrap();
    RustCrypto
        .load_private_key(&pkcs8)
        .unwrap()
        .public_key()
        .clone()
}

fn at_rest() -> Secret {
    Secret::from(&b"at rest"[..])
}

fn import(store: &dyn Store, file: &[u8]) -> Result<KeyOutcome, Error> {
    import_key(
        store,
        &RustCrypto,
        file,
        None,
        Some(&at_rest()),
        &SeededRandom::new(1),
        NOW,
    )
}

fn last(store: &dyn Store) -> Activity {
    store.activities().unwrap().pop().unwrap().activity
}

#[test]
fn a_key_belongs_to_every_certificate_of_its_public_key() {
    for file in [P256, RSA] {
        on_every_store(|place| {
            let key = public_key(file);
            let id = public_key_id(&key);
            let mine =
                [1, 2].map(|number| sign(person_with_key(number, "alice@example.com", &key)));
            let other = sign(person_with_key(3, "bob@example.com", &public_key(OTHER)));
            place
                .store()
                .add_certificates(&[mine[0].clone(), other.clone(), mine[1].clone()], NOW)
                .unwrap();
            let outcome = import(place.store(), file).unwrap();
            assert_eq!(
                (outcome.addition, outcome.public_key_id),
                (Addition::Added, id)
            );
            let mut wanted = mine.each_ref().map(|one| one.fingerprint());
            let mut found = outcome.certificates;
            wanted.sort();
            found.sort();
            assert_eq!(found, wanted);
            place.reopen();
            let has_key = |fingerprint| {
                place
                    .store()
                    .certificate(&fingerprint)
                    .unwrap()
                    .unwrap()
                    .has_key
            };
            assert!(has_key(mine[0].fingerprint()) && has_key(mine[1].fingerprint()));
            assert!(!has_key(other.fingerprint()));
            assert!(place.store().has_key(&id).unwrap());
            assert_eq!(place.store().key_ids().unwrap(), [id]);
            let stored = place.store().key(&id).unwrap().unwrap();
            let opened = stored.open(Some(&at_rest())).unwrap();
            assert_eq!(
                RustCrypto.load_private_key(&opened).unwrap().public_key(),
                &key
            );
            assert_eq!(
                stored.open(Some(&Secret::from(&b"wrong"[..]))).unwrap_err(),
                smime_crypto::Error::WrongPassphrase
            );
        });
    }
}

#[test]
fn a_certificate_that_comes_later_has_the_key_that_is_there() {
    on_every_store(|place| {
        let key = public_key(P256);
        let [old, renewed] =
            [1, 2].map(|number| sign(person_with_key(number, "alice@example.com", &key)));
        let store = place.store();
        store.add_certificates(&[old], NOW).unwrap();
        import(store, P256).unwrap();
        store
            .add_certificates(std::slice::from_ref(&renewed), NOW)
            .unwrap();
        place.reopen();
        let stored = place.store().certificate(&renewed.fingerprint()).unwrap();
        assert!(stored.unwrap().has_key);
    });
}

#[test]
fn a_key_without_a_certificate_is_refused_and_not_kept() {
    on_every_store(|place| {
        let certificate = sign(person_with_key(1, "alice@example.com", &public_key(OTHER)));
        place.store().add_certificates(&[certificate], NOW).unwrap();
        let id = public_key_id(&public_key(P256));
        let error = import(place.store(), P256).unwrap_err();
        assert!(
            matches!(error, Error::NoCertificateForKey { public_key_id } if public_key_id == id)
        );
        assert_eq!(error.code(), "key.no_certificate");
        assert!(!place.store().has_key(&id).unwrap());
        let entry = last(place.store());
        assert_eq!(
            (entry.outcome, entry.code.as_str()),
            (Outcome::Failed, "key.no_certificate")
        );
    });
}

#[test]
fn a_key_that_is_there_stays_under_its_first_passphrase() {
    on_every_store(|place| {
        let key = public_key(P256);
        place
            .store()
            .add_certificates(&[sign(person_with_key(1, "a@example.com", &key))], NOW)
            .unwrap();
        import(place.store(), P256).unwrap();
        let other = Secret::from(&b"another"[..]);
        let later = UnixTime(NOW.0 + DAY);
        let again = import_key(
            place.store(),
            &RustCrypto,
            P256,
            None,
            Some(&other),
            &SeededRandom::new(2),
            later,
        );
        assert_eq!(
            again.unwrap().addition,
            Addition::AlreadyThere { since: NOW }
        );
        let stored = place.store().key(&public_key_id(&key)).unwrap().unwrap();
        assert!(stored.open(Some(&at_rest())).is_ok());
        assert!(stored.open(Some(&other)).is_err());
        assert_eq!(last(place.store()).code, "import.key_taken");
    });
}

#[test]
fn files_without_a_readable_key_are_refused_and_recorded() {
    on_every_store(|place| {
        let key = public_key(P256);
        place
            .store()
            .add_certificates(&[sign(person_with_key(1, "a@example.com", &key))], NOW)
            .unwrap();
        let cut = &P256[..P256.len() / 2];
        let certificate = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        for file in [&b""[..], b"text", cut, certificate] {
            let error = import(place.store(), file).unwrap_err();
            assert!(matches!(error, Error::Key(_)), "{error:?}");
            assert_eq!(last(place.store()).outcome, Outcome::Failed);
            assert_eq!(last(place.store()).code, error.code());
        }
        assert!(!place.store().has_key(&public_key_id(&key)).unwrap());
    });
}

#[test]
fn a_protected_file_needs_its_passphrase() {
    let file = include_bytes!("../../../../testdata/keys/forms/p256-pbes2-pbkdf2.pem");
    on_every_store(|place| {
        let right = Secret::from(&b"correct horse"[..]);
        let key = RustCrypto
            .load_private_key(&read_private_key(file, Some(&right)).unwrap())
            .unwrap();
        let certificate = sign(person_with_key(1, "a@example.com", key.public_key()));
        place.store().add_certificates(&[certificate], NOW).unwrap();
        let import = |passphrase: Option<&Secret>| {
            import_key(
                place.store(),
                &RustCrypto,
                file,
                passphrase,
                Some(&at_rest()),
                &SeededRandom::new(1),
                NOW,
            )
        };
        let wrong = Secret::from(&b"battery staple"[..]);
        for (passphrase, code) in [
            (None, "crypto.passphrase_needed"),
            (Some(&wrong), "crypto.wrong_passphrase"),
        ] {
            assert_eq!(import(passphrase).unwrap_err().code(), code);
            assert_eq!(last(place.store()).code, code);
        }
        assert_eq!(import(Some(&right)).unwrap().addition, Addition::Added);
    });
}

#[test]
fn without_randomness_no_key_is_kept() {
    on_every_store(|place| {
        let key = public_key(P256);
        place
            .store()
            .add_certificates(&[sign(person_with_key(1, "a@example.com", &key))], NOW)
            .unwrap();
        let result = import_key(
            place.store(),
            &RustCrypto,
            P256,
            None,
            Some(&at_rest()),
            &FailingRandom,
            NOW,
        );
        assert_eq!(result.unwrap_err().code(), "crypto.no_randomness");
        assert!(!place.store().has_key(&public_key_id(&key)).unwrap());
    });
}

#[test]
fn an_imported_key_is_recorded_without_a_trace_of_it() {
    on_every_store(|place| {
        let key = public_key(P256);
        let certificate = sign(person_with_key(1, "a@example.com", &key));
        place
            .store()
            .add_certificates(std::slice::from_ref(&certificate), NOW)
            .unwrap();
        import(place.store(), P256).unwrap();
        let wanted = Activity {
            time: NOW,
            direction: Direction::Store,
            operation: Operation::Import,
            outcome: Outcome::Ok,
            code: "import.added".into(),
            message_id: None,
            from: None,
            to: vec![],
            certificates: vec![certificate.fingerprint()],
            algorithms: Vec::new(),
            input_digest: None,
            detail: "private key of stored certificates: 1".into(),
        };
        assert_eq!(last(place.store()), wanted);
    });
}

#[test]
fn no_store_prints_its_keys() {
    on_every_store(|place| {
        let key = public_key(P256);
        place
            .store()
            .add_certificates(&[sign(person_with_key(1, "a@example.com", &key))], NOW)
            .unwrap();
        import(place.store(), P256).unwrap();
        let stored = place.store().key(&public_key_id(&key)).unwrap().unwrap();
        let shown = format!("{:?} {stored:?}", place.store());
        let KeyAtRest::Protected(protected) = &stored else {
            panic!("{stored:?}");
        };
        let der = format!("{:?}", &protected.der()[20..30]);
        assert!(!shown.contains(der.trim_matches(['[', ']'])), "{shown}");
    });
}

#[test]
fn without_a_store_key_no_key_rests_without_a_passphrase() {
    on_every_store(|place| {
        let key = public_key(P256);
        let certificate = sign(person_with_key(1, "a@example.com", &key));
        place.store().add_certificates(&[certificate], NOW).unwrap();
        let random = SeededRandom::new(1);
        let result = import_key(place.store(), &RustCrypto, P256, None, None, &random, NOW);
        assert_eq!(result.unwrap_err().code(), "store.no_store_key");
        assert!(!place.store().has_key(&public_key_id(&key)).unwrap());
    });
}

#[test]
fn a_key_goes_with_the_last_certificate_of_its_public_key() {
    on_every_store(|place| {
        let store = place.store();
        let key = public_key(P256);
        let id = public_key_id(&key);
        let mine = [1, 2].map(|number| sign(person_with_key(number, "alice@example.com", &key)));
        store.add_certificates(&mine, NOW).unwrap();
        import(store, P256).unwrap();
        let delete = |one: usize, keys| {
            let fingerprint = mine[one].fingerprint();
            store.delete_certificates(&[fingerprint], keys).unwrap()
        };
        assert!(delete(0, KeysOfDeleted::Go).is_empty(), "one is left");
        assert!(store.has_key(&id).unwrap());
        store.add_certificates(&mine[..1], NOW).unwrap();
        assert!(delete(0, KeysOfDeleted::Stay).is_empty());
        assert!(delete(1, KeysOfDeleted::Stay).is_empty());
        assert!(store.has_key(&id).unwrap(), "it was to stay");
        store.add_certificates(&mine, NOW).unwrap();
        assert!(delete(1, KeysOfDeleted::Go).is_empty());
        assert_eq!(delete(0, KeysOfDeleted::Go), [id]);
        assert!(!store.has_key(&id).unwrap());
        assert!(store.key(&id).unwrap().is_none());
    });
}

#[test]
fn a_deleted_key_is_gone_and_its_certificates_stay() {
    on_every_store(|place| {
        let key = public_key(P256);
        let id = public_key_id(&key);
        let mine = sign(person_with_key(1, "alice@example.com", &key));
        place
            .store()
            .add_certificates(std::slice::from_ref(&mine), NOW)
            .unwrap();
        import(place.store(), P256).unwrap();
        place.store().delete_key(&id).unwrap();
        place.reopen();
        let store = place.store();
        let stored = store.certificate(&mine.fingerprint()).unwrap().unwrap();
        assert!(!stored.has_key);
        let error = store.delete_key(&id).unwrap_err();
        assert!(matches!(error, Error::NoSuchKey(which) if which == id));
        assert_eq!(error.code(), "store.no_key");
    });
}
