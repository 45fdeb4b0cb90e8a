//! How sessions start: the host's part of resource binding (RFC 6120 section 7).

use xmpp_core::entropy::Label;
use xmpp_core::jid::{BareJid, FullJid};
use xmpp_core::stanza::{Condition, ErrorType, StanzaError};
use xmpp_core::stream::{self, StreamError};
use xmpp_core::time::Instant;

use super::{ConflictPolicy, Host};
use crate::account::{Account, Kind};
use crate::session::{Session, SessionId};

/// A session that has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundSession {
    session: SessionId,
    jid: FullJid,
}

impl BoundSession {
    /// The session.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// Its address.
    #[must_use]
    pub const fn jid(&self) -> &FullJid {
        &self.jid
    }
}

impl Host {
    /// Starts a session of an account that has authenticated, under the resource it asks for, else under one of the host's choice. If
    /// another session has that resource already, the [`ConflictPolicy`] decides.
    ///
    /// # Errors
    /// `not-allowed` for an account that is not of this host or is anonymous, `bad-request` for a resource that is none,
    /// `resource-constraint` when the account has as many sessions as it may, `conflict` by policy (RFC 6120 sections 7.6.2 and 7.7.2).
    pub fn bind(
        &mut self,
        now: Instant,
        account: &BareJid,
        resource: Option<&str>,
    ) -> Result<BoundSession, StanzaError> {
        self.tick(now);
        let wished = self.wished(account, resource)?;
        let owner = self.accounts.get(account);
        if owner.is_some_and(Account::is_anonymous) {
            return Err(StanzaError::new(Condition::NotAllowed));
        }
        let sessions = owner.map(Account::sessions).unwrap_or_default();
        let holder = sessions.iter().find(|session| wished.as_ref() == Some(&session.jid));
        let replaced = holder.filter(|_| self.config.conflict == ConflictPolicy::Terminate);
        let replaced = replaced.map(|session| session.id);
        // A session that takes the place of another is not one more.
        if replaced.is_none() && sessions.len() >= self.config.limits.sessions() {
            return Err(StanzaError::new(Condition::ResourceConstraint));
        }
        if holder.is_some() && self.config.conflict == ConflictPolicy::Refuse {
            return Err(StanzaError::new(Condition::Conflict).with_type(ErrorType::Modify));
        }
        let free = wished.filter(|_| holder.is_none() || replaced.is_some());
        let jid = free.map_or_else(|| self.generated(account), Ok)?;
        if self.is_cold(account) {
            self.wake(account, Kind::Account);
        }
        Ok(self.start(account, jid, replaced))
    }

    /// Starts the session of an account that lives only as long as it: one that has authenticated by SASL ANONYMOUS, under an address that
    /// nobody can guess and that never comes again (XEP-0175).
    ///
    /// Nothing is loaded or stored for it: its roster is empty and stays so. Nobody else gets a session under its address, and
    /// [`AnonymousReach`](super::AnonymousReach) says whom it reaches.
    ///
    /// # Errors
    /// `not-allowed` for an account that is not of this host or has a session, `bad-request` for a resource that is none.
    pub fn bind_anonymous(
        &mut self,
        now: Instant,
        account: &BareJid,
        resource: Option<&str>,
    ) -> Result<BoundSession, StanzaError> {
        self.tick(now);
        let wished = self.wished(account, resource)?;
        if self.accounts.contains_key(account) {
            return Err(StanzaError::new(Condition::NotAllowed));
        }
        let jid = wished.map_or_else(|| self.generated(account), Ok)?;
        let anonymous = Account::unstored(account.clone(), Kind::Anonymous, &self.config.modules);
        self.accounts.insert(account.clone(), anonymous);
        Ok(self.start(account, jid, None))
    }

    /// The address that a client asks for, as resourceprep makes it (RFC 6120 section 7.7.2.1).
    fn wished(&self, account: &BareJid, resource: Option<&str>) -> Result<Option<FullJid>, StanzaError> {
        if account.node().is_none() || !self.config.domains.serves(account.as_jid()) {
            return Err(StanzaError::new(Condition::NotAllowed));
        }
        let wished = resource.map(|resource| account.with_resource(resource));
        wished.transpose().map_err(|_| StanzaError::new(Condition::BadRequest))
    }

    /// RFC 6120 section 7.6: a random resource, so that nobody can guess who is there.
    fn generated(&mut self, account: &BareJid) -> Result<FullJid, StanzaError> {
        let token = self.entropy.token(Label::Resource);
        account.with_resource(&token).map_err(|_| StanzaError::new(Condition::InternalServerError))
    }

    /// Gives an account a session, which may take the place of another.
    fn start(&mut self, account: &BareJid, jid: FullJid, replaced: Option<SessionId>) -> BoundSession {
        let id = SessionId(self.next_session);
        self.next_session += 1;
        self.sessions.insert(id, jid.clone());
        let session = Session::new(id, jid.clone());
        let taken = self.with_account(account, |owner, cx| owner.attach(session, replaced, cx));
        if let (Some(replaced), Some(Some(taken))) = (replaced, taken) {
            self.close(replaced, taken, StreamError::new(stream::Condition::Conflict));
        }
        self.settle();
        BoundSession { session: id, jid }
    }
}
