use std::collections::{HashMap, HashSet};

use smime_crypto::Oid;

use crate::{Certificate, NameConstraints, NameRef, ParseError, Purpose, bundle::Index};

/// The anchors of trust: certificates whose name and key are believed because someone put them
/// here.
///
/// An anchor ends a path, also one that is not self-signed: whoever wants a path to go on to a
/// root puts the root here and the other certificate into the pool. What an anchor says of itself
/// counts as on any other certificate of a path: its validity, its basic constraints, key usage,
/// name and policy constraints and critical extensions. Its own signature does not count.
///
/// A certificate that is distrusted here ends every path it stands in, as an anchor too.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    anchors: Index,
    constraints: HashMap<[u8; 32], AnchorConstraints>,
    distrusted: HashSet<[u8; 32]>,
}

/// What an anchor is trusted for, beyond what it says of itself (RFC 5937); the default sets no
/// bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnchorConstraints {
    /// The purposes it is trusted for; `None` for every one. [`Purpose::Any`] is one of its own.
    pub purposes: Option<Vec<Purpose>>,
    /// How many intermediates may follow below, self-issued ones not counted.
    pub path_length: Option<u32>,
    /// The policies a path must be good for, one at least; `None` where none is asked for.
    pub policies: Option<Vec<Oid>>,
    /// Which names the certificates below may have.
    pub name_constraints: Option<NameBounds>,
}

/// Name constraints (RFC 5280 §4.2.1.10) that own their DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameBounds(Box<[u8]>);

impl NameBounds {
    /// Reads the DER of the extension nameConstraints.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        NameConstraints::from_der(der)?;
        Ok(Self(der.into()))
    }

    /// Returns what they say.
    pub fn view(&self) -> NameConstraints<'_> {
        NameConstraints::from_der(&self.0).expect("read when it was made")
    }
}

impl AnchorConstraints {
    /// Says whether the anchor is trusted for a purpose.
    pub fn permits(&self, purpose: Purpose) -> bool {
        let purposes = self.purposes.as_ref();
        purposes.is_none_or(|purposes| purposes.contains(&purpose))
    }
}

impl TrustStore {
    /// Makes a store without anchors, in which nothing is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an anchor without bounds, unless it is there already, with bounds or without; says
    /// whether it was not there before.
    pub fn add(&mut self, anchor: Certificate) -> bool {
        self.anchors.add(anchor)
    }

    /// Adds an anchor with bounds, or sets those of one that is there; says whether it was not
    /// there before.
    pub fn add_constrained(&mut self, anchor: Certificate, constraints: AnchorConstraints) -> bool {
        self.constraints.insert(anchor.fingerprint(), constraints);
        self.anchors.add(anchor)
    }

    /// Distrusts the certificate of this SHA-256, wherever it comes from.
    pub fn distrust(&mut self, fingerprint: [u8; 32]) {
        self.distrusted.insert(fingerprint);
    }

    /// Says whether exactly this certificate is distrusted.
    pub fn distrusts(&self, certificate: &Certificate) -> bool {
        self.distrusted.contains(&certificate.fingerprint())
    }

    /// Returns the anchors in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Certificate> {
        self.anchors.certificates.iter()
    }

    /// Returns how many anchors there are.
    pub fn len(&self) -> usize {
        self.anchors.certificates.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.anchors.certificates.is_empty()
    }

    /// Says whether exactly this certificate is an anchor.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        self.anchors.contains(certificate)
    }

    /// Returns the bounds of an anchor, if it has any.
    pub fn constraints(&self, anchor: &Certificate) -> Option<&AnchorConstraints> {
        self.constraints.get(&anchor.fingerprint())
    }

    /// Returns the bounds of an anchor, none where none were set.
    pub(crate) fn bounds(&self, anchor: &Certificate) -> &AnchorConstraints {
        self.constraints(anchor).unwrap_or(&UNBOUNDED)
    }

    /// Returns a store that trusts this anchor alone, whatever for, within its other bounds, and
    /// distrusts what this one distrusts.
    pub(crate) fn only(&self, anchor: &Certificate) -> Self {
        let mut one = Self {
            distrusted: self.distrusted.clone(),
            ..Self::default()
        };
        let bounds = AnchorConstraints {
            purposes: None,
            ..self.bounds(anchor).clone()
        };
        one.add_constrained(anchor.clone(), bounds);
        one
    }

    /// Returns a store with the same anchors, each trusted whatever for, within its other bounds.
    pub(crate) fn for_any_purpose(&self) -> Self {
        let mut all = self.clone();
        let constraints = all.constraints.values_mut();
        constraints.for_each(|bounds| bounds.purposes = None);
        all
    }

    pub(crate) fn with_subject<'a>(
        &'a self,
        name: NameRef<'_>,
    ) -> impl Iterator<Item = &'a Certificate> + use<'a> {
        self.anchors.with_subject(name)
    }
}

static UNBOUNDED: AnchorConstraints = AnchorConstraints {
    purposes: None,
    path_length: None,
    policies: None,
    name_constraints: None,
};

impl FromIterator<Certificate> for TrustStore {
    fn from_iter<T: IntoIterator<Item = Certificate>>(anchors: T) -> Self {
        let mut store = Self::new();
        for anchor in anchors {
            store.add(anchor);
        }
        store
    }
}
