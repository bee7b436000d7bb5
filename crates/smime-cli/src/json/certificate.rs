//! What a certificate says, as `cert show` and `cert list` print it.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};
use smime::{
    crypto::{
        Curve, KeyKind, Oid, SignatureScheme, UnixTime,
        asn1::{Reader, Tag},
        sha1_fingerprint,
    },
    store::StoredCertificate,
    x509::{
        Certificate, CertificateRef, DistributionPointName, FromReader, GeneralName, KeyUsageBit,
        LintProfile, NameConstraints, SequenceOf, extended_key_usage_name,
    },
};

use super::{emails, hex, trusted_for, usable_for};

/// `cert show`: one certificate. Every field is always there: null or empty without its extension.
pub(crate) fn certificate(certificate: &Certificate) -> Value {
    let mut value = summary(certificate);
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), extensions(certificate)) {
        fields.extend(more);
    }
    value
}

/// `cert list`: one certificate of the store.
///
/// `pinned_for` are the addresses that are encrypted to with it alone.
pub(crate) fn stored(stored: &StoredCertificate, at: UnixTime, pinned_for: &[&str]) -> Value {
    let mut value = certificate(&stored.certificate);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("has_key".to_owned(), stored.has_key.into());
        fields.insert("trust".to_owned(), stored.trust.as_str().into());
        let uses = trusted_for(stored.trust);
        fields.insert("trusted_for".to_owned(), uses.into());
        fields.insert("pinned_for".to_owned(), pinned_for.into());
        fields.insert("usable_for".to_owned(), usable_for(stored, at).into());
    }
    value
}

/// `cert list --expiring`: one certificate of the store, the whole days that are left of it, and the
/// SHA-256 of what takes over from it.
pub(crate) fn expiring(
    stored: &StoredCertificate,
    at: UnixTime,
    pinned_for: &[&str],
    days_left: i64,
    renewal: Option<[u8; 32]>,
) -> Value {
    let mut value = self::stored(stored, at, pinned_for);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("days_left".to_owned(), days_left.into());
        fields.insert("renewed_by".to_owned(), renewal.map(hex).into());
    }
    value
}

/// The fields of the contract.
fn summary(certificate: &Certificate) -> Value {
    let key = certificate.public_key();
    let algorithm = match key.kind() {
        KeyKind::Rsa { .. } => "rsa".to_owned(),
        KeyKind::Ec(Curve::P256) => "ec-p256".to_owned(),
        KeyKind::Ec(Curve::P384) => "ec-p384".to_owned(),
        KeyKind::Ec(Curve::P521) => "ec-p521".to_owned(),
        KeyKind::RsaPss { .. } => "rsa-pss".to_owned(),
        KeyKind::Ed25519 => "ed25519".to_owned(),
        KeyKind::X25519 => "x25519".to_owned(),
        KeyKind::Unknown => key.algorithm().to_string(),
    };
    let signature = match certificate.signature_scheme() {
        Ok(SignatureScheme::Ed25519) => SignatureScheme::Ed25519.name().to_owned(),
        Ok(scheme) => format!("{}-{}", scheme.name(), scheme.digest().name()),
        Err(_) => algorithm_name(certificate.signature_algorithm()),
    };
    let key_usage: Vec<_> = certificate
        .key_usage()
        .map(|usage| usage.bits().map(KeyUsageBit::name).collect())
        .unwrap_or_default();
    json!({
        "sha256": hex(certificate.fingerprint()),
        "sha1": hex(sha1_fingerprint(certificate.der())),
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "serial": hex(certificate.serial()),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
        "emails": emails(certificate),
        "key_usage": key_usage,
        "extended_key_usage": list(certificate.extended_key_usage(), |usage: Oid| {
            name_or_oid(extended_key_usage_name(usage), usage).into()
        }),
        "ca": certificate.is_ca(),
        "public_key": {"algorithm": algorithm, "bits": key.bits()},
        "signature": signature,
    })
}

