//! Subscriptions to presence: the stanzas that ask for them, grant, refuse and cancel them (RFC 3921 section 8, RFC 6121 section 3).
//!
//! What each does is in [`subscription`]; here it is done, in the order that is asked for there. Local and
//! foreign contacts are the same: what is for them is routed, and what they answer comes in.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Condition, Presence, Stanza};

use super::{Account, Cx, State};
use crate::roster::Roster;
use crate::session::Session;
use crate::store::{Change, Pending, PendingKind};
use crate::subscription::{self, Audience, Direction, Effect, Kind, Rules};

impl Account {
    /// One of the sessions asks for a subscription, or answers. Between whom it is the bare JIDs say (RFC 6121 sections 3 and 3.1.2).
    pub(super) fn subscription_out(&mut self, presence: Presence, kind: Kind, cx: &mut Cx<'_>) {
        let Some(contact) = presence.to().map(Jid::to_bare) else { return };
        if self.is_anonymous() {
            // What it might be told of would be gone with its session.
            return cx.refuse(Condition::NotAllowed);
        }
        let presence = presence.with_from(self.jid.clone()).with_to(contact.clone());
        self.subscription(&contact, Direction::Outbound, kind, &presence, cx);
    }

    /// A contact asks for a subscription, or answers (RFC 6121 sections 3.1.3, 3.1.6, 3.2.3 and 3.3.3).
    pub(super) fn subscription_in(&mut self, presence: Presence, kind: Kind, cx: &mut Cx<'_>) {
        let (Some(from), Some(to)) = (presence.from(), presence.to()) else { return };
        let is_lost = |name| !self.sessions.iter().any(|session| session.jid.resource() == name);
        // RFC 6121 section 8.5.3.2.2: a request is for the account, whatever resource it names.
        if kind != Kind::Subscribe && to.resource().is_some_and(is_lost) {
            return;
        }
        let contact = from.to_bare();
        if contact == self.jid || self.is_anonymous() {
            return;
        }
        let presence = presence.with_from(contact.clone()).with_to(self.jid.clone());
        self.subscription(&contact, Direction::Inbound, kind, &presence, cx);
    }

    fn subscription(
        &mut self,
        contact: &BareJid,
        direction: Direction,
        kind: Kind,
        presence: &Presence,
        cx: &mut Cx<'_>,
    ) {
        let State::Ready(ready) = &self.state else { return };
        let (state, approved) = ready.roster.state(contact);
        let step = subscription::step(state, approved, direction, kind, Rules::new());
        let mut changes = match ready.roster.set_state(contact, step.next(), step.approved(), cx.limits) {
            Ok(changes) => changes,
            Err(error) => return cx.refuse_with(error),
        };
        if step.effects().any(|effect| effect == Effect::KeepRequest) {
            let kept = Pending::new(presence.clone()).map(|request| ready.roster.keep(request, cx.limits));
            match kept {
                Some(Ok(kept)) => changes.extend(kept),
                // Who asks too much, or is one too many, is not heard; they will ask again (RFC 6121 section 3.1.3).
                Some(Err(_)) | None => return,
            }
        }
        // RFC 3921 section 9.4: what the user says may be the answer to a notice that has not come through yet.
        let answered = direction == Direction::Outbound
            && ready
                .roster
                .notice(contact)
                .and_then(|notice| Kind::of(notice.type_()))
                .is_some_and(|told| told.is_answered_by(kind));
        if answered {
            changes.extend(ready.roster.forget(contact, PendingKind::Notice));
        }
        if !changes.is_empty() && !self.order.has_room(&cx.step, cx.limits) {
            return cx.refuse(Condition::ResourceConstraint);
        }
        for effect in step.effects() {
            match effect {
                Effect::Route => cx.step.route(presence.clone().into()),
                Effect::Deliver(audience) => self.deliver_subscription(audience, presence, cx),
                // Before what tells of it, and behind what explains it.
                Effect::Push => self.change_all(&mut changes, cx),
                Effect::Send(kind) => {
                    let mut answer = Presence::new(kind.presence_type());
                    answer.set_id(presence.id());
                    let answer = answer.with_from(self.jid.clone()).with_to(contact.clone());
                    self.show(answer.into(), cx);
                }
                Effect::SendPresence => self.send_presence(contact, cx),
                Effect::SendUnavailable => self.send_unavailable(contact, cx),
                // They are among the changes.
                Effect::KeepRequest | Effect::ForgetRequest => {}
            }
        }
        self.change_all(&mut changes, cx);
    }

    fn change_all(&mut self, changes: &mut Vec<Change>, cx: &mut Cx<'_>) {
        for change in changes.drain(..) {
            self.change(change, cx);
        }
    }

    /// Gives a contact's stanza to whom it is for. A notice that nobody of them hears is for whoever is available, and kept if
    /// nobody is (RFC 3921 section 9.4); a request is kept anyway.
    fn deliver_subscription(&mut self, audience: Audience, presence: &Presence, cx: &mut Cx<'_>) {
        let Audience::Interested = audience else {
            self.hand_out(presence, Session::is_available, cx);
            return;
        };
        let told = self.hand_out(presence, |session| session.interested, cx)
            || self.hand_out(presence, Session::is_available, cx);
        let State::Ready(ready) = &self.state else { return };
        let change = match Pending::new(presence.clone()) {
            // An older one is not news any more.
            Some(notice) if told => ready.roster.forget(notice.from(), PendingKind::Notice),
            Some(notice) => ready.roster.keep(notice, cx.limits).unwrap_or_default(),
            None => None,
        };
        if let Some(change) = change {
            self.change(change, cx);
        }
    }

    /// The contact may see who is available from now on (RFC 6121 section 3.1.5).
    fn send_presence(&mut self, contact: &BareJid, cx: &mut Cx<'_>) {
        let said = self.sessions.iter().filter_map(|session| Some(session.presence.clone()?.0));
        for presence in said.collect::<Vec<_>>() {
            self.show(presence.with_to(contact.clone()).into(), cx);
        }
    }

    /// The contact may not see any more who is available.
    fn send_unavailable(&mut self, contact: &BareJid, cx: &mut Cx<'_>) {
        let farewells = self.sessions.iter_mut().flat_map(|session| session.unavailable_to(contact));
        for farewell in farewells.collect::<Vec<_>>() {
            self.send(farewell.into(), cx);
        }
    }
}

/// What the contacts of an account are told when it is deleted: that every subscription and every request is cancelled (RFC 3921 section 8.6).
pub(super) fn goodbyes(account: &BareJid, roster: &Roster) -> Vec<Stanza> {
    let contacts = roster.items().map(|item| item.jid().to_bare());
    let strangers = roster.requests().filter_map(|request| request.from().map(Jid::to_bare));
    let mut goodbyes = Vec::new();
    for contact in contacts.chain(strangers).collect::<BTreeSet<_>>() {
        for effect in subscription::removal(roster.state(&contact).0) {
            if let Effect::Send(kind) = effect {
                let cancel = Presence::new(kind.presence_type()).with_from(account.clone());
                goodbyes.push(cancel.with_to(contact.clone()).into());
            }
        }
    }
    goodbyes
}
