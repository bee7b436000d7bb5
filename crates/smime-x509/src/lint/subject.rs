use std::collections::HashSet;

use smime_crypto::Oid;

use crate::{
    EmailAddress,
    lint::{
        ProfileGeneration, Validation,
        certificate::Linted,
        country::is_country,
        rule::{Rule, Scope, quoted},
        smime_br::is_several,
    },
    oid,
};

/// S/MIME BR 7.1.4.2.2 to 7.1.4.2.6: what the subject says.
pub(super) const RULES: &[Rule] = &[
    Rule::smime_br(
        "smime_br.subject.mailbox_common_name",
        "S/MIME BR 7.1.4.2.2 (a)",
        |it| {
            it.certificate
                .subject()
                .values_of(oid::COMMON_NAME)
                .find(|name| EmailAddress::new(name).is_none())
                .map(|name| quoted(&name))
        },
    )
    .of(Scope::validations(&[Validation::Mailbox])),
    Rule::smime_br(
        "smime_br.subject.organization_common_name",
        "S/MIME BR 7.1.4.2.2 (a)",
        |it| {
            let subject = it.certificate.subject();
            let organizations: HashSet<_> = subject.values_of(oid::ORGANIZATION).collect();
            let addresses = it.san_addresses();
            let is_address =
                |name: &str| EmailAddress::new(name).is_some_and(|it| addresses.contains(&it));
            subject
                .values_of(oid::COMMON_NAME)
                .find(|name| !organizations.contains(name) && !is_address(name))
                .map(|name| quoted(&name))
        },
    )
    .of(Scope::validations(&[Validation::Organization])),
    Rule::smime_br(
        "smime_br.subject.address_not_in_san",
        "S/MIME BR 7.1.4.2.2 (h)",
        |it| {
            let known = it.san_addresses();
            it.subject_texts()
                .filter(|(of, _)| [oid::COMMON_NAME, oid::EMAIL_ADDRESS].contains(of))
                .filter_map(|(_, text)| EmailAddress::new(&text))
                .find(|address| !known.contains(address))
                .map(|address| quoted(address.as_str()))
        },
    ),
    Rule::smime_br(
        "smime_br.subject.single_address",
        "S/MIME BR 7.1.4.2.2 (h)",
        |it| {
            it.certificate
                .subject()
                .values_of(oid::EMAIL_ADDRESS)
                .find(|text| is_several(text))
                .map(|text| quoted(&text))
        },
    ),
    Rule::smime_br(
        "smime_br.subject.mailbox_only",
        "S/MIME BR 7.1.4.2.3",
        |it| attribute_but(it, &MAILBOX),
    )
    .of(Scope::validations(&[Validation::Mailbox])),
    Rule::smime_br(
        "smime_br.subject.organization_only",
        "S/MIME BR 7.1.4.2.4",
        |it| attribute_of(it, &PERSONAL),
    )
    .of(Scope::validations(&[Validation::Organization])),
    Rule::smime_br(
        "smime_br.subject.individual_only",
        "S/MIME BR 7.1.4.2.6",
        |it| attribute_of(it, &ORGANIZATIONAL),
    )
    .of(Scope::validations(&[Validation::Individual])),
    Rule::smime_br(
        "smime_br.subject.strict_address",
        "S/MIME BR 7.1.4.2.2 (j)",
        |it| attribute_of(it, &[oid::STREET, oid::POSTAL_CODE]),
    )
    .of(Scope::Subscriber(NAMED, &[ProfileGeneration::Strict])),
    Rule::smime_br(
        "smime_br.subject.other_attribute",
        "S/MIME BR 7.1.4.2.2 (o)",
        |it| attribute_but(it, &ALL),
    )
    .of(Scope::Subscriber(
        NAMED,
        &[ProfileGeneration::Multipurpose, ProfileGeneration::Strict],
    )),
    Rule::smime_br(
        "smime_br.subject.organization",
        "S/MIME BR 7.1.4.2.4, 7.1.4.2.5",
        |it| {
            let missing = [oid::ORGANIZATION, oid::ORGANIZATION_IDENTIFIER]
                .into_iter()
                .find(|attribute| !it.subject_has(*attribute))?;
            Some(format!("no attribute {missing}"))
        },
    )
    .of(Scope::validations(&[
        Validation::Organization,
        Validation::Sponsor,
    ])),
    Rule::smime_br(
        "smime_br.subject.person",
        "S/MIME BR 7.1.4.2.5, 7.1.4.2.6",
        |it| {
            let named = [oid::GIVEN_NAME, oid::SURNAME, oid::PSEUDONYM]
                .into_iter()
                .any(|attribute| it.subject_has(attribute));
            (!named).then(|| "neither givenName, surname nor pseudonym".to_owned())
        },
    )
    .of(Scope::Subscriber(
        &[Validation::Sponsor, Validation::Individual],
        &[ProfileGeneration::Multipurpose, ProfileGeneration::Strict],
    )),
    Rule::smime_br(
        "smime_br.subject.name_and_pseudonym",
        "S/MIME BR 7.1.4.2.2 (e)",
        |it| {
            let named = it.subject_has(oid::GIVEN_NAME) || it.subject_has(oid::SURNAME);
            (named && it.subject_has(oid::PSEUDONYM))
                .then(|| "a pseudonym beside the name".to_owned())
        },
    )
    .of(Scope::validations(&[
        Validation::Sponsor,
        Validation::Individual,
    ])),
    Rule::smime_br(
        "smime_br.subject.organization_id_country",
        "S/MIME BR 7.1.4.2.2 (d)",
        |it| {
            let subject = it.certificate.subject();
            let country = subject.values_of(oid::COUNTRY).next()?;
            subject
                .values_of(oid::ORGANIZATION_IDENTIFIER)
                .filter_map(|text| Some((registered_in(&text)?.to_owned(), text)))
                .find(|(registered, _)| !is_same_country(registered, &country))
                .map(|(_, text)| format!("{} in {}", quoted(&text), quoted(&country)))
        },
    )
    .of(Scope::validations(&[
        Validation::Organization,
        Validation::Sponsor,
    ])),
    Rule::smime_br(
        "smime_br.subject.organization_id_scheme",
        "S/MIME BR 7.1.4.2.2 (d)",
        |it| {
            it.certificate
                .subject()
                .values_of(oid::ORGANIZATION_IDENTIFIER)
                .find(|text| {
                    !text
                        .get(..3)
                        .is_some_and(|scheme| SCHEMES.contains(&scheme))
                })
                .map(|text| quoted(&text))
        },
    )
    .of(Scope::validations(&[
        Validation::Organization,
        Validation::Sponsor,
    ])),
    Rule::smime_br(
        "smime_br.subject.country",
        "S/MIME BR 7.1.4.2.2 (n)",
        |it| {
            it.certificate
                .subject()
                .values_of(oid::COUNTRY)
                .find(|code| !is_country(code))
                .map(|code| quoted(&code))
        },
    )
    .of(Scope::Subscriber(NAMED, &ProfileGeneration::ALL)),
];

