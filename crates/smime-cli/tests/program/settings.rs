use serde_json::json;

use crate::world::{MAIL, World, finish};

#[test]
fn settings_are_shown_set_and_logged() {
    let world = World::with_store();
    let standard = json!({
        "log_days": null,
        "keep_days": 90,
        "keep_mail_mib": 48,
        "keep_total_mib": 4096,
        "keep_mails": 10_000,
    });
    assert_eq!(world.ok(&["settings", "--json"]).json(), standard);
    let entries = world.log().len();
    let set = [
        "settings",
        "--log-days",
        "30",
        "--keep-mails",
        "5",
        "--json",
    ];
    let mut changed = standard;
    changed["log_days"] = 30.into();
    changed["keep_mails"] = 5.into();
    assert_eq!(world.ok(&set).json(), changed);
    assert_eq!(world.ok(&set).json(), changed, "again");
    assert_eq!(world.ok(&["settings", "--json"]).json(), changed);
    let log = world.log();
    assert_eq!(log.len(), entries + 1, "one change is one entry");
    assert_eq!(log.last().unwrap()["operation"], "settings");
    let words = world.ok(&["settings", "--log-days", "all"]);
    assert!(words.text().contains("log entries stay     all"));
}

#[test]
fn what_is_no_setting_is_refused_and_nothing_is_set() {
    let world = World::with_store();
    for wrong in [
        ["settings", "--log-days", "0"],
        ["settings", "--log-days", "-1"],
        ["settings", "--log-days", "some"],
        ["settings", "--keep-days", "4294967296"],
        ["settings", "--keep-mail", "65"],
    ] {
        world.run(&wrong).expect(2);
    }
    assert_eq!(world.ok(&["settings", "--json"]).json()["keep_days"], 90);
    World::empty().run(&["settings", "--json"]).expect(5);
}

#[test]
fn old_entries_go_when_the_store_is_used_and_not_by_a_time_of_judgement() {
    let world = World::with_people();
    let import = ["cert", "import", "--trust", "ca.crt"];
    world.ok(&[&import[..], &["--at", "2020-01-01T00:00:00Z"]].concat());
    world.ok(&[
        "settings",
        "--log-days",
        "10",
        "--at",
        "2100-01-01T00:00:00Z",
    ]);
    assert_eq!(world.log()[0]["operation"], "import", "2100 has not come");
    let mut without_a_time = world.command();
    without_a_time.args(import);
    finish(without_a_time, b"").expect(0);
    let log = world.log();
    let operations: Vec<_> = log.iter().map(|it| &it["operation"]).collect();
    assert_eq!(operations, ["settings", "forget", "import"]);
    world.ok(&["log", "--verify"]);
}

#[test]
fn unopened_mail_is_kept_only_if_that_is_set() {
    let sender = World::with_store();
    sender.write("mail.eml", MAIL);
    sender.ok_unlocked(&["seal", "mail.eml", "-o", "sealed.eml"]);
    let world = World::with_people();
    world.write("sealed.eml", sender.read("sealed.eml"));
    world.ok(&["cert", "import", "--trust", "ca.crt"]);
    world.ok(&["settings", "--keep-days", "0"]);
    world.run(&["open", "sealed.eml"]).expect(4);
    assert!(world.ok(&["retry", "--all"]).text().is_empty());
    world.ok(&["settings", "--keep-days", "1", "--keep-mails", "0"]);
    let ran = world.run(&["open", "sealed.eml", "--json"]).expect(4);
    assert_eq!(ran.json()["not_kept"], "keep.full");
    world.ok(&["settings", "--keep-mails", "1"]);
    let ran = world.run(&["open", "sealed.eml", "--json"]).expect(4);
    assert_eq!(ran.json()["kept"], 1);
}

#[test]
fn the_log_says_who_acted_as_the_command_line_or_the_environment_names_them() {
    let world = World::with_store();
    assert_eq!(world.log().last().unwrap()["actor"], json!(null));
    world.ok(&["settings", "--keep-days", "1", "--actor", "desk-7"]);
    let mut command = world.command();
    command.env("USER", "alice");
    command.args(["settings", "--keep-days", "2"]);
    finish(command, b"").expect(0);
    let mut command = world.command();
    command.env("USER", "alice").env("SMIME_ACTOR", "gateway");
    command.args(["settings", "--keep-days", "3"]);
    finish(command, b"").expect(0);
    let actors: Vec<_> = world
        .log()
        .iter()
        .rev()
        .take(3)
        .map(|it| it["actor"].clone())
        .collect();
    assert_eq!(actors, ["gateway", "alice", "desk-7"]);
    world.ok(&["log", "--verify"]);
}
