use std::collections::HashSet;

use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::{
    AccessDescription, CertificateRef, EmailAddress, Extension, GeneralName, NameRef,
    lint::LintProfile, name::text, oid,
};

/// A certificate under its profile, and what several rules ask about it.
pub(super) struct Linted<'a> {
    pub(super) certificate: &'a CertificateRef<'a>,
    pub(super) profile: LintProfile,
    pub(super) key: Key,
}

/// What kind of key it is, also of algorithms that nothing here computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// rsaEncryption.
    Rsa,
    /// id-ecPublicKey on a named curve, if it names one (RFC 5480 §2.1.1).
    Ec(Option<Oid>),
    /// Ed25519 or Ed448 (RFC 8410).
    Edwards,
    /// Anything else, by its algorithm.
    Other(Option<Oid>),
}

impl<'a> Linted<'a> {
    pub(super) fn new(certificate: &'a CertificateRef<'a>, profile: LintProfile) -> Self {
        Self {
            certificate,
            profile,
            key: Key::of(certificate),
        }
    }

    /// Returns an extension.
    pub(super) fn extension(&self, oid: Oid) -> Option<Extension<'a>> {
        self.certificate
            .extension_list()
            .find(|extension| extension.oid == oid)
    }

    /// Says whether the extension is there and critical.
    pub(super) fn is_critical(&self, oid: Oid) -> bool {
        self.extension(oid)
            .is_some_and(|extension| extension.critical)
    }

    /// Returns the names of subjectAltName.
    pub(super) fn san(&self) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
        let names = self.certificate.subject_alt_name();
        names.into_iter().flat_map(|names| names.iter())
    }

    /// Returns the mail addresses of subjectAltName.
    pub(super) fn san_addresses(&self) -> HashSet<EmailAddress> {
        let emails = self.certificate.san_emails();
        emails.filter_map(EmailAddress::new).collect()
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = Oid> + use<'a> {
        let policies = self.certificate.certificate_policies();
        policies
            .into_iter()
            .flat_map(|policies| policies.iter())
            .map(|it| it.policy)
    }

    pub(super) fn usages(&self) -> impl Iterator<Item = Oid> + use<'a> {
        let usages = self.certificate.extended_key_usage();
        usages.into_iter().flat_map(|usages| usages.iter())
    }

    /// Returns where authorityInfoAccess says something is to be had.
    pub(super) fn access(&self) -> impl Iterator<Item = AccessDescription<'a>> + use<'a> {
        let access = self.certificate.authority_info_access();
        access.into_iter().flat_map(|access| access.iter())
    }

    /// Returns the attributes of the subject that are text.
    pub(super) fn subject_texts(&self) -> impl Iterator<Item = (Oid, String)> + use<'a> {
        texts(self.certificate.subject())
    }

    pub(super) fn subject_has(&self, attribute: Oid) -> bool {
        let mut attributes = self.certificate.subject().attributes();
        attributes.any(|(oid, _)| oid == attribute)
    }

    /// Says whether issuer and subject are one name, as with a root.
    pub(super) fn is_root(&self) -> bool {
        self.certificate.is_self_issued()
    }

    /// Says whether it is an authority below a root that issues for mail.
    pub(super) fn is_mail_authority(&self) -> bool {
        let mut usages = self.usages();
        !self.is_root() && usages.any(|usage| usage == oid::EMAIL_PROTECTION)
    }

    /// Returns the subject and the directory names of subjectAltName.
    pub(super) fn subject_names(&self) -> impl Iterator<Item = NameRef<'a>> + use<'a> {
        let names = self.san().filter_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(name),
            _ => None,
        });
        std::iter::once(self.certificate.subject()).chain(names)
    }

    /// Returns the fields of the signed part from the serial number on.
    pub(super) fn fields(&self) -> Option<Reader<'a>> {
        let mut fields = Reader::new(self.certificate.tbs()).sequence("tbs").ok()?;
        let version = Tag::context_constructed(0);
        fields.optional(version, "version").ok()?;
        Some(fields)
    }

    /// Returns the extensions, each a SEQUENCE.
    pub(super) fn extension_fields(&self) -> Option<Reader<'a>> {
        let mut fields = self.fields()?;
        let tag = Tag::context_constructed(3);
        while fields.peek()? != tag {
            fields.any("field").ok()?;
        }
        let field = fields.any("extensions").ok()?;
        field.reader().sequence("extensions").ok()
    }
}

impl Key {
    fn of(certificate: &CertificateRef<'_>) -> Self {
        let spki = Reader::new(certificate.spki()).sequence("spki");
        let identifier = spki.and_then(|mut spki| spki.sequence("algorithm"));
        let Ok((algorithm, mut parameters)) =
            identifier.and_then(|mut identifier| Ok((identifier.oid()?, identifier)))
        else {
            return Self::Other(None);
        };
        match algorithm {
            RSA_ENCRYPTION => Self::Rsa,
            EC_PUBLIC_KEY => Self::Ec(parameters.oid().ok()),
            ED25519 | ED448 => Self::Edwards,
            other => Self::Other(Some(other)),
        }
    }
}

/// Returns the attributes of a name that are text, in its order.
pub(super) fn texts<'a>(name: NameRef<'a>) -> impl Iterator<Item = (Oid, String)> + use<'a> {
    let attributes = name.attributes();
    attributes.filter_map(|(oid, value): (Oid, Element<'a>)| Some((oid, text(&value)?.into())))
}

pub(super) const RSA_ENCRYPTION: Oid = Oid::new("1.2.840.113549.1.1.1");
pub(super) const EC_PUBLIC_KEY: Oid = Oid::new("1.2.840.10045.2.1");
pub(super) const ED25519: Oid = Oid::new("1.3.101.112");
pub(super) const ED448: Oid = Oid::new("1.3.101.113");
