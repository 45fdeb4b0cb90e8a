//! The module that serves rosters: get, set and remove for the account's own resources, and pushes to those that asked
//! (RFC 3921 sections 7 and 8.6, RFC 6121 section 2).

use alloc::boxed::Box;
use alloc::vec::Vec;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Condition, Iq, IqType, Presence, Stanza, StanzaError};
use xmpp_core::xml::{Element, ElementRef, ns};

use super::{Answer, Update};
use crate::module::{Advertised, BadState, Context, Kept, Match, Module, Origin, Part, Target, Verdict};
use crate::session::SessionId;
use crate::store::{Change, PendingKind};
use crate::subscription::{self, Effect};

/// Rosters, as a module of the host.
#[derive(Debug)]
pub(crate) struct Rosters;

/// RFC 6121 section 2.3.3: other people's rosters are nobody's to see or to change, whether there are such people or not.
const MATCHES: [Match; 4] = [
    Match::get(Target::Account, ns::ROSTER, "query").for_owner(Condition::Forbidden),
    Match::set(Target::Account, ns::ROSTER, "query").for_owner(Condition::Forbidden),
    Match::get(Target::Server, ns::ROSTER, "query"),
    Match::set(Target::Server, ns::ROSTER, "query"),
];

impl Module for Rosters {
    fn name(&self) -> &'static str {
        "roster"
    }

    fn matches(&self) -> &[Match] {
        &MATCHES
    }

    fn advertises(&self) -> Advertised {
        // RFC 6121 sections 2.6.1 and 3.4.
        Advertised::default()
            .with_stream_feature(Element::builder(ns::ROSTER_VERSIONING, "ver").build())
            .with_stream_feature(Element::builder(ns::PRE_APPROVAL, "sub").build())
            .with_feature(Target::Account, ns::ROSTER)
    }

    fn open(&self, owner: &BareJid, _: Kept<'_>) -> Result<Box<dyn Part>, BadState> {
        Ok(if owner.node().is_some() { Box::new(OfAccount) } else { Box::new(OfServer) })
    }
}

/// What serves an account's roster. It has no memory of its own: the roster is the account's.
#[derive(Debug)]
struct OfAccount;

impl Part for OfAccount {
    fn handle(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let (Stanza::Iq(iq), Origin::Session(session)) = (stanza, cx.origin()) else {
            return Verdict::Continue;
        };
        let Some(query) = iq.payload() else { return Verdict::Continue };
        let outcome = match iq.type_() {
            IqType::Get => get(session, iq, query, cx),
            _ => set(iq, query, cx),
        };
        if let Err(error) = outcome {
            iq.error_reply(error).map(|error| cx.reply(error));
        }
        Verdict::Handled
    }
}

/// A server has no roster, and nobody may make one for it (RFC 6121 sections 2.1.4 and 2.3.3).
#[derive(Debug)]
struct OfServer;

impl Part for OfServer {
    fn handle(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let Stanza::Iq(iq) = stanza else { return Verdict::Continue };
        let condition = match iq.type_() {
            IqType::Get => Condition::ItemNotFound,
            _ => Condition::Forbidden,
        };
        iq.error_reply(StanzaError::new(condition)).map(|error| cx.reply(error));
        Verdict::Handled
    }
}

fn get(session: SessionId, iq: &Iq, query: ElementRef<'_>, cx: &mut Context<'_>) -> Result<(), StanzaError> {
    // RFC 6121 section 2.1.3. Whoever sends items wants to set them, and is to know that nothing was.
    if query.child(ns::ROSTER, "item").is_some() {
        return Err(StanzaError::new(Condition::BadRequest));
    }
    let limits = cx.limits;
    let answer = cx.roster().answer(query.attr("ver"), limits);
    cx.set_interested(session);
    match answer {
        Answer::Complete(query) => {
            cx.reply(iq.result_reply(Some(query)));
        }
        Answer::Changes(pushes) => {
            cx.reply(iq.result_reply(None));
            for query in pushes {
                cx.push(session, query);
            }
        }
    }
    Ok(())
}

fn set(iq: &Iq, query: ElementRef<'_>, cx: &mut Context<'_>) -> Result<(), StanzaError> {
    // XEP-0175 section 3 leaves it to the server whether anonymous accounts have contacts; what they had would have to be cancelled with them.
    if cx.is_anonymous() {
        return Err(StanzaError::new(Condition::NotAllowed));
    }
    let limits = cx.limits;
    let update = Update::parse(query, limits)?;
    // RFC 6121 section 2.3.3: everybody sees their own resources without being in their own roster.
    if matches!(&update, Update::Set { jid, .. } if jid.to_bare() == *cx.owner()) {
        return Err(StanzaError::new(Condition::NotAllowed));
    }
    let change = cx.roster().change(update, limits)?;
    if let Change::RemoveRosterItem { jid, .. } = &change {
        cancel(jid, cx);
    }
    cx.change(change);
    cx.reply(iq.result_reply(None));
    Ok(())
}

/// Whoever goes out of the roster is told so, and all that holds between them and the user ends (RFC 3921 section 8.6).
fn cancel(contact: &Jid, cx: &mut Context<'_>) {
    if contact.is_full() {
        // Subscriptions are between bare addresses.
        return;
    }
    let contact = contact.to_bare();
    let (state, _) = cx.roster().state(&contact);
    for effect in subscription::removal(state) {
        match effect {
            Effect::Send(kind) => {
                let id = cx.token();
                cx.send(Presence::new(kind.presence_type()).with_id(&id).with_to(contact.clone()));
            }
            Effect::SendUnavailable => {
                let farewells = cx.sessions.iter_mut().flat_map(|session| session.unavailable_to(&contact));
                for farewell in farewells.collect::<Vec<_>>() {
                    cx.send(farewell);
                }
            }
            _ => {}
        }
    }
    // RFC 3921 section 9.4: a removal is an answer to whatever was kept of the contact.
    for kind in [PendingKind::Request, PendingKind::Notice] {
        let forgotten = cx.roster().forget(&contact, kind);
        if let Some(forgotten) = forgotten {
            cx.change(forgotten);
        }
    }
}
