//! Randomness as an argument: one secret seed per machine, expanded under labels.
//!
//! Every machine gets a [`Seed`] of its own and draws from it what it needs. Draws under one [`Label`] tell nothing about those under
//! another, so that a stream id that everybody sees says nothing about a nonce. Expansion is HMAC-SHA-256 in counter mode.

use alloc::string::String;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

/// 32 secret bytes from the embedder's random source, good for one machine.
///
/// It can neither be copied nor printed: two machines with one seed would hand out the same nonces.
pub struct Seed([u8; 32]);

impl Seed {
    /// Takes 32 bytes that nobody can guess, and that are used nowhere else.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Seed(bytes)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// What a draw is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Label {
    /// Nonces of SASL mechanisms.
    Nonce,
    /// Ids of streams.
    StreamId,
    /// Ids of stanzas that the engine itself sends.
    StanzaId,
    /// Resources that a server assigns.
    Resource,
    /// Nodes of the temporary accounts of anonymous clients.
    Node,
    /// Tells the tickets of one machine from another's.
    Ticket,
    /// The choice among hosts of equal priority.
    Weight,
    /// How far apart in time those are kept who would all do the same at once.
    Jitter,
}

impl Label {
    const COUNT: usize = 8;

    const fn index(self) -> usize {
        match self {
            Label::Nonce => 0,
            Label::StreamId => 1,
            Label::StanzaId => 2,
            Label::Resource => 3,
            Label::Ticket => 4,
            Label::Weight => 5,
            Label::Node => 6,
            Label::Jitter => 7,
        }
    }
}

/// A source of draws, made from a [`Seed`].
///
/// ```
/// use xmpp_core::entropy::{Entropy, Label, Seed};
///
/// let mut entropy = Entropy::new(Seed::new([7; 32]));
/// let id = entropy.token(Label::StreamId);
/// assert_eq!(id.len(), 24);
/// assert_ne!(id, entropy.token(Label::StreamId));
/// ```
pub struct Entropy {
    seed: Seed,
    drawn: [u64; Label::COUNT],
}

impl Entropy {
    /// A source that nothing was drawn from yet.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Entropy { seed, drawn: [0; Label::COUNT] }
    }

    /// The next 32 bytes under that label.
    pub fn draw(&mut self, label: Label) -> [u8; 32] {
        let index = label.index();
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.seed.0) else {
            return [0; 32]; // HMAC takes keys of every length.
        };
        mac.update(&[index as u8]);
        if let Some(drawn) = self.drawn.get_mut(index) {
            mac.update(&drawn.to_be_bytes());
            *drawn += 1;
        }
        mac.finalize().into_bytes().into()
    }

    /// The next token under that label: 24 characters of `A-Z a-z 0-9 - _`, 144 bits.
    pub fn token(&mut self, label: Label) -> String {
        let draw = self.draw(label);
        URL_SAFE_NO_PAD.encode(draw.get(..18).unwrap_or_default())
    }

    /// The next 64 bits under that label.
    pub fn number(&mut self, label: Label) -> u64 {
        self.draw(label).into_iter().take(8).fold(0, |number, byte| number << 8 | u64::from(byte))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::format;

    #[test]
    fn draws_are_a_function_of_seed_label_and_count() {
        let mut one = Entropy::new(Seed::new([1; 32]));
        let mut same = Entropy::new(Seed::new([1; 32]));
        let mut other = Entropy::new(Seed::new([2; 32]));
        let first = one.draw(Label::Nonce);
        assert_eq!(first, same.draw(Label::Nonce));
        assert_ne!(first, other.draw(Label::Nonce));
        assert_ne!(first, one.draw(Label::Nonce));
        // Labels are independent: what was drawn under one does not move another.
        assert_eq!(one.draw(Label::StreamId), same.draw(Label::StreamId));
        assert_ne!(same.draw(Label::StanzaId), same.draw(Label::Ticket));
    }

    #[test]
    fn no_label_repeats_a_draw() {
        let mut entropy = Entropy::new(Seed::new([1; 32]));
        let labels = [
            Label::Nonce,
            Label::StreamId,
            Label::StanzaId,
            Label::Resource,
            Label::Node,
            Label::Ticket,
            Label::Weight,
            Label::Jitter,
        ];
        let drawn: BTreeSet<_> = labels.into_iter().chain(labels).map(|label| entropy.draw(label)).collect();
        assert_eq!(drawn.len(), 2 * Label::COUNT);
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", Seed::new([65; 32])), "Seed(..)");
        assert_eq!(format!("{:?}", Entropy::new(Seed::new([65; 32]))), "Entropy(..)");
    }
}
