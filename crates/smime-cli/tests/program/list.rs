use std::ops::ControlFlow;

use serde_json::{Value, json};
use smime::{
    crypto::UnixTime,
    store::{Embedded, Store as _, Trust},
};
use smime_testkit::{DAY, Identity, NOW, Profile, TestKey, Uses};

use crate::world::{ALICE, BOB, CAROL, Ran, World, authority, fields, fingerprint};

/// A certificate of an address that ends so many days after now.
fn ends(address: &str, key: TestKey, days: i64) -> Identity {
    with(address, Profile::of(key), days)
}

fn with(address: &str, profile: Profile, days: i64) -> Identity {
    let not_after = UnixTime(NOW.0 + days * DAY);
    authority().person(
        address,
        Profile {
            not_after,
            ..profile
        },
    )
}

/// A world whose store holds these certificates.
fn world(people: &[&Identity]) -> World {
    let world = World::with_people();
    let all: Vec<_> = people.iter().map(|it| it.certificate_pem()).collect();
    world.write("all.pem", all.concat());
    world.ok(&["cert", "import", "all.pem"]);
    world
}

fn expiring(world: &World, days: &str) -> Vec<Value> {
    world
        .ok(&["cert", "list", "--expiring", days, "--json"])
        .lines()
}

/// Returns the certificate that takes over from `old` in a store with both and nothing else.
fn renewed_by(old: &Identity, new: &Identity) -> Value {
    let world = world(&[old, new]);
    let lines = expiring(&world, "30");
    assert_eq!(lines[0]["sha256"], fingerprint(old));
    lines[0]["renewed_by"].clone()
}

#[test]
fn a_query_is_part_of_an_address_or_subject_or_the_start_of_a_sha_256() {
    let world = World::with_store();
    let bob = fingerprint(&crate::world::person(BOB, TestKey::P256A));
    let colons: Vec<_> = bob.as_bytes().chunks(2).collect();
    let colons = String::from_utf8(colons.join(&b':')).unwrap();
    for query in [
        BOB,
        "BOB@Example.ORG",
        "bob@",
        "EXAMPLE.org",
        "ple.or",
        "cn=bob",
        "CN=Bob",
        &bob[..8],
        &bob.to_uppercase(),
        &colons.to_uppercase(),
    ] {
        let found = world.ok(&["cert", "list", query, "--json"]).json();
        assert_eq!(found["sha256"], bob, "{query}");
    }
    for query in [
        "nobody",
        "bob@example.com",
        "@example.org.",
        &bob[1..],
        &format!("{bob}0"),
        "%",
        "*",
    ] {
        let ran = world.ok(&["cert", "list", query, "--json"]);
        assert_eq!(ran.out, b"", "{query}");
    }
    assert_eq!(
        world
            .ok(&["cert", "list", "EXAMPLE", "--json"])
            .lines()
            .len(),
        3
    );
}

#[test]
fn an_address_is_found_by_its_other_spelling() {
    let erin = ends("erin@xn--bcher-kva.example", TestKey::P256A, 100);
    let world = world(&[&erin]);
    for query in ["erin@b\u{fc}cher.example", "Erin@B\u{dc}CHER.example"] {
        let found = world.ok(&["cert", "list", query, "--json"]).json();
        assert_eq!(found["sha256"], fingerprint(&erin), "{query}");
    }
}

#[test]
fn expiring_are_those_whose_last_day_is_from_now_to_so_many_days_ahead_the_soonest_first() {
    let ended = ends(ALICE, TestKey::Rsa2048A, -1);
    let today = ends(ALICE, TestKey::Rsa2048A, 0);
    let (soon, later) = (
        ends(BOB, TestKey::P256A, 30),
        ends(CAROL, TestKey::P256B, 200),
    );
    let world = world(&[&later, &soon, &ended, &today]);
    let names = |days| {
        let lines = expiring(&world, days);
        let name = |it: &Value| it["sha256"].as_str().unwrap().to_owned();
        lines.iter().map(name).collect::<Vec<_>>()
    };
    let all = [fingerprint(&today), fingerprint(&soon), fingerprint(&later)];
    assert_eq!(names("0"), all[..1]);
    assert_eq!(names("29"), all[..1]);
    assert_eq!(names("30"), all[..2]);
    assert_eq!(names("199"), all[..2]);
    for days in ["200", "36500", "4294967295"] {
        assert_eq!(names(days), all, "{days}");
    }
    let later_on = ["--at", "2026-06-20T12:00:00Z"];
    let list = ["cert", "list", "--expiring", "20", "--json"];
    let lines = world.ok(&[&list[..], &later_on].concat()).lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["days_left"], 10, "whole days");
    let asked = ["cert", "list", BOB, "--expiring", "365", "--json"];
    assert_eq!(world.ok(&asked).json()["sha256"], fingerprint(&soon));
    for days in ["-1", "x", "1.5", "4294967296"] {
        let ran = world.run(&["cert", "list", "--expiring", days, "--json"]);
        assert_eq!(ran.expect(2).out, b"", "{days}");
    }
}

