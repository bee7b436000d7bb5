use smime_crypto::{Oid, UnixTime};
use smime_store::{
    Activity, Error, ImportEvent, ImportOptions, ImportOutcome, ImportSummary, ItemKind,
    ItemOutcome, MailUse, Operation, Outcome, Store, Trust,
};
use smime_x509::{Certificate, EMAIL_PROTECTION, KeyUsageBit};

use crate::{
    items::pem,
    making::{DAY, NOW, address, authority, people, person, sign},
    on_every_store,
};

fn file(certificates: &[Certificate]) -> String {
    certificates
        .iter()
        .map(|one| pem("CERTIFICATE", one.der()))
        .collect()
}

/// Imports certificates alone; returns every outcome, which must be those that are counted.
fn import(
    store: &dyn Store,
    file: &[u8],
    trust: Trust,
    at: UnixTime,
) -> Result<Vec<ImportOutcome>, Error> {
    let mut outcomes = Vec::new();
    let options = ImportOptions {
        trust,
        ..ImportOptions::new(at)
    };
    let imported = smime_store::import(store, file, &options, &mut |event| {
        if let ImportEvent::Outcome(outcome) = event {
            outcomes.push(outcome);
        }
    })?;
    let mut counted = ImportSummary::default();
    for outcome in &outcomes {
        match outcome.outcome {
            ItemOutcome::Added => counted.added += 1,
            ItemOutcome::AlreadyThere { .. } => counted.already_there += 1,
            ItemOutcome::Refused => counted.refused += 1,
        }
    }
    assert_eq!(imported.summary, counted);
    Ok(outcomes)
}

fn oid(content: &[u8]) -> Oid {
    Oid::from_bytes(content).unwrap()
}

fn codes(outcomes: &[ImportOutcome]) -> Vec<&'static str> {
    outcomes.iter().map(|outcome| outcome.code).collect()
}

#[test]
fn certificates_are_added_and_described() {
    on_every_store(|place| {
        let alice =
            sign(person(1, "alice@example.com").emails(&["alice@example.com", "a@example.com"]));
        let text = format!("text\n{}", file(std::slice::from_ref(&alice)));
        let outcomes = import(place.store(), text.as_bytes(), Trust::None, NOW).unwrap();
        let wanted = ImportOutcome {
            position: 5,
            kind: ItemKind::Certificate,
            outcome: ItemOutcome::Added,
            code: "import.added",
            detail: "added: CN=alice@example.com,O=Example".into(),
            fingerprint: Some(alice.fingerprint()),
            emails: vec!["alice@example.com".into(), "a@example.com".into()],
        };
        assert_eq!(outcomes, [wanted]);
        place.reopen();
        assert_eq!(
            place
                .store()
                .by_address(&address("a@example.com"))
                .unwrap()
                .len(),
            1
        );
    });
}

#[test]
fn a_taken_fingerprint_names_the_certificate_and_since_when() {
    on_every_store(|place| {
        let alice = sign(person(1, "alice@example.com"));
        let bob = sign(person(2, "bob@example.com"));
        import(
            place.store(),
            file(std::slice::from_ref(&alice)).as_bytes(),
            Trust::None,
            NOW,
        )
        .unwrap();
        let later = UnixTime(NOW.0 + DAY);
        let again = file(&[bob.clone(), alice, bob]);
        let outcomes = import(place.store(), again.as_bytes(), Trust::None, later).unwrap();
        assert_eq!(
            codes(&outcomes),
            [
                "import.added",
                "import.fingerprint_taken",
                "import.fingerprint_taken"
            ]
        );
        assert_eq!(
            outcomes[1].outcome,
            ItemOutcome::AlreadyThere { since: NOW }
        );
        assert_eq!(
            outcomes[1].detail,
            "fingerprint already taken: CN=alice@example.com,O=Example since 2026-06-01T00:00:00Z",
        );
        assert_eq!(
            outcomes[2].outcome,
            ItemOutcome::AlreadyThere { since: later }
        );
        assert!(
            outcomes[2].detail.contains("CN=bob@example.com"),
            "{}",
            outcomes[2].detail
        );
        assert_eq!(place.store().certificates().unwrap().len(), 2);
    });
}

