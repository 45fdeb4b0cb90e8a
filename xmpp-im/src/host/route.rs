//! Where stanzas go: to accounts, to the server itself, to components and to foreign domains (RFC 6120 section 10).

use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::route::{self, Destination, Origin};
use xmpp_core::stanza::{Condition, PresenceType, Stanza, StanzaError};
use xmpp_core::stream;
use xmpp_core::time::Instant;

use super::{AnonymousReach, Host, HostAction};
use crate::account::barrier::Source;
use crate::account::{self, Account, Input, Kind};
use crate::module::Target;

impl Host {
    /// Takes a stanza that came by the stream of another server or of a component, which has proved to that stream that it speaks for the
    /// domain in `from`. It goes where one of a local client would go, but never from one foreign domain to another; a refusal
    /// leaves by the way the stanza came.
    ///
    /// An account without sessions is loaded for it only if what the account has kept makes a difference to it; else the answer is the same
    /// as if there were no such account.
    ///
    /// # Errors
    /// The stream error that the stream has to end with: `improper-addressing` without `to` or `from`, `invalid-from` if the sender
    /// claims to be of this host, `host-unknown` if the receiver is not (RFC 6120 section 8.1.1.2), `policy-violation` for a foreign
    /// sender if this host does not federate. The stanza goes nowhere.
    pub fn deliver(&mut self, now: Instant, stanza: Stanza) -> Result<(), stream::Condition> {
        self.tick(now);
        let domains = &self.config.domains;
        let origin = match stanza.from() {
            None => return Err(stream::Condition::ImproperAddressing),
            Some(from) if self.config.services.contains(&from.domain_jid()) => {
                return Err(stream::Condition::InvalidFrom);
            }
            Some(from) if domains.is_component(from) => Origin::Component,
            Some(from) if domains.serves(from) => return Err(stream::Condition::InvalidFrom),
            Some(_) if !self.config.federates => return Err(stream::Condition::PolicyViolation),
            Some(_) => Origin::Server,
        };
        let decision = route::route(stanza.kind(), stanza.to(), origin, domains, &self.config.profile);
        match decision {
            route::Decision::Fault(condition) => return Err(condition),
            route::Decision::Forward(Destination::Account(to))
                if origin == Origin::Server && self.is_confined(&to) =>
            {
                self.unattended(&stanza);
            }
            _ => self.routed.push_back((stanza, Source::Outside)),
        }
        self.settle();
        Ok(())
    }

    /// A component has connected and proved that it is the one of this domain (XEP-0114): stanzas for it come out as
    /// [`HostAction::Component`] from now on.
    ///
    /// # Errors
    /// The stream error for the component: `host-unknown` if no component of this domain was [configured](super::HostConfig::with_component),
    /// `conflict` if it is connected already.
    pub fn attach_component(&mut self, domain: &BareJid) -> Result<(), stream::Condition> {
        let is_service = self.config.services.contains(domain);
        if is_service || domain.node().is_some() || !self.config.domains.is_component(domain.as_jid()) {
            return Err(stream::Condition::HostUnknown);
        }
        match self.components.insert(domain.clone()) {
            true => Ok(()),
            false => Err(stream::Condition::Conflict),
        }
    }

    /// The component that was attached is gone: who writes to it is told `remote-server-timeout` until it is back, which
    /// says that waiting may help (RFC 6120 section 8.3.3.17).
    pub fn detach_component(&mut self, domain: &BareJid) {
        self.components.remove(domain);
    }

    /// Whether that account has to do with nobody of a foreign domain.
    pub(super) fn is_confined(&self, account: &BareJid) -> bool {
        self.config.anonymous_reach == AnonymousReach::Local
            && self.accounts.get(account).is_some_and(Account::is_anonymous)
    }

    /// Whether that address is of a foreign domain.
    pub(super) fn is_foreign(&self, address: &Jid) -> bool {
        !self.config.domains.serves(address) && !self.config.domains.is_component(address)
    }

