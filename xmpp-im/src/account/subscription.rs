//! Subscriptions to presence: the stanzas that ask for them, grant, refuse and cancel them (RFC 3921 section 8, RFC 6121 section 3).

use xmpp_core::stanza::{Condition, Presence};

use super::{Account, Cx};
use crate::session::SessionId;

impl Account {
    /// One of the sessions asks for a subscription, or answers.
    pub(super) fn subscription_out(&mut self, _id: SessionId, _presence: &Presence, cx: &mut Cx<'_>) {
        // Nobody is subscribed to anybody.
        cx.refuse(Condition::FeatureNotImplemented);
    }
}
