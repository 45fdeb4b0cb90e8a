//! Which certificates are whose.

use std::format;
use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::sasl::{BindingKind, Bindings};

fn dns(name: &str) -> PresentedName {
    PresentedName::Dns(name.into())
}

fn srv(service: &str, name: &str) -> PresentedName {
    PresentedName::Srv { service: service.into(), name: name.into() }
}

fn addr(address: &str) -> PresentedName {
    PresentedName::XmppAddr(address.into())
}

fn matches(name: &PresentedName, domain: &str, service: Service) -> bool {
    TlsInfo::new(Chain::Trusted).with_name(name.clone()).matches(domain, service)
}

#[test]
fn r6120_13_7_1_2_01_dns_names() {
    for (name, domain, same) in [
        ("im.example.com", "im.example.com", true),
        ("IM.Example.COM", "im.example.com", true),
        ("im.example.com", "IM.Example.COM", true),
        ("im.example.com", "im.example.com.", true),
        ("im.example.com", "example.com", false),
        ("example.com", "im.example.com", false),
        ("notexample.com", "example.com", false),
        ("example.com.", "example.com", false),
        (".example.com", "example.com", false),
        ("example.com\0.evil.example", "example.com", false),
        ("", "example.com", false),
        ("localhost", "localhost", true),
        // Labels in Unicode are compared as DNS has them, and nothing else is in a `dNSName`.
        ("xn--bcher-kva.example", "bücher.example", true),
        ("XN--BCHER-KVA.example", "BÜCHER.example", true),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", true),
        ("bücher.example", "bücher.example", false),
        ("bucher.example", "bücher.example", false),
        // Only domains are looked for.
        ("example.com", "user@example.com", false),
        ("example.com", "example.com/resource", false),
        ("example.com", "", false),
        ("", "", false),
        ("exa mple.com", "exa mple.com", false),
    ] {
        for service in [Service::Client, Service::Server] {
            assert_eq!(matches(&dns(name), domain, service), same, "{name} for {domain}");
        }
    }
}

#[test]
fn r6120_13_7_1_2_03_a_wildcard_is_the_whole_left_most_label_and_stands_for_one() {
    for (name, domain, same) in [
        ("*.example.com", "im.example.com", true),
        ("*.EXAMPLE.com", "im.example.COM", true),
        ("*.example.com", "xn--bcher-kva.example.com", true),
        ("*.example.com", "bücher.example.com", true),
        ("*.xn--bcher-kva.example", "im.bücher.example", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "a.im.example.com", false),
        ("*.im.example.com", "im.example.com", false),
        ("*.example.com", "imexample.com", false),
        ("i*.example.com", "im.example.com", false),
        ("*m.example.com", "im.example.com", false),
        ("i*m.example.com", "im.example.com", false),
        ("im.*.com", "im.example.com", false),
        ("*.*.com", "im.example.com", false),
        ("**.example.com", "im.example.com", false),
        ("*", "localhost", false),
        ("*", "example.com", false),
        ("*.", "localhost", false),
        ("*.com", "example.com", false),
        ("*.localhost", "im.localhost", false),
        ("*.example.com.", "im.example.com", false),
        // Not as a domain to look for either.
        ("*.example.com", "*.example.com", false),
    ] {
        assert_eq!(matches(&dns(name), domain, Service::Client), same, "{name} for {domain}");
    }
}

#[test]
fn r6120_13_7_1_2_02_names_for_a_service() {
    use Service::{Client, Server};
    for (service, name, domain, wanted, same) in [
        ("xmpp-client", "example.com", "example.com", Client, true),
        ("_xmpp-client", "example.com", "example.com", Client, true),
        ("_XMPP-Client", "Example.com", "example.com", Client, true),
        ("_xmpp-client", "example.com", "example.com", Server, false),
        ("_xmpp-server", "example.com", "example.com", Server, true),
        ("_xmpp-server", "example.com", "example.com", Client, false),
        ("__xmpp-server", "example.com", "example.com", Server, false),
        ("_xmpp", "example.com", "example.com", Server, false),
        ("_imaps", "example.com", "example.com", Client, false),
        ("_xmpp-client", "im.example.com", "example.com", Client, false),
        ("_xmpp-client", "*.example.com", "im.example.com", Client, false),
        ("_xmpp-client", "xn--bcher-kva.example", "bücher.example", Client, true),
        ("_xmpp-client", "192.0.2.1", "192.0.2.1", Client, false),
    ] {
        assert_eq!(matches(&srv(service, name), domain, wanted), same, "{service}.{name} for {domain}");
    }
    assert_eq!(PresentedName::srv("_xmpp-client.im.example.com"), Some(srv("xmpp-client", "im.example.com")));
    for text in ["xmpp-client.im.example.com", "_xmpp-client", "", "_"] {
        assert_eq!(PresentedName::srv(text), None, "{text}");
    }
}

