//! Inputs, outputs and randomness that fail.

use std::{
    io::{self, Read, Write},
    sync::atomic::{AtomicU64, Ordering},
};

use smime::{
    Cause, Engine, Mode, Policy, RsaPadding, SignedForm, Verdict,
    crypto::{Error as CryptoError, Random, fastest},
    io::{Limits, Replay, Source},
};
use smime_testkit::{FailingRandom, SeededRandom, TestKey};

use crate::common::{SECRET, World, contains, entity, expected_entity, small_mail};
use crate::{Broken, forms, world};

#[test]
fn an_input_that_fails_anywhere_is_an_error() {
    let world = world();
    for (what, draft) in forms() {
        let sealed = world.seal(&draft);
        for in_memory in [64, 1 << 20] {
            let limits = Limits {
                in_memory,
                ..Limits::default()
            };
            let engine = Engine {
                limits,
                ..world.receiver(Policy::standard())
            };
            for length in 0..=sealed.len() {
                let error = engine.open(sealed[..length].chain(Broken)).unwrap_err();
                assert!(
                    matches!(error.cause, Cause::Io(_)),
                    "{what}, {length}: {error}"
                );
                assert!(error.layers.is_empty(), "{what}");
            }
        }
    }
}

#[test]
fn an_input_that_comes_in_pieces_and_is_interrupted_is_the_same_input() {
    let world = world();
    for (what, draft) in forms() {
        let sealed = world.seal(&draft);
        let engine = world.receiver(Policy::standard());
        let opened = engine
            .open(Dripping {
                bytes: &sealed,
                ready: false,
            })
            .unwrap();
        assert_eq!(entity(&opened), expected_entity(&small_mail()), "{what}");
    }
}

#[test]
fn a_draft_that_fails_anywhere_is_an_error_and_no_message() {
    let world = world();
    for (what, mut draft) in forms() {
        let mut completed = false;
        for budget in 0..2000 {
            draft.mail = Source::new(Failing {
                bytes: small_mail(),
                left: AtomicU64::new(budget),
            });
            let mut out = Vec::new();
            match world.sender().seal(&draft, &mut out) {
                Err(error) => {
                    assert!(!completed, "{what}");
                    assert!(
                        matches!(error.cause, Cause::Io(_)),
                        "{what}, {budget}: {error}"
                    );
                    check_no_message(&world, &out, &what);
                }
                Ok(_) => completed = true,
            }
        }
        assert!(completed, "{what}");
    }
}

#[test]
fn an_output_that_fails_anywhere_is_an_error() {
    let world = world();
    for (what, draft) in forms() {
        let length = world.seal(&draft).len();
        // The last characters may be padding and a line end.
        for room in (0..length - 4).step_by(5) {
            let mut out = Full {
                written: Vec::new(),
                room,
            };
            let error = world.sender().seal(&draft, &mut out).unwrap_err();
            assert!(
                matches!(error.cause, Cause::Io(_)),
                "{what}, {room}: {error}"
            );
            check_no_message(&world, &out.written, &what);
        }
    }
}

#[test]
fn without_randomness_nothing_is_sealed_that_needs_it() {
    for key in [TestKey::P256A, TestKey::P384A, TestKey::Rsa2048A] {
        let world = World::new(key, key, fastest());
        for (what, mut draft) in forms() {
            draft.signature.padding = RsaPadding::Pss;
            for fills in 0.. {
                let random = Exhausted {
                    random: SeededRandom::new(1),
                    left: AtomicU64::new(fills),
                };
                let engine = Engine {
                    random: &random,
                    ..world.sender()
                };
                let mut out = Vec::new();
                match engine.seal(&draft, &mut out) {
                    Ok(_) => {
                        // An opaque signature may need none; everything else does.
                        let is_opaque =
                            draft.form == SignedForm::Opaque && draft.sign == Some(Mode::Always);
                        assert!(
                            fills > 0 || draft.encrypt == Some(Mode::Never) && is_opaque,
                            "{what}"
                        );
                        assert!(world.open(&out).is_ok(), "{what}");
                        break;
                    }
                    Err(error) => {
                        let is_it = matches!(error.cause, Cause::Crypto(CryptoError::NoRandomness));
                        assert!(
                            is_it || error.code().contains("random"),
                            "{what}: {error:?}"
                        );
                        check_no_message(&world, &out, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn without_randomness_no_envelope_is_opened() {
    for key in [TestKey::P256A, TestKey::Rsa2048A] {
        let world = World::new(key, key, fastest());
        for (what, draft) in forms() {
            let sealed = world.seal(&draft);
            let engine = Engine {
                random: &FailingRandom,
                ..world.receiver(Policy::standard())
            };
            match engine.open(&*sealed) {
                Ok(_) => assert_eq!(draft.encrypt, Some(Mode::Never), "{what}"),
                Err(error) => {
                    assert_eq!(draft.encrypt, Some(Mode::Always), "{what}: {error}");
                    assert!(
                        !error.cause.is_undecryptable(),
                        "{what}: the key is not to blame"
                    );
                }
            }
        }
    }
}

/// What was written before a failure is no message, and tells nothing.
fn check_no_message(world: &World, written: &[u8], what: &str) {
    if let Ok(opened) = world.open(written) {
        assert_ne!(opened.signature(), Verdict::Good, "{what}");
        assert_eq!(opened.encryption(), None, "{what}");
    }
    let is_public = contains(written, b"multipart/signed") || !what.contains("encrypted");
    assert!(is_public || !contains(written, SECRET.as_bytes()), "{what}");
}

/// One byte at a time, interrupted before each.
struct Dripping<'a> {
    bytes: &'a [u8],
    ready: bool,
}

impl Read for Dripping<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.ready = !self.ready;
        if self.ready {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = out.len().min(1);
        self.bytes.read(&mut out[..length])
    }
}

/// Bytes that can be read until so many of them were, in all passes together.
struct Failing {
    bytes: Vec<u8>,
    left: AtomicU64,
}

struct FailingPass<'a> {
    of: &'a Failing,
    rest: &'a [u8],
}

impl Replay for Failing {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(FailingPass {
            of: self,
            rest: &self.bytes,
        }))
    }
}

impl Read for FailingPass<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let take = |left: u64| left.checked_sub(1);
        if self
            .of
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_err()
        {
            return Err(io::Error::other("broken"));
        }
        let length = out.len().min(1);
        self.rest.read(&mut out[..length])
    }
}

/// Room for so many bytes.
struct Full {
    written: Vec<u8>,
    room: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(self.room - self.written.len());
        if length == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.write(&bytes[..length])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A source of randomness that fails after so many calls.
#[derive(Debug)]
struct Exhausted {
    random: SeededRandom,
    left: AtomicU64,
}

impl Random for Exhausted {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        let take = |left: u64| left.checked_sub(1);
        match self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        {
            Ok(_) => self.random.fill(out),
            Err(_) => FailingRandom.fill(out),
        }
    }
}
