use std::fmt;

use smime_crypto::{
    Error, KeyKind, Oid, SignatureScheme, UnixTime,
    asn1::{Element, Reader, Tag},
    sha256,
};

use crate::{
    AccessDescription, AuthorityKeyId, BasicConstraints, DistributionPoint, Extension, GeneralName,
    KeyUsage, NameConstraints, NameRef, ParseError, PolicyConstraints, PolicyInformation,
    PolicyMapping, QcStatement, SequenceOf, SignedCertificateTimestamp, extension::Extensions, oid,
    sequence_of::FromReader, span::Span,
};

/// A certificate (RFC 5280 §4.1) inside other bytes: where its fields stand and what they say.
///
/// Reading one takes no memory beside it and touches each byte once. It proves the shape and
/// nothing else: no signature was checked, no time compared.
#[derive(Clone, Copy)]
pub struct CertificateRef<'a> {
    der: &'a [u8],
    layout: Layout,
}

/// Where the fields of a certificate stand, counted from its first byte, and what the short ones
/// say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    version: u8,
    tbs: Span,
    signature_algorithm: Span,
    signature: Span,
    serial: Span,
    issuer: Span,
    subject: Span,
    not_before: UnixTime,
    not_after: UnixTime,
    spki: Span,
    key_kind: KeyKind,
    extension_list: Span,
    extensions: Extensions,
}

impl<'a> CertificateRef<'a> {
    /// Reads one DER certificate; bytes after it are refused.
    ///
    /// # Errors
    /// [`ParseError`]; byte positions count from the first byte of `der`.
    pub fn from_der(der: &'a [u8]) -> Result<Self, ParseError> {
        Layout::read(der).map(|layout| Self { der, layout })
    }

