//! Presence of an account's resources: who is told of it, and what others learn who ask (RFC 3921 section 5.1, RFC 6121 section 4).
//!
//! What goes to many is made once: of each copy only the addresses are its own. What the presence of others is to the account, nobody
//! remembers: it is delivered to whoever is available, and asked for anew for each resource that becomes available.

use alloc::vec::Vec;

use xmpp_core::entropy::Label;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Condition, Presence, PresenceType, Stanza};

use super::effect::Effect;
use super::step::Step;
use super::{Account, Cx, Kind, Parked, State};
use crate::presence::{Directed, Known, Resource, answer, check};
use crate::session::{Greeting, Session, SessionId};
use crate::store::{Change, PendingKind};
use crate::subscription;

/// How many requests without an answer are made again when a user comes online. Of more, others the next time.
const ASKED_AGAIN: usize = 64;

/// What a session leaves behind that was available, or had told somebody so.
#[derive(Debug)]
pub(super) struct Departure {
    /// What is said of it.
    presence: Presence,
    directed: Directed,
    was_available: bool,
}

impl Departure {
    /// A session ends without a word. RFC 6121 section 4.5.2: it is unavailable, whether it said so or not.
    pub(super) fn of(session: &mut Session) -> Self {
        Departure {
            presence: Presence::new(PresenceType::Unavailable).with_from(session.jid.clone()),
            directed: core::mem::take(&mut session.directed),
            was_available: session.is_available(),
        }
    }

    fn tells_anybody(&self) -> bool {
        self.was_available || !self.directed.is_empty()
    }
}

// What the account's own sessions say.
impl Account {
    /// Presence that one of the sessions sends to nobody in particular.
    pub(super) fn presence(&mut self, id: SessionId, presence: Presence, cx: &mut Cx<'_>) {
        match presence.type_() {
            PresenceType::Available => match check(&presence) {
                Ok(priority) => self.available(id, presence, priority, cx),
                Err(fault) => cx.refuse_with(fault.into()),
            },
            PresenceType::Unavailable => self.unavailable(id, &presence, cx),
            PresenceType::Error => {}
            // RFC 6121 section 4.3: a probe is no reason for an error, even if a client has none to send.
            PresenceType::Probe => self.introduce(id, |_| true, cx),
            _ => cx.refuse(Condition::BadRequest),
        }
    }

    fn available(&mut self, id: SessionId, presence: Presence, priority: i8, cx: &mut Cx<'_>) {
        let is_first = !self.sessions.iter().any(Session::is_available);
        let Some(session) = self.session_mut(id) else { return };
        let is_initial = session.presence.replace((presence.clone(), priority)).is_none();
        if is_initial {
            session.greeting = Some(Greeting::START);
        }
        self.echo(&presence, cx);
        self.announce(id, &presence, cx);
        if is_initial {
            self.introduce(id, |other| other != id, cx);
            cx.step.push(Effect::Greet(id));
        }
        if is_first {
            self.ask_again(cx);
        }
        self.presence_changed(id, cx);
        if is_initial {
            self.present_notices(id, cx);
        }
    }

    fn unavailable(&mut self, id: SessionId, presence: &Presence, cx: &mut Cx<'_>) {
        let Some(session) = self.session_mut(id) else { return };
        let was_available = session.is_available();
        let directed = core::mem::take(&mut session.directed);
        if was_available {
            // RFC 6121 section 4.5.2: the resource that leaves is told too.
            self.echo(presence, cx);
        }
        if let Some(session) = self.session_mut(id) {
            session.presence = None;
            session.greeting = None;
            session.errors.clear();
        }
        self.farewell(&Departure { presence: presence.clone(), directed, was_available }, cx);
        if was_available {
            self.presence_changed(id, cx);
            self.note_last(presence, cx);
        }
    }

    /// RFC 6121 section 4.2.2: everybody is subscribed to their own presence, the resource that sent it among them.
    fn echo(&mut self, presence: &Presence, cx: &mut Cx<'_>) {
        let mut presence = presence.clone();
        presence.set_to(Some(self.jid.clone().into()));
        self.hand_out(&presence, Session::is_available, cx);
    }

