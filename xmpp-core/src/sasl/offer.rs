//! What a server offers, and the hash that keeps others from changing it (XEP-0440, XEP-0474).

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ScramHash;
use super::keys::Digest;

/// The mechanisms a server offers, and the channel binding types it says it has (XEP-0440), by their names.
///
/// ```
/// use xmpp_core::sasl::Offer;
///
/// let offer = Offer::new(["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"]).with_binding_types(["tls-exporter"]);
/// assert_eq!(offer.binding_types(), Some(&["tls-exporter".to_owned()][..]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    mechanisms: Vec<String>,
    binding_types: Option<Vec<String>>,
}

impl Offer {
    /// These mechanisms, in the order of the list.
    #[must_use]
    pub fn new(mechanisms: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { mechanisms: mechanisms.into_iter().map(Into::into).collect(), binding_types: None }
    }

    /// Says which channel binding types there are (XEP-0440 section 2).
    #[must_use]
    pub fn with_binding_types(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.binding_types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// The mechanisms, in the order of the list.
    #[must_use]
    pub fn mechanisms(&self) -> &[String] {
        &self.mechanisms
    }

    /// The channel binding types; `None` when nothing was said about them.
    #[must_use]
    pub fn binding_types(&self) -> Option<&[String]> {
        self.binding_types.as_deref()
    }

    /// Whether a mechanism is on the list.
    pub(super) fn has(&self, mechanism: &str) -> bool {
        self.mechanisms.iter().any(|name| name == mechanism)
    }

    /// Whether a mechanism of the SCRAM family is on the list, known or not.
    pub(super) fn has_scram(&self) -> bool {
        self.mechanisms.iter().any(|name| name.starts_with("SCRAM-"))
    }

    /// Whether a mechanism that binds is on the list, known or not.
    pub(super) fn has_plus(&self) -> bool {
        self.mechanisms.iter().any(|name| name.ends_with("-PLUS"))
    }

    /// The value of the attribute `h` of a server's first SCRAM message (XEP-0474 section 6.1).
    pub(super) fn protection(&self, hash: ScramHash) -> String {
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names.join("\u{1e}")
        };
        let mut text = sorted(&self.mechanisms);
        if let Some(types) = &self.binding_types {
            text.push('\u{1f}');
            text.push_str(&sorted(types));
        }
        STANDARD.encode(Digest::of(hash, text.as_bytes()).as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XEP-0474 section 6.3.
    #[test]
    fn the_example_of_xep_0474() {
        let offer = Offer::new(["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"])
            .with_binding_types(["tls-server-end-point", "tls-exporter"]);
        assert_eq!(offer.protection(ScramHash::Sha1), "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
    }

    #[test]
    fn order_means_nothing_and_everything_else_does() {
        let of = |offer: Offer| offer.protection(ScramHash::Sha256);
        let base = of(Offer::new(["A", "B"]));
        assert_eq!(of(Offer::new(["B", "A"])), base);
        for other in [
            Offer::new(["A"]),
            Offer::new(["A", "B", "B"]),
            Offer::new(["AB"]),
            Offer::new(["A", "B"]).with_binding_types(["x"]),
            Offer::new(["A", "B"]).with_binding_types([""; 0]),
            Offer::new(["A"]).with_binding_types(["B"]),
        ] {
            assert_ne!(of(other.clone()), base, "{other:?}");
        }
    }
}
