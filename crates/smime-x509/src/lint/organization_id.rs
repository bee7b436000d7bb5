use crate::lint::country::is_country;

/// A registration as organizationIdentifier writes it: `NTRUS+CA-12345678`
/// (S/MIME BR 7.1.4.2.2 (d), ETSI EN 319 412-1 §5.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registration<'a> {
    /// Three letters.
    pub(super) scheme: &'a str,
    /// Two letters.
    pub(super) country: &'a str,
    part: Option<&'a str>,
    reference: Option<&'a str>,
}

impl<'a> Registration<'a> {
    /// Takes the text apart, whatever the scheme; `None` if it has another shape.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (before, reference) = match text.split_once('-') {
            Some((before, reference)) => (before, Some(reference)),
            None => (text, None),
        };
        let (place, part) = match before.split_once('+') {
            Some((place, part)) => (place, Some(part)),
            None => (before, None),
        };
        let (scheme, country) = place.split_at_checked(3)?;
        let is_upper = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
        let well_formed = is_upper(place)
            && country.len() == 2
            && reference.is_none_or(|it| !it.is_empty())
            && part.is_none_or(|part| {
                (1..=3).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_alphanumeric())
            });
        well_formed.then_some(Self {
            scheme,
            country,
            part,
            reference,
        })
    }

    /// Says whether the scheme works by country.
    pub(super) fn is_national(&self) -> bool {
        NATIONAL.contains(&self.scheme)
    }

    /// Says what its scheme does not allow, of the schemes of S/MIME BR appendix A and clause
    /// 7.1.4.2.2 (d).
    pub(super) fn fault(&self) -> Option<&'static str> {
        let country = if self.is_national() {
            is_country(self.country)
                || (self.scheme == "VAT" && ["EL", "XI"].contains(&self.country))
        } else {
            self.country == "XG"
        };
        let in_part = matches!(self.scheme, "NTR" | "GOV");
        let reference = match (self.scheme, self.reference) {
            ("GOV" | "INT", reference) => reference.is_none(),
            ("LEI", Some(reference)) => is_lei(reference),
            ("PSD", Some(reference)) => names_an_authority(reference),
            (_, reference) => reference.is_some(),
        };
        if !country {
            Some("the country is not one of the scheme")
        } else if self.part.is_some() && !in_part {
            Some("the scheme does not go by parts of a country")
        } else if !reference {
            Some("the reference is not one of the scheme")
        } else {
            None
        }
    }
}

/// Where organisations are registered: trade and tax registers, the register of payment services,
/// governments; the legal entity identifier, and what is above all countries.
pub(super) const SCHEMES: [&str; 6] = ["NTR", "VAT", "PSD", "GOV", "LEI", "INT"];
const NATIONAL: [&str; 4] = ["NTR", "VAT", "PSD", "GOV"];

/// Says whether text is a legal entity identifier (ISO 17442-1): 18 letters or digits and two
/// check digits, which make it 1 modulo 97 (ISO/IEC 7064).
pub(super) fn is_lei(text: &str) -> bool {
    let shaped = text.len() == 20
        && text
            .bytes()
            .all(|it| it.is_ascii_digit() || it.is_ascii_uppercase())
        && text.bytes().rev().take(2).all(|it| it.is_ascii_digit());
    let rest = text.chars().try_fold(0, |rest, character| {
        let digit = character.to_digit(36)?;
        let shift = if digit < 10 { 10 } else { 100 };
        Some((rest * shift + digit) % 97)
    });
    shaped && rest == Some(1)
}

/// The reference of a payment service begins with the authority that gave it, in 2 to 8 letters
/// (ETSI TS 119 495 §5.2.1).
fn names_an_authority(reference: &str) -> bool {
    let Some((authority, number)) = reference.split_once('-') else {
        return false;
    };
    (2..=8).contains(&authority.len())
        && authority.bytes().all(|it| it.is_ascii_uppercase())
        && !number.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_country_of_a_registration_is_read_where_the_scheme_has_one() {
        for (identifier, country) in [
            ("NTRGB-12345678", Some("GB")),
            ("NTRUS+DE-1234567890", Some("US")),
            ("VATEL-1", Some("EL")),
            ("PSDDE-BAFIN-1", Some("DE")),
            ("GOVUS", Some("US")),
            ("GOVUS+CA", Some("US")),
            ("LEIXG-123456", None),
            ("INTXG-123456", None),
            ("NGB-12345678", None),
            ("NTRGB-", None),
            ("NTRgb-1", None),
            ("NTRGBX-1", None),
            ("NTRUS+-1", None),
            ("NTRUS+CALI-1", None),
            ("NTR-1", None),
            ("ÄÄÄ", None),
            ("", None),
        ] {
            let registration = Registration::read(identifier).filter(Registration::is_national);
            assert_eq!(registration.map(|it| it.country), country, "{identifier}");
        }
    }

    #[test]
    fn each_scheme_has_its_own_countries_parts_and_references() {
        for (identifier, sound) in [
            ("NTRGB-12345678", true),
            ("NTRUS+CA-1-2", true),
            ("VATEL-1", true),
            ("VATXI-1", true),
            ("PSDBE-NBB-1234.567.890", true),
            ("LEIXG-529900T8BM49AURSDO55", true),
            ("GOVUS+CA", true),
            ("INTXG", true),
            ("NTRGB", false),
            ("NTRXG-1", false),
            ("NTREL-1", false),
            ("VATDE+BY-1", false),
            ("PSDBE-1234", false),
            ("PSDBE-nbb-1", false),
            ("LEIDE-529900T8BM49AURSDO55", false),
            ("LEIXG-529900T8BM49AURSDO56", false),
            ("LEIXG-1", false),
            ("LEIXG", false),
            ("GOVUS-1", false),
            ("INTXG-1", false),
            ("INTDE", false),
        ] {
            let fault = Registration::read(identifier).unwrap().fault();
            assert_eq!(fault.is_none(), sound, "{identifier}: {fault:?}");
        }
    }

    #[test]
    fn legal_entity_identifiers_have_twenty_characters_and_check_digits() {
        for (text, sound) in [
            ("529900T8BM49AURSDO55", true),
            ("5493001KJTIIGC8Y1R12", true),
            ("5493001KJTIIGC8Y1R21", false),
            ("5493001kjtiigc8y1r12", false),
            ("529900T8BM49AURSDO5", false),
            ("529900T8BM49AURSDO555", false),
            ("529900T8BM49AURSD\u{661}5", false),
            ("", false),
        ] {
            assert_eq!(is_lei(text), sound, "{text}");
        }
    }
}
