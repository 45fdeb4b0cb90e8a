//! Stanzas as texts of their own, outside any stream: as they are stored, and as they stand in logs and tests.

use core::fmt;
use core::str::FromStr;

use super::{Malformed, Stanza};
use crate::limits::XmlLimits;
use crate::xml::{Frame, Reader, XmlError};

/// The stream that the text is read as a part of, the same that [`Display`](fmt::Display) writes for.
const HEADER: &[u8] =
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const FOOTER: &[u8] = b"</stream:stream>";

/// A text that is not exactly one stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextError {
    /// It is not what a stream may contain.
    Xml(XmlError),
    /// There is no element in it, or more than one.
    NotOne,
    /// The element is not a stanza, or breaks the rules for stanzas.
    Malformed(Malformed),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::Xml(error) => error.fmt(f),
            TextError::NotOne => f.write_str("not exactly one element"),
            TextError::Malformed(malformed) => malformed.fmt(f),
        }
    }
}

impl core::error::Error for TextError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            TextError::Xml(error) => Some(error),
            TextError::NotOne => None,
            TextError::Malformed(malformed) => Some(malformed),
        }
    }
}

impl FromStr for Stanza {
    type Err = TextError;

    /// Reads a stanza as it stands on a stream between a client and its server, where it would say what it says here: what
    /// [`Display`](fmt::Display) writes, reads back as itself. Nothing but white space may stand beside it, and it may be as long as the text is.
    fn from_str(text: &str) -> Result<Self, TextError> {
        // Whoever has the text has given it its memory: no element, attribute or level is shorter than a byte.
        let most = text.len() + HEADER.len();
        let limits = XmlLimits::server_peer()
            .with_stanza_bytes(most)
            .with_depth(most)
            .with_attributes(most)
            .with_elements(most);
        let mut reader = Reader::new(limits);
        for part in [HEADER, text.as_bytes(), FOOTER] {
            reader.push(part);
        }
        let mut next = || reader.next().map_err(TextError::Xml);
        let (Some(Frame::Header(_)), Some(Frame::Element(element)), Some(Frame::Footer)) =
            (next()?, next()?, next()?)
        else {
            return Err(TextError::NotOne);
        };
        Stanza::parse(&element).map_err(TextError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::stanza::Fault;

    #[test]
    fn what_was_written_reads_back() {
        for text in [
            "<message/>",
            "<message to='juliet@example.com' from='romeo@example.net/orchard' id='&apos;&lt;' type='chat' xml:lang='en'>\
             <body>Art thou not Romeo, &amp; a &lt;Montague&gt;?</body><x xmlns='a'><y xmlns='b' z='1'/> </x></message>",
            "<presence type='subscribe'><status>\u{1f339}\n\t</status></presence>",
            "<iq id='1' type='get'><query xmlns='jabber:iq:roster'/></iq>",
        ] {
            let stanza: Stanza = text.parse().unwrap();
            assert_eq!(stanza.to_string().parse(), Ok(stanza), "{text}");
        }
        // However deep, wide and long it is.
        let wide = "<x/>".repeat(20_000);
        let text = alloc::format!("<message>{}{wide}{}</message>", "<x>".repeat(500), "</x>".repeat(500));
        let stanza: Stanza = text.parse().unwrap();
        assert_eq!(stanza.to_string().parse(), Ok(stanza));
    }

    #[test]
    fn what_is_not_one_stanza_is_refused() {
        let error = |text: &str| text.parse::<Stanza>().unwrap_err();
        for text in ["", " \n", "<message/><message/>", "</stream:stream><message/>"] {
            assert!(matches!(error(text), TextError::NotOne | TextError::Xml(_)), "{text}");
        }
        assert_eq!(error(""), TextError::NotOne);
        for text in [
            "<message>",
            "<message/>x",
            "<message/><",
            "<message><body></message>",
            "<!-- --><message/>",
            "\u{1}",
        ] {
            assert!(matches!(error(text), TextError::Xml(_)), "{text}: {:?}", error(text));
        }
        let TextError::Malformed(malformed) = error("<message to='@'/>") else { panic!() };
        assert_eq!(malformed.fault(), Fault::To);
        assert!(matches!(error("<x/>"), TextError::Malformed(_)));
        assert!(matches!(error("<message xmlns='other'/>"), TextError::Malformed(_)));
    }
}
