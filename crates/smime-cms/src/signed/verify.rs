//! The judgement of one signer after the other.

use std::io::Read;

use smime_crypto::{
    Algorithm, CryptoProvider, DigestAlgorithm, Error as CryptoError, Hasher, SignatureScheme,
    Signed, UnixTime, Use,
    asn1::{Reader, Tag},
};
use smime_io::Source;
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, ChainRequest, ChainVerifier,
    RevocationPolicy,
};

use crate::{
    Error, asn1,
    signed::{
        ClaimedTime, Judged, Refusal, Sender, SignatureCheck, SignedMessage, SignerInfo,
        SignerReport, Verdict,
        attributes::{SignedAttributes, check_unsigned},
    },
};

/// Judges every signer of `message`.
pub(super) fn judge(message: SignedMessage, check: &SignatureCheck<'_>) -> Result<Judged, Error> {
    let content = match message.content {
        Some(content) => content,
        // A certificate collection is a SignedData without signers and without content.
        None if message.signers.is_empty() => Source::from_bytes([]),
        None => return Err(Error::MissingContent),
    };
    let digests = ContentDigests::make(&content, &message.signers, check.provider)?;
    let mut pool = message.certificates;
    for certificate in check.pool.iter() {
        pool.add(certificate.clone());
    }
    let evidence = &message.evidence;
    let asked = |chains: &&ChainVerifier<'_>| {
        chains.revocation.policy() != RevocationPolicy::Off && !evidence.is_empty()
    };
    let chains = check.chains.filter(asked);
    let revocation = chains.map(|chains| evidence.added_to(chains.revocation));
    let chains = match (check.chains, &revocation) {
        (Some(chains), Some(revocation)) => Some(ChainVerifier {
            revocation,
            ..*chains
        }),
        (chains, _) => chains.copied(),
    };
    let judgement = Judgement {
        content_type: message.content_type,
        digests: &digests,
        pool: &pool,
        chains,
        check,
    };
    let signers = message
        .signers
        .iter()
        .map(|signer| judgement.signer(signer))
        .collect();
    Ok(Judged { content, signers })
}

struct Judgement<'a> {
    content_type: smime_crypto::Oid,
    digests: &'a ContentDigests,
    /// The certificates of the message first, then those of the caller.
    pool: &'a CertificateBundle,
    /// Proves certificates, and knows what the message brings.
    chains: Option<ChainVerifier<'a>>,
    check: &'a SignatureCheck<'a>,
}

/// A signer whose algorithms are known.
struct Named<'a> {
    info: &'a SignerInfo,
    digest: DigestAlgorithm,
    scheme: SignatureScheme,
    attributes: Option<Result<SignedAttributes<'a>, Refusal>>,
}

