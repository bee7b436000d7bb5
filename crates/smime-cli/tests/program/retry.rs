use serde_json::json;

use smime_testkit::TestKey;

use crate::world::{ALICE, BOB, MAIL, World, contains, fields, fingerprint, finish, person, root};

/// Seals a mail to Bob in a world of people, and returns one where Bob has only his certificate.
fn sealed() -> World {
    let sender = World::with_store();
    sender.write("mail.eml", MAIL);
    sender.ok_unlocked(&["seal", "mail.eml", "-o", "sealed.eml"]);
    let world = World::with_people();
    world.write("sealed.eml", sender.read("sealed.eml"));
    world.ok(&["cert", "import", "--trust", "ca.crt"]);
    world.ok(&["cert", "import", "bob.pem"]);
    world
}

#[test]
fn mail_that_came_before_the_key_is_kept_and_read_when_the_key_is_there() {
    let world = sealed();
    let ran = world.run(&["open", "sealed.eml", "--json"]).expect(4);
    let opened = ran.json();
    assert_eq!(opened["kept"], 1);
    assert_eq!(opened["error"]["code"], "engine.no_key");
    let again = world.run(&["retry", "1", "--json"]).expect(1).json();
    let failed = json!({"signature": "none", "encryption": "failed"});
    assert_eq!(again["before"], failed);
    assert_eq!(again["after"], failed);

    world.ok_unlocked(&["key", "import", "bob.key"]);
    let retried = world.ok_unlocked(&["retry", "--all", "--json"]).json();
    assert_eq!(retried["id"], 1);
    let good = json!({"signature": "good", "encryption": "whole"});
    assert_eq!(
        retried["before"], good,
        "as the import of the key judged it"
    );
    assert_eq!(retried["after"], good);
    world.ok_unlocked(&["retry", "1", "-o", "entity.txt"]);
    assert!(contains(&world.read("entity.txt"), b"noon"));
    assert!(
        world
            .ok_unlocked(&["retry", "--all", "--json"])
            .out
            .is_empty()
    );
    let log = world.log();
    let last = log.last().unwrap();
    assert_eq!(last["operation"], "retry");
    assert_eq!(last["outcome"], "ok");
}

#[test]
fn people_are_told_how_to_try_again() {
    let world = sealed();
    let ran = world.run(&["open", "sealed.eml"]).expect(4);
    assert!(ran.err.contains("kept as 1: smime retry 1"), "{}", ran.err);
}

#[test]
fn mail_is_not_kept_when_that_is_switched_off() {
    let world = sealed();
    let ran = world
        .run(&["open", "sealed.eml", "--no-keep", "--json"])
        .expect(4);
    assert_eq!(ran.json()["kept"], serde_json::Value::Null);
    assert!(world.ok(&["retry", "--all"]).out.is_empty());
}

#[test]
fn mail_that_is_judged_as_of_long_ago_is_kept_from_the_day_it_came() {
    let world = sealed();
    let open = ["open", "sealed.eml", "--at", "2000-01-01T00:00:00Z"];
    let ran = world.run(&[&open[..], &["--json"]].concat());
    assert_eq!(ran.expect(4).json()["kept"], 1);
    let mut without_a_time = world.command();
    without_a_time.args(["retry", "1", "--json"]);
    let ran = finish(without_a_time, b"").expect(1);
    assert_eq!(ran.json()["code"], "engine.no_key");
}

#[test]
fn good_mail_is_not_kept() {
    let world = sealed();
    world.ok_unlocked(&["key", "import", "bob.key"]);
    let ran = world.ok_unlocked(&["open", "sealed.eml", "--json"]);
    assert_eq!(ran.json()["kept"], serde_json::Value::Null);
    assert!(world.ok(&["retry", "--all"]).out.is_empty());
}

#[test]
fn what_cannot_be_opened_yet_stays_when_its_content_is_asked_for() {
    let world = sealed();
    world.run(&["open", "sealed.eml"]).expect(4);
    world.run(&["retry", "1", "-o", "entity.txt"]).expect(4);
    assert!(!world.files().contains(&"entity.txt".to_owned()));
    assert_eq!(
        world
            .run(&["retry", "--all", "--json"])
            .expect(1)
            .lines()
            .len(),
        1
    );
}

