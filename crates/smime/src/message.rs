use smime_cms::SignerReport;
use smime_crypto::ContentCipher;
use smime_mime::Entity;
use smime_store::Want;
use smime_x509::Certificate;

use crate::{Remark, remarks};

/// An opened message: what was proven, and the entity inside.
#[derive(Debug)]
pub struct Message {
    pub(crate) mail: Entity,
    pub(crate) layers: Vec<Layer>,
    pub(crate) wants: Vec<Want>,
    /// The certificates that came with signatures of the whole which are good, proven by nobody.
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) entity: Entity,
}

/// One layer of protection that was taken off, or that was found around a part.
#[derive(Debug)]
pub enum Layer {
    /// A signature.
    Signed {
        /// What of the message it covers.
        coverage: Coverage,
        /// One report for each signer.
        signers: Vec<SignerReport>,
        /// Whether there is a signer and every one of them is good.
        good: bool,
    },
    /// Encryption.
    Encrypted {
        /// What of the message it covers; a part is reported and not opened.
        coverage: Coverage,
        /// The content cipher, where it is known.
        cipher: Option<ContentCipher>,
        /// Whether a tag, or the signature directly inside, vouches for every byte.
        authenticated: bool,
        /// The SHA-256 of the certificate whose key opened it.
        recipient: Option<[u8; 32]>,
    },
    /// Compression, which protects nothing.
    Compressed {
        /// What of the message it covers; a part is reported and not expanded.
        coverage: Coverage,
    },
}

/// What of the message a layer covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Everything that [`Message::entity`] holds.
    Whole,
    /// One part of it, beside others of unknown origin.
    Part,
}

/// All signatures of a message in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is none around the content.
    None,
    /// Every signature is good, and one covers the whole content, not only its ciphertext.
    Good,
    /// Signatures cover parts only, be they good or not.
    Part,
    /// A signed structure without a signer.
    NoSigner,
    /// The first that is not good, outermost first, by its name in `cms verify`.
    NotGood(&'static str),
}

impl Message {
    /// Returns the layers, outermost first; those around parts come last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns the entity inside all layers; reading it is the release pass.
    pub fn entity(&self) -> &Entity {
        &self.entity
    }

    /// Returns the mail as received; its header fields were not protected by any layer.
    pub fn mail(&self) -> &Entity {
        &self.mail
    }

    /// Returns what might make a signature good that is not.
    pub fn wants(&self) -> &[Want] {
        &self.wants
    }

    /// Returns what is remarkable about who sent it; no verdict rests on that.
    pub fn remarks(&self) -> Vec<Remark> {
        remarks(&self.mail)
    }

    /// Returns the verdict over all signatures.
    pub fn signature(&self) -> Verdict {
        signature(&self.layers)
    }

    /// Says what of the message was encrypted, if anything.
    pub fn encryption(&self) -> Option<Coverage> {
        self.layers.iter().find_map(|layer| match layer {
            Layer::Encrypted { coverage, .. } => Some(*coverage),
            Layer::Signed { .. } | Layer::Compressed { .. } => None,
        })
    }
}

impl Coverage {
    /// Returns the word of the JSON result.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Part => "part",
        }
    }
}

impl Verdict {
    /// Returns the word of the JSON result.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Good => "good",
            Self::Part => "part",
            Self::NoSigner => "no_signer",
            Self::NotGood(name) => name,
        }
    }
}

/// Returns the verdict over all signatures among `layers`; those around parts come last.
///
/// A signature around a part cannot make the whole good, nor take from a good one around it.
///
/// A good signature around encryption, however many layers lie between them, says nothing of the
/// content: whoever made it need not have known what is inside, and can have put their own in the
/// place of another's.
pub(crate) fn signature(layers: &[Layer]) -> Verdict {
    let mut verdict = Verdict::None;
    for (position, layer) in layers.iter().enumerate() {
        match layer {
            Layer::Encrypted { .. } | Layer::Compressed { .. } => {}
            Layer::Signed {
                coverage: Coverage::Part,
                ..
            } => {
                if verdict == Verdict::None {
                    verdict = Verdict::Part;
                }
            }
            Layer::Signed {
                signers,
                good: false,
                ..
            } => {
                let mut verdicts = signers.iter().map(|signer| &signer.verdict);
                let bad = verdicts.find(|it| **it != smime_cms::Verdict::Good);
                return bad.map_or(Verdict::NoSigner, |bad| Verdict::NotGood(bad.name()));
            }
            Layer::Signed { good: true, .. } => {
                if !is_encrypted(layers.iter().skip(position)) {
                    verdict = Verdict::Good;
                }
            }
        }
    }
    verdict
}

fn is_encrypted<'a>(mut inside: impl Iterator<Item = &'a Layer>) -> bool {
    inside.any(|layer| {
        matches!(
            layer,
            Layer::Encrypted {
                coverage: Coverage::Whole,
                ..
            }
        )
    })
}

/// Returns the Message-ID of a mail, as it is recorded and looked up.
pub(crate) fn message_id(mail: &Entity) -> Option<String> {
    message_ids(&mail.headers().text("Message-ID")?)
        .into_iter()
        .next()
}

/// Returns the Message-IDs in the text of a field, each from `<` to `>`, whatever stands between
/// them (RFC 5322 §3.6.4).
pub(crate) fn message_ids(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((id, after)) = after.split_once('>') else {
            break;
        };
        ids.push(format!("<{}>", id.trim()));
        rest = after;
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_told_by_their_brackets() {
        for (text, ids) in [
            ("<a@b>", &["<a@b>"][..]),
            (" <a@b> (added by postmaster@c)", &["<a@b>"]),
            ("<a@b>,<c@d>", &["<a@b>", "<c@d>"]),
            ("<a@b><c@d>\r\n\t< e@f >", &["<a@b>", "<c@d>", "<e@f>"]),
            ("a@b", &[]),
            ("", &[]),
            ("<a@b", &[]),
            ("> <", &[]),
        ] {
            assert_eq!(message_ids(text), ids, "{text:?}");
        }
    }
}
