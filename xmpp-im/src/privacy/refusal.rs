//! What the sender of a denied stanza is told (RFC 3921 section 10.14, XEP-0191 section 3.3).

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, ErrorType, MessageType, Stanza, StanzaError};

use crate::blocking;

/// What keeps a stanza from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// An item of a privacy list.
    List,
    /// An item of the default list that blocks an address wholly, which the blocking command shows (XEP-0191 section 5).
    Blocklist,
}

impl Denial {
    /// What somebody gets who sends a stanza to the user: nothing for presence and for responses, an error for requests that is the same as
    /// that of a client without the service. A message vanishes as RFC 3921 has it, unless the sender is blocked as XEP-0191 has it,
    /// by which the error tells only that the user is as good as offline.
    #[must_use]
    pub fn inbound(self, stanza: &Stanza) -> Option<Stanza> {
        let answered = match stanza {
            Stanza::Presence(_) => false,
            // Of a headline nobody hears while the user is offline (RFC 6121 section 8.5.2.2.1).
            Stanza::Message(message) => {
                let is_dropped =
                    message.type_() == MessageType::Headline && message.to().is_none_or(Jid::is_bare);
                self == Denial::Blocklist && !is_dropped
            }
            Stanza::Iq(_) => true,
        };
        stanza.error_reply(StanzaError::new(Condition::ServiceUnavailable)).filter(|_| answered)
    }

    /// What the user gets for a stanza to somebody denied (XEP-0016 section 2.14, XEP-0191 section 3.3).
    #[must_use]
    pub fn outbound(self, stanza: &Stanza) -> Option<Stanza> {
        stanza.error_reply(match self {
            Denial::List => StanzaError::new(Condition::NotAcceptable).with_type(ErrorType::Cancel),
            Denial::Blocklist => blocking::error(),
        })
    }
}
