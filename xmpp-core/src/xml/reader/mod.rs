//! Reads an XML stream element by element, within limits, however its bytes are cut.
//!
//! RFC 3920 sections 4 and 11, RFC 6120 sections 4.8, 4.9.3 and 11. The grammar is left to a parser that knows neither
//! limits nor namespaces; the reader adds both. It does not know what elements mean: neither the version of a stream nor
//! the order of its elements is checked here.
//!
//! ```
//! use xmpp_core::limits::XmlLimits;
//! use xmpp_core::xml::{Frame, Reader, ns};
//!
//! let mut reader = Reader::new(XmlLimits::before_login());
//! reader.push(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><mess");
//! let Ok(Some(Frame::Header(header))) = reader.next() else { panic!() };
//! assert_eq!((header.prefix(), header.default_ns()), ("stream", ns::CLIENT));
//! assert_eq!(reader.next(), Ok(None));
//!
//! reader.push(b"age/></stream:stream>");
//! let Ok(Some(Frame::Element(message))) = reader.next() else { panic!() };
//! assert!(message.is(ns::CLIENT, "message"));
//! assert_eq!(reader.next(), Ok(Some(Frame::Footer)));
//! ```

mod fault;
mod scope;
mod tag;
mod unread;

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use rxml::error::EndOrError;
use rxml::{Options, Parse, RawEvent, RawParser, WithOptions};

use self::fault::Tail;
use self::scope::{Scope, Uri};
use self::tag::Tag;
use self::unread::Unread;
use super::build::Assembler;
use super::element::Element;
use super::ns;
use crate::limits::XmlLimits;

pub use self::fault::XmlError;
pub use self::tag::StreamTag;

/// The longest element that a limit can allow. The parser reserves as much for a single attribute value.
const MOST_BYTES: usize = 16 << 20;
/// How much memory is set aside at once for the text of an element that has begun: most are no longer.
const MOST_RESERVED: usize = 512;
/// What begins character data at a place where only elements may stand.
const CDATA: &[u8] = b"<![";
/// The encoding of every stream, as a declaration says it.
const ENCODING: &[u8] = b"encoding='UTF-8' ";
/// The production `S` of XML 1.0.
const WHITE_SPACE: [u8; 4] = *b" \t\r\n";
/// How many bytes the parser gets at a time: it looks at all of them whenever it splits a long text.
const STEP: usize = 4096;

/// What a stream consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// The start tag of the stream.
    Header(StreamTag),
    /// A complete element of the first level.
    Element(Element),
    /// The end tag of the stream.
    Footer,
}

/// Where in the stream the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the name of the root element.
    Prolog(Declaration),
    /// In the root element's start tag.
    Header,
    /// Inside the root element.
    Open,
    /// The start tag was an empty-element tag: the end of the stream was read with it.
    Empty,
    /// Behind the root element.
    Closed,
    /// At a fault.
    Dead(XmlError),
}

/// How far the XML declaration is: the parser does not say which of its values it refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Declaration {
    /// How many values have begun: version, encoding, standalone.
    values: u8,
    quote: Option<u8>,
}

impl Declaration {
    fn record(&mut self, byte: u8) {
        match (self.quote, byte) {
            (None, b'\'' | b'"') => {
                self.quote = Some(byte);
                self.values = self.values.saturating_add(1);
            }
            (Some(quote), byte) if quote == byte => self.quote = None,
            _ => {}
        }
    }

    /// Whether what begins behind the version, after these last bytes, is `standalone`.
    fn lacks_encoding(self, tail: Tail, next: &[u8]) -> bool {
        let behind_white_space = WHITE_SPACE.iter().any(|&byte| tail.ends_with(&[byte]));
        self.values == 1 && self.quote.is_none() && behind_white_space && next.first() == Some(&b's')
    }
}

/// Cuts a stream into its [`Frame`]s.
///
/// White space between elements of the first level is skipped. What is wrong is reported as soon as the bytes that show it
/// are there, and it is the same whether they come at once or one by one. A fault is final: the reader then gives back its
/// memory and repeats the fault.
///
/// Between elements a reader holds little more than what the header declared: about 1,000 bytes, its own size included. An
/// element in progress takes about three times [`XmlLimits::stanza_bytes`] at most, and its nodes: up to twice 32 bytes for
/// each element and each run of text, up to twice 24 for each attribute. The two bytes of a line end CR LF count as one.
pub struct Reader {
    limits: XmlLimits,
    /// Limits that wait for the element being read to end.
    next_limits: Option<Box<XmlLimits>>,
    unread: Unread,
    parser: RawParser,
    phase: Phase,
    /// Whether another stream came before this one.
    restarted: bool,
    /// White space before the header, in bytes.
    leading: usize,
    /// Bytes of the header, with what stands before it, or of the element of the first level that is being read.
    taken: usize,
    /// Elements in the element of the first level that is being read.
    elements: usize,
    /// What the namespace names of prefixed elements and attributes would take if each were written out.
    spelled: usize,
    tail: Tail,
    tag: Tag,
    scope: Scope,
    tree: Assembler,
    /// The root's name as it was written.
    root: String,
}

