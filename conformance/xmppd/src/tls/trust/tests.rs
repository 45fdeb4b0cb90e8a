use std::fs;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    OtherNameValue, SanType, date_time_ymd,
};
use rustls::ServerConnection;
use xmpp_core::jid::BareJid;
use xmpp_core::tls::Service;

use super::super::{Identity, Tls};
use super::*;
use crate::data_dir::DataDir;

/// A self-signed certificate for a name: in PEM, and as a peer presents it.
fn self_signed(name: &str) -> (String, CertificateDer<'static>) {
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    (certificate.pem(), certificate.der().clone())
}

/// An authority, in PEM, and what it issued for a name, as a peer presents it.
fn issued(name: &str) -> (String, CertificateDer<'static>) {
    let (authority, certificate) = issue(name);
    (authority, certificate.der().clone())
}

/// An authority, in PEM, and what it issued for a name.
fn issue(name: &str) -> (String, Certificate) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::from_params(&params, &key);
    let own = CertificateParams::new([name.to_owned()]).unwrap();
    (authority, own.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap())
}

/// What is trusted when a file holds this.
fn trust(pem: &str) -> Trust {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    fs::write(&path, pem).unwrap();
    Trust::load(&path).unwrap()
}

#[test]
fn r3920_14_2_11_a_certificate_that_was_approved_is_good_though_nobody_signed_it() {
    let (pem, certificate) = self_signed("example.com");
    assert!(!Trust::nobody().judge(Some(std::slice::from_ref(&certificate))).is_trusted());
    let info = trust(&pem).judge(Some(&[certificate]));
    assert_eq!(info.verify("example.com", Service::Server), Ok(()));
    // Nor need it be known who did.
    let (_, certificate) = issue("example.com");
    let info = trust(&certificate.pem()).judge(Some(&[certificate.der().clone()]));
    assert_eq!(info.verify("example.com", Service::Server), Ok(()));
}

#[test]
fn r3920_14_2_12_another_certificate_of_the_same_name_was_not_approved() {
    let (pem, _) = self_signed("example.com");
    let (_, other) = self_signed("example.com");
    let info = trust(&pem).judge(Some(&[other]));
    assert!(info.matches("example.com", Service::Server) && !info.is_trusted());
}

#[test]
fn r6120_13_6_02_trust_anchors_are_what_the_administrator_gives() {
    let (authority, certificate) = issued("example.com");
    let info = trust(&authority).judge(Some(&[certificate]));
    assert_eq!(info.verify("example.com", Service::Server), Ok(()));
    let (_, foreign) = issued("example.com");
    // covers 6120-13.6-03: those that the machine trusts are not looked at
    assert_eq!(trust(&authority).authorities(), 1);
    assert!(!trust(&authority).judge(Some(&[foreign])).is_trusted());
}

/// An authority, and what it issues.
struct Authority {
    key: KeyPair,
    params: CertificateParams,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { key: KeyPair::generate().unwrap(), params }
    }

    fn pem(&self) -> String {
        self.params.self_signed(&self.key).unwrap().pem()
    }

    fn issue(&self, params: &CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
        let issuer = Issuer::from_params(&self.params, &self.key);
        params.signed_by(key, &issuer).unwrap().der().clone()
    }

    fn issue_for(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["example.com".to_owned()]).unwrap();
        change(&mut params);
        self.issue(&params, &KeyPair::generate().unwrap())
    }
}

#[test]
fn an_intermediate_leads_to_the_authority_if_the_peer_sends_it() {
    let (root, between) = (Authority::new(), Authority::new());
    let own = between.issue_for(|_| {});
    let link = root.issue(&between.params, &between.key);
    let trust = trust(&root.pem());
    assert_eq!(trust.judge(Some(&[own.clone(), link])).verify("example.com", Service::Server), Ok(()));
    assert!(!trust.judge(Some(&[own])).is_trusted());
}

#[test]
fn a_certificate_counts_in_its_time_and_for_its_use() {
    let authority = Authority::new();
    let trust = trust(&authority.pem());
    let is_trusted =
        |change: fn(&mut CertificateParams)| trust.judge(Some(&[authority.issue_for(change)])).is_trusted();
    assert!(is_trusted(|_| {}));
    assert!(!is_trusted(|params| params.not_after = date_time_ymd(2001, 1, 1)), "it is over");
    assert!(!is_trusted(|params| params.not_before = date_time_ymd(4001, 1, 1)), "it is not yet");
    // Either use will do for a server, and no other.
    assert!(is_trusted(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]));
    assert!(is_trusted(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]));
    assert!(!is_trusted(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]));
    // One that was approved itself has its time too.
    let mut params = CertificateParams::new(["example.com".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2001, 1, 1);
    let own = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert!(!self::trust(&own.pem()).judge(Some(&[own.der().clone()])).is_trusted());
}

#[test]
fn names_for_services_and_addresses_count_as_what_they_are() {
    let authority = Authority::new();
    let trust = trust(&authority.pem());
    let of = |kind: &[u64], text: &str| {
        let name = SanType::OtherName((kind.to_vec(), OtherNameValue::Utf8String(text.to_owned())));
        let own = authority.issue_for(|params| params.subject_alt_names = vec![name]);
        trust.judge(Some(&[own]))
    };
    assert_eq!(of(&XMPP_ADDR, "example.com").verify("example.com", Service::Server), Ok(()));
    assert!(!of(&XMPP_ADDR, "example.com").matches("a.example.com", Service::Server));
    assert!(!of(&[1, 2, 3], "example.com").matches("example.com", Service::Server));
    let srv = of(&DNS_SRV, "_xmpp-server.example.com");
    assert!(srv.matches("example.com", Service::Server) && !srv.matches("example.com", Service::Client));
}

fn self_made() -> Identity {
    let outer = tempfile::tempdir().unwrap();
    let dir = DataDir::create(&outer.path().join("data")).unwrap();
    Identity::self_made(&dir, &[BareJid::new("example.com").unwrap()]).unwrap().0
}

#[test]
fn r6120_13_7_1_1_01_a_self_made_certificate_is_an_end_entitys() {
    let identity = self_made();
    let certificate = identity.certificate().unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
    assert!(!parsed.is_ca());
    assert!(parsed.subject().iter().next().is_some());
    assert_eq!(parsed.version(), x509_parser::x509::X509Version::V3);
}

#[test]
fn r6120_13_9_5_01_ssl_is_refused() {
    // A CLIENT-HELLO of SSL 2.0 with one cipher suite, and a ClientHello of SSL 3.0.
    let ssl2 =
        [0x80, 0x1c, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    let mut ssl3 = vec![0x16, 3, 0, 0, 45, 1, 0, 0, 41, 3, 0];
    ssl3.extend([7; 32]);
    ssl3.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let tls = Tls::new(self_made()).unwrap();
    for config in [tls.clients(), tls.clients_direct(), tls.peers()] {
        for hello in [&ssl2[..], &ssl3] {
            let mut server = ServerConnection::new(Arc::clone(config)).unwrap();
            server.read_tls(&mut &hello[..]).unwrap();
            assert!(server.process_new_packets().is_err(), "{hello:?}");
            assert!(server.is_handshaking());
        }
    }
}
