//! Parses X.509 certificates and decides whether one serves a purpose at a time.
//!
//! This crate does **not** fetch anything, read a clock, or know mail and CMS.
//!
//! [`Certificate`] is parsed once, strictly, and keeps its bytes. [`ChainVerifier`] searches a path
//! from a certificate to one of the anchors in a [`TrustStore`] through an untrusted
//! [`CertificateBundle`], and returns a proof that only it can make: [`VerifiedSigner`] or
//! [`VerifiedRecipient`]. [`check_fitness`] and [`check_import`] look at one certificate alone,
//! [`Explainer`] says so rule by rule, and [`lint`] what its issuer did wrong.
//! [`CertificateBuilder`] makes certificates for tests and demonstrations; [`Issuer`] makes those
//! that an authority may issue, for a key at hand or for a [`CertificationRequest`].
//! [`Revocation`] holds what [`Crl`]s and [`OcspResponse`]s tell, and how much must be known.

mod authority;
mod builder;
mod bundle;
mod certificate;
mod chain;
mod crl;
mod email;
mod error;
mod explain;
mod extension;
mod fetch;
mod general_name;
mod irregularity;
mod lint;
mod name;
mod ocsp;
mod oid;
mod policy;
mod purpose;
mod request;
mod revocation;
mod sequence_of;
mod span;
mod trust;

pub use authority::{Generation, IssueError, Issuer, MailSubject, MailUse, Validity, make_root};
pub use builder::CertificateBuilder;
pub use bundle::CertificateBundle;
pub use certificate::{Certificate, CertificateRef};
pub use chain::{
    ChainCache, ChainRequest, ChainVerifier, VerifiedChain, VerifiedRecipient, VerifiedSigner,
};
pub use crl::{Crl, CrlDefect, CrlEntry, IssuingDistributionPoint, RevocationReason};
pub use email::EmailAddress;
pub use error::{ChainError, ChainErrorKind, ImportRefusal, ParseError};
pub use explain::{CertificateUse, Explainer, Explanation, Finding, Met};
pub use extension::{
    AccessDescription, AuthorityKeyId, BasicConstraints, DistributionPoint, DistributionPointName,
    Extension, GeneralSubtree, KeyUsage, KeyUsageBit, NameConstraints, PolicyConstraints,
    PolicyInformation, PolicyMapping, QcStatement, ReasonFlags, SignedCertificateTimestamp,
    extended_key_usage_name,
};
pub use fetch::{FetchError, Fetcher, WantedUrls, is_public_http_url};
pub use general_name::GeneralName;
pub use irregularity::Irregularity;
pub use lint::{LintFinding, LintProfile, ProfileGeneration, Severity, Validation, lint};
pub use name::{Name, NameAttribute, NameRef};
pub use ocsp::{
    BasicResponse, CertificateId, CertificateStatus, OcspResponse, OcspStatus, ResponderId,
    SingleResponse,
};
pub use oid::{ANY_EXTENDED_KEY_USAGE, ANY_POLICY, EMAIL_PROTECTION, SMIME_CAPABILITIES};
pub use policy::{
    AnchorValidity, AnyExtendedKeyUsage, CertificatePolicy, PolicyInputs, Presence, ProfileRules,
    SubjectAddress,
};
pub use purpose::{ImportRules, Purpose, check_fitness, check_import, check_import_under};
pub use request::CertificationRequest;
pub use revocation::{CrlError, Revocation, RevocationPolicy};
pub use sequence_of::{FromReader, SequenceOf};
pub use trust::{AnchorConstraints, NameBounds, TrustStore};