impl Judgement<'_> {
    fn signer(&self, info: &SignerInfo) -> SignerReport {
        let digest = DigestAlgorithm::from_identifier(&info.digest);
        let scheme =
            digest.and_then(|digest| SignatureScheme::from_identifier(&info.scheme, Some(digest)));
        let attributes = info.attributes.as_deref().map(SignedAttributes::read);
        let signing_time = match &attributes {
            Some(Ok(attributes)) => attributes.signing_time,
            _ => None,
        };
        let mut report = SignerReport {
            verdict: Verdict::NoCertificate,
            certificate: None,
            digest: digest.ok(),
            scheme: scheme.ok(),
            signing_time,
            by_claimed_time: false,
            capabilities: None,
            encryption_certificates: Vec::new(),
        };
        let is_named = info.id.matcher();
        let candidates: Vec<&Certificate> = self
            .pool
            .iter()
            .filter(|it| is_named(it))
            .take(MAX_CANDIDATES)
            .collect();
        report.certificate = candidates.first().map(|it| (*it).clone());
        if candidates.is_empty() {
            return report;
        }
        let (digest, scheme) = match digest.and_then(|digest| Ok((digest, scheme?))) {
            Ok(known) => known,
            Err(error) => {
                report.verdict = Verdict::Refused(Refusal::Algorithm(error));
                return report;
            }
        };
        let named = Named {
            info,
            digest,
            scheme,
            attributes,
        };
        // Several certificates may bear one name or key identifier, and anybody can add one to the
        // message: each is judged by itself, and the one that got furthest is the signer's.
        let judged = candidates
            .into_iter()
            .map(|certificate| (self.by(&named, certificate), certificate))
            .reduce(|best, next| {
                if progress(&next.0.0) > progress(&best.0.0) {
                    next
                } else {
                    best
                }
            });
        if let Some(((verdict, by_claimed_time), certificate)) = judged {
            report.certificate = Some(certificate.clone());
            report.verdict = verdict;
            report.by_claimed_time = by_claimed_time;
        }
        if let (Verdict::Good, Some(Ok(attributes))) = (&report.verdict, named.attributes) {
            report.capabilities = attributes.capabilities;
            if let Some(key) = &attributes.encryption_key {
                let is_named = key.matcher();
                let named = self.pool.iter().filter(|it| is_named(it));
                report.encryption_certificates = named.take(MAX_CANDIDATES).cloned().collect();
            }
        }
        report
    }

    /// Judges the signature as one made with the key of `certificate`; says whether the time that
    /// the signer claims made its path good.
    fn by(&self, signer: &Named<'_>, certificate: &Certificate) -> (Verdict, bool) {
        let check = self.check;
        let permits = |algorithm| {
            let permitted = check
                .algorithms
                .permits(algorithm, Use::AcceptSignature, check.at);
            permitted.map_err(|refused| Verdict::Refused(Refusal::Policy(refused)))
        };
        // The key first, because its size decides what a verification costs; the scheme last, so
        // that a refused scheme still says that the signature matches.
        let sound = permits(Algorithm::Key(certificate.public_key().kind()))
            .and_then(|()| self.signature(signer, certificate))
            .and_then(|()| permits(Algorithm::Signature(signer.scheme)));
        if let Err(verdict) = sound {
            return (verdict, false);
        }
        let mut by_claimed_time = false;
        if let Some(chains) = &self.chains {
            let proven = |valid_at| {
                let request = ChainRequest {
                    purpose: check.purpose,
                    pool: self.pool,
                    at: check.at,
                    valid_at,
                    policies: check.policies,
                };
                chains.verify_request(certificate, &request)
            };
            let mut path = proven(check.at);
            if let (Err(_), Some(claimed)) = (&path, self.claimed_time(signer)) {
                path = proven(claimed);
                by_claimed_time = path.is_ok();
            }
            if let Err(error) = path {
                return (Verdict::Untrusted(error), false);
            }
        }
        let rules = self.chains.as_ref().map(|chains| chains.policy);
        let verdict = if is_sender(certificate, check.sender, rules) {
            Verdict::Good
        } else {
            Verdict::WrongSender
        };
        (verdict, by_claimed_time)
    }

    /// Returns the time that the signer claims, if it is to count and before that of judgement.
    fn claimed_time(&self, signer: &Named<'_>) -> Option<UnixTime> {
        match (self.check.claimed_time, &signer.attributes) {
            (ClaimedTime::Validity, Some(Ok(attributes))) => attributes
                .signing_time
                .filter(|claimed| *claimed < self.check.at),
            _ => None,
        }
    }

    /// Checks the signature and what it covers (RFC 5652 §5.4, §5.6).
    fn signature(&self, signer: &Named<'_>, certificate: &Certificate) -> Result<(), Verdict> {
        let digest = self
            .digests
            .of(signer.digest)
            .ok_or(Verdict::BadSignature)?;
        let verify = |signed: Signed<'_>| {
            let key = certificate.public_key();
            self.check
                .provider
                .verify(key, signer.scheme, signed, &signer.info.signature)
        };
        let (Some(set), Some(attributes)) = (&signer.info.attributes, &signer.attributes) else {
            // It would be over the content itself, which is not kept in memory (RFC 8419 §3.2).
            if signer.scheme == SignatureScheme::Ed25519 {
                return Err(Verdict::Refused(Refusal::Algorithm(PURE)));
            }
            verify(Signed::Digest(digest)).map_err(|_| Verdict::BadSignature)?;
            check_unsigned(signer.info).map_err(Verdict::Refused)?;
            return self.check_plain_content().map_err(Verdict::Refused);
        };
        if verify(Signed::Message(set)).is_err() {
            // DEVIATION RFC 5652 §5.4: attributes that do not stand in DER order are verified as
            // they stand first, because some signers hash what they send; sorted is the standard.
            // The set says the same in either order.
            let sorted = asn1::sorted_set(set, Tag::SET).map_err(|_| Verdict::BadSignature)?;
            if sorted == *set || verify(Signed::Message(&sorted)).is_err() {
                return Err(Verdict::BadSignature);
            }
        }
        check_unsigned(signer.info).map_err(Verdict::Refused)?;
        let attributes = attributes
            .as_ref()
            .map_err(|refusal| Verdict::Refused(*refusal))?;
        if attributes.message_digest != digest {
            return Err(Verdict::BadSignature);
        }
        if attributes.content_type != self.content_type {
            return Err(Verdict::Refused(Refusal::ContentTypeMismatch));
        }
        attributes
            .check_algorithms(signer.digest, signer.scheme)
            .map_err(Verdict::Refused)?;
        attributes
            .check_certificate(certificate, self.check.provider)
            .map_err(Verdict::Refused)
    }

    /// Without signed attributes the signature covers the content alone: not its type, and nothing
    /// that tells it from a signature over attributes.
    fn check_plain_content(&self) -> Result<(), Refusal> {
        if self.content_type != asn1::ID_DATA {
            Err(Refusal::NoSignedAttributes)
        } else if self.digests.reads_as_attributes() {
            Err(Refusal::AmbiguousContent)
        } else {
            Ok(())
        }
    }
}

