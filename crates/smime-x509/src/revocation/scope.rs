use std::rc::Rc;

use smime_crypto::asn1::{Tag, Writer};

use crate::{
    Certificate, Crl, DistributionPoint, DistributionPointName, GeneralName,
    IssuingDistributionPoint, Name, ReasonFlags, SequenceOf,
};

/// Where CRLs for a certificate may come from: its distribution points, and that which
/// RFC 5280 §6.3.3 has every certificate have, the name of its issuer.
///
/// Every name is brought once into the form in which it is compared, and names that begin with the
/// issuer's share it: what is held is in proportion to the certificate.
pub(super) struct Points<'a> {
    /// The canonical name of the certificate's issuer.
    issuer: Rc<[u8]>,
    is_ca: bool,
    points: Vec<Point<'a>>,
}

struct Point<'a> {
    names: Vec<Key<'a>>,
    reasons: ReasonFlags,
    /// The canonical names of those who sign its CRLs, when it is not the certificate's issuer.
    crl_issuers: Option<Vec<Rc<[u8]>>>,
}

/// A name of a distribution point, ready to be compared.
enum Key<'a> {
    /// The canonical form of a directory name, in two parts.
    Directory { base: Rc<[u8]>, rest: Vec<u8> },
    /// Any other, equal by its bytes.
    Other(GeneralName<'a>),
}

/// A CRL, ready to be compared with points.
struct List<'a> {
    issuer: Rc<[u8]>,
    scope: Option<IssuingDistributionPoint<'a>>,
    /// The names of its scope; `None` for that of every point.
    names: Option<Vec<Key<'a>>>,
}

impl<'a> Points<'a> {
    /// Reads every point of `certificate`.
    pub(super) fn of(certificate: &'a Certificate) -> Self {
        let issuer: Rc<[u8]> = certificate.issuer().canonical().into();
        let implied = Point {
            names: vec![Key::whole(issuer.to_vec())],
            reasons: ReasonFlags::ALL,
            crl_issuers: None,
        };
        let points = certificate.view().crl_distribution_points();
        let points = points.into_iter().flat_map(|points| points.iter());
        let points = points.map(|point| Point::of(&point, &issuer));
        Self {
            is_ca: certificate.is_ca(),
            points: points.chain([implied]).collect(),
            issuer,
        }
    }

    /// Returns the canonical names of those who may sign CRLs for the certificate.
    pub(super) fn crl_issuers(&self) -> impl Iterator<Item = &[u8]> {
        let others = self.points.iter().flat_map(|it| &it.crl_issuers).flatten();
        [&self.issuer].into_iter().chain(others).map(|it| &**it)
    }

    /// Says whether the issuer of the certificate is that of `crl`.
    pub(super) fn is_of_issuer(&self, crl: &Crl) -> bool {
        crl.issuer().canonical() == *self.issuer
    }

    /// Returns of which reasons `crl` tells for the certificate by any point; `None` when it does
    /// not tell of the certificate (RFC 5280 §6.3.3 (b), (d)).
    ///
    /// `spend` is called for each point, and for each pair of names with the bytes compared.
    pub(super) fn reasons<E>(
        &self,
        crl: &Crl,
        spend: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<ReasonFlags>, E> {
        let list = List::of(crl);
        let by_issuer = list.issuer == self.issuer;
        let mut told = None;
        for point in &self.points {
            spend(0)?;
            let is_signed = match &point.crl_issuers {
                None => by_issuer,
                Some(names) => list.is_by_one_of(names, spend)?,
            };
            if is_signed
                && self.is_in_scope(&list)
                && let Some(reasons) = point.reasons(&list, spend)?
            {
                told = Some(told.map_or(reasons, |told| ReasonFlags::or(told, reasons)));
            }
        }
        Ok(told)
    }

    /// Says whether a list tells of certificates of this kind.
    fn is_in_scope(&self, list: &List<'_>) -> bool {
        let is_ca = self.is_ca;
        list.scope.is_none_or(|scope| {
            !(scope.only_attribute_certificates
                || (scope.only_user_certificates && is_ca)
                || (scope.only_ca_certificates && !is_ca))
        })
    }
}

impl<'a> Point<'a> {
    fn of(point: &DistributionPoint<'a>, issuer: &Rc<[u8]>) -> Self {
        let crl_issuers = point.crl_issuer.map(|names| {
            let directory = names.iter().filter_map(|name| match name {
                GeneralName::DirectoryName(name) => Some(Rc::from(name.canonical())),
                _ => None,
            });
            directory.collect::<Vec<_>>()
        });
        let names = match (point.name, point.crl_issuer) {
            (Some(DistributionPointName::FullName(names)), _) | (None, Some(names)) => {
                Key::all(&names)
            }
            // Relative to the one name of the CRL's issuer (RFC 5280 §4.2.1.13).
            (Some(DistributionPointName::RelativeToIssuer(rdn)), named) => {
                let is_one = named.is_none_or(|names| names.iter().nth(1).is_none());
                let base = match crl_issuers.as_deref() {
                    None => Some(issuer),
                    Some([name]) if is_one => Some(name),
                    Some(_) => None,
                };
                base.and_then(|base| Key::below(base, rdn))
                    .into_iter()
                    .collect()
            }
            (None, None) => Vec::new(),
        };
        Self {
            names,
            reasons: point.reasons.unwrap_or(ReasonFlags::ALL),
            crl_issuers,
        }
    }

