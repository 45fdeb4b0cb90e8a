//! One-to-one chat sessions: which of a contact's resources to write to, and in which thread (RFC 6121 section 5.1).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::time::Instant;

use super::limits::ClientLimits;

/// The chat sessions, by the accounts of those they are with.
#[derive(Debug, Default)]
pub(super) struct Chats {
    open: BTreeMap<BareJid, Chat>,
    /// When each was last used, the longest silence first.
    used: BTreeSet<(Instant, BareJid)>,
}

#[derive(Debug, Default)]
struct Chat {
    used: Instant,
    thread: Option<String>,
    /// The resource that answered last.
    lock: Option<Jid>,
    /// Whom our presence was shared with for the sake of this chat.
    shared: Option<Jid>,
}

impl Chats {
    /// The resource to write to; none: the account, so that its server decides.
    pub(super) fn lock(&self, peer: &BareJid) -> Option<&Jid> {
        self.open.get(peer)?.lock.as_ref()
    }

    pub(super) fn thread(&self, peer: &BareJid) -> Option<&str> {
        self.open.get(peer)?.thread.as_deref()
    }

    /// Whether our presence was shared for the sake of this chat.
    pub(super) fn is_shared(&self, peer: &BareJid) -> bool {
        self.open.get(peer).is_some_and(|chat| chat.shared.is_some())
    }

    /// We write to `to` in that thread. Returned is who no longer needs our presence, since another chat had to give way.
    pub(super) fn sent(
        &mut self,
        now: Instant,
        to: &Jid,
        thread: &str,
        limits: &ClientLimits,
    ) -> Option<Jid> {
        let chat = self.touch(now, &to.to_bare());
        if chat.thread.as_deref() != Some(thread) {
            chat.thread = Some(thread.into());
        }
        self.give_way(limits)
    }

    /// Our presence went to `to`.
    pub(super) fn share(&mut self, to: &Jid) {
        if let Some(chat) = self.open.get_mut(&to.to_bare()) {
            chat.shared = Some(to.clone());
        }
    }

    /// They wrote. Returned is who no longer needs our presence, since another chat had to give way.
    pub(super) fn received(
        &mut self,
        now: Instant,
        from: &Jid,
        thread: Option<&str>,
        limits: &ClientLimits,
    ) -> Option<Jid> {
        let chat = self.touch(now, &from.to_bare());
        if let Some(thread) = thread.filter(|thread| chat.thread.as_deref() != Some(thread)) {
            chat.thread = Some(thread.into());
        }
        chat.lock = match &chat.lock {
            // Somebody with two devices in their hands: their server knows which one to use.
            Some(locked) if locked != from => None,
            _ => from.is_full().then(|| from.clone()),
        };
        self.give_way(limits)
    }

    /// Presence of a resource, or an error from there: what was known of where to write is outdated.
    pub(super) fn unlock(&mut self, peer: &BareJid) {
        if let Some(chat) = self.open.get_mut(peer) {
            chat.lock = None;
        }
    }

    fn touch(&mut self, now: Instant, peer: &BareJid) -> &mut Chat {
        let chat = self.open.entry(peer.clone()).or_default();
        self.used.remove(&(chat.used, peer.clone()));
        self.used.insert((now, peer.clone()));
        chat.used = now;
        chat
    }

    fn give_way(&mut self, limits: &ClientLimits) -> Option<Jid> {
        let longest = self.used.first().filter(|_| self.open.len() > limits.chats())?.1.clone();
        self.end(&longest)
    }

    /// The chat is over; who no longer needs our presence.
    pub(super) fn end(&mut self, peer: &BareJid) -> Option<Jid> {
        let chat = self.open.remove(peer)?;
        self.used.remove(&(chat.used, peer.clone()));
        chat.shared
    }

    /// We are gone, and the server has told all who knew of us (RFC 6121 section 4.6.3).
    pub(super) fn unshare(&mut self) {
        for chat in self.open.values_mut() {
            chat.shared = None;
        }
    }

    pub(super) fn poll_timeout(&self, limits: &ClientLimits) -> Option<Instant> {
        self.used.first().map(|(used, _)| *used + limits.chat_idle())
    }

    /// Ends one chat that was silent for too long, if there is one.
    pub(super) fn expire(&mut self, now: Instant, limits: &ClientLimits) -> Option<Option<Jid>> {
        let (_, peer) = self.used.first().filter(|(used, _)| *used + limits.chat_idle() <= now)?;
        let peer = peer.clone();
        Some(self.end(&peer))
    }
}
