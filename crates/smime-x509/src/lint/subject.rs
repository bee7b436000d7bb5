use std::collections::HashSet;

use smime_crypto::{Oid, asn1::Tag};

use crate::{
    EmailAddress, NameRef,
    lint::{
        ProfileGeneration, Validation,
        certificate::{Linted, texts},
        country::is_country,
        organization_id::{Registration, SCHEMES},
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
            it.subject_names()
                .flat_map(texts)
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
                .find(|text| {
                    let registration = Registration::read(text);
                    registration
                        .filter(Registration::is_national)
                        .is_some_and(|it| !is_same_country(it.country, &country))
                })
                .map(|text| format!("{} in {}", quoted(&text), quoted(&country)))
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
    Rule::smime_br(
        "smime_br.subject.organization_id_form",
        "S/MIME BR 7.1.4.2.2 (d), appendix A.1",
        |it| {
            let mut texts = it.subject_texts();
            texts.find_map(|(attribute, text)| {
                let scheme = text.get(..3)?;
                if attribute != oid::ORGANIZATION_IDENTIFIER || !SCHEMES.contains(&scheme) {
                    return None;
                }
                let fault = match Registration::read(&text) {
                    Some(registration) => registration.fault()?,
                    None => "not a scheme, a country and a reference",
                };
                Some(format!("{}: {fault}", quoted(&text)))
            })
        },
    )
    .of(Scope::validations(REGISTERED)),
    Rule::smime_br(
        "smime_br.subject.organization_id_string",
        "S/MIME BR 7.1.4.2.2 (d)",
        |it| {
            let mut attributes = it.certificate.subject().attributes();
            let odd = attributes.any(|(attribute, value)| {
                attribute == oid::ORGANIZATION_IDENTIFIER
                    && ![Tag::PRINTABLE_STRING, Tag::UTF8_STRING].contains(&value.tag)
            });
            odd.then(|| "neither PrintableString nor UTF8String".to_owned())
        },
    )
    .of(Scope::validations(REGISTERED)),
    Rule::smime_br(
        "smime_br.subject.person_legacy",
        "S/MIME BR 7.1.4.2.5, 7.1.4.2.6",
        |it| {
            let mut named = PERSON.into_iter().chain([oid::COMMON_NAME]);
            let unnamed = !named.any(|attribute| it.subject_has(attribute));
            unnamed.then(|| "neither a name, a pseudonym nor a commonName".to_owned())
        },
    )
    .of(Scope::Subscriber(PEOPLE, &[ProfileGeneration::Legacy])),
    Rule::smime_br(
        "smime_br.subject.pseudonym_common_name",
        "S/MIME BR 7.1.4.2.2 (a)",
        |it| {
            let subject = it.certificate.subject();
            let pseudonym = subject.values_of(oid::PSEUDONYM).next()?;
            let addresses = it.san_addresses();
            subject
                .values_of(oid::COMMON_NAME)
                .find(|name| {
                    !name.contains(&pseudonym)
                        && !EmailAddress::new(name).is_some_and(|it| addresses.contains(&it))
                })
                .map(|name| format!("{} beside a pseudonym", quoted(&name)))
        },
    )
    .of(Scope::validations(PEOPLE)),
    Rule::smime_br(
        "smime_br.subject.email_address",
        "S/MIME BR 7.1.4.2.2 (h)",
        |it| {
            it.certificate
                .subject()
                .values_of(oid::EMAIL_ADDRESS)
                .find(|text| !is_several(text) && EmailAddress::new(text).is_none())
                .map(|text| quoted(&text))
        },
    ),
    Rule::smime_br(
        "smime_br.subject.address_parts",
        "S/MIME BR 7.1.4.2.2 (j) to (m)",
        |it| {
            let has = |attribute: &Oid| it.subject_has(*attribute);
            let (part, _) = PLACES
                .iter()
                .find(|(part, within)| has(part) && !within.iter().any(has))?;
            Some(format!("attribute {part} without what it is within"))
        },
    )
    .of(Scope::validations(NAMED)),
    Rule::smime_br("smime_br.subject.metadata", "S/MIME BR 7.1.4.2", |it| {
        let mut texts = it.subject_texts();
        let (attribute, text) =
            texts.find(|(_, text)| text.chars().all(|it| matches!(it, '.' | '-' | ' ')))?;
        Some(format!("attribute {attribute} is {}", quoted(&text)))
    }),
];

/// Finds an attribute other than these.
fn attribute_but(it: &Linted<'_>, allowed: &[Oid]) -> Option<String> {
    let mut attributes = it.subject_names().flat_map(NameRef::attributes);
    let (other, _) = attributes.find(|(attribute, _)| !allowed.contains(attribute))?;
    Some(format!("attribute {other} under {}", it.profile))
}

/// Finds one of these attributes.
fn attribute_of(it: &Linted<'_>, forbidden: &[Oid]) -> Option<String> {
    let mut attributes = it.subject_names().flat_map(NameRef::attributes);
    let (present, _) = attributes.find(|(attribute, _)| forbidden.contains(attribute))?;
    Some(format!("attribute {present} under {}", it.profile))
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

const REGISTERED: &[Validation] = &[Validation::Organization, Validation::Sponsor];

const PEOPLE: &[Validation] = &[Validation::Sponsor, Validation::Individual];

const PERSON: [Oid; 3] = [oid::GIVEN_NAME, oid::SURNAME, oid::PSEUDONYM];

/// Parts of an address, and what must stand beside each, one of them.
const PLACES: [(Oid, &[Oid]); 4] = [
    (oid::STREET, &[oid::LOCALITY, oid::STATE]),
    (oid::LOCALITY, &[oid::COUNTRY]),
    (oid::STATE, &[oid::COUNTRY]),
    (oid::POSTAL_CODE, &[oid::LOCALITY, oid::STATE]),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_countries_have_another_code_in_tax_numbers() {
        assert!(is_same_country("EL", "GR") && is_same_country("XI", "GB"));
        assert!(!is_same_country("GR", "EL") && !is_same_country("FR", "GB"));
    }
}
