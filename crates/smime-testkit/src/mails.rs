use std::fs;

use crate::conformance::workspace_root;

/// Returns the messages of `testdata/mail` by name, and one with an attachment of 2 MiB.
///
/// # Panics
/// When the folder cannot be read.
pub fn mails() -> Vec<(String, Vec<u8>)> {
    let folder = workspace_root().join("testdata/mail");
    let entries = fs::read_dir(&folder).expect("testdata/mail is checked in");
    let mut mails: Vec<_> = entries
        .map(|entry| entry.expect("a folder lists its files").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .map(|path| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (
                name,
                fs::read(&path).expect("a mail of testdata is readable"),
            )
        })
        .collect();
    mails.push(("large-attachment".to_owned(), large_mail(2 << 20)));
    mails.sort();
    mails
}

/// Returns a multipart message whose attachment has `size` bytes, in lines of base64.
pub fn large_mail(size: usize) -> Vec<u8> {
    let mut mail = Vec::with_capacity(size / 3 * 4 + size / 20 + 1000);
    mail.extend_from_slice(
        b"From: Alice <alice@example.com>\r\nTo: bob@example.com\r\nSubject: large attachment\r\n\
          Date: Mon, 1 Jun 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n\
          Content-Type: multipart/mixed; boundary=\"large\"\r\n\r\n\
          --large\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThe file is attached.\r\n\
          --large\r\nContent-Type: application/octet-stream; name=\"large.bin\"\r\n\
          Content-Disposition: attachment; filename=\"large.bin\"\r\n\
          Content-Transfer-Encoding: base64\r\n\r\n",
    );
    // A sequence without short repetitions, written as base64 symbols directly: three bytes of the
    // file are four symbols.
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let symbols = size / 3 * 4;
    let mut state = 0x2545_f491_u32;
    for index in 0..symbols {
        if index % 76 == 0 && index > 0 {
            mail.extend_from_slice(b"\r\n");
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let symbol = usize::try_from(state >> 26)
            .ok()
            .and_then(|symbol| ALPHABET.get(symbol));
        mail.extend(symbol);
    }
    mail.extend_from_slice(b"\r\n--large--\r\n");
    mail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_mail_has_the_size_asked_for() {
        let mail = large_mail(2 << 20);
        assert!(mail.len() > (2 << 20) / 3 * 4);
        assert!(
            mail.split(|byte| *byte == b'\n')
                .all(|line| line.len() < 100)
        );
    }

    #[test]
    fn there_are_enough_mails_and_none_is_empty() {
        let mails = mails();
        assert!(mails.len() > 12);
        assert!(
            mails
                .iter()
                .all(|(name, mail)| !name.is_empty() && !mail.is_empty())
        );
    }
}