    /// Tells a session of the account's available resources.
    fn introduce(&mut self, id: SessionId, to_tell: impl Fn(SessionId) -> bool, cx: &mut Cx<'_>) {
        let told = self.sessions.iter().filter(|session| to_tell(session.id));
        let told: Vec<_> = told.filter_map(|session| session.presence.clone()).collect();
        for (mut presence, _) in told {
            presence.set_to(Some(self.jid.clone().into()));
            self.hand_out(&presence, |session| session.id == id, cx);
        }
    }

    /// Tells the subscribers what a session has said, except those that have answered what it said before with an error (RFC 3921 section
    /// 5.1.2).
    fn announce(&mut self, id: SessionId, presence: &Presence, cx: &mut Cx<'_>) {
        let Some(session) = self.sessions.iter().find(|session| session.id == id) else { return };
        let State::Ready(ready) = &self.state else { return };
        let hears =
            |contact: &&Jid| session.errors.is_empty() || !session.errors.contains(&contact.to_bare());
        for contact in ready.roster.subscribers().filter(hears).cloned().collect::<Vec<_>>() {
            self.show(presence.clone().with_to(contact).into(), cx);
        }
    }

    /// Does the next thing that a resource is owed that became available: asks a contact for its presence, or shows a request. One at a time, since
    /// one contact may have much to say, and has said it when the next is asked, if it is of this server.
    pub(crate) fn greet(&mut self, id: SessionId, cx: &mut Cx<'_>) {
        let State::Ready(ready) = &self.state else { return };
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else { return };
        let Some(greeting) = session.greeting.take() else { return };
        let Some((presence, _)) = &session.presence else { return };
        // It is done for what the session has said.
        cx.step = Step::of_session(presence.clone().into(), id);
        let after = match greeting {
            Greeting::Probes { after } => {
                let contact = ready.roster.subscribed_to_after(after.as_ref()).next().cloned();
                if let Some(contact) = contact {
                    session.greeting = Some(Greeting::Probes { after: Some(contact.clone()) });
                    self.probe(contact, cx);
                    return cx.step.push(Effect::Greet(id));
                }
                None
            }
            Greeting::Requests { after } => after,
        };
        let request = ready.roster.requests_after(after.as_ref()).next();
        if let Some((from, request)) = request.map(|(from, request)| (from.clone(), request.clone())) {
            session.greeting = Some(Greeting::Requests { after: Some(from) });
            // RFC 6121 section 3.1.3: whoever becomes available gets the requests that nobody has answered.
            self.hand_out(&request, |session| session.id == id, cx);
            cx.step.push(Effect::Greet(id));
        }
    }

    /// RFC 6121 section 4.3.1: for each resource that comes online, since what others have learned by now is not kept.
    fn probe(&mut self, contact: Jid, cx: &mut Cx<'_>) {
        let probe = Presence::new(PresenceType::Probe).with_from(self.jid.clone()).with_to(contact);
        self.send(probe.with_id(&cx.entropy.token(Label::StanzaId)).into(), cx);
    }

    /// RFC 6121 section 3.1.2: requests may have been lost on their way.
    fn ask_again(&mut self, cx: &mut Cx<'_>) {
        let State::Ready(ready) = &self.state else { return };
        let asked = ready.roster.items().filter(|item| item.ask()).map(|item| item.jid().clone());
        let mut asked: Vec<_> = asked.collect();
        if asked.len() > ASKED_AGAIN {
            let first = cx.entropy.number(Label::StanzaId) % asked.len() as u64;
            asked.rotate_left(usize::try_from(first).unwrap_or(0));
            asked.truncate(ASKED_AGAIN);
        }
        for contact in asked {
            let request = Presence::new(PresenceType::Subscribe).with_from(self.jid.clone()).with_to(contact);
            self.show(request.with_id(&cx.entropy.token(Label::StanzaId)).into(), cx);
        }
    }

    /// RFC 3921 section 9.4: what happened while nobody was there is told once. A step of its own, so that nothing else waits until it is stored
    /// that it was told.
    fn present_notices(&mut self, id: SessionId, cx: &mut Cx<'_>) {
        let State::Ready(ready) = &self.state else { return };
        // They come at once, so they have to leave room in the outbox; for the rest there is another time.
        let mut bytes = 0;
        let fits = |notice: &&Presence| {
            let is_first = bytes == 0;
            bytes += notice.weight();
            is_first || bytes <= cx.limits.outbox_bytes() / 4
        };
        let notices: Vec<_> = ready.roster.notices().take_while(fits).cloned().collect();
        if notices.is_empty() || !self.order.has_room(&cx.step, cx.limits) {
            return;
        }
        self.commit(cx);
        for notice in notices {
            if self.hand_out(&notice, |session| session.id == id, cx)
                && let Some(from) = notice.from().map(Jid::to_bare)
            {
                self.change(Change::RemovePending { from, kind: PendingKind::Notice }, cx);
            }
        }
        self.commit(cx);
    }

