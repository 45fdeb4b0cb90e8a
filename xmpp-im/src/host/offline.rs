//! Offline messages on their way from the store to a session, and what is known to be written.

use alloc::vec::Vec;

use xmpp_core::error::Misuse;
use xmpp_core::jid::BareJid;
use xmpp_core::time::Instant;

use super::{Host, HostAction, SessionId};
use crate::store::OfflineMessage;

/// The right to answer one [`HostAction::LoadOffline`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "messages that are never loaded wait until the next session comes"]
pub struct OfflineTicket {
    number: u64,
    account: BareJid,
    after: u64,
}

impl Host {
    /// The offline messages that were asked for.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when nobody waits for them any more.
    pub fn offline_loaded(
        &mut self,
        now: Instant,
        ticket: OfflineTicket,
        messages: Vec<OfflineMessage>,
    ) -> Result<(), Misuse> {
        self.page(now, ticket, Some(messages))
    }

    /// The offline messages that were asked for could not be loaded: they wait for the next session.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when nobody waits for them any more.
    pub fn offline_failed(&mut self, now: Instant, ticket: OfflineTicket) -> Result<(), Misuse> {
        self.page(now, ticket, None)
    }

    fn page(
        &mut self,
        now: Instant,
        ticket: OfflineTicket,
        page: Option<Vec<OfflineMessage>>,
    ) -> Result<(), Misuse> {
        self.tick(now);
        let OfflineTicket { number, account, after } = ticket;
        let owner = self.accounts.get(&account);
        owner.filter(|owner| owner.awaits_page(number)).ok_or(Misuse::Stale)?;
        self.with_account(&account, |owner, cx| owner.page(number, after, page, cx));
        self.settle();
        Ok(())
    }

    /// Of the stanzas that were [taken](Self::take) for this session since it began, the first `count` are written to its transport: what was
    /// kept until then is let go.
    ///
    /// Whoever never says this keeps all offline messages for ever. It may be said seldom, and of a session that has ended.
    pub fn sent(&mut self, now: Instant, session: SessionId, count: u64) {
        self.tick(now);
        let Some(jid) = self.sessions.get(&session) else { return };
        let account = jid.to_bare();
        self.with_account(&account, |owner, cx| owner.written(session, count, cx));
        self.settle();
    }

    pub(super) fn load_offline(&mut self, account: &BareJid, module: usize, after: u64) {
        let Some(owner) = self.accounts.get_mut(account) else { return };
        let number = self.next_ticket;
        self.next_ticket += 1;
        owner.expect_page(number, module);
        let ticket = OfflineTicket { number, account: account.clone(), after };
        let limit = self.config.limits.offline_page();
        self.actions.push_back(HostAction::LoadOffline { ticket, account: account.clone(), after, limit });
    }
}
