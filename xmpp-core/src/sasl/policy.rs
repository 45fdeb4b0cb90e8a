//! Which mechanisms are used: a client's choice, and what a server offers and permits.
//!
//! RFC 6120 sections 6.3.3 and 13.8; RFC 5802 section 6 for the `-PLUS` variants; XEP-0440 section 3 and XEP-0474 section 7 for
//! lists of channel binding types.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{BindingKind, Bindings, ChannelBinding, Mechanism, Offer, SaslCondition};

/// When PLAIN is usable: it hands the password itself to the other end (RFC 4616 section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlainPolicy {
    /// Not at all.
    Never,
    /// Only under TLS.
    #[default]
    OverTls,
    /// On a bare stream too: for a loopback or a test, where nobody listens.
    Always,
}

/// One entity's list of mechanisms and its conditions. The order is by strength on both sides and
/// owes nothing to the peer's (RFC 6120 section 6.3.3).
///
/// ```
/// use xmpp_core::sasl::{Bindings, Mechanism, Offer, PolicyError, Selection};
///
/// let bindings = Bindings::new().with_exporter([1; 32]);
/// let server = Selection::new().offered(&bindings, true);
/// let offer = Offer::new(server.iter().map(|mechanism| mechanism.name()));
/// assert_eq!(offer.mechanisms()[..3], ["SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"]);
/// assert_eq!(offer.mechanisms()[3..], ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]);
///
/// let client = Selection::new().minimum(Mechanism::ScramSha256);
/// assert_eq!(client.choose(&offer, &bindings, true)?.mechanism(), Mechanism::ScramSha512Plus);
/// let weak = client.choose(&Offer::new(["PLAIN"]), &bindings, true);
/// assert_eq!(weak, Err(PolicyError::TooWeak(Mechanism::Plain)));
/// # Ok::<(), PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    mechanisms: Vec<Mechanism>,
    minimum: Option<Mechanism>,
    plain: PlainPolicy,
}

impl Default for Selection {
    fn default() -> Self {
        Self::new()
    }
}

impl Selection {
    /// All that prove a [password](Mechanism::PASSWORD), PLAIN only under TLS.
    #[must_use]
    pub fn new() -> Self {
        Self { mechanisms: Mechanism::PASSWORD.to_vec(), minimum: None, plain: PlainPolicy::default() }
    }

    /// One more: `ANONYMOUS`, `EXTERNAL` and `DIGEST-MD5` are used by nobody who has not said so.
    #[must_use]
    pub fn allow(mut self, mechanism: Mechanism) -> Self {
        self.mechanisms.push(mechanism);
        self
    }

    /// Only these mechanisms.
    #[must_use]
    pub fn mechanisms(mut self, mechanisms: &[Mechanism]) -> Self {
        self.mechanisms = mechanisms.to_vec();
        self
    }

    /// Nothing weaker than this: for a client, what it has used with this server before; for a
    /// server, its policy.
    #[must_use]
    pub fn minimum(mut self, mechanism: Mechanism) -> Self {
        self.minimum = Some(mechanism);
        self
    }

    /// When PLAIN is usable.
    #[must_use]
    pub fn plain(mut self, plain: PlainPolicy) -> Self {
        self.plain = plain;
        self
    }

    /// A client's choice: the strongest of the mechanisms that a server offers and that this client
    /// may use. `bindings` are those of the TLS connection; `tls` says whether there is one.
    ///
    /// The choice says `y` (RFC 5802 section 6) when this client could bind and the sibling of what
    /// it chose is not on the list: whoever took it off is then found out by the server. So that
    /// nobody can switch this off by adding names, other `-PLUS` mechanisms on the list do not count.
    ///
    /// # Errors
    /// Why none is usable; the downgrade ([`PolicyError::TooWeak`]) tells the strongest there was.
    pub fn choose(&self, offer: &Offer, bindings: &Bindings, tls: bool) -> Result<Choice, PolicyError> {
        self.choose_among(offer, bindings, tls, |_| true)
    }

