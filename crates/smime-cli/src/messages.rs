//! Stable codes, as words for people: what to do about them.

/// Returns what to do about a code, where something can be done.
pub(crate) fn remedy(code: &str) -> Option<&'static str> {
    REMEDIES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, words)| *words)
}

const REMEDIES: &[(&str, &str)] = &[
    (
        "engine.no_key",
        "import the private key of one of the recipients: smime key import FILE",
    ),
    (
        "engine.key_locked",
        "give the passphrase of the key: --passphrase-file FILE",
    ),
    (
        "engine.withheld",
        "ask the sender to sign, or to encrypt with AES-GCM",
    ),
    (
        "engine.cannot_sign",
        "smime cert list ADDRESS shows what is there and what it is good for",
    ),
    (
        "engine.cannot_encrypt",
        "import the certificates of these recipients: smime cert import FILE",
    ),
    (
        "import.fingerprint_taken",
        "this certificate is in the store already; nothing is to be done",
    ),
    (
        "import.no_email",
        "the certificate names no mail address in its subject alternative name",
    ),
    (
        "import.private_key",
        "private keys are imported by: smime key import FILE",
    ),
    (
        "key.no_certificate",
        "import the certificate of this key first: smime cert import FILE",
    ),
    (
        "crypto.passphrase_needed",
        "give the passphrase: --passphrase-file FILE",
    ),
    (
        "crypto.wrong_passphrase",
        "the passphrase is not the one this key is protected with",
    ),
    ("store.locked", "another process has the store open"),
    (
        "chain.no_path",
        "import the issuing authority and trust it: smime cert import --trust FILE",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_has_two_remedies() {
        for (code, words) in REMEDIES {
            assert_eq!(remedy(code), Some(*words));
        }
    }
}
