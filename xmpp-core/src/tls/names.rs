//! Whether a name in a certificate is the one expected (RFC 6125 section 6.4, RFC 6120 section 13.7.1).

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::net::Ipv4Addr;

use super::Service;
use crate::jid::BareJid;

/// A name from the `subjectAltName` of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PresentedName {
    /// A `dNSName`; its left-most label may be `*`.
    Dns(String),
    /// An `otherName` of type `id-on-dnsSRV` (RFC 4985), taken apart by [`srv`](Self::srv).
    Srv {
        /// The service, with or without its underscore.
        service: String,
        /// The domain.
        name: String,
    },
    /// An `otherName` of type `id-on-xmppAddr`.
    XmppAddr(String),
}

impl PresentedName {
    /// The name for a service as it stands in the certificate: `_service.domain`. None if it is not of this form.
    #[must_use]
    pub fn srv(text: &str) -> Option<Self> {
        let (service, name) = text.strip_prefix('_')?.split_once('.')?;
        Some(PresentedName::Srv { service: service.to_owned(), name: name.to_owned() })
    }

    /// The `otherName` of that type, whose identifier may stand in any of the notations of RFC 6120 section 13.7.1.4: by name, with dots, or
    /// as a URN. None if it is of another type, or not of the form that its type has.
    #[must_use]
    pub fn other(type_id: &str, value: &str) -> Option<Self> {
        match type_id.strip_prefix("urn:oid:").unwrap_or(type_id) {
            "id-on-xmppAddr" | "1.3.6.1.5.5.7.8.5" => Some(PresentedName::XmppAddr(value.to_owned())),
            "id-on-dnsSRV" | "1.3.6.1.5.5.7.8.7" => PresentedName::srv(value),
            _ => None,
        }
    }
}

/// Who is expected.
pub(super) struct Reference {
    domain: BareJid,
    service: Service,
}

impl Reference {
    /// None if `domain` is not a domain.
    pub(super) fn new(domain: &str, service: Service) -> Option<Self> {
        Some(Reference { domain: parse_domain(domain)?, service })
    }

    pub(super) fn is(&self, presented: &PresentedName) -> bool {
        match presented {
            PresentedName::Dns(name) => self.is_dns(name, Wildcard::Matches),
            PresentedName::Srv { service, name } => {
                let service = service.strip_prefix('_').unwrap_or(service);
                // RFC 4985 defines no wildcards.
                service.eq_ignore_ascii_case(self.service.name()) && self.is_dns(name, Wildcard::IsText)
            }
            // In UTF-8 and prepared like any address: an account's is not its server's.
            PresentedName::XmppAddr(address) => {
                parse_domain(address).is_some_and(|presented| presented == self.domain)
            }
        }
    }

    fn is_dns(&self, name: &str, wildcard: Wildcard) -> bool {
        let domain = self.domain.as_jid();
        if is_address(domain.domain()) {
            // Certificates hold addresses in names of their own, which RFC 6120 section 13.7.1.2 does not use.
            return false;
        }
        let domain = domain.ascii_domain();
        if name.eq_ignore_ascii_case(&domain) {
            return true;
        }
        // RFC 6125 section 6.4.3 and RFC 6120 section 13.7.1.2.1: the whole of the left-most label, and one label. At least
        // two more have to follow, so that `*.example` is not everyone below a public suffix (RFC 6125 section 7.2).
        matches!(wildcard, Wildcard::Matches)
            && name.strip_prefix("*.").zip(domain.split_once('.')).is_some_and(|(pattern, (_, parent))| {
                parent.contains('.') && pattern.eq_ignore_ascii_case(parent)
            })
    }
}

/// What an asterisk in a name is.
#[derive(Clone, Copy)]
enum Wildcard {
    Matches,
    IsText,
}

fn parse_domain(domain: &str) -> Option<BareJid> {
    BareJid::new(domain).ok().filter(|jid| jid.node().is_none())
}

/// Whether a prepared domain is an IP address.
pub(super) fn is_address(domain: &str) -> bool {
    domain.starts_with('[') || domain.parse::<Ipv4Addr>().is_ok()
}
