//! What the user of a client's session may want.

use alloc::string::String;
use core::fmt;

use xmpp_core::entropy::Label;
use xmpp_core::error::Misuse;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{IqType, Message, MessageType, Presence, PresenceType, RequestId, StanzaError};
use xmpp_core::time::Instant;
use xmpp_core::xml::Element;

use super::NICK;
use super::config::PresenceSharing;
use super::received::ReceivedId;
use super::roster::Contact;
use super::session::{ClientSession, Stage};
use crate::roster::Update;
use crate::{blocking, privacy};

/// A command that was not carried out. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// As much waits to be polled as the limits allow. Poll, send, and try again.
    QueueFull,
    /// As many requests wait for their responses as the limits allow. Wait until some have ended.
    TooManyRequests,
    /// The server gave no session. Close the stream.
    NoSession,
    /// The server does not offer what the command needs.
    NotOffered,
    /// The contact is not in the roster.
    NotInRoster,
    /// A privacy list has an item for a group that no contact is in.
    NoGroup,
    /// The privacy list applies to this session.
    ListInUse,
    /// The contact has not asked for a subscription, and the server does not approve in advance.
    NoRequest,
    /// The presence, or the message, is not of a type that the command is for.
    Type,
    /// The message is for nobody, or for the user's own account.
    Recipient,
    /// The request was answered already, or has expired.
    Answered,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CommandError::QueueFull => "too much waits to be sent: poll first",
            CommandError::TooManyRequests => "too many requests wait for their responses",
            CommandError::NoSession => "the server gave no session",
            CommandError::NotOffered => "the server does not offer it",
            CommandError::NotInRoster => "the contact is not in the roster",
            CommandError::NoGroup => "no contact in the roster is in a group of the privacy list",
            CommandError::ListInUse => "the privacy list applies to this session",
            CommandError::NoRequest => "the contact has not asked for a subscription",
            CommandError::Type => "not a stanza of the type that the command is for",
            CommandError::Recipient => "the message is for nobody else",
            CommandError::Answered => "the request was answered already, or has expired",
        })
    }
}

impl core::error::Error for CommandError {}

impl From<Misuse> for CommandError {
    /// The only thing that a tracker refuses.
    fn from(_: Misuse) -> Self {
        CommandError::TooManyRequests
    }
}

/// # Requests
///
/// Each ends by [`ClientEvent::Answered`](super::ClientEvent::Answered), or among what the session [leaves](super::Ended::unanswered). All commands fail with
/// [`QueueFull`](CommandError::QueueFull), and with [`NoSession`](CommandError::NoSession) once the server has refused one; those that make a request with
/// [`TooManyRequests`](CommandError::TooManyRequests) too.
impl ClientSession {
    /// Asks `to`, or our own account on its server, for information.
    ///
    /// # Errors
    /// As all requests.
    pub fn get(
        &mut self,
        now: Instant,
        to: Option<Jid>,
        payload: Element,
    ) -> Result<RequestId, CommandError> {
        self.request(now, IqType::Get, to, payload)
    }

    /// Has `to`, or our own account on its server, take or change something.
    ///
    /// # Errors
    /// As all requests.
    pub fn set(
        &mut self,
        now: Instant,
        to: Option<Jid>,
        payload: Element,
    ) -> Result<RequestId, CommandError> {
        self.request(now, IqType::Set, to, payload)
    }

    /// Answers a request that came as [`ClientEvent::Request`](super::ClientEvent::Request): with a result, which may have an element, or an error.
    ///
    /// # Errors
    /// [`CommandError::Answered`] if it has its answer already.
    pub fn answer(
        &mut self,
        request: ReceivedId,
        answer: Result<Option<Element>, StanzaError>,
    ) -> Result<(), CommandError> {
        let iq = self.received.take(request).ok_or(CommandError::Answered)?;
        match answer {
            Ok(payload) => self.reply(iq.result_reply(payload)),
            Err(error) => self.refuse(&iq, error),
        }
        Ok(())
    }

    fn request(
        &mut self,
        now: Instant,
        type_: IqType,
        to: Option<Jid>,
        payload: Element,
    ) -> Result<RequestId, CommandError> {
        self.room()?;
        let (request, iq) = match type_ {
            IqType::Get => self.tracker.get(now, to, payload),
            _ => self.tracker.set(now, to, payload),
        }?;
        self.send(iq);
        Ok(request)
    }

