//! XEP-0191: the blocking command, in its own stanzas. Juliet blocks Romeo, after which they cannot hear each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod stage;

use stage::{Stage, error, result};
use xmpp_im::limits::HostLimits;
use xmpp_im::store::Subscription;

const CHAMBER: &str = "juliet@capulet.com/chamber";
const BALCONY: &str = "juliet@capulet.com/balcony";
const ROMEO: &str = "romeo@montague.net/orchard";

const BLOCK: &str = "<iq type='set' id='block1'><block xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/></block></iq>";
const UNBLOCK: &str = "<iq type='set' id='unblock1'><unblock xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/></unblock></iq>";
const UNBLOCK_ALL: &str = "<iq type='set' id='unblock2'><unblock xmlns='urn:xmpp:blocking'/></iq>";

fn verona() -> Stage {
    verona_with(HostLimits::new())
}

fn verona_with(limits: HostLimits) -> Stage {
    let accounts = ["juliet@capulet.com", "romeo@montague.net"];
    let mut stage = Stage::with(limits, &["capulet.com", "montague.net"], &accounts);
    stage.contact("juliet@capulet.com", "romeo@montague.net", Subscription::Both);
    stage.contact("romeo@montague.net", "juliet@capulet.com", Subscription::Both);
    for client in [ROMEO, CHAMBER, BALCONY] {
        stage.online(client);
    }
    for client in [ROMEO, CHAMBER, BALCONY] {
        stage.told(client);
    }
    stage
}

fn blocklist(stage: &mut Stage, client: &str) -> String {
    stage.send(client, "<iq type='get' id='blocklist1'><blocklist xmlns='urn:xmpp:blocking'/></iq>");
    stage.told(client).pop().unwrap()
}

fn answer(to: &str, items: &[&str]) -> String {
    let items: String = items.iter().map(|jid| format!("<item jid='{jid}'/>")).collect();
    match items.as_str() {
        "" => {
            format!("<iq to='{to}' id='blocklist1' type='result'><blocklist xmlns='urn:xmpp:blocking'/></iq>")
        }
        items => format!(
            "<iq to='{to}' id='blocklist1' type='result'><blocklist xmlns='urn:xmpp:blocking'>{items}</blocklist></iq>"
        ),
    }
}

fn push(to: &str, command: &str) -> String {
    format!("<iq to='{to}' id='push' type='set'>{command}</iq>")
}

/// What a client was told, without the pushes of privacy lists that come beside.
fn told(stage: &mut Stage, client: &str) -> Vec<String> {
    let mut told = stage.told(client);
    told.retain(|stanza| !stanza.contains("jabber:iq:privacy"));
    told
}

#[test]
fn the_blocklist_with_and_without_items() {
    let mut stage = verona();
    assert_eq!(blocklist(&mut stage, CHAMBER), answer(CHAMBER, &[]));
    for jid in ["romeo@montague.net", "iago@shakespeare.lit"] {
        stage.send(CHAMBER, &BLOCK.replace("romeo@montague.net", jid));
    }
    stage.told(CHAMBER);
    assert_eq!(
        blocklist(&mut stage, CHAMBER),
        answer(CHAMBER, &["romeo@montague.net", "iago@shakespeare.lit"])
    );
    stage.logout(CHAMBER);
    stage.logout(BALCONY);
    stage.login(CHAMBER);
    assert_eq!(
        blocklist(&mut stage, CHAMBER),
        answer(CHAMBER, &["romeo@montague.net", "iago@shakespeare.lit"])
    );
}

#[test]
fn pushes_go_to_those_that_have_asked_for_the_blocklist() {
    let mut stage = verona();
    let block = "<block xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/></block>";
    let unblock = "<unblock xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/></unblock>";
    blocklist(&mut stage, CHAMBER);
    stage.send(CHAMBER, BLOCK);
    assert_eq!(told(&mut stage, CHAMBER), [result(CHAMBER, "block1"), push(CHAMBER, block)]);
    assert_eq!(told(&mut stage, BALCONY), Vec::<String>::new());
    blocklist(&mut stage, BALCONY);
    stage.send(CHAMBER, UNBLOCK);
    assert_eq!(told(&mut stage, CHAMBER), [result(CHAMBER, "unblock1"), push(CHAMBER, unblock)]);
    assert_eq!(told(&mut stage, BALCONY), [push(BALCONY, unblock)]);
    stage.send(BALCONY, BLOCK);
    stage.told(CHAMBER);
    stage.told(BALCONY);
    stage.send(CHAMBER, UNBLOCK_ALL);
    let all = "<unblock xmlns='urn:xmpp:blocking'/>";
    assert_eq!(told(&mut stage, CHAMBER), [result(CHAMBER, "unblock2"), push(CHAMBER, all)]);
    assert_eq!(told(&mut stage, BALCONY), [push(BALCONY, all)]);
    assert_eq!(blocklist(&mut stage, CHAMBER), answer(CHAMBER, &[]));
}