/// What stands in the extensions.
fn extensions(certificate: &Certificate) -> Value {
    let view = certificate.view();
    let extensions: Vec<_> = view
        .extension_list()
        .map(|it| {
            json!({
                "oid": it.oid.to_string(),
                "name": it.name(),
                "critical": it.critical,
            })
        })
        .collect();
    let constraints = view.basic_constraints();
    let policies = list(
        view.certificate_policies(),
        |it| json!({"oid": it.policy.to_string(), "name": policy_name(it.policy)}),
    );
    let access = list(view.authority_info_access(), |it| {
        let method = name_or_oid(name_in(ACCESS_METHODS, it.method), it.method);
        json!({"method": method, "name": general_name(it.location)})
    });
    let timestamps = view.certificate_timestamps().unwrap_or_default();
    let timestamps = timestamps.iter();
    json!({
        "version": view.version(),
        "path_length": constraints.and_then(|it| it.path_length),
        "subject_key_id": view.subject_key_id().map(hex),
        "authority_key_id": view.authority_key_id().map(hex),
        "subject_alt_names": list(view.subject_alt_name(), general_name),
        "issuer_alt_names": list(view.issuer_alt_name(), general_name),
        "authority_info_access": access,
        "crl_distribution_points": distribution_points(&view),
        "policies": policies,
        "name_constraints": view.name_constraints().map(|it| name_constraints(&it)),
        "smime_capabilities": capabilities(view.smime_capabilities().unwrap_or_default()),
        "qc_statements": list(view.qc_statements(), |it| json!({
            "oid": it.id.to_string(),
            "name": it.name(),
            "details": it.details(),
        })),
        "certificate_timestamps": timestamps
            .map(|it| json!({"log": hex(it.log), "time": it.time.to_string()}))
            .collect::<Vec<_>>(),
        "extensions": extensions,
    })
}

fn list<'a, T: FromReader<'a>>(
    list: Option<SequenceOf<'a, T>>,
    value: impl Fn(T) -> Value,
) -> Vec<Value> {
    list.iter().flat_map(SequenceOf::iter).map(value).collect()
}

fn distribution_points(view: &CertificateRef<'_>) -> Vec<Value> {
    list(view.crl_distribution_points(), |point| {
        let names = match point.name {
            Some(DistributionPointName::FullName(names)) => list(Some(names), general_name),
            Some(DistributionPointName::RelativeToIssuer(rdn)) => {
                vec![json!({"type": "nameRelativeToCRLIssuer", "value": hex(rdn)})]
            }
            None => Vec::new(),
        };
        json!({"names": names, "crl_issuer": list(point.crl_issuer, general_name)})
    })
}

fn name_constraints(constraints: &NameConstraints<'_>) -> Value {
    json!({
        "permitted": list(constraints.permitted, |it| general_name(it.base)),
        "excluded": list(constraints.excluded, |it| general_name(it.base)),
    })
}

/// A name, with its form as RFC 5280 §4.2.1.6 calls it.
fn general_name(name: GeneralName<'_>) -> Value {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (form, value) = match name {
        GeneralName::OtherName {
            kind: USER_PRINCIPAL_NAME,
            value,
        } => {
            let mut reader = Reader::new(value);
            let name = reader.read(Tag::UTF8_STRING, "userPrincipalName");
            let name = name.map_or_else(|_| hex(value), |name| text(name.content));
            ("userPrincipalName", name)
        }
        GeneralName::OtherName { kind, value } => ("otherName", format!("{kind} {}", hex(value))),
        GeneralName::SmtpUtf8Mailbox(mailbox) => ("SmtpUTF8Mailbox", text(mailbox)),
        GeneralName::Rfc822Name(address) => ("rfc822Name", text(address)),
        GeneralName::DnsName(host) => ("dNSName", text(host)),
        GeneralName::X400Address(address) => ("x400Address", hex(address)),
        GeneralName::DirectoryName(name) => ("directoryName", name.to_string()),
        GeneralName::EdiPartyName(name) => ("ediPartyName", hex(name)),
        GeneralName::Uri(uri) => ("uniformResourceIdentifier", text(uri)),
        GeneralName::IpAddress(octets) => ("iPAddress", ip_address(octets)),
        GeneralName::RegisteredId(id) => ("registeredID", id.to_string()),
    };
    json!({"type": form, "value": value})
}