#[test]
fn what_expires_says_how_many_days_are_left_and_what_takes_over() {
    let old = ends(ALICE, TestKey::Rsa2048A, 10);
    let new = ends(ALICE, TestKey::Rsa2048B, 375);
    let newest = ends("Alice@EXAMPLE.com", TestKey::P256A, 400);
    let world = world(&[&newest, &old, &new]);
    let lines = expiring(&world, "30");
    assert_eq!(lines.len(), 1);
    let listed = world.ok(&["cert", "list", &fingerprint(&old), "--json"]);
    let mut expected = fields(&listed.json()).len();
    expected += 2;
    assert_eq!(fields(&lines[0]).len(), expected);
    assert_eq!(lines[0]["days_left"], 10);
    assert_eq!(lines[0]["renewed_by"], fingerprint(&newest), "the longest");
    assert!(listed.json().get("renewed_by").is_none());
}

#[test]
fn what_is_shorter_for_less_or_of_somebody_else_takes_over_from_nothing() {
    let old = ends(ALICE, TestKey::Rsa2048A, 10);
    let key = TestKey::Rsa2048B;
    let after_the_end = Profile {
        not_before: UnixTime(NOW.0 + 11 * DAY),
        ..Profile::of(key)
    };
    for (what, other) in [
        ("shorter", ends(ALICE, key, 10)),
        ("of another", ends("alice@example.org", key, 375)),
        (
            "to sign",
            with(ALICE, Profile::of(key).uses(Uses::Sign), 375),
        ),
        (
            "to encrypt",
            with(ALICE, Profile::of(key).uses(Uses::Encrypt), 375),
        ),
        ("after a gap", with(ALICE, after_the_end, 375)),
    ] {
        assert_eq!(renewed_by(&old, &other), Value::Null, "{what}");
    }
    let signs = with(ALICE, Profile::of(TestKey::P256A).uses(Uses::Sign), 10);
    for (what, other) in [
        ("for more", ends(ALICE, key, 375)),
        (
            "from tomorrow on",
            with(ALICE, Profile::of(key).not_yet_valid(), 375),
        ),
    ] {
        let name = fingerprint(&other);
        assert_eq!(renewed_by(&signs, &other), name, "{what}");
        assert_eq!(renewed_by(&old, &other), name, "{what}");
    }
}

#[test]
fn what_takes_over_is_for_every_address() {
    let two = [ALICE, "info@example.com"];
    let old = authority().person_with(ALICE, Profile::of(TestKey::P256A), |it| it.emails(&two));
    let one = ends(ALICE, TestKey::P256B, 800);
    let days = "365";
    let with_one = world(&[&old, &one]);
    assert_eq!(expiring(&with_one, days)[0]["renewed_by"], Value::Null);
    let profile = Profile {
        not_after: UnixTime(NOW.0 + 700 * DAY),
        ..Profile::of(TestKey::P256B)
    };
    let both = authority().person_with(ALICE, profile, |it| it.emails(&[two[1], two[0]]));
    let with_both = world(&[&old, &one, &both]);
    assert_eq!(
        expiring(&with_both, days)[0]["renewed_by"],
        fingerprint(&both)
    );
}

#[test]
fn without_its_key_no_certificate_takes_over_from_one_with_a_key() {
    let world = World::with_store();
    let new = ends(BOB, TestKey::P384B, 800);
    world.write("new.pem", new.certificate_pem());
    world.ok(&["cert", "import", "new.pem"]);
    let renewed_by = || {
        let list = ["cert", "list", BOB, "--expiring", "365", "--json"];
        world.ok(&list).json()["renewed_by"].clone()
    };
    assert_eq!(renewed_by(), Value::Null);
    world.write("new.key", TestKey::P384B.pem());
    world.ok_unlocked(&["key", "import", "new.key"]);
    assert_eq!(renewed_by(), fingerprint(&new));
}

#[test]
fn what_is_distrusted_is_usable_for_nothing_and_takes_over_from_nothing() {
    let (old, new) = (
        ends(ALICE, TestKey::P256A, 10),
        ends(ALICE, TestKey::P256B, 375),
    );
    let world = world(&[&old, &new]);
    let store = Embedded::open(&world.path("store.redb")).unwrap();
    let distrusted = new.certificate.fingerprint();
    store.set_trust(&distrusted, Trust::Distrusted).unwrap();
    drop(store);
    assert_eq!(expiring(&world, "30")[0]["renewed_by"], Value::Null);
    let listed = world.ok(&["cert", "list", &fingerprint(&new), "--json"]);
    assert_eq!(listed.json()["trust"], "distrusted");
    assert_eq!(listed.json()["usable_for"], json!([]));
}

