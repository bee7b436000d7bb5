/// Which rules certificates must keep beyond those of RFC 5280; data, to be shown and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePolicy {
    /// How many certificates may stand between the leaf and the anchor, self-issued ones counted.
    pub max_intermediates: u8,
    /// Whether the leaf must have the extension keyUsage.
    pub key_usage: Presence,
    /// Whether the leaf must have the extension extKeyUsage.
    pub extended_key_usage: Presence,
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It may; when it is there, it counts.
    Optional,
}

impl CertificatePolicy {
    /// What today's mail needs: extensions count where they are.
    ///
    /// Eight intermediates: public hierarchies have one to three, bridges and key rollover make
    /// six (RFC 4158 §2); anything deeper is built to cost time.
    pub const fn standard() -> Self {
        Self {
            max_intermediates: 8,
            key_usage: Presence::Optional,
            extended_key_usage: Presence::Optional,
        }
    }

    /// As standard, and the leaf must name its uses, as every public issuer of mail certificates
    /// makes it do.
    pub const fn strict() -> Self {
        Self {
            key_usage: Presence::Required,
            extended_key_usage: Presence::Required,
            ..Self::standard()
        }
    }

    /// As standard: what makes old mail unreadable is its algorithms, and the time to judge it at
    /// is an argument.
    pub const fn archive() -> Self {
        Self::standard()
    }
}
