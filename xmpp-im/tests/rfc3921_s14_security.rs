//! RFC 3921 section 14, RFC 6121 section 11: what nobody learns who need not know.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod stage;

use stage::Stage;
use xmpp_im::store::Subscription;

const ORCHARD: &str = "romeo@example.net/orchard";

/// Romeo's server. He shows himself to Juliet and Benvolio; Rosaline shows herself to him, Paris does nothing of the kind.
fn mantua() -> Stage {
    let mut stage = Stage::new(&["example.net"], &["romeo@example.net", "mercutio@example.net"]);
    for (name, subscription) in [
        ("juliet", Subscription::Both),
        ("benvolio", Subscription::From),
        ("rosaline", Subscription::To),
        ("paris", Subscription::None),
    ] {
        stage.contact("romeo@example.net", &format!("{name}@example.com"), subscription);
    }
    stage
}

/// Who was told something of Romeo's presence.
fn told(stage: &mut Stage) -> Vec<String> {
    let gone = stage.gone_stanzas().into_iter();
    let shown = gone.filter(|stanza| !stanza.to_string().contains("type='probe'"));
    let mut told: Vec<_> = shown.map(|stanza| stanza.to().unwrap().to_string()).collect();
    told.sort();
    told
}

#[test]
fn r3921_14_03_presence_goes_to_those_who_may_see_it() {
    let mut stage = mantua();
    stage.login(ORCHARD);
    for presence in [
        "<presence/>",
        "<presence><show>away</show></presence>",
        "<presence type='unavailable'/>",
        "<presence><priority>-1</priority></presence>",
    ] {
        stage.send(ORCHARD, presence);
        // covers 6121-11-02
        assert_eq!(told(&mut stage), ["benvolio@example.com", "juliet@example.com"], "{presence}");
    }
    // However it ends.
    stage.logout(ORCHARD);
    assert_eq!(told(&mut stage), ["benvolio@example.com", "juliet@example.com"]);
}

#[test]
fn r6121_11_02_a_stranger_cannot_ask_who_is_there() {
    // Online, offline, unknown.
    let mut stages = [mantua(), mantua(), Stage::new(&["example.net"], &[])];
    stages[0].online(ORCHARD);
    stages[0].gone();
    for stranger in ["rosaline@example.com/x", "paris@example.com/x", "tybalt@example.com/x"] {
        for stanza in [
            "<presence type='probe' id='1' to='romeo@example.net'/>",
            "<presence type='probe' id='1' to='romeo@example.net/orchard'/>",
            "<presence to='romeo@example.net/orchard'/>",
            "<iq type='get' id='1' to='romeo@example.net/orchard'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='set' id='1' to='romeo@example.net/orchard'><q xmlns='urn:q'/></iq>",
            "<iq type='get' id='1' to='romeo@example.net'><ping xmlns='urn:xmpp:ping'/></iq>",
        ] {
            let stanza = stanza.replacen(' ', &format!(" from='{stranger}' "), 1);
            let [online, offline, unknown] = stages.each_mut().map(|stage| {
                stage.arrives(&stanza);
                stage.gone()
            });
            assert_eq!(online, offline, "{stanza}");
            assert_eq!(offline, unknown, "{stanza}");
        }
    }
}

#[test]
fn r3921_14_04_nor_who_has_an_account() {
    let mut stage = mantua();
    let content = "<body>?</body>";
    let stanzas = [
        "<message to='WHO' id='1'>@</message>",
        "<message to='WHO' id='1' type='chat'>@</message>",
        "<message to='WHO' id='1' type='groupchat'>@</message>",
        "<message to='WHO' id='1' type='headline'>@</message>",
        "<message to='WHO' id='1' type='error'>@</message>",
        "<message to='WHO/x' id='1'>@</message>",
        "<message to='WHO/x' id='1' type='chat'>@</message>",
        "<message to='WHO/x' id='1' type='headline'>@</message>",
        "<iq to='WHO' id='1' type='get'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq to='WHO' id='1' type='set'><query xmlns='jabber:iq:privacy'/></iq>",
        "<iq to='WHO' id='1' type='get'><q xmlns='urn:q'/></iq>",
        "<iq to='WHO/x' id='1' type='get'><q xmlns='urn:q'/></iq>",
        "<presence to='WHO' id='1'/>",
        "<presence to='WHO' id='1' type='unavailable'/>",
        "<presence to='WHO' id='1' type='subscribe'/>",
        "<presence to='WHO' id='1' type='subscribed'/>",
        "<presence to='WHO' id='1' type='unsubscribe'/>",
        "<presence to='WHO' id='1' type='unsubscribed'/>",
        "<presence to='WHO' id='1' type='probe'/>",
        "<presence to='WHO' id='1' type='error'/>",
    ];
    for (number, stanza) in stanzas.into_iter().enumerate() {
        // Each from somebody else: to cancel a request that waits is answered (RFC 6121, table 7).
        let from = format!(" from='s{number}@example.com/x' ");
        let stanza = stanza.replace('@', content).replacen(' ', &from, 1);
        let answers = ["mercutio", "nobody"].map(|name| {
            let name = format!("{name}@example.net");
            stage.arrives(&stanza.replace("WHO", &name));
            stage.gone().iter().map(|told| told.replace(&name, "WHO")).collect::<Vec<_>>()
        });
        assert_eq!(answers[0], answers[1], "{stanza}");
    }
}
