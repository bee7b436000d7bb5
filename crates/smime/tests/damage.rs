//! Every way to cut a sealed mail or to change one byte of it ends in one of two results: the
//! message is refused or judged not good, and gives out nothing that was altered; or it is the very
//! message that was sealed, and the damage is in bytes that no cryptography covers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use std::ops::Range;

use smime::{
    Cipher, Mode, Policy, SignedForm, Verdict,
    cms::{Object, read},
    crypto::{ContentCipher, DigestAlgorithm, fastest},
    io::{Limits, Source},
    mime::SmimeType,
};
use smime_testkit::{TestKey, flips, truncations};

use common::{
    Node, SECRET, World, cms_of, contains, draft, encryption, entity, expected_entity, mail_around,
    mail_of_both, node, nodes, small_mail,
};

#[test]
fn a_damaged_detached_signature_is_never_good() {
    Case::new(EC, Some(SignedForm::Detached), None).check_mail();
}

#[test]
fn a_damaged_opaque_signature_is_never_good() {
    Case::new(EC, Some(SignedForm::Opaque), None).check_mail();
}

#[test]
fn a_damaged_gcm_envelope_gives_nothing() {
    for cipher in [ContentCipher::Aes128Gcm, ContentCipher::Aes256Gcm] {
        Case::new(EC, None, Some(cipher)).check_mail();
    }
}

#[test]
fn a_damaged_cbc_envelope_gives_nothing_under_strict() {
    let case = Case::new(EC, None, Some(ContentCipher::Aes256Cbc));
    Case {
        policy: Policy::strict(),
        ..case
    }
    .check_mail();
}

#[test]
fn a_damaged_cbc_envelope_is_never_called_authenticated_under_standard() {
    Case::new(EC, None, Some(ContentCipher::Aes128Cbc)).check_mail();
}

#[test]
fn a_damaged_detached_signature_inside_gcm_gives_nothing() {
    Case::new(
        EC,
        Some(SignedForm::Detached),
        Some(ContentCipher::Aes256Gcm),
    )
    .check_mail();
}

#[test]
fn a_damaged_opaque_signature_inside_gcm_gives_nothing() {
    Case::new(EC, Some(SignedForm::Opaque), Some(ContentCipher::Aes128Gcm)).check_mail();
}

#[test]
fn a_damaged_detached_signature_inside_cbc_gives_nothing_under_strict() {
    let case = Case::new(
        EC,
        Some(SignedForm::Detached),
        Some(ContentCipher::Aes256Cbc),
    );
    Case {
        policy: Policy::strict(),
        ..case
    }
    .check_mail();
}

#[test]
fn a_damaged_detached_signature_inside_cbc_is_never_called_authenticated_under_standard() {
    Case::new(
        EC,
        Some(SignedForm::Detached),
        Some(ContentCipher::Aes256Cbc),
    )
    .check_mail();
}

#[test]
fn a_damaged_opaque_signature_inside_cbc_is_never_called_authenticated_under_standard() {
    Case::new(EC, Some(SignedForm::Opaque), Some(ContentCipher::Aes128Cbc)).check_mail();
}

#[test]
fn damaged_rsa_signatures_are_never_good() {
    for form in [SignedForm::Detached, SignedForm::Opaque] {
        Case::new(RSA, Some(form), None).check_cms();
    }
}

#[test]
fn a_damaged_envelope_to_an_rsa_key_gives_nothing() {
    Case::new(RSA, None, Some(ContentCipher::Aes256Gcm)).check_cms();
}

#[test]
fn a_damaged_envelope_to_an_rsa_key_gives_nothing_by_oaep() {
    Case::with_oaep(Some(DigestAlgorithm::Sha256)).check_cms();
}

#[test]
fn a_damaged_cbc_envelope_to_an_rsa_key_gives_nothing_under_strict() {
    let case = Case::new(RSA, None, Some(ContentCipher::Aes256Cbc));
    Case {
        policy: Policy::strict(),
        ..case
    }
    .check_cms();
}

