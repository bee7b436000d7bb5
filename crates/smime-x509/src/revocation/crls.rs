use std::cmp::Reverse;

use crate::{
    Certificate, ChainErrorKind, Crl, CrlEntry, GeneralName, NameRef, ReasonFlags,
    RevocationReason, SequenceOf,
    revocation::{Finding, Judge, Level, scope::Points},
};

/// A CRL that tells of the certificate that is judged.
struct Telling<'a> {
    place: usize,
    crl: &'a Crl,
    /// Of which reasons.
    reasons: ReasonFlags,
    /// What it says, if the certificate is on it.
    entry: Option<CrlEntry<'a>>,
    /// Whether the certificate would be on it if it had been revoked.
    tells_all: bool,
}

impl Judge<'_> {
    /// Processes the CRLs about one certificate (RFC 5280 §6.3.3).
    pub(super) fn ask_crls(
        &mut self,
        certificate: &Certificate,
        above: &[Certificate],
        level: Level,
    ) -> Result<Finding, ChainErrorKind> {
        let evidence = self.evidence;
        if evidence.crls.is_empty() {
            return Ok(Finding::Nothing);
        }
        let points = Points::of(certificate);
        let mut telling = Vec::new();
        for place in self.places(&points) {
            if let Some(crl) = evidence.crls.get(place) {
                telling.extend(self.telling(place, crl, certificate, &points)?);
            }
        }
        if telling.is_empty() {
            return Ok(Finding::Nothing);
        }
        // The newest first: what it says of a hold overrules those before.
        telling.sort_by_key(|it: &Telling<'_>| {
            Reverse((it.crl.this_update(), it.crl.number().map(comparable)))
        });
        if let Some(revoked) = self.revoked_for_good(&telling, above, level)? {
            return Ok(revoked);
        }
        let found = self.cover(&telling, above, level)?;
        let only_offered = telling
            .iter()
            .all(|it| evidence.offered_crls.contains(&it.place));
        Ok(match found {
            Finding::Unusable if only_offered => Finding::Nothing,
            found => found,
        })
    }

    /// Returns the places of the CRLs of those who may sign one for a certificate of these points.
    fn places(&self, points: &Points<'_>) -> Vec<usize> {
        let issuers = points.crl_issuers();
        let found = issuers.filter_map(|name| self.evidence.by_issuer.get(name));
        let mut places: Vec<_> = found.flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn telling<'c>(
        &mut self,
        place: usize,
        crl: &'c Crl,
        certificate: &'c Certificate,
        points: &Points<'_>,
    ) -> Result<Option<Telling<'c>>, ChainErrorKind> {
        let mut spend = |bytes: usize| {
            self.budget.spend_candidate()?;
            self.budget.spend_items(bytes / ITEM)
        };
        let Some(reasons) = points.reasons(crl, &mut spend)? else {
            return Ok(None);
        };
        let is_of_issuer = points.is_of_issuer(crl);
        // Of several entries, which issuers should not write, one that cannot be taken back.
        let mut entry: Option<CrlEntry<'_>> = None;
        for (found, issuer) in crl.with_serial(certificate.serial()) {
            self.budget.spend_candidate()?;
            let is_ours = match issuer {
                None => is_of_issuer,
                Some(names) => self.names(&names, certificate.issuer())?,
            };
            if is_ours && entry.is_none_or(|known| can_end(known.reason)) {
                entry = Some(found);
            }
        }
        Ok(Some(Telling {
            place,
            crl,
            reasons,
            entry,
            tells_all: tells_all(crl, certificate),
        }))
    }

    fn names(
        &mut self,
        names: &SequenceOf<'_, GeneralName<'_>>,
        issuer: NameRef<'_>,
    ) -> Result<bool, ChainErrorKind> {
        for name in names.iter() {
            self.budget.spend_candidate()?;
            let GeneralName::DirectoryName(name) = name else {
                continue;
            };
            self.budget.spend_items(name.der().len() / ITEM)?;
            if name.matches(issuer) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks for an authentic CRL, of whatever time, that shows the certificate revoked at the
    /// time of judgement for a reason that never ends.
    ///
    /// What the list to ask then says of a later date counts too: RFC 5280 §6.3.3 (j) asks for no
    /// date, and the issuer knew already.
    fn revoked_for_good(
        &mut self,
        telling: &[Telling<'_>],
        above: &[Certificate],
        level: Level,
    ) -> Result<Option<Finding>, ChainErrorKind> {
        for Telling {
            place, crl, entry, ..
        } in telling
        {
            let Some(entry) = entry else { continue };
            let told_at = crl.this_update();
            let since = entry
                .revoked_at
                .min(entry.invalid_since.unwrap_or(entry.revoked_at));
            let is_removal = entry.reason == Some(RevocationReason::RemoveFromCrl);
            let is_hold = entry.reason == Some(RevocationReason::CertificateHold);
            let revoked = if is_removal && crl.delta_base().is_some() {
                false
            } else if is_hold {
                told_at > self.at && self.was_revoked(since, entry.reason, told_at)
            } else {
                crl.is_current(self.at) || self.was_revoked(since, entry.reason, told_at)
            };
            if revoked && self.crl_signer(*place, crl, above, level)?.is_some() {
                return Ok(Some(revocation(entry)));
            }
        }
        Ok(None)
    }

    /// Looks for complete CRLs, changed by deltas where there are, that together tell of every
    /// reason (RFC 5280 §6.3.3 (e), (i) to (l)).
    fn cover(
        &mut self,
        telling: &[Telling<'_>],
        above: &[Certificate],
        level: Level,
    ) -> Result<Finding, ChainErrorKind> {
        let mut deltas = Vec::new();
        for delta in telling {
            if delta.crl.delta_base().is_some()
                && delta.crl.is_current(self.at)
                && (delta.tells_all || delta.entry.is_some())
                && let Some(signer) = self.crl_signer(delta.place, delta.crl, above, level)?
            {
                deltas.push((delta, signer));
            }
        }
        let mut covered = ReasonFlags::NONE;
        for complete in telling {
            let crl = complete.crl;
            let useful = crl.delta_base().is_none()
                && crl.this_update() <= self.at
                && !covered.contains(complete.reasons)
                && (complete.tells_all || complete.entry.is_some());
            if !useful {
                continue;
            }
            let mut changed = deltas
                .iter()
                .filter(|(delta, _)| changes(delta.crl, crl))
                .peekable();
            if !crl.is_current(self.at) && changed.peek().is_none() {
                continue;
            }
            let Some(signer) = self.crl_signer(complete.place, crl, above, level)? else {
                continue;
            };
            let mut changed = changed
                .filter(|(_, by)| by.public_key() == signer.public_key())
                .peekable();
            if !crl.is_current(self.at) && changed.peek().is_none() {
                continue;
            }
            // (i) to (k): the newest delta that names the certificate decides.
            let change = changed.find_map(|(delta, _)| delta.entry);
            // A newer delta of other numbers cannot make the list current, but can revoke.
            let newer = deltas.iter().find_map(|(delta, _)| {
                delta
                    .entry
                    .filter(|_| delta.crl.this_update() > crl.this_update())
                    .filter(|entry| entry.reason != Some(RevocationReason::RemoveFromCrl))
            });
            let removed =
                change.is_some_and(|entry| entry.reason == Some(RevocationReason::RemoveFromCrl));
            let decisive = if removed {
                None
            } else {
                change.or(newer).or(complete.entry)
            };
            if let Some(entry) = decisive {
                return Ok(revocation(&entry));
            }
            covered = covered.or(complete.reasons);
            if covered.contains(ReasonFlags::ALL) {
                return Ok(Finding::NotRevoked);
            }
        }
        Ok(Finding::Unusable)
    }
}

/// Says whether a certificate had not expired when a list was issued, or stays on it all the same.
fn tells_all(crl: &Crl, certificate: &Certificate) -> bool {
    let expired = certificate.not_after();
    crl.this_update() <= expired || crl.expired_since().is_some_and(|since| since <= expired)
}

fn revocation(entry: &CrlEntry<'_>) -> Finding {
    Finding::Revoked {
        at: entry.revoked_at,
        reason: entry.reason,
    }
}

fn can_end(reason: Option<RevocationReason>) -> bool {
    matches!(
        reason,
        Some(RevocationReason::CertificateHold | RevocationReason::RemoveFromCrl)
    )
}

/// Says whether a delta changes exactly this complete list (RFC 5280 §5.2.4, §6.3.3 (c)): one
/// issuer, one scope, one key, and no list between them missing.
fn changes(delta: &Crl, complete: &Crl) -> bool {
    let (Some(base), Some(new), Some(old)) =
        (delta.delta_base(), delta.number(), complete.number())
    else {
        return false;
    };
    delta.issuer().matches(complete.issuer())
        && delta.scope_der() == complete.scope_der()
        && delta.authority_key_der() == complete.authority_key_der()
        && comparable(base) <= comparable(old)
        && comparable(old) < comparable(new)
}

/// A magnitude without leading zeros, so that the longer number is the larger one.
fn comparable(magnitude: &[u8]) -> (usize, &[u8]) {
    (magnitude.len(), magnitude)
}

/// Bytes of a name that are compared in the time an item of the budget takes.
const ITEM: usize = 64;
