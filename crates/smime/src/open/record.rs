//! What of an incoming mail goes into the activity log.

use std::collections::HashSet;

use smime_mime::Entity;
use smime_store::{Activity, Direction, Operation};

use crate::{
    Cause, Engine, Error, Layer, Message,
    message::{message_id, signature},
};

impl Engine<'_> {
    pub(super) fn record_opening(
        &self,
        mail: &Entity,
        opened: &Result<Message, Error>,
    ) -> Result<(), Cause> {
        let (layers, failure) = match opened {
            Ok(message) => (&message.layers, None),
            Err(error) => (&error.layers, Some(&error.cause)),
        };
        let mut kinds = layers.iter();
        let signed = kinds.any(|layer| matches!(layer, Layer::Signed { .. }));
        let mut kinds = layers.iter();
        let encrypted = kinds.any(|layer| matches!(layer, Layer::Encrypted { .. }));
        let at = self.clock.now();
        let headers = mail.headers();
        let entry = |operation, ok: bool, code: &str| Activity {
            outcome: if ok {
                smime_store::Outcome::Ok
            } else {
                smime_store::Outcome::Failed
            },
            message_id: message_id(mail),
            from: headers.text("From"),
            to: addresses(mail, "To"),
            certificates: certificates(layers),
            algorithms: algorithms(layers, operation),
            ..Activity::new(at, Direction::In, operation, code)
        };
        let mut entries = Vec::new();
        match failure {
            Some(cause) if cause.is_undecryptable() => {
                entries.push(entry(Operation::Decrypt, false, cause.code()));
            }
            Some(cause) => entries.push(entry(Operation::Verify, false, cause.code())),
            None if encrypted => entries.push(entry(Operation::Decrypt, true, "engine.decrypted")),
            None => {}
        }
        if signed && failure.is_none() {
            let verdict = signature(layers);
            let good = verdict == crate::Verdict::Good;
            entries.push(entry(Operation::Verify, good, verdict.name()));
        }
        if !entries.is_empty() {
            self.store.record_all(&entries)?;
        }
        Ok(())
    }

    /// Records a mail of which not even the header fields can be read.
    pub(super) fn record_unreadable(&self, cause: &Cause) -> Result<(), Cause> {
        self.store.record(&Activity {
            outcome: smime_store::Outcome::Failed,
            detail: cause.to_string(),
            ..Activity::new(
                self.clock.now(),
                Direction::In,
                Operation::Verify,
                cause.code(),
            )
        })?;
        Ok(())
    }
}

/// Returns the SHA-256 of the certificates that took part.
pub(crate) fn certificates(layers: &[Layer]) -> Vec<[u8; 32]> {
    layers
        .iter()
        .flat_map(|layer| match layer {
            Layer::Compressed { .. } => Vec::new(),
            Layer::Encrypted { recipient, .. } => recipient.iter().copied().collect(),
            Layer::Signed { signers, .. } => signers
                .iter()
                .filter_map(|signer| Some(signer.certificate.as_ref()?.fingerprint()))
                .collect::<Vec<_>>(),
        })
        .collect()
}

/// Returns the algorithms of the layers that an operation is about, each once.
fn algorithms(layers: &[Layer], operation: Operation) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for layer in layers {
        match layer {
            Layer::Encrypted { cipher, .. } if operation == Operation::Decrypt => {
                names.extend(cipher.map(|cipher| cipher.name()));
            }
            Layer::Signed { signers, .. } if operation == Operation::Verify => {
                for signer in signers {
                    names.extend(signer.digest.map(|digest| digest.name()));
                    names.extend(signer.scheme.map(|scheme| scheme.name()));
                }
            }
            Layer::Encrypted { .. } | Layer::Signed { .. } | Layer::Compressed { .. } => {}
        }
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    names.into_iter().map(ToOwned::to_owned).collect()
}

/// Returns the addresses of a field, as they are written.
pub(super) fn addresses(mail: &Entity, field: &str) -> Vec<String> {
    let mailboxes = mail.headers().addresses(field).unwrap_or_default();
    mailboxes
        .into_iter()
        .map(|mailbox| mailbox.address)
        .collect()
}
