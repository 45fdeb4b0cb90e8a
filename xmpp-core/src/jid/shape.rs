//! What the address types of one shape share: they are a [`Jid`] of which something more is known.

/// Everything about a shape but its constructors: what the address says, how it is shown, and how it turns into a
/// [`Jid`](super::Jid) and back. `$is` tells whether an address has the shape, `$error` what it is when it has not.
macro_rules! shape {
    ($shape:ident, $is:ident, $error:ident) => {
        impl $shape {
            /// The part before the '@'.
            #[must_use]
            pub fn node(&self) -> Option<&str> {
                self.0.node()
            }

            /// The domain, see [`Jid::domain`](super::Jid::domain).
            #[must_use]
            pub fn domain(&self) -> &str {
                self.0.domain()
            }

            /// The whole prepared address.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The address as the type of any shape.
            #[must_use]
            pub fn as_jid(&self) -> &super::Jid {
                &self.0
            }

            /// The domain alone, see [`Jid::domain_jid`](super::Jid::domain_jid).
            #[must_use]
            pub fn domain_jid(&self) -> super::BareJid {
                self.0.domain_jid()
            }
        }

        impl core::fmt::Display for $shape {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl core::fmt::Debug for $shape {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple(stringify!($shape)).field(&self.as_str()).finish()
            }
        }

        impl core::str::FromStr for $shape {
            type Err = super::JidError;

            fn from_str(text: &str) -> Result<Self, super::JidError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $shape {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl core::borrow::Borrow<super::Jid> for $shape {
            fn borrow(&self) -> &super::Jid {
                &self.0
            }
        }

        impl From<$shape> for super::Jid {
            fn from(jid: $shape) -> Self {
                jid.0
            }
        }

        impl TryFrom<super::Jid> for $shape {
            type Error = super::JidError;

            fn try_from(jid: super::Jid) -> Result<Self, super::JidError> {
                if jid.$is() { Ok(Self(jid)) } else { Err(super::JidError::$error) }
            }
        }

        impl PartialEq<super::Jid> for $shape {
            fn eq(&self, other: &super::Jid) -> bool {
                self.0 == *other
            }
        }

        impl PartialEq<$shape> for super::Jid {
            fn eq(&self, other: &$shape) -> bool {
                *self == other.0
            }
        }
    };
}
pub(super) use shape;
