//! RFC 6121 sections 5.2.2 and 8: who gets a message, by its type, its address, and who is there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod stage;

use stage::{Stage, error};
use xmpp_im::host::HostConfig;
use xmpp_im::store::Subscription;

const JULIET: &str = "juliet@example.com";
const REFUSED: [&str; 1] = ["service-unavailable"];
const NOBODY: [&str; 0] = [];

/// Juliet is there under `r0`, `r1` and so on, with these priorities.
fn juliet(priorities: &[i8]) -> Stage {
    let mut stage = Stage::new(&["example.com"], &[JULIET]);
    arrive(&mut stage, priorities);
    stage
}

fn arrive(stage: &mut Stage, priorities: &[i8]) {
    for (number, priority) in priorities.iter().enumerate() {
        let client = format!("{JULIET}/r{number}");
        stage.login(&client);
        stage.send(&client, &format!("<presence><priority>{priority}</priority></presence>"));
    }
    for number in 0..priorities.len() {
        stage.told(&format!("{JULIET}/r{number}"));
    }
}

/// Who gets a message of that type from a stranger, and what the stranger is told.
fn fate(stage: &mut Stage, type_: &str, to: &str) -> Vec<String> {
    fate_from(stage, "paris@example.net/hall", type_, to)
}

fn fate_from(stage: &mut Stage, from: &str, type_: &str, to: &str) -> Vec<String> {
    stage.arrives(&format!("<message from='{from}' to='{to}' type='{type_}'><body>?</body></message>"));
    let clients: Vec<_> = (0..9).map(|number| format!("r{number}")).collect();
    let mut fate = Vec::new();
    for client in clients {
        let full = format!("{JULIET}/{client}");
        if stage.is_there(&full) {
            fate.extend(stage.told(&full).iter().map(|_| client.clone()));
        }
    }
    fate.extend(stage.gone().iter().map(|told| error(told).0.to_string()));
    fate
}

#[test]
fn r6121_8_5_2_1_1_03_several_resources() {
    let mut stage = juliet(&[5, 1, -1, 5]);
    for type_ in ["normal", "chat"] {
        // covers 6121-8.5.2.1.1-04
        assert_eq!(fate(&mut stage, type_, JULIET), ["r0", "r3"], "{type_}");
    }
    // covers 6121-8.5.2.1.1-10
    assert_eq!(fate(&mut juliet(&[-1, 0, -128]), "normal", JULIET), ["r1"]);
    // Who shows nobody that it is there gets nothing that is for the account.
    let mut stage = juliet(&[1]);
    stage.login("juliet@example.com/r1");
    assert_eq!(fate(&mut stage, "chat", JULIET), ["r0"]);
}

#[test]
fn r6121_8_5_2_1_1_06_groupchat_is_for_rooms() {
    for priorities in [&[0][..], &[3, 0], &[-1]] {
        // covers 6121-8.5.2.1.1-05
        assert_eq!(fate(&mut juliet(priorities), "groupchat", JULIET), REFUSED, "{priorities:?}");
    }
}

#[test]
fn r6121_8_5_2_1_1_08_headlines_are_for_all() {
    // covers 6121-5.2.2-01
    // covers 6121-5.2.2-02
    assert_eq!(fate(&mut juliet(&[5, 0, -1, 1]), "headline", JULIET), ["r0", "r1", "r3"]);
    // covers 6121-8.5.2.1.1-07
    assert_eq!(fate(&mut juliet(&[-1]), "headline", JULIET), NOBODY);
}

#[test]
fn r6121_8_5_2_1_1_09_errors_to_an_account_are_for_nobody() {
    for priorities in [&[0][..], &[3, 0], &[-1], &[]] {
        assert_eq!(fate(&mut juliet(priorities), "error", JULIET), NOBODY, "{priorities:?}");
    }
}

#[test]
fn r6121_8_5_2_2_1_03_nobody_is_there() {
    for mut stage in [juliet(&[]), Stage::new(&["example.com"], &[])] {
        assert_eq!(fate(&mut stage, "headline", JULIET), NOBODY);
        assert_eq!(fate(&mut stage, "error", JULIET), NOBODY);
        // covers 6121-8.5.2.2.1-02
        assert_eq!(fate(&mut stage, "groupchat", JULIET), REFUSED);
    }
}

#[test]
fn r6121_8_5_3_1_03_a_resource_gets_what_is_for_it() {
    for type_ in ["normal", "chat", "groupchat", "headline", "error"] {
        let mut stage = juliet(&[5, -1]);
        assert_eq!(fate(&mut stage, type_, "juliet@example.com/r1"), ["r1"], "{type_}");
        // Connected is enough.
        stage.login("juliet@example.com/r2");
        assert_eq!(fate(&mut stage, type_, "juliet@example.com/r2"), ["r2"], "{type_}");
    }
}

#[test]
fn r6121_8_5_3_2_1_02_a_chat_goes_on_elsewhere() {
    for (priorities, expected) in [
        (&[][..], &REFUSED[..]),
        (&[-1], &REFUSED),
        (&[-1, -5], &REFUSED),
        (&[0], &["r0"]),
        (&[1, 0, -1, 1], &["r0", "r3"]),
    ] {
        let mut stage = juliet(priorities);
        assert_eq!(fate(&mut stage, "chat", "juliet@example.com/tomb"), expected, "{priorities:?}");
    }
    // Where messages are kept, so is that one.
    let mut stage = Stage::configured(&["example.com"], &[JULIET], HostConfig::with_offline_storage);
    assert_eq!(fate(&mut stage, "chat", "juliet@example.com/tomb"), NOBODY);
    assert_eq!(stage.stored(JULIET).offline().count(), 1);
    for type_ in ["normal", "groupchat", "headline"] {
        assert_eq!(fate(&mut stage, type_, "juliet@example.com/tomb"), REFUSED, "{type_}");
    }
    assert_eq!(stage.stored(JULIET).offline().count(), 1);
}

#[test]
fn r6121_8_5_3_2_1_03_an_error_does_not() {
    for priorities in [&[][..], &[0], &[3, 0], &[-1]] {
        assert_eq!(
            fate(&mut juliet(priorities), "error", "juliet@example.com/tomb"),
            NOBODY,
            "{priorities:?}"
        );
    }
}

#[test]
fn r6121_8_1_01_who_may_know_is_not_left_without_an_answer() {
    let mut stage = Stage::new(&["example.com"], &[JULIET]);
    for (name, subscription) in
        [("tybalt", Subscription::None), ("romeo", Subscription::From), ("nurse", Subscription::Both)]
    {
        stage.contact(JULIET, &format!("{name}@example.net"), subscription);
    }
    arrive(&mut stage, &[0]);
    stage.gone();
    stage.send("juliet@example.com/r0", "<presence to='paris@example.net/hall'/>");
    stage.gone();
    for name in ["tybalt", "romeo", "nurse", "paris"] {
        for type_ in ["normal", "groupchat", "headline"] {
            let from = format!("{name}@example.net/hall");
            assert_eq!(
                fate_from(&mut stage, &from, type_, "juliet@example.com/tomb"),
                REFUSED,
                "{name} {type_}"
            );
        }
    }
}
