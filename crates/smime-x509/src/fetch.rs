use std::{
    error, fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use crate::{
    AccessDescription, CertificateRef, DistributionPoint, DistributionPointName, GeneralName,
    SequenceOf, oid,
};

/// Gets bytes from the network, for those who want that; nothing in this crate has or calls one.
///
/// An implementation must follow no redirect to a URL that [`is_public_http_url`] refuses, must
/// refuse a host whose address is not public when it is looked up, and must bound size and time.
pub trait Fetcher {
    /// Gets what is at `url`, at most `limit` bytes.
    ///
    /// # Errors
    /// [`FetchError`].
    fn fetch(&self, url: &str, limit: usize) -> Result<Vec<u8>, FetchError>;
}

/// Why nothing was fetched.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The URL is none that a certificate may make anyone ask for.
    Refused,
    /// There is more than was asked for.
    TooLarge,
    /// Nothing came; in words, for people.
    Failed(String),
}

/// Where a certificate says that more about it is to be had; only URLs that
/// [`is_public_http_url`] permits, each once, at most eight of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedUrls {
    /// CRLs (RFC 5280 §4.2.1.13).
    pub crls: Vec<String>,
    /// Delta CRLs (RFC 5280 §4.2.1.15).
    pub delta_crls: Vec<String>,
    /// OCSP responders (RFC 6960 §3.1).
    pub ocsp: Vec<String>,
    /// The issuer's certificates (RFC 5280 §4.2.2.1).
    pub issuers: Vec<String>,
}

impl FetchError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused => "fetch.refused",
            Self::TooLarge => "fetch.too_large",
            Self::Failed(_) => "fetch.failed",
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("URL that a certificate may not make anyone fetch"),
            Self::TooLarge => f.write_str("more bytes than asked for"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl error::Error for FetchError {}

impl WantedUrls {
    /// Reads the URLs of one certificate.
    pub fn of(certificate: &CertificateRef<'_>) -> Self {
        let mut wanted = Self::default();
        let mut budget = LOOKED_AT;
        for (points, urls) in [
            (certificate.crl_distribution_points(), &mut wanted.crls),
            (certificate.freshest_crl(), &mut wanted.delta_crls),
        ] {
            add_points(points, urls, &mut budget);
        }
        let described = certificate.authority_info_access();
        let described = described.iter().flat_map(SequenceOf::iter);
        for AccessDescription { method, location } in described.take(LOOKED_AT) {
            let urls = match method {
                oid::ACCESS_OCSP => &mut wanted.ocsp,
                oid::ACCESS_CA_ISSUERS => &mut wanted.issuers,
                _ => continue,
            };
            add(location, urls);
        }
        wanted
    }
}

/// Says whether `url` is one that data from outside may make a program fetch: http or https, to a
/// host on the open internet by its name or address, on the scheme's port, and nothing that
/// readers of URLs disagree about.
///
/// It looks nothing up, so a name that leads to an inner address is for the [`Fetcher`] to refuse.
pub fn is_public_http_url(url: &str) -> bool {
    if url.len() > MAX_URL || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let port = match scheme.to_ascii_lowercase().as_str() {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(literal) => {
            let Some((address, after)) = literal.split_once(']') else {
                return false;
            };
            return is_port(after, port)
                && address.parse().is_ok_and(|it: Ipv6Addr| is_public_v6(it));
        }
        None => match authority.split_once(':') {
            Some((host, given)) if given == port => host,
            Some(_) => return false,
            None => authority,
        },
    };
    is_public_host(host)
}

fn is_port(after: &str, port: &str) -> bool {
    after.is_empty() || after.strip_prefix(':') == Some(port)
}

/// A name of several labels, or an address written as four numbers; what some readers take for an
/// address and others for a name, such as `0x7f.1` or `2130706433`, is refused.
fn is_public_host(host: &str) -> bool {
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return is_public_v4(address);
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let Some((_, last)) = host.rsplit_once('.') else {
        return false;
    };
    host.len() <= 253
        && host.split('.').all(is_label)
        && !last.starts_with(|first: char| first.is_ascii_digit())
        && !INNER_DOMAINS.contains(&last)
        && !host.ends_with(".home.arpa")
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocols = a == 192 && b == 0 && c == 0;
    let relays = a == 192 && b == 88 && c == 99;
    let benchmarks = a == 198 && (18..20).contains(&b);
    !(a == 0
        || a >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || protocols
        || relays
        || benchmarks)
}

/// Global unicast alone (RFC 4291 §2.4), without what leads elsewhere: addresses that hold one of
/// IPv4, tunnels, documentation.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global = first & 0xe000 == 0x2000;
    let special = first == 0x2001 && (second < 0x200 || second == 0xdb8);
    is_global && !special && first != 0x2002 && first != 0x3fff
}

fn add_points(
    points: Option<SequenceOf<'_, DistributionPoint<'_>>>,
    urls: &mut Vec<String>,
    budget: &mut usize,
) {
    let points = points.iter().flat_map(SequenceOf::iter);
    for point in points {
        let Some(DistributionPointName::FullName(names)) = point.name else {
            continue;
        };
        for name in names.iter() {
            let Some(left) = budget.checked_sub(1) else {
                return;
            };
            *budget = left;
            add(name, urls);
        }
    }
}

fn add(name: GeneralName<'_>, urls: &mut Vec<String>) {
    let GeneralName::Uri(url) = name else { return };
    let Ok(url) = std::str::from_utf8(url) else {
        return;
    };
    if urls.len() < MAX_URLS && is_public_http_url(url) && !urls.iter().any(|known| known == url) {
        urls.push(url.to_owned());
    }
}

/// Top-level names that lead inwards (RFC 6761 §6, RFC 6762 §3, RFC 8375, and .internal, which
/// ICANN reserved in 2024), and those that lead nowhere.
const INNER_DOMAINS: [&str; 10] = [
    "localhost",
    "local",
    "internal",
    "localdomain",
    "lan",
    "home",
    "corp",
    "intranet",
    "invalid",
    "onion",
];

/// Longer than any in use; the bound that browsers and proxies have agreed on.
const MAX_URL: usize = 2048;

/// Certificates name one or two of each.
const MAX_URLS: usize = 8;

/// How many names of one certificate are looked at.
const LOOKED_AT: usize = 1000;
