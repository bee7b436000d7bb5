//! Interoperation with the programs people have: what we write the peers read, and the other way
//! around, for every algorithm both sides know.
//!
//! The peers are the `openssl` and `gpgsm` found on the search path. A missing one skips its tests
//! with a printed line, and fails them where `SMIME_REQUIRE_ALL=1`. Every test has its own folder,
//! its own certificates of fixed keys and one fixed time of judgement, which the peers are told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that cannot go on stops where it is"
)]
#![allow(
    clippy::type_complexity,
    reason = "a case is a tuple that its one test takes apart"
)]

mod gpgsm;
mod gpgsm_home;
mod openssl;
mod openssl_objects;
mod openssl_opens;
mod openssl_seals;
mod setting;
