//! Components (XEP-0114): both ends, alone on literal bytes and joined.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use xmpp_core::component::handshake;
use xmpp_core::conn::{
    Action, CloseReason, ComponentAcceptor, ComponentAcceptorConfig, ComponentConfig, ComponentConnection,
    Drive, Event, Retry,
};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::sasl::Secret;
use xmpp_core::stanza::{Message, Stanza};
use xmpp_core::stream::{Condition, FirstLevel, Phase, Verdict};
use xmpp_core::time::Instant;
use xmpp_core::xml::ns;

const NOW: Instant = Instant::from_micros(1);
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
     xmlns:stream='http://etherx.jabber.org/streams' to='plays.shakespeare.lit'>";
/// What the server says, with the id of the XEP's example.
const ANSWER: &str = "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' \
     xmlns='jabber:component:accept' from='plays.shakespeare.lit' id='3BF96D32'>";
const MESSAGE: &str = "<message from='puck@plays.shakespeare.lit' to='juliet@shakespeare.lit'><body>Lord, what \
     fools</body></message>";

fn plays() -> BareJid {
    BareJid::new("plays.shakespeare.lit").unwrap()
}

fn component() -> End<ComponentConnection> {
    let config = ComponentConfig::new(&plays(), Secret::new("test"));
    let mut end = End::new(ComponentConnection::new(config, Seed::new([1; 32]), NOW));
    assert_eq!(
        end.said(),
        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' to='plays.shakespeare.lit'>"
    );
    end
}

fn server() -> End<ComponentAcceptor> {
    let known = [(plays(), Secret::new("test")), (BareJid::new("other.lit").unwrap(), Secret::new("else"))];
    let config = ComponentAcceptorConfig::new(known);
    End::new(ComponentAcceptor::new(config.into(), Seed::new([2; 32]), NOW))
}

fn online_component() -> End<ComponentConnection> {
    let mut end = component();
    end.feed(ANSWER);
    end.feed("<handshake/>");
    assert_eq!(end.events, ["attached plays.shakespeare.lit"]);
    end
}

/// A server that has answered the header, and the proof that it awaits.
fn challenged() -> (End<ComponentAcceptor>, String) {
    let mut end = server();
    let said = end.feed(HEADER);
    let id = said.split(" id='").nth(1).unwrap().split('\'').next().unwrap();
    (end, format!("<handshake>{}</handshake>", handshake(id, &Secret::new("test"))))
}

fn online_server() -> End<ComponentAcceptor> {
    let (mut end, proof) = challenged();
    assert_eq!(end.feed(proof), "<handshake/>");
    assert_eq!(end.events, ["attached plays.shakespeare.lit"]);
    end
}

fn stream_error(condition: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
    )
}

fn message(from: &str, to: &str) -> Stanza {
    let mut stanza = Stanza::Message(Message::chat(Jid::new(to).unwrap()).with_body("?"));
    stanza.set_from((!from.is_empty()).then(|| Jid::new(from).unwrap()));
    stanza
}

#[test]
fn the_example_of_the_xep_byte_by_byte() {
    let mut end = component();
    let said: String = ANSWER.as_bytes().chunks(1).map(|byte| end.feed(byte)).collect();
    assert_eq!(said, "<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>");
    assert_eq!(end.feed("<handshake></handshake>"), "");
    assert_eq!(end.events, ["attached plays.shakespeare.lit"]);
    assert_eq!(end.conn.domain(), Some(&plays()));
}

#[test]
fn the_server_answers_in_the_components_name_without_version_or_features() {
    let mut end = server();
    let said = end.feed(HEADER);
    assert!(said.contains(" xmlns='jabber:component:accept'"), "{said}");
    assert!(said.contains(" from='plays.shakespeare.lit'"), "{said}");
    assert!(!said.contains(" version='1.0'>") && said.ends_with('>') && !said.contains("features"), "{said}");
    assert!(said.contains(" xml:lang='en'"), "{said}");
    let config = ComponentAcceptorConfig::new([(plays(), Secret::new("test"))]).with_lang("de");
    let mut end = End::new(ComponentAcceptor::new(config.into(), Seed::new([2; 32]), NOW));
    assert!(end.feed(HEADER).contains(" xml:lang='de'"));
}

