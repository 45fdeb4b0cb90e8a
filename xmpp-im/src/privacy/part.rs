//! The lists at work in an account: requests about them, and every stanza that comes or goes (RFC 3921 sections 10.2 to 10.14, XEP-0191 section 3).

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Condition, Iq, IqType, Presence, PresenceType, Stanza, StanzaError};
use xmpp_core::xml::{Element, ElementRef, ns};

use super::{Denial, Edit, Lists, Query, Traffic, Update, push};
use crate::blocking::{self, Command};
use crate::module::{
    Advertised, BadState, Context, Hooks, Kept, Match, Module, Origin, Part, SessionView, Target, Verdict,
};
use crate::roster::Roster;
use crate::session::SessionId;
use crate::store::RosterItem;

/// The module that keeps from an account what its lists deny, and answers for them.
#[derive(Debug)]
pub(crate) struct Privacy;

/// What a session's active list is noted under.
const ACTIVE: &str = "active";
/// What is noted of a session that has asked for the blocklist.
const WATCHES: &str = "watches";

// Whom somebody does not want to hear from is nobody else's business.
const MATCHES: [Match; 5] = [
    Match::get(Target::Account, ns::PRIVACY, "query").for_owner(Condition::Forbidden),
    Match::set(Target::Account, ns::PRIVACY, "query").for_owner(Condition::Forbidden),
    Match::get(Target::Account, ns::BLOCKING, "blocklist").for_owner(Condition::Forbidden),
    Match::set(Target::Account, ns::BLOCKING, "block").for_owner(Condition::Forbidden),
    Match::set(Target::Account, ns::BLOCKING, "unblock").for_owner(Condition::Forbidden),
];

impl Module for Privacy {
    fn name(&self) -> &'static str {
        "privacy"
    }

    fn matches(&self) -> &[Match] {
        &MATCHES
    }

    fn hooks(&self) -> Hooks {
        Hooks::new().incoming().outgoing().admits().sessions().roster()
    }

    fn keeps_state(&self) -> bool {
        true
    }

    fn advertises(&self) -> Advertised {
        Advertised::default()
            .with_feature(Target::Server, ns::PRIVACY)
            .with_feature(Target::Server, ns::BLOCKING)
    }

    fn open(&self, owner: &BareJid, kept: Kept<'_>) -> Result<Box<dyn Part>, BadState> {
        // Without its hooks, the module would let everything pass: a list that cannot be read denies everybody instead.
        let lists = Lists::open(owner.clone(), kept.iter());
        Ok(Box::new(PrivacyPart { lists, farewells: BTreeSet::new() }))
    }
}

#[derive(Debug)]
struct PrivacyPart {
    lists: Lists,
    /// Unavailable presence on its way, from a session to somebody to whom it is denied from now on.
    farewells: BTreeSet<(Jid, Jid)>,
}

impl Part for PrivacyPart {
    fn handle(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let (Stanza::Iq(iq), Origin::Session(id)) = (stanza, cx.origin()) else { return Verdict::Continue };
        let session = cx.session(id).map(|session| session.jid().clone());
        let (Some(payload), Some(session)) = (iq.payload(), session) else { return Verdict::Continue };
        let done = match (iq.type_(), payload.ns()) {
            (IqType::Get, ns::PRIVACY) => self.show(payload, &session).map(|answer| {
                cx.reply(iq.result_reply(Some(answer)));
            }),
            (IqType::Get, _) => {
                cx.note(id, WATCHES, Some(""));
                cx.reply(iq.result_reply(Some(blocking::blocklist(self.lists.blocked()))));
                Ok(())
            }
            (_, ns::PRIVACY) => self.update(iq, payload, id, &session, cx),
            _ => self.command(iq, payload, cx),
        };
        if let Err(error) = done
            && let Some(error) = iq.error_reply(error)
        {
            cx.reply(error);
        }
        Verdict::Handled
    }

    fn incoming(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let (Some(from), Some(to)) = (stanza.from(), stanza.to()) else { return Verdict::Continue };
        if self.lists.is_empty() {
            return Verdict::Continue;
        }
        let session = cx.sessions().find(|session| session.jid() == to).map(|session| session.jid().clone());
        let Some(denial) = self.denies(session.as_ref(), Traffic::inbound(stanza), from, cx) else {
            return Verdict::Continue;
        };
        if let Some(error) = denial.inbound(stanza) {
            cx.reply(error);
        }
        Verdict::Handled
    }

