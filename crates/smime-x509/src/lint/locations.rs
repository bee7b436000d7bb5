use smime_crypto::Oid;

use crate::{
    DistributionPoint, DistributionPointName, GeneralName,
    lint::{
        ProfileGeneration,
        certificate::Linted,
        rule::{Rule, Scope, quoted},
    },
    oid,
};

/// S/MIME BR 7.1.2.3 (b) and (c): where CRLs, answers and the issuer's certificate are to be had.
pub(super) const RULES: &[Rule] = &[
    Rule::smime_br("smime_br.crl.presence", "S/MIME BR 7.1.2.3 (b)", |it| {
        let absent = it.certificate.crl_distribution_points().is_none();
        absent.then(|| "no cRLDistributionPoints".to_owned())
    }),
    Rule::smime_br("smime_br.crl.http.some", "S/MIME BR 7.1.2.3 (b)", |it| {
        it.certificate.crl_distribution_points()?;
        let http = points(it).any(|names| names.iter().any(is_http));
        (!http).then(|| "no CRL is to be had by HTTP".to_owned())
    }),
    Rule::smime_br("smime_br.crl.http.only", "S/MIME BR 7.1.2.3 (b)", |it| {
        points(it)
            .flatten()
            .find(|name| !is_http(name))
            .map(|name| location(&name))
    })
    .of(Scope::generations(&[
        ProfileGeneration::Multipurpose,
        ProfileGeneration::Strict,
    ])),
    Rule::smime_br("smime_br.aia.presence", "S/MIME BR 7.1.2.3 (c)", |it| {
        let absent = it.certificate.authority_info_access().is_none();
        absent.then(|| "no authorityInfoAccess".to_owned())
    })
    .should(),
    Rule::smime_br("smime_br.aia.ca_issuers", "S/MIME BR 7.1.2.3 (c)", |it| {
        it.certificate.authority_info_access()?;
        let absent = !it.access().any(|access| access.method == oid::CA_ISSUERS);
        absent.then(|| "not told where the issuer's certificate is".to_owned())
    })
    .should(),
    Rule::smime_br("smime_br.aia.http.some", "S/MIME BR 7.1.2.3 (c)", |it| {
        let without_http = |method: &Oid| {
            let mut places = it.access().filter(|access| access.method == *method);
            let first = places.next()?;
            let http = is_http(&first.location) || places.any(|it| is_http(&it.location));
            (!http).then(|| location(&first.location))
        };
        [oid::OCSP, oid::CA_ISSUERS].iter().find_map(without_http)
    })
    .of(Scope::generations(&[ProfileGeneration::Legacy])),
    Rule::smime_br("smime_br.aia.http.only", "S/MIME BR 7.1.2.3 (c)", |it| {
        it.access()
            .filter(|access| [oid::OCSP, oid::CA_ISSUERS].contains(&access.method))
            .find(|access| !is_http(&access.location))
            .map(|access| location(&access.location))
    })
    .of(Scope::generations(&[
        ProfileGeneration::Multipurpose,
        ProfileGeneration::Strict,
    ])),
    Rule::smime_br(
        "smime_br.aia.internal_name",
        "S/MIME BR 7.1.2.3 (c)",
        |it| {
            it.access()
                .find(|access| http_host(&access.location).is_some_and(is_internal))
                .map(|access| location(&access.location))
        },
    )
    .should(),
];

/// Returns the full names of each distribution point.
pub(super) fn points<'a>(it: &Linted<'a>) -> impl Iterator<Item = Vec<GeneralName<'a>>> + use<'a> {
    let points = it.certificate.crl_distribution_points();
    points
        .into_iter()
        .flat_map(|points| points.iter())
        .map(|point: DistributionPoint<'a>| match point.name {
            Some(DistributionPointName::FullName(names)) => names.iter().collect(),
            _ => Vec::new(),
        })
}

fn uri<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    match name {
        GeneralName::Uri(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

/// `http:` alone: what fetches revocation evidence must not need some to do so.
pub(super) fn is_http(name: &GeneralName<'_>) -> bool {
    after_http(name).is_some()
}

fn after_http<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    let (scheme, rest) = uri(name)?.split_once("://")?;
    scheme.eq_ignore_ascii_case("http").then_some(rest)
}

fn http_host<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    let authority = after_http(name)?.split(['/', '?', '#']).next()?;
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if host.starts_with('[') {
        return Some(host);
    }
    host.split(':').next()
}

/// A host without a dot, or under a top-level domain that is reserved or used at home
/// (RFC 2606 §2, RFC 6762 §3 and appendix G).
///
/// The list of the domains that exist is not at hand, so what is invented may pass.
fn is_internal(host: &str) -> bool {
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return false;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.rsplit_once('.') {
        None => true,
        Some((_, top)) => INTERNAL.iter().any(|it| top.eq_ignore_ascii_case(it)),
    }
}

fn location(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::Uri(text) => quoted(&String::from_utf8_lossy(text)),
        _ => "a name that is no URI".to_owned(),
    }
}

const INTERNAL: [&str; 12] = [
    "test",
    "example",
    "invalid",
    "localhost",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "localdomain",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(text: &str) -> Option<&str> {
        http_host(&GeneralName::Uri(text.as_bytes()))
    }

    #[test]
    fn hosts_are_those_of_http_uris() {
        for (uri, host) in [
            ("http://a.example.com/b", Some("a.example.com")),
            ("HTTP://a.com", Some("a.com")),
            ("http://u@a.com:80?x", Some("a.com")),
            ("http://[::1]:80/", Some("[::1]:80")),
            ("https://a.com", None),
            ("ldap://a.com", None),
            ("http:a.com", None),
            ("a.com", None),
            ("", None),
        ] {
            assert_eq!(host_of(uri), host, "{uri}");
        }
    }

    #[test]
    fn internal_hosts_have_no_dot_or_no_public_domain() {
        for (host, internal) in [
            ("internalname", true),
            ("ca.corp", true),
            ("ca.LOCAL.", true),
            ("", true),
            ("ca.example.com", false),
            ("192.0.2.42", false),
            ("[::1]", false),
        ] {
            assert_eq!(is_internal(host), internal, "{host}");
        }
    }
}
