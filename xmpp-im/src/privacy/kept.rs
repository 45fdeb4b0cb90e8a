//! How lists are kept: each as the XML that clients see, under its name, and beside them which is the default.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use xmpp_core::limits::XmlLimits;
use xmpp_core::xml::{Element, Frame, Reader};

use super::item::{Action, Item, Subject};
use super::list::List;

/// What the name of the default list is kept under.
pub(super) const DEFAULT: &str = "default";
/// What stands before the name of a list that is kept.
const LIST: &str = "list:";

/// What a list is kept under.
pub(super) fn key(name: &str) -> String {
    [LIST, name].concat()
}

/// The name of the list that is kept under a key.
pub(super) fn name(key: &str) -> Option<&str> {
    key.strip_prefix(LIST)
}

pub(super) fn write(list: &List) -> Vec<u8> {
    list.to_element().to_string().into_bytes()
}

/// The list that was kept, or what stands in for one that cannot be read: it denies everybody, for nobody knows any more who was
/// denied. Its owner sees that in it, and sets it anew.
pub(super) fn read(name: &str, value: &[u8]) -> Option<List> {
    let list = element(value).and_then(|element| List::parse(element.as_ref()).ok());
    list.filter(|list| list.name() == name)
        .or_else(|| List::new(name, [Item::new(0, Action::Deny, Subject::Anyone)]))
}

fn element(value: &[u8]) -> Option<Element> {
    // A value that was written from a stanza within its limits may have grown by escapes.
    let limits = XmlLimits::client();
    let bytes = limits.stanza_bytes();
    let mut reader = Reader::new(limits.with_stanza_bytes(bytes * 6));
    reader.push(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
    reader.push(value);
    reader.next().ok()?;
    match reader.next() {
        Ok(Some(Frame::Element(element))) if !reader.has_unread() => Some(element),
        _ => None,
    }
}
