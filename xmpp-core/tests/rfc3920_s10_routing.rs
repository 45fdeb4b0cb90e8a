//! RFC 3920 section 10, RFC 6120 section 10: where a server sends a stanza.
#![allow(clippy::unwrap_used, missing_docs)]

use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::profile::{Profile, UnconfiguredSubdomain};
use xmpp_core::route::{Decision, Destination, Domains, Origin, route};
use xmpp_core::stanza::Kind;
use xmpp_core::stream::Condition;

const KINDS: [Kind; 3] = [Kind::Message, Kind::Presence, Kind::Iq];

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

/// A server of two domains, one of which a component is a subdomain of.
fn domains() -> Domains {
    Domains::new([bare("example.com"), bare("bücher.example")]).with_component(bare("plays.example.com"))
}

fn decide_with(kind: Kind, to: Option<&str>, origin: Origin<'_>, profile: Profile) -> Decision {
    let to = to.map(|to| Jid::new(to).unwrap());
    route(kind, to.as_ref(), origin, &domains(), &profile)
}

fn decide(kind: Kind, to: Option<&str>, origin: Origin<'_>) -> Decision {
    decide_with(kind, to, origin, Profile::RFC6120)
}

/// What a stanza of every kind gets, when that is the same.
fn decide_any(to: &str, origin: Origin<'_>) -> Decision {
    let [message, presence, iq] = KINDS.map(|kind| decide(kind, Some(to), origin));
    assert_eq!(message, presence);
    assert_eq!(presence, iq);
    iq
}

fn juliet() -> FullJid {
    FullJid::new("juliet@example.com/balcony").unwrap()
}

#[test]
fn r3920_10_1_01_without_address_the_server_acts_on_behalf_of_the_sender() {
    let juliet = juliet();
    let from_client = |kind| decide(kind, None, Origin::Client(&juliet));
    // covers 6120-10.3-01
    assert!(KINDS.into_iter().all(|kind| !matches!(from_client(kind), Decision::Fault(_))));
    // covers 6120-10.3.1-01
    assert_eq!(
        from_client(Kind::Message),
        Decision::Forward(Destination::Account(bare("juliet@example.com")))
    );
    assert_eq!(from_client(Kind::Presence), Decision::Broadcast);
    // covers 6120-10.3.3-01
    assert_eq!(from_client(Kind::Iq), Decision::OnBehalf);
}

#[test]
fn r3920_10_1_02_other_servers_and_components_have_to_say_whom_a_stanza_is_for() {
    for kind in KINDS {
        assert_eq!(decide(kind, None, Origin::Server), Decision::Fault(Condition::ImproperAddressing));
        assert_eq!(decide(kind, None, Origin::Component), Decision::Fault(Condition::ImproperAddressing));
    }
}

#[test]
fn stanzas_for_foreign_domains_leave() {
    let juliet = juliet();
    for to in ["example.net", "example.net/x", "romeo@example.net", "romeo@example.net/orchard"] {
        let remote = Decision::Forward(Destination::Remote(bare("example.net")));
        assert_eq!(decide_any(to, Origin::Client(&juliet)), remote);
        assert_eq!(decide_any(to, Origin::Component), remote);
    }
    // A domain that ours ends in, or that only ends like ours, is foreign.
    for to in ["com", "myexample.com", "example.com.example", "[::1]", "192.0.2.1"] {
        let remote = Decision::Forward(Destination::Remote(bare(to)));
        assert_eq!(decide_any(to, Origin::Client(&juliet)), remote);
    }
}

#[test]
fn r6120_10_4_01_nothing_is_relayed_between_foreign_domains() {
    for to in ["example.net", "romeo@example.net/orchard", "chat.example.com", "example.com.example"] {
        // covers 6120-8.1.1.2-01
        assert_eq!(decide_any(to, Origin::Server), Decision::Fault(Condition::HostUnknown));
    }
    let refused = Profile::RFC3920;
    let subdomain = decide_with(Kind::Iq, Some("chat.example.com"), Origin::Server, refused);
    assert_eq!(subdomain, Decision::Fault(Condition::HostUnknown));
}

