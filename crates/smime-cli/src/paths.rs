use smime::x509::{
    AnchorConstraints, CertificateBundle, CertificatePolicy, ChainVerifier, PolicyInputs, Purpose,
    TrustStore,
};

use crate::{
    args::{CertificatePath, Judging},
    context::Context,
    failure::Failure,
    input,
};

/// What the command line says about paths, and the certificates it names for them.
#[derive(Debug)]
pub(crate) struct Paths {
    anchors: TrustStore,
    certificates: CertificatePolicy,
    /// The untrusted certificates that may stand in a path.
    pub(crate) pool: CertificateBundle,
    /// What a certificate must be good for, if that is said.
    pub(crate) purpose: Option<Purpose>,
    /// Which certificate policies are asked for.
    pub(crate) policies: PolicyInputs,
}

impl Paths {
    /// Reads the files; what is given about revoked certificates goes into the policy of `context`.
    pub(crate) fn read(context: &mut Context, judging: &Judging) -> Result<Self, Failure> {
        let path = &judging.path;
        let (trusted, mut pool) = input::trust(&judging.trust)?;
        context.add_evidence(&judging.evidence)?;
        context.choose_subject_address(path.subject_address);
        let anchors = anchors(&trusted, path, &mut pool);
        let mut certificates = context.policy.certificates.clone();
        // A number over the usual one is a wish too.
        let depth = path.max_depth.unwrap_or_default();
        certificates.max_intermediates = certificates.max_intermediates.max(depth);
        Ok(Self {
            anchors,
            certificates,
            pool,
            purpose: path.purpose.map(Purpose::from),
            policies: PolicyInputs {
                acceptable: path.initial_policy.clone(),
                explicit_policy: path.explicit_policy,
                inhibit_mapping: path.inhibit_mapping,
                inhibit_any: path.inhibit_any,
            },
        })
    }

    /// Returns who proves certificates as the command line and `context` say.
    pub(crate) fn verifier<'a>(&'a self, context: &'a Context) -> ChainVerifier<'a> {
        ChainVerifier {
            provider: context.provider,
            algorithms: &context.policy.algorithms,
            policy: &self.certificates,
            anchors: &self.anchors,
            revocation: &context.policy.revocation,
        }
    }
}

/// Takes the trusted certificates for anchors; those that others have issued only where a path may
/// be partial, and otherwise into the pool.
fn anchors(
    trusted: &TrustStore,
    path: &CertificatePath,
    pool: &mut CertificateBundle,
) -> TrustStore {
    let bounds = AnchorConstraints {
        path_length: path.max_depth.map(u32::from),
        ..AnchorConstraints::default()
    };
    let mut anchors = TrustStore::new();
    for certificate in trusted.iter() {
        if path.partial_chain || certificate.view().may_be_self_signed() {
            anchors.add_constrained(certificate.clone(), bounds.clone());
        } else {
            pool.add(certificate.clone());
        }
    }
    anchors
}
