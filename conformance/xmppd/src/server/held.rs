//! Shares of budgets whose stanzas wait for a foreign domain that is behind: its link does not stand yet, or is slower than they
//! come. Until it has caught up their senders have that much less room, so that who sends much waits instead of losing stanzas.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant as Moment;
use xmpp_core::jid::BareJid;

/// How long a share is held at the longest: who writes to a server that is not there has other things to say, too.
const LONGEST: Duration = Duration::from_secs(5);

/// How often it is looked for those.
const LOOK: Duration = Duration::from_millis(500);

/// The shares by domain, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Held {
    shares: HashMap<BareJid, VecDeque<(Moment, OwnedSemaphorePermit)>>,
    look: Option<Moment>,
}

impl Held {
    /// Keeps a share until the domain has caught up.
    pub(super) fn hold(&mut self, domain: BareJid, share: OwnedSemaphorePermit, now: Moment) {
        self.shares.entry(domain).or_default().push_back((now + LONGEST, share));
        self.look.get_or_insert(now + LOOK);
    }

    /// Gives the shares back: the domain has caught up.
    pub(super) fn release(&mut self, domain: &BareJid) {
        self.shares.remove(domain);
    }

    /// Gives those shares back that were held for long enough, and all of domains that have caught up, as `has_caught_up` says.
    pub(super) fn expire(&mut self, now: Moment, has_caught_up: impl Fn(&BareJid) -> bool) {
        self.shares.retain(|domain, shares| {
            let due = shares.iter().take_while(|(until, _)| *until <= now).count();
            shares.drain(..due);
            !shares.is_empty() && !has_caught_up(domain)
        });
        self.look = (!self.shares.is_empty()).then_some(now + LOOK);
    }

    /// When to look next.
    pub(super) const fn look(&self) -> Option<Moment> {
        self.look
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn shares_come_back_when_the_domain_has_caught_up_or_after_a_while() {
        let [near, far] = ["near.example", "far.example"].map(|name| BareJid::new(name).unwrap());
        let (budget, mut held, start) = (Arc::new(Semaphore::new(9)), Held::default(), Moment::now());
        let share = || Arc::clone(&budget).try_acquire_owned().unwrap();
        assert_eq!(held.look(), None);
        for (domain, after) in [(&near, 0), (&far, 0), (&far, 2)] {
            held.hold(domain.clone(), share(), start + Duration::from_secs(after));
        }
        assert_eq!((budget.available_permits(), held.look()), (6, Some(start + LOOK)));
        held.release(&near);
        assert_eq!(budget.available_permits(), 7);
        held.expire(start + LONGEST - LOOK, |_| false);
        assert_eq!((budget.available_permits(), held.look()), (7, Some(start + LONGEST)));
        held.expire(start + LONGEST, |_| false);
        assert_eq!(budget.available_permits(), 8);
        held.expire(start + LONGEST, |domain| *domain == far);
        assert_eq!((budget.available_permits(), held.look()), (9, None));
    }
}