#[test]
fn what_a_blocked_contact_gets() {
    let mut stage = verona();
    stage.send(CHAMBER, BLOCK);
    // He may see her presence, so he is told that both of her resources are gone.
    let gone =
        |resource: &str| format!("<presence to='romeo@montague.net' from='{resource}' type='unavailable'/>");
    assert_eq!(stage.told(ROMEO), [gone(CHAMBER), gone(BALCONY)]);
    stage.told(CHAMBER);
    stage.told(BALCONY);

    stage.send(CHAMBER, "<presence><show>away</show></presence>");
    for type_ in ["probe", "subscribe", "unsubscribe", "subscribed", "unsubscribed"] {
        stage.send(ROMEO, &format!("<presence to='juliet@capulet.com' type='{type_}'/>"));
    }
    for stanza in [
        "<presence/>".to_string(),
        format!("<presence to='{BALCONY}'/>"),
        format!("<iq to='{BALCONY}' type='result' id='r'/>"),
        format!("<message to='{BALCONY}' type='error'/>"),
    ] {
        stage.send(ROMEO, &stanza);
    }
    let told = stage.told(ROMEO);
    assert!(
        !told.iter().any(|told| told.contains("juliet@capulet.com/") || told.contains("error")),
        "{told:?}"
    );

    for to in [BALCONY, "juliet@capulet.com"] {
        stage.send(ROMEO, &format!("<message to='{to}'><body>Can you hear me now?</body></message>"));
        assert_eq!(error(&stage.told(ROMEO)[0]), ("service-unavailable", "cancel"));
        for type_ in ["get", "set"] {
            stage.send(
                ROMEO,
                &format!("<iq to='{to}' type='{type_}' id='i'><ping xmlns='urn:xmpp:ping'/></iq>"),
            );
            assert_eq!(error(&stage.told(ROMEO)[0]), ("service-unavailable", "cancel"));
        }
    }
    let told = [CHAMBER, BALCONY].map(|client| stage.told(client)).concat();
    assert!(!told.iter().any(|told| told.contains("from='romeo@montague.net")), "{told:?}");
}

#[test]
fn what_the_user_gets_who_writes_to_somebody_blocked() {
    let mut stage = verona();
    stage.send(CHAMBER, BLOCK);
    stage.told(CHAMBER);
    stage.told(ROMEO);
    stage.send(CHAMBER, "<message to='romeo@montague.net'><body>Can you hear me now?</body></message>");
    let told = told(&mut stage, CHAMBER);
    assert_eq!(error(&told[0]), ("not-acceptable", "cancel"));
    assert!(told[0].contains("<blocked xmlns='urn:xmpp:blocking:errors'/>"), "{told:?}");
    stage.send(CHAMBER, &format!("<presence to='{ROMEO}'/>"));
    assert_eq!(error(&stage.told(CHAMBER)[0]), ("not-acceptable", "cancel"));
    assert_eq!(stage.told(ROMEO), Vec::<String>::new());
}

#[test]
fn what_an_unblocked_contact_gets() {
    let mut stage = verona();
    stage.send(CHAMBER, BLOCK);
    stage.send(CHAMBER, "<presence><show>away</show></presence>");
    for client in [ROMEO, CHAMBER, BALCONY] {
        stage.told(client);
    }
    stage.send(CHAMBER, UNBLOCK);
    assert_eq!(
        stage.told(ROMEO),
        [
            format!("<presence to='romeo@montague.net' from='{CHAMBER}'><show>away</show></presence>"),
            format!("<presence to='romeo@montague.net' from='{BALCONY}'/>"),
        ]
    );
    stage.told(CHAMBER);
    stage.send(ROMEO, &format!("<message to='{CHAMBER}'><body>Can you hear me now?</body></message>"));
    assert_eq!(stage.told(CHAMBER).len(), 1);
    stage.send(CHAMBER, &format!("<message to='{ROMEO}'><body>I can</body></message>"));
    assert_eq!(stage.told(ROMEO).len(), 1);
}

#[test]
fn strangers_learn_nothing_of_being_blocked() {
    let mut stage = verona();
    let stranger =
        "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='paris@example.com'/></block></iq>";
    stage.send(CHAMBER, stranger);
    stage.send(CHAMBER, UNBLOCK_ALL);
    assert_eq!(stage.gone(), Vec::<String>::new());
}

