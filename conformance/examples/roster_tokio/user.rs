//! What the user of the messenger wants: event in, commands out.

use std::collections::BTreeSet;
use std::error::Error;

use clap::Args;
use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Message, Presence, PresenceType};
use xmpp_core::time::Instant;
use xmpp_im::client::{ClientEvent, ClientSession, Contact};
use xmpp_im::store::Subscription;

#[derive(Args)]
pub(crate) struct Wishes {
    /// A contact to add, and to ask for a subscription.
    #[arg(long)]
    add: Option<BareJid>,
    /// Approve whoever asks for a subscription, and ask for one in return.
    #[arg(long)]
    approve: bool,
    /// What to say to each contact that turns up.
    #[arg(long)]
    say: Option<String>,
}

pub(crate) struct User {
    wishes: Wishes,
    greeted: BTreeSet<BareJid>,
    written_to: bool,
}

impl User {
    pub(crate) fn new(wishes: Wishes) -> Self {
        User { wishes, greeted: BTreeSet::new(), written_to: false }
    }

    /// Whether the user has said and heard something.
    pub(crate) fn is_done(&self) -> bool {
        self.written_to && !self.greeted.is_empty()
    }

    pub(crate) fn on_event(
        &mut self,
        now: Instant,
        session: &mut ClientSession,
        event: ClientEvent,
    ) -> Result<(), Box<dyn Error>> {
        match event {
            ClientEvent::RosterReceived => {
                for item in session.roster().items() {
                    println!("contact {} {}", item.jid(), item.subscription().name());
                }
                if let Some(contact) = &self.wishes.add {
                    session.put_contact(now, &Contact::new(contact.clone().into()))?;
                    session.subscribe(contact, Some("May I?"))?;
                }
            }
            ClientEvent::ContactChanged(item) => {
                println!("contact {} {}", item.jid(), item.subscription().name());
            }
            ClientEvent::SubscriptionRequested(request) => {
                println!("asked by {}: {}", request.from(), request.status().unwrap_or_default());
                if self.wishes.approve {
                    session.approve(request.from())?;
                    let item = session.roster().get(request.from().as_jid());
                    if item.is_none_or(|item| item.subscription() == Subscription::None && !item.ask()) {
                        session.subscribe(request.from(), None)?;
                    }
                }
            }
            ClientEvent::Presence(presence) => self.on_presence(now, session, &presence)?,
            ClientEvent::Message(message) => {
                let from = message.from().map(ToString::to_string).unwrap_or_default();
                println!("{from}: {}", message.body().unwrap_or_default());
                self.written_to = true;
            }
            ClientEvent::Answered { answer: Err(failure), .. } | ClientEvent::Refused(failure) => {
                return Err(failure.into());
            }
            _ => {}
        }
        Ok(())
    }

    fn on_presence(
        &mut self,
        now: Instant,
        session: &mut ClientSession,
        presence: &Presence,
    ) -> Result<(), Box<dyn Error>> {
        // Our own resources are told of each other too.
        let own = session.jid().to_bare();
        let Some(from) = presence.from().filter(|from| from.to_bare() != own) else { return Ok(()) };
        let there = presence.type_() == PresenceType::Available;
        println!("{} {from}", if there { "there" } else { "gone" });
        // A stranger may show up too: whoever chats is seen for that time.
        let item = session.roster().get(from.to_bare().as_jid());
        let shows = item.is_some_and(|item| item.subscription().has_to());
        if let Some(text) = self.wishes.say.as_ref().filter(|_| there && shows)
            && self.greeted.insert(from.to_bare())
        {
            session.chat(now, Message::chat(from.to_bare()).with_body(text))?;
        }
        Ok(())
    }
}
