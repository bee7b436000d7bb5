use smime::{
    crypto::{PrivateKey, Secret},
    store::{Trust, public_key_id},
    x509::{
        Certificate, CertificateBundle, ChainError, ChainVerifier, IssueError, Purpose, Revocation,
        TrustStore,
    },
};

use crate::{
    context::Context,
    failure::{Failure, Kind},
    json,
};

/// An authority of the store that can issue: its private key is there, and it is an anchor or has
/// a path to one.
pub(super) struct Authority {
    /// Its certificate first, the anchor last.
    path: Vec<Certificate>,
}

impl Authority {
    /// Finds the one whose SHA-256 begins with `prefix`, or the one that has none below it.
    pub(super) fn find(context: &Context, prefix: Option<&str>) -> Result<Self, Failure> {
        let mut found = Self::all(context)?;
        if let Some(prefix) = prefix.map(str::to_ascii_lowercase) {
            found.retain(|it| json::hex(it.certificate().fingerprint()).starts_with(&prefix));
        } else {
            // Where there is an issuing authority, its root issues nothing to people.
            let above = found.iter().flat_map(|it| it.path.iter().skip(1));
            let above: Vec<_> = above.map(Certificate::fingerprint).collect();
            found.retain(|it| !above.contains(&it.certificate().fingerprint()));
        }
        let several = found.len() > 1;
        match found.pop() {
            Some(_) if several => {
                let detail = "several authorities with private keys in the store";
                Err(Failure::new(Kind::Usage, "ca.several", detail))
            }
            Some(authority) => Ok(authority),
            None => Err(absent()),
        }
    }

    fn all(context: &Context) -> Result<Vec<Self>, Failure> {
        let mut found = Vec::new();
        for id in context.store.key_ids()? {
            for stored in context.store.by_public_key(&id)? {
                let certificate = stored.certificate;
                let path = match stored.trust {
                    _ if !certificate.is_ca() => continue,
                    Trust::Distrusted => continue,
                    Trust::Anchor | Trust::AnchorFor(_) => vec![certificate],
                    Trust::None => {
                        let pool = above(context, &certificate)?;
                        match prove(context, &certificate, Purpose::SignCertificates, &pool)? {
                            Ok(path) => path,
                            Err(_) => continue,
                        }
                    }
                };
                found.push(Self { path });
            }
        }
        Ok(found)
    }

    pub(super) fn certificate(&self) -> &Certificate {
        self.path.first().expect("a path holds its leaf")
    }

    /// Returns its certificate and those above it, the anchor last.
    pub(super) fn path(&self) -> &[Certificate] {
        &self.path
    }

    pub(super) fn key(
        &self,
        context: &Context,
        passphrase: &Secret,
    ) -> Result<PrivateKey, Failure> {
        let id = public_key_id(self.certificate().public_key());
        let key = context.store.key(&id)?.ok_or_else(absent)?;
        let pkcs8 = key.open(Some(passphrase))?;
        Ok(context.provider.load_private_key(&pkcs8)?)
    }

    /// Checks that an authority below this one could have somebody below it (RFC 5280 §4.2.1.9).
    pub(super) fn check_depth(&self) -> Result<(), Failure> {
        let mut below = 0;
        for certificate in &self.path {
            let limit = certificate
                .basic_constraints()
                .and_then(|it| it.path_length);
            if limit.is_some_and(|limit| limit <= below) {
                return Err(IssueError::PathLength.into());
            }
            below += u32::from(!certificate.is_self_issued());
        }
        Ok(())
    }

    /// Checks that what it has just issued serves: an authority further up may have bounds of which
    /// this one says nothing.
    pub(super) fn check_issued(
        &self,
        context: &Context,
        issued: &Certificate,
        purpose: Purpose,
    ) -> Result<(), Failure> {
        let pool = self.path.iter().cloned().collect();
        let proven = prove(context, issued, purpose, &pool)?;
        proven
            .map(|_| ())
            .map_err(|error| Failure::new(Kind::NotGood, error.code(), error))
    }
}

fn absent() -> Failure {
    let detail = "no authority with its private key in the store";
    Failure::new(Kind::Other, "ca.absent", detail)
}

/// Returns the certificates of the store that may stand above one.
fn above(context: &Context, certificate: &Certificate) -> Result<CertificateBundle, Failure> {
    let mut pool = CertificateBundle::new();
    let mut names = vec![certificate.issuer().der().to_vec()];
    let mut next = 0;
    while let Some(name) = names.get(next).cloned() {
        next += 1;
        for stored in context.store.authorities_by_subject(&name)? {
            let issuer = stored.certificate.issuer().der().to_vec();
            if stored.trust == Trust::Distrusted {
                continue;
            }
            if names.len() < ISSUER_NAMES && !names.contains(&issuer) {
                names.push(issuer);
            }
            pool.add(stored.certificate);
        }
    }
    Ok(pool)
}

/// Proves a certificate by the anchors of the store; returns its path, itself first.
fn prove(
    context: &Context,
    certificate: &Certificate,
    purpose: Purpose,
    pool: &CertificateBundle,
) -> Result<Result<Vec<Certificate>, ChainError>, Failure> {
    let mut anchors = TrustStore::new();
    for anchor in context.store.anchors()? {
        anchors.add(anchor.certificate);
    }
    let chains = ChainVerifier {
        provider: context.provider,
        algorithms: &context.policy.algorithms,
        policy: &context.policy.certificates,
        anchors: &anchors,
        // Whoever holds the key knows.
        revocation: &Revocation::off(),
    };
    let proven = chains.verify(certificate, purpose, pool, context.now());
    Ok(proven.map(|chain| chain.path().to_vec()))
}

/// Names followed upwards: as many levels as anybody has authorities.
const ISSUER_NAMES: usize = 16;