#[test]
fn damaged_elements_of_every_kind_are_met() {
    // The list of what nothing covers must not go stale: each of its elements is there.
    let signed = Case::new(EC, Some(SignedForm::Opaque), None);
    let enveloped = Case::new(EC, None, Some(ContentCipher::Aes256Cbc));
    let authenticated = Case::new(EC, None, Some(ContentCipher::Aes256Gcm));
    for (case, uncovered) in [
        (signed, UNCOVERED_SIGNED),
        (enveloped, UNCOVERED_ENVELOPED),
        (authenticated, UNCOVERED_ENVELOPED),
    ] {
        let nodes = &case.sealed.nodes;
        uncovered.iter().for_each(|path| drop(node(nodes, path)));
    }
}

/// A sealed mail and what it must open to.
struct Case {
    world: World,
    signed: Option<SignedForm>,
    cipher: Option<ContentCipher>,
    policy: Policy,
    sealed: Layout,
    /// What is inside the encryption, where a signature in there is all that vouches for it.
    inner: Option<Layout>,
    entity: Vec<u8>,
}

impl Case {
    fn new(keys: [TestKey; 2], signed: Option<SignedForm>, cipher: Option<ContentCipher>) -> Self {
        Self::sealed(keys, signed, cipher, None)
    }

    fn with_oaep(oaep: Option<DigestAlgorithm>) -> Self {
        Self::sealed(RSA, None, Some(ContentCipher::Aes256Gcm), oaep)
    }

    fn sealed(
        [alice, bob]: [TestKey; 2],
        signed: Option<SignedForm>,
        cipher: Option<ContentCipher>,
        oaep: Option<DigestAlgorithm>,
    ) -> Self {
        let world = World::new(alice, bob, fastest());
        let mut draft = draft(&small_mail());
        draft.oaep = oaep;
        if let Some(form) = signed {
            (draft.sign, draft.form) = (Some(Mode::Always), form);
        }
        if let Some(cipher) = cipher {
            (draft.encrypt, draft.cipher) = (Some(Mode::Always), Cipher::Only(cipher));
        }
        let entity = expected_entity(&small_mail());
        let uncovered = match cipher {
            None => UNCOVERED_SIGNED,
            Some(_) if bob == TestKey::Rsa2048B => UNCOVERED_TRANSPORTED,
            Some(_) => UNCOVERED_ENVELOPED,
        };
        let mut case = Self {
            policy: Policy::standard(),
            sealed: Layout::new(world.seal(&draft), &entity, uncovered),
            inner: None,
            world,
            signed,
            cipher,
            entity,
        };
        if signed.is_some() && cipher.is_some_and(|cipher| !cipher.is_authenticated()) {
            let inner = case.decrypted(&case.sealed.cms);
            case.inner = Some(Layout::new(inner, &case.entity, UNCOVERED_SIGNED));
        }
        assert!(
            case.check(&case.sealed.mail),
            "undamaged, under the standard policy"
        );
        case
    }

    /// Damages every byte of the mail, then every byte of its CMS object.
    fn check_mail(&self) {
        let cuts = truncations(&self.sealed.mail).map(<[u8]>::to_vec);
        let flips = flips(&self.sealed.mail).map(|(_, damaged)| damaged);
        let mut intact = 0;
        for damaged in cuts.chain(flips) {
            if self.check(&damaged) {
                intact += 1;
                if let Some(cms) = self.sealed.check_uncovered(&damaged) {
                    self.check_inner(&cms);
                }
            }
        }
        assert!(
            intact > 0 || self.is_withheld(),
            "fields such as Subject are not protected"
        );
        self.check_cms();
    }

    /// Damages every byte of the CMS object.
    fn check_cms(&self) {
        let cms = &self.sealed.cms;
        for cut in truncations(cms) {
            let survived = self.check(&self.around(cut));
            assert!(!survived, "cut to {} of {} bytes", cut.len(), cms.len());
        }
        for (_, damaged) in flips(cms) {
            if self.check(&self.around(&damaged)) && !self.sealed.is_uncovered(&damaged) {
                self.check_inner(&damaged);
            }
        }
    }