#[test]
fn who_had_directed_presence_is_told_that_it_ends() {
    let mut stage = verona();
    stage.send(CHAMBER, "<presence to='paris@example.com/hall'/>");
    stage.gone();
    stage.send(CHAMBER, &BLOCK.replace("romeo@montague.net", "paris@example.com"));
    let gone = format!("<presence to='paris@example.com/hall' from='{CHAMBER}' type='unavailable'/>");
    assert_eq!(stage.gone(), [gone]);
    stage.send(CHAMBER, UNBLOCK_ALL);
    assert_eq!(stage.gone(), Vec::<String>::new(), "that was of the moment");
}

#[test]
fn commands_that_are_refused() {
    let mut stage = verona_with(HostLimits::new().with_privacy_items(1));
    for (command, expected) in [
        ("<block xmlns='urn:xmpp:blocking'/>", ("bad-request", "modify")),
        ("<block xmlns='urn:xmpp:blocking'><item/></block>", ("bad-request", "modify")),
        ("<block xmlns='urn:xmpp:blocking'><item jid='@'/></block>", ("jid-malformed", "modify")),
        ("<unblock xmlns='urn:xmpp:blocking'><jid/></unblock>", ("bad-request", "modify")),
        (
            "<block xmlns='urn:xmpp:blocking'><item jid='a'/><item jid='b'/></block>",
            ("not-acceptable", "modify"),
        ),
    ] {
        stage.send(CHAMBER, &format!("<iq type='set' id='c'>{command}</iq>"));
        assert_eq!(error(&stage.told(CHAMBER)[0]), expected, "{command}");
    }
    stage.send(CHAMBER, BLOCK);
    stage.told(CHAMBER);
    stage.send(CHAMBER, &BLOCK.replace("romeo", "iago"));
    assert_eq!(error(&stage.told(CHAMBER)[0]), ("not-allowed", "cancel"));
    stage.send(
        ROMEO,
        "<iq to='juliet@capulet.com' type='get' id='b'><blocklist xmlns='urn:xmpp:blocking'/></iq>",
    );
    assert_eq!(error(&stage.told(ROMEO).pop().unwrap()).0, "forbidden");
}

#[test]
fn the_blocklist_is_the_default_privacy_list() {
    let mut stage = verona();
    blocklist(&mut stage, CHAMBER);
    let privacy =
        |child: &str| format!("<iq type='set' id='p'><query xmlns='jabber:iq:privacy'>{child}</query></iq>");
    let deny =
        |jid: &str, order: u32| format!("<item type='jid' value='{jid}' action='deny' order='{order}'/>");
    stage.send(CHAMBER, BLOCK);
    stage.told(CHAMBER);
    let list = format!("<list name='blocklist'>{}</list>", deny("romeo@montague.net", 1));
    stage.send(
        CHAMBER,
        "<iq type='get' id='g'><query xmlns='jabber:iq:privacy'><list name='blocklist'/></query></iq>",
    );
    assert!(stage.told(CHAMBER)[0].contains(&list), "{list}");

    // What privacy lists do to it shows in the blocklist.
    let items = format!(
        "{}<item type='jid' value='c.example' action='deny' order='3'><message/></item>",
        deny("b.example", 2)
    );
    stage.send(CHAMBER, &privacy(&format!("<list name='blocklist'>{items}</list>")));
    let pushed = told(&mut stage, CHAMBER);
    let unblock = "<unblock xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/></unblock>";
    let block = "<block xmlns='urn:xmpp:blocking'><item jid='b.example'/></block>";
    assert_eq!(pushed[1..], [push(CHAMBER, unblock), push(CHAMBER, block)]);
    assert_eq!(blocklist(&mut stage, CHAMBER), answer(CHAMBER, &["b.example"]));

    // What is not a blocked address stays when everybody is unblocked.
    stage.send(CHAMBER, UNBLOCK_ALL);
    stage.told(CHAMBER);
    assert_eq!(blocklist(&mut stage, CHAMBER), answer(CHAMBER, &[]));
    stage.send(
        CHAMBER,
        "<iq type='get' id='g'><query xmlns='jabber:iq:privacy'><list name='blocklist'/></query></iq>",
    );
    assert!(stage.told(CHAMBER)[0].contains("value='c.example'"));

    // Another list that is made active lets through what the default list blocks.
    stage.send(CHAMBER, BLOCK);
    stage.send(CHAMBER, &privacy("<list name='all'><item action='allow' order='1'/></list>"));
    stage.send(CHAMBER, &privacy("<active name='all'/>"));
    stage.told(CHAMBER);
    stage.send(ROMEO, &format!("<message to='{CHAMBER}'><body>Can you hear me now?</body></message>"));
    assert_eq!(stage.told(CHAMBER).len(), 1);
}

#[test]
fn support_is_advertised() {
    use xmpp_im::module::Target;
    let stage = verona();
    let features = stage.features("capulet.com", Target::Server);
    for feature in ["jabber:iq:privacy", "urn:xmpp:blocking"] {
        assert!(features.contains(&feature), "{features:?}");
    }
}
