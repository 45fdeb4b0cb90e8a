//! The two content namespaces, which name the same stanzas on the two kinds of streams (RFC 6120 section 4.8.3).
//!
//! A stanza that goes from a client's stream to a server's changes its namespace, and so do the elements of its schema below
//! it. What lies inside an extension stays: a message that is quoted in one is in whatever namespace its sender wrote.

use super::build::Assembler;
use super::element::Element;
use super::ns;

/// Follows a walk through a stanza and gives each element's namespace on the other kind of stream.
///
/// The two namespaces change places, so that no two stanzas become one: an element of the wrong content namespace, which
/// means nothing here, means nothing there.
#[derive(Debug)]
pub(super) struct Counterpart {
    /// How many open elements, counted from the first that is in neither namespace.
    foreign: usize,
}

impl Counterpart {
    /// Changes namespaces if `translate`, else leaves them all.
    pub(super) fn new(translate: bool) -> Self {
        Counterpart { foreign: usize::from(!translate) }
    }

    pub(super) fn open<'a>(&mut self, ns: &'a str) -> &'a str {
        match ns {
            ns::CLIENT if self.foreign == 0 => ns::SERVER,
            ns::SERVER if self.foreign == 0 => ns::CLIENT,
            _ => {
                self.foreign += 1;
                ns
            }
        }
    }

    pub(super) fn close(&mut self) {
        self.foreign = self.foreign.saturating_sub(1);
    }
}

impl Element {
    /// The stanza as it stands on the other kind of stream.
    pub(crate) fn to_counterpart(&self) -> Element {
        let mut tree = Assembler::new();
        tree.append(self.as_ref(), Counterpart::new(true));
        tree.finish()
    }
}
