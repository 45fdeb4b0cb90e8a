use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::{ClientConnection, ResolvesClientCert};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, SignatureScheme, SupportedProtocolVersion, version,
};
use tempfile::TempDir;
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::BindingKind;

use super::*;
use crate::data_dir::DataDir;

fn domains(names: &[&str]) -> Vec<BareJid> {
    names.iter().map(|name| BareJid::new(name).unwrap()).collect()
}

fn data_dir() -> (TempDir, DataDir) {
    let outer = tempfile::tempdir().unwrap();
    let dir = DataDir::create(&outer.path().join("data")).unwrap();
    (outer, dir)
}

/// A client that trusts exactly this identity's first certificate, and a server that has it; after
/// the handshake.
fn handshake(
    identity: Identity,
    name: &str,
    version: &'static SupportedProtocolVersion,
) -> Result<(ClientConnection, ServerConnection, Tls), rustls::Error> {
    let certificate = identity.certificate().unwrap().clone();
    let tls = Tls::new(identity).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(tls.clients())).unwrap();
    assert_eq!(tls.bindings(&server), Bindings::new(), "nothing to bind to yet");
    let mut wire = Vec::new();
    for _ in 0..8 {
        wire.clear();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut bytes = wire.as_slice();
        while !bytes.is_empty() {
            server.read_tls(&mut bytes).unwrap();
            server.process_new_packets()?;
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut bytes = wire.as_slice();
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).unwrap();
            client.process_new_packets()?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok((client, server, tls))
}

#[test]
fn both_ends_compute_the_same_bindings() {
    let (_outer, dir) = data_dir();
    let (identity, _) = Identity::self_made(&dir, &domains(&["localhost"])).unwrap();
    let (client, server, tls) = handshake(identity, "localhost", &version::TLS13).unwrap();
    let bindings = tls.bindings(&server);

    let ekm = exporter(&client).unwrap();
    assert_eq!(bindings.get(BindingKind::TlsExporter), Some(&ekm[..]));
    let certificate = client.peer_certificates().unwrap().first().unwrap();
    assert_eq!(bindings.get(BindingKind::TlsServerEndPoint), end_point(certificate).as_deref());
    assert_eq!(bindings.get(BindingKind::TlsServerEndPoint).unwrap().len(), 32, "ECDSA with SHA-256");
}

/// What passes between two servers until both have nothing to say.
fn converse(client: &mut ClientConnection, server: &mut ServerConnection) {
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        let mut bytes = wire.as_slice();
        while !bytes.is_empty() {
            server.read_tls(&mut bytes).unwrap();
            server.process_new_packets().unwrap();
        }
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        let mut bytes = wire.as_slice();
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
}

#[test]
fn r6120_5_4_3_1_01_servers_show_each_other_their_certificates() {
    let server_of = |name: &str| {
        let (_outer, dir) = data_dir();
        let (identity, _) = Identity::self_made(&dir, &domains(&[name])).unwrap();
        let certificate = identity.certificate().unwrap().clone();
        (Tls::new(identity).unwrap(), certificate)
    };
    let (ours, our_certificate) = server_of("capulet.example");
    let (theirs, their_certificate) = server_of("montague.example");
    let connect = || {
        let name = ServerName::try_from("montague.example").unwrap();
        let mut client = ClientConnection::new(Arc::clone(ours.to_peers()), name).unwrap();
        let mut server = ServerConnection::new(Arc::clone(theirs.peers())).unwrap();
        converse(&mut client, &mut server);
        (client, server)
    };
    let (client, server) = connect();
    assert_eq!(client.peer_certificates().unwrap(), [their_certificate]);
    // covers 6120-5.4.3.1-03
    assert_eq!(server.peer_certificates().unwrap(), [our_certificate]);
    // covers 6120-3.3-03
    assert_eq!(connect().0.handshake_kind(), Some(HandshakeKind::Resumed));

    // Whoever has none is asked as well, and need not show one.
    let asked = Arc::new(Asked::default());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Anybody::new(Arc::new(ring::default_provider())))
        .with_client_cert_resolver(Arc::<Asked>::clone(&asked));
    let name = ServerName::try_from("montague.example").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(theirs.peers())).unwrap();
    converse(&mut client, &mut server);
    // covers 6120-5.4.3.1-02
    assert!(asked.0.load(Ordering::Relaxed));
    assert!(server.peer_certificates().is_none());
}