    /// Opens a damaged mail: says whether it is as good as undamaged; fails if it is neither that
    /// nor harmless.
    fn check(&self, damaged: &[u8]) -> bool {
        let message = match self.world.receiver(self.policy.clone()).open(damaged) {
            Ok(message) => message,
            Err(error) => {
                let told = format!("{error} {error:?}");
                assert!(!told.contains(SECRET), "{told}");
                return false;
            }
        };
        let inside = entity(&message);
        let is_good = message.signature() == Verdict::Good;
        let is_whole = inside == self.entity;
        assert!(!is_good || is_whole, "good, and another content");
        let Some(cipher) = self.cipher else {
            return is_good && is_whole;
        };
        let Some((_, is_authenticated)) = encryption(message.layers()) else {
            assert!(!is_good, "good without its encryption");
            assert!(
                !contains(&inside, SECRET.as_bytes()),
                "plaintext without its encryption"
            );
            return false;
        };
        assert!(
            !is_authenticated || is_whole,
            "authenticated, and another content"
        );
        assert!(!self.is_withheld(), "not withheld");
        assert!(
            is_whole || !cipher.is_authenticated(),
            "altered content of {cipher:?}"
        );
        // Altered content leaves an envelope that held a signature only where nothing inside claims
        // one any more.
        let claims_none = message.signature() == Verdict::None;
        assert!(
            is_whole || self.signed.is_none() || claims_none,
            "altered, and released"
        );
        let is_signed = self.signed.is_some();
        let expected = is_signed || cipher.is_authenticated();
        is_whole && is_good == is_signed && is_authenticated == expected
    }

    /// Says whether policy keeps even the undamaged content inside.
    fn is_withheld(&self) -> bool {
        let vouched = self.cipher.is_none_or(ContentCipher::is_authenticated);
        !vouched && self.signed.is_none() && self.policy.messages == Policy::strict().messages
    }

    /// Checks that damage to an envelope, which nothing authenticates, fell on bytes inside that
    /// the signature there does not cover, such as the text before its first boundary.
    fn check_inner(&self, cms: &[u8]) {
        let Some(inner) = &self.inner else {
            panic!("{:?} survived", self.sealed.changed(cms));
        };
        inner.check_uncovered(&self.decrypted(cms));
    }

    /// What an envelope holds, whoever vouches for it.
    fn decrypted(&self, cms: &[u8]) -> Vec<u8> {
        let cms = Source::from_bytes(cms);
        let Object::Enveloped(envelope) = read(cms, &Limits::default()).unwrap() else {
            panic!("not an envelope");
        };
        let (bob, key) = (&self.world.bob.certificate, self.world.bob.private_key());
        let engine = self.world.receiver(Policy::standard());
        let (_, content) = engine.decrypt(&envelope, bob, &key).unwrap();
        content.read_to_vec("content of a test", 1 << 20).unwrap()
    }

    fn around(&self, cms: &[u8]) -> Vec<u8> {
        match (self.cipher, self.signed) {
            (None, Some(SignedForm::Detached)) => mail_of_both(&self.entity, cms),
            (None, _) => mail_around(cms, SmimeType::SignedData),
            (Some(cipher), _) if cipher.is_authenticated() => {
                mail_around(cms, SmimeType::AuthEnvelopedData)
            }
            (Some(_), _) => mail_around(cms, SmimeType::EnvelopedData),
        }
    }
}

/// A protected entity, and which of its bytes matter.
struct Layout {
    mail: Vec<u8>,
    cms: Vec<u8>,
    nodes: Vec<Node>,
    /// Where in the mail the text of the CMS object stands.
    text: Range<usize>,
    /// Where in the mail the signed content stands, if it is in the clear.
    content: Range<usize>,
    /// The elements of the CMS object that may be anything.
    uncovered: &'static [&'static [usize]],
}

