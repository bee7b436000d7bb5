use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    GeneralName, GeneralSubtree,
    lint::{
        certificate::Linted,
        extensions::{any_of, issuer_names},
        locations::points,
        rule::Rule,
    },
    oid,
};

/// RFC 5280 §4.2.1.6, §4.2.1.10, §4.2.1.13 and §4.2.2.1: hosts and URIs, where a name is one.
pub(super) const RULES: &[Rule] = &[
    Rule::pkix(
        "pkix.subject_alt_name.dns_syntax",
        "RFC 5280 §4.2.1.6",
        |it| any_of(it.san(), is_odd_dns_name),
    ),
    Rule::pkix(
        "pkix.subject_alt_name.uri_syntax",
        "RFC 5280 §4.2.1.6",
        |it| any_of(it.san(), is_odd_uri),
    ),
    Rule::pkix(
        "pkix.subject_alt_name.uri_host",
        "RFC 5280 §4.2.1.6",
        |it| any_of(it.san(), has_no_host),
    ),
    Rule::pkix(
        "pkix.issuer_alt_name.dns_syntax",
        "RFC 5280 §4.2.1.7",
        |it| any_of(issuer_names(it), is_odd_dns_name),
    ),
    Rule::pkix(
        "pkix.issuer_alt_name.uri_syntax",
        "RFC 5280 §4.2.1.7",
        |it| any_of(issuer_names(it), is_odd_uri),
    ),
    Rule::pkix("pkix.issuer_alt_name.uri_host", "RFC 5280 §4.2.1.7", |it| {
        any_of(issuer_names(it), has_no_host)
    }),
    Rule::pkix(
        "pkix.name_constraints.uri_host",
        "RFC 5280 §4.2.1.10",
        |it| any_of(constrained(it), is_no_uri_constraint),
    ),
    Rule::pkix(
        "pkix.name_constraints.name_form",
        "RFC 5280 §4.2.1.10",
        |it| constrained(it).find_map(|name| unwanted_form(&name)),
    )
    .should(),
    Rule::pkix(
        "pkix.crl_distribution_points.location",
        "RFC 5280 §4.2.1.13",
        |it| {
            let named = points(it).filter(|names| !names.is_empty());
            let mut lost = named.filter(|names| !names.iter().any(is_fetched));
            lost.next()
                .map(|_| "a distribution point without an HTTP or LDAP URI".to_owned())
        },
    )
    .should(),
    Rule::pkix(
        "pkix.authority_info_access.location",
        "RFC 5280 §4.2.2.1",
        |it| {
            let mut places = it
                .access()
                .filter(|access| access.method == oid::CA_ISSUERS);
            let first = places.next()?;
            let fetched = is_fetched(&first.location) || places.any(|it| is_fetched(&it.location));
            (!fetched).then(|| "no HTTP or LDAP URI of the issuer's certificate".to_owned())
        },
    )
    .should(),
];

/// Returns the names that name constraints permit or exclude.
fn constrained<'a>(it: &Linted<'a>) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
    let constraints = it.certificate.name_constraints().into_iter();
    constraints
        .flat_map(|it| [it.permitted, it.excluded])
        .flatten()
        .flat_map(|subtrees| subtrees.iter())
        .map(|subtree: GeneralSubtree<'a>| subtree.base)
}

/// The forms that no authority should constrain.
fn unwanted_form(name: &GeneralName<'_>) -> Option<String> {
    let form = match name {
        GeneralName::X400Address(_) => "x400Address",
        GeneralName::EdiPartyName(_) => "ediPartyName",
        GeneralName::RegisteredId(_) => "registeredID",
        _ => return None,
    };
    Some(format!("a constraint on {form}"))
}

/// A host, or with a dot before it what is below one.
fn is_no_uri_constraint(name: &GeneralName<'_>) -> bool {
    let GeneralName::Uri(text) = name else {
        return false;
    };
    !is_full_host(text.strip_prefix(b".").unwrap_or(text))
}

/// What is empty or not ASCII breaks another rule.
fn is_odd_dns_name(name: &GeneralName<'_>) -> bool {
    let GeneralName::DnsName(text) = name else {
        return false;
    };
    // RFC 5280 leaves it to applications what a wildcard means.
    let host = text.strip_prefix(b"*.").unwrap_or(text);
    !text.is_empty() && text.is_ascii() && !is_host(host)
}

/// The characters of RFC 3986 §2, and something behind the scheme. What has no scheme or is not
/// ASCII breaks another rule.
fn is_odd_uri(name: &GeneralName<'_>) -> bool {
    let Some((_, rest)) = scheme_and_rest(name) else {
        return false;
    };
    let octets = |it: &[u8]| {
        it.iter()
            .take(2)
            .filter(|it| it.is_ascii_hexdigit())
            .count()
    };
    let escapes = rest.split(|byte| *byte == b'%').skip(1);
    let mut bytes = rest.iter();
    rest.is_empty()
        || escapes.map(octets).any(|digits| digits != 2)
        || !bytes
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(byte))
}