    /// Brings every stanza that is under way to its end, or to where it waits.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some((stanza, source)) = self.routed.pop_front() {
                self.route(stanza, source);
            } else if let Some(session) = self.barriers.next_moved() {
                if let Some(account) = self.sessions.get(&session).map(FullJid::to_bare) {
                    self.with_account(&account, |owner, cx| owner.unbar(session, cx));
                }
            } else if let Some(session) = self.greeted.pop_front() {
                self.greet(session);
            } else if self.busy.len() < self.config.limits.background_loads()
                && let Some(stanza) = self.goodbyes.pop_front()
            {
                self.routed.push_back((stanza, Source::Goodbye));
            } else {
                if self.is_deleting && self.goodbyes.is_empty() && !self.barriers.has_goodbyes() {
                    self.is_deleting = false;
                    let is_complete = !self.barriers.take_lost_goodbye();
                    self.actions.push_back(HostAction::DeletionsDone { is_complete });
                }
                return;
            }
        }
    }

    /// RFC 3920 section 10: by the domain, then by the account.
    fn route(&mut self, stanza: Stanza, source: Source) {
        let Some(to) = stanza.to() else { return };
        match self.config.domains.locate(to, &self.config.profile) {
            Destination::Server(domain) => self.served(&domain, Target::Server, stanza, source),
            Destination::Account(account) => self.attended(&account, stanza, source),
            Destination::Component(domain) if self.config.services.contains(&domain) => {
                self.served(&domain, Target::Service, stanza, source);
            }
            Destination::Component(domain) if self.components.contains(&domain) => {
                self.actions.push_back(HostAction::Component(domain, stanza));
            }
            Destination::Component(_) => self.refuse(&stanza, Condition::RemoteServerTimeout),
            Destination::Remote(_) if self.config.federates => {
                self.actions.push_back(HostAction::Foreign(stanza));
            }
            Destination::Remote(_) | Destination::Nowhere => {
                self.refuse(&stanza, Condition::RemoteServerNotFound);
            }
        }
    }

    /// A stanza for an account, which is loaded if it has to be and there is room.
    fn attended(&mut self, account: &BareJid, stanza: Stanza, source: Source) {
        if self.is_cold(account) {
            if !account::wakes(&stanza, &self.config.modules, &self.config.profile) {
                return self.unattended(&stanza);
            }
            // RFC 3921 section 5.1.3: a probe may go unanswered. Each login sends one to every contact, which is not to be in the way of
            // those who write.
            let (is_probe, room) = (is_probe(&stanza), self.config.limits.background_loads());
            if self.busy.len() >= if is_probe { room / 2 } else { room } {
                if !is_probe {
                    self.refuse(&stanza, Condition::ResourceConstraint);
                }
                return;
            }
            self.wake(account, Kind::Account);
        }
        self.with_account(account, |owner, cx| owner.input(Input::Inbound(stanza, source), cx));
    }

    /// Tells the sender that its stanza will not do.
    pub(super) fn refuse(&mut self, stanza: &Stanza, condition: Condition) {
        let refusal = stanza.error_reply(StanzaError::new(condition));
        self.routed.extend(refusal.map(|refusal| (refusal, Source::Server)));
    }

    /// A stanza to an account without sessions, or that does not exist: nobody can tell which.
    pub(super) fn unattended(&mut self, stanza: &Stanza) {
        let answer = account::unattended(stanza, &self.config.modules, &self.config.profile);
        self.routed.extend(answer.map(|answer| (answer, Source::Server)));
    }

    /// A stanza to the server itself, or to one of its services (RFC 6120 section 10.5.2).
    fn served(&mut self, domain: &BareJid, target: Target, stanza: Stanza, source: Source) {
        if self.is_cold(domain) {
            let kind = Kind::Domain(target);
            if self.config.modules.keep_state(target, domain) {
                self.wake(domain, kind);
            } else {
                let owner = Account::unstored(domain.clone(), kind, &self.config.modules);
                self.accounts.insert(domain.clone(), owner);
            }
        }
        self.with_account(domain, |owner, cx| owner.input(Input::Inbound(stanza, source), cx));
    }
}

pub(super) fn is_probe(stanza: &Stanza) -> bool {
    matches!(stanza, Stanza::Presence(presence) if presence.type_() == PresenceType::Probe)
}
