use super::*;

fn read(text: &str) -> Result<Vec<Mailbox>, &'static str> {
    let mut mailboxes = Vec::new();
    parse(text, &mut mailboxes).map(|()| mailboxes)
}

fn mailbox(display: &str, address: &str) -> Mailbox {
    let display = (!display.is_empty()).then(|| display.to_owned());
    Mailbox {
        display,
        address: address.to_owned(),
    }
}

#[test]
fn one_mailbox_is_read_in_every_spelling() {
    for (text, display, address) in [
        ("bob@example.org", "", "bob@example.org"),
        ("<bob@example.org>", "", "bob@example.org"),
        ("Bob <bob@example.org>", "Bob", "bob@example.org"),
        ("Bob<bob@example.org>", "Bob", "bob@example.org"),
        (
            "Bob Q. Public <bob@example.org>",
            "Bob Q. Public",
            "bob@example.org",
        ),
        (
            "\"Public, Bob\" <bob@example.org>",
            "Public, Bob",
            "bob@example.org",
        ),
        (
            "\"a \\\"b\\\" \\\\c\" <bob@example.org>",
            "a \"b\" \\c",
            "bob@example.org",
        ),
        (
            "\"Bob\" Public <bob@example.org>",
            "Bob Public",
            "bob@example.org",
        ),
        (
            "=?UTF-8?Q?J=C3=BCrgen?= =?UTF-8?B?TcO8bGxlcg==?= <j@example.org>",
            "JürgenMüller",
            "j@example.org",
        ),
        ("=?UTF-8?Q?J._M?= <j@example.org>", "J. M", "j@example.org"),
        (
            "\"=?UTF-8?Q?a?=\" <j@example.org>",
            "=?UTF-8?Q?a?=",
            "j@example.org",
        ),
        (
            "Jürgen <jürgen@bücher.example>",
            "Jürgen",
            "jürgen@bücher.example",
        ),
        ("bob@example.org (Bob)", "", "bob@example.org"),
        (
            "(a (nested \\) comment)) bob (x) @ (y) example . (z) org",
            "",
            "bob@example.org",
        ),
        (
            "Bob.Public+tag@Example.ORG",
            "",
            "Bob.Public+tag@Example.ORG",
        ),
        (
            "\"bob public\"@example.org",
            "",
            "\"bob public\"@example.org",
        ),
        ("a.\"b@c\".d@example.org", "", "a.\"b@c\".d@example.org"),
        ("bob@[192.0.2.1]", "", "bob@[192.0.2.1]"),
        (
            "Bob < bob@[IPv6:2001:db8::1] >",
            "Bob",
            "bob@[IPv6:2001:db8::1]",
        ),
        ("\"\" <bob@example.org>", "", "bob@example.org"),
    ] {
        let read = read(text).unwrap();
        let [found] = &read[..] else {
            panic!("{text}: {read:?}")
        };
        assert_eq!(found.address, address, "{text}");
        assert_eq!(found.display.clone().unwrap_or_default(), display, "{text}");
    }
}

#[test]
fn an_address_in_a_display_name_or_comment_is_not_the_address() {
    for text in [
        "\"manager@a.example\" <eve@b.example>",
        "manager@a.example <eve@b.example>",
        "manager@a.example      . <eve@b.example>",
        "manager@a.example<eve@b.example>",
        "\"manager@a.example <manager@a.example>\" <eve@b.example>",
        "\"<manager@a.example>,\" <eve@b.example>",
        "(manager@a.example) <eve@b.example>",
        "eve@b.example (manager@a.example)",
        "eve@b.example (<manager@a.example>, \")",
        "=?UTF-8?Q?manager=40a.example?= <eve@b.example>",
        "=?UTF-8?Q?=3Cmanager=40a.example=3E=2C?= <eve@b.example>",
        "\"\\\"\" <eve@b.example>",
        "\"manager@a.example\": eve@b.example;",
    ] {
        let addresses: Vec<_> = read(text)
            .unwrap()
            .into_iter()
            .map(|found| found.address)
            .collect();
        assert_eq!(addresses, ["eve@b.example"], "{text}");
    }
}

#[test]
fn lists_and_groups_are_flattened_in_order() {
    let text = "a@example.com, Team: B <b@example.com>, c@example.com;, , d@example.com, none:;";
    let expected = [
        mailbox("", "a@example.com"),
        mailbox("B", "b@example.com"),
        mailbox("", "c@example.com"),
        mailbox("", "d@example.com"),
    ];
    assert_eq!(read(text).unwrap(), expected);
    assert_eq!(read("undisclosed-recipients:;").unwrap(), []);
    assert_eq!(read("").unwrap(), []);
    assert_eq!(read(" (nobody) ").unwrap(), []);
}

#[test]
fn whatever_can_be_read_in_two_ways_is_refused() {
    for text in [
        "bob",
        "Bob Public",
        "@example.org",
        "bob@",
        "bob@.example.org",
        "bob@example..org",
        "bob@example.org.",
        ".bob@example.org",
        "bob.@example.org",
        "b..ob@example.org",
        "bob public@example.org",
        "bob@example.org public",
        "bob@example org",
        "bob@a.example@b.example",
        "manager@a.example eve@b.example <eve@b.example>",
        "manager@a.example <eve@b.example> <manager@a.example>",
        "manager@a.example <eve@b.example",
        "<eve@b.example> manager@a.example",
        "<eve@b.example> <manager@a.example>",
        "<eve@b.example>, manager",
        "<<eve@b.example>>",
        "<eve@b.example",
        "eve@b.example>",
        "Eve <>",
        "Eve <eve>",
        "<@a.example:eve@b.example>",
        "<@a.example,@c.example:eve@b.example>",
        "Team: a@example.com",
        "Team: Inner: a@example.com;;",
        ": a@example.com;",
        "a@example.com;",
        "Team: a@example.com; b@example.com",
        "\"Bob <bob@example.org>",
        "\"Bob\\",
        "Bob (comment <bob@example.org>",
        "bob)@example.org",
        "bob@\"example.org\"",
        "bob@[192.0.2.1",
        "bob@[]",
        "bob@[a]b.example",
        "bob@a[192.0.2.1]",
        "[192.0.2.1]",
        "bob\\@example.org",
        "b\u{a0}ob@example.org",
        "b\u{85}ob@example.org",
        "\"bo\u{1}b\"@example.org",
        "bob@exam\u{7f}ple.org",
    ] {
        assert!(read(text).is_err(), "{text:?}: {:?}", read(text));
    }
}