impl Layout {
    fn new(mail: Vec<u8>, entity: &[u8], uncovered: &'static [&'static [usize]]) -> Self {
        // The text of the CMS object follows the last blank line but that before a boundary.
        let boundary = last(&mail, b"\r\n--").filter(|_| contains(&mail, b"multipart/signed"));
        let end = boundary.map_or(mail.len(), |at| at - 2);
        let text = last(&mail[..end], b"\r\n\r\n").unwrap() + 4..end;
        let content = last(&mail, entity).map_or(0..0, |start| start..start + entity.len());
        let cms = cms_of(&mail);
        assert_eq!(decoded(&mail[text.clone()]), cms);
        assert_eq!(content.is_empty(), boundary.is_none());
        Self {
            nodes: nodes(&cms),
            mail,
            cms,
            text,
            content,
            uncovered,
        }
    }

    /// Checks that an entity as good as the undamaged one holds every byte that matters; returns
    /// its CMS object if that is another one on account of bytes that are encrypted.
    fn check_uncovered(&self, damaged: &[u8]) -> Option<Vec<u8>> {
        let content = damaged.get(self.content.clone()).unwrap();
        assert_eq!(
            content,
            &self.mail[self.content.clone()],
            "other content, and good"
        );
        let end = self.text.end.min(damaged.len());
        let cms = decoded(&damaged[self.text.start..end]);
        (!self.is_uncovered(&cms)).then_some(cms)
    }

    /// Says whether a CMS object differs from the undamaged one in nothing that matters.
    fn is_uncovered(&self, damaged: &[u8]) -> bool {
        assert_eq!(damaged.len(), self.cms.len());
        let changed = |at: &usize| self.cms[*at] != damaged[*at];
        let within = |range: &Range<usize>, at: &usize| range.contains(at);
        let uncovered = self
            .uncovered
            .iter()
            .map(|path| node(&self.nodes, path).whole);
        // The length of an element can be given in two ways.
        let is_indefinite = |node: &&Node| self.cms[node.whole.start + 1] == 0x80;
        let indefinite = self.nodes.iter().filter(is_indefinite);
        let lengths = indefinite.map(|node| node.whole.start + 1..node.content.start);
        let free: Vec<_> = uncovered.chain(lengths).collect();
        let mut changed = (0..damaged.len()).filter(changed);
        changed.all(|at| free.iter().any(|range| within(range, &at)))
    }

    /// The elements that damage fell on.
    fn changed(&self, damaged: &[u8]) -> Vec<&Node> {
        let changed = (0..damaged.len()).filter(|at| self.cms[*at] != damaged[*at]);
        let innermost = |at| self.nodes.iter().rfind(|node| node.whole.contains(&at));
        changed.filter_map(innermost).collect()
    }
}

/// The bytes of base64 text up to its padding, or up to the first character that is neither of it
/// nor a blank: what follows a CMS object is not read.
fn decoded(text: &[u8]) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0, 0_u32);
    for character in text {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b' ' | b'\t' | b'\r' | b'\n' | b'\x0c' => continue,
            _ => break,
        };
        held = held << 6 & 0xffff | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    bytes
}

fn last(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .rposition(|window| window == needle)
}

const EC: [TestKey; 2] = [TestKey::P256A, TestKey::P256A];

const RSA: [TestKey; 2] = [TestKey::Rsa2048A, TestKey::Rsa2048B];

/// Elements of a SignedData (RFC 5652 §5.1) that no signature covers and that nothing rests on.
const UNCOVERED_SIGNED: &[&[usize]] = &[
    &[1, 0, 0],       // version
    &[1, 0, 1],       // digestAlgorithms
    &[1, 0, 4, 0, 0], // version of the SignerInfo
];

/// The same of EnvelopedData (RFC 5652 §6.1) and AuthEnvelopedData (RFC 5083 §2.1).
const UNCOVERED_ENVELOPED: &[&[usize]] = &[
    &[1, 0, 0],             // version
    &[1, 0, 1, 0, 0],       // version of the RecipientInfo
    &[1, 0, 1, 0, 3, 0, 0], // rid: whoever is named, the key is found
    &[1, 0, 2, 0],          // contentType, without authenticated attributes
];

/// The same where the content key was encrypted to an RSA key (RFC 5652 §6.2.1).
const UNCOVERED_TRANSPORTED: &[&[usize]] = &[
    &[1, 0, 0],       // version
    &[1, 0, 1, 0, 0], // version of the RecipientInfo
    &[1, 0, 1, 0, 1], // rid
    &[1, 0, 2, 0],    // contentType, without authenticated attributes
];