#[test]
fn a_wrong_proof_ends_the_stream() {
    for proof in ["", "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e", "<x xmlns='urn:x'/>"] {
        let (mut end, _) = challenged();
        let said = end.feed(format!("<handshake>{proof}</handshake>{MESSAGE}"));
        assert_eq!(said, stream_error("not-authorized"), "{proof}");
        assert_eq!(end.events, ["closed"]);
    }
    // Nobody tells the component that its secret is wrong but the condition.
    let mut end = component();
    end.feed(ANSWER);
    end.feed(stream_error("not-authorized"));
    let reason = end.reason.as_ref().unwrap();
    assert!(matches!(reason, CloseReason::Peer(error) if error.condition() == Condition::NotAuthorized));
    assert_eq!(reason.retry(), Retry::Never);
}

#[test]
fn each_component_has_a_secret_of_its_own() {
    let mut end = server();
    let said = end.feed(HEADER.replace("plays.shakespeare.lit", "OTHER.lit"));
    let id = said.split(" id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let proof = |secret: &str| format!("<handshake>\n{}\n</handshake>", handshake(&id, &Secret::new(secret)));
    assert_eq!(end.feed(proof("else")), "<handshake/>");
    assert_eq!(end.events, ["attached other.lit"]);

    let mut end = server();
    end.feed(HEADER.replace("plays.shakespeare.lit", "other.lit"));
    assert_eq!(end.feed(proof("test")), stream_error("not-authorized"));
}

#[test]
fn a_header_that_will_not_do_is_answered_with_a_header_and_an_error() {
    let refused = |header: &str, condition: &str| {
        let mut end = server();
        let said = end.feed(header);
        assert!(said.starts_with("<?xml version='1.0'?><stream:stream "), "{said}");
        // RFC 6120 section 4.7.3: also a stream that is over at once has an id.
        assert!(said.contains(" id='"), "{said}");
        assert!(said.ends_with(&stream_error(condition)), "{header}: {said}");
    };
    refused(&HEADER.replace("jabber:component:accept", "jabber:client"), "invalid-namespace");
    refused(&HEADER.replace("jabber:component:accept", "jabber:server"), "invalid-namespace");
    refused(&HEADER.replace("plays.shakespeare.lit", "nobody.lit"), "host-unknown");
    refused(&HEADER.replace("plays.shakespeare.lit", "puck@plays.shakespeare.lit"), "host-unknown");
    refused(&HEADER.replace("plays.shakespeare.lit", "@"), "improper-addressing");
    refused(&HEADER.replace(" to='plays.shakespeare.lit'", ""), "improper-addressing");
    refused("GET / HTTP/1.1\r\n\r\n", "not-well-formed");

    for answer in [ANSWER.replace(" id='3BF96D32'", ""), ANSWER.replace("3BF96D32", "")] {
        // covers 6120-4.9.3.21-01: there is a better word
        assert_eq!(component().feed(answer), stream_error("bad-format"));
    }
    let other = ANSWER.replace("jabber:component:accept", "jabber:server");
    assert_eq!(component().feed(other), stream_error("invalid-namespace"));
}

#[test]
fn a_component_speaks_for_its_domain_alone() {
    let mut end = online_server();
    end.feed(MESSAGE);
    end.feed(MESSAGE.replace("puck@plays.shakespeare.lit", "plays.shakespeare.lit/stage"));
    assert_eq!(end.stanzas.len(), 2);
    assert!(end.stanzas[0].contains(" from='puck@plays.shakespeare.lit'"), "{:?}", end.stanzas);
    // What was in the component's namespace is in that of clients, as everywhere in the engine.
    assert!(end.stanzas[0].contains("<body>Lord, what fools</body>"), "{:?}", end.stanzas);

    for (from, condition) in [
        ("from='juliet@shakespeare.lit'", "invalid-from"),
        ("from='puck@sub.plays.shakespeare.lit'", "invalid-from"),
        ("", "invalid-from"),
    ] {
        let mut end = online_server();
        let said = end.feed(MESSAGE.replace("from='puck@plays.shakespeare.lit'", from));
        assert_eq!(said, stream_error(condition), "{from}");
        assert!(end.stanzas.is_empty());
    }
    let mut end = online_server();
    let said = end.feed(MESSAGE.replace(" to='juliet@shakespeare.lit'", ""));
    assert_eq!(said, stream_error("improper-addressing"));
}

#[test]
fn a_stanza_that_is_none_is_answered_and_the_stream_lives() {
    let mut end = online_server();
    let said = end.feed(MESSAGE.replace("juliet@shakespeare.lit", "@"));
    assert!(said.contains("<jid-malformed ") && said.contains(" type='error'"), "{said}");
    end.feed(MESSAGE);
    assert_eq!(end.stanzas.len(), 1);

    let mut end = online_component();
    let said = end.feed("<iq from='shakespeare.lit' to='plays.shakespeare.lit' type='get' id='1'/>");
    assert!(said.contains("<bad-request ") && said.contains(" id='1'"), "{said}");
}

#[test]
fn the_language_of_the_stream_goes_with_the_stanza() {
    let mut end = server();
    let said = end.feed(HEADER.replace(" to=", " xml:lang='fr' to="));
    let id = said.split(" id='").nth(1).unwrap().split('\'').next().unwrap();
    end.feed(format!("<handshake>{}</handshake>", handshake(id, &Secret::new("test"))));
    end.feed(MESSAGE);
    assert!(end.stanzas[0].contains(" xml:lang='fr'"), "{:?}", end.stanzas);

    let mut end = component();
    end.feed(ANSWER.replace(" id=", " xml:lang='it' id="));
    end.feed("<handshake/>");
    end.feed("<message from='juliet@shakespeare.lit' to='plays.shakespeare.lit'/>");
    assert!(end.stanzas[0].contains(" xml:lang='it'"), "{:?}", end.stanzas);
}

#[test]
fn what_is_sent_is_in_the_namespace_of_the_stream_and_of_the_right_domain() {
    let mut end = online_server();
    let to = "puck@plays.shakespeare.lit";
    end.conn.send(NOW, message("juliet@shakespeare.lit/balcony", to)).unwrap();
    // No declaration: the stream's own namespace is the default.
    let said = end.said();
    assert!(said.starts_with("<message ") && said.contains("><body>?</body>"), "{said}");
    for (from, to) in [("", to), ("juliet@shakespeare.lit", "romeo@shakespeare.lit")] {
        assert_eq!(end.conn.send(NOW, message(from, to)).unwrap_err(), Misuse::NotAuthorized);
    }
    let mut unattached = server();
    assert_eq!(unattached.conn.send(NOW, message("a@b.lit", to)).unwrap_err(), Misuse::NotOnline);

    let mut end = online_component();
    end.conn.send(NOW, message("", "juliet@shakespeare.lit")).unwrap();
    assert!(end.said().contains(" from='plays.shakespeare.lit'"));
    let foreign = message("romeo@shakespeare.lit", "juliet@shakespeare.lit");
    assert_eq!(end.conn.send(NOW, foreign).unwrap_err(), Misuse::NotAuthorized);
    assert_eq!(end.said(), "");
}

#[test]
fn every_element_in_every_phase_is_judged_by_the_table() {
    let element = |kind| match kind {
        FirstLevel::Features => "<stream:features/>",
        FirstLevel::Error => "<stream:error/>",
        FirstLevel::StartTls => "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        FirstLevel::Proceed => "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        FirstLevel::TlsFailure => "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        FirstLevel::Auth => "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'/>",
        FirstLevel::Challenge => "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Response => "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Abort => "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Success => "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::SaslFailure => "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Iq => {
            "<iq from='plays.shakespeare.lit' to='a@b.lit' type='get' id='1'><x xmlns='urn:x'/></iq>"
        }
        FirstLevel::Message => MESSAGE,
        FirstLevel::Presence => "<presence from='plays.shakespeare.lit' to='a@b.lit'/>",
        FirstLevel::DialbackResult => "<result xmlns='jabber:server:dialback' from='a.lit' to='b.lit'/>",
        FirstLevel::DialbackVerify => "<verify xmlns='jabber:server:dialback' from='a.lit' to='b.lit'/>",
        FirstLevel::Handshake => "<handshake>wrong</handshake>",
        FirstLevel::WrongContent => {
            "<message xmlns='jabber:client' from='plays.shakespeare.lit' to='a@b.lit'/>"
        }
        FirstLevel::Foreign => "<x xmlns='urn:x'/>",
    };
    for kind in FirstLevel::ALL {
        for phase in [Phase::ComponentHandshake, Phase::ComponentOnline] {
            let mut component = component();
            component.feed(ANSWER);
            let (mut server, proof) = challenged();
            if phase == Phase::ComponentOnline {
                component.feed("<handshake/>");
                server.feed(proof);
            }
            for (said, stanzas) in [component.judge(element(kind)), server.judge(element(kind))] {
                match phase.verdict(kind) {
                    // The server does take the proof, and finds it wrong.
                    Verdict::Accept if kind == FirstLevel::Handshake => assert_eq!(stanzas, 0),
                    Verdict::Accept => {
                        assert!(!said.contains("<stream:error>"), "{kind:?} in {phase:?}: {said}");
                        assert_eq!(stanzas == 0, kind == FirstLevel::Error, "{kind:?} in {phase:?}");
                    }
                    Verdict::Refuse(condition) => {
                        assert_eq!(said, stream_error(condition.name()), "{kind:?} in {phase:?}");
                        assert_eq!(stanzas, 0, "{kind:?} in {phase:?}");
                    }
                }
            }
        }
    }
    assert_eq!(ns::COMPONENT, "jabber:component:accept");
}

