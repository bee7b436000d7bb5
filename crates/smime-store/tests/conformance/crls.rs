use smime_crypto::{
    Oid, UnixTime,
    asn1::{Tag, Writer},
};
use smime_store::{Addition, Error};
use smime_testkit::{CrlBuilder, CrlScope, TestKey, directory_name, truncations};
use smime_x509::Name;

use crate::{
    Place,
    making::{DAY, NOW, name},
    on_every_store,
};

/// Starts the complete list of `CN=Test CA` of so many days after `NOW`, its number that of the day.
fn list(day: u32) -> CrlBuilder {
    list_of(name("Test CA"), day)
}

fn list_of(issuer: Name, day: u32) -> CrlBuilder {
    let from = UnixTime(NOW.0 + i64::from(day) * DAY);
    CrlBuilder::new(issuer, TestKey::P256A)
        .valid(from, Some(UnixTime(from.0 + 7 * DAY)))
        .number(day)
}

fn der(list: CrlBuilder) -> Vec<u8> {
    list.sign().der().to_vec()
}

/// Adds a list; says whether it is new.
fn is_added(place: &Place, der: &[u8]) -> bool {
    place.store().add_crl(der, NOW).unwrap() == Addition::Added
}

/// Returns the lists of `CN=Test CA`.
fn lists(place: &Place) -> Vec<Vec<u8>> {
    place.store().crls(name("Test CA").der()).unwrap()
}

/// The extension authorityKeyIdentifier of a key.
fn signed_by(list: CrlBuilder, key: &[u8]) -> CrlBuilder {
    let value = Writer::encode(|w| w.sequence(|w| w.element(Tag::context(0), key)));
    list.extension(Oid::new("2.5.29.35"), false, &value)
}

fn point(name: &str) -> CrlScope {
    CrlScope {
        names: directory_name(&crate::making::name(name)),
        ..CrlScope::default()
    }
}

#[test]
fn a_store_without_lists_has_none_of_any_issuer() {
    on_every_store(|place| {
        assert!(lists(place).is_empty());
        assert!(place.store().crls(&[]).unwrap().is_empty());
    });
}

#[test]
fn what_is_no_list_is_refused_and_not_kept() {
    on_every_store(|place| {
        let good = der(list(1));
        let longer = [&good[..], &[0]].concat();
        let certificate = crate::making::people(1)[0].der().to_vec();
        let others = [&[][..], b"-----BEGIN X509 CRL-----", &longer, &certificate];
        let cut = truncations(&good).map(<[u8]>::to_vec);
        for bytes in others.into_iter().map(<[u8]>::to_vec).chain(cut) {
            let error = place.store().add_crl(&bytes, NOW).unwrap_err();
            assert!(matches!(error, Error::UnreadableCrl(_)), "{error:?}");
            assert_eq!(error.code(), "store.unreadable_crl");
        }
        assert!(lists(place).is_empty());
    });
}

#[test]
fn a_list_of_more_than_64_mebibytes_is_refused_unread() {
    on_every_store(|place| {
        let mut bytes = vec![0; 64 << 20];
        let error = place.store().add_crl(&bytes, NOW).unwrap_err();
        assert!(matches!(error, Error::UnreadableCrl(_)), "{error:?}");
        bytes.push(0);
        let error = place.store().add_crl(&bytes, NOW).unwrap_err();
        assert!(matches!(error, Error::CrlTooLarge), "{error:?}");
        assert_eq!(error.code(), "store.crl_too_large");
    });
}

#[test]
fn a_list_comes_back_as_it_was_by_any_spelling_of_its_issuer() {
    on_every_store(|place| {
        let der = der(list(1).serial(&[7], NOW, &[]));
        assert!(is_added(place, &der));
        place.reopen();
        for spelling in ["Test CA", "TEST ca", "  test   CA "] {
            let found = place.store().crls(name(spelling).der()).unwrap();
            assert_eq!(found, std::slice::from_ref(&der), "{spelling:?}");
        }
    });
}

