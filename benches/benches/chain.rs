//! A chain of three: leaf, intermediate, root, searched and judged, beside its two signatures alone.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's entry points; a bench may stop

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use smime::{
    crypto::{AlgorithmPolicy, CryptoProvider, Signed, fastest},
    x509::{
        Certificate, CertificateBundle, CertificatePolicy, ChainCache, ChainRequest, ChainVerifier,
        PolicyInputs, Purpose, Revocation, TrustStore,
    },
};
use smime_testkit::{AcceptAll, Authority, NOW, Profile, TestKey};

fn chains(criterion: &mut Criterion) {
    for (name, keys) in [
        ("P-256", [TestKey::P256A, TestKey::P256B, TestKey::P256A]),
        (
            "RSA-2048",
            [TestKey::Rsa2048A, TestKey::Rsa2048B, TestKey::Rsa2048A],
        ),
    ] {
        let chain = Chain::new(keys);
        let mut group = criterion.benchmark_group(format!("chain/{name}"));
        let none = PolicyInputs::default();
        let request = chain.request(&none);
        group.bench_function("two signatures alone", |bencher| {
            bencher.iter(|| chain.check_signatures(black_box(fastest())));
        });
        let providers: [(&str, &dyn CryptoProvider); 2] =
            [("cold", fastest()), ("all but signatures", &AcceptAll)];
        for (name, provider) in providers {
            let verifier = chain.verifier(provider);
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    verifier
                        .verify_request(black_box(&chain.leaf), &request)
                        .unwrap()
                });
            });
        }
        let cache = ChainCache::new(chain.verifier(fastest()));
        group.bench_function("cached", |bencher| {
            bencher.iter(|| {
                cache
                    .verify_request(black_box(&chain.leaf), &request)
                    .unwrap()
            });
        });
        group.finish();
    }
}

struct Chain {
    leaf: Certificate,
    issuer: Certificate,
    root: Certificate,
    pool: CertificateBundle,
    anchors: TrustStore,
}

impl Chain {
    fn new([root, issuer, person]: [TestKey; 3]) -> Self {
        let root = Authority::root("Benchmark Root", root);
        let issuer = root.intermediate("Benchmark Authority", issuer);
        let person = issuer.person("alice@example.com", Profile::of(person));
        Self {
            pool: person.bundle(),
            leaf: person.certificate,
            anchors: root.trust(),
            issuer: issuer.certificate().clone(),
            root: root.certificate().clone(),
        }
    }

    fn check_signatures(&self, provider: &dyn CryptoProvider) {
        for (issuer, lower) in [(&self.issuer, &self.leaf), (&self.root, &self.issuer)] {
            let scheme = lower.signature_scheme().unwrap();
            let signed = Signed::Message(lower.tbs());
            provider
                .verify(issuer.public_key(), scheme, signed, lower.signature())
                .unwrap();
        }
    }

    fn verifier<'a>(&'a self, provider: &'a dyn CryptoProvider) -> ChainVerifier<'a> {
        static ALGORITHMS: AlgorithmPolicy = AlgorithmPolicy::standard();
        static POLICY: CertificatePolicy = CertificatePolicy::standard();
        static OFF: Revocation = Revocation::off();
        ChainVerifier {
            provider,
            algorithms: &ALGORITHMS,
            policy: &POLICY,
            anchors: &self.anchors,
            revocation: &OFF,
        }
    }

    fn request<'a>(&'a self, policies: &'a PolicyInputs) -> ChainRequest<'a> {
        ChainRequest {
            purpose: Purpose::SignMail,
            pool: &self.pool,
            at: NOW,
            valid_at: NOW,
            policies,
        }
    }
}

criterion_group!(benches, chains);
criterion_main!(benches);