#[test]
fn r6120_13_7_1_4_01_xmpp_addresses() {
    for (address, domain, same) in [
        ("example.com", "example.com", true),
        ("EXAMPLE.com", "example.com", true),
        ("bücher.example", "xn--bcher-kva.example", true),
        ("xn--bcher-kva.example", "bücher.example", true),
        ("192.0.2.1", "192.0.2.1", true),
        ("juliet@example.com", "example.com", false),
        ("example.com/x", "example.com", false),
        ("*.example.com", "im.example.com", false),
        ("im.example.com", "example.com", false),
        ("", "example.com", false),
    ] {
        assert_eq!(matches(&addr(address), domain, Service::Server), same, "{address} for {domain}");
    }
}

#[test]
fn r6120_13_7_1_4_01_the_type_of_a_name_has_three_notations() {
    let other = |type_id| PresentedName::other(type_id, "b\u{fc}cher.example");
    for notation in ["id-on-xmppAddr", "1.3.6.1.5.5.7.8.5", "urn:oid:1.3.6.1.5.5.7.8.5"] {
        // covers 6120-13.7.1.4-01
        assert_eq!(other(notation), Some(addr("b\u{fc}cher.example")), "{notation}");
    }
    // covers 3920-5.1.1-01
    assert!(other("1.3.6.1.5.5.7.8.5").is_some());
    // covers 3920-5.1-14: a string in UTF-8, of that type and no other
    assert!(matches(&other("id-on-xmppAddr").unwrap(), "b\u{fc}cher.example", Service::Server));
    for foreign in ["1.3.6.1.5.5.7.8.9", "1.3.6.1.5.5.7.8", "1.3.6.1.5.5.7.8.50", "", "urn:oid:", "xmppAddr"]
    {
        assert_eq!(other(foreign), None, "{foreign}");
    }
    let srv = |value| PresentedName::other("urn:oid:1.3.6.1.5.5.7.8.7", value);
    assert_eq!(srv("_xmpp-server.example.com"), PresentedName::srv("_xmpp-server.example.com"));
    assert_eq!(srv("example.com"), None);
}

#[test]
fn r6125_6_4_addresses_of_hosts_are_no_dns_names() {
    for domain in ["192.0.2.1", "[2001:db8::1]", "[2001:DB8:0::1]"] {
        for name in [domain, "2001:db8::1", "*.0.2.1", "*"] {
            assert!(!matches(&dns(name), domain, Service::Client), "{name} for {domain}");
        }
    }
}

#[test]
fn r6125_6_6_1_any_presented_name_will_do_and_none_does_not() {
    let names = [srv("_imaps", "example.com"), addr("other.example"), dns("example.com")];
    let info = TlsInfo::new(Chain::Trusted).with_names(names.clone());
    assert!(info.matches("example.com", Service::Client));
    assert_eq!(info.names(), names);
    assert!(!TlsInfo::new(Chain::Trusted).matches("example.com", Service::Client));
    // The service of one name and the domain of another are no match (RFC 6125 section 6.5).
    let mixed = TlsInfo::new(Chain::Trusted)
        .with_names([srv("_xmpp-client", "a.example"), srv("_imaps", "b.example")]);
    assert!(!mixed.matches("b.example", Service::Client));
}

#[test]
fn r6120_13_7_1_2_the_certificates_of_the_examples() {
    let names = |texts: &[&str]| -> Vec<PresentedName> {
        texts
            .iter()
            .map(|text| match text.split_once(':') {
                Some(("dns", name)) => dns(name),
                Some(("srv", name)) => PresentedName::srv(name).unwrap(),
                Some((_, address)) => addr(address),
                None => panic!("{text}"),
            })
            .collect()
    };
    let company = TlsInfo::new(Chain::Trusted).with_names(names(&[
        "srv:_xmpp-client.im.example.com",
        "srv:_xmpp-server.im.example.com",
        "dns:im.example.com",
        "xmpp:im.example.com",
    ]));
    assert!(company.matches("im.example.com", Service::Server));
    // Where the SRV records led is not who was asked for.
    assert!(!company.matches("x.example.com", Service::Client));

    let provider = TlsInfo::new(Chain::Trusted).with_names(names(&[
        "srv:_xmpp-client.example.net",
        "srv:_xmpp-server.chat.example.net",
        "dns:*.example.net",
    ]));
    assert!(provider.matches("example.net", Service::Client));
    assert!(!provider.matches("example.net", Service::Server));
    assert!(provider.matches("new.example.net", Service::Client));
}

