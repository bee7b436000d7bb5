use smime_crypto::{
    Oid, UnixTime,
    asn1::{Tag, Writer},
};
use smime_x509::{BasicConstraints, Certificate, CertificateBuilder, Name, NameAttribute};

use crate::{DAY, NOW, SeededRandom, TestKey};

/// A small tangle of certificates that bytes describe: authorities of few names and few keys that
/// issue each other, with lengths, names, constraints on them and policies.
///
/// The signatures are real ones, of the key that stands for the issuer's name, unless the bytes
/// say otherwise.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The certificate that is asked about.
    pub leaf: Certificate,
    /// The anchors.
    pub anchors: Vec<Certificate>,
    /// The others.
    pub pool: Vec<Certificate>,
}

/// The policy that certificates of a graph may have.
pub const GRAPH_POLICY: Oid = Oid::new("1.3.6.1.4.1.99999.7");

impl Graph {
    /// Makes a graph of four bytes for each certificate, the leaf first, at most twelve of them;
    /// `None` when there are none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut graph: Option<Self> = None;
        for description in bytes.chunks_exact(4).take(12) {
            let [names, limits, mails, other] = *description else {
                break;
            };
            let certificate = certificate(names, limits, mails, other, graph.is_none())?;
            match &mut graph {
                None => {
                    graph = Some(Self {
                        leaf: certificate,
                        anchors: Vec::new(),
                        pool: Vec::new(),
                    });
                }
                Some(graph) if other & 0x80 != 0 => graph.anchors.push(certificate),
                Some(graph) => graph.pool.push(certificate),
            }
        }
        graph
    }
}

/// `names`: two bits each of the issuer, the subject, the key and a wrong signer.
/// `limits`: a path length and constraints. `mails`: which host the certificate names.
fn certificate(names: u8, limits: u8, mails: u8, other: u8, is_leaf: bool) -> Option<Certificate> {
    let part = |byte: u8, at: u8| usize::from(byte >> at & 3);
    let (issuer, subject) = (part(names, 0), part(names, 2));
    let key = *KEYS.get(if other & 4 == 0 {
        subject
    } else {
        part(names, 4)
    })?;
    let signer = *KEYS.get(if other & 8 == 0 {
        issuer
    } else {
        part(names, 6)
    })?;
    let name = |number: usize| {
        let text = format!("CA {number}");
        Name::from_attributes(&[(NameAttribute::CommonName, &text)])
    };
    let subject = if is_leaf { name(9) } else { name(subject) };
    let host = |number: usize| format!("h{number}.example");
    let (from, to) = (UnixTime(NOW.0 - DAY), UnixTime(NOW.0 + DAY));
    let mut builder = CertificateBuilder::new(subject, &key.public(), from, to)
        .issuer(name(issuer))
        .serial(&[1, names, limits, mails, other]);
    if !is_leaf {
        let length = u32::from(limits & 3);
        builder = builder.basic_constraints(BasicConstraints {
            ca: other & 0x40 == 0,
            path_length: (limits & 4 != 0).then_some(length),
        });
        let constrained = limits >> 3 & 3;
        if constrained != 0 {
            let host = host(part(limits, 5));
            let value = constraints(constrained, &host);
            builder = builder.extension(Oid::new("2.5.29.30"), true, &value);
        }
    }
    if mails & 4 != 0 {
        let address = format!("a@{}", host(part(mails, 0)));
        builder = builder.emails(&[&address]);
    }
    if other & 2 != 0 {
        let value = Writer::encode(|w| w.sequence(|w| w.sequence(|w| w.oid(GRAPH_POLICY))));
        builder = builder.extension(Oid::new("2.5.29.32"), false, &value);
    }
    let random = SeededRandom::new(1);
    builder
        .sign(signer.private(), signer.scheme(), &random)
        .ok()
}

/// 1 permits the host, 2 excludes it, 3 permits every other that is named.
fn constraints(kind: u8, host: &str) -> Vec<u8> {
    let tag = Tag::context_constructed(u8::from(kind == 2));
    Writer::encode(|w| {
        w.sequence(|w| {
            w.constructed(tag, |w| {
                for number in 0..4 {
                    let other = format!("h{number}.example");
                    if (other == host) != (kind == 3) {
                        w.sequence(|w| w.element(Tag::context(1), other.as_bytes()));
                    }
                }
            });
        });
    })
}

const KEYS: [TestKey; 4] = [
    TestKey::P256A,
    TestKey::P256B,
    TestKey::P384A,
    TestKey::P384B,
];
