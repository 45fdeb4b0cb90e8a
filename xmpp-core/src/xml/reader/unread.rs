//! Bytes that have arrived and wait to be parsed.

use alloc::vec::Vec;
use core::str;

use super::XmlError;

/// What an empty buffer keeps while more of an element is awaited.
const KEPT: usize = 4096;

/// Unread bytes, vetted once as they arrive: the parser decodes only at the end of a token, which would report what is not
/// UTF-8 late, and how late would depend on the chunks.
///
/// Line ends become line feeds here, as XML 1.0 section 2.11 has it; the parser refuses some that are carriage returns.
#[derive(Debug, Default)]
pub(super) struct Unread {
    bytes: Vec<u8>,
    read: usize,
    /// Whether the last byte was a carriage return, to which a line feed may belong.
    after_return: bool,
    cut: Cut,
    /// The first byte that cannot stand where it stands: its place in `bytes`, and what is wrong.
    fault: Option<(usize, XmlError)>,
}

impl Unread {
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.read
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        // Moving what is left costs no more than what was read since the last time.
        if self.read >= self.len() {
            self.bytes.drain(..self.read);
            if let Some((at, _)) = &mut self.fault {
                *at -= self.read;
            }
            self.read = 0;
        }
        let start = self.bytes.len();
        self.append(bytes);
        if self.fault.is_none() {
            let fresh = self.bytes.get(start..).unwrap_or_default();
            self.fault = self.cut.vet(fresh).map(|(at, fault)| (start + at, fault));
        }
    }

    /// Copies bytes, with each line end as a line feed.
    fn append(&mut self, bytes: &[u8]) {
        if !self.after_return && !bytes.contains(&b'\r') {
            return self.bytes.extend_from_slice(bytes);
        }
        for &byte in bytes {
            match byte {
                b'\r' => self.bytes.push(b'\n'),
                b'\n' if self.after_return => {}
                byte => self.bytes.push(byte),
            }
            self.after_return = byte == b'\r';
        }
    }

    /// Whether it is all white space, or nothing.
    pub(super) fn is_white_space(&self) -> bool {
        let rest = self.bytes.get(self.read..).unwrap_or_default();
        self.fault.is_none() && rest.iter().all(u8::is_ascii_whitespace)
    }

    /// Up to `max` of the next bytes, none of them at fault.
    pub(super) fn window(&self, max: usize) -> &[u8] {
        let clean = self.fault.map_or(self.bytes.len(), |(at, _)| at);
        let end = self.read.saturating_add(max).min(clean);
        self.bytes.get(self.read..end).unwrap_or_default()
    }

    /// What is wrong with the next byte.
    pub(super) fn fault(&self) -> Option<XmlError> {
        self.fault.filter(|(at, _)| *at == self.read).map(|(_, fault)| fault)
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.read += count;
    }

    /// Gives back memory while there is nothing to read; all of it if nothing is expected.
    pub(super) fn release(&mut self, idle: bool) {
        if self.len() == 0 && (idle || self.bytes.capacity() > KEPT) {
            self.bytes = Vec::new();
            self.read = 0;
        }
    }
}

/// The beginning of a character that the last chunk cut.
#[derive(Debug, Default)]
struct Cut {
    bytes: [u8; 4],
    len: u8,
}

impl Cut {
    /// Finds the first byte that continues no character of XML, and keeps a character that is not complete.
    fn vet(&mut self, bytes: &[u8]) -> Option<(usize, XmlError)> {
        let mut rest = bytes;
        while self.len > 0 {
            let (&byte, tail) = rest.split_first()?;
            if let Some(fault) = self.add(byte) {
                return Some((bytes.len() - rest.len(), fault));
            }
            rest = tail;
        }
        if rest.is_ascii() {
            return None;
        }
        let start = bytes.len() - rest.len();
        let valid = match str::from_utf8(rest) {
            Ok(_) => rest.len(),
            Err(error) => error.valid_up_to(),
        };
        let (whole, cut) = rest.split_at_checked(valid).unwrap_or_default();
        if let Some(at) = whole.windows(3).position(is_noncharacter) {
            return Some((start + at + 2, XmlError::NotWellFormed));
        }
        cut.iter().enumerate().find_map(|(at, &byte)| self.add(byte).map(|fault| (start + valid + at, fault)))
    }

    /// Adds a byte to the character that was cut.
    fn add(&mut self, byte: u8) -> Option<XmlError> {
        *self.bytes.get_mut(usize::from(self.len))? = byte;
        self.len += 1;
        let so_far = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        match str::from_utf8(so_far) {
            Ok(_) if is_noncharacter(so_far) => Some(XmlError::NotWellFormed),
            Ok(_) => {
                self.len = 0;
                None
            }
            Err(error) => error.error_len().map(|_| XmlError::Encoding),
        }
    }
}

/// U+FFFE and U+FFFF in UTF-8: the only characters above U+001F that XML excludes (XML 1.0 section 2.2).
fn is_noncharacter(bytes: &[u8]) -> bool {
    matches!(bytes, [0xEF, 0xBF, 0xBE | 0xBF])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(chunks: &[&[u8]]) -> Option<(usize, XmlError)> {
        let mut unread = Unread::default();
        for chunk in chunks {
            unread.push(chunk);
        }
        unread.fault
    }

    #[test]
    fn a_fault_is_where_the_character_breaks_however_it_is_cut() {
        for (bytes, expected) in [
            (&b"a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"[..], None),
            (b"a\xFF", Some((1, XmlError::Encoding))),
            (b"a\xC3(", Some((2, XmlError::Encoding))),
            (b"a\x80", Some((1, XmlError::Encoding))),
            (b"\xC0\x80", Some((0, XmlError::Encoding))),
            (b"\xE0\x80\x80", Some((1, XmlError::Encoding))),
            (b"\xED\xA0\x80", Some((1, XmlError::Encoding))),
            (b"\xF0\x90(", Some((2, XmlError::Encoding))),
            (b"\xF4\x90\x80\x80", Some((1, XmlError::Encoding))),
            (b"ab\xEF\xBF\xBD", None),
            (b"ab\xEF\xBF\xBE", Some((4, XmlError::NotWellFormed))),
            (b"ab\xEF\xBF\xBFcd", Some((4, XmlError::NotWellFormed))),
            (b"a\xEF\xBF", None),
        ] {
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(fault_of(&[bytes]), expected, "{bytes:x?}");
            assert_eq!(fault_of(&single), expected, "{bytes:x?}");
            for at in 0..bytes.len() {
                assert_eq!(fault_of(&[&bytes[..at], &bytes[at..]]), expected, "{bytes:x?} at {at}");
            }
        }
    }

    #[test]
    fn what_was_read_is_given_back() {
        let mut unread = Unread::default();
        for _ in 0..10_000 {
            unread.push(b"0123456789");
            assert_eq!(unread.window(7).len(), 7);
            unread.advance(if unread.len() > 50 { 50 } else { 7 });
            assert!(unread.bytes.capacity() < 1024);
        }
        unread.advance(unread.len());
        unread.release(true);
        assert_eq!((unread.len(), unread.bytes.capacity()), (0, 0));
    }
}