#[test]
fn certificates_that_are_not_for_mail_are_refused_by_the_rule_they_break() {
    on_every_store(|place| {
        let base = || person(1, "alice@example.com");
        let certificates = [
            (
                "import.no_email",
                sign(base().without_extension(oid(&[0x55, 0x1d, 0x11]))),
            ),
            (
                "import.key_usage",
                sign(base().key_usage(&[KeyUsageBit::KeyCertSign])),
            ),
            (
                "import.extended_key_usage",
                sign(base().extended_key_usage(&[oid(&[0x2a, 3])])),
            ),
            (
                "import.added",
                sign(base().extended_key_usage(&[EMAIL_PROTECTION])),
            ),
            ("import.added", sign(base().valid(UnixTime(0), UnixTime(1)))),
            ("import.added", sign(authority(5, "CA without address"))),
        ];
        let all: Vec<_> = certificates
            .iter()
            .map(|(_, certificate)| certificate.clone())
            .collect();
        let outcomes = import(place.store(), file(&all).as_bytes(), Trust::None, NOW).unwrap();
        let wanted: Vec<_> = certificates.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes(&outcomes), wanted);
        for (outcome, certificate) in outcomes.iter().zip(&all) {
            assert_eq!(outcome.fingerprint, Some(certificate.fingerprint()));
        }
        assert!(
            place
                .store()
                .certificate(&all[0].fingerprint())
                .unwrap()
                .is_none()
        );
        assert_eq!(place.store().certificates().unwrap().len(), 3);
    });
}

#[test]
fn only_authorities_become_anchors_and_only_when_asked() {
    on_every_store(|place| {
        let root = sign(authority(1, "Root"));
        let text = file(&[root.clone(), sign(person(2, "alice@example.com"))]);
        import(place.store(), text.as_bytes(), Trust::None, NOW).unwrap();
        assert!(place.store().anchors().unwrap().is_empty());
        let outcomes = import(place.store(), text.as_bytes(), Trust::Anchor, NOW).unwrap();
        assert_eq!(codes(&outcomes), ["import.fingerprint_taken"; 2]);
        assert!(
            outcomes[0].detail.ends_with(", now an anchor"),
            "{}",
            outcomes[0].detail
        );
        assert!(!outcomes[1].detail.contains("anchor"));
        let anchors = place.store().anchors().unwrap();
        assert_eq!(
            anchors
                .iter()
                .map(|anchor| anchor.certificate.fingerprint())
                .collect::<Vec<_>>(),
            [root.fingerprint()]
        );
        let outcomes = import(place.store(), text.as_bytes(), Trust::None, NOW).unwrap();
        assert!(!outcomes[0].detail.contains("anchor"));
        assert_eq!(place.store().anchors().unwrap().len(), 1);
    });
}

#[test]
fn a_new_authority_becomes_an_anchor_at_once() {
    on_every_store(|place| {
        let roots = [1, 2].map(|number| sign(authority(number, "Root")));
        let text = file(&[roots[0].clone(), roots[1].clone(), roots[0].clone()]);
        let outcomes = import(place.store(), text.as_bytes(), Trust::Anchor, NOW).unwrap();
        assert_eq!(
            codes(&outcomes),
            ["import.added", "import.added", "import.fingerprint_taken"]
        );
        assert_eq!(place.store().anchors().unwrap().len(), 2);
    });
}

#[test]
fn what_is_distrusted_stays_so_in_a_list_of_anchors() {
    on_every_store(|place| {
        let root = sign(authority(1, "Root"));
        let text = file(std::slice::from_ref(&root));
        import(place.store(), text.as_bytes(), Trust::Anchor, NOW).unwrap();
        place
            .store()
            .set_trust(&root.fingerprint(), Trust::Distrusted)
            .unwrap();
        let outcomes = import(place.store(), text.as_bytes(), Trust::Anchor, NOW).unwrap();
        assert!(!outcomes[0].detail.contains("anchor"));
        assert!(place.store().anchors().unwrap().is_empty());
    });
}

