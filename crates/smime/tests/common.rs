//! What the end-to-end tests share: two people whose engines know of each other no more than those
//! of real people do.

#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

use std::{
    io::Write as _,
    ops::Range,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use smime::{
    Clock, Coverage, Draft, Engine, Error, Keyring, Layer, Message, Mode, Policy,
    crypto::{
        ContentCipher, CryptoProvider, Error as CryptoError, KeyOps, KeyTransport, PrivateKey,
        PublicKey, Random, RustCrypto, Secret, SignatureScheme, Signed, fastest,
    },
    io::{Limits, Source},
    mime::{Entity, MultipartSigned, Pkcs7Mime, Protection, SmimeType},
    store::{Memory, Store, Trust},
    x509::{Certificate, Crl, EmailAddress},
};
use smime_testkit::{Authority, CrlBuilder, Identity, NOW, Profile, SeededRandom, TestKey};

/// Alice, who sends, and Bob, who receives.
///
/// Bob's store holds the root and what is his: a signature must bring what proves it.
pub(crate) struct World {
    pub(crate) alice: Identity,
    pub(crate) bob: Identity,
    sender: Memory,
    receiver: Memory,
    sender_keys: Keyring,
    receiver_keys: Keyring,
    pub(crate) random: SeededRandom,
    pub(crate) provider: &'static dyn CryptoProvider,
}

impl World {
    /// Makes the two with these keys; all of it is the same in every run.
    pub(crate) fn new(alice: TestKey, bob: TestKey, provider: &'static dyn CryptoProvider) -> Self {
        let authority = authority();
        let alice = authority.person(ALICE, Profile::of(alice));
        let bob = authority.person(BOB, Profile::of(bob));
        let root = authority.root_certificate();
        let known = [alice.certificate.clone(), bob.certificate.clone()];
        let sender = store(&[&known[..], authority.chain()].concat(), root);
        let receiver = store(&[bob.certificate.clone(), root.clone()], root);
        let (sender_keys, receiver_keys) = (Keyring::default(), Keyring::default());
        sender_keys.add(provider.load_private_key(&alice.key).unwrap());
        receiver_keys.add(provider.load_private_key(&bob.key).unwrap());
        Self {
            alice,
            bob,
            sender,
            receiver,
            sender_keys,
            receiver_keys,
            random: SeededRandom::new(7),
            provider,
        }
    }

    /// The engine of Alice.
    pub(crate) fn sender(&self) -> Engine<'_> {
        engine(self.provider, &self.sender, &self.sender_keys, &self.random)
    }

    /// The engine of Bob, who has today's lists of both authorities.
    pub(crate) fn receiver(&self, policy: Policy) -> Engine<'_> {
        let (store, keys) = (&self.receiver, &self.receiver_keys);
        Engine {
            policy: with_clean_lists(policy),
            ..engine(self.provider, store, keys, &self.random)
        }
    }

    /// Seals a draft that must be sealable.
    pub(crate) fn seal(&self, draft: &Draft) -> Vec<u8> {
        let mut sealed = Vec::new();
        self.sender().seal(draft, &mut sealed).unwrap();
        sealed
    }

    /// Opens a mail as Bob does under the standard policy.
    pub(crate) fn open(&self, mail: &[u8]) -> Result<Message, Error> {
        self.receiver(Policy::standard()).open(mail)
    }
}

/// Whom the mails of `testdata/mail` are from.
pub(crate) const ALICE: &str = "alice@example.com";

/// Whom they are for.
pub(crate) const BOB: &str = "bob@example.org";

/// A line that is nowhere but in the content of [`small_mail`], and would be seen if it got out.
pub(crate) const SECRET: &str = "Der Schatz liegt unter der Linde.";

/// A mail with nothing in it that could be left out.
pub(crate) fn small_mail() -> Vec<u8> {
    format!(
        "From: {ALICE}\r\nTo: {BOB}\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain\r\n\r\n{SECRET}\r\n"
    )
    .into_bytes()
}

/// Starts a draft to Bob that is neither signed nor encrypted unless the test says so.
pub(crate) fn draft(mail: &[u8]) -> Draft {
    let mut draft = Draft::new(Source::from_bytes(mail));
    draft.to = vec![address(BOB)];
    draft.sign = Some(Mode::Never);
    draft.encrypt = Some(Mode::Never);
    draft
}

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::new(text).unwrap()
}