/// Whether a certificate was asked for, by a client that has none.
#[derive(Debug, Default)]
struct Asked(AtomicBool);

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn tls_1_2_is_accepted_and_has_no_bindings() {
    let (_outer, dir) = data_dir();
    let (identity, _) = Identity::self_made(&dir, &domains(&["localhost"])).unwrap();
    let (client, server, tls) = handshake(identity, "localhost", &version::TLS12).unwrap();
    assert!(tls.bindings(&server).is_empty());
    assert_eq!(exporter(&client), None);
}

#[test]
fn the_exporter_is_of_the_connection_and_the_end_point_of_the_certificate() {
    let (_outer, dir) = data_dir();
    let bindings = || {
        let (identity, _) = Identity::self_made(&dir, &domains(&["localhost"])).unwrap();
        let (_client, server, tls) = handshake(identity, "localhost", &version::TLS13).unwrap();
        tls.bindings(&server)
    };
    let (first, second) = (bindings(), bindings());
    assert_ne!(first.get(BindingKind::TlsExporter), second.get(BindingKind::TlsExporter));
    assert_eq!(first.get(BindingKind::TlsServerEndPoint), second.get(BindingKind::TlsServerEndPoint));
}

/// The hashes were computed by `openssl dgst` over the DER forms, with the function that RFC 5929,
/// section 4.1, names.
#[test]
fn the_end_point_follows_the_signature_of_the_certificate() {
    let expected: &[(&str, Option<&str>)] = &[
        ("rsa-md5", Some("7b8114a56bb05c59db937fdfe44144604bc5921938ce773297d100597b1c06b3")),
        ("rsa-sha1", Some("e33bd97b8dd7a209c2a51dcd1c735110fe6edf291992bafea3dae53c24ec5df1")),
        ("rsa-sha224", Some("15c87ed835c80e4387b2a81020475ee300318b8c911bf641dac62497")),
        ("rsa-sha256", Some("5fd95cc4f718dd82fa3585eabf69fab13fcc4810cdc9de81ff2d4d6f3c1c34a6")),
        (
            "rsa-sha384",
            Some(
                "da2854bc7c3148673cf5ca058e52595707d3b477f354cd14534a5c264448087eb97fcc151992eff074660694001689ce",
            ),
        ),
        (
            "rsa-sha512",
            Some(
                "b4019c4341640118a5b6b9dc8615e98f9af662d50347accba50302fc2bffc394ad9ddfd01542c9e6cb36b49e9efe2879cf5193672f396bd5c1cc695aa8244770",
            ),
        ),
        ("ecdsa-sha1", Some("013d379e382b4ee0f7b11f34486ec89d7faddca9268b770df8e30b40c603f8f5")),
        ("ecdsa-sha224", Some("a24588e50a5421df70ba7a5114debad901b7505d5e9c436f6d96c441")),
        ("ecdsa-sha256", Some("77df3813aa9be40b72cf3940533a1a38c2d5333a833436e14585840175c0385d")),
        (
            "ecdsa-sha384",
            Some(
                "4aee0b997a38a3a64ee6c1255ae6a69dac894e30677172e18f759f77be760707b55d5550d4dd78f63098b163f62ed575",
            ),
        ),
        (
            "ecdsa-sha512",
            Some(
                "db307a7ef27eba1ee8b31c6b185e8719601471f4c9466718dc11012123ff4033398cb6244edde5c4cafedebd5681ff2ef07ebc9e69e80007d5a644f7db311c2b",
            ),
        ),
        ("pss-sha1", Some("ae67893cb5121164303e72f3a9248a433fbffc5a36a9869bcd6167acd01213b0")),
        (
            "pss-sha384",
            Some(
                "709982290f23a4c89ca007f36c1085d69db993d46a2c1bee664fd2934fdcecab4843af820a46e442ef8897d720712c54",
            ),
        ),
        ("pss-sha384-mgf1-sha256", None),
        ("ed25519", None),
    ];
    let pem = include_bytes!("testdata/signatures.pem");
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect();
    assert_eq!(certificates.len(), expected.len());
    for (certificate, (name, hash)) in certificates.iter().zip(expected) {
        let computed = end_point(certificate)
            .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert_eq!(computed.as_deref(), *hash, "{name}");
    }
}

