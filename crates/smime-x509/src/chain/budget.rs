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

    pub(crate) fn spend_signature(&mut self) -> Result<(), ChainErrorKind> {
        let left = self.signatures.checked_sub(1);
        self.signatures = left.ok_or(ChainErrorKind::BudgetExhausted)?;
        Ok(())
    }

    pub(crate) fn spend_candidate(&mut self) -> Result<(), ChainErrorKind> {
        let left = self.candidates.checked_sub(1);
        self.candidates = left.ok_or(ChainErrorKind::BudgetExhausted)?;
        Ok(())
    }
}