/// Says whether the certificate has every address the sender is known by; without rules about
/// certificates, those of its subject count.
fn is_sender(
    certificate: &Certificate,
    sender: Sender<'_>,
    rules: Option<&CertificatePolicy>,
) -> bool {
    match sender {
        Sender::Any => true,
        Sender::Addresses(addresses) => {
            let standard = CertificatePolicy::standard();
            let rules = rules.unwrap_or(&standard);
            let own = |address| rules.names(certificate, address);
            !addresses.is_empty() && addresses.iter().all(own)
        }
    }
}

/// Orders verdicts by how far the judgement came.
fn progress(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::NoCertificate => 0,
        Verdict::Refused(Refusal::Policy(_) | Refusal::Algorithm(_)) => 1,
        Verdict::BadSignature => 2,
        Verdict::Refused(_) => 3,
        Verdict::Untrusted(_) => 4,
        Verdict::WrongSender => 5,
        Verdict::Good => 6,
    }
}

/// The digests of the content by every algorithm a signer names, and how the content begins.
struct ContentDigests {
    digests: Vec<(DigestAlgorithm, Vec<u8>)>,
    head: Vec<u8>,
    length: u64,
}

impl ContentDigests {
    /// Reads the content once. What the object lists as its digest algorithms is a hint that
    /// decides nothing (RFC 5652 §5.1).
    fn make(
        content: &Source,
        signers: &[SignerInfo],
        provider: &dyn CryptoProvider,
    ) -> Result<Self, Error> {
        let mut hashers: Vec<(DigestAlgorithm, Box<dyn Hasher>)> = Vec::new();
        for signer in signers {
            match DigestAlgorithm::from_identifier(&signer.digest) {
                Ok(digest) if hashers.iter().all(|(known, _)| *known != digest) => {
                    hashers.push((digest, provider.hasher(digest)));
                }
                _ => {}
            }
        }
        let (mut head, mut length) = (Vec::new(), 0_u64);
        if !hashers.is_empty() {
            let mut pass = content.open()?;
            pass.by_ref().take(HEAD).read_to_end(&mut head)?;
            for (_, hasher) in &mut hashers {
                hasher.update(&head);
            }
            length = u64::try_from(head.len()).unwrap_or(u64::MAX);
            let mut buffer = vec![0; BUFFER];
            loop {
                let count = match pass.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => count,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error.into()),
                };
                let bytes = buffer.get(..count).unwrap_or_default();
                for (_, hasher) in &mut hashers {
                    hasher.update(bytes);
                }
                length = length.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            }
        }
        let digests = hashers
            .into_iter()
            .map(|(digest, hasher)| (digest, hasher.finish()))
            .collect();
        Ok(Self {
            digests,
            head,
            length,
        })
    }

    fn of(&self, digest: DigestAlgorithm) -> Option<&[u8]> {
        self.digests
            .iter()
            .find(|(known, _)| *known == digest)
            .map(|(_, value)| value.as_slice())
    }

    /// Says whether the content is a SET with a SEQUENCE first, to its last byte: then a signature
    /// over it may be one over signed attributes, of a message nobody sees here.
    fn reads_as_attributes(&self) -> bool {
        let [tag, first, rest @ ..] = self.head.as_slice() else {
            return false;
        };
        let count = match first {
            0..0x80 => 0,
            0x80 => return false,
            _ => usize::from(first & 0x7f),
        };
        let Some((octets, inner)) = rest.split_at_checked(count) else {
            return false;
        };
        let length = if count == 0 {
            Some(u64::from(*first))
        } else {
            octets.iter().try_fold(0_u64, |length, octet| {
                length.checked_mul(0x100)?.checked_add(u64::from(*octet))
            })
        };
        let header = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(2);
        Tag(*tag) == Tag::SET
            && length.and_then(|length| length.checked_add(header)) == Some(self.length)
            && Reader::new(inner).peek() == Some(Tag::SEQUENCE)
    }
}

const PURE: CryptoError = CryptoError::Unsupported("Ed25519 without signed attributes");

/// Certificates judged per signer: a name or key identifier that more certificates share is an
/// attempt to make us work.
const MAX_CANDIDATES: usize = 8;

/// Bytes of the content kept to see what it begins with: more than any header.
const HEAD: u64 = 160;

/// Bytes read of the content at a time.
const BUFFER: usize = 64 << 10;