#[test]
fn what_is_no_certificate_has_no_end_point() {
    let pem = include_bytes!("testdata/signatures.pem");
    let certificate = CertificateDer::from_pem_slice(pem).unwrap();
    assert_eq!(end_point(b""), None);
    for cut in 0..certificate.len() {
        assert_eq!(end_point(&certificate[..cut]), None, "{cut} bytes");
    }
}

#[test]
fn an_identity_is_made_once_for_all_domains() {
    let (_outer, dir) = data_dir();
    let names = domains(&["localhost", "bücher.example", "192.0.2.1", "[2001:db8::1]"]);
    let (made, origin) = Identity::self_made(&dir, &names).unwrap();
    assert_eq!(origin, Origin::Made);
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("cert.pem"), mode("key.pem")), (0o644, 0o600));

    let (found, origin) = Identity::self_made(&dir, &names[..2]).unwrap();
    assert_eq!(origin, Origin::Found);
    assert_eq!(found.certificate(), made.certificate());

    for name in ["localhost", "xn--bcher-kva.example", "192.0.2.1", "2001:db8::1"] {
        let (identity, _) = Identity::self_made(&dir, &names).unwrap();
        handshake(identity, name, &version::TLS13).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let (identity, _) = Identity::self_made(&dir, &names).unwrap();
    assert!(handshake(identity, "elsewhere.example", &version::TLS13).is_err());
}

#[test]
fn a_self_made_identity_that_lacks_a_domain_is_refused_and_kept() {
    let (_outer, dir) = data_dir();
    Identity::self_made(&dir, &domains(&["localhost"])).unwrap();
    let before = fs::read(dir.join("cert.pem")).unwrap();
    let error = Identity::self_made(&dir, &domains(&["localhost", "b.example", "127.0.0.1"])).unwrap_err();
    let words = error.to_string();
    assert!(words.contains("does not name b.example, 127.0.0.1: remove it"), "{words}");
    assert_eq!(fs::read(dir.join("cert.pem")).unwrap(), before);

    fs::remove_file(dir.join("cert.pem")).unwrap();
    let key = fs::read(dir.join("key.pem")).unwrap();
    let (_, origin) = Identity::self_made(&dir, &domains(&["localhost", "b.example"])).unwrap();
    assert_eq!(origin, Origin::Made);
    assert_eq!(fs::read(dir.join("key.pem")).unwrap(), key, "the key is never replaced");
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let (_outer, dir) = data_dir();
    Identity::self_made(&dir, &domains(&["localhost"])).unwrap();
    fs::remove_file(dir.join("key.pem")).unwrap();
    let error = Identity::self_made(&dir, &domains(&["localhost"])).unwrap_err();
    assert!(matches!(error, TlsError::KeyMissing { .. }), "{error}");
}

#[test]
fn files_that_are_not_what_they_should_be_are_refused_in_words() {
    let (_outer, dir) = data_dir();
    Identity::self_made(&dir, &domains(&["localhost"])).unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let words = |certificate: &std::path::Path, key: &std::path::Path| {
        Identity::load(certificate, key).unwrap_err().to_string()
    };
    assert!(words(&dir.join("none"), &key).contains("No such file"));
    assert!(words(&key, &key).contains("no certificate in it"));
    assert!(words(&certificate, &certificate).contains("no unencrypted private key in it"));

    fs::write(dir.join("cut.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    assert!(words(&dir.join("cut.pem"), &key).contains("not PEM"));
    fs::write(dir.join("junk.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    assert!(words(&dir.join("junk.pem"), &key).contains("malformed"));

    let (_other_outer, other) = data_dir();
    Identity::self_made(&other, &domains(&["localhost"])).unwrap();
    let mixed = Identity::load(&certificate, &other.join("key.pem")).unwrap();
    assert!(matches!(Tls::new(mixed), Err(TlsError::Config(_))), "the key of another certificate");
}

#[test]
fn a_wildcard_covers_one_label() {
    let (_outer, dir) = data_dir();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["*.example.org".to_owned(), "Example.COM".to_owned()];
    let made = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    fs::write(dir.join("c"), made.pem()).unwrap();
    fs::write(dir.join("k"), key.serialize_pem()).unwrap();
    let identity = Identity::load(&dir.join("c"), &dir.join("k")).unwrap();
    let asked =
        domains(&["a.example.org", "example.com", "example.org", "a.b.example.org", "org", "127.0.0.1"]);
    assert_eq!(identity.uncovered(&asked), ["example.org", "a.b.example.org", "org", "127.0.0.1"]);
}