/// Both providers; where the processor cannot run the fast one, the portable one twice.
pub(crate) fn providers() -> [&'static dyn CryptoProvider; 2] {
    [&RustCrypto, fastest()]
}

/// An authority below a root, so that every chain needs a certificate that has to come along.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| root().intermediate("End to End Issuer", TestKey::P256B))
}

/// The authority's root, which signs the list about it.
pub(crate) fn root() -> &'static Authority {
    static ROOT: OnceLock<Authority> = OnceLock::new();
    ROOT.get_or_init(|| Authority::root("End to End Root", TestKey::P256B))
}

/// What the authority and its root say of whom they revoked: nobody.
pub(crate) fn clean_lists() -> impl Iterator<Item = Crl> {
    static LISTS: OnceLock<[Crl; 2]> = OnceLock::new();
    let lists = LISTS.get_or_init(|| [authority(), root()].map(|it| CrlBuilder::of(it).sign()));
    lists.iter().cloned()
}

/// Tells a policy what the lists of both say.
pub(crate) fn with_clean_lists(mut policy: Policy) -> Policy {
    clean_lists().for_each(|list| policy.revocation.add_crl(list));
    policy
}

pub(crate) fn store(known: &[Certificate], anchor: &Certificate) -> Memory {
    let store = Memory::new();
    store.add_certificates(known, NOW).unwrap();
    store
        .set_trust(&anchor.fingerprint(), Trust::Anchor)
        .unwrap();
    store
}

pub(crate) fn engine<'a>(
    provider: &'a dyn CryptoProvider,
    store: &'a dyn Store,
    keys: &'a Keyring,
    random: &'a SeededRandom,
) -> Engine<'a> {
    Engine {
        provider,
        random,
        store,
        keys,
        policy: Policy::standard(),
        clock: Clock::Fixed(NOW),
        limits: Limits::default(),
    }
}

/// The bytes inside all layers.
pub(crate) fn entity(message: &Message) -> Vec<u8> {
    let source = message.entity().source();
    source.read_to_vec("content of a test", 1 << 23).unwrap()
}

/// The entity of a mail that is to be protected, made without the engine: its `Content-` fields,
/// a blank line and the body, every line ended by CRLF.
pub(crate) fn expected_entity(mail: &[u8]) -> Vec<u8> {
    let mut lines = mail.split_inclusive(|byte| *byte == b'\n');
    let mut entity = Vec::new();
    let mut is_content = false;
    let mut add = |line: &[u8]| {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        entity.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
        if line.ends_with(b"\n") {
            entity.extend_from_slice(b"\r\n");
        }
    };
    for line in lines.by_ref() {
        if matches!(line, b"\n" | b"\r\n") {
            add(line);
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = &line[..line.len().min(8)];
            is_content = name.eq_ignore_ascii_case(b"content-");
        }
        if is_content {
            add(line);
        }
    }
    lines.for_each(add);
    entity
}

/// Says whether `needle` stands somewhere in `bytes`.
pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// What was reported of the encryption around the whole, if there was one: the cipher and whether
/// anything vouches for the content.
pub(crate) fn encryption(layers: &[Layer]) -> Option<(Option<ContentCipher>, bool)> {
    layers.iter().find_map(|layer| match layer {
        Layer::Encrypted {
            coverage: Coverage::Whole,
            cipher,
            authenticated,
            ..
        } => Some((*cipher, *authenticated)),
        _ => None,
    })
}

/// The CMS object of a sealed mail: its body, or the signature beside its content.
pub(crate) fn cms_of(mail: &[u8]) -> Vec<u8> {
    let mail = Entity::read(Source::from_bytes(mail), &Limits::default()).unwrap();
    let cms = match mail.protection().unwrap() {
        Protection::Pkcs7(cms) => cms,
        Protection::MultipartSigned { signature, .. } => signature,
        Protection::None => panic!("a mail without protection"),
    };
    cms.read_to_vec("CMS object of a test", 1 << 22).unwrap()
}

/// A mail from Alice to Bob around a CMS object.
pub(crate) fn mail_around(cms: &[u8], smime_type: SmimeType) -> Vec<u8> {
    let mut mail = Pkcs7Mime::begin(outer_fields(), smime_type).unwrap();
    mail.write_all(cms).unwrap();
    mail.finish().unwrap()
}