    fn room(&self) -> Result<(), CommandError> {
        if self.stage() == Stage::Refused {
            return Err(CommandError::NoSession);
        }
        if self.waiting() >= self.config.limits.queue() {
            return Err(CommandError::QueueFull);
        }
        Ok(())
    }
}

/// # Contacts (RFC 6121 section 2)
///
/// The roster shows a change once the server has pushed it.
impl ClientSession {
    /// Adds a contact, or replaces name and groups of one there is.
    ///
    /// # Errors
    /// As all requests.
    pub fn put_contact(&mut self, now: Instant, contact: &Contact) -> Result<RequestId, CommandError> {
        self.set(now, None, contact.update().to_element())
    }

    /// Changes what the user calls a contact, or takes the name away with an empty one; the groups stay.
    ///
    /// # Errors
    /// [`CommandError::NotInRoster`], and as all requests.
    pub fn rename_contact(&mut self, now: Instant, jid: &Jid, name: &str) -> Result<RequestId, CommandError> {
        let contact = self.contact(jid)?.with_name(name);
        self.put_contact(now, &contact)
    }

    /// Puts a contact into these groups and out of all others; the name stays.
    ///
    /// # Errors
    /// [`CommandError::NotInRoster`], and as all requests.
    pub fn regroup_contact<'a>(
        &mut self,
        now: Instant,
        jid: &Jid,
        groups: impl IntoIterator<Item = &'a str>,
    ) -> Result<RequestId, CommandError> {
        let contact = self.contact(jid)?.without_groups();
        self.put_contact(now, &groups.into_iter().fold(contact, Contact::with_group))
    }

    /// Removes a contact, and with it the subscriptions in both directions (RFC 6121 section 2.5).
    ///
    /// # Errors
    /// As all requests.
    pub fn remove_contact(&mut self, now: Instant, jid: &Jid) -> Result<RequestId, CommandError> {
        self.set(now, None, Update::Remove(jid.clone()).to_element())
    }

    fn contact(&self, jid: &Jid) -> Result<Contact, CommandError> {
        self.roster.get(jid).map(Contact::of).ok_or(CommandError::NotInRoster)
    }
}

/// # Subscriptions (RFC 6121 section 3)
///
/// Always with accounts, never with resources. [`subscription_commands`](Self::subscription_commands) says which make sense with a contact, the
/// roster what came of them.
impl ClientSession {
    /// Asks to see the contact's presence, with a few words for the user there. Whoever wants the contact to have a name or groups
    /// [puts](Self::put_contact) it into the roster first (RFC 3921 section 8.2).
    ///
    /// # Errors
    /// As all commands.
    pub fn subscribe(&mut self, contact: &BareJid, status: Option<&str>) -> Result<(), CommandError> {
        self.room()?;
        let mut presence = Presence::new(PresenceType::Subscribe);
        if let Some(status) = status {
            presence = presence.with_status(status);
        }
        if let Some(nickname) = &self.config.nickname {
            presence = presence.with_child(Element::builder(NICK, "nick").text(nickname).build());
        }
        self.send_to(contact, presence);
        Ok(())
    }

    /// No longer wants to see the contact's presence, or to have asked for it. From now on nobody there counts as available: the contact's
    /// server may tell so or not (RFC 6121 section 3.3.3).
    ///
    /// # Errors
    /// As all commands.
    pub fn unsubscribe(&mut self, contact: &BareJid) -> Result<(), CommandError> {
        self.room()?;
        self.send_to(contact, Presence::new(PresenceType::Unsubscribe));
        if self.roster.shows(contact) {
            self.lose_presence(contact);
        }
        Ok(())
    }

    /// Lets a contact who has asked for it see our presence.
    ///
    /// # Errors
    /// [`CommandError::NoRequest`] if the contact has not asked, and as all commands.
    pub fn approve(&mut self, contact: &BareJid) -> Result<(), CommandError> {
        if !self.requests.may_have(contact) {
            return Err(CommandError::NoRequest);
        }
        self.grant(contact)
    }