#[test]
fn numbers_of_nothing_and_wrong_use_are_told_apart() {
    let world = sealed();
    let ran = world.run(&["retry", "7", "--json"]);
    assert_eq!(ran.error_code(), "store.no_mail");
    assert_ne!(ran.code, 0);
    world.run(&["retry"]).expect(2);
    world.run(&["retry", "1", "--all"]).expect(2);
    world
        .run(&["retry", "1", "2", "-o", "entity.txt"])
        .expect(2);
    world.run(&["retry", "one"]).expect(2);
}

#[test]
fn what_is_imported_judges_kept_mail_again_by_itself() {
    let world = sealed();
    world.run(&["open", "sealed.eml"]).expect(4);
    let key = world
        .ok_unlocked(&["key", "import", "bob.key", "--json"])
        .json();
    let after = json!({"signature": "good", "encryption": "whole"});
    assert_eq!(key["retried"][0]["id"], 1);
    assert_eq!(key["retried"][0]["after"], after);
    let log = world.log();
    assert_eq!(log.last().unwrap()["operation"], "retry");
    // Judged good, so that nothing is left that could arrive.
    let again = world.ok(&["cert", "import", "--trust", "ca.crt", "--json"]);
    assert_eq!(again.lines().pop().unwrap()["retried"], json!(null));
}

#[test]
fn people_are_told_which_kept_mail_opens_now() {
    let world = sealed();
    world.run(&["open", "sealed.eml"]).expect(4);
    let ran = world.ok_unlocked(&["key", "import", "bob.key"]);
    assert!(
        ran.err.contains("kept mail 1 opens now (engine.good)"),
        "{}",
        ran.err
    );
}

#[test]
fn trust_that_is_given_judges_kept_mail_again() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    world.ok_unlocked(&["seal", "mail.eml", "--encrypt", "never", "-o", "s.eml"]);
    let root = root();
    world.ok(&["cert", "trust", &root, "--set", "none"]);
    let ran = world.run(&["open", "s.eml", "--json"]).expect(1);
    assert_eq!(ran.json()["kept"], 1);
    let encrypt = ["cert", "trust", &root, "--for", "encrypt", "--json"];
    let given = world.ok(&encrypt).json();
    assert!(!fields(&given).contains(&"retried"), "not for signatures");
    let given = world.ok(&["cert", "trust", &root, "--json"]).json();
    let after = json!({"signature": "good", "encryption": "none"});
    assert_eq!(given["retried"][0]["id"], 1);
    assert_eq!(given["retried"][0]["after"], after);
    assert_eq!(world.log().last().unwrap()["operation"], "retry");
}

#[test]
fn certificates_out_of_mail_judge_kept_mail_again() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let seal = |from: &str, to: &str, out: &str, words: &[&str]| {
        let seal = ["seal", "mail.eml", "--from", from, "--to", to, "-o", out];
        world.ok_unlocked(&[&seal[..], words].concat());
    };
    seal(ALICE, BOB, "signed.eml", &["--encrypt", "never"]);
    seal(BOB, ALICE, "sealed.eml", &["--sign", "never"]);
    let alice = fingerprint(&person(ALICE, TestKey::Rsa2048A));
    for (learning, decision) in [("accept", None), ("quarantine", Some("accept"))] {
        let store = format!("{learning}.redb");
        let run = |words: &[&str]| world.unlocked(&[words, &["--store", &store]].concat());
        run(&["cert", "import", "--trust", "ca.crt"]).expect(0);
        run(&["cert", "import", "alice.pem"]).expect(0);
        run(&["key", "import", "alice.key"]).expect(0);
        run(&["cert", "delete", &alice]).expect(0);
        run(&["open", "sealed.eml"]).expect(4);
        let open = ["open", "signed.eml", "--learn", learning, "--json"];
        let mut result = run(&open).expect(0).json();
        if let Some(decision) = decision {
            assert!(!fields(&result).contains(&"retried"), "it waits");
            let decide = ["peer", decision, &alice, "--json"];
            result = run(&decide).expect(0).json();
        }
        let after = json!({"signature": "none", "encryption": "whole"});
        assert_eq!(result["retried"][0]["after"], after, "{learning}");
    }
}