#[test]
fn other_names_have_other_lists() {
    on_every_store(|place| {
        let other = der(list_of(name("Other CA"), 1));
        assert!(is_added(place, &der(list(1))));
        assert!(is_added(place, &other));
        let issuer = name("Test CA");
        for nobody in [
            name("TestCA").der(),
            name("Test CA 1").der(),
            &issuer.der()[1..],
            &[],
        ] {
            assert!(place.store().crls(nobody).unwrap().is_empty());
        }
        assert_eq!(place.store().crls(name("Other CA").der()).unwrap(), [other]);
    });
}

#[test]
fn a_list_that_is_there_is_not_added_again() {
    on_every_store(|place| {
        let der = der(list(1));
        assert!(is_added(place, &der));
        place.reopen();
        let later = UnixTime(NOW.0 + 1);
        let again = place.store().add_crl(&der, later).unwrap();
        assert_eq!(again, Addition::AlreadyThere { since: NOW });
        assert_eq!(lists(place), [der]);
    });
}

#[test]
fn the_newest_list_stays_in_whatever_order_they_come() {
    let days = [1, 2, 3];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        on_every_store(|place| {
            let mut newest = 0;
            for at in order {
                let is_newest = days[at] > newest;
                newest = newest.max(days[at]);
                assert_eq!(
                    is_added(place, &der(list(days[at]))),
                    is_newest,
                    "{order:?}"
                );
                let found = lists(place);
                assert_eq!(found.len(), 1, "{order:?}");
                assert!(!is_added(place, &found[0]), "{order:?}");
            }
            place.reopen();
            let kept = smime_x509::Crl::from_der(&lists(place)[0]).unwrap();
            assert_eq!(kept.number(), Some(&[3][..]), "{order:?}");
        });
    }
}

#[test]
fn an_older_list_is_there_since_the_newer_one_was_added() {
    on_every_store(|place| {
        let since = UnixTime(NOW.0 + 5);
        place.store().add_crl(&der(list(2)), since).unwrap();
        let older = place.store().add_crl(&der(list(1)), NOW).unwrap();
        assert_eq!(older, Addition::AlreadyThere { since });
    });
}

#[test]
fn of_lists_of_one_time_the_greater_number_is_the_newer() {
    for (first, second, is_newer) in [
        (9, 10, true),
        (255, 256, true),
        (256, 255, false),
        (65_536, 255, false),
        (0, 1, true),
    ] {
        on_every_store(|place| {
            assert!(is_added(place, &der(list(1).number(first))));
            let second_list = der(list(1).number(second));
            assert_eq!(is_added(place, &second_list), is_newer, "{first} {second}");
            assert_eq!(lists(place) == [second_list], is_newer, "{first} {second}");
        });
    }
}

#[test]
fn of_lists_of_one_time_and_number_the_one_added_last_stays() {
    on_every_store(|place| {
        assert!(is_added(place, &der(list(1))));
        let other = der(list(1).serial(&[7], NOW, &[]));
        assert!(is_added(place, &other));
        assert_eq!(lists(place), [other]);
    });
}

#[test]
fn a_later_list_of_a_lesser_number_is_the_newer() {
    on_every_store(|place| {
        assert!(is_added(place, &der(list(1).number(9000))));
        let renumbered = der(list(2).number(1));
        assert!(is_added(place, &renumbered));
        assert_eq!(lists(place), [renumbered]);
    });
}

