//! The content namespaces, which name the same stanzas on the kinds of streams (RFC 6120 section 4.8.3, XEP-0114 section 3).
//!
//! A stanza that goes from a client's stream to a server's changes its namespace, and so do the elements of its schema below
//! it. What lies inside an extension stays: a message that is quoted in one is in whatever namespace its sender wrote.

use super::build::Assembler;
use super::element::Element;
use super::ns;

/// Follows a walk through a stanza and gives each element's namespace on the other kind of stream.
///
/// `jabber:client` and the other one change places, so that no two stanzas become one: an element of the wrong content
/// namespace, which means nothing here, means nothing there.
#[derive(Debug)]
pub(super) struct Counterpart {
    other: &'static str,
    /// How many open elements, counted from the first that is in neither namespace.
    foreign: usize,
}

impl Counterpart {
    /// Between a client's stream and one with that content namespace.
    pub(super) fn of(content_ns: &str) -> Self {
        match content_ns {
            ns::SERVER => Counterpart { other: ns::SERVER, foreign: 0 },
            ns::COMPONENT => Counterpart { other: ns::COMPONENT, foreign: 0 },
            _ => Self::none(),
        }
    }

    /// Leaves all namespaces.
    pub(super) fn none() -> Self {
        Counterpart { other: ns::CLIENT, foreign: 1 }
    }

    pub(super) fn open<'a>(&mut self, ns: &'a str) -> &'a str {
        if self.foreign == 0 && ns == ns::CLIENT {
            self.other
        } else if self.foreign == 0 && ns == self.other {
            ns::CLIENT
        } else {
            self.foreign += 1;
            ns
        }
    }

    pub(super) fn close(&mut self) {
        self.foreign = self.foreign.saturating_sub(1);
    }
}

impl Element {
    /// The stanza, which is of a server's or a component's stream, as it stands on a client's.
    pub(crate) fn to_counterpart(&self) -> Element {
        let mut tree = Assembler::new();
        tree.append(self.as_ref(), Counterpart::of(self.ns()));
        tree.finish()
    }
}