    /// The next choice after a server has refused `refused`: a weaker one (RFC 6120 sections 6.3.3 and 6.4.5), but none that gives up what
    /// `refused` protects from. Where `-PLUS` fails, somebody may sit in the middle, and who does not know the password is not given it in PLAIN.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn choose_after(
        &self,
        refused: Mechanism,
        offer: &Offer,
        bindings: &Bindings,
        tls: bool,
    ) -> Result<Choice, PolicyError> {
        self.choose_among(offer, bindings, tls, |mechanism| {
            mechanism < refused
                && (refused == Mechanism::External
                    || (mechanism.hash().is_some() && mechanism.is_plus() == refused.is_plus()))
        })
    }

    fn choose_among(
        &self,
        offer: &Offer,
        bindings: &Bindings,
        tls: bool,
        wanted: impl Fn(Mechanism) -> bool,
    ) -> Result<Choice, PolicyError> {
        if offer.binding_types().is_some() && offer.has_scram() && !offer.has_plus() {
            // XEP-0440 section 3 rule 5: who has SCRAM and something to bind to can do both, so somebody has taken mechanisms away. Where
            // there is no SCRAM the types are of no use, and of no harm.
            return Err(PolicyError::Contradiction);
        }
        let common = self
            .mechanisms
            .iter()
            .copied()
            .filter(|mechanism| wanted(*mechanism) && offer.has(mechanism.name()));
        let kind = common_kind(offer, bindings, tls);
        let bindable = common.clone().filter(|mechanism| !mechanism.is_plus() || kind.is_some());
        let strongest = bindable.filter(|mechanism| self.is_protected(*mechanism, tls)).max();
        let Some(mechanism) = strongest else {
            let only_plain = common.clone().any(|mechanism| mechanism == Mechanism::Plain);
            return Err(if only_plain { PolicyError::PlainUnprotected } else { PolicyError::NoneUsable });
        };
        if !self.is_strong_enough(mechanism) {
            return Err(PolicyError::TooWeak(mechanism));
        }
        let mut must_protect = false;
        let binding = if mechanism.is_plus() {
            kind.and_then(|kind| bound(bindings, kind)).ok_or(PolicyError::NoneUsable)?
        } else if !can_bind(bindings, tls) || !self.mechanisms.iter().any(|mechanism| mechanism.is_plus()) {
            ChannelBinding::NotSupported
        } else if mechanism.plus().is_some_and(|plus| !offer.has(plus.name())) {
            ChannelBinding::ServerLacks
        } else {
            // XEP-0440 section 3 rule 6, as XEP-0474 section 7 has changed it: a list of types without the one that every server has may be
            // an attacker's, until the server vouches for it.
            let end_point = BindingKind::TlsServerEndPoint.name();
            must_protect = kind.is_none()
                && common.clone().any(|plus| plus.is_plus() && plus > mechanism)
                && offer.binding_types().is_some_and(|types| types.iter().all(|name| name != end_point));
            if must_protect && mechanism.hash().is_none() {
                // PLAIN cannot be vouched for.
                return Err(PolicyError::Contradiction);
            }
            ChannelBinding::NotSupported
        };
        let protection = mechanism.hash().map(|hash| offer.protection(hash));
        Ok(Choice { mechanism, binding, protection, must_protect })
    }

    /// What a server offers, the strongest first. A `-PLUS` mechanism is among them only when there
    /// is a binding to verify it with (RFC 5802 section 6).
    #[must_use]
    pub fn offered(&self, bindings: &Bindings, tls: bool) -> Vec<Mechanism> {
        let mut offered: Vec<_> = self
            .mechanisms
            .iter()
            .copied()
            .filter(|mechanism| self.judge(*mechanism, bindings, tls).is_ok())
            .collect();
        offered.sort_unstable_by(|a, b| b.cmp(a));
        offered.dedup();
        offered
    }

    /// A server's verdict on the mechanism a client asks for, offered or not.
    ///
    /// # Errors
    /// `invalid-mechanism`, `encryption-required` or `mechanism-too-weak` (RFC 6120 section 6.5).
    pub fn permit(&self, name: &str, bindings: &Bindings, tls: bool) -> Result<Mechanism, SaslCondition> {
        let mechanism = Mechanism::from_name(name).ok_or(SaslCondition::InvalidMechanism)?;
        self.judge(mechanism, bindings, tls).map(|()| mechanism)
    }

    fn judge(&self, mechanism: Mechanism, bindings: &Bindings, tls: bool) -> Result<(), SaslCondition> {
        let barred = mechanism == Mechanism::Plain && self.plain == PlainPolicy::Never;
        if barred || !self.mechanisms.contains(&mechanism) || mechanism.is_plus() && !can_bind(bindings, tls)
        {
            Err(SaslCondition::InvalidMechanism)
        } else if !self.is_strong_enough(mechanism) {
            Err(SaslCondition::MechanismTooWeak)
        } else if !self.is_protected(mechanism, tls) {
            Err(SaslCondition::EncryptionRequired)
        } else {
            Ok(())
        }
    }

    fn is_strong_enough(&self, mechanism: Mechanism) -> bool {
        self.minimum.is_none_or(|minimum| mechanism >= minimum)
    }

    fn is_protected(&self, mechanism: Mechanism, tls: bool) -> bool {
        match (mechanism, self.plain) {
            // RFC 4422 appendix A.3: what is external here is TLS.
            (Mechanism::External, _) | (Mechanism::Plain, PlainPolicy::OverTls) => tls,
            (Mechanism::Plain, PlainPolicy::Never) => false,
            _ => true,
        }
    }
}