#[test]
fn an_anchor_for_one_use_stays_so_in_a_list_of_anchors() {
    on_every_store(|place| {
        let root = sign(authority(1, "Root"));
        let text = file(std::slice::from_ref(&root));
        import(place.store(), text.as_bytes(), Trust::None, NOW).unwrap();
        for usage in [MailUse::Sign, MailUse::Encrypt] {
            let trust = Trust::AnchorFor(usage);
            let fingerprint = root.fingerprint();
            place.store().set_trust(&fingerprint, trust).unwrap();
            let outcomes = import(place.store(), text.as_bytes(), Trust::Anchor, NOW).unwrap();
            assert!(!outcomes[0].detail.contains("anchor"));
            assert_eq!(place.store().anchors().unwrap()[0].trust, trust);
        }
    });
}

#[test]
fn ten_thousand_certificates_with_broken_blocks_between_have_one_outcome_each() {
    on_every_store(|place| {
        let all = people(10_000);
        let mut text = String::new();
        let mut wanted = Vec::new();
        let mut positions = Vec::new();
        for (number, certificate) in all.iter().enumerate() {
            let block = pem("CERTIFICATE", certificate.der());
            let mut add = |code, block: &str| {
                wanted.push(code);
                positions.push(u64::try_from(text.len()).unwrap());
                text.push_str(block);
                text.push_str("between\n");
            };
            match number % 1250 {
                17 => add("import.bad_base64", &block.replace("MII", "M!!")),
                99 => add(
                    "import.truncated",
                    &pem("CERTIFICATE", &certificate.der()[..48]),
                ),
                1111 => add("import.bad_armour", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
                _ => {}
            }
            add("import.added", &block);
            if number % 1000 == 999 {
                add("import.fingerprint_taken", &block);
            }
        }
        let outcomes = import(place.store(), text.as_bytes(), Trust::None, NOW).unwrap();
        assert_eq!(outcomes.len(), wanted.len());
        for (outcome, wanted) in outcomes.iter().zip(positions.iter().zip(&wanted)) {
            assert_eq!((&outcome.position, &outcome.code), wanted);
        }
        assert_eq!(place.store().certificates().unwrap().len(), 10_000);
        let log = place.store().activities().unwrap();
        assert_eq!(log.len(), 1);
        assert_eq!(
            log[0].activity.detail,
            "10000 added, 10 already there, 24 refused"
        );
        assert_eq!(log[0].activity.certificates.len(), 10_000);
        let found = place
            .store()
            .by_address(&address("P9999@example.com"))
            .unwrap();
        assert_eq!(found[0].certificate.der(), all[9999].der());
    });
}

#[test]
fn every_file_is_one_entry_of_the_log() {
    on_every_store(|place| {
        let alice = sign(person(1, "alice@example.com"));
        let good = file(std::slice::from_ref(&alice));
        for text in [format!("{good}{}", pem("PKCS7", b"0")), good, String::new()] {
            import(place.store(), text.as_bytes(), Trust::None, NOW).unwrap();
        }
        let log: Vec<Activity> = place
            .store()
            .activities()
            .unwrap()
            .into_iter()
            .map(|entry| entry.activity)
            .collect();
        let seen: Vec<_> = log
            .iter()
            .map(|entry| (entry.outcome, entry.code.as_str(), entry.certificates.len()))
            .collect();
        assert_eq!(
            seen,
            [
                (Outcome::Ok, "import.partial", 1),
                (Outcome::Ok, "import.done", 0),
                (Outcome::Failed, "import.refused", 0),
            ]
        );
        assert!(
            log.iter()
                .all(|entry| entry.operation == Operation::Import && entry.time == NOW)
        );
        assert!(log.iter().all(|entry| entry.input_digest.is_some()));
        place.store().check_log().unwrap();
    });
}

#[test]
fn nothing_importable_leaves_the_store_as_it_was() {
    on_every_store(|place| {
        for text in ["", "text", "-----BEGIN CERTIFICATE-----", "MAA="] {
            let outcomes = import(place.store(), text.as_bytes(), Trust::Anchor, NOW).unwrap();
            assert_eq!(outcomes.len(), 1, "{text}");
            assert_eq!(outcomes[0].outcome, ItemOutcome::Refused);
            assert_eq!(outcomes[0].fingerprint, None);
        }
        assert!(place.store().certificates().unwrap().is_empty());
    });
}