    /// Lets a contact who has not asked yet see our presence (RFC 6121 section 3.4).
    ///
    /// # Errors
    /// [`CommandError::NotOffered`] if the server does not [approve in advance](Self::can_pre_approve), and as all commands.
    pub fn pre_approve(&mut self, contact: &BareJid) -> Result<(), CommandError> {
        if !self.pre_approval {
            return Err(CommandError::NotOffered);
        }
        self.grant(contact)
    }

    fn grant(&mut self, contact: &BareJid) -> Result<(), CommandError> {
        self.room()?;
        self.requests.remove(contact);
        self.send_to(contact, Presence::new(PresenceType::Subscribed));
        Ok(())
    }

    /// Does not let the contact see our presence: refuses what it asks for, takes back what it has, or what was [approved in
    /// advance](Self::pre_approve).
    ///
    /// # Errors
    /// As all commands.
    pub fn deny(&mut self, contact: &BareJid) -> Result<(), CommandError> {
        self.room()?;
        self.requests.remove(contact);
        self.send_to(contact, Presence::new(PresenceType::Unsubscribed));
        Ok(())
    }

    /// RFC 6121 sections 3.1.1 and 3.1.4: with an id, which is never that of what it answers.
    fn send_to(&mut self, contact: &BareJid, presence: Presence) {
        let id = self.entropy.token(Label::StanzaId);
        self.send(presence.with_to(contact.clone()).with_id(&id));
    }
}

/// # Presence (RFC 6121 section 4)
impl ClientSession {
    /// Tells everybody who may know that we are available, and how, or no longer are. Addresses are left out.
    ///
    /// # Errors
    /// [`CommandError::Type`] unless it is available or unavailable presence, and as all commands.
    pub fn set_presence(&mut self, presence: Presence) -> Result<(), CommandError> {
        let presence = availability(presence)?;
        self.room()?;
        match self.stage() {
            // The initial presence, which has not gone out yet.
            Stage::Establishing | Stage::Loading => {
                self.config.presence = Some(presence).filter(|new| new.type_() == PresenceType::Available);
            }
            Stage::Running | Stage::Refused => self.broadcast(presence),
        }
        Ok(())
    }

    /// Tells somebody who is not subscribed that we are available, and how, or no longer are (RFC 6121 section 4.6).
    ///
    /// # Errors
    /// [`CommandError::Type`] unless it is available or unavailable presence, and as all commands.
    pub fn direct_presence(&mut self, to: &Jid, presence: Presence) -> Result<(), CommandError> {
        let mut presence = availability(presence)?;
        self.room()?;
        presence.set_from(None);
        self.send(presence.with_to(to.clone()));
        Ok(())
    }

    /// Says good-bye before the stream is closed (RFC 3921 section 5.1.5), if anybody thinks that we are here.
    pub fn leave(&mut self) {
        self.config.presence = None;
        if self.presence.is_some() {
            self.broadcast(Presence::new(PresenceType::Unavailable));
        }
    }
}

/// # Messages (RFC 6121 section 5)
impl ClientSession {
    /// Sends a message as it is.
    ///
    /// # Errors
    /// As all commands.
    pub fn message(&mut self, message: Message) -> Result<(), CommandError> {
        self.room()?;
        self.send(message);
        Ok(())
    }

    /// Sends a message of a chat session (RFC 6121 section 5.1): to the resource that wrote last, if the message is for an account and one has,
    /// and in the session's thread, unless it has another. A partner who does not see our presence is told that we are here, as
    /// [`PresenceSharing`] has it.
    ///
    /// # Errors
    /// [`CommandError::Type`] unless it is of type `chat`, [`CommandError::Recipient`] if it is for nobody, or for our own account; and as all
    /// commands.
    pub fn chat(&mut self, now: Instant, mut message: Message) -> Result<(), CommandError> {
        if message.type_() != MessageType::Chat {
            return Err(CommandError::Type);
        }
        let to = message.to().cloned().ok_or(CommandError::Recipient)?;
        let peer = to.to_bare();
        if peer == self.account {
            return Err(CommandError::Recipient);
        }
        self.room()?;
        let to = if to.is_full() { to } else { self.chats.lock(&peer).cloned().unwrap_or(to) };
        let thread = match message.thread() {
            Some(thread) => String::from(thread),
            None => {
                let known = self.chats.thread(&peer).map(String::from);
                // RFC 6121 section 5.2.5: it tells nothing about anybody.
                let thread = known.unwrap_or_else(|| self.entropy.token(Label::StanzaId));
                message = message.with_thread(&thread);
                thread
            }
        };
        if message.id().is_none() {
            message.set_id(Some(&self.entropy.token(Label::StanzaId)));
        }
        let freed = self.chats.sent(now, &to, &thread, &self.config.limits);
        self.unshare(freed);
        self.share(&to);
        message.set_to(Some(to));
        self.send(message);
        Ok(())
    }

