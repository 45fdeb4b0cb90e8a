//! Where `see-other-host` sends a client (RFC 6120 section 4.9.3.19).

use alloc::borrow::Cow;
use core::fmt;
use core::num::NonZeroU16;

use crate::jid::BareJid;

/// A host, and perhaps a port of it, that a server names for others to connect to instead.
///
/// It says where to connect and nothing else: the domain asked for, the policies and the names that a certificate has to hold stay those of
/// the first attempt.
///
/// ```
/// use xmpp_core::stream::OtherHost;
///
/// let host = OtherHost::new("[2001:DB8::7]:9222").unwrap();
/// assert_eq!((host.domain(), host.port()), ("[2001:db8::7]", Some(9222)));
/// assert_eq!(host.to_string(), "[2001:db8::7]:9222");
/// assert_eq!(OtherHost::new("im.example.com").unwrap().port(), None);
/// assert_eq!(OtherHost::new("2001:db8::7"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherHost {
    domain: BareJid,
    port: Option<NonZeroU16>,
}

impl OtherHost {
    /// Reads `domain` or `domain:port`, where an IPv6 address stands in brackets. White space around it does not count: the example of the RFC
    /// has some. None if it is anything else.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let (domain, port) = match text.rsplit_once(':') {
            // The colons of an address in brackets are its own.
            Some((domain, port)) if !port.ends_with(']') => {
                let digits = port.bytes().all(|byte| byte.is_ascii_digit());
                (domain, Some(port.parse().ok().filter(|_| digits)?))
            }
            _ => (text, None),
        };
        let is_domain = !domain.contains(['@', '/', ':']) || domain.starts_with('[');
        let domain = is_domain.then(|| BareJid::new(domain).ok()).flatten()?;
        Some(OtherHost { domain: domain.domain_jid(), port })
    }

    /// The domain or address, prepared; an IPv6 address with its brackets.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.domain.domain()
    }

    /// The domain as DNS writes it.
    #[must_use]
    pub fn ascii_domain(&self) -> Cow<'_, str> {
        self.domain.as_jid().ascii_domain()
    }

    pub(crate) const fn jid(&self) -> &BareJid {
        &self.domain
    }

    /// The port, if one is named. Without one, the domain is resolved as ever, by SRV records first (RFC 6120 section 3.2).
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port.map(NonZeroU16::get)
    }
}

impl fmt::Display for OtherHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.domain())?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn r6120_4_9_3_19_02_a_domain_or_a_domain_and_a_port() {
        for (text, domain, port) in [
            ("im.example.com", "im.example.com", None),
            ("IM.Example.COM.", "im.example.com", None),
            ("b\u{fc}cher.example:5222", "b\u{fc}cher.example", Some(5222)),
            ("192.0.2.7:1", "192.0.2.7", Some(1)),
            ("localhost:65535", "localhost", Some(65535)),
            ("\n  im.example.com:05222\t", "im.example.com", Some(5222)),
        ] {
            let host = OtherHost::new(text).unwrap();
            assert_eq!((host.domain(), host.port()), (domain, port), "{text}");
            // What is written is read as the same.
            assert_eq!(OtherHost::new(&host.to_string()), Some(host));
        }
        for text in [
            "",
            " ",
            ":",
            ":5222",
            "im.example.com:",
            "im.example.com:0",
            "im.example.com:65536",
            "im.example.com:+1",
            "im.example.com:xmpp",
            "im.example.com:1:2",
            "im.example.com: 5222",
            "juliet@example.com",
            "example.com/x",
            "https://example.com",
            "exa mple.com",
            "[::1",
            "::1]",
            "[example.com]",
            "256.0.2.7",
            "[::1]:0",
            "[::1]5222",
        ] {
            // covers 6120-4.9.3.19-02
            assert_eq!(OtherHost::new(text), None, "{text}");
        }
    }

    #[test]
    fn r6120_4_9_3_19_03_an_ipv6_address_stands_in_brackets() {
        for (text, port) in [("[2001:41D0:1:A49b::1]:9222", Some(9222)), ("[2001:41d0:1:a49b::1]", None)] {
            let host = OtherHost::new(text).unwrap();
            assert_eq!((host.domain(), host.port()), ("[2001:41d0:1:a49b::1]", port));
        }
        // Which colon is the port's could not be told.
        assert_eq!(OtherHost::new("2001:41d0:1:a49b::1"), None);
        assert_eq!(OtherHost::new("2001:41d0:1:a49b::1:9222"), None);
    }
}