    /// Returns of which reasons a list in whose scope the certificate is tells by this point.
    fn reasons<E>(
        &self,
        list: &List<'_>,
        spend: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<ReasonFlags>, E> {
        // RFC 5280 §6.3.3 (b) (2) (i): a scope without a name is that of every point.
        let mut is_named = list.names.is_none();
        for one in list.names.iter().flatten() {
            for other in &self.names {
                spend(one.compared(other))?;
                is_named |= one.is_same(other);
            }
        }
        let told = list.scope.and_then(|scope| scope.reasons);
        let told = told.unwrap_or(ReasonFlags::ALL).and(self.reasons);
        Ok(is_named.then_some(told))
    }
}

impl<'a> List<'a> {
    fn of(crl: &'a Crl) -> Self {
        let issuer: Rc<[u8]> = crl.issuer().canonical().into();
        let scope = crl.issuing_distribution_point();
        let names = scope.and_then(|scope| scope.name).map(|name| match name {
            DistributionPointName::FullName(names) => Key::all(&names),
            DistributionPointName::RelativeToIssuer(rdn) => {
                Key::below(&issuer, rdn).into_iter().collect()
            }
        });
        Self {
            issuer,
            scope,
            names,
        }
    }

    /// Says whether one of `names` has signed it for others (RFC 5280 §6.3.3 (b) (1)).
    fn is_by_one_of<E>(
        &self,
        names: &[Rc<[u8]>],
        spend: &mut impl FnMut(usize) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut found = false;
        for name in names {
            spend(name.len().min(self.issuer.len()))?;
            found |= *name == self.issuer;
        }
        Ok(found && self.scope.is_some_and(|scope| scope.indirect))
    }
}

impl<'a> Key<'a> {
    fn all(names: &SequenceOf<'a, GeneralName<'a>>) -> Vec<Self> {
        let keys = names.iter().map(|name| match name {
            GeneralName::DirectoryName(name) => Self::whole(name.canonical()),
            other => Self::Other(other),
        });
        keys.collect()
    }

    fn whole(canonical: Vec<u8>) -> Self {
        Self::Directory {
            base: Rc::default(),
            rest: canonical,
        }
    }

    /// The name `base` with one RDN more, given by the content of its SET.
    fn below(base: &Rc<[u8]>, rdn: &[u8]) -> Option<Self> {
        let der = Writer::encode(|w| w.sequence(|w| w.element(Tag::SET, rdn)));
        Some(Self::Directory {
            base: Rc::clone(base),
            rest: Name::from_der(&der).ok()?.view().canonical(),
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Directory { base, rest },
                Self::Directory {
                    base: with,
                    rest: more,
                },
            ) => {
                self.length() == other.length()
                    && base.iter().chain(rest).eq(with.iter().chain(more))
            }
            (Self::Other(one), Self::Other(other)) => one == other,
            _ => false,
        }
    }

    /// Returns how many bytes of two directory names have to be compared; none unless they are of
    /// one length.
    fn compared(&self, other: &Self) -> usize {
        let length = self.length().filter(|_| self.length() == other.length());
        length.unwrap_or_default()
    }

    /// Returns how long a directory name is.
    fn length(&self) -> Option<usize> {
        match self {
            Self::Directory { base, rest } => base.len().checked_add(rest.len()),
            Self::Other(_) => None,
        }
    }
}