    /// Ends a chat session: the next one has another thread and begins at the account.
    pub fn end_chat(&mut self, peer: &BareJid) {
        let shared = self.chats.end(peer);
        self.unshare(shared);
    }

    /// Chooses who sees our presence because we chat, from now on.
    pub fn set_presence_sharing(&mut self, sharing: PresenceSharing) {
        self.config.sharing = sharing;
    }

    /// RFC 6121 section 5.1: so that a partner without a subscription sees when we go.
    fn share(&mut self, to: &Jid) {
        let peer = to.to_bare();
        if self.config.sharing == PresenceSharing::Never
            || self.chats.is_shared(&peer)
            || self.roster.is_shown_to(&peer)
        {
            return;
        }
        if let Some(presence) = self.presence.clone() {
            self.send(presence.with_to(to.clone()));
            self.chats.share(to);
        }
    }
}

/// # Privacy (RFC 3921 section 10, XEP-0191)
///
/// The answers are read by [`privacy::Names`], [`privacy::List::parse_answer`] and [`blocking::parse_blocklist`]. Which list applies is known from the
/// answers to these requests, not from those to [`get`](Self::get) and [`set`](Self::set).
impl ClientSession {
    /// Asks for the names of the privacy lists, or for one list.
    ///
    /// # Errors
    /// As all requests.
    pub fn privacy(&mut self, now: Instant, query: &privacy::Query) -> Result<RequestId, CommandError> {
        let request = self.get(now, None, query.to_element())?;
        self.applied.queried(request, query);
        Ok(request)
    }

    /// Changes, removes or selects a privacy list.
    ///
    /// # Errors
    /// [`CommandError::NoGroup`] for a list with a group that nobody in the roster is in, as far as we have it (RFC 3921 section 10.1);
    /// [`CommandError::ListInUse`] for the removal of a list that applies to this session: another one has to be selected before, or none, and the
    /// answer to that awaited (section 10.8); and as all requests.
    pub fn change_privacy(
        &mut self,
        now: Instant,
        update: &privacy::Update,
    ) -> Result<RequestId, CommandError> {
        match update {
            privacy::Update::Set(list) if !self.roster.has_groups(list.groups()) => {
                return Err(CommandError::NoGroup);
            }
            privacy::Update::Remove(name) if self.applied.applies(name) => {
                return Err(CommandError::ListInUse);
            }
            _ => {}
        }
        let request = self.set(now, None, update.to_element())?;
        self.applied.requested(request, update);
        Ok(request)
    }

    /// Asks who is blocked. From then on [changes](super::ClientEvent::BlocklistChanged) are told.
    ///
    /// # Errors
    /// As all requests.
    pub fn blocklist(&mut self, now: Instant) -> Result<RequestId, CommandError> {
        self.get(now, None, blocking::query())
    }

    /// Blocks or unblocks.
    ///
    /// # Errors
    /// As all requests.
    pub fn change_blocklist(
        &mut self,
        now: Instant,
        command: &blocking::Command,
    ) -> Result<RequestId, CommandError> {
        self.set(now, None, command.to_element())
    }
}

/// Presence that says whether we are there. Who is not has neither a state nor a priority (RFC 6121 section 4.5.1).
fn availability(presence: Presence) -> Result<Presence, CommandError> {
    match presence.type_() {
        PresenceType::Available => Ok(presence),
        PresenceType::Unavailable => Ok(presence.with_show(None).with_priority(0)),
        _ => Err(CommandError::Type),
    }
}