#[test]
fn silence_oversize_and_a_cut_end_it() {
    for said in ["", HEADER] {
        let mut end = server();
        end.feed(said);
        let last = end.sleep(Duration::from_secs(61));
        assert!(last.ends_with(&stream_error("policy-violation")), "{last}");
    }
    let (mut end, _) = challenged();
    let said = end.feed(format!("<handshake>{}</handshake>", "a".repeat(10_000)));
    assert_eq!(said, stream_error("policy-violation"));

    let mut end = online_server();
    end.conn.send(NOW, message("juliet@shakespeare.lit", "plays.shakespeare.lit")).unwrap();
    end.conn.transport_closed(NOW);
    end.said();
    assert_eq!(end.events, ["attached plays.shakespeare.lit", "closed 1 unsent"]);
    assert_eq!(end.conn.send(NOW, message("a@b.lit", "plays.shakespeare.lit")).unwrap_err(), Misuse::Closed);
}

/// RFC 6120 sections 4.6.1 and 4.6.3: a space has no answer, and neither end has to have something to say.
#[test]
fn silence_does_not_end_a_stream_that_carries_stanzas() {
    let (mut server, mut component) = (online_server(), online_component());
    let (idle, rest) = (Duration::from_secs(150), Duration::from_secs(60));
    for _ in 0..5 {
        assert_eq!((server.sleep(idle), component.sleep(idle)), (" ".into(), " ".into()));
    }
    assert_eq!((server.sleep(rest), component.sleep(rest)), Default::default());
    assert!(server.reason.is_none() && component.reason.is_none());
}

