use smime_crypto::{Curve, KeyKind};

use crate::ChainErrorKind;

/// What one search may cost; running out ends it, whatever else was found wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    signatures: u32,
    candidates: u32,
}

impl Budget {
    /// 100 signatures are some ten milliseconds, and twenty times what the longest honest search
    /// needs. 100 000 candidates looked at cost about the same, since looking at one compares a
    /// few fields.
    pub(crate) const fn new() -> Self {
        Self {
            signatures: 100,
            candidates: 100_000,
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

    pub(crate) fn spend_candidate(&mut self) -> Result<(), ChainErrorKind> {
        let left = self.candidates.checked_sub(1);
        self.candidates = left.ok_or(ChainErrorKind::BudgetExhausted)?;
        Ok(())
    }
}