/// Finds an attribute other than these.
fn attribute_but(it: &Linted<'_>, allowed: &[Oid]) -> Option<String> {
    let mut attributes = it.certificate.subject().attributes();
    let (other, _) = attributes.find(|(attribute, _)| !allowed.contains(attribute))?;
    Some(format!("attribute {other} under {}", it.profile))
}

/// Finds one of these attributes.
fn attribute_of(it: &Linted<'_>, forbidden: &[Oid]) -> Option<String> {
    let mut attributes = it.certificate.subject().attributes();
    let (present, _) = attributes.find(|(attribute, _)| forbidden.contains(attribute))?;
    Some(format!("attribute {present} under {}", it.profile))
}

/// Returns the country in an organizationIdentifier of a scheme that works by country: three
/// letters, two for the country, perhaps `+` and a part of it, `-` and the number
/// (ETSI EN 319 412-1 §5.1.4).
fn registered_in(identifier: &str) -> Option<&str> {
    let scheme = identifier.get(..3)?;
    let (before, number) = identifier.split_once('-')?;
    let country = before.get(3..5)?;
    let part = before.get(5..)?;
    let well_formed = !number.is_empty()
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (part.is_empty() || part.starts_with('+'));
    (BY_COUNTRY.contains(&scheme) && well_formed).then_some(country)
}

/// Tax numbers write Greece and Northern Ireland in their own way (S/MIME BR 7.1.4.2.2 (d)).
fn is_same_country(registered: &str, country: &str) -> bool {
    registered == country || matches!((registered, country), ("EL", "GR") | ("XI", "GB"))
}

/// Who is more than a mailbox.
const NAMED: &[Validation] = &[
    Validation::Organization,
    Validation::Sponsor,
    Validation::Individual,
];

const MAILBOX: [Oid; 3] = [oid::COMMON_NAME, oid::SERIAL_NUMBER, oid::EMAIL_ADDRESS];

const PERSONAL: [Oid; 4] = [oid::GIVEN_NAME, oid::SURNAME, oid::PSEUDONYM, oid::TITLE];

const ORGANIZATIONAL: [Oid; 3] = [
    oid::ORGANIZATION,
    oid::ORGANIZATIONAL_UNIT,
    oid::ORGANIZATION_IDENTIFIER,
];

/// Everything that a subject may have under any profile.
const ALL: [Oid; 15] = [
    oid::COMMON_NAME,
    oid::SERIAL_NUMBER,
    oid::EMAIL_ADDRESS,
    oid::GIVEN_NAME,
    oid::SURNAME,
    oid::PSEUDONYM,
    oid::TITLE,
    oid::ORGANIZATION,
    oid::ORGANIZATIONAL_UNIT,
    oid::ORGANIZATION_IDENTIFIER,
    oid::STREET,
    oid::LOCALITY,
    oid::STATE,
    oid::POSTAL_CODE,
    oid::COUNTRY,
];

/// Where organisations are registered: trade and tax registers, the register of payment services,
/// governments; the legal entity identifier, and what is above all countries.
const SCHEMES: [&str; 6] = ["NTR", "VAT", "PSD", "GOV", "LEI", "INT"];
const BY_COUNTRY: [&str; 4] = ["NTR", "VAT", "PSD", "GOV"];

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
            ("LEIXG-123456", None),
            ("INTXG-123456", None),
            ("NGB-12345678", None),
            ("NTRGB12345678", None),
            ("NTRGB-", None),
            ("NTRgb-1", None),
            ("NTRGBX-1", None),
            ("NTR-1", None),
            ("ÄÄÄ", None),
            ("", None),
        ] {
            assert_eq!(registered_in(identifier), country, "{identifier}");
        }
        assert!(is_same_country("EL", "GR") && is_same_country("XI", "GB"));
        assert!(!is_same_country("GR", "EL") && !is_same_country("FR", "GB"));
    }
}
