//! Messages for accounts of which nobody is there: kept, and delivered when somebody is (RFC 3921 section 11.1, RFC 6121 section 8.5.2.2,
//! XEP-0160).
//!
//! A host has it if it was [asked for](crate::host::HostConfig::with_offline_storage).
//!
//! - Which messages are kept is up to their [type and content](is_storable), and to the [limits](crate::limits::HostLimits::offline_messages). What is
//!   not kept is answered as the table of deliveries has it.
//! - The first session that is available with a priority that is not negative gets all of them, in the order in which they came, stamped with the time
//!   (XEP-0203). They come from the store by the page, the next one when the last is written to the session's transport.
//! - A message that comes while others are still in the store is put behind them, so that nothing overtakes; if there is no room it is refused.
//! - A message is removed from the store when it is written. What a session was given and did not get, because its connection broke or the
//!   server did, is still there for the next one.
//!
//! How a client asks for single ones of them (XEP-0013) is not here.

mod queue;
mod rules;

use alloc::boxed::Box;
use alloc::vec::Vec;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, Message, MessageType, Stanza, StanzaError};

use self::queue::{Next, Queue};
use crate::module::{Advertised, BadState, Context, Hooks, Kept, Module, Part, Target, Verdict};
use crate::session::SessionId;
use crate::store::{Change, OfflineMessage};

pub use self::rules::is_storable;

/// The feature that tells of it (XEP-0160 section 4).
pub const FEATURE: &str = "msgoffline";

/// Offline storage, as a module of the host.
#[derive(Debug)]
pub(crate) struct OfflineStorage;

impl Module for OfflineStorage {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn hooks(&self) -> Hooks {
        Hooks::new().incoming().undeliverable().sessions().presence()
    }

    fn keeps_state(&self) -> bool {
        true
    }

    fn advertises(&self) -> Advertised {
        Advertised::default().with_feature(Target::Server, FEATURE)
    }

    fn open(&self, _: &BareJid, kept: Kept<'_>) -> Result<Box<dyn Part>, BadState> {
        Ok(Box::new(Storage(Queue::new(kept.offline()))))
    }
}

/// The offline messages of one account.
#[derive(Debug)]
struct Storage(Queue);

impl Storage {
    /// Keeps a message, if there is room for it.
    fn keep(&mut self, message: &Message, cx: &mut Context<'_>) -> Verdict {
        match self.0.push(cx.now(), message.clone(), cx.limits()) {
            Some(kept) => {
                cx.change(Change::AppendOffline(kept));
                Verdict::Handled
            }
            None => Verdict::Continue,
        }
    }

    /// Goes on with what waits, if anybody is there for it.
    fn go_on(&mut self, cx: &mut Context<'_>) {
        let load = match self.0.next(|session| takes(cx, session)) {
            Next::Load(after) => Some(after),
            Next::Wait => None,
            Next::Idle => {
                let taker = cx.sessions().map(|session| session.id()).find(|session| takes(cx, *session));
                taker.and_then(|session| self.0.begin(session))
            }
        };
        if let Some(after) = load {
            cx.load_messages(after, cx.limits().offline_page());
        }
    }
}

/// XEP-0160 section 2: whoever has sent available presence whose priority is not negative.
fn takes(cx: &Context<'_>, session: SessionId) -> bool {
    cx.session(session).and_then(|session| session.priority()).is_some_and(|priority| priority >= 0)
}

/// Whether it is whoever is there that gets it: also a chat with a resource that is gone goes on with the account (RFC 6121 section 8.5.3.2.1).
fn is_for_account(message: &Message, cx: &Context<'_>) -> bool {
    let is_there = |to| cx.sessions().any(|session| session.jid() == to);
    message.to().is_none_or(|to| to.is_bare() || message.type_() == MessageType::Chat && !is_there(to))
}

impl Part for Storage {
    fn incoming(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        match stanza {
            // What waits was for the account, and order is kept for each pair of addresses (RFC 6120 section 10.1).
            Stanza::Message(message)
                if self.0.is_flooding() && is_storable(message) && is_for_account(message, cx) =>
            {
                if self.keep(message, cx) == Verdict::Continue {
                    // There is no room behind the others, and past them it must not go: there will be room soon.
                    let error = StanzaError::new(Condition::ResourceConstraint);
                    message.error_reply(error).map(|refusal| cx.reply(refusal));
                }
                Verdict::Handled
            }
            _ => Verdict::Continue,
        }
    }

    fn undeliverable(&mut self, message: &Message, cx: &mut Context<'_>) -> Verdict {
        if cx.is_anonymous() || !is_storable(message) {
            return Verdict::Continue;
        }
        self.keep(message, cx)
    }

    fn session_started(&mut self, _: SessionId, cx: &mut Context<'_>) {
        // When the account was loaded anew, its sessions begin once more, and any of them may still have what it was given: with the first of
        // them it has to be known, or another would be given the same.
        for session in cx.sessions().map(|session| session.id()) {
            self.0.resume(session, cx.unwritten(session));
        }
        self.go_on(cx);
    }

    fn session_ended(&mut self, session: SessionId, cx: &mut Context<'_>) {
        self.0.ended(session);
        self.go_on(cx);
    }

    fn presence_changed(&mut self, _: SessionId, cx: &mut Context<'_>) {
        self.go_on(cx);
    }

    fn written(&mut self, session: SessionId, mark: u64, cx: &mut Context<'_>) {
        if self.0.written(session, mark) {
            cx.change(Change::RemoveOffline { through: mark });
        }
        self.go_on(cx);
    }

    fn messages_loaded(&mut self, after: u64, page: Option<Vec<OfflineMessage>>, cx: &mut Context<'_>) {
        let Some(page) = page else {
            // To try again at once would be to try for ever.
            return self.0.page_failed(after);
        };
        let domain = cx.owner().domain_jid();
        if let Some((session, page)) = self.0.page(after, page) {
            for message in page {
                let number = message.number();
                cx.deliver_marked(session, rules::stamped(message, domain.as_jid()), number);
            }
        }
    }
}