#[test]
fn an_authority_that_expires_is_listed_with_nothing_that_takes_over() {
    let world = World::with_store();
    let lines = expiring(&world, "3650");
    let root = lines.last().unwrap();
    assert_eq!(root["ca"], true);
    assert_eq!(root["renewed_by"], Value::Null);
}

/// Returns the columns of each line of a table, by where its titles begin.
fn columns(ran: &Ran) -> Vec<Vec<String>> {
    let lines: Vec<Vec<char>> = ran.text().lines().map(|it| it.chars().collect()).collect();
    let title: String = lines[0].iter().collect();
    let starts: Vec<_> = [
        "SHA-256",
        "addresses",
        "usable for",
        "key",
        "trust",
        "pin",
        "last day",
    ]
    .iter()
    .map(|name| title.find(name).unwrap())
    .collect();
    let cut = |line: &Vec<char>| {
        let ends = starts.iter().skip(1).copied().chain([line.len()]);
        let column = |(start, end): (&usize, usize)| {
            let text: String = line[*start..end].iter().collect();
            text.trim_end().to_owned()
        };
        starts.iter().zip(ends).map(column).collect()
    };
    lines.iter().map(cut).collect()
}

#[test]
fn the_table_for_people_is_aligned_whatever_the_certificates_say() {
    let long = "a.person.with.a.very.long.local.part@a.very.long.domain.example";
    let (first, expired) = (
        ends(long, TestKey::P256A, 100),
        ends("x@y.example", TestKey::P256B, -1),
    );
    let world = world(&[&first, &expired]);
    world.ok(&["cert", "import", "--trust", "ca.crt"]);
    world.write("first.key", TestKey::P256A.pem());
    world.ok_unlocked(&["key", "import", "first.key"]);
    let ran = world.ok(&["cert", "list"]);
    assert_eq!(ran.err, "");
    let start = |identity: &Identity| fingerprint(identity)[..16].to_owned();
    let rows = columns(&ran);
    let authority: String = {
        let digest = authority().certificate().fingerprint();
        digest
            .iter()
            .take(8)
            .map(|it| format!("{it:02x}"))
            .collect()
    };
    assert_eq!(
        rows[1..],
        [
            [
                start(&first).as_str(),
                "a.person.with.a.very.long.local.par\u{2026}",
                "sign,encrypt",
                "yes",
                "none",
                "no",
                "2026-09-09        100"
            ],
            [
                &start(&expired),
                "x@y.example",
                "-",
                "no",
                "none",
                "no",
                "2026-05-31    expired"
            ],
            [
                &authority,
                "CN=Root,O=Test",
                "-",
                "no",
                "anchor",
                "no",
                "2036-05-29       3650"
            ],
        ]
    );
}

#[test]
fn the_table_of_what_expires_names_what_takes_over() {
    let (old, new) = (
        ends(ALICE, TestKey::P256A, 10),
        ends(ALICE, TestKey::P256B, 20),
    );
    let world = world(&[&old, &new]);
    let ran = world.ok(&["cert", "list", "--expiring", "30"]);
    let lines: Vec<_> = ran.text().lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].ends_with("days left  renewed by"));
    assert!(lines[1].ends_with(&format!(" 10  {}", &fingerprint(&new)[..16])));
    assert!(lines[2].ends_with(" 20  -"));
}

#[test]
fn a_table_without_rows_is_a_remark() {
    let world = World::with_store();
    let ran = world.ok(&["cert", "list", "nobody"]);
    assert_eq!(ran.out, b"");
    assert_eq!(ran.err.lines().count(), 1);
    let quiet = world.ok(&["cert", "list", "nobody", "--quiet"]);
    assert_eq!(quiet.err, "");
    let json = world.ok(&["cert", "list", "nobody", "--json"]);
    assert_eq!((json.out, json.err.as_str()), (Vec::new(), ""));
}

#[test]
fn listing_changes_nothing_in_the_store() {
    let world = World::with_store();
    let before = world.log().len();
    for command in [
        &["cert", "list"][..],
        &["cert", "list", "--expiring", "365"],
        &["cert", "show", ALICE],
    ] {
        world.ok(command);
    }
    assert_eq!(world.log().len(), before);
    let store = Embedded::open(&world.path("store.redb")).unwrap();
    let mut count = 0;
    store
        .visit_certificates(&mut |_| {
            count += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(count, 4);
    store.check_log().unwrap();
}
