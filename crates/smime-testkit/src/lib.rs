//! Test authorities, messages and damage for the tests of the workspace.
//!
//! Nothing here is secure: keys are public, randomness repeats, and [`AcceptAll`] believes every
//! signature. Reading order: [`Authority`] issues, [`CrlBuilder`] and [`OcspBuilder`] revoke,
//! [`flips`] and [`truncations`] damage, [`Population`] is many people at once, [`mails`] reads
//! `testdata/mail`, [`suite`] and [`peer`] find what a machine may lack.

mod authority;
mod conformance;
mod crl;
mod damage;
mod exceptions;
mod graph;
mod key;
mod mails;
mod ocsp;
mod population;
mod provider;
mod random;

pub use authority::{Authority, Identity, Profile, Uses, pem};
pub use conformance::{conformance_root, peer, suite};
pub use crl::{
    CRL_DISTRIBUTION_POINTS, CRL_NUMBER, CrlBuilder, CrlScope, directory_name, distribution_points,
    entry_issuer, entry_reason, uri,
};
pub use damage::{flips, truncations};
pub use exceptions::Differences;
pub use graph::{GRAPH_POLICY, Graph};
pub use key::TestKey;
pub use mails::{large_mail, mails};
pub use ocsp::OcspBuilder;
pub use population::Population;
pub use provider::AcceptAll;
pub use random::{FailingRandom, SeededRandom};

use smime_crypto::UnixTime;

/// The present of the tests: 2026-06-01T00:00:00Z.
pub const NOW: UnixTime = UnixTime(1_780_272_000);

/// Seconds of a day.
pub const DAY: i64 = 86_400;
