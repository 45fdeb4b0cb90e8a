use super::*;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// The frames, as text, and the fault of a stream that arrives in these chunks; how many bytes it took.
fn read<'a>(
    limits: &XmlLimits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<String>, Option<XmlError>, usize) {
    let mut reader = Reader::new(limits.clone());
    let mut frames = Vec::new();
    let mut pushed = 0;
    for chunk in chunks {
        reader.push(chunk);
        pushed += chunk.len();
        loop {
            match reader.next() {
                Ok(Some(frame)) => frames.push(format!("{frame:?}")),
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(reader.next(), Err(fault));
                    return (frames, Some(fault), pushed);
                }
            }
        }
        assert_eq!(reader.buffered(), 0);
    }
    (frames, None, pushed)
}

/// Reads a stream whole, byte by byte and in two parts cut everywhere; returns what all of them agree on, with the number
/// of bytes that showed the fault.
fn read_all_ways(limits: &XmlLimits, stream: &[u8]) -> (Vec<String>, Option<XmlError>, usize) {
    let single = read(limits, stream.chunks(1));
    let (frames, fault, at) = &single;
    let whole = read(limits, [stream]);
    assert_eq!((&whole.0, &whole.1), (frames, fault), "{:?}", String::from_utf8_lossy(stream));
    if fault.is_some() {
        // The fault is in the byte at `at`: without it there is none, with it there is.
        let before = stream.get(..at - 1).unwrap();
        assert_eq!(
            read(limits, [before]),
            (frames.clone(), None, at - 1),
            "{:?}",
            String::from_utf8_lossy(before)
        );
        let with = stream.get(..*at).unwrap();
        assert_eq!(read(limits, [with]), single, "{:?}", String::from_utf8_lossy(with));
    }
    for cut in 1..stream.len().min(400) {
        let (left, right) = stream.split_at(cut);
        let cut_read = read(limits, [left, right]);
        assert_eq!(
            (&cut_read.0, &cut_read.1),
            (frames, fault),
            "{:?} at {cut}",
            String::from_utf8_lossy(stream)
        );
    }
    single
}

fn open() -> XmlLimits {
    XmlLimits::before_login()
}

#[test]
fn a_stream_is_cut_into_frames() {
    let stream = format!(
        "<?xml version='1.0'?>\n{HEADER}  \n<message to='a&amp;b'><body>hi</body></message><presence/> </stream:stream>\n "
    );
    let (frames, fault, _) = read_all_ways(&open(), stream.as_bytes());
    assert_eq!(fault, None);
    assert_eq!(frames.len(), 4);
    assert_eq!(frames[1], "Element(<message xmlns='jabber:client' to='a&amp;b'><body>hi</body></message>)");
    assert_eq!(frames[2], "Element(<presence xmlns='jabber:client'/>)");
    assert_eq!(frames[3], "Footer");
}