/// A mail from Alice to Bob of a content and a signature beside it.
pub(crate) fn mail_of_both(content: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut mail = MultipartSigned::begin(outer_fields(), "sha-256", "b0undary").unwrap();
    mail.content().write_all(content).unwrap();
    mail.finish(signature).unwrap()
}

fn outer_fields() -> Vec<u8> {
    format!("From: {ALICE}\r\nTo: {BOB}\r\nMIME-Version: 1.0\r\n").into_bytes()
}

/// One element of a BER encoding.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The place among its siblings, of its parents first; that of the outermost is empty.
    pub(crate) path: Vec<usize>,
    pub(crate) tag: u8,
    /// Everything, tag and length included.
    pub(crate) whole: Range<usize>,
    /// What the tag and length are of, without the end mark of an indefinite length.
    pub(crate) content: Range<usize>,
}

/// All elements of a BER encoding that is in order, parents before children.
pub(crate) fn nodes(ber: &[u8]) -> Vec<Node> {
    let mut nodes = Vec::new();
    let end = walk(ber, 0, &[], &mut nodes);
    assert_eq!(end, ber.len());
    nodes
}

/// The element at a path.
pub(crate) fn node(nodes: &[Node], path: &[usize]) -> Node {
    nodes.iter().find(|node| node.path == path).unwrap().clone()
}

/// The octets of a string, whether it is in one piece or in several.
pub(crate) fn octets(ber: &[u8], nodes: &[Node], path: &[usize]) -> Vec<u8> {
    let is_piece = |node: &&Node| node.path.starts_with(path) && node.tag & CONSTRUCTED == 0;
    let pieces = nodes.iter().filter(is_piece);
    pieces
        .flat_map(|node| ber[node.content.clone()].to_vec())
        .collect()
}

fn walk(ber: &[u8], start: usize, path: &[usize], nodes: &mut Vec<Node>) -> usize {
    let (first, length_start) = (ber[start + 1], start + 2);
    let (body, length) = match first {
        0x80 => (length_start, None),
        0..0x80 => (length_start, Some(usize::from(first))),
        _ => {
            let body = length_start + usize::from(first & 0x7f);
            let bytes = ber[length_start..body].iter();
            (
                body,
                Some(bytes.fold(0, |length, byte| length << 8 | usize::from(*byte))),
            )
        }
    };
    let this = nodes.len();
    nodes.push(Node {
        path: path.to_vec(),
        tag: ber[start],
        whole: start..start,
        content: body..body,
    });
    let mut at = body;
    if ber[start] & CONSTRUCTED != 0 {
        for place in 0.. {
            let is_end = match length {
                Some(length) => at == body + length,
                None => ber[at..].starts_with(&[0, 0]),
            };
            if is_end {
                break;
            }
            at = walk(ber, at, &[path, &[place]].concat(), nodes);
        }
    } else {
        at = body + length.unwrap();
    }
    let end = if length.is_none() { at + 2 } else { at };
    nodes[this].content = body..at;
    nodes[this].whole = start..end;
    end
}

/// The bit of a tag that says that elements are inside.
pub(crate) const CONSTRUCTED: u8 = 0x20;

/// Returns a key that counts in `uses` how often it opens something.
pub(crate) fn counting(key: PrivateKey, uses: &Arc<AtomicUsize>) -> PrivateKey {
    PrivateKey::new(Counting(key, Arc::clone(uses)))
}

#[derive(Debug)]
struct Counting(PrivateKey, Arc<AtomicUsize>);

impl KeyOps for Counting {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        random: &dyn Random,
    ) -> Result<Vec<u8>, CryptoError> {
        self.0.sign(scheme, signed, random)
    }

    fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
        length: usize,
        random: &dyn Random,
    ) -> Result<Secret, CryptoError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.unwrap_key(transport, wrapped, length, random)
    }

    fn agree(&self, peer: &PublicKey) -> Result<Secret, CryptoError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.agree(peer)
    }
}

/// A help desk that holds the root, which it trusts, and what a test gives it.
pub(crate) struct Desk {
    pub(crate) store: Memory,
    pub(crate) keys: Keyring,
    pub(crate) random: SeededRandom,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let root = authority().root_certificate();
        Self {
            store: store(std::slice::from_ref(root), root),
            keys: Keyring::default(),
            random: SeededRandom::new(11),
        }
    }

    pub(crate) fn engine(&self) -> Engine<'_> {
        engine(fastest(), &self.store, &self.keys, &self.random)
    }
}
