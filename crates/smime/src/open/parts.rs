//! Protected parts of a mail that is not protected as a whole.

use smime_cms::{Object, SignedMessage};
use smime_mime::{Entity, Protection};

use super::Walk;
use crate::{Cause, Coverage, Layer};

impl Walk<'_> {
    /// Reports protected parts beside unprotected ones: signatures are judged, encryption is
    /// named and stays closed, because its plaintext would stand among bytes of other origin.
    /// Parts beyond a number are named as not judged: nobody's, and not good.
    pub(super) fn report_parts(&mut self, entity: &Entity) -> Result<(), Cause> {
        let limits = &self.engine.limits;
        for (number, part) in entity.nested_protections(limits)?.into_iter().enumerate() {
            // To look into a part is a pass over all that stands before it.
            let looked_into = (number < JUDGED_PARTS).then(|| part.protection());
            let signed = match looked_into {
                Some(Ok(Protection::MultipartSigned {
                    content, signature, ..
                })) => SignedMessage::detached(&signature, content, limits).ok(),
                Some(Ok(Protection::Pkcs7(source))) => match smime_cms::read(source, limits) {
                    Ok(Object::Signed(signed)) => Some(signed),
                    Ok(Object::Compressed(_)) => {
                        let coverage = Coverage::Part;
                        self.layers.push(Layer::Compressed { coverage });
                        continue;
                    }
                    Ok(Object::Enveloped(envelope)) => {
                        self.layers.push(Layer::Encrypted {
                            coverage: Coverage::Part,
                            cipher: envelope.cipher().ok(),
                            authenticated: false,
                            recipient: None,
                        });
                        continue;
                    }
                    _ => None,
                },
                _ => None,
            };
            let (signers, good) = match signed.map(|signed| self.judge(signed)) {
                Some(Ok((_, signers, good))) => (signers, good),
                Some(Err(cause @ (Cause::Io(_) | Cause::Store(_)))) => return Err(cause),
                Some(Err(_)) | None => (Vec::new(), false),
            };
            self.layers.push(Layer::Signed {
                coverage: Coverage::Part,
                signers,
                good,
            });
        }
        Ok(())
    }
}

/// Protected parts judged in one mail: more than a digest of a mailing list forwards, and few enough
/// that a mail of nothing else costs seconds.
const JUDGED_PARTS: usize = 32;
