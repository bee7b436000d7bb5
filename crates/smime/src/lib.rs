//! Opens and seals S/MIME messages under one policy.
//!
//! The engine does **not** fetch anything from a network, does not show or render mail, and does
//! not send it. It joins the crates below it: MIME structure ([`mime`]), cryptographic messages
//! ([`cms`]), certificates ([`x509`]), algorithms ([`crypto`]) and the [`store`].
//!
//! Start with [`Engine`]: [`Engine::open`] reads an incoming mail and returns a [`Message`] whose
//! layers say what was proven; [`Engine::decide`] says how an outgoing mail can be protected and will
//! be; [`Engine::prepare`] follows that for a [`Draft`] and returns a [`Sealing`] that writes it.

mod algorithms;
mod arrival;
mod decide;
mod draft;
mod engine;
mod error;
mod keyring;
mod learn;
mod message;
mod open;
mod policy;
mod remark;
mod retention;
mod retry;
mod seal;
mod select;

pub use algorithms::{EncryptionChoice, Unusable};
pub use decide::{
    Choice, Decision, Intent, PlainAnswer, Plan, RecipientChoice, Several, SigningChoice, ToSelf,
    Visibility,
};
pub use draft::{Cipher, Draft, Root, RsaPadding, SignatureChoice, SignedForm};
pub use engine::{Clock, Engine};
pub use error::{Cause, Error, RecipientProblem};
pub use keyring::{KeyUnavailable, Keyring};
pub use learn::{Fate, Learned, Learning};
pub use message::{Coverage, Layer, Message, Verdict};
pub use policy::{MessagePolicy, Policy, Unauthenticated};
pub use remark::{Remark, remarks};
pub use retry::{Judged, Keeping, NotKept, Received, Retried};
pub use seal::{Reason, Receipt, SealedCopy, SealedRecipient, Sealing};

pub use smime_store::Mode;

pub use smime_cms as cms;
pub use smime_crypto as crypto;
pub use smime_io as io;
pub use smime_mime as mime;
pub use smime_store as store;
pub use smime_x509 as x509;

/// The example of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