/// An address, or in constraints an address and its mask.
fn ip_address(octets: &[u8]) -> String {
    let one = |octets: &[u8]| {
        let version_4 = <[u8; 4]>::try_from(octets).map(|it| Ipv4Addr::from(it).to_string());
        let version_6 = <[u8; 16]>::try_from(octets).map(|it| Ipv6Addr::from(it).to_string());
        version_4.or(version_6).ok()
    };
    let half = octets.split_at_checked(octets.len() / 2);
    let masked = half.and_then(|(base, mask)| Some(format!("{}/{}", one(base)?, one(mask)?)));
    one(octets).or(masked).unwrap_or_else(|| hex(octets))
}

/// The capabilities in their order, by name where they have one (RFC 8551 §2.5.2).
fn capabilities(der: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let Ok(mut list) = Reader::new(der).sequence("SMIMECapabilities") else {
        return names;
    };
    while let Ok(mut capability) = list.sequence("SMIMECapability") {
        let Ok(id) = capability.oid() else { break };
        let name = name_or_oid(name_in(CAPABILITIES, id), id);
        // The old ciphers say how many bits of the key they use.
        let bits = capability.small("bits");
        names.push(bits.map_or_else(|_| name.clone(), |bits| format!("{name}-{bits}")));
    }
    names
}

fn policy_name(policy: Oid) -> Option<String> {
    match LintProfile::of_policy(policy) {
        Some(profile) => Some(format!("S/MIME BR {profile}")),
        None => name_in(POLICIES, policy).map(ToOwned::to_owned),
    }
}

fn name_or_oid(name: Option<&str>, oid: Oid) -> String {
    name.map_or_else(|| oid.to_string(), ToOwned::to_owned)
}

