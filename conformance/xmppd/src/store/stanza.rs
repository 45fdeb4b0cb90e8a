//! Stanzas as the texts that are stored of them.

use xmpp_core::stanza::{Message, Presence, Stanza};

use super::StoreError;

/// Reads what was written as a text of its own.
///
/// # Errors
/// [`StoreError::Corrupt`], with what it was of.
pub(super) fn read(text: &str, of: &str) -> Result<Stanza, StoreError> {
    text.parse().map_err(|error| StoreError::corrupt(of, format_args!("a stanza: {error}")))
}

pub(super) fn read_message(text: &str, of: &str) -> Result<Message, StoreError> {
    match read(text, of)? {
        Stanza::Message(message) => Ok(message),
        _ => Err(StoreError::corrupt(of, "not a message")),
    }
}

pub(super) fn read_presence(text: &str, of: &str) -> Result<Presence, StoreError> {
    match read(text, of)? {
        Stanza::Presence(presence) => Ok(presence),
        _ => Err(StoreError::corrupt(of, "not presence")),
    }
}
