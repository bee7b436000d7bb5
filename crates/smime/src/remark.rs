//! What in the header fields of a mail can deceive whoever reads it.

use smime_mime::{Entity, Mailbox};
use smime_x509::EmailAddress;

/// Something about the sender that people should be told; it makes no verdict better or worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The stable code.
    pub code: &'static str,
    /// What it is about, as the mail says it: anybody's words.
    pub detail: String,
}

/// Returns what is remarkable about who sent a mail, by its own header fields From and Sender.
pub fn remarks(mail: &Entity) -> Vec<Remark> {
    let mut found = Vec::new();
    let headers = mail.headers();
    let mut remark = |code, detail: &str| {
        let detail = detail.to_owned();
        found.push(Remark { code, detail });
    };
    let mut senders = Vec::new();
    for (field, several, unreadable) in [
        (
            "From",
            "sender.several_from_fields",
            "sender.unreadable_from",
        ),
        (
            "Sender",
            "sender.several_sender_fields",
            "sender.unreadable_sender",
        ),
    ] {
        let text = headers.text(field).unwrap_or_default();
        match headers.count(field) {
            0 if field == "From" => remark("sender.no_from", ""),
            0 | 1 => {}
            _ => remark(several, &text),
        }
        let Ok(mailboxes) = headers.addresses(field) else {
            remark(unreadable, &text);
            continue;
        };
        for mailbox in &mailboxes {
            if names_another_address(mailbox) {
                let display = mailbox.display.as_deref().unwrap_or_default();
                let detail = format!("{display} <{}>", mailbox.address);
                remark("sender.display_name_is_another_address", &detail);
            }
        }
        senders.push(mailboxes);
    }
    if let [from, sender] = &senders[..] {
        if from.len() > 1 {
            let all: Vec<_> = from.iter().map(|it| it.address.as_str()).collect();
            remark("sender.several_addresses", &all.join(", "));
        }
        // Whoever really sent it is not among those it says it is from (RFC 5322 §3.6.2).
        let is_author =
            |sender: &Mailbox| from.iter().any(|it| is_same(&it.address, &sender.address));
        for sender in sender.iter().filter(|sender| !is_author(sender)) {
            remark("sender.sent_by_another", &sender.address);
        }
    }
    found
}

/// Says whether a display name has in it what people take for a mail address, and another than the
/// one that counts.
fn names_another_address(mailbox: &Mailbox) -> bool {
    let Some(display) = &mailbox.display else {
        return false;
    };
    let shown: String = display
        .chars()
        .filter(|it| !is_invisible(*it))
        .map(as_seen)
        .collect();
    let words = shown.split(|it: char| it.is_whitespace() || BETWEEN.contains(it));
    words
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| {
            word.split_once('@')
                .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        })
        .any(|word| !is_same(word, &mailbox.address))
}

fn is_same(one: &str, other: &str) -> bool {
    match (EmailAddress::new(one), EmailAddress::new(other)) {
        (Some(one), Some(other)) => one.matches(&other),
        _ => one == other,
    }
}

/// The at sign in its other widths looks like one.
fn as_seen(character: char) -> char {
    match character {
        '\u{ff20}' | '\u{fe6b}' => '@',
        other => other,
    }
}

/// Characters that take no room, put between others so that a program does not see the whole.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || character.is_control() && !character.is_whitespace()
}

/// What may stand around an address in a text.
const BETWEEN: &str = "<>()[]{},;:\"'`|/\\";

#[cfg(test)]
mod tests {
    use smime_io::{Limits, Source};

    use super::*;

    fn codes(headers: &str) -> Vec<&'static str> {
        let mail = format!("{headers}\r\n\r\nx\r\n");
        let mail = Entity::read(Source::from_bytes(mail.into_bytes()), &Limits::default());
        remarks(&mail.unwrap()).iter().map(|it| it.code).collect()
    }

    #[test]
    fn a_display_name_that_is_another_address_is_remarked() {
        const OTHER: &str = "sender.display_name_is_another_address";
        for display in [
            "\"ceo@bank.example\"",
            "ceo@bank.example",
            "\"The CEO (ceo@bank.example)\"",
            "\"<ceo@bank.example>\"",
            "\"ceo@bank.example via List\"",
            "\"write to ceo@bank.example.\"",
            "=?utf-8?q?ceo=40bank=2Eexample?=",
            "=?utf-8?q?ceo=EF=BC=A0bank=2Eexample?=",
            "=?utf-8?q?ceo=E2=80=8B=40bank=2Eexample?=",
            "\"evil@x.example.\" \"ceo@bank.example\"",
            "\"ceo@localhost\"",
        ] {
            let from = format!("From: {display} <evil@x.example>");
            assert_eq!(codes(&from), [OTHER], "{display}");
            let sender = format!("From: evil@x.example\r\nSender: {display} <evil@x.example>");
            assert_eq!(codes(&sender), [OTHER], "{display}");
        }
    }

    #[test]
    fn a_display_name_that_is_the_address_or_none_is_not() {
        for from in [
            "evil@x.example",
            "\"evil@x.example\" <evil@x.example>",
            "\"EVIL@X.example\" <evil@x.example>",
            "\"Mallory (evil@x.example)\" <evil@x.example>",
            "\"Mallory @ Work\" <evil@x.example>",
            "\"@mallory\" <evil@x.example>",
            "Mallory <evil@x.example>",
            "=?utf-8?q?M=C3=A4llory?= <evil@x.example>",
        ] {
            assert!(codes(&format!("From: {from}")).is_empty(), "{from}");
        }
    }

    #[test]
    fn several_senders_and_none_are_remarked() {
        for (headers, expected) in [
            ("Subject: x", &["sender.no_from"][..]),
            (
                "From: a@b.example\r\nFrom: c@d.example",
                &["sender.several_from_fields", "sender.several_addresses"],
            ),
            (
                "From: a@b.example, c@d.example",
                &["sender.several_addresses"],
            ),
            ("From: a@b.example c@d.example", &["sender.unreadable_from"]),
            (
                "From: a@b.example\r\nSender: c@d.example",
                &["sender.sent_by_another"],
            ),
            ("From: a@b.example\r\nSender: A@B.example", &[]),
            (
                "From: a@b.example\r\nSender: <",
                &["sender.unreadable_sender"],
            ),
            (
                "From: a@b.example\r\nSender: a@b.example\r\nSender: a@b.example",
                &["sender.several_sender_fields"],
            ),
        ] {
            assert_eq!(codes(headers), expected, "{headers}");
        }
    }
}
