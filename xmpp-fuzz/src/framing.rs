//! XML: the reader against itself under other chunkings, and the writer against the reader.

use xmpp_core::limits::XmlLimits;
use xmpp_core::xml::{Element, Frame, Reader, Writer, XmlError, ns};

/// What a stream turned out to be: its frames as text, and the fault that ended it with the bytes read by then.
type Outcome = (Vec<String>, Option<(XmlError, usize)>);

/// Reads a stream whose bytes come in chunks of these sizes, over and over.
fn read(input: &[u8], chunks: &[usize]) -> Outcome {
    let mut reader = Reader::new(XmlLimits::before_login());
    let (mut frames, mut offset, mut rest) = (Vec::new(), 0, input);
    for size in chunks.iter().copied().cycle() {
        let (chunk, left) = rest.split_at(size.clamp(1, rest.len().max(1)).min(rest.len()));
        rest = left;
        offset += chunk.len();
        reader.push(chunk);
        loop {
            match reader.next() {
                Ok(Some(Frame::Header(tag))) => {
                    frames.push(format!("{} {}", tag.element(), tag.default_ns()))
                }
                Ok(Some(Frame::Element(element))) => frames.push(element.to_string()),
                Ok(Some(_)) => frames.push("end".to_owned()),
                Ok(None) => break,
                Err(error) => return (frames, Some((error, offset))),
            }
        }
        if rest.is_empty() {
            break;
        }
    }
    (frames, None)
}

/// The same frames and the same fault, whole, byte by byte, and in chunks that the input itself chooses.
pub(crate) fn framing(input: &[u8]) {
    let (frames, fault) = read(input, &[usize::MAX]);
    let (single, at) = read(input, &[1]);
    assert_eq!(single, frames);
    assert_eq!(at.map(|(error, _)| error), fault.map(|(error, _)| error));
    let chunks: Vec<usize> = input.iter().take(32).map(|byte| usize::from(byte % 17) + 1).collect();
    if !chunks.is_empty() {
        let (some, fault) = read(input, &chunks);
        assert_eq!(some, frames);
        assert_eq!(fault.map(|(error, _)| error), at.map(|(error, _)| error));
        // A fault shows with the chunk that holds its byte, neither earlier nor later.
        assert!(
            fault.zip(at).is_none_or(|((_, chunked), (_, exact))| (exact..exact + 17).contains(&chunked))
        );
    }
}

/// What was read and written is read back as the same.
pub(crate) fn element(input: &[u8]) {
    let mut stream =
        b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>".to_vec();
    let header = stream.len();
    stream.extend_from_slice(input);
    for element in elements(&stream) {
        let mut written = String::new();
        Writer::stream(ns::CLIENT).element(&mut written, element.as_ref());
        stream.truncate(header);
        stream.extend_from_slice(written.as_bytes());
        assert_eq!(elements(&stream), [element], "{written}");
    }
}

fn elements(stream: &[u8]) -> Vec<Element> {
    // What is written may be longer than what was read: namespaces are spelt out.
    let mut reader = Reader::new(XmlLimits::client());
    reader.push(stream);
    let mut elements = Vec::new();
    while let Ok(Some(frame)) = reader.next() {
        if let Frame::Element(element) = frame {
            elements.push(element);
        }
    }
    elements
}
