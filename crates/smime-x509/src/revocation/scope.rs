use smime_crypto::asn1::{Reader, Tag, Writer};

use crate::{
    Certificate, Crl, DistributionPoint, DistributionPointName, GeneralName,
    IssuingDistributionPoint, Name, NameRef, ReasonFlags, SequenceOf,
};

/// Where a CRL for a certificate may come from: one of its distribution points, or that which
/// RFC 5280 §6.3.3 has every certificate have: the name of its issuer.
pub(super) struct Point<'a> {
    names: Names<'a>,
    reasons: ReasonFlags,
    crl_issuer: Option<SequenceOf<'a, GeneralName<'a>>>,
}

/// The names of a distribution point.
enum Names<'a> {
    Listed(SequenceOf<'a, GeneralName<'a>>),
    Whole(Name),
    None,
}

impl<'a> Point<'a> {
    /// Returns every point of `certificate`.
    pub(super) fn all_of(certificate: &'a Certificate) -> Vec<Self> {
        let issuer = certificate.issuer();
        let implied = Self {
            names: Names::Whole(issuer.to_name()),
            reasons: ReasonFlags::ALL,
            crl_issuer: None,
        };
        let points = certificate.view().crl_distribution_points();
        let points = points.into_iter().flat_map(|points| points.iter());
        let points = points.map(|point| Self::of(&point, issuer));
        points.chain([implied]).collect()
    }

    fn of(point: &DistributionPoint<'a>, issuer: NameRef<'_>) -> Self {
        let names = match (point.name, point.crl_issuer) {
            (Some(DistributionPointName::FullName(names)), _) => Names::Listed(names),
            // Relative to the one name of the CRL's issuer (RFC 5280 §4.2.1.13).
            (Some(DistributionPointName::RelativeToIssuer(rdn)), crl_issuer) => {
                let mut named = crl_issuer.iter().flat_map(SequenceOf::iter);
                let base = match (crl_issuer, named.next(), named.next()) {
                    (None, _, _) => Some(issuer),
                    (Some(_), Some(GeneralName::DirectoryName(name)), None) => Some(name),
                    _ => None,
                };
                base.and_then(|base| below(base, rdn))
                    .map_or(Names::None, Names::Whole)
            }
            (None, Some(names)) => Names::Listed(names),
            (None, None) => Names::None,
        };
        Self {
            names,
            reasons: point.reasons.unwrap_or(ReasonFlags::ALL),
            crl_issuer: point.crl_issuer,
        }
    }

    /// Returns the names of those who sign CRLs of this point, when it is not the certificate's
    /// issuer.
    pub(super) fn crl_issuers(&self) -> impl Iterator<Item = NameRef<'a>> + use<'a> {
        let names = self.crl_issuer.into_iter().flat_map(|names| names.iter());
        names.filter_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(name),
            _ => None,
        })
    }

    /// Returns of which reasons `crl` tells for `certificate` by this point; `None` when it does
    /// not tell of the certificate (RFC 5280 §6.3.3 (b), (d)).
    ///
    /// `spend` is called for each pair of names that is compared.
    pub(super) fn reasons<E>(
        &self,
        crl: &Crl,
        scope: Option<&IssuingDistributionPoint<'_>>,
        certificate: &Certificate,
        spend: &mut impl FnMut() -> Result<(), E>,
    ) -> Result<Option<ReasonFlags>, E> {
        let signed_by_right_one = match self.crl_issuer {
            None => crl.issuer().matches(certificate.issuer()),
            Some(_) => {
                let mut found = false;
                for name in self.crl_issuers() {
                    spend()?;
                    found |= name.matches(crl.issuer());
                }
                found && scope.is_some_and(|scope| scope.indirect)
            }
        };
        if !signed_by_right_one {
            return Ok(None);
        }
        let Some(scope) = scope else {
            return Ok(Some(self.reasons));
        };
        let is_ca = certificate.is_ca();
        let left_out = scope.only_attribute_certificates
            || (scope.only_user_certificates && is_ca)
            || (scope.only_ca_certificates && !is_ca);
        if left_out || !self.is_named(crl, scope, spend)? {
            return Ok(None);
        }
        let told = scope.reasons.unwrap_or(ReasonFlags::ALL);
        Ok(Some(told.and(self.reasons)))
    }

    /// RFC 5280 §6.3.3 (b) (2) (i): a scope without a name is that of every point.
    fn is_named<E>(
        &self,
        crl: &Crl,
        scope: &IssuingDistributionPoint<'_>,
        spend: &mut impl FnMut() -> Result<(), E>,
    ) -> Result<bool, E> {
        let names = match scope.name {
            None => return Ok(true),
            Some(DistributionPointName::FullName(names)) => Names::Listed(names),
            Some(DistributionPointName::RelativeToIssuer(rdn)) => {
                below(crl.issuer(), rdn).map_or(Names::None, Names::Whole)
            }
        };
        let mut found = false;
        for one in names.iter() {
            for other in self.names.iter() {
                spend()?;
                found |= is_same(one, other);
            }
        }
        Ok(found)
    }
}

impl Names<'_> {
    fn iter(&self) -> impl Iterator<Item = GeneralName<'_>> {
        let (listed, whole) = match self {
            Self::Listed(names) => (Some(names.iter()), None),
            Self::Whole(name) => (None, Some(GeneralName::DirectoryName(name.view()))),
            Self::None => (None, None),
        };
        listed.into_iter().flatten().chain(whole)
    }
}

fn is_same(one: GeneralName<'_>, other: GeneralName<'_>) -> bool {
    match (one, other) {
        (GeneralName::DirectoryName(one), GeneralName::DirectoryName(other)) => one.matches(other),
        _ => one == other,
    }
}

/// Returns the name `base` with one RDN more, given by the content of its SET.
fn below(base: NameRef<'_>, rdn: &[u8]) -> Option<Name> {
    let mut outer = Reader::new(base.der());
    let names = outer.read(Tag::SEQUENCE, "Name").ok()?;
    let der = Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(names.content);
            w.element(Tag::SET, rdn);
        });
    });
    Name::from_der(&der).ok()
}