/// Finds an authority (RFC 3986 §3.2) whose host is neither a full domain name nor an address.
fn has_no_host(name: &GeneralName<'_>) -> bool {
    let authority = scheme_and_rest(name).and_then(|(_, rest)| rest.strip_prefix(b"//"));
    let Some(authority) = authority.and_then(|it| it.split(|byte| b"/?#".contains(byte)).next())
    else {
        return false;
    };
    let host = authority
        .rsplit(|byte| *byte == b'@')
        .next()
        .unwrap_or_default();
    let text = std::str::from_utf8(host).unwrap_or_default();
    if let Some(rest) = text.strip_prefix('[') {
        let address = rest.split(']').next().unwrap_or_default();
        return address.parse::<Ipv6Addr>().is_err();
    }
    let host = text.split(':').next().unwrap_or_default();
    host.parse::<Ipv4Addr>().is_err() && !is_full_host(host.as_bytes())
}

/// Returns the scheme of an ASCII URI and what follows its colon.
fn scheme_and_rest<'a>(name: &GeneralName<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let GeneralName::Uri(text) = *name else {
        return None;
    };
    let colon = text.iter().position(|byte| *byte == b':')?;
    let (scheme, rest) = (text.get(..colon)?, text.get(colon + 1..)?);
    let ascii = text.is_ascii() && scheme.iter().all(|byte| !b"/?#".contains(byte));
    ascii.then_some((scheme, rest))
}

fn is_fetched(name: &GeneralName<'_>) -> bool {
    scheme_and_rest(name).is_some_and(|(scheme, _)| {
        let mut schemes = [&b"http"[..], b"ldap"].into_iter();
        schemes.any(|it| scheme.eq_ignore_ascii_case(it))
    })
}

/// A host with its domain, not one that only its neighbours know.
fn is_full_host(text: &[u8]) -> bool {
    text.contains(&b'.') && is_host(text)
}

/// The preferred name syntax (RFC 1034 §3.5), with digits where RFC 1123 §2.1 allows them.
fn is_host(text: &[u8]) -> bool {
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            && label
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    text.len() <= MAX_HOST && text.split(|byte| *byte == b'.').all(is_label)
}

/// 255 octets on the wire (RFC 1034 §3.1) are one more than the text has, and the root's.
const MAX_HOST: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_labels_of_letters_digits_and_hyphens() {
        let long = |length| "a".repeat(length);
        let longest = [long(63), long(63), long(63), long(61)].join(".");
        for (text, good) in [
            ("example.com", true),
            ("*.example.com", true),
            ("xn--bcher-kva.example", true),
            ("3com.com", true),
            ("localhost", true),
            (&*longest, true),
            (&*format!("a{longest}"), false),
            (&*long(64), false),
            (" ", false),
            (".", false),
            ("*", false),
            ("a..b", false),
            (".a.b", false),
            ("a.b.", false),
            ("a_b.c", false),
            ("-a.b", false),
            ("a-.b", false),
            ("a*.b", false),
            ("a.*.b", false),
            ("*.*.b", false),
            ("a\0.b", false),
            ("http://a.b", false),
        ] {
            let name = GeneralName::DnsName(text.as_bytes());
            assert_eq!(!is_odd_dns_name(&name), good, "{text:?}");
        }
    }

    #[test]
    fn uris_are_of_uri_characters() {
        for (text, good) in [
            ("http://a.org/b?c=d#e", true),
            ("urn:a:b", true),
            ("mailto:a%20b@c.org", true),
            ("http:", false),
            ("http://a.org/b c", false),
            ("http://a.org/%2", false),
            ("http://a.org/%zz", false),
            ("http://a.org/<b>", false),
            ("http://a.org/\0", false),
            ("http://a.org/\\", false),
        ] {
            let name = GeneralName::Uri(text.as_bytes());
            assert_eq!(!is_odd_uri(&name), good, "{text:?}");
        }
    }

    #[test]
    fn an_authority_has_a_full_host_or_an_address() {
        for (text, good) in [
            ("http://a.org/b", true),
            ("http://u@a.org:80", true),
            ("http://192.0.2.1?x", true),
            ("http://[2001:db8::1]:80/", true),
            ("urn:a:b", true),
            ("a/b://c", true),
            ("http://localhost/", false),
            ("http:///b", false),
            ("http://a_b.org", false),
            ("http://[a.org]/", false),
            ("http://@/", false),
            ("http://a.org.", false),
        ] {
            let name = GeneralName::Uri(text.as_bytes());
            assert_eq!(!has_no_host(&name), good, "{text:?}");
        }
    }
}
