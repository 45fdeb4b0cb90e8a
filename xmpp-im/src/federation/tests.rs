//! A federation as its embedder sees it.

mod bounds;
mod links;
mod model;
mod order;
mod presence;
mod sharing;
mod verifying;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, ErrorType, Iq, Message, Presence, PresenceType};
use xmpp_core::xml::Element;

use super::*;

pub(super) fn domain(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

/// A message with that id.
pub(super) fn message(from: &str, to: &str, id: &str) -> Stanza {
    let mut stanza = Stanza::Message(Message::chat(Jid::new(to).unwrap()).with_body("x"));
    stanza.set_from(Some(Jid::new(from).unwrap()));
    stanza.set_id(Some(id));
    stanza
}

/// Presence with that id.
pub(super) fn presence(type_: PresenceType, from: &str, to: &str, id: &str) -> Stanza {
    let presence = Presence::new(type_).with_from(Jid::new(from).unwrap()).with_to(Jid::new(to).unwrap());
    Stanza::Presence(presence.with_id(id))
}

/// The ids of stanzas, one after the other.
pub(super) fn ids<'a>(stanzas: impl IntoIterator<Item = &'a Stanza>) -> String {
    let ids: Vec<_> = stanzas.into_iter().map(|stanza| stanza.id().unwrap_or("-")).collect();
    ids.join(" ")
}

/// A federation of capulet.example and shakespeare.example, with what came out of it.
#[derive(Debug)]
pub(super) struct Office {
    pub(super) federation: Federation,
    pub(super) now: Instant,
    actions: VecDeque<FederationAction>,
}

pub(super) const LOCAL: &str = "capulet.example";
pub(super) const OTHER: &str = "shakespeare.example";
pub(super) const REMOTE: &str = "montague.example";

impl Office {
    pub(super) fn new() -> Self {
        Office::with(FederationConfig::new())
    }

    pub(super) fn limited(limits: FederationLimits) -> Self {
        Office::with(FederationConfig::new().with_limits(limits))
    }

    pub(super) fn with(config: FederationConfig) -> Self {
        let federation = Federation::new(config, Seed::new([7; 32]));
        Office { federation, now: Instant::ZERO, actions: VecDeque::new() }
    }

    /// What there is to do next.
    pub(super) fn action(&mut self) -> Option<FederationAction> {
        while let Some(action) = self.federation.poll() {
            self.actions.push_back(action);
        }
        self.actions.pop_front()
    }

    /// Whether there is nothing to do.
    pub(super) fn is_quiet(&mut self) -> bool {
        match self.action() {
            None => true,
            Some(action) => panic!("{action:?}"),
        }
    }

    pub(super) fn send_as(&mut self, local: &str, remote: &str, id: &str) {
        let stanza = message(&format!("juliet@{local}/balcony"), &format!("romeo@{remote}"), id);
        self.federation.submit(self.now, stanza).unwrap();
    }

    pub(super) fn send(&mut self, id: &str) {
        self.send_as(LOCAL, REMOTE, id);
    }

    /// The next action is to connect these domains.
    pub(super) fn connect_as(&mut self, local: &str, remote: &str) -> LinkId {
        match self.action() {
            Some(FederationAction::Connect { link, local: from, remote: to, purpose }) => {
                assert_eq!((from.as_str(), to.as_str()), (local, remote));
                assert_eq!(purpose, Purpose::Stanzas);
                link
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn connect(&mut self) -> LinkId {
        self.connect_as(LOCAL, REMOTE)
    }

    pub(super) fn authorize_as(&mut self, link: LinkId, local: &str, method: Method) {
        let (local, remote) = (domain(local), domain(REMOTE));
        self.federation.authorized(self.now, link, &local, &remote, method).unwrap();
    }

    pub(super) fn authorize(&mut self, link: LinkId) {
        self.authorize_as(link, LOCAL, Method::External);
    }

    pub(super) fn refuse(&mut self, link: LinkId, refusal: Refusal) {
        let (local, remote) = (domain(LOCAL), domain(REMOTE));
        self.federation.refused(self.now, link, &local, &remote, refusal).unwrap();
    }

    /// The link that stanzas of ours are sent by.
    pub(super) fn online(&mut self) -> LinkId {
        self.send("first");
        let link = self.connect();
        self.authorize(link);
        self.ready(link);
        assert_eq!(self.drain(link), "first");
        link
    }

    pub(super) fn ready(&mut self, link: LinkId) {
        match self.action() {
            Some(FederationAction::Ready(ready)) => assert_eq!(ready, link),
            other => panic!("{other:?}"),
        }
    }

    /// The next action is to close the link.
    pub(super) fn close(&mut self, link: LinkId) {
        match self.action() {
            Some(FederationAction::Close(closed)) => assert_eq!(closed, link),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn taken(&mut self, link: LinkId) -> Vec<Stanza> {
        core::iter::from_fn(|| self.federation.take(link)).collect()
    }

    /// Takes all there is for the link.
    pub(super) fn drain(&mut self, link: LinkId) -> String {
        ids(&self.taken(link))
    }

    pub(super) fn end(&mut self, link: LinkId, ending: Ending, unsent: Vec<Stanza>) {
        self.federation.closed(self.now, link, ending, unsent).unwrap();
    }

    /// The next action tells a sender: the id, the condition and the type.
    pub(super) fn bounced(&mut self) -> (String, Condition, ErrorType) {
        match self.action() {
            Some(FederationAction::Bounce(stanza)) => {
                let error = stanza.error().unwrap();
                (stanza.id().unwrap_or("-").to_string(), error.condition(), error.type_())
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whom all the next errors tell, and what.
    pub(super) fn bounces(&mut self, condition: Condition, type_: ErrorType) -> String {
        let mut told = Vec::new();
        while let Some(action) = self.action() {
            let FederationAction::Bounce(stanza) = action else {
                self.actions.push_front(action);
                break;
            };
            let error = stanza.error().unwrap();
            assert_eq!((error.condition(), error.type_()), (condition, type_));
            told.push(stanza);
        }
        ids(&told)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.federation.handle_timeout(self.now);
        assert!(self.federation.poll_timeout().is_none_or(|at| at > self.now));
    }
}
