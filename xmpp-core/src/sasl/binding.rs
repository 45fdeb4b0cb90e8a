//! Channel bindings: what ties an authentication to the TLS connection under it.

use alloc::vec::Vec;
use core::fmt;

/// A channel binding type (RFC 5056 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BindingKind {
    /// `tls-exporter` (RFC 9266): unique to the connection.
    TlsExporter,
    /// `tls-server-end-point` (RFC 5929 section 4): the hash of the server's certificate.
    TlsServerEndPoint,
}

impl BindingKind {
    /// Every type, the strongest first.
    pub const ALL: [Self; 2] = [Self::TlsExporter, Self::TlsServerEndPoint];

    /// The registered name, as it follows `p=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsServerEndPoint => "tls-server-end-point",
        }
    }

    /// The type with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The channel bindings a TLS connection has. Without TLS there are none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    exporter: Option<Vec<u8>>,
    end_point: Option<Vec<u8>>,
}

impl Bindings {
    /// No bindings.
    #[must_use]
    pub const fn new() -> Self {
        Self { exporter: None, end_point: None }
    }

    /// Adds `tls-exporter`: 32 bytes of exported keying material, label
    /// `EXPORTER-Channel-Binding`, empty context. Give it for TLS 1.3, and for TLS 1.2 only with
    /// the extended master secret and without renegotiation (RFC 9266 sections 2 and 4.2).
    #[must_use]
    pub fn with_exporter(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.exporter = Some(data.into());
        self
    }

    /// Adds `tls-server-end-point`: the hash of the server's certificate in DER, with the hash
    /// function of its signature, or SHA-256 where that is MD5 or SHA-1 (RFC 5929 section 4.1).
    #[must_use]
    pub fn with_end_point(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.end_point = Some(data.into());
        self
    }

    /// The data of one type. Empty data binds to nothing (RFC 5802 section 7, `cbind-data`), so it
    /// counts as absent.
    #[must_use]
    pub fn get(&self, kind: BindingKind) -> Option<&[u8]> {
        let data = match kind {
            BindingKind::TlsExporter => &self.exporter,
            BindingKind::TlsServerEndPoint => &self.end_point,
        };
        data.as_deref().filter(|data| !data.is_empty())
    }

    /// The type to prefer: the one that is unique to the connection, else the certificate's, which an
    /// attacker with the server's private key could repeat.
    #[must_use]
    pub fn strongest(&self) -> Option<BindingKind> {
        self.kinds().next()
    }

    /// The types there are, the [strongest](Self::strongest) first.
    pub fn kinds(&self) -> impl Iterator<Item = BindingKind> {
        BindingKind::ALL.into_iter().filter(|kind| self.get(*kind).is_some())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.strongest().is_none()
    }
}

impl fmt::Debug for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bindings")
            .field("exporter", &self.get(BindingKind::TlsExporter).is_some())
            .field("end_point", &self.get(BindingKind::TlsServerEndPoint).is_some())
            .finish()
    }
}

/// What a client says about channel binding, `gs2-cbind-flag` in RFC 5802 section 7.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// `n`: it does not support any that would serve here.
    NotSupported,
    /// `y`: it does, but did not see the server offer it. A server that did knows of an attacker.
    ServerLacks,
    /// `p`: it binds, with this data.
    Bound(BindingKind, Vec<u8>),
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSupported => f.write_str("NotSupported"),
            Self::ServerLacks => f.write_str("ServerLacks"),
            Self::Bound(kind, _) => f.debug_tuple("Bound").field(kind).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn found_by_registered_name() {
        let bindings = Bindings::new().with_exporter(*b"ekm").with_end_point(*b"certificate");
        let get = |name| BindingKind::from_name(name).and_then(|kind| bindings.get(kind));
        assert_eq!(get("tls-exporter"), Some(&b"ekm"[..]));
        assert_eq!(get("tls-server-end-point"), Some(&b"certificate"[..]));
        assert_eq!(get("tls-unique"), None);
        assert_eq!(bindings.strongest(), Some(BindingKind::TlsExporter));
        assert_eq!(Bindings::new().with_end_point(*b"c").strongest(), Some(BindingKind::TlsServerEndPoint));
    }

    #[test]
    fn empty_data_is_no_binding() {
        assert!(Bindings::new().is_empty());
        let empty = Bindings::new().with_exporter([]).with_end_point([]);
        assert!(empty.is_empty());
        assert_eq!(empty.get(BindingKind::TlsExporter), None);
    }

    #[test]
    fn debug_shows_no_data() {
        let bindings = Bindings::new().with_exporter(*b"ekm");
        assert_eq!(format!("{bindings:?}"), "Bindings { exporter: true, end_point: false }");
        let bound = ChannelBinding::Bound(BindingKind::TlsExporter, b"ekm".to_vec());
        assert_eq!(format!("{bound:?}"), "Bound(TlsExporter)");
    }
}
