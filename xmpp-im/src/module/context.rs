//! What a part sees of its owner, and what it can do.

use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::entropy::{Entropy, Label};
use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Presence, Stanza};
use xmpp_core::stream::StreamError;
use xmpp_core::time::UtcTime;
use xmpp_core::xml::Element;

use crate::account::effect::{Delivery, Effect};
use crate::account::step::{State, Step};
use crate::limits::HostLimits;
use crate::roster::{Roster, push};
use crate::session::{Session, SessionId, Waiting};
use crate::store::Change;

/// Where the stanza comes from, or whatever else a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One of the account's own sessions.
    Session(SessionId),
    /// Anybody else: another account, the server itself, another domain.
    Outside,
}

/// A session of the account, as it is now.
#[derive(Clone, Copy, Debug)]
pub struct SessionView<'a>(pub(crate) &'a Session);

impl<'a> SessionView<'a> {
    /// Its name within the host.
    #[must_use]
    pub const fn id(self) -> SessionId {
        self.0.id
    }

    /// Its address.
    #[must_use]
    pub const fn jid(self) -> &'a FullJid {
        &self.0.jid
    }

    /// The last presence that it broadcast, while it is available.
    #[must_use]
    pub fn presence(self) -> Option<&'a Presence> {
        self.0.presence.as_ref().map(|(presence, _)| presence)
    }

    /// Its priority, while it is available (RFC 6121 section 4.7.2.3).
    #[must_use]
    pub fn priority(self) -> Option<i8> {
        self.0.presence.as_ref().map(|(_, priority)| *priority)
    }

    /// Whether it has asked for the roster, so that it gets pushes (RFC 6121 section 2.1.6).
    #[must_use]
    pub const fn is_interested(self) -> bool {
        self.0.interested
    }

    /// Who had directed presence of it, and has not been told that it is gone (RFC 6121 section 4.6).
    pub fn directed(self) -> impl Iterator<Item = &'a Jid> {
        self.0.directed.iter()
    }
}

/// What a part sees of its owner, and where it puts what is to be done: within the step that is under way.
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) owner: &'a BareJid,
    pub(crate) is_anonymous: bool,
    pub(crate) module: usize,
    pub(crate) name: &'static str,
    pub(crate) origin: Origin,
    pub(crate) now: UtcTime,
    pub(crate) limits: &'a HostLimits,
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) roster: &'a mut Roster,
    pub(crate) sessions: &'a mut [Session],
    pub(crate) step: &'a mut Step,
    /// How many stanzas modules may still send because of what came in.
    pub(crate) room: &'a mut usize,
}

