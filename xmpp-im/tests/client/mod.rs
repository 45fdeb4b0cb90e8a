//! Juliet's client, fed with the bytes of her server.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::time::Duration;

use xmpp_core::conn::{Action, ClientConfig, ClientConnection, Event};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::time::Instant;
use xmpp_core::tls::TlsPolicy;
use xmpp_im::client::{Client, ClientAction, ClientEvent, ClientSession, Ended, SessionConfig};

pub const HEADER: &str = "<?xml version='1.0'?><stream:stream from='example.com' id='s1' version='1.0' \
     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
pub const VERSIONS: &str = "<ver xmlns='urn:xmpp:features:rosterver'/>";
pub const PRE_APPROVAL: &str = "<sub xmlns='urn:xmpp:features:pre-approval'/>";
pub const SESSION: &str = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>";
/// What Juliet's client sends first; `ID` stands for every id that it made.
pub const ROSTER_GET: &str = "<iq id='ID' type='get'><query xmlns='jabber:iq:roster'/></iq>";

pub struct Juliet {
    pub client: Client,
    pub now: Instant,
    /// What was transmitted since it was looked at.
    wire: String,
    pub events: Vec<ClientEvent>,
    /// The ids that the client made, in order.
    pub ids: Vec<String>,
    pub ended: Option<Ended>,
    pub closed: bool,
}

impl Juliet {
    /// Logged in as `juliet@example.com/balcony`, with these features beside binding; nothing has been answered yet.
    pub fn bound(config: SessionConfig, features: &str) -> Self {
        let domain = BareJid::new("example.com").unwrap();
        let conn = ClientConfig::anonymous(domain).with_tls(TlsPolicy::Disabled);
        let conn = ClientConnection::new(conn, Seed::new([1; 32]), Instant::ZERO);
        let client = Client::new(conn, config, Seed::new([2; 32]), Instant::ZERO);
        let mut juliet = Juliet {
            client,
            now: Instant::ZERO,
            wire: String::new(),
            events: Vec::new(),
            ids: Vec::new(),
            ended: None,
            closed: false,
        };
        juliet.hears(HEADER);
        juliet.hears(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
             <mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>",
        );
        juliet.hears("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        juliet.hears(HEADER);
        juliet.says();
        juliet.hears(&format!(
            "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>{features}</stream:features>"
        ));
        juliet.says();
        juliet.answers(
            "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.com/balcony</jid></bind>",
        );
        juliet.events.clear();
        juliet
    }

    /// The same, with the roster she got, and available.
    pub fn online(config: SessionConfig, features: &str, items: &str) -> Self {
        let mut juliet = Juliet::bound(config, features);
        juliet.says();
        juliet.answers(&format!("<query xmlns='jabber:iq:roster' ver='v1'>{items}</query>"));
        juliet.says();
        juliet.events.clear();
        juliet
    }

    /// Available, and Romeo is a friend.
    pub fn and_romeo() -> Self {
        Juliet::online(
            SessionConfig::new(),
            "",
            "<item jid='romeo@example.net' name='Romeo' subscription='both'><group>Friends</group></item>",
        )
    }

    /// The server sends this.
    pub fn hears(&mut self, bytes: &str) {
        self.client.receive(self.now, bytes.as_bytes()).unwrap();
        self.drain();
    }

    /// The server answers the client's latest request with this.
    pub fn answers(&mut self, payload: &str) {
        let id = self.last_id();
        self.hears(&format!("<iq id='{id}' type='result'>{payload}</iq>"));
    }

    /// The server refuses the client's latest request.
    pub fn refuses(&mut self, condition: &str) {
        let id = self.last_id();
        self.hears(&format!(
            "<iq id='{id}' type='error'><error type='cancel'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ));
    }

    pub fn last_id(&self) -> String {
        self.ids.last().expect("it has made a request").clone()
    }

    pub fn waits(&mut self, time: Duration) {
        self.now = self.now + time;
        self.client.handle_timeout(self.now);
        self.drain();
    }

    /// What the client has sent since the last time, with `ID` for every id that it made.
    pub fn says(&mut self) -> String {
        self.drain();
        let wire = std::mem::take(&mut self.wire);
        let mut said = String::new();
        let mut rest = wire.as_str();
        while let Some((before, after)) = rest.split_once(" id='") {
            let (id, after) = after.split_once('\'').unwrap();
            said.push_str(before);
            said.push_str(" id='");
            // A token of the engine's; what answers others has theirs.
            let own = id.len() == 24;
            if own {
                self.ids.push(id.to_owned());
            }
            said.push_str(if own { "ID" } else { id });
            said.push('\'');
            rest = after;
        }
        said.push_str(rest);
        said
    }

    pub fn session(&mut self) -> &mut ClientSession {
        self.client.session().expect("online")
    }

    /// The events since the last time.
    pub fn events(&mut self) -> Vec<ClientEvent> {
        self.drain();
        std::mem::take(&mut self.events)
    }

    /// The only event since the last time.
    pub fn event(&mut self) -> ClientEvent {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    pub fn drain(&mut self) {
        while let Some(action) = self.client.poll() {
            match action {
                ClientAction::Connection(Action::Transmit(bytes)) => {
                    self.wire.push_str(std::str::from_utf8(&bytes).unwrap());
                }
                ClientAction::Connection(Action::Event(Event::Closed(_))) => self.closed = true,
                ClientAction::Event(event) => self.events.push(event),
                ClientAction::Ended(ended) => self.ended = Some(*ended),
                _ => {}
            }
        }
    }
}

pub fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

pub fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

/// A push of the server's with this content.
pub fn push(attributes: &str, content: &str) -> String {
    format!("<iq {attributes} type='set'><query xmlns='jabber:iq:roster'{content}</query></iq>")
}

/// What the client answers to a request that it does not know, or does not take from there.
pub fn unavailable(header: &str, request: &str) -> String {
    format!(
        "<iq {header} type='error'>{request}<error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    )
}
