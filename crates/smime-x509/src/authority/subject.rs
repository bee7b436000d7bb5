use std::collections::HashSet;

use smime_crypto::{KeyKind, PublicKey};

use crate::{CertificateBuilder, EmailAddress, IssueError, KeyUsageBit, Name, NameAttribute};

/// Whom a certificate for mail names, and what the key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct MailSubject {
    /// As they are written into the certificate; at least one.
    addresses: Vec<String>,
    /// A person's name, checked.
    name: Option<String>,
    uses: MailUse,
}

/// What a key for mail is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailUse {
    /// To sign and to be encrypted to.
    #[default]
    Both,
    /// To sign.
    Sign,
    /// To be encrypted to.
    Encrypt,
}

impl MailSubject {
    /// Takes addresses, the first of which stands in the subject.
    ///
    /// Domains are written as A-labels (RFC 5280 §7.5, RFC 9598 §3); an address given twice is
    /// written once.
    ///
    /// # Errors
    /// [`IssueError::NoAddress`], [`IssueError::Address`].
    pub fn new(addresses: &[EmailAddress]) -> Result<Self, IssueError> {
        let mut written: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        for address in addresses {
            let folded = address.folded();
            let (_, domain) = folded.rsplit_once('@').ok_or(IssueError::Address)?;
            if domain.starts_with('[') || !domain.is_ascii() {
                return Err(IssueError::Address);
            }
            let text = format!("{}@{domain}", address.local());
            if known.insert(folded) {
                written.push(text);
            }
        }
        if written.is_empty() {
            return Err(IssueError::NoAddress);
        }
        Ok(Self {
            addresses: written,
            name: None,
            uses: MailUse::default(),
        })
    }

    /// Puts a person's name into the subject, in place of the first address.
    ///
    /// # Errors
    /// [`IssueError::Name`].
    pub fn named(mut self, name: &str) -> Result<Self, IssueError> {
        check_name(name)?;
        self.name = Some(name.to_owned());
        Ok(self)
    }

    /// Sets what the key is used for.
    pub fn used_for(mut self, uses: MailUse) -> Self {
        self.uses = uses;
        self
    }

    /// Says whether the subject names nothing but a mailbox.
    pub(crate) fn is_mailbox_alone(&self) -> bool {
        self.name.is_none()
    }

    /// Returns the subject: the person's name or the first address as common name, or nothing
    /// where the address is longer than a common name may be.
    pub(crate) fn name(&self) -> Name {
        let first = self.addresses.first().map(String::as_str);
        let common_name = self.name.as_deref().or(first);
        let fits = common_name.filter(|text| text.chars().count() <= COMMON_NAME_LENGTH);
        let attributes = fits.map(|text| (NameAttribute::CommonName, text));
        Name::from_attributes(attributes.as_slice())
    }

    /// Sets the extensions that a certificate and a request have in common.
    pub(crate) fn extend(
        &self,
        builder: CertificateBuilder,
        key: &PublicKey,
    ) -> Result<CertificateBuilder, IssueError> {
        check_key(key)?;
        let encryption = match key.kind() {
            KeyKind::Rsa { .. } => KeyUsageBit::KeyEncipherment,
            // It signs and does nothing else (RFC 8410 §5).
            KeyKind::Ed25519 if self.uses != MailUse::Sign => return Err(IssueError::KeyRefused),
            _ => KeyUsageBit::KeyAgreement,
        };
        let usage: &[KeyUsageBit] = match self.uses {
            MailUse::Both => &[KeyUsageBit::DigitalSignature, encryption],
            MailUse::Sign => &[KeyUsageBit::DigitalSignature],
            MailUse::Encrypt => &[encryption],
        };
        let addresses: Vec<&str> = self.addresses.iter().map(String::as_str).collect();
        let builder = builder.key_usage(usage);
        Ok(if self.name().view().is_empty() {
            builder.critical_emails(&addresses)
        } else {
            builder.emails(&addresses)
        })
    }
}

/// Returns a name of one common name.
pub(super) fn named(name: &str) -> Result<Name, IssueError> {
    check_name(name)?;
    Ok(Name::from_attributes(&[(NameAttribute::CommonName, name)]))
}

/// Refuses the kinds of key that the Baseline Requirements §6.1.5 do not have.
pub(super) fn check_key(key: &PublicKey) -> Result<(), IssueError> {
    match key.kind() {
        KeyKind::Rsa { bits } if bits >= 2048 && bits % 8 == 0 => Ok(()),
        KeyKind::Ec(_) | KeyKind::Ed25519 => Ok(()),
        _ => Err(IssueError::KeyRefused),
    }
}

fn check_name(name: &str) -> Result<(), IssueError> {
    let length = name.chars().count();
    let padded = name.trim() != name;
    if length == 0 || length > COMMON_NAME_LENGTH || padded || name.chars().any(is_invisible) {
        return Err(IssueError::Name);
    }
    Ok(())
}

/// Characters that make a name look like another one.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// RFC 5280 appendix A.1: ub-common-name.
const COMMON_NAME_LENGTH: usize = 64;