    fn outgoing(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let (Some(from), Some(to)) = (stanza.from(), stanza.to()) else { return Verdict::Continue };
        let traffic = Traffic::outbound(stanza);
        let is_presence = traffic == Traffic::PresenceOut;
        if self.lists.is_empty() || is_presence && self.farewells.remove(&(from.clone(), to.clone())) {
            return Verdict::Continue;
        }
        let session = match (from.to_full(), cx.origin()) {
            (None, Origin::Session(id)) => cx.session(id).map(|session| session.jid().clone()),
            (from, _) => from,
        };
        let mut denial = self.denies(session.as_ref(), traffic, to, cx);
        if denial.is_none() && is_probe(stanza) {
            // RFC 3921 section 5.1.1: nobody is asked for what would be kept from who asks.
            denial = self.denies(session.as_ref(), Traffic::PresenceIn, to, cx);
        }
        let Some(denial) = denial else { return Verdict::Continue };
        // What the server sends in the user's name, as a broadcast, stays away in silence.
        let is_users = matches!(cx.origin(), Origin::Session(_)) && cx.stanza() == Some(stanza);
        if let Some(error) = denial.outbound(stanza).filter(|_| is_users) {
            cx.reply(error);
        }
        Verdict::Handled
    }

    fn admits(&self, session: SessionView<'_>, stanza: &Stanza, roster: &Roster) -> bool {
        let own = session.jid().as_jid();
        let denies = |from| self.lists.denies(own, Traffic::inbound(stanza), from, || contact(roster, from));
        stanza.from().and_then(denies).is_none()
    }

    fn session_started(&mut self, session: SessionId, cx: &mut Context<'_>) {
        // Of a session that was there before the account was loaded again.
        if let (Some(session), Some(name)) = (cx.session(session), cx.noted(session, ACTIVE)) {
            self.lists.restore(session.jid(), name);
        }
    }

    fn session_ended(&mut self, _: SessionId, cx: &mut Context<'_>) {
        self.lists.retain_sessions(|own| cx.sessions().any(|session| session.jid() == own));
    }

    fn roster_changed(&mut self, jid: &Jid, before: Option<&RosterItem>, cx: &mut Context<'_>) {
        let after = cx.roster().get(jid).cloned();
        // What comes and goes with a subscription, presence sees to.
        if !(is_subscriber(before) && is_subscriber(after.as_ref())) {
            return;
        }
        let own: Vec<_> = cx
            .sessions()
            .filter_map(|session| Some((session.jid().clone(), session.presence()?.clone())))
            .collect();
        for (session, presence) in own {
            let denies =
                |item| self.lists.denies(session.as_jid(), Traffic::PresenceOut, jid, || item).is_some();
            let change = (denies(before), denies(after.as_ref()));
            self.tell(&presence, session.as_jid(), jid, change, cx);
        }
    }
}

impl PrivacyPart {
    /// The answer to a get.
    fn show(&self, query: ElementRef<'_>, session: &FullJid) -> Result<Element, StanzaError> {
        match Query::parse(query)? {
            Query::Names => Ok(self.lists.names(session).to_element()),
            Query::List(name) => {
                let list = self.lists.get(&name).ok_or_else(|| StanzaError::new(Condition::ItemNotFound))?;
                Ok(list.to_answer())
            }
        }
    }

    fn update(
        &mut self,
        iq: &Iq,
        query: ElementRef<'_>,
        id: SessionId,
        session: &FullJid,
        cx: &mut Context<'_>,
    ) -> Result<(), StanzaError> {
        let limits = cx.limits().clone();
        let update = Update::parse(query, &limits)?;
        let others: Vec<_> =
            cx.sessions().map(|session| session.jid().clone()).filter(|other| other != session).collect();
        let before = self.lists.clone();
        let active = if let Update::Active(name) = &update { Some(name.clone()) } else { None };
        let edit = self.lists.update(session, &others, update, cx.roster(), &limits)?;
        cx.reply(iq.result_reply(None));
        if let Some(active) = active {
            cx.note(id, ACTIVE, active.as_deref());
        }
        self.follow(edit, &before, cx);

        let blocked = |lists: &Lists| lists.blocked().cloned().collect::<BTreeSet<_>>();
        let (old, new) = (blocked(&before), blocked(&self.lists));
        let [gone, came] = [(&old, &new), (&new, &old)]
            .map(|(some, others)| some.difference(others).cloned().collect::<Vec<_>>());
        for command in [Command::Unblock(gone), Command::Block(came)] {
            if !matches!(&command, Command::Block(jids) | Command::Unblock(jids) if jids.is_empty()) {
                push_command(&command, cx);
            }
        }
        Ok(())
    }

    fn command(&mut self, iq: &Iq, payload: ElementRef<'_>, cx: &mut Context<'_>) -> Result<(), StanzaError> {
        let limits = cx.limits().clone();
        let command = Command::parse(payload, &limits)?;
        let before = self.lists.clone();
        let edit = self.lists.command(&command, &limits)?;
        cx.reply(iq.result_reply(None));
        push_command(&command, cx);
        self.follow(edit, &before, cx);
        Ok(())
    }