    /// Tells what a session leaves behind: to the subscribers, if it was available, and to those who got directed presence of it and would
    /// not hear otherwise (RFC 6121 sections 4.5.2 and 4.6.3). Errors do not matter: RFC 6121 section 4.5.2 excepts nobody.
    pub(super) fn farewell(&mut self, departure: &Departure, cx: &mut Cx<'_>) {
        let Departure { presence, directed, was_available } = departure;
        let ready = match &self.state {
            State::Ready(ready) => Some(ready).filter(|_| *was_available),
            State::Cold | State::Loading { .. } => None,
        };
        let subscribers = ready.into_iter().flat_map(|ready| ready.roster.subscribers());
        let others = directed.iter().filter(|to| ready.is_none_or(|ready| !ready.is_subscriber(to)));
        for to in subscribers.chain(others).cloned().collect::<Vec<_>>() {
            self.send(presence.clone().with_to(to).into(), cx);
        }
    }

    /// Keeps in mind what the account has said last, once nobody is available any more (RFC 3921 section 5.1.3). A step of its own: contacts
    /// have to hear that nobody is there, whether this can be stored or not.
    fn note_last(&mut self, presence: &Presence, cx: &mut Cx<'_>) {
        if !self.sessions.iter().any(Session::is_available) && self.order.has_room(&cx.step, cx.limits) {
            self.commit(cx);
            self.change(Change::SetLastPresence { at: cx.now, presence: presence.clone() }, cx);
            self.commit(cx);
        }
    }

    /// A session has ended and is not among the others any more: what it leaves behind.
    pub(super) fn session_gone(&mut self, mut session: Session, cx: &mut Cx<'_>) -> Option<Session> {
        let departure = Departure::of(&mut session);
        if departure.was_available {
            self.echo(&departure.presence, cx);
        }
        self.depart(session.id, departure, cx);
        Some(session)
    }

    /// The second half of [`session_gone`](Self::session_gone), once it is known who the subscribers are.
    pub(super) fn depart(&mut self, id: SessionId, departure: Departure, cx: &mut Cx<'_>) {
        if let State::Loading { parked, .. } = &mut self.state {
            if departure.tells_anybody() {
                parked.push_back(Parked::Gone(id, departure));
            }
            return;
        }
        self.farewell(&departure, cx);
        if departure.was_available {
            self.presence_changed(id, cx);
        }
        self.session_ended(id, cx);
        if departure.was_available {
            self.note_last(&departure.presence, cx);
        }
    }

    /// Presence that one of the sessions sends to somebody else.
    pub(super) fn presence_to_others(&mut self, id: SessionId, presence: Presence, cx: &mut Cx<'_>) {
        let Some(to) = presence.to() else { return };
        match presence.type_() {
            PresenceType::Available => {
                if let Err(fault) = check(&presence) {
                    return cx.refuse_with(fault.into());
                }
                let State::Ready(ready) = &self.state else { return };
                let is_subscriber = ready.is_subscriber(to);
                let to = to.clone();
                let Some(session) = self.session_mut(id) else { return };
                // RFC 6121 section 4.6.3 rule 1: who hears anyway when the resource leaves need not be kept in mind.
                if is_subscriber && session.is_available() || session.directed.add(&to, cx.limits.directed())
                {
                    cx.step.route(presence.into());
                } else {
                    cx.refuse(Condition::ResourceConstraint);
                }
            }
            PresenceType::Unavailable => {
                let to = to.clone();
                if let Some(session) = self.session_mut(id) {
                    session.directed.remove(&to);
                }
                cx.step.route(presence.into());
            }
            type_ => match subscription::Kind::of(type_) {
                Some(kind) => self.subscription_out(presence, kind, cx),
                // RFC 6121 section 4.3: also a probe that a client has sent.
                None => cx.step.route(presence.into()),
            },
        }
    }