#[test]
fn lists_of_other_scope_signer_or_kind_stay_beside_each_other() {
    on_every_store(|place| {
        let users = CrlScope {
            only_user: true,
            ..CrlScope::default()
        };
        let authorities = CrlScope {
            only_ca: true,
            ..CrlScope::default()
        };
        // The bytes of one extension in the place of the other are another scope.
        let swapped = list(8).extension(Oid::new("2.5.29.35"), false, &[0x30, 0]);
        let all = [
            list(1),
            list(2).scope(&users),
            list(3).scope(&authorities),
            list(4).scope(&point("one")),
            list(5).scope(&point("ONE")),
            signed_by(list(6), &[1]),
            signed_by(list(7), &[2]),
            swapped,
            signed_by(list(9).scope(&users), &[1]),
            list(10).delta(1),
            list(11).scope(&users).delta(1),
        ];
        let mut all: Vec<Vec<u8>> = all.into_iter().map(der).collect();
        for one in all.iter().rev() {
            assert!(is_added(place, one));
        }
        all.reverse();
        assert_eq!(lists(place), all, "the newest first");
        place.reopen();
        assert_eq!(lists(place), all);
    });
}

#[test]
fn a_list_without_extensions_replaces_and_is_replaced() {
    on_every_store(|place| {
        let first = |day| der(list(day).version(1).without_extensions());
        assert!(is_added(place, &first(2)));
        assert!(!is_added(place, &first(1)));
        assert!(is_added(place, &first(3)));
        // Without scope and signer too, and of a greater number than none.
        let numbered = der(list(3));
        assert!(is_added(place, &numbered));
        assert!(!is_added(place, &first(3)));
        assert_eq!(lists(place), [numbered]);
    });
}

#[test]
fn a_delta_replaces_an_older_one_of_its_base_or_a_later_one() {
    on_every_store(|place| {
        let complete = der(list(5));
        assert!(is_added(place, &complete));
        assert!(is_added(place, &der(list(6).delta(5))));
        let second = der(list(7).delta(5));
        assert!(is_added(place, &second));
        assert!(!is_added(place, &der(list(6).delta(5))));
        assert_eq!(lists(place), [second, complete.clone()]);
        let of_earlier = der(list(8).delta(4));
        assert!(is_added(place, &of_earlier));
        assert!(!is_added(place, &der(list(7).delta(5))));
        assert_eq!(lists(place), [of_earlier, complete]);
    });
}

#[test]
fn a_delta_of_a_later_base_does_not_replace_what_an_earlier_list_lacks() {
    on_every_store(|place| {
        let complete = der(list(5));
        let fits = der(list(7).delta(5));
        let does_not = der(list(9).delta(8));
        for one in [&complete, &fits, &does_not] {
            assert!(is_added(place, one));
        }
        assert_eq!(lists(place), [does_not, fits, complete]);
    });
}

#[test]
fn eight_lists_of_one_scope_are_kept_and_the_oldest_delta_goes_first() {
    on_every_store(|place| {
        let complete = der(list(1));
        let deltas: Vec<_> = (2..=20).map(|day| der(list(day).delta(day - 1))).collect();
        let elsewhere = der(list(1).scope(&point("one")).delta(1));
        assert!(is_added(place, &complete));
        assert!(is_added(place, &elsewhere));
        for delta in &deltas {
            assert!(is_added(place, delta));
        }
        place.reopen();
        let mut found = lists(place);
        found.retain(|found| *found != elsewhere);
        let mut wanted: Vec<_> = deltas[12..].iter().rev().cloned().collect();
        wanted.push(complete);
        assert_eq!(found, wanted);
    });
}

#[test]
fn a_list_of_a_hundred_thousand_entries_comes_back_whole() {
    let mut large = list(1);
    for number in 0..100_000_u32 {
        let serial = [&[1; 12][..], &number.to_be_bytes()].concat();
        large = large.serial(&serial, NOW, &[]);
    }
    let large = der(large);
    on_every_store(|place| {
        assert!(is_added(place, &large));
        place.reopen();
        assert!(lists(place) == std::slice::from_ref(&large));
        let next = der(list(2));
        assert!(is_added(place, &next));
        assert!(!is_added(place, &large));
        assert_eq!(lists(place), [next]);
    });
}