    /// What has to follow an edit: it is kept, all resources hear of it, and others see what of the user's presence it changes for them.
    fn follow(&mut self, edit: Edit, before: &Lists, cx: &mut Context<'_>) {
        if let Some(name) = edit.modified() {
            let is_new = before.get(name).is_none();
            let name = name.to_string();
            for (id, session) in sessions(cx) {
                // What a session noted of a list that is gone is not about this one. Until then the note stays, for the removal may not be stored.
                if is_new && cx.noted(id, ACTIVE) == Some(&name) {
                    cx.note(id, ACTIVE, None);
                }
                let push = Iq::set(&cx.token(), push(&name)).with_to(session);
                cx.deliver(id, push);
            }
        }
        for (key, value) in edit.into_kept() {
            cx.keep(&key, value);
        }
        self.show_presence(before, cx);
    }

    /// Tells those from whom the user's presence is kept from now on that the user is gone, and those from whom it no longer is what it is
    /// (XEP-0016 section 2.11, XEP-0191 sections 3.3 and 3.4).
    fn show_presence(&mut self, before: &Lists, cx: &mut Context<'_>) {
        let shown = |session: SessionView<'_>| {
            let own = session.jid().as_jid();
            let is_changed = before.applied(own) != self.lists.applied(own);
            let directed = session.directed().cloned().collect::<Vec<_>>();
            is_changed.then_some(())?;
            Some((session.jid().clone(), session.presence()?.clone(), directed))
        };
        let shown: Vec<_> = cx.sessions().filter_map(shown).collect();
        for (session, presence, directed) in shown {
            let own = session.as_jid();
            let roster = cx.roster();
            let change = |jid: &Jid| {
                let denies = |lists: &Lists| {
                    lists.denies(own, Traffic::PresenceOut, jid, || contact(roster, jid)).is_some()
                };
                (denies(before), denies(&self.lists))
            };
            let contacts = roster.subscribers().map(|jid| (jid.clone(), change(jid)));
            // Who has heard of it by directed presence is told that it ends, and that was it.
            let others = directed.iter().filter(|jid| !is_subscriber(contact(roster, jid)));
            let others = others.map(|jid| (jid.clone(), change(jid)));
            let others = others.filter(|(_, change)| *change == (false, true));
            let told: Vec<_> = contacts.chain(others).filter(|(_, (old, new))| old != new).collect();
            for (jid, change) in told {
                self.tell(&presence, own, &jid, change, cx);
            }
        }
    }

    /// Tells somebody who was, and is now, denied the presence of a session.
    fn tell(
        &mut self,
        presence: &Presence,
        own: &Jid,
        jid: &Jid,
        change: (bool, bool),
        cx: &mut Context<'_>,
    ) {
        match change {
            (false, true) => {
                let farewell = Presence::new(PresenceType::Unavailable);
                if cx.send(farewell.with_from(own.clone()).with_to(jid.clone())) {
                    self.farewells.insert((own.clone(), jid.clone()));
                }
            }
            (true, false) => {
                cx.send(presence.clone().with_to(jid.clone()));
            }
            _ => {}
        }
    }

    /// What keeps a stanza from or to `peer` from a session, or from the account: that is kept from what all of its sessions are kept from,
    /// and from what the default list denies where there is none.
    fn denies(
        &self,
        session: Option<&FullJid>,
        traffic: Traffic,
        peer: &Jid,
        cx: &mut Context<'_>,
    ) -> Option<Denial> {
        let sessions = if session.is_none() { sessions(cx) } else { Vec::new() };
        let own = session.map_or(cx.owner().as_jid(), FullJid::as_jid).clone();
        let roster = cx.roster();
        let denies = |own: &Jid| self.lists.denies(own, traffic, peer, || contact(roster, peer));
        let Some(((_, first), others)) = sessions.split_first() else { return denies(&own) };
        let first = denies(first.as_jid())?;
        others.iter().all(|(_, own)| denies(own.as_jid()).is_some()).then_some(first)
    }
}

fn sessions(cx: &Context<'_>) -> Vec<(SessionId, FullJid)> {
    cx.sessions().map(|session| (session.id(), session.jid().clone())).collect()
}

/// XEP-0191 section 3.3: the resources that have asked for the blocklist are told of changes.
fn push_command(command: &Command, cx: &mut Context<'_>) {
    for (id, session) in sessions(cx) {
        if cx.noted(id, WATCHES).is_some() {
            let push = Iq::set(&cx.token(), command.to_element()).with_to(session);
            cx.deliver(id, push);
        }
    }
}

/// What the roster has of an address: an item of its own, or that of the account it belongs to.
fn contact<'r>(roster: &'r Roster, jid: &Jid) -> Option<&'r RosterItem> {
    roster.get(jid).or_else(|| roster.get(jid.to_bare().as_jid()))
}

fn is_probe(stanza: &Stanza) -> bool {
    matches!(stanza, Stanza::Presence(presence) if presence.type_() == PresenceType::Probe)
}

fn is_subscriber(contact: Option<&RosterItem>) -> bool {
    contact.is_some_and(|item| item.subscription().has_from())
}
