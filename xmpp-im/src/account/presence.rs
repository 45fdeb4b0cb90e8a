//! Presence of an account's resources: who is told of it (RFC 3921 section 5.1, RFC 6121 section 4).

use alloc::vec::Vec;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, Presence, PresenceType, Stanza};

use super::{Account, Cx};
use crate::session::{Session, SessionId};
use crate::store::{RosterItem, Subscription};

impl Account {
    /// Presence that one of the sessions sends to nobody in particular.
    pub(super) fn presence(&mut self, id: SessionId, presence: Presence, cx: &mut Cx<'_>) {
        match presence.type_() {
            PresenceType::Available => match presence.priority() {
                Ok(priority) => self.available(id, presence, priority, cx),
                Err(_) => cx.refuse(Condition::BadRequest),
            },
            PresenceType::Unavailable => {
                let was_available = self.session_mut(id).is_some_and(|session| session.is_available());
                if was_available {
                    // RFC 6121 section 4.5.2: the resource that leaves is told too.
                    self.broadcast(&presence, cx);
                }
                let farewells = self.session_mut(id).map(|session| {
                    session.presence = None;
                    session.farewells(Some(&presence))
                });
                for farewell in farewells.into_iter().flatten() {
                    self.send(farewell, cx);
                }
                if was_available {
                    self.presence_changed(id, cx);
                }
            }
            PresenceType::Error => {}
            // RFC 6121 section 4.3: a probe is no reason for an error, even if a client has none to send.
            PresenceType::Probe => self.introduce(id, |_| true, cx),
            _ => cx.refuse(Condition::BadRequest),
        }
    }

    fn available(&mut self, id: SessionId, presence: Presence, priority: i8, cx: &mut Cx<'_>) {
        let Some(session) = self.session_mut(id) else { return };
        let initial = session.presence.replace((presence.clone(), priority)).is_none();
        self.broadcast(&presence, cx);
        if initial {
            self.introduce(id, |other| other != id, cx);
        }
        self.presence_changed(id, cx);
    }

    /// Tells a session of the account's available resources.
    fn introduce(&mut self, id: SessionId, to_tell: impl Fn(SessionId) -> bool, cx: &mut Cx<'_>) {
        let told = self.sessions.iter().filter(|session| to_tell(session.id));
        let told: Vec<_> = told.filter_map(|session| session.presence.clone()).collect();
        for (mut presence, _) in told {
            presence.set_to(Some(self.jid.clone().into()));
            cx.step.deliver(id, presence.into());
        }
    }

    /// RFC 6121 section 4.2.2: everybody is subscribed to their own presence, the resource that sent it among them.
    fn broadcast(&mut self, presence: &Presence, cx: &mut Cx<'_>) {
        let mut presence = presence.clone();
        presence.set_to(Some(self.jid.clone().into()));
        let available = self.sessions.iter().filter(|session| session.is_available());
        for id in available.map(|session| session.id).collect::<Vec<_>>() {
            cx.step.deliver(id, presence.clone().into());
        }
    }

    /// A session has ended and is not among the others any more: what it leaves behind.
    pub(super) fn session_gone(&mut self, mut session: Session, cx: &mut Cx<'_>) -> Option<Session> {
        for farewell in session.farewells(None) {
            self.send(farewell, cx);
        }
        if session.is_available() {
            // RFC 6121 section 4.5.2: a resource that is gone is unavailable, whether it said so or not.
            let presence = Presence::new(PresenceType::Unavailable).with_from(session.jid.clone());
            self.broadcast(&presence, cx);
            self.presence_changed(session.id, cx);
        }
        self.session_ended(session.id, cx);
        Some(session)
    }

    /// Presence that one of the sessions sends to somebody else.
    pub(super) fn presence_to_others(&mut self, id: SessionId, presence: Presence, cx: &mut Cx<'_>) {
        match presence.type_() {
            PresenceType::Available | PresenceType::Unavailable => {
                let limit = cx.limits.directed();
                if self.session_mut(id).is_some_and(|session| session.direct(&presence, limit)) {
                    cx.step.route(presence.into());
                } else {
                    cx.refuse(Condition::ResourceConstraint);
                }
            }
            _ => self.subscription_out(id, &presence, cx),
        }
    }

    /// Presence that comes in for the account or one of its resources.
    pub(super) fn presence_inbound(&mut self, presence: Presence, cx: &mut Cx<'_>) {
        self.by_table(presence.into(), false, cx);
    }
}

/// What the contacts of an account are told when it is deleted, with the sessions that it has: that these leave, and that every subscription is
/// cancelled (RFC 3921 section 8.6).
pub(crate) fn goodbyes<'a>(
    account: &BareJid,
    sessions: &[Session],
    roster: impl Iterator<Item = &'a RosterItem>,
) -> Vec<Stanza> {
    let mut goodbyes = Vec::new();
    for item in roster {
        let (to, from) = match item.subscription() {
            Subscription::None => (false, false),
            Subscription::To => (true, false),
            Subscription::From => (false, true),
            Subscription::Both => (true, true),
        };
        if from {
            let available = sessions.iter().filter(|session| session.is_available());
            goodbyes.extend(available.map(|session| {
                let leaves = Presence::new(PresenceType::Unavailable).with_from(session.jid.clone());
                leaves.with_to(item.jid().clone()).into()
            }));
        }
        let cancelled = [
            (to || item.ask(), PresenceType::Unsubscribe),
            (from || item.approved(), PresenceType::Unsubscribed),
        ];
        for (_, type_) in cancelled.into_iter().filter(|(is_due, _)| *is_due) {
            let cancel = Presence::new(type_).with_from(account.clone()).with_to(item.jid().to_bare());
            goodbyes.push(cancel.into());
        }
    }
    goodbyes
}