    /// Puts a layout and the bytes it was found in together again.
    pub(super) fn of_layout(der: &'a [u8], layout: Layout) -> Self {
        Self { der, layout }
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the bytes, as read.
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Computes the SHA-256 of the bytes.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&[self.der])
    }

    /// Returns 1, 2 or 3.
    pub fn version(&self) -> u8 {
        self.layout.version
    }

    /// Returns the content octets of the serial number, as encoded.
    pub fn serial(&self) -> &'a [u8] {
        self.layout.serial.slice(self.der)
    }

    /// Returns who signed.
    pub fn issuer(&self) -> NameRef<'a> {
        NameRef::of_checked(self.layout.issuer.slice(self.der))
    }

    /// Returns whose key it is.
    pub fn subject(&self) -> NameRef<'a> {
        NameRef::of_checked(self.layout.subject.slice(self.der))
    }

    /// Returns the first second of validity.
    pub fn not_before(&self) -> UnixTime {
        self.layout.not_before
    }

    /// Returns the last second of validity.
    pub fn not_after(&self) -> UnixTime {
        self.layout.not_after
    }

    /// Returns the DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> &'a [u8] {
        self.layout.spki.slice(self.der)
    }

    /// Returns what kind of key the subject has.
    pub fn key_kind(&self) -> KeyKind {
        self.layout.key_kind
    }

    /// Returns the extension basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.layout.extensions.basic_constraints
    }

    /// Says whether basicConstraints call it a certification authority.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints()
            .is_some_and(|constraints| constraints.ca)
    }

    /// Returns the extension keyUsage; without it every use is allowed.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.layout.extensions.key_usage
    }

    /// Returns the extension extKeyUsage; without it every use is allowed.
    pub fn extended_key_usage(&self) -> Option<SequenceOf<'a, Oid>> {
        self.list(self.layout.extensions.extended_key_usage)
    }

    /// Returns the names of the extension subjectAltName.
    pub fn subject_alt_name(&self) -> Option<SequenceOf<'a, GeneralName<'a>>> {
        self.list(self.layout.extensions.subject_alt_name)
    }

    /// Returns the names of the extension issuerAltName.
    pub fn issuer_alt_name(&self) -> Option<SequenceOf<'a, GeneralName<'a>>> {
        self.list(self.layout.extensions.issuer_alt_name)
    }

    /// Returns the usable mail addresses of the subject alternative name, in its order
    /// (RFC 5280 §4.2.1.6, RFC 9598).
    pub fn san_emails(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let names = self.subject_alt_name();
        names
            .into_iter()
            .flat_map(|names| names.iter())
            .filter_map(GeneralName::email)
    }

    /// Returns the extension subjectKeyIdentifier.
    pub fn subject_key_id(&self) -> Option<&'a [u8]> {
        let value = self.layout.extensions.subject_key_id?.slice(self.der);
        Reader::new(value).octet_string("subjectKeyIdentifier").ok()
    }

    /// Returns the extension authorityKeyIdentifier.
    pub fn authority_key(&self) -> Option<AuthorityKeyId<'a>> {
        let value = self.value(self.layout.extensions.authority_key_id)?;
        AuthorityKeyId::from_value(&value).ok()
    }

    /// Returns the key identifier of the extension authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&'a [u8]> {
        self.authority_key()?.key_id
    }

    /// Returns the extension nameConstraints.
    pub fn name_constraints(&self) -> Option<NameConstraints<'a>> {
        let value = self.value(self.layout.extensions.name_constraints)?;
        NameConstraints::from_value(&value).ok()
    }

    /// Returns the extension certificatePolicies.
    pub fn certificate_policies(&self) -> Option<SequenceOf<'a, PolicyInformation<'a>>> {
        self.list(self.layout.extensions.certificate_policies)
    }

    /// Returns the extension policyMappings.
    pub fn policy_mappings(&self) -> Option<SequenceOf<'a, PolicyMapping>> {
        self.list(self.layout.extensions.policy_mappings)
    }

    /// Returns the extension policyConstraints.
    pub fn policy_constraints(&self) -> Option<PolicyConstraints> {
        self.layout.extensions.policy_constraints
    }

    /// Returns the extension inhibitAnyPolicy: after how many certificates anyPolicy ends.
    pub fn inhibit_any_policy(&self) -> Option<u32> {
        self.layout.extensions.inhibit_any_policy
    }

    /// Returns the extension cRLDistributionPoints.
    pub fn crl_distribution_points(&self) -> Option<SequenceOf<'a, DistributionPoint<'a>>> {
        self.list(self.layout.extensions.crl_distribution_points)
    }

    /// Returns the extension freshestCRL: where delta CRLs are (RFC 5280 §4.2.1.15).
    pub fn freshest_crl(&self) -> Option<SequenceOf<'a, DistributionPoint<'a>>> {
        self.list(self.layout.extensions.freshest_crl)
    }

    /// Returns the extension authorityInfoAccess, when it has the shape that RFC 5280 §4.2.2.1
    /// wants: it helps to find things and decides nothing.
    pub fn authority_info_access(&self) -> Option<SequenceOf<'a, AccessDescription<'a>>> {
        let extension = self
            .extension_list()
            .find(|extension| extension.oid == oid::AUTHORITY_INFO_ACCESS)?;
        let mut outer = Reader::new(extension.value);
        let sequence = outer.read(Tag::SEQUENCE, "authorityInfoAccess").ok()?;
        SequenceOf::from_element(&sequence, "authorityInfoAccess").ok()
    }

    /// Returns the DER SMIMECapabilities of the extension (RFC 4262), unread.
    pub fn smime_capabilities(&self) -> Option<&'a [u8]> {
        let span = self.layout.extensions.smime_capabilities?;
        Some(span.slice(self.der))
    }

    /// Returns the statements of the extension qcStatements, when it has the shape that
    /// RFC 3739 §3.2.6 wants: they are shown and decide nothing.
    pub fn qc_statements(&self) -> Option<SequenceOf<'a, QcStatement<'a>>> {
        let mut extensions = self.extension_list();
        QcStatement::list(extensions.find(|it| it.oid == oid::QC_STATEMENTS)?.value)
    }

    /// Returns the timestamps of transparency logs, when the extension has the shape that
    /// RFC 6962 §3.3 wants: they are shown and decide nothing.
    pub fn certificate_timestamps(&self) -> Option<Vec<SignedCertificateTimestamp<'a>>> {
        let mut extensions = self.extension_list();
        SignedCertificateTimestamp::list(extensions.find(|it| it.oid == oid::SCT_LIST)?.value)
    }

    /// Returns every extension, in the order of the certificate.
    pub fn extension_list(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let list = self.layout.extension_list.slice(self.der);
        let mut reader = Reader::new(list).sequence("extensions").ok();
        std::iter::from_fn(move || Some(Extension::read(reader.as_mut()?).ok()?.0))
    }

    /// Returns the first critical extension that nothing here processes.
    pub fn unknown_critical_extension(&self) -> Option<Oid> {
        let span = self.layout.extensions.unknown_critical?;
        Oid::from_bytes(span.slice(self.der))
    }

    /// Says whether issuer and subject are one name (RFC 5280 §6.1); no signature is implied.
    pub fn is_self_issued(&self) -> bool {
        self.issuer().matches(self.subject())
    }

    /// Says whether its own key can have signed it: issuer and subject are one name, the key
    /// identifiers do not tell of two keys, and the key is one that signs. The signature itself is
    /// not checked.
    pub fn may_be_self_signed(&self) -> bool {
        let one_key = match (self.authority_key_id(), self.subject_key_id()) {
            (Some(issuer), Some(own)) => issuer == own,
            _ => true,
        };
        one_key && self.key_kind().can_sign() && self.is_self_issued()
    }

    /// Returns how the certificate was signed.
    ///
    /// # Errors
    /// [`Error::UnknownAlgorithm`], [`Error::Unsupported`], [`Error::Malformed`].
    pub fn signature_scheme(&self) -> Result<SignatureScheme, Error> {
        SignatureScheme::from_identifier(self.signature_algorithm(), None)
    }

    /// Returns the DER AlgorithmIdentifier of the signature.
    pub fn signature_algorithm(&self) -> &'a [u8] {
        self.layout.signature_algorithm.slice(self.der)
    }

    /// Returns the bytes that are signed.
    pub fn tbs(&self) -> &'a [u8] {
        self.layout.tbs.slice(self.der)
    }

    /// Returns the signature.
    pub fn signature(&self) -> &'a [u8] {
        self.layout.signature.slice(self.der)
    }

    /// Returns an extnValue as the element it was read from.
    fn value(&self, span: Option<Span>) -> Option<Element<'a>> {
        let content = span?.slice(self.der);
        Some(Element {
            tag: Tag::OCTET_STRING,
            raw: content,
            content,
            offset: 0,
        })
    }

    fn list<T: FromReader<'a>>(&self, span: Option<Span>) -> Option<SequenceOf<'a, T>> {
        let mut outer = Reader::new(span?.slice(self.der));
        let sequence = outer.read(Tag::SEQUENCE, "extnValue").ok()?;
        Some(SequenceOf::of_checked(sequence.content))
    }
}

