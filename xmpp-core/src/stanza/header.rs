//! What the three kinds of stanzas have in common: addresses, id and language (RFC 6120 section 8.1).

use alloc::string::String;
use alloc::sync::Arc;

use crate::jid::Jid;
use crate::xml::{attribute, chars};

/// The attributes of a stanza's start tag, apart from its type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) to: Option<Jid>,
    pub(super) from: Option<Jid>,
    pub(super) id: Option<Arc<str>>,
    pub(super) lang: Option<Arc<str>>,
}

impl Header {
    pub(super) fn set_id(&mut self, id: Option<&str>) {
        self.id = id.map(|id| Arc::from(&*chars::to_text(id)));
    }

    pub(super) fn set_lang(&mut self, lang: Option<&str>) {
        self.lang = lang.map(|lang| Arc::from(&*chars::to_text(lang)));
    }

    /// The header of an answer: addresses swapped, the same id (RFC 6120 sections 8.1.3 and 8.3.1 rule 2).
    pub(super) fn reply(&self) -> Header {
        Header { to: self.from.clone(), from: self.to.clone(), id: self.id.clone(), lang: None }
    }

    /// Bytes of memory, shared or not.
    pub(super) fn weight(&self) -> usize {
        let jid = |jid: &Option<Jid>| jid.as_ref().map_or(0, |jid| jid.as_str().len());
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        size_of::<Header>() + jid(&self.to) + jid(&self.from) + text(&self.id) + text(&self.lang)
    }

    pub(super) fn write(&self, out: &mut String) {
        for (name, value) in [
            ("to", self.to.as_ref().map(Jid::as_str)),
            ("from", self.from.as_ref().map(Jid::as_str)),
            ("id", self.id.as_deref()),
            ("xml:lang", self.lang.as_deref()),
        ] {
            if let Some(value) = value {
                attribute(out, name, value);
            }
        }
    }
}

/// Gives one kind of stanza the accessors that all of them have.
macro_rules! stanza_accessors {
    ($kind:ident) => {
        impl $kind {
            /// Whom it is for (RFC 6120 section 8.1.1).
            #[must_use]
            pub fn to(&self) -> Option<&Jid> {
                self.header.to.as_ref()
            }

            /// Whom it is from (RFC 6120 section 8.1.2).
            #[must_use]
            pub fn from(&self) -> Option<&Jid> {
                self.header.from.as_ref()
            }

            /// The language of its texts, unless they say otherwise (RFC 6120 section 8.1.5).
            #[must_use]
            pub fn lang(&self) -> Option<&str> {
                self.header.lang.as_deref()
            }

            /// Sets or removes the address it is for.
            pub fn set_to(&mut self, to: Option<Jid>) {
                self.header.to = to;
            }

            /// Sets or removes the address it is from.
            pub fn set_from(&mut self, from: Option<Jid>) {
                self.header.from = from;
            }

            /// Sets or removes the language, a tag of BCP 47 that is not checked here.
            pub fn set_lang(&mut self, lang: Option<&str>) {
                self.header.set_lang(lang);
            }

            /// The same stanza for that address.
            #[must_use]
            pub fn with_to(mut self, to: impl Into<Jid>) -> Self {
                self.set_to(Some(to.into()));
                self
            }

            /// The same stanza from that address.
            #[must_use]
            pub fn with_from(mut self, from: impl Into<Jid>) -> Self {
                self.set_from(Some(from.into()));
                self
            }

            /// The same stanza with that id.
            #[must_use]
            pub fn with_id(mut self, id: &str) -> Self {
                self.header.set_id(Some(id));
                self
            }

            /// The same stanza with texts in that language.
            #[must_use]
            pub fn with_lang(mut self, lang: &str) -> Self {
                self.set_lang(Some(lang));
                self
            }

            /// The elements below it, in document order.
            pub fn children(&self) -> impl Iterator<Item = ElementRef<'_>> + Clone {
                self.payload.children()
            }

            /// The first element directly below it of that namespace and name. The namespace of the stanza's own elements is
            /// [`ns::CLIENT`](crate::xml::ns::CLIENT), on a stream between servers too.
            #[must_use]
            pub fn child(&self, ns: &str, name: &str) -> Option<ElementRef<'_>> {
                self.payload.child(ns, name)
            }

            /// What went wrong, if it is of type `error`; `undefined-condition` if it does not say.
            #[must_use]
            pub fn error(&self) -> Option<StanzaError> {
                self.is_error().then(|| self.payload.error())
            }

            /// Bytes of memory it takes, shared or not.
            #[must_use]
            pub fn weight(&self) -> usize {
                self.header.weight() + self.payload.weight()
            }
        }

        impl fmt::Display for $kind {
            /// Writes it as it would stand on a stream between a client and its server.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut out = String::new();
                self.write(&mut out, ns::CLIENT);
                f.write_str(&out)
            }
        }
    };
}

pub(super) use stanza_accessors;
