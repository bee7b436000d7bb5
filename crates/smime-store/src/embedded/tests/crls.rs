use smime_testkit::{CrlBuilder, TestKey};
use smime_x509::Name;

use super::*;
use crate::making::{DAY, name};

fn list(day: u32) -> CrlBuilder {
    list_of(name("Test CA"), day)
}

fn list_of(issuer: Name, day: u32) -> CrlBuilder {
    let from = UnixTime(NOW.0 + i64::from(day) * DAY);
    let list = CrlBuilder::new(issuer, TestKey::P256A);
    list.valid(from, None).number(day)
}

fn der(list: CrlBuilder) -> Vec<u8> {
    list.sign().der().to_vec()
}

fn lists(store: &Embedded) -> Vec<Vec<u8>> {
    store.crls(name("Test CA").der()).unwrap()
}

#[test]
fn power_that_fails_anywhere_leaves_the_list_that_was_there_or_the_one_in_its_place() {
    let lists_of_days: Vec<Vec<u8>> = (1..=4)
        .map(|day| {
            let mut list = list(day);
            for number in 0..500_u32 {
                list = list.serial(&[&[1][..], &number.to_be_bytes()].concat(), NOW, &[]);
            }
            der(list)
        })
        .collect();
    let delta = der(list(9).delta(1));
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
        store.add_crl(&delta, NOW).unwrap();
        store.add_crl(&lists_of_days[0], NOW).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let added = lists_of_days.iter().skip(1);
        let promised = added.take_while(|der| store.add_crl(der, NOW).is_ok());
        let promised = promised.count();
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, LIMITS).unwrap();
        let found = lists(&store);
        assert_eq!(found.len(), 2, "{writes} writes");
        assert!(found[0] == delta, "{writes} writes");
        let at = lists_of_days.iter().position(|der| *der == found[1]);
        let at = at.unwrap();
        assert!(
            at == promised || at == promised + 1,
            "{at} of {promised} after {writes} writes"
        );
        // What is recorded of the list is of the one that is there.
        let again = store.add_crl(&found[1], UnixTime(0)).unwrap();
        assert_eq!(again, Addition::AlreadyThere { since: NOW });
        store.add_crl(&lists_of_days[3], NOW).unwrap();
        assert!(lists(&store) == [delta.clone(), lists_of_days[3].clone()]);
        failures += usize::from(promised < 3);
        if left > 0 {
            break;
        }
    }
    assert!(failures > 5, "{failures}");
}

#[test]
fn an_older_list_is_told_from_a_newer_one_without_reading_that() {
    let issuers: Vec<_> = (0..20)
        .map(|number| name(&format!("CA {number}")))
        .collect();
    let of = |issuer: &Name, day: u32, entries: u32| {
        let mut list = list_of(issuer.clone(), day);
        for number in 0..entries {
            let serial = [&[1; 16][..], &number.to_be_bytes()].concat();
            list = list.serial(&serial, NOW, &[]);
        }
        der(list)
    };
    let disk = Disk::new();
    let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
    let large: Vec<_> = issuers.iter().map(|it| of(it, 2, 60_000)).collect();
    assert!(large.iter().map(Vec::len).sum::<usize>() > CACHE + CACHE / 4);
    for der in &large {
        store.add_crl(der, NOW).unwrap();
    }
    drop(store);
    let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
    disk.bytes_read.store(0, Ordering::SeqCst);
    for (issuer, der) in issuers.iter().zip(&large) {
        for der in [&of(issuer, 1, 0), der] {
            let there = store.add_crl(der, UnixTime(0)).unwrap();
            assert_eq!(there, Addition::AlreadyThere { since: NOW });
        }
    }
    let size = large[0].len();
    let read = disk.bytes_read.load(Ordering::SeqCst);
    assert!(read < size / 4, "{read} of {size}");
    for (issuer, der) in issuers.iter().zip(&large) {
        assert!(store.crls(issuer.der()).unwrap() == std::slice::from_ref(der));
    }
    let read = disk.bytes_read.load(Ordering::SeqCst);
    assert!(
        read > size,
        "the lists are elsewhere than in memory: {read}"
    );
}
