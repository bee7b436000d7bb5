//! Any bytes are a CMS object or a typed error; every signature gets a verdict.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::{
    cms::{
        self, ClaimedTime, Object, Opened, Outcome, Sender, SignatureCheck, SignedMessage, Verdict,
    },
    crypto::AlgorithmPolicy,
    io::Source,
    x509::{CertificateBundle, PolicyInputs, Purpose},
};
use smime_fuzz::{CONTENT, PEOPLE, drain, small_limits};
use smime_testkit::{AcceptAll, NOW, SeededRandom};

fuzz_target!(|object: &[u8]| {
    let limits = small_limits();
    let source = Source::from_bytes(object);
    let _ = cms::show(&source, &limits);
    let content = Source::from_bytes(CONTENT);
    if let Ok(signed) = SignedMessage::detached(&source, content, &limits) {
        judge(signed);
    }
    match cms::read(source, &limits) {
        Ok(Object::Signed(signed)) => judge(signed),
        Ok(Object::Enveloped(envelope)) => {
            let random = SeededRandom::new(0);
            let policy = AlgorithmPolicy::standard();
            for person in PEOPLE.iter() {
                let key = person.test_key.private();
                match envelope.open(&person.certificate, key, &policy, NOW, &random) {
                    Ok(Opened::Authenticated(decrypted)) => {
                        drain(&decrypted.content()).expect("what was authenticated reads");
                    }
                    // Its content stays where it is: only the engine may take it out.
                    Ok(Opened::Unauthenticated(_)) | Err(_) => {}
                }
            }
        }
        Ok(Object::Compressed(compressed)) => {
            if let Ok(content) = compressed.expanded(&limits) {
                drain(&content).expect("what was expanded once expands again");
            }
        }
        _ => {}
    }
});

fn judge(signed: SignedMessage) {
    let signers = signed.signer_count();
    let pool: CertificateBundle = PEOPLE.iter().map(|it| it.certificate.clone()).collect();
    let check = SignatureCheck {
        chains: None,
        purpose: Purpose::SignMail,
        policies: &PolicyInputs::default(),
        provider: &AcceptAll,
        algorithms: &AlgorithmPolicy::standard(),
        pool: &pool,
        sender: Sender::Any,
        at: NOW,
        claimed_time: ClaimedTime::Ignored,
    };
    match signed.verify(&check) {
        Ok(Outcome::Verified(verified)) => {
            assert!(signers > 0, "nothing is verified without a signer");
            assert_eq!(
                verified.signers().len(),
                signers,
                "every signer gets a verdict"
            );
            assert!(
                verified
                    .signers()
                    .iter()
                    .all(|it| it.verdict == Verdict::Good)
            );
            drain(verified.content()).expect("what was digested reads");
        }
        Ok(Outcome::Unverified(unverified)) => {
            assert_eq!(
                unverified.signers().len(),
                signers,
                "every signer gets a verdict"
            );
            assert!(
                signers == 0
                    || unverified
                        .signers()
                        .iter()
                        .any(|it| it.verdict != Verdict::Good)
            );
        }
        Err(_) => {}
    }
}