fn can_bind(bindings: &Bindings, tls: bool) -> bool {
    tls && !bindings.is_empty()
}

/// The type to bind with: the strongest that both ends have, as far as the server tells which it has.
fn common_kind(offer: &Offer, bindings: &Bindings, tls: bool) -> Option<BindingKind> {
    let told = |kind: &BindingKind| {
        offer.binding_types().is_none_or(|types| types.iter().any(|name| name == kind.name()))
    };
    bindings.kinds().find(told).filter(|_| tls)
}

fn bound(bindings: &Bindings, kind: BindingKind) -> Option<ChannelBinding> {
    bindings.get(kind).map(|data| ChannelBinding::Bound(kind, data.to_vec()))
}

/// A mechanism that a [`Selection`] allows on a connection, and what to say there about channel
/// binding. Only [`Selection::choose`] makes one, so no client starts against the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    mechanism: Mechanism,
    binding: ChannelBinding,
    /// What the server has to say to vouch for its offer (XEP-0474), for SCRAM.
    protection: Option<String>,
    /// Whether it has to say so at all.
    must_protect: bool,
}

impl Choice {
    /// The mechanism, to name in `<auth/>` and to remember as [`Selection::minimum`] once it has
    /// succeeded.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// What is said about channel binding.
    #[must_use]
    pub fn channel_binding(&self) -> &ChannelBinding {
        &self.binding
    }

    pub(super) fn into_parts(self) -> (ChannelBinding, Protection) {
        (self.binding, Protection { expected: self.protection, required: self.must_protect })
    }
}

/// What a client knows of the offer it chose from (XEP-0474 section 6.2).
pub(super) struct Protection {
    expected: Option<String>,
    required: bool,
}

impl Protection {
    /// Whether the server may be believed to have made that offer, by what it says of it.
    pub(super) fn accepts(&self, said: Option<&str>) -> bool {
        match said {
            Some(said) => self.expected.as_deref() == Some(said),
            None => !self.required,
        }
    }
}

/// Why a client uses none of the mechanisms it was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyError {
    /// None is known, enabled, and has the channel binding it needs.
    NoneUsable,
    /// Only PLAIN is left, and policy does not let it run here.
    PlainUnprotected,
    /// The offer cannot be the server's own: it names channel binding types without a mechanism that binds, or none of
    /// those that every server has (XEP-0440 section 3). Somebody may be changing the list.
    Contradiction,
    /// The strongest is this one, and a stronger one was used before: somebody may be changing the
    /// list.
    TooWeak(Mechanism),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneUsable => f.write_str("the server offers no mechanism that can be used"),
            Self::PlainUnprotected => f.write_str("the server offers only PLAIN, which policy refuses here"),
            Self::Contradiction => {
                f.write_str("the mechanisms and channel binding types offered do not go together")
            }
            Self::TooWeak(mechanism) => {
                write!(f, "the strongest mechanism offered, {mechanism}, is weaker than required")
            }
        }
    }
}

impl core::error::Error for PolicyError {}

#[cfg(test)]
mod tests;