    /// Tells the subscribers again what each session has said last: what was to tell them may be lost with a step that could not be stored.
    /// What sessions are yet to learn goes on.
    pub(super) fn announce_again(&mut self, cx: &mut Cx<'_>) {
        let said = self.sessions.iter().filter_map(|session| Some((session.id, session.presence.clone()?.0)));
        for (id, presence) in said.collect::<Vec<_>>() {
            self.announce(id, &presence, cx);
        }
        for session in self.sessions.iter().filter(|session| session.greeting.is_some()) {
            cx.step.push(Effect::Greet(session.id));
        }
    }
}

// What others say.
impl Account {
    /// Presence that comes in for the account or one of its resources.
    ///
    /// What tells of availability is delivered whoever it is of: RFC 6121 section 8.5.2.1.2 has no exception, directed presence
    /// comes from strangers, and section 4.2.4 leaves it to clients what they show.
    pub(super) fn presence_inbound(&mut self, presence: Presence, cx: &mut Cx<'_>) {
        let (Some(from), Some(to)) = (presence.from(), presence.to()) else { return };
        if let Kind::Domain(_) = self.kind {
            return;
        }
        let is_for = |session: &Session| to.resource().is_none_or(|name| session.jid.resource() == name);
        if presence.is_error() {
            return self.presence_error(&presence, cx);
        }
        let contact = from.to_bare();
        for session in &mut self.sessions {
            session.errors.remove(&contact);
            // RFC 6121 section 4.6.1.
            if presence.type_() == PresenceType::Unavailable && is_for(session) {
                session.directed.remove(from);
            }
        }
        match presence.type_() {
            PresenceType::Probe => self.probed(&presence, &contact, cx),
            type_ => match subscription::Kind::of(type_) {
                Some(kind) => self.subscription_in(presence, kind, cx),
                None => self.by_table(presence.into(), false, cx),
            },
        }
    }

    /// Somebody could not be told something: a resource's presence, or a step of a subscription, which is from the bare JID (RFC 3921 section
    /// 8.2).
    fn presence_error(&mut self, presence: &Presence, cx: &mut Cx<'_>) {
        let (Some(from), Some(to)) = (presence.from(), presence.to()) else { return };
        let Some(name) = to.resource() else {
            self.hand_out(presence, Session::is_available, cx);
            return;
        };
        let contact = from.to_bare();
        let State::Ready(ready) = &self.state else { return };
        let is_subscriber = ready.is_subscriber(contact.as_jid());
        let mut sessions = self.sessions.iter_mut();
        if let Some(session) = sessions.find(|session| session.jid.resource() == name)
            && session.is_available()
            && is_subscriber
        {
            // RFC 3921 section 5.1.1: no updates, until it is heard of.
            session.errors.insert(contact);
        }
        self.hand_out(presence, |session| session.jid.resource() == name, cx);
    }

    fn probed(&mut self, probe: &Presence, contact: &BareJid, cx: &mut Cx<'_>) {
        let State::Ready(ready) = &self.state else { return };
        let state = match *contact == self.jid {
            true => subscription::State::Both,
            false => ready.roster.state(contact).0,
        };
        let resources: Vec<_> = self
            .sessions
            .iter()
            .map(|session| {
                let presence = session.presence.as_ref().map(|(presence, _)| presence);
                let has_told = probe.from().is_some_and(|prober| session.directed.has_told(prober));
                Resource::new(&session.jid).with_presence(presence).with_directed(has_told)
            })
            .collect();
        let last = ready.last_presence.as_ref().map(|(at, presence)| (*at, presence));
        let known = Known::new(state, &resources).with_last(last);
        for answer in answer(probe, &known, cx.profile.refused_probe()) {
            self.show(answer.into(), cx);
        }
    }

    /// Gives presence to those of the sessions that are meant and may get it: whether there are any.
    pub(super) fn hand_out(
        &mut self,
        presence: &Presence,
        is_meant: impl Fn(&Session) -> bool,
        cx: &mut Cx<'_>,
    ) -> bool {
        let stanza = Stanza::Presence(presence.clone());
        let meant = self.sessions.iter().filter(|session| is_meant(session));
        let meant = meant.filter(|session| self.admits(session, &stanza, cx.modules));
        let ids: Vec<_> = meant.map(|session| session.id).collect();
        for id in &ids {
            cx.step.deliver(*id, stanza.clone());
        }
        !ids.is_empty()
    }
}