#[test]
fn r6120_13_7_2_01_a_name_counts_only_with_a_trusted_chain() {
    let info = |chain| TlsInfo::new(chain).with_name(dns("example.com"));
    assert_eq!(info(Chain::Trusted).verify("example.com", Service::Client), Ok(()));
    assert_eq!(info(Chain::Trusted).verify("example.org", Service::Client), Err(TlsError::WrongName));
    for domain in ["example.com", "example.org"] {
        assert_eq!(info(Chain::Untrusted).verify(domain, Service::Client), Err(TlsError::Untrusted));
    }
    assert!(info(Chain::Untrusted).matches("example.com", Service::Client));
}

#[test]
fn r6120_5_4_3_1_05_the_certificate_of_an_initiating_entity_is_judged_too() {
    let names = [addr("juliet@example.com"), dns("example.com")];
    let info = |chain| TlsInfo::new(chain).with_names(names.clone());
    assert_eq!(info(Chain::Trusted).accounts("example.com").len(), 1);
    // covers 6120-5.4.3.1-05: a client's
    assert!(info(Chain::Untrusted).accounts("example.com").is_empty());
    assert!(info(Chain::Trusted).accounts("example.net").is_empty());
    // A server's.
    assert_eq!(info(Chain::Untrusted).verify("example.com", Service::Server), Err(TlsError::Untrusted));
}

#[test]
fn bindings_are_handed_on_and_not_shown() {
    let info = TlsInfo::new(Chain::Trusted).with_bindings(Bindings::new().with_exporter(*b"keying material"));
    assert_eq!(info.bindings().get(BindingKind::TlsExporter), Some(&b"keying material"[..]));
    assert!(!format!("{info:?}").contains("107"), "{info:?}");
    assert!(TlsInfo::new(Chain::Untrusted).bindings().is_empty());
}

#[test]
fn r3920_5_1_12_a_request_names_the_domain_that_was_asked_for() {
    let jid = |text: &str| Jid::new(text).unwrap();
    let request = TlsRequest::initiating(&jid("juliet@bücher.example/x"), Service::Client);
    assert_eq!((request.role(), request.service()), (TlsRole::Client, Service::Client));
    assert_eq!(request.domain(), Some("bücher.example"));
    assert_eq!(request.server_name().as_deref(), Some("xn--bcher-kva.example"));

    let request = TlsRequest::receiving(Some(&jid("example.com")), Service::Server);
    assert_eq!((request.role(), request.service()), (TlsRole::Server, Service::Server));
    assert_eq!(request.server_name().as_deref(), Some("example.com"));
    assert_eq!(TlsRequest::receiving(None, Service::Client).domain(), None);

    for address in ["192.0.2.1", "[::1]"] {
        let request = TlsRequest::initiating(&jid(address), Service::Client);
        assert_eq!((request.domain(), request.server_name()), (Some(address), None));
    }
}

#[test]
fn tls_is_required_unless_said_otherwise() {
    assert_eq!(TlsPolicy::default(), TlsPolicy::Required);
    assert_eq!(TlsError::WrongName.to_string(), "the certificate is not for the expected domain");
}

proptest! {
    /// Whatever a certificate says, it does not panic, and only the domain itself is the domain: `*.example` is too wide.
    #[test]
    fn foreign_names_do_not_match(name in "[*a-z0-9.@/_\\[\\]:\u{E9}\0-]{0,24}", domain in "[a-z]{1,8}\\.example") {
        for presented in [dns(&name), srv("_xmpp-client", &name), addr(&name)] {
            let same = matches(&presented, &domain, Service::Client);
            prop_assert!(!same || name.trim_end_matches('.') == domain, "{presented:?} for {domain}");
        }
        let _ = matches(&dns("example.com"), &name, Service::Server);
    }

    #[test]
    fn a_domain_is_its_own_name(domain in "[a-z\u{E9}\u{436}]{1,8}(\\.[a-z\u{E9}]{1,8}){0,3}") {
        let ascii = Jid::new(&domain).unwrap().ascii_domain().into_owned();
        for presented in [dns(&ascii), dns(&ascii.to_ascii_uppercase()), srv("_xmpp-client", &ascii), addr(&domain)] {
            prop_assert!(matches(&presented, &domain, Service::Client), "{presented:?}");
        }
    }
}
