use smime_crypto::{Curve, KeyKind};

use crate::ChainErrorKind;

/// What one search may cost; running out ends it, whatever else was found wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    signatures: u32,
    candidates: u32,
    items: u32,
}

impl Budget {
    /// 100 signatures are some ten milliseconds, and twenty times what the longest honest search
    /// needs. 100 000 candidates looked at cost about the same, since looking at one compares a
    /// few fields. A name or policy looked at costs one search in a sorted list or one step in a
    /// table; a million take as long as a second hand needs to move, and the certificates with the
    /// most names ever issued have 2 000, met at most once for each certificate above.
    pub(crate) const fn new() -> Self {
        Self {
            signatures: 100,
            candidates: 100_000,
            items: 1_000_000,
        }
    }

    /// Spends what one signature by a key of this kind costs: that of RSA grows with the square of
    /// the modulus, and one of 16 384 bits takes as long as sixteen of 4096.
    pub(crate) fn spend_signature(&mut self, by: KeyKind) -> Result<(), ChainErrorKind> {
        let cost = match by {
            KeyKind::Rsa { bits } | KeyKind::RsaPss { bits } => {
                bits.div_ceil(4096).saturating_pow(2)
            }
            // More than three times one of P-384: only the portable provider has it.
            KeyKind::Ec(Curve::P521) => 4,
            KeyKind::Ec(Curve::P256 | Curve::P384)
            | KeyKind::Ed25519
            | KeyKind::X25519
            | KeyKind::Unknown => 1,
        };
        let left = self.signatures.checked_sub(cost);
        self.signatures = left.ok_or(ChainErrorKind::BudgetExhausted)?;
        Ok(())
    }

    /// Spends what a signature over so many bytes of a CRL or OCSP response costs: hashing 4 MiB
    /// takes at most as long as some ten signatures, and the largest CRLs have 100 MiB.
    pub(crate) fn spend_evidence(
        &mut self,
        by: KeyKind,
        bytes: usize,
    ) -> Result<(), ChainErrorKind> {
        let hashing = u32::try_from(bytes / (4 << 20)).unwrap_or(u32::MAX);
        let left = self.signatures.checked_sub(hashing);
        self.signatures = left.ok_or(ChainErrorKind::BudgetExhausted)?;
        self.spend_signature(by)
    }

    /// Spends the tenth part of all signatures on a search with a budget of its own, such as that
    /// of a path of someone who signs CRLs: ten of them are more than any path needs.
    pub(crate) fn spend_search(&mut self) -> Result<(), ChainErrorKind> {
        let left = self.signatures.checked_sub(10);
        self.signatures = left.ok_or(ChainErrorKind::BudgetExhausted)?;
        Ok(())
    }

    pub(crate) fn spend_candidate(&mut self) -> Result<(), ChainErrorKind> {
        let left = self.candidates.checked_sub(1);
        self.candidates = left.ok_or(ChainErrorKind::BudgetExhausted)?;
        Ok(())
    }

    /// Spends what looking at so many names or policies costs.
    pub(crate) fn spend_items(&mut self, count: usize) -> Result<(), ChainErrorKind> {
        let left = u32::try_from(count)
            .ok()
            .and_then(|count| self.items.checked_sub(count));
        self.items = left.ok_or(ChainErrorKind::BudgetExhausted)?;
        Ok(())
    }

    /// Returns how many candidates were looked at so far.
    #[cfg(test)]
    pub(crate) fn candidates_spent(&self) -> u32 {
        Self::new().candidates - self.candidates
    }

    /// Returns how many names and policies were looked at so far.
    #[cfg(test)]
    pub(crate) fn items_spent(&self) -> u32 {
        Self::new().items - self.items
    }
}
