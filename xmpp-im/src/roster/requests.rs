//! The requests by which clients get and change their roster (RFC 3921 section 7, RFC 6121 section 2).

use alloc::boxed::Box;
use alloc::vec::Vec;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, Iq, IqType, Stanza, StanzaError};
use xmpp_core::xml::ns;

use super::{Update, push};
use crate::module::{BadState, Context, Kept, Match, Module, Origin, Part, Target, Verdict};
use crate::session::SessionId;

/// The module that answers for rosters.
#[derive(Debug)]
pub(crate) struct Requests;

// RFC 6121 section 2.3.3: other people's rosters are nobody's to change.
const MATCHES: [Match; 2] = [
    Match::get(Target::Account, ns::ROSTER, "query").for_owner(Condition::Forbidden),
    Match::set(Target::Account, ns::ROSTER, "query").for_owner(Condition::Forbidden),
];

impl Module for Requests {
    fn name(&self) -> &'static str {
        "roster"
    }

    fn matches(&self) -> &[Match] {
        &MATCHES
    }

    fn open(&self, _: &BareJid, _: Kept<'_>) -> Result<Box<dyn Part>, BadState> {
        Ok(Box::new(RosterPart))
    }
}

#[derive(Debug)]
struct RosterPart;

impl Part for RosterPart {
    fn handle(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let (Stanza::Iq(iq), Origin::Session(session)) = (stanza, cx.origin()) else {
            return Verdict::Continue;
        };
        match iq.type_() {
            IqType::Get => {
                cx.set_interested(session);
                let answer = iq.result_reply(Some(cx.roster().query()));
                cx.reply(answer);
            }
            _ => match change(iq, cx) {
                Ok(()) => drop(cx.reply(iq.result_reply(None))),
                Err(error) => {
                    if let Some(error) = iq.error_reply(error) {
                        cx.reply(error);
                    }
                }
            },
        }
        Verdict::Handled
    }
}

fn change(iq: &Iq, cx: &mut Context<'_>) -> Result<(), StanzaError> {
    // XEP-0175 section 3 leaves it to the server whether anonymous accounts have contacts.
    if cx.is_anonymous() {
        return Err(StanzaError::new(Condition::NotAllowed));
    }
    let query = iq.payload().ok_or_else(|| StanzaError::new(Condition::BadRequest))?;
    let update = Update::parse(query, cx.limits())?;
    let limits = cx.limits().clone();
    let change = cx.roster().change(update, &limits)?;
    let told = push(&change);
    cx.change(change);
    // RFC 6121 section 2.1.6: every interested resource is told, the one that asked among them.
    let interested = cx.sessions().filter(|session| session.is_interested());
    let interested: Vec<_> = interested.map(|session| (session.id(), session.jid().clone())).collect();
    for (session, jid) in interested {
        let session: SessionId = session;
        let push = Iq::set(&cx.token(), told.clone()).with_to(jid);
        cx.deliver(session, push);
    }
    Ok(())
}