fn name_in(names: &[(Oid, &'static str)], oid: Oid) -> Option<&'static str> {
    names
        .iter()
        .find(|(known, _)| *known == oid)
        .map(|(_, name)| *name)
}

/// An algorithm that has no name here is shown by its identifier.
fn algorithm_name(identifier: &[u8]) -> String {
    let oid = Reader::new(identifier)
        .sequence("AlgorithmIdentifier")
        .and_then(|mut it| it.oid());
    oid.map_or_else(|_| "unreadable".to_owned(), |oid| oid.to_string())
}

/// The name by which Microsoft's directory knows a user.
const USER_PRINCIPAL_NAME: Oid = Oid::new("1.3.6.1.4.1.311.20.2.3");

/// RFC 5280 §4.2.2.1.
const ACCESS_METHODS: &[(Oid, &str)] = &[
    (Oid::new("1.3.6.1.5.5.7.48.1"), "ocsp"),
    (Oid::new("1.3.6.1.5.5.7.48.2"), "caIssuers"),
];

/// RFC 5280 §4.2.1.4; ETSI EN 319 411-2 §5.3; those of the S/MIME BR have profiles.
const POLICIES: &[(Oid, &str)] = &[
    (Oid::new("2.5.29.32.0"), "anyPolicy"),
    (Oid::new("0.4.0.2042.1.1"), "NCP"),
    (Oid::new("0.4.0.2042.1.2"), "NCP+"),
    (Oid::new("0.4.0.2042.1.3"), "LCP"),
    (Oid::new("0.4.0.194112.1.0"), "QCP-n"),
    (Oid::new("0.4.0.194112.1.1"), "QCP-l"),
    (Oid::new("0.4.0.194112.1.2"), "QCP-n-qscd"),
    (Oid::new("0.4.0.194112.1.3"), "QCP-l-qscd"),
];

/// RFC 8551 §2.5.2, RFC 3565, RFC 5084, RFC 8103, RFC 4055, RFC 3370, RFC 2311.
const CAPABILITIES: &[(Oid, &str)] = &[
    (Oid::new("2.16.840.1.101.3.4.1.2"), "aes128-cbc"),
    (Oid::new("2.16.840.1.101.3.4.1.22"), "aes192-cbc"),
    (Oid::new("2.16.840.1.101.3.4.1.42"), "aes256-cbc"),
    (Oid::new("2.16.840.1.101.3.4.1.6"), "aes128-gcm"),
    (Oid::new("2.16.840.1.101.3.4.1.26"), "aes192-gcm"),
    (Oid::new("2.16.840.1.101.3.4.1.46"), "aes256-gcm"),
    (Oid::new("2.16.840.1.101.3.4.1.5"), "aes128-wrap"),
    (Oid::new("2.16.840.1.101.3.4.1.25"), "aes192-wrap"),
    (Oid::new("2.16.840.1.101.3.4.1.45"), "aes256-wrap"),
    (Oid::new("1.2.840.113549.1.9.16.3.18"), "chacha20-poly1305"),
    (Oid::new("1.2.840.113549.3.7"), "des-ede3-cbc"),
    (Oid::new("1.2.840.113549.3.2"), "rc2-cbc"),
    (Oid::new("1.3.14.3.2.7"), "des-cbc"),
    (Oid::new("1.3.14.3.2.26"), "sha1"),
    (Oid::new("2.16.840.1.101.3.4.2.1"), "sha256"),
    (Oid::new("2.16.840.1.101.3.4.2.2"), "sha384"),
    (Oid::new("2.16.840.1.101.3.4.2.3"), "sha512"),
    (Oid::new("1.2.840.113549.1.1.1"), "rsa"),
    (Oid::new("1.2.840.113549.1.1.7"), "rsaes-oaep"),
    (Oid::new("1.2.840.113549.1.1.10"), "rsassa-pss"),
    (Oid::new("1.2.840.113549.1.1.11"), "rsa-sha256"),
    (Oid::new("1.2.840.113549.1.1.12"), "rsa-sha384"),
    (Oid::new("1.2.840.113549.1.1.13"), "rsa-sha512"),
    (Oid::new("1.2.840.10045.4.3.2"), "ecdsa-sha256"),
    (Oid::new("1.2.840.10045.4.3.3"), "ecdsa-sha384"),
    (Oid::new("1.2.840.10045.4.3.4"), "ecdsa-sha512"),
    (Oid::new("1.3.132.1.11.1"), "ecdh-x963-sha256"),
    (Oid::new("1.3.132.1.11.2"), "ecdh-x963-sha384"),
    (Oid::new("1.3.132.1.11.3"), "ecdh-x963-sha512"),
    (
        Oid::new("1.2.840.113549.1.9.16.11.1"),
        "prefer-binary-inside",
    ),
];

#[cfg(test)]
mod tests {
    use smime::crypto::asn1::Writer;

    use super::*;

    #[test]
    fn capabilities_have_names_and_the_old_ones_their_bits() {
        let der = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| w.oid(Oid::new("2.16.840.1.101.3.4.1.46")));
                w.sequence(|w| {
                    w.oid(Oid::new("1.2.840.113549.3.2"));
                    w.small(40);
                });
                w.sequence(|w| w.oid(Oid::new("1.2.3")));
                w.null();
            });
        });
        assert_eq!(capabilities(&der), ["aes256-gcm", "rc2-cbc-40", "1.2.3"]);
        for broken in [&[][..], &[0x30], &[0x31, 0], &[0x30, 2, 0x30, 0]] {
            assert!(capabilities(broken).is_empty(), "{broken:x?}");
        }
    }

    #[test]
    fn addresses_are_written_as_people_do_and_others_as_octets() {
        let six = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1]].concat();
        for (octets, text) in [
            (&[192, 0, 2, 1][..], "192.0.2.1"),
            (&[192, 0, 2, 0, 255, 255, 255, 0], "192.0.2.0/255.255.255.0"),
            (&six, "2001:db8::1"),
            (&[1, 2, 3], "010203"),
            (&[1, 2, 3, 4, 5, 6], "010203040506"),
            (&[], ""),
        ] {
            assert_eq!(ip_address(octets), text);
        }
    }
}