impl Context<'_> {
    /// The account, domain or service that the part is for.
    #[must_use]
    pub const fn owner(&self) -> &BareJid {
        self.owner
    }

    /// Whether nothing is ever stored of the account, because it lives only as long as its session (XEP-0175).
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// The time of day.
    #[must_use]
    pub const fn now(&self) -> UtcTime {
        self.now
    }

    /// Who has caused the step.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// The stanza that the step is about, as it came.
    #[must_use]
    pub const fn stanza(&self) -> Option<&Stanza> {
        self.step.question()
    }

    /// How much the host gives to each account.
    #[must_use]
    pub const fn limits(&self) -> &HostLimits {
        self.limits
    }

    /// The account's sessions, in the order in which they started.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView<'_>> + Clone {
        self.sessions.iter().map(SessionView)
    }

    /// One of them.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<SessionView<'_>> {
        self.sessions().find(|session| session.id() == id)
    }

    /// What the module has [noted](Self::note) about a session.
    #[must_use]
    pub fn noted(&self, session: SessionId, key: &'static str) -> Option<&str> {
        self.sessions.iter().find(|own| own.id == session)?.note(self.module, key)
    }

    /// Notes something about a session, or nothing any more. It lasts as long as the session, also where the account is loaded again because
    /// something could not be stored: then [`session_started`](super::Part::session_started) finds it.
    pub fn note(&mut self, session: SessionId, key: &'static str, note: Option<&str>) {
        if let Some(session) = self.sessions.iter_mut().find(|own| own.id == session) {
            session.set_note(self.module, key, note);
        }
    }

    /// The account's contacts. An answer of a step that has looked at them waits until they are stored.
    #[must_use]
    pub fn roster(&mut self) -> &Roster {
        self.step.look_at_roster();
        self.roster
    }

    /// A text that nobody can guess and that does not come again: a stanza's id, for instance.
    #[must_use]
    pub fn token(&mut self) -> String {
        self.entropy.token(Label::StanzaId)
    }

    /// Answers the stanza that is being handled: a result or an error, to whoever sent it. A request is answered once; whether this was its answer.
    pub fn reply(&mut self, answer: impl Into<Stanza>) -> bool {
        self.step.reply(self.module, answer.into())
    }

    /// Sends a stanza to whomever its `to` names. Without `from` it is the owner's own. It passes the account's [`outgoing`](super::Part::outgoing)
    /// hooks. Whether there is room: what modules send because of one stanza, and because of what they send, has a [limit](HostLimits::module_stanzas).
    pub fn send(&mut self, stanza: impl Into<Stanza>) -> bool {
        let mut stanza = stanza.into();
        if stanza.from().is_none() {
            stanza.set_from(Some(self.owner.clone().into()));
        }
        let has_room = self.take_room();
        if has_room {
            self.step.sent.push_back(stanza);
        }
        has_room
    }

    /// Gives a stanza to one of the account's sessions. Whether there is such a session, and room.
    pub fn deliver(&mut self, session: SessionId, stanza: impl Into<Stanza>) -> bool {
        self.deliver_waiting(session, Waiting::new(stanza.into()))
    }

    /// [`deliver`](Self::deliver)s a stanza that the part keeps until it was [written](super::Part::written). If the session ends before that,
    /// the stanza goes nowhere else: it is still the part's.
    pub fn deliver_marked(&mut self, session: SessionId, stanza: impl Into<Stanza>, mark: u64) -> bool {
        let mark = Some((self.module, mark));
        self.deliver_waiting(session, Waiting { mark, ..Waiting::new(stanza.into()) })
    }

    /// Makes a change, which is stored with all others of the step. What it does to the roster shows at once, and is pushed to the
    /// interested resources (RFC 6121 section 2.1.6).
    pub fn change(&mut self, change: Change) {
        let before = change.contact().and_then(|contact| self.roster.get(contact)).cloned();
        self.roster.make(&change, self.sessions, self.entropy, self.step);
        self.step.change(change, before, State::of_module(self.module));
    }

    /// Keeps a value under a key of the module's own, or nothing any more.
    pub fn keep(&mut self, key: &str, value: Option<Vec<u8>>) {
        self.change(Change::SetState { module: self.name.into(), key: key.into(), value });
    }

    /// The marks that the part has given this session and that are not [written](super::Part::written) yet, in order.
    pub fn unwritten(&self, session: SessionId) -> impl Iterator<Item = u64> {
        let own = move |(module, mark)| (module == self.module).then_some(mark);
        self.session(session).into_iter().flat_map(|session| session.0.unwritten()).filter_map(own)
    }

    /// Asks for the account's offline messages with numbers above `after`, as many as count for `limit` bytes together but one at least:
    /// they come to [`messages_loaded`](super::Part::messages_loaded) in a later step.
    pub fn load_messages(&mut self, after: u64, limit: usize) {
        if self.take_room() {
            self.step.push(Effect::Page { module: self.module, after, limit });
        }
    }

    /// Ends one of the account's sessions with this error.
    pub fn close(&mut self, session: SessionId, error: StreamError) {
        if self.session(session).is_some() {
            self.step.push(Effect::Close(session, error));
        }
    }

    fn deliver_waiting(&mut self, session: SessionId, waiting: Waiting) -> bool {
        let is_taken = self.session(session).is_some() && self.take_room();
        if is_taken {
            self.step.push(Effect::Deliver(Delivery { session, waiting, is_answer: false }));
        }
        is_taken
    }

    /// Room for one more stanza of a module.
    const fn take_room(&mut self) -> bool {
        let has_room = *self.room > 0;
        *self.room = self.room.saturating_sub(1);
        has_room
    }

    /// Pushes a part of the roster to a session, when it is stored.
    pub(crate) fn push(&mut self, session: SessionId, query: Element) {
        if let Some(session) = self.sessions.iter().find(|own| own.id == session) {
            push(session, query, self.entropy, self.step);
        }
    }

    /// The session gets the roster by the answer of this step, and pushes from then on.
    pub(crate) fn set_interested(&mut self, session: SessionId) {
        let own = self.sessions.iter_mut().find(|own| own.id == session && !own.interested);
        if let Some(session) = own {
            session.interested = true;
            self.step.interest(session.id);
        }
    }
}