#[test]
fn r3920_10_3_01_subdomains_are_those_of_components_or_not_ours() {
    let juliet = juliet();
    for origin in [Origin::Client(&juliet), Origin::Component, Origin::Server] {
        for to in
            ["plays.example.com", "plays.example.com/x", "hamlet@plays.example.com", "a@plays.example.com/b"]
        {
            let component = Destination::Component(bare("plays.example.com"));
            // covers 6120-10.5-02
            assert_eq!(decide_any(to, origin), Decision::Forward(component));
        }
    }
    // Nobody is configured to serve these: foreign by the later text, an error by the older one.
    for subdomain in ["chat.example.com", "a.plays.example.com", "x.bücher.example"] {
        let to = Some(subdomain);
        let later = decide(Kind::Iq, to, Origin::Client(&juliet));
        assert_eq!(later, Decision::Forward(Destination::Remote(bare(subdomain))));
        let strict = Profile::RFC6120.with_unconfigured_subdomain(UnconfiguredSubdomain::Refused);
        let older = decide_with(Kind::Iq, to, Origin::Client(&juliet), strict);
        assert_eq!(older, Decision::Forward(Destination::Nowhere));
    }
    let foreign = decide_with(Kind::Iq, Some("myexample.com"), Origin::Client(&juliet), Profile::RFC3920);
    assert_eq!(foreign, Decision::Forward(Destination::Remote(bare("myexample.com"))));
}

#[test]
fn r3920_10_4_01_what_is_for_the_domain_itself_or_a_resource_of_it_is_the_servers() {
    let juliet = juliet();
    for origin in [Origin::Client(&juliet), Origin::Component, Origin::Server] {
        for to in ["example.com", "example.com/announce", "EXAMPLE.com."] {
            assert_eq!(decide_any(to, origin), Decision::Forward(Destination::Server(bare("example.com"))));
        }
        let encoded = Decision::Forward(Destination::Server(bare("bücher.example")));
        // covers 6120-10.5-01
        assert_eq!(decide_any("xn--bcher-kva.example", origin), encoded);
    }
}

#[test]
fn r3920_10_5_01_what_is_for_a_node_of_ours_is_for_that_account() {
    let juliet = juliet();
    for profile in [Profile::RFC6120, Profile::RFC3920] {
        for origin in [Origin::Client(&juliet), Origin::Component, Origin::Server] {
            for to in ["romeo@example.com", "Romeo@example.com/orchard", "romeo@example.com/no such resource"]
            {
                // covers 6120-10.5-03
                assert_eq!(
                    decide_with(Kind::Message, Some(to), origin, profile),
                    Decision::Forward(Destination::Account(bare("romeo@example.com")))
                );
            }
        }
    }
    // To oneself is no exception: to the own account, or to a resource of it.
    for to in ["juliet@example.com", "juliet@example.com/balcony"] {
        let own = Decision::Forward(Destination::Account(bare("juliet@example.com")));
        assert_eq!(decide_any(to, Origin::Client(&juliet)), own);
    }
}

#[test]
fn domains_are_told_apart_by_who_serves_them() {
    let domains = domains();
    assert!(domains.serves(&Jid::new("juliet@example.com/balcony").unwrap()));
    assert!(!domains.serves(&Jid::new("plays.example.com").unwrap()));
    assert!(domains.is_component(&Jid::new("hamlet@plays.example.com").unwrap()));
    assert!(!domains.is_component(&Jid::new("example.net").unwrap()));
    let served: Vec<_> = domains.served().map(BareJid::as_str).collect();
    assert_eq!(served, ["bücher.example", "example.com"]);
    // What a component serves is no longer the server's own, and a node says nothing about a domain.
    let given_away = Domains::new([bare("juliet@example.com")]).with_component(bare("x@example.com"));
    assert!(given_away.is_component(&Jid::new("example.com").unwrap()));
    assert!(!given_away.serves(&Jid::new("example.com").unwrap()));
}
