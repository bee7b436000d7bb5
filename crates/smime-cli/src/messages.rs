//! Stable codes, as words for people: what to do about them.

/// Returns what to do about a code, where something can be done.
pub(crate) fn remedy(code: &str) -> Option<&'static str> {
    REMEDIES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, words)| *words)
}

const REMEDIES: &[(&str, &str)] = &[
    ("ca.absent", "smime ca init makes an authority of your own"),
    (
        "ca.several",
        "say which: --ca and the start of its SHA-256, as smime cert list shows it",
    ),
    (
        "chain.expired",
        "ask for the certificate that renews it, and import that: smime cert import FILE",
    ),
    (
        "chain.key_usage",
        "ask for a certificate for this use; smime cert explain FILE says what this one is for",
    ),
    (
        "chain.no_path",
        "import the issuing authority and trust it: smime cert import --trust FILE",
    ),
    (
        "chain.not_yet_valid",
        "wait for its first day, which smime cert show ADDRESS tells, or import one for now",
    ),
    (
        "chain.purpose_not_trusted",
        "trust the anchor for this use too: smime cert trust SHA256 --for sign --for encrypt",
    ),
    (
        "chain.revocation_unknown",
        "give a list or response that is of this time and of this issuer: --crl FILE, --ocsp FILE",
    ),
    (
        "chain.revoked",
        "ask for a new certificate, and import that: smime cert import FILE",
    ),
    (
        "crl.no_signer",
        "import the authority that signed this list, and trust it or its root: smime cert import --trust FILE",
    ),
    (
        "crypto.passphrase_needed",
        "give the passphrase: --passphrase-file FILE or --passphrase-env NAME",
    ),
    (
        "crypto.wrong_passphrase",
        "the passphrase is not the one this key is protected with",
    ),
    (
        "engine.cannot_encrypt",
        "import the certificates of these recipients: smime cert import FILE",
    ),
    (
        "engine.cannot_sign",
        "smime cert list ADDRESS shows what is there and what it is good for",
    ),
    (
        "engine.chosen_for_nobody",
        "choose one of the sender's or of a recipient's: smime cert list ADDRESS",
    ),
    (
        "engine.discarded",
        "smime options says what is missing; smime group list, what is to be discarded",
    ),
    (
        "engine.key_locked",
        "give the passphrase of the key, or another: --passphrase-file FILE, --passphrase-env NAME",
    ),
    (
        "engine.no_key",
        "import the private key of one of the recipients: smime key import FILE",
    ),
    (
        "engine.no_such_group",
        "smime group list shows the groups; smime group set NAME sets one",
    ),
    (
        "engine.unreadable_recipient",
        "correct the address, or send it without encryption: --encrypt never",
    ),
    (
        "engine.withheld",
        "ask the sender to sign, or to encrypt with AES-GCM; --profile standard releases it",
    ),
    (
        "import.link",
        "fetch what is at the address, and import that file",
    ),
    (
        "import.no_email",
        "ask its issuer for one that names the address in the subject alternative name",
    ),
    (
        "import.nothing_found",
        "see that it is a certificate or a key: in PEM, DER, base64, PKCS#7 or PKCS#12",
    ),
    (
        "import.private_key",
        "give the passphrase (--passphrase-file), or import it alone: smime key import FILE",
    ),
    (
        "input.ambiguous_fingerprint",
        "give more of its digits: smime cert list shows 16 of them, with --json all",
    ),
    (
        "input.unknown_fingerprint",
        "smime cert list shows what is there",
    ),
    (
        "key.no_certificate",
        "import the certificate of this key first: smime cert import FILE",
    ),
    (
        "options.passphrase_needed",
        "smime seal will ask for the passphrase of the key, or of the store",
    ),
    (
        "passphrase.missing",
        "give the passphrase: --passphrase-file FILE or --passphrase-env NAME",
    ),
    ("peer.not_quarantined", "smime peer list shows what waits"),
    (
        "select.key_locked",
        "give the passphrase of the key: --passphrase-file FILE or --passphrase-env NAME",
    ),
    (
        "select.no_certificate",
        "import a certificate of this address: smime cert import FILE",
    ),
    (
        "select.no_private_key",
        "import the private key of the certificate: smime key import FILE",
    ),
    (
        "select.pinned_unusable",
        "smime cert pin ADDRESS SHA256 pins another; after smime cert unpin ADDRESS any will do",
    ),
    (
        "store.absent",
        "a store is one file with certificates, private keys and a log of what was done with them\n  \
         to begin: smime cert import FILE, smime ca init or smime demo; --store PATH names another",
    ),
    (
        "store.other_address",
        "pin a certificate of this address: smime cert list ADDRESS",
    ),
    (
        "store.bad_key_file",
        "smime store protect --key-file FILE makes one where there is none",
    ),
    (
        "store.damaged",
        "put back a copy of the store; smime key delete takes a key away that is altered",
    ),
    (
        "store.foreign_file",
        "see that it is the path of a store: --store PATH or SMIME_STORE",
    ),
    (
        "store.has_store_key",
        "smime store rotate changes the store key, and what opens it",
    ),
    (
        "store.io",
        "see that the file and its folder can be read and written, and that the disk has room",
    ),
    (
        "store.locked",
        "another process has the store open: end it, or try again when it is done",
    ),
    (
        "store.no_store_key",
        "smime store protect makes one; without it, do not give --store-key-file or the like",
    ),
    (
        "store.schema_version",
        "a later version of this program made the store: use that",
    ),
    (
        "store.sealed",
        "give what opens the store key: --store-key-file FILE, --store-passphrase-file FILE",
    ),
    (
        "store.wrong_key",
        "smime store show says whether a passphrase or a key file opens the store key",
    ),
];

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn no_code_has_two_remedies() {
        for (code, words) in REMEDIES {
            assert_eq!(remedy(code), Some(*words));
        }
    }

    #[test]
    fn every_remedy_is_for_a_code_that_some_crate_returns() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut sources = String::new();
        for entry in fs::read_dir(crates).unwrap() {
            read(&entry.unwrap().path().join("src"), &mut sources);
        }
        for (code, _) in REMEDIES {
            assert!(sources.contains(&format!("\"{code}\"")), "{code}");
        }
    }

    /// Appends every source below `folder` but this one.
    fn read(folder: &Path, sources: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, sources);
            } else if !path.ends_with(file!().rsplit('/').next().unwrap()) {
                sources.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
}
