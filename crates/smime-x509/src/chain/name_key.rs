use std::borrow::Cow;

use crate::{EmailAddress, email::unquoted};

/// Names as bytes, so written that a name lies in a subtree exactly when the bytes of the subtree
/// begin those of the name.
///
/// A host is written from its last label to its first, each label between 1 and 0, so that no
/// label begins another; what follows it says what it is.
const LABEL: u8 = 1;
const LABEL_END: u8 = 0;
/// Behind the host of a URI.
const HOST_END: u8 = 2;
/// Behind the host of a mailbox.
const AT: u8 = b'@';

/// Writes a host name; `None` when it is not one: an empty label, as a trailing dot makes it, a
/// hyphen at the end of a label, a character other than letters, digits, hyphen and underscore, or
/// too many of them.
///
/// A label that is not ASCII makes it none: certificates have A-labels (RFC 5280 §7.2,
/// RFC 9598 §3).
pub(super) fn host(host: &[u8]) -> Option<Vec<u8>> {
    if host.len() > MAX_HOST {
        return None;
    }
    let mut key = Vec::with_capacity(host.len() + 2);
    for label in host.rsplit(|byte| *byte == b'.') {
        push_label(&mut key, label)?;
    }
    Some(key)
}

fn push_label(key: &mut Vec<u8>, label: &[u8]) -> Option<()> {
    let is_label = (1..=MAX_LABEL).contains(&label.len())
        && !label.starts_with(b"-")
        && !label.ends_with(b"-")
        && label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_label.then(|| {
        key.push(LABEL);
        key.extend(label.iter().map(u8::to_ascii_lowercase));
        key.push(LABEL_END);
    })
}

/// Writes whatever lies below a domain, the domain itself not among it.
fn below(domain: &[u8]) -> Option<Vec<u8>> {
    let mut key = host(domain)?;
    key.push(LABEL);
    Some(key)
}

/// A dNSName and the names under it; an empty one is above all (RFC 5280 §4.2.1.10).
pub(super) fn dns_subtree(base: &[u8]) -> Option<Vec<u8>> {
    if base.is_empty() {
        Some(Vec::new())
    } else {
        host(base)
    }
}

/// The dNSName of a certificate, and for one with a wildcard what the wildcard stands under.
pub(super) fn dns_name(name: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let Some(parent) = name.strip_prefix(b"*.") else {
        return host(name).map(|key| (key, None));
    };
    let parent = host(parent)?;
    let mut key = parent.clone();
    key.extend([LABEL, b'*', LABEL_END]);
    Some((key, Some(parent)))
}

/// An rfc822Name: a mailbox, the mailboxes of a host, or with a leading dot those of the hosts
/// below a domain (RFC 5280 §4.2.1.10).
pub(super) fn mail_subtree(base: &[u8], sameness: Sameness) -> Option<Vec<u8>> {
    if base.contains(&b'@') {
        let text = std::str::from_utf8(base).ok().filter(|it| it.is_ascii())?;
        return mailbox(&EmailAddress::new(text)?, sameness);
    }
    if let Some(domain) = base.strip_prefix(b".") {
        return below(domain);
    }
    let mut key = host(base)?;
    key.push(AT);
    Some(key)
}

/// How much two mailboxes may differ and still be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sameness {
    /// Local parts letter by letter (RFC 5280 §7.5), domains with U-labels as A-labels: for what
    /// is permitted, where a spelling not recognised is refused.
    Exact,
    /// Local parts without regard to ASCII case, as addresses are compared everywhere else here,
    /// and no U-labels, of which another program may make another domain: for what is excluded,
    /// so that it does not come back in another spelling.
    Folded,
}

pub(super) fn mailbox(address: &EmailAddress, sameness: Sameness) -> Option<Vec<u8>> {
    let local = unquoted(address.local());
    let (domain, local) = match sameness {
        Sameness::Exact => (address.folded_domain(), local),
        Sameness::Folded => {
            let local = Cow::Owned(local.to_ascii_lowercase());
            (address.domain().to_owned(), local)
        }
    };
    let mut key = host(domain.as_bytes())?;
    key.push(AT);
    key.extend(local.as_bytes());
    // No local part holds a control character, so this ends it.
    key.push(LABEL_END);
    Some(key)
}

/// The host of a uniformResourceIdentifier, or with a leading dot the hosts below a domain.
pub(super) fn uri_subtree(base: &[u8]) -> Option<Vec<u8>> {
    match base.strip_prefix(b".") {
        Some(domain) => below(domain),
        None => named_host(base),
    }
}

/// The host of a URI; `None` when it has none, or one that is an address and no name.
pub(super) fn uri_host(uri: &[u8]) -> Option<Vec<u8>> {
    let scheme_end = uri.iter().position(|byte| *byte == b':')?;
    let (scheme, rest) = uri.split_at_checked(scheme_end)?;
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let rest = rest.strip_prefix(b"://").filter(|_| is_scheme)?;
    let authority = rest
        .split(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .next()?;
    // Some programs take a backslash for the end of the host, and would go elsewhere.
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'\\';
    authority.iter().all(is_plain).then_some(())?;
    let host_and_port = authority.rsplit(|byte| *byte == b'@').next()?;
    let mut parts = host_and_port.splitn(2, |byte| *byte == b':');
    let host = parts.next()?;
    let port = parts.next().unwrap_or_default();
    port.iter().all(u8::is_ascii_digit).then_some(())?;
    named_host(host)
}

/// A host that is a name: the last label of an IPv4 address is a number (RFC 3986 §3.2.2).
fn named_host(name: &[u8]) -> Option<Vec<u8>> {
    let last = name.rsplit(|byte| *byte == b'.').next()?;
    if last.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut key = host(name)?;
    key.push(HOST_END);
    Some(key)
}

/// The iPAddress of a certificate: 4 or 16 octets, written bit by bit.
pub(super) fn ip_address(octets: &[u8]) -> Option<Vec<u8>> {
    matches!(octets.len(), 4 | 16).then(|| ip_bits(octets, octets.len() * 8))
}

/// An address and a mask of equal length; the bits of the mask must be ones and then zeros.
pub(super) fn ip_subtree(octets: &[u8]) -> Option<Vec<u8>> {
    let (address, mask) = match octets.len() {
        8 => octets.split_at_checked(4)?,
        32 => octets.split_at_checked(16)?,
        _ => return None,
    };
    let bits = ip_bits(mask, mask.len() * 8);
    let bits = bits.get(1..)?;
    let ones = bits.iter().take_while(|bit| **bit == 1).count();
    let rest_is_zero = bits.iter().skip(ones).all(|bit| *bit == 0);
    rest_is_zero.then(|| ip_bits(address, ones))
}

/// The length of the address, which tells the families apart, and its first bits.
fn ip_bits(octets: &[u8], count: usize) -> Vec<u8> {
    let family = u8::try_from(octets.len()).unwrap_or_default();
    let bits = octets
        .iter()
        .flat_map(|octet| (0..8).rev().map(move |place| octet >> place & 1));
    std::iter::once(family).chain(bits.take(count)).collect()
}

/// RFC 1035 §2.3.4.
const MAX_HOST: usize = 253;
/// RFC 1035 §2.3.4.
const MAX_LABEL: usize = 63;
