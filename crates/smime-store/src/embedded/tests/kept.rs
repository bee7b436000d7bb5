use redb::WriteTransaction;

use super::*;
use crate::{
    Want,
    making::{address, name, person, sign},
};
use tables::kept::{KEPT, KEPT_MESSAGES};

fn issuer() -> Vec<u8> {
    name("Root").der().to_vec()
}

/// A mail of so many bytes, each `number`.
fn mail(number: u8, bytes: usize) -> KeptMail {
    KeptMail {
        received: NOW,
        expires: UnixTime(NOW.0 + i64::from(number)),
        message: vec![number; bytes],
        code: "open.no_key".into(),
        signature: "none".into(),
        encryption: "failed".into(),
        wants: vec![
            Want::Issuer(issuer()),
            Want::Address(address("ada@example.com")),
        ],
    }
}

fn all(store: &Embedded) -> Vec<(u64, KeptMail)> {
    let mut all = Vec::new();
    store
        .visit_kept(&mut |id, mail| {
            all.push((id, mail));
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

/// Says that the index leads to what is kept, and to nothing else.
fn assert_found(store: &Embedded) {
    let all = all(store);
    let ids: Vec<u64> = all.iter().map(|(id, _)| *id).collect();
    assert_eq!(store.kept_wanting_issuer(&issuer()).unwrap(), ids);
    let ada = sign(person(1, "ada@example.com"));
    assert_eq!(store.kept_wanting(&ada).unwrap(), ids);
    for (id, mail) in &all {
        assert!(store.kept(*id).unwrap().as_ref() == Some(mail));
        assert_eq!(store.keep(mail).unwrap(), *id, "it is known again");
    }
}

/// Five changes, and what is kept after each: numbers and expiry.
fn change(store: &Embedded, step: usize) -> Result<(), Error> {
    match step {
        0 => store.keep(&mail(1, 20_000)).map(|_| ()),
        1 => store.keep(&mail(2, 20_000)).map(|_| ()),
        2 => {
            let expires = UnixTime(NOW.0 + 100);
            let changed = KeptMail {
                expires,
                ..mail(1, 20_000)
            };
            store.keep(&changed).map(|_| ())
        }
        3 => store.expire_kept(UnixTime(NOW.0 + 50)).map(|_| ()),
        _ => store.release(1),
    }
}

const AFTER: [&[(u64, i64)]; 6] = [
    &[],
    &[(1, 1)],
    &[(1, 1), (2, 2)],
    &[(1, 100), (2, 2)],
    &[(1, 100)],
    &[],
];

#[test]
fn power_that_fails_anywhere_leaves_kept_mail_as_before_or_after_a_change() {
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let steps = (0..5).take_while(|step| change(&store, *step).is_ok());
        let promised = steps.count();
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, LIMITS).unwrap();
        assert_found(&store);
        let kept = all(&store);
        let kept: Vec<_> = kept
            .iter()
            .map(|(id, mail)| (*id, mail.expires.0 - NOW.0))
            .collect();
        let next = AFTER.get(promised + 1);
        assert!(
            kept == AFTER[promised] || next.is_some_and(|next| kept == *next),
            "{kept:?} after {promised} changes and {writes} writes"
        );
        // No number comes again, whatever was lost.
        let highest = kept.iter().map(|(id, _)| *id).max().unwrap_or_default();
        let given = u64::try_from(promised.min(2)).unwrap();
        let id = store.keep(&mail(9, 1)).unwrap();
        assert!(id > highest && id > given, "{id} after {promised} changes");
        assert_found(&store);
        failures += usize::from(promised < 5);
        if left > 0 {
            break;
        }
    }
    assert!(failures > 10, "{failures}");
}

/// A store with so many mails, more than its cache has room for, and the disk it is on.
fn large(mails: u8) -> (Embedded, Disk) {
    assert!(usize::from(mails) * SIZE > CACHE + CACHE / 4);
    let disk = Disk::new();
    let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
    for number in 1..=mails {
        store.keep(&mail(number, SIZE)).unwrap();
    }
    drop(store);
    let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
    disk.bytes_read.store(0, Ordering::SeqCst);
    (store, disk)
}

#[test]
fn look_ups_by_index_read_no_message() {
    let (store, disk) = large(15);
    let ids: Vec<u64> = (1..=15).collect();
    let ada = sign(person(1, "ada@example.com"));
    assert_eq!(store.kept_wanting(&ada).unwrap(), ids);
    assert_eq!(store.kept_wanting_issuer(&issuer()).unwrap(), ids);
    assert_eq!(store.expire_kept(NOW).unwrap(), 0);
    for (id, number) in ids.iter().zip(1..) {
        let again = store.keep(&mail(number, SIZE)).unwrap();
        assert_eq!(again, *id, "it is known");
    }
    let read = disk.bytes_read.load(Ordering::SeqCst);
    assert!(read < SIZE / 4, "{read}");
    assert_eq!(all(&store).len(), 15);
    let read = disk.bytes_read.load(Ordering::SeqCst);
    assert!(
        read > SIZE,
        "the messages are elsewhere than in memory: {read}"
    );
}

#[test]
fn expiry_reads_no_message_but_those_it_deletes_and_one_beside() {
    let (store, disk) = large(15);
    assert_eq!(store.expire_kept(UnixTime(NOW.0 + 2)).unwrap(), 2);
    let read = disk.bytes_read.load(Ordering::SeqCst);
    // A page has room for a third more.
    assert!(read < 5 * SIZE, "{read}");
    assert_found(&store);
}

/// Returns a store of two mails after some damage.
fn damaged(damage: impl FnOnce(&WriteTransaction)) -> Embedded {
    let store = Embedded::with_backend(InMemoryBackend::new(), LIMITS).unwrap();
    for number in 1..=2 {
        store.keep(&mail(number, 10)).unwrap();
    }
    let transaction = store.database.begin_write().unwrap();
    damage(&transaction);
    transaction.commit().unwrap();
    assert!(store.kept_wanting_issuer(&[]).unwrap().is_empty());
    store
}

fn assert_is_damage<T: fmt::Debug>(result: Result<T, Error>) {
    assert_eq!(result.unwrap_err().code(), "store.damaged");
}

#[test]
fn a_mail_without_its_message_is_damage() {
    let store = damaged(|transaction| {
        let mut messages = transaction.open_table(KEPT_MESSAGES).unwrap();
        messages.remove(2).unwrap();
    });
    assert_is_damage(store.kept(2));
    assert_is_damage(store.visit_kept(&mut |_, _| ControlFlow::Continue(())));
}

#[test]
fn a_record_that_cannot_be_read_is_damage() {
    for record in [&b"{}"[..], b"", b"\xff", b"[]"] {
        let store = damaged(|transaction| {
            let mut records = transaction.open_table(KEPT).unwrap();
            records.insert(2, record).unwrap();
        });
        assert_is_damage(store.kept(2));
        assert_is_damage(store.visit_kept(&mut |_, _| ControlFlow::Continue(())));
        assert_is_damage(store.kept_wanting_issuer(&issuer()));
        assert_is_damage(store.keep(&mail(2, 10)));
        assert_is_damage(store.expire_kept(UnixTime(NOW.0 + 5)));
        assert_is_damage(store.release(2));
    }
}

#[test]
fn an_index_that_leads_to_no_mail_is_damage() {
    let store = damaged(|transaction| {
        let mut records = transaction.open_table(KEPT).unwrap();
        records.remove(2).unwrap();
    });
    assert_is_damage(store.kept_wanting_issuer(&issuer()));
    assert_is_damage(store.keep(&mail(2, 10)));
    assert_is_damage(store.expire_kept(UnixTime(NOW.0 + 5)));
}

/// Bytes of a message that fills most of a page of 4 MiB.
const SIZE: usize = 3 << 20;
