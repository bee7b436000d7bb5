//! Operations that fail half-way or at once are in the log too.
#![allow(
    clippy::unwrap_used,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use std::io::{self, Write};

use common::{World, authority, draft, engine, small_mail, store};
use smime::{
    Cause, Keyring, Mode,
    crypto::fastest,
    store::{Direction, Operation, Outcome, Store as _},
};
use smime_testkit::{SeededRandom, TestKey};

/// An output that takes so many bytes and no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => self.0 = left,
            None => return Err(io::ErrorKind::StorageFull.into()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn mail_whose_output_fails_is_logged_as_not_sealed() {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    let mut draft = draft(&small_mail());
    (draft.sign, draft.encrypt) = (Some(Mode::Always), Some(Mode::Always));
    for room in [0, 100, 2000] {
        let engine = world.sender();
        let before = engine.store.activities().unwrap().len();
        let error = engine.seal(&draft, Full(room)).unwrap_err();
        assert!(matches!(error.cause, Cause::Io(_)), "{error:?}");
        let entries = engine.store.activities().unwrap();
        assert_eq!(entries.len(), before + 1, "{room}");
        let last = &entries.last().unwrap().activity;
        assert_eq!(last.operation, Operation::Seal);
        assert_eq!(last.outcome, Outcome::Failed);
        assert_eq!(last.code, error.code());
        assert_eq!(last.to, ["bob@example.org"]);
    }
}

#[test]
fn mail_that_needs_copies_and_gets_one_output_is_logged_as_not_sealed() {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    let mail = String::from_utf8(small_mail()).unwrap();
    let mail = mail.replace(
        "To: bob@example.org",
        "To: alice@example.com\r\nBcc: bob@example.org",
    );
    let mut draft = draft(mail.as_bytes());
    draft.to = Vec::new();
    draft.encrypt = Some(Mode::Always);
    let engine = world.sender();
    let error = engine.seal(&draft, Vec::new()).unwrap_err();
    assert!(matches!(error.cause, Cause::CopiesNeeded), "{error:?}");
    let last = engine.store.activities().unwrap().pop().unwrap().activity;
    assert_eq!((last.outcome, &*last.code), (Outcome::Failed, error.code()));
}

#[test]
fn mail_that_cannot_be_read_is_logged() {
    let root = authority().root_certificate();
    let store = store(std::slice::from_ref(root), root);
    let (keys, random) = (Keyring::default(), SeededRandom::new(1));
    let mut engine = engine(fastest(), &store, &keys, &random);
    engine.limits.headers = 100;
    let error = engine.open(&vec![b'x'; 1000][..]).unwrap_err();
    let last = store.activities().unwrap().pop().unwrap().activity;
    assert_eq!(
        (last.direction, last.outcome),
        (Direction::In, Outcome::Failed)
    );
    assert_eq!(last.code, error.code());
    store.check_log().unwrap();
}