impl fmt::Debug for CertificateRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateRef({} ", self.subject())?;
        self.fingerprint()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl Layout {
    fn read(der: &[u8]) -> Result<Self, ParseError> {
        let mut input = Reader::new(der);
        let mut outer = input.sequence("Certificate")?;
        input.finish("Certificate")?;
        let tbs = outer.read(Tag::SEQUENCE, "TBSCertificate")?;
        let signature_algorithm = outer.read(Tag::SEQUENCE, "signatureAlgorithm")?;
        let signature = outer.read(Tag::BIT_STRING, "signatureValue")?;
        outer.finish("Certificate")?;
        let signature_octets = signature.bit_string_octets()?;

        let mut fields = tbs.reader();
        let version = version(&mut fields)?;
        let serial = fields.read(Tag::INTEGER, "serialNumber")?;
        if serial.integer()?.len() > MAX_SERIAL {
            return Err(ParseError::Malformed {
                what: "serialNumber",
                offset: serial.offset,
            });
        }
        if fields.read(Tag::SEQUENCE, "signature")?.raw != signature_algorithm.raw {
            return Err(ParseError::AlgorithmMismatch);
        }
        check_identifier(&signature_algorithm)?;
        let issuer = fields.read(Tag::SEQUENCE, "issuer")?;
        NameRef::from_element(&issuer)?;
        let mut validity = fields.sequence("validity")?;
        let (not_before, not_after) = (validity.time("notBefore")?, validity.time("notAfter")?);
        validity.finish("validity")?;
        let subject = fields.read(Tag::SEQUENCE, "subject")?;
        NameRef::from_element(&subject)?;
        let spki = fields.read(Tag::SEQUENCE, "subjectPublicKeyInfo")?;
        let key_kind = KeyKind::of_spki(spki.raw)
            .map_err(|error| ParseError::from(error).moved_by(spki.offset))?;
        let (extensions, extension_list) = tail(&mut fields, version)?;
        Ok(Self {
            version,
            tbs: Span::of(&tbs),
            signature_algorithm: Span::of(&signature_algorithm),
            signature: Span::of_end(&signature, signature_octets.len()),
            serial: Span::of_content(&serial),
            issuer: Span::of(&issuer),
            subject: Span::of(&subject),
            not_before,
            not_after,
            spki: Span::of(&spki),
            key_kind,
            extension_list,
            extensions,
        })
    }
}

/// Reads `[0] EXPLICIT Version DEFAULT v1`.
fn version(fields: &mut Reader<'_>) -> Result<u8, ParseError> {
    let Some(field) = fields.optional(Tag::context_constructed(0), "version")? else {
        return Ok(1);
    };
    let mut inner = field.reader();
    let number = inner.small("version")?;
    inner.finish("version")?;
    match number {
        0 => Ok(1),
        1 => Ok(2),
        2 => Ok(3),
        _ => Err(ParseError::Version),
    }
}

/// Reads what may follow the key: the unique identifiers of version 2, which nothing uses, and the
/// extensions of version 3 (RFC 5280 §4.1.2.8, §4.1.2.9).
fn tail(fields: &mut Reader<'_>, version: u8) -> Result<(Extensions, Span), ParseError> {
    for number in [1, 2] {
        if fields
            .optional(Tag::context(number), "uniqueIdentifier")?
            .is_some()
            && version < 2
        {
            return Err(ParseError::Version);
        }
    }
    let extensions = match fields.optional(Tag::context_constructed(3), "extensions")? {
        Some(_) if version < 3 => return Err(ParseError::Version),
        Some(field) => (Extensions::read(&field)?, Span::of_content(&field)),
        None => (Extensions::default(), Span::default()),
    };
    fields.finish("TBSCertificate")?;
    Ok(extensions)
}

/// An AlgorithmIdentifier: an identifier and at most one value (RFC 5280 §4.1.1.2).
fn check_identifier(element: &Element<'_>) -> Result<(), ParseError> {
    let mut fields = element.reader();
    fields.oid_octets()?;
    if !fields.is_empty() {
        fields.any("parameters")?;
    }
    Ok(fields.finish("AlgorithmIdentifier")?)
}

/// RFC 5280 §4.1.2.2 allows 20 octets; longer ones exist, and 64 leave room for all of them.
const MAX_SERIAL: usize = 64;
