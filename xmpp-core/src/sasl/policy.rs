//! Which mechanisms are used: a client's choice, and what a server offers and permits.
//!
//! RFC 6120 sections 6.3.3 and 13.8; RFC 5802 section 6 for the `-PLUS` variants.

use alloc::vec::Vec;
use core::fmt;

use super::{BindingKind, Bindings, ChannelBinding, Mechanism, SaslCondition};

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
/// use xmpp_core::sasl::{Bindings, Mechanism, PolicyError, Selection};
///
/// let bindings = Bindings::new().with_exporter([1; 32]);
/// let server = Selection::new().offered(&bindings, true);
/// let names: Vec<_> = server.iter().map(|mechanism| mechanism.name()).collect();
/// assert_eq!(
///     names,
///     ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
/// );
///
/// let client = Selection::new().minimum(Mechanism::ScramSha256);
/// assert_eq!(client.choose(&names, &bindings, true)?.mechanism(), Mechanism::ScramSha256Plus);
/// assert_eq!(client.choose(&["PLAIN"], &bindings, true), Err(PolicyError::TooWeak(Mechanism::Plain)));
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
    /// All mechanisms, PLAIN only under TLS.
    #[must_use]
    pub fn new() -> Self {
        Self { mechanisms: Mechanism::ALL.to_vec(), minimum: None, plain: PlainPolicy::default() }
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
    pub fn choose(&self, offered: &[&str], bindings: &Bindings, tls: bool) -> Result<Choice, PolicyError> {
        let known = |mechanism: &Mechanism| offered.contains(&mechanism.name());
        let common = self.mechanisms.iter().copied().filter(known);
        let bindable = common.filter(|mechanism| !mechanism.is_plus() || can_bind(bindings, tls));
        let strongest = bindable.filter(|mechanism| self.is_protected(*mechanism, tls)).max();
        let Some(mechanism) = strongest else {
            let only_plain = known(&Mechanism::Plain) && self.mechanisms.contains(&Mechanism::Plain);
            return Err(if only_plain { PolicyError::PlainUnprotected } else { PolicyError::NoneUsable });
        };
        if !self.is_strong_enough(mechanism) {
            return Err(PolicyError::TooWeak(mechanism));
        }
        let binding = if mechanism.is_plus() {
            bindings.strongest().and_then(|kind| bound(bindings, kind)).ok_or(PolicyError::NoneUsable)?
        } else if self.mechanisms.iter().any(|mechanism| mechanism.is_plus())
            && can_bind(bindings, tls)
            && !mechanism.plus().is_some_and(|plus| known(&plus))
        {
            ChannelBinding::ServerLacks
        } else {
            ChannelBinding::NotSupported
        };
        Ok(Choice { mechanism, binding })
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
        mechanism != Mechanism::Plain
            || match self.plain {
                PlainPolicy::Never => false,
                PlainPolicy::OverTls => tls,
                PlainPolicy::Always => true,
            }
    }
}

fn can_bind(bindings: &Bindings, tls: bool) -> bool {
    tls && !bindings.is_empty()
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

    pub(super) fn into_channel_binding(self) -> ChannelBinding {
        self.binding
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
    /// The strongest is this one, and a stronger one was used before: somebody may be changing the
    /// list.
    TooWeak(Mechanism),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneUsable => f.write_str("the server offers no mechanism that can be used"),
            Self::PlainUnprotected => f.write_str("the server offers only PLAIN, which policy refuses here"),
            Self::TooWeak(mechanism) => {
                write!(f, "the strongest mechanism offered, {mechanism}, is weaker than required")
            }
        }
    }
}

impl core::error::Error for PolicyError {}

#[cfg(test)]
mod tests;