#[test]
fn garbage_oversize_and_a_cut_at_any_byte_end_both() {
    fn end_all<C: Drive>(fresh: [fn() -> End<C>; 3]) {
        for start in fresh {
            for bad in
                ["\u{1}", "<a></b>", "&lt;", "<!-- -->", "<!DOCTYPE x>", "<?pi x?>", "GET / HTTP/1.1\r\n\r\n"]
            {
                let mut end = start();
                let events = end.events.len();
                for byte in bad.as_bytes().chunks(1) {
                    if end.conn.wants_input() {
                        end.feed(byte);
                    }
                }
                assert!(end.reason.is_some() && !end.conn.wants_input(), "{bad}");
                assert!(end.stanzas.is_empty() && end.events.len() == events + 1, "{bad}: {:?}", end.events);
            }
            // Never more than a stanza's worth.
            let (mut end, mut taken) = (start(), 0);
            end.feed("<message from='plays.shakespeare.lit' to='juliet@shakespeare.lit'>");
            while end.conn.wants_input() {
                end.feed("x".repeat(4096));
                taken += 4096;
                assert!(taken <= 524_288 + 4096);
            }
            assert!(end.reason.is_some() && end.stanzas.is_empty());
            let mut end = start();
            end.conn.transport_closed(end.now);
            end.said();
            assert!(end.reason.is_some() && end.conn.poll_timeout().is_none());
        }
    }
    end_all([server, || challenged().0, online_server]);
    end_all([
        component,
        || {
            let mut end = component();
            end.feed(ANSWER);
            end
        },
        online_component,
    ]);

    let script = format!("{ANSWER}<handshake/>{MESSAGE}</stream:stream>");
    for at in 0..=script.len() {
        let mut end = component();
        script.as_bytes()[..at].chunks(1).for_each(|byte| drop(end.feed(byte)));
        end.conn.transport_closed(end.now);
        end.said();
        assert!(end.reason.is_some() && !end.conn.wants_input(), "{at}");
    }
}