fn parser(limits: &XmlLimits) -> RawParser {
    // No token is longer than the element it is in, so that only the limits here are ever met.
    RawParser::with_options(Options { max_token_length: limits.stanza_bytes().max(16), ..Options::default() })
}

impl Reader {
    /// A reader that expects a stream header.
    ///
    /// More than 16 MiB in [`XmlLimits::stanza_bytes`] counts as 16 MiB.
    #[must_use]
    pub fn new(limits: XmlLimits) -> Self {
        let limits = clamp(limits);
        Reader {
            next_limits: None,
            unread: Unread::default(),
            parser: parser(&limits),
            limits,
            phase: Phase::Prolog(Declaration::default()),
            restarted: false,
            leading: 0,
            taken: 0,
            elements: 0,
            spelled: 0,
            tail: Tail::default(),
            tag: Tag::default(),
            scope: Scope::default(),
            tree: Assembler::new(),
            root: String::new(),
        }
    }

    /// Sets other limits, from the next element of the first level on.
    pub fn set_limits(&mut self, limits: XmlLimits) {
        self.next_limits = Some(Box::new(clamp(limits)));
    }

    /// Appends bytes from the transport to those not read yet. How many may wait is for the caller to bound.
    pub fn push(&mut self, bytes: &[u8]) {
        if !matches!(self.phase, Phase::Dead(_)) {
            self.unread.push(bytes);
        }
    }

