//! Components that are connected, and what waits for them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, Stanza};

use super::mailbox::Mailbox;

/// Bytes of stanzas that may wait for one component, beside those in its mailbox.
const OUTBOX: usize = 1 << 20;

/// Stanzas for connected components.
#[derive(Debug, Default)]
pub(super) struct Components(HashMap<BareJid, Carried>);

/// A component that a connection carries.
#[derive(Debug)]
struct Carried {
    mailbox: Arc<Mailbox>,
    outbox: VecDeque<Stanza>,
    bytes: usize,
}

impl Components {
    /// A component has connected.
    pub(super) fn attach(&mut self, domain: BareJid, mailbox: Arc<Mailbox>) {
        self.0.insert(domain, Carried { mailbox, outbox: VecDeque::new(), bytes: 0 });
    }

    /// A component is gone. `unsent` was taken out of its mailbox and not sent. Errors for the senders of what it did not get.
    pub(super) fn detach(&mut self, domain: &BareJid, unsent: Vec<Stanza>) -> Vec<Stanza> {
        let Some(carried) = self.0.remove(domain) else { return Vec::new() };
        let lost = unsent.into_iter().chain(carried.mailbox.take().stanzas).chain(carried.outbox);
        lost.filter_map(|stanza| stanza.error_reply(Condition::RemoteServerTimeout)).collect()
    }

    /// Puts a stanza behind the others for that component; the error for its sender if there is no room.
    pub(super) fn push(&mut self, domain: &BareJid, stanza: Stanza) -> Option<Stanza> {
        let Some(carried) = self.0.get_mut(domain) else {
            return stanza.error_reply(Condition::RemoteServerTimeout);
        };
        let bytes = carried.bytes.saturating_add(stanza.weight());
        if carried.bytes > 0 && bytes > OUTBOX {
            return stanza.error_reply(Condition::ResourceConstraint);
        }
        carried.bytes = bytes;
        carried.outbox.push_back(stanza);
        self.fill(domain);
        None
    }

    /// Moves what a component is to get into its mailbox.
    pub(super) fn fill(&mut self, domain: &BareJid) {
        let Some(Carried { mailbox, outbox, bytes }) = self.0.get_mut(domain) else { return };
        mailbox.fill(|| {
            let stanza = outbox.pop_front()?;
            *bytes = bytes.saturating_sub(stanza.weight());
            Some(stanza)
        });
    }

    /// Whether stanzas wait outside the component's mailbox: it is slower than they come.
    pub(super) fn is_congested(&self, domain: &BareJid) -> bool {
        self.0.get(domain).is_some_and(|carried| !carried.outbox.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use xmpp_core::jid::Jid;
    use xmpp_core::stanza::Message;

    use super::*;

    fn domain() -> BareJid {
        BareJid::new("plays.localhost").unwrap()
    }

    fn stanza(bytes: usize) -> Stanza {
        let mut stanza: Stanza = Message::chat(domain()).with_body(&"x".repeat(bytes)).into();
        stanza.set_from(Some(Jid::new("juliet@localhost/balcony").unwrap()));
        stanza
    }

    #[test]
    fn what_waits_is_bounded_and_goes_back_when_the_component_does() {
        let mut components = Components::default();
        assert!(
            components.push(&domain(), stanza(1)).unwrap().to_string().contains("<remote-server-timeout ")
        );

        components.attach(domain(), Arc::default());
        let mut taken = 0;
        let refused = loop {
            match components.push(&domain(), stanza(10_000)) {
                None => taken += 1,
                Some(refused) => break refused,
            }
            assert!(taken < 1_000, "there is a bound");
        };
        assert!(refused.to_string().contains("<resource-constraint "));
        assert!(components.is_congested(&domain()));

        let errors = components.detach(&domain(), vec![stanza(1)]);
        assert_eq!(errors.len(), taken + 1);
        assert!(errors.iter().all(|error| error.to_string().contains("<remote-server-timeout ")));
        assert!(!components.is_congested(&domain()));
    }

    #[test]
    fn an_emptied_mailbox_is_filled_again_in_order() {
        let mut components = Components::default();
        let mailbox = Arc::<Mailbox>::default();
        components.attach(domain(), Arc::clone(&mailbox));
        for bytes in [70_000, 1, 2] {
            assert!(components.push(&domain(), stanza(bytes)).is_none());
        }
        let mail = mailbox.take();
        assert_eq!((mail.stanzas.len(), mail.more), (1, true));
        components.fill(&domain());
        assert_eq!(mailbox.take().stanzas, [stanza(1), stanza(2)]);
        assert!(!components.is_congested(&domain()));
    }
}