#[test]
fn the_two_ends_understand_each_other() {
    let (mut left, mut right) = (component(), server());
    let mut to_right = left.transcript.clone();
    for _ in 0..6 {
        let to_left = right.feed(&to_right);
        to_right = left.feed(&to_left);
    }
    assert_eq!(left.events, ["attached plays.shakespeare.lit"]);
    assert_eq!(right.events, ["attached plays.shakespeare.lit"]);
    left.conn.send(NOW, message("", "juliet@shakespeare.lit")).unwrap();
    let said = left.said();
    right.feed(said);
    assert_eq!(right.stanzas.len(), 1);
    right.conn.close(NOW);
    let said = right.said();
    let said = left.feed(said);
    right.feed(said);
    assert!(matches!(left.reason, Some(CloseReason::PeerClosed)), "{:?}", left.reason);
    assert!(matches!(right.reason, Some(CloseReason::Clean)), "{:?}", right.reason);
}

/// One end with what came out of it.
struct End<C> {
    conn: C,
    now: Instant,
    transcript: String,
    events: Vec<String>,
    stanzas: Vec<String>,
    reason: Option<CloseReason>,
}

impl<C: Drive> End<C> {
    fn new(conn: C) -> Self {
        End {
            conn,
            now: NOW,
            transcript: String::new(),
            events: Vec::new(),
            stanzas: Vec::new(),
            reason: None,
        }
    }

    /// Takes bytes, and returns what was transmitted.
    fn feed(&mut self, bytes: impl AsRef<[u8]>) -> String {
        if !bytes.as_ref().is_empty() {
            self.conn.receive(self.now, bytes.as_ref()).unwrap();
        }
        self.said()
    }

    /// What is said to the element, and how many stanzas were handed in.
    fn judge(&mut self, element: &str) -> (String, usize) {
        (self.feed(element), self.stanzas.len())
    }

    fn said(&mut self) -> String {
        let mut said = String::new();
        while let Some(action) = self.conn.poll() {
            match action {
                Action::Transmit(bytes) => said.push_str(std::str::from_utf8(&bytes).unwrap()),
                Action::Event(Event::Attached(domain)) => self.events.push(format!("attached {domain}")),
                Action::Event(Event::Stanza(stanza)) => {
                    assert!(!self.events.is_empty(), "a stanza before the proof");
                    self.stanzas.push(stanza.to_string());
                }
                Action::Event(Event::Warning(_)) | Action::CloseTransport(_) => {}
                Action::Event(Event::Closed(closed)) => {
                    let (reason, unsent) = closed.into_parts();
                    self.events.push(match unsent.len() {
                        0 => "closed".to_owned(),
                        unsent => format!("closed {unsent} unsent"),
                    });
                    self.reason = Some(reason);
                }
                other => panic!("nothing else comes of a component's stream: {other:?}"),
            }
        }
        self.transcript.push_str(&said);
        said
    }

    fn sleep(&mut self, time: Duration) -> String {
        let end = self.now + time;
        let mut said = String::new();
        while let Some(at) = self.conn.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.conn.handle_timeout(self.now);
            said += &self.said();
        }
        said
    }
}