    /// How many bytes were pushed and not parsed yet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.unread.len()
    }

    /// Whether there is anything but white space among the unread bytes.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        !self.unread.is_white_space()
    }

    /// Whether a header or an element of the first level has begun and not ended.
    #[must_use]
    pub fn in_element(&self) -> bool {
        self.taken > 0
    }

    /// Expects the header of a new stream (RFC 3920 sections 5 and 6). Unread bytes belong to it; an element of the first
    /// level that is not complete is dropped.
    pub fn restart(&mut self) {
        if matches!(self.phase, Phase::Dead(_)) {
            return;
        }
        let limits = self.next_limits.take().map_or_else(|| self.limits.clone(), |limits| *limits);
        let unread = core::mem::take(&mut self.unread);
        *self = Reader { unread, restarted: true, ..Reader::new(limits) };
    }

    /// The next part of the stream, or `None` if more bytes are needed; then all that were pushed have been parsed.
    ///
    /// # Errors
    /// What is wrong with the stream, now and at every further call.
    #[expect(clippy::should_implement_trait, reason = "None does not end a stream")]
    pub fn next(&mut self) -> Result<Option<Frame>, XmlError> {
        let frame = self.read();
        if let Err(fault) = frame
            && self.phase != Phase::Dead(fault)
        {
            *self = Reader { phase: Phase::Dead(fault), ..Reader::new(self.limits.clone()) };
        }
        frame
    }

    fn read(&mut self) -> Result<Option<Frame>, XmlError> {
        loop {
            if self.taken == 0
                && let Some(frame) = self.begin()?
            {
                return Ok(frame);
            }
            let allowance = self.limits.stanza_bytes().saturating_sub(self.taken);
            // Up to the root's name bytes go one by one: every fault of the prolog needs to be told by its place.
            let step = if let Phase::Prolog(_) = self.phase { 1 } else { STEP };
            let window = self.unread.window(allowance.min(step));
            if self.begins_cdata(window) {
                return Err(self.stray(b'<'));
            }
            if let Phase::Prolog(declaration) = &mut self.phase
                && declaration.lacks_encoding(self.tail, window)
            {
                // The parser knows `standalone` only behind an encoding, which may be left out (XML 1.0 section 2.8).
                declaration.values += 1;
                if let Err(EndOrError::Error(error)) = self.parser.parse(&mut { ENCODING }, false) {
                    return Err(self.fault(error));
                }
            }
            let mut rest = window;
            let event = self.parser.parse(&mut rest, false);
            let count = window.len() - rest.len();
            let taken = window.get(..count).unwrap_or_default();
            self.tail.record(taken);
            if let Phase::Prolog(declaration) = &mut self.phase {
                taken.iter().for_each(|&byte| declaration.record(byte));
            }
            self.taken += count;
            self.unread.advance(count);
            match event {
                Ok(Some(event)) => {
                    if let Some(frame) = self.take(event)? {
                        return Ok(Some(frame));
                    }
                }
                Err(EndOrError::Error(error)) => return Err(self.fault(error)),
                // The parser ends only at an end of file, which it is never told.
                Ok(None) => return Err(XmlError::NotWellFormed),
                Err(EndOrError::NeedMoreData) if self.taken >= self.limits.stanza_bytes() => {
                    return Err(XmlError::TooLarge);
                }
                Err(EndOrError::NeedMoreData) => {
                    if let Some(fault) = self.unread.fault() {
                        return Err(fault);
                    }
                    if self.unread.len() == 0 {
                        self.unread.release(false);
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Looks for the next markup between elements: `Some` if that already answers [`next`](Self::next).
    fn begin(&mut self) -> Result<Option<Option<Frame>>, XmlError> {
        match self.phase {
            Phase::Dead(fault) => return Err(fault),
            Phase::Empty => {
                self.phase = Phase::Closed;
                return Ok(Some(Some(Frame::Footer)));
            }
            _ => {}
        }
        if let Some(limits) = self.next_limits.take() {
            self.apply(*limits);
        }
        let window = self.unread.window(usize::MAX);
        let white = window.iter().position(|byte| !WHITE_SPACE.contains(byte));
        let count = white.unwrap_or(window.len());
        let first = window.get(count).copied();
        self.unread.advance(count);
        if let Phase::Prolog(_) = self.phase {
            self.leading = self.leading.saturating_add(count);
            if self.leading > self.limits.stanza_bytes() {
                return Err(XmlError::TooLarge);
            }
        }
        match (first, self.unread.fault()) {
            (None, Some(fault)) => Err(fault),
            (None, None) => {
                self.release();
                Ok(Some(None))
            }
            (Some(b'<'), _) if self.phase != Phase::Closed => {
                self.tree.reserve(self.unread.len().min(MOST_RESERVED));
                Ok(None)
            }
            (Some(byte), _) => Err(self.stray(byte)),
        }
    }

    /// What is wrong with a byte of text between elements.
    fn stray(&self, byte: u8) -> XmlError {
        match self.phase {
            Phase::Open => XmlError::Text,
            Phase::Closed => XmlError::AfterFooter,
            // In UTF-16 and UTF-32 a NUL is before or behind the first `<` (XML 1.0 appendix F).
            _ if byte == 0 => XmlError::Encoding,
            _ => XmlError::NotWellFormed,
        }
    }

    /// Whether a CDATA section starts where only elements may stand, which the parser would take for text.
    fn begins_cdata(&self, window: &[u8]) -> bool {
        let begun = match self.phase {
            Phase::Prolog(_) => 2,
            Phase::Open => self.taken,
            _ => return false,
        };
        CDATA.split_at_checked(begun).is_some_and(|(taken, rest)| {
            !rest.is_empty() && window.starts_with(rest) && self.tail.ends_with(taken)
        })
    }

    /// Puts limits into force between two elements.
    fn apply(&mut self, limits: XmlLimits) {
        if limits.stanza_bytes() > self.limits.stanza_bytes() {
            // The parser in use would still refuse tokens longer than the old limit: a new one is brought to where that was.
            self.parser = parser(&limits);
            if self.phase == Phase::Open {
                let tag = ["<", &self.root, ">"].concat();
                let mut tag = tag.as_bytes();
                // What it says about the tag is known.
                while self.parser.parse(&mut tag, false).is_ok() {}
            }
        }
        self.limits = limits;
    }

    fn take(&mut self, event: RawEvent) -> Result<Option<Frame>, XmlError> {
        match event {
            RawEvent::XmlDeclaration(..) => {
                // XML 1.0 section 2.8: nothing stands before it. White space may have been left by the stream before.
                if self.leading > 0 && !self.restarted {
                    return Err(XmlError::NotWellFormed);
                }
                self.phase = Phase::Prolog(Declaration::default());
            }
            RawEvent::ElementHeadOpen(_, (prefix, name)) => {
                if let Phase::Prolog(_) = self.phase {
                    self.phase = Phase::Header;
                } else if self.tree.depth() >= self.limits.depth() {
                    return Err(XmlError::TooDeep);
                } else if self.elements >= self.limits.elements() {
                    return Err(XmlError::TooManyElements);
                } else {
                    self.elements += 1;
                }
                self.scope.enter();
                self.tag.open(prefix, name)?;
            }
            RawEvent::Attribute(_, name, value) => {
                self.tag.attribute(&mut self.scope, name, value, self.limits.attributes())?;
            }
            RawEvent::ElementHeadClose(_) => return self.close_tag(),
            RawEvent::Text(_, text) => self.tree.text(&text),
            RawEvent::ElementFoot(_) if self.tree.depth() == 0 => {
                self.taken = 0;
                self.phase = Phase::Closed;
                return Ok(Some(Frame::Footer));
            }
            RawEvent::ElementFoot(_) => {
                self.scope.leave();
                if self.tree.close() {
                    return Ok(Some(Frame::Element(self.finish())));
                }
            }
        }
        Ok(None)
    }

    /// Takes a complete start tag into the tree; that of the root is a frame.
    fn close_tag(&mut self) -> Result<Option<Frame>, XmlError> {
        let parent = if self.tree.depth() == 0 { self.scope.content() } else { self.scope.parent() };
        let ns = self.scope.element(self.tag.prefix())?;
        let header = self.phase == Phase::Header;
        if !header && self.tag.prefix().is_some() && self.is_content(ns) {
            return Err(XmlError::ContentPrefix);
        }
        let attributes = self.tag.resolve(&self.scope)?;
        if self.tag.prefixes().any(|prefix| self.scope.is_of_header(prefix)) && self.scope.in_stanza() {
            // RFC 6120 section 4.8.5: whoever gets the stanza next has not seen the header.
            return Err(XmlError::HeaderPrefix);
        }
        let own = if ns == parent { 0 } else { self.scope.text(ns).len() };
        self.spelled = self.spelled.saturating_add(attributes).saturating_add(own);
        if self.spelled > self.limits.stanza_bytes() {
            return Err(XmlError::TooLarge);
        }
        self.tag.build(ns, &mut self.scope, &mut self.tree);
        if !header {
            return Ok(None);
        }
        self.root = match self.tag.prefix() {
            Some(prefix) => [prefix, ":", self.tag.name()].concat(),
            None => self.tag.name().into(),
        };
        self.phase = if self.tail.ends_with(b"/>") { Phase::Empty } else { Phase::Open };
        let element = self.finish();
        Ok(Some(Frame::Header(StreamTag::new(element, self.tag.prefix(), &self.scope))))
    }

    /// Whether that is the stream's content namespace, and one whose elements must not be written with a prefix (RFC 6120
    /// section 4.8.5). A header that leaves it to the elements (section 4.8.2) can be that of either.
    fn is_content(&self, uri: Uri) -> bool {
        let content = self.scope.content();
        let is_open = matches!(self.scope.text(content), ns::STREAMS | "");
        (is_open || uri == content) && ns::is_content(self.scope.text(uri))
    }

    /// Hands out the tree and prepares for the next element.
    fn finish(&mut self) -> Element {
        self.taken = 0;
        self.elements = 0;
        self.spelled = 0;
        self.scope.finish_tree();
        self.tree.take()
    }

    /// What the parser's error means at this place.
    fn fault(&self, error: rxml::Error) -> XmlError {
        match (self.phase, error) {
            (Phase::Prolog(Declaration { values: 1, .. }), rxml::Error::RestrictedXml(_)) => {
                XmlError::Version
            }
            (Phase::Prolog(Declaration { values: 2, .. }), rxml::Error::RestrictedXml(_)) => {
                XmlError::Encoding
            }
            (Phase::Prolog(_), _) if self.tail.ends_with(b"\0") => XmlError::Encoding,
            (_, error) => fault::of_parser(error, self.tail),
        }
    }

    /// Gives back what only an element in progress needs.
    fn release(&mut self) {
        self.unread.release(true);
        self.parser.release_temporaries();
        self.tag.release();
        self.scope.release();
        self.tree.release();
    }
}

fn clamp(limits: XmlLimits) -> XmlLimits {
    let bytes = limits.stanza_bytes().min(MOST_BYTES);
    limits.with_stanza_bytes(bytes)
}

impl fmt::Debug for Reader {
    /// Names no byte of the stream: what is being read may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("phase", &self.phase)
            .field("taken", &self.taken)
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
