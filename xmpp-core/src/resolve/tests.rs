//! Every answer that DNS can give, and the order of what comes of it.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;

use proptest::prelude::*;

use super::*;

fn resolver_with(domain: &str, service: Service, policy: Policy, seed: u8) -> Resolver {
    Resolver::new(&Jid::new(domain).unwrap(), service, policy, Seed::new([seed; 32]))
}

fn resolver(domain: &str) -> Resolver {
    resolver_with(domain, Service::Server, Policy::new(), 1)
}

fn record(priority: u16, weight: u16, port: u16, target: &str) -> SrvRecord {
    SrvRecord::new(priority, weight, port, target)
}

fn ips(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|ip| ip.parse().unwrap()).collect()
}

/// A DNS that never changes.
#[derive(Default)]
struct Zone {
    direct: Option<Answer<SrvRecord>>,
    start_tls: Option<Answer<SrvRecord>>,
    hosts: BTreeMap<&'static str, Answer<IpAddr>>,
}

impl Zone {
    fn direct(mut self, records: &[SrvRecord]) -> Self {
        self.direct = Some(Answer::Records(records.to_vec()));
        self
    }

    fn start_tls(mut self, records: &[SrvRecord]) -> Self {
        self.start_tls = Some(Answer::Records(records.to_vec()));
        self
    }

    fn host(mut self, host: &'static str, addresses: &[&str]) -> Self {
        self.hosts.insert(host, Answer::Records(ips(addresses)));
        self
    }

    fn failing(mut self, host: &'static str) -> Self {
        self.hosts.insert(host, Answer::Failed);
        self
    }

    /// Runs a resolver to its end: what it asked, what candidates came, why it ended.
    fn run(&self, mut resolver: Resolver) -> (Vec<String>, Vec<String>, Exhausted) {
        let (mut asked, mut candidates) = (Vec::new(), Vec::new());
        for _ in 0..1000 {
            match resolver.poll().expect("every question is answered at once") {
                Step::Srv(question) => {
                    asked.push(question.name().to_string());
                    let is_direct = question.name().starts_with("_xmpps-");
                    let answer = if is_direct { &self.direct } else { &self.start_tls };
                    resolver.answer_srv(question, answer.clone().unwrap_or(Answer::Absent)).unwrap();
                }
                Step::Addresses(question) => {
                    asked.push(question.host().to_string());
                    let answer = self.hosts.get(question.host()).cloned().unwrap_or(Answer::Absent);
                    resolver.answer_addresses(question, answer).unwrap();
                }
                Step::Candidate(candidate) => {
                    assert_eq!(candidate.domain(), resolver.domain());
                    let tls = match candidate.tls() {
                        TlsMode::Direct => "direct",
                        TlsMode::StartTls => "starttls",
                    };
                    candidates.push(format!("{} {} {tls}", candidate.host(), candidate.address()));
                }
                Step::Exhausted(reason) => {
                    assert_eq!(resolver.poll(), None);
                    return (asked, candidates, reason);
                }
            }
        }
        panic!("a resolver comes to an end")
    }
}

#[test]
fn r3920_14_3_03_a_client_asks_for_its_own_records_and_falls_back_to_5222() {
    let zone = Zone::default().host("example.com", &["192.0.2.1"]);
    let (asked, candidates, reason) =
        zone.run(resolver_with("juliet@example.com/balcony", Service::Client, Policy::new(), 1));
    assert_eq!(asked, ["_xmpps-client._tcp.example.com.", "_xmpp-client._tcp.example.com.", "example.com"]);
    // covers 6120-3.2.1-03
    assert_eq!(candidates.len(), 1);
    // covers 6120-3.2.2-01
    assert_eq!(candidates, ["example.com 192.0.2.1:5222 starttls"]);
    assert_eq!(reason, Exhausted::Unreachable);
}

#[test]
fn r6120_4_9_3_19_05_another_host_is_resolved_in_place_of_the_domain() {
    let zone = Zone::default()
        .start_tls(&[record(0, 0, 5299, "b.example.net")])
        .host("b.example.net", &["192.0.2.2"])
        .host("im.example.net", &["192.0.2.3"]);
    let go = |host: &str| {
        let resolver = resolver_with("juliet@example.com", Service::Client, Policy::new(), 1);
        zone.run(resolver.redirected(&OtherHost::new(host).unwrap()))
    };
    let (asked, candidates, _) = go("example.net");
    // covers 6120-4.9.3.19-05
    assert_eq!(asked[..2], ["_xmpps-client._tcp.example.net.", "_xmpp-client._tcp.example.net."]);
    assert_eq!(candidates, ["b.example.net 192.0.2.2:5299 starttls"]);
    // A port leaves nothing to look for but addresses.
    // covers 6120-4.9.3.19-04
    assert_eq!(go("im.example.net:9222").1, ["im.example.net 192.0.2.3:9222 starttls"]);
    let (asked, candidates, _) = go("[2001:db8::7]:9222");
    assert_eq!(
        (asked.len(), &candidates[..]),
        (0, &["[2001:db8::7] [2001:db8::7]:9222 starttls".to_string()][..])
    );
    assert_eq!(go("192.0.2.7").1, ["192.0.2.7 192.0.2.7:5222 starttls"]);
    let direct = Policy::new().with_modes(TlsModes::Direct);
    let resolver = resolver_with("juliet@example.com", Service::Client, direct, 1);
    let (_, candidates, _) = zone.run(resolver.redirected(&OtherHost::new("im.example.net:9222").unwrap()));
    assert_eq!(candidates, ["im.example.net 192.0.2.3:9222 direct"]);
}

#[test]
fn r3920_14_4_08_a_server_asks_for_servers_records_and_falls_back_to_5269() {
    let zone = Zone::default().host("example.com", &["192.0.2.1"]);
    let (asked, candidates, _) = zone.run(resolver("example.com"));
    assert_eq!(asked, ["_xmpps-server._tcp.example.com.", "_xmpp-server._tcp.example.com.", "example.com"]);
    assert_eq!(candidates, ["example.com 192.0.2.1:5269 starttls"]);
    // Also where the servers did not answer.
    let zone = Zone { direct: Some(Answer::Failed), start_tls: Some(Answer::Failed), ..zone };
    assert_eq!(zone.run(resolver("example.com")).1, candidates);
}

#[test]
fn r3920_14_4_07_nothing_is_connected_to_before_it_was_resolved() {
    let mut resolver = resolver("example.com");
    let Some(Step::Srv(direct)) = resolver.poll() else { panic!() };
    let Some(Step::Srv(start_tls)) = resolver.poll() else { panic!() };
    assert_eq!(resolver.poll(), None);
    resolver.answer_srv(start_tls, Answer::Records(vec![record(0, 0, 5269, "a.example")])).unwrap();
    // The other answer may name better ones.
    assert_eq!(resolver.poll(), None);
    resolver.answer_srv(direct, Answer::Absent).unwrap();
    let Some(Step::Addresses(host)) = resolver.poll() else { panic!() };
    // covers 3920-14.3-02
    assert_eq!(resolver.poll(), None);
    resolver.answer_addresses(host, Answer::Records(ips(&["192.0.2.1"]))).unwrap();
    assert!(matches!(resolver.poll(), Some(Step::Candidate(_))));
}

#[test]
fn r6120_3_2_1_01_a_lone_root_as_target_means_no() {
    let no = [record(0, 0, 0, ".")];
    let host = || Zone::default().host("example.com", &["192.0.2.1"]).host("a.example", &["192.0.2.2"]);
    let yes = [record(0, 0, 443, "a.example")];
    let reached = (vec!["a.example 192.0.2.2:443 direct".to_string()], Exhausted::Unreachable);

    let ends = |zone: Zone| {
        let (_, candidates, reason) = zone.run(resolver("example.com"));
        (candidates, reason)
    };
    assert_eq!(ends(host().direct(&no).start_tls(&no)), (vec![], Exhausted::NoService));
    assert_eq!(ends(host().start_tls(&no)), (vec![], Exhausted::NoService));
    // XEP-0368 section 5: no direct TLS, and no falling back either.
    assert_eq!(ends(host().direct(&no)), (vec![], Exhausted::NoService));
    assert_eq!(ends(host().direct(&yes).start_tls(&no)), reached);
    // Some libraries give the root as nothing.
    assert_eq!(ends(host().start_tls(&[record(0, 0, 0, "")])), (vec![], Exhausted::NoService));
    // It is not alone: the record says nothing, the others count.
    let (candidates, _) = ends(host().start_tls(&[record(0, 0, 443, "a.example"), no[0].clone()]));
    assert_eq!(candidates, ["a.example 192.0.2.2:443 starttls"]);
    // The other lookup may say yes another time.
    let zone = Zone { direct: Some(Answer::Failed), ..host().start_tls(&no) };
    assert_eq!(ends(zone), (vec![], Exhausted::LookupFailed));
}

#[test]
fn r6120_3_2_1_02_the_domain_itself_is_not_tried_when_there_were_records() {
    let zone = Zone::default().host("example.com", &["192.0.2.1"]).host("a.example", &["192.0.2.2"]);
    let (asked, candidates, reason) =
        zone.start_tls(&[record(0, 0, 5269, "a.example.")]).run(resolver("example.com"));
    assert_eq!(candidates, ["a.example 192.0.2.2:5269 starttls"]);
    assert!(!asked.contains(&"example.com".to_string()));
    assert_eq!(reason, Exhausted::Unreachable);
    // Nor when none of them leads anywhere, or makes sense.
    for target in ["gone.example", "not a name", "192.0.2.1"] {
        let zone = Zone::default().host("example.com", &["192.0.2.1"]);
        let (_, candidates, reason) = zone.direct(&[record(0, 0, 5269, target)]).run(resolver("example.com"));
        assert_eq!((candidates, reason), (vec![], Exhausted::NotFound));
    }
}

#[test]
fn the_end_says_whether_it_is_known_that_there_is_nothing() {
    let run = |zone: Zone| zone.run(resolver("example.com")).2;
    assert_eq!(run(Zone::default()), Exhausted::NotFound);
    assert_eq!(run(Zone::default().failing("example.com")), Exhausted::LookupFailed);
    let records = [record(0, 0, 1, "a.example"), record(1, 0, 1, "b.example")];
    let zone = || Zone::default().start_tls(&records);
    assert_eq!(run(zone()), Exhausted::NotFound);
    assert_eq!(run(zone().failing("b.example")), Exhausted::LookupFailed);
    assert_eq!(run(zone().host("a.example", &["192.0.2.1"]).failing("b.example")), Exhausted::Unreachable);
    // No addresses are no answer.
    assert_eq!(run(zone().host("a.example", &[])), Exhausted::NotFound);
}

#[test]
fn r6120_10_4_3_01_only_what_was_resolved_is_said_to_take_too_long() {
    use stanza::Condition::{RemoteServerNotFound, RemoteServerTimeout};
    for reason in [Exhausted::NoService, Exhausted::NotFound, Exhausted::LookupFailed] {
        assert_eq!(reason.condition(), RemoteServerNotFound);
    }
    // covers 6120-10.4.3-02
    assert_eq!(Exhausted::Unreachable.condition(), RemoteServerTimeout);
}

#[test]
fn priorities_of_both_kinds_are_mixed() {
    let zone = Zone::default()
        .direct(&[record(5, 0, 443, "a.example"), record(20, 9, 5270, "c.example")])
        .start_tls(&[record(10, 0, 5269, "b.example"), record(1, 0, 5269, "c.example")])
        .host("a.example", &["192.0.2.1"])
        .host("b.example", &["192.0.2.2"])
        .host("c.example", &["192.0.2.3"]);
    let (asked, candidates, _) = zone.run(resolver("example.com"));
    assert_eq!(
        candidates,
        [
            "c.example 192.0.2.3:5269 starttls",
            "a.example 192.0.2.1:443 direct",
            "b.example 192.0.2.2:5269 starttls",
            "c.example 192.0.2.3:5270 direct",
        ]
    );
    // Each host is looked up once, when it is its turn.
    assert_eq!(asked[2..], ["c.example", "a.example", "b.example"]);
}

#[test]
fn a_policy_can_do_without_one_kind() {
    let zone = Zone::default()
        .direct(&[record(0, 0, 443, "a.example")])
        .start_tls(&[record(0, 0, 5269, "b.example")])
        .host("a.example", &["192.0.2.1"])
        .host("b.example", &["192.0.2.2"])
        .host("example.com", &["192.0.2.3"]);
    let run = |zone: &Zone, modes| {
        zone.run(resolver_with("example.com", Service::Server, Policy::new().with_modes(modes), 1))
    };
    let (asked, candidates, _) = run(&zone, TlsModes::Direct);
    assert_eq!(candidates, ["a.example 192.0.2.1:443 direct"]);
    assert_eq!(asked, ["_xmpps-server._tcp.example.com.", "a.example"]);
    assert_eq!(run(&zone, TlsModes::StartTls).1, ["b.example 192.0.2.2:5269 starttls"]);
    // Direct TLS has no port of its own.
    let bare = Zone::default().host("example.com", &["192.0.2.3"]);
    assert_eq!(run(&bare, TlsModes::Direct).1, Vec::<String>::new());
    assert_eq!(run(&bare, TlsModes::StartTls).1, ["example.com 192.0.2.3:5269 starttls"]);
}

#[test]
fn addresses_as_domains_are_not_looked_up() {
    for (domain, candidate) in [
        ("192.0.2.1", "192.0.2.1 192.0.2.1:5269 starttls"),
        ("[2001:DB8:0::1]", "[2001:db8::1] [2001:db8::1]:5269 starttls"),
    ] {
        let (asked, candidates, reason) = Zone::default().run(resolver(domain));
        assert_eq!((asked, candidates), (vec![], vec![candidate.to_string()]));
        assert_eq!(reason, Exhausted::Unreachable);
    }
    assert_eq!(Zone::default().run(resolver("0.0.0.0")).2, Exhausted::NotFound);
    let direct = Policy::new().with_modes(TlsModes::Direct);
    let (_, candidates, _) = Zone::default().run(resolver_with("192.0.2.1", Service::Client, direct, 1));
    assert_eq!(candidates, Vec::<String>::new());
}

#[test]
fn names_are_asked_for_as_dns_has_them_or_not_at_all() {
    let (asked, ..) = Zone::default().run(resolver("bücher.example"));
    assert_eq!(asked[1..], ["_xmpp-server._tcp.xn--bcher-kva.example.", "xn--bcher-kva.example"]);
    // `_xmpp-server._tcp.` takes 18 characters of 253, `_xmpps-server._tcp.` one more.
    for (length, questions) in [(234, 3), (235, 2), (236, 1), (253, 1), (254, 0)] {
        let domain = "a.".repeat((length - 1) / 2) + if length % 2 == 0 { "aa" } else { "a" };
        assert_eq!(domain.len(), length);
        let (asked, _, reason) = Zone::default().run(resolver(&domain));
        assert_eq!((asked.len(), reason), (questions, Exhausted::NotFound), "{length}");
    }
}

#[test]
fn records_that_make_no_sense_are_passed_over() {
    let long_label = "a".repeat(64);
    let long_name = "a.".repeat(126) + "bc";
    let mut records: Vec<SrvRecord> = [
        "..",
        "a..example",
        ".example",
        "a.example..",
        "a b.example",
        "bücher.example",
        "a/example",
        "a\0.example",
        "[::1]",
        "192.0.2.1",
        "a.1",
        "*.example",
        "a@b.example",
        &long_label,
        &long_name,
    ]
    .into_iter()
    .map(|target| record(0, 9, 5269, target))
    .collect();
    records.push(record(0, 9, 0, "zero.example"));
    records.push(record(1, 0, 65535, "A_b-1.EXAMPLE."));
    records.push(record(2, 0, 5269, &"a".repeat(63)));
    records.push(record(3, 0, 5269, &("a.".repeat(126) + "b")));
    let zone = Zone::default().start_tls(&records).host("a_b-1.example", &["192.0.2.1"]);
    let (asked, candidates, _) = zone.run(resolver("example.com"));
    assert_eq!(candidates, ["a_b-1.example 192.0.2.1:65535 starttls"]);
    assert_eq!(asked.len(), 2 + 3);
}

#[test]
fn nothing_is_tried_twice() {
    let twice =
        [record(0, 0, 5269, "a.example"), record(3, 7, 5269, "A.example."), record(4, 0, 5270, "a.example")];
    let zone = Zone::default()
        .direct(&[record(5, 0, 5269, "b.example")])
        .start_tls(&[twice.as_slice(), &[record(9, 0, 5269, "b.example")]].concat())
        .host("a.example", &["192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"])
        .host("b.example", &["192.0.2.1"]);
    let (asked, candidates, _) = zone.run(resolver("example.com"));
    assert_eq!(
        candidates,
        [
            "a.example 192.0.2.1:5269 starttls",
            "a.example 192.0.2.1:5270 starttls",
            "b.example 192.0.2.1:5269 direct",
        ]
    );
    assert_eq!(asked[2..], ["a.example", "b.example"]);
}

#[test]
fn families_take_turns() {
    let order = |list: &[&str]| in_turns(&ips(list), 16);
    let mixed = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"];
    assert_eq!(order(&mixed), ips(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"]));
    assert_eq!(order(&["192.0.2.1", "192.0.2.2", "::1"]), ips(&["192.0.2.1", "::1", "192.0.2.2"]));
    assert_eq!(order(&["192.0.2.2", "192.0.2.1"]), ips(&["192.0.2.2", "192.0.2.1"]));
    // What is no single host's address is left out.
    let odd = ["0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "255.255.255.255", "127.0.0.1"];
    assert_eq!(order(&odd), ips(&["127.0.0.1"]));
}

/// How many hosts are asked for, and how many candidates there are, when a domain has so many records and its hosts so many addresses.
fn taken(records: u16, addresses: u8, policy: &Policy) -> (usize, usize) {
    let mut resolver = resolver_with("example.com", Service::Server, policy.clone(), 1);
    let (mut hosts, mut candidates) = (0, 0);
    loop {
        match resolver.poll().unwrap() {
            Step::Srv(question) => {
                // The best priorities come last.
                let record = |n| record(n, 0, 5269, &format!("h{n}.example"));
                resolver
                    .answer_srv(question, Answer::Records((0..records).rev().map(record).collect()))
                    .unwrap();
            }
            Step::Addresses(question) => {
                assert_eq!(question.host(), format!("h{hosts}.example"));
                hosts += 1;
                let address = |n| IpAddr::from([10, 0, hosts as u8, n]);
                resolver
                    .answer_addresses(question, Answer::Records((0..addresses).map(address).collect()))
                    .unwrap();
            }
            Step::Candidate(_) => candidates += 1,
            Step::Exhausted(reason) => {
                assert_eq!(reason, Exhausted::Unreachable);
                return (hosts, candidates);
            }
        }
    }
}

#[test]
fn hostile_answers_are_cut_to_the_limits() {
    let policy = Policy::new().with_modes(TlsModes::StartTls).with_records(3).with_addresses(4);
    let taken_of = |records, addresses| taken(records, addresses, &policy);
    assert_eq!([2, 3, 4, 60_000].map(|records| taken_of(records, 1)), [(2, 2), (3, 3), (3, 3), (3, 3)]);
    assert_eq!([3, 4, 5, 255].map(|addresses| taken_of(1, addresses)), [(1, 3), (1, 4), (1, 4), (1, 4)]);
    let few = policy.clone().with_candidates(10);
    assert_eq!(
        [(3, 3), (2, 5), (3, 4)].map(|(records, addresses)| taken(records, addresses, &few)),
        [(3, 9), (2, 8), (3, 10)]
    );
    assert_eq!(taken(5, 5, &Policy::new().with_modes(TlsModes::StartTls)), (5, 25));
    // Direct TLS and STARTTLS at one host: one lookup, 16 candidates each.
    assert_eq!(taken(100, 100, &Policy::new()), (1, 32));
}

#[test]
fn questions_are_for_the_resolver_that_asked() {
    let resolvers = || [1, 2].map(|seed| resolver_with("example.com", Service::Server, Policy::new(), seed));
    let [mut one, mut other] = resolvers();
    let Some(Step::Srv(question)) = one.poll() else { panic!() };
    assert_eq!(other.answer_srv(question, Answer::Absent), Err(Misuse::Stale));
    assert!(matches!(other.poll(), Some(Step::Srv(_))));

    let [mut one, mut other] = resolvers().map(|mut resolver| {
        for _ in 0..2 {
            let Some(Step::Srv(question)) = resolver.poll() else { panic!() };
            resolver.answer_srv(question, Answer::Absent).unwrap();
        }
        resolver
    });
    let Some(Step::Addresses(question)) = one.poll() else { panic!() };
    let Some(Step::Addresses(own)) = other.poll() else { panic!() };
    assert_eq!(other.answer_addresses(question, Answer::Failed), Err(Misuse::Stale));
    // It did no harm.
    other.answer_addresses(own, Answer::Absent).unwrap();
    assert_eq!(other.poll(), Some(Step::Exhausted(Exhausted::NotFound)));
}

/// The order in which the targets of these weights are taken, by index.
fn draw(weights: &[u16], entropy: &mut Entropy) -> Vec<u16> {
    let target = |(index, weight): (usize, &u16)| {
        Target::new(&record(0, *weight, index as u16, ""), "a.example".into(), TlsMode::StartTls)
    };
    let mut targets = Targets::new(weights.iter().enumerate().map(target).collect(), usize::MAX);
    core::iter::from_fn(|| Some(targets.next(entropy)?.port)).collect()
}

/// How often the first of two places is each target's, of `draws`.
fn firsts(weights: &[u16], draws: usize, entropy: &mut Entropy) -> Vec<usize> {
    let mut firsts = vec![0; weights.len()];
    for _ in 0..draws {
        firsts[usize::from(draw(weights, entropy)[0])] += 1;
    }
    firsts
}

#[test]
fn the_example_of_rfc_2782_sends_most_to_the_fast_box() {
    // Its `_foobar._tcp`: 1 for the slow box, 3 for the fast one. Of the numbers 0 to 4, the first in the list has one more than its weight.
    let mut entropy = Entropy::new(Seed::new([9; 32]));
    let firsts = firsts(&[1, 3], 10_000, &mut entropy);
    assert!((5_800..6_200).contains(&firsts[1]), "{firsts:?}");
    let reversed = self::firsts(&[3, 1], 10_000, &mut entropy);
    assert!((7_800..8_200).contains(&reversed[0]), "{reversed:?}");

    // Where neither answers, the boxes of the next priority.
    let zone = Zone::default()
        .start_tls(&[
            record(1, 0, 9, "sysadmins-box.example.com."),
            record(0, 1, 9, "old-slow-box.example.com."),
            record(1, 0, 9, "server.example.com."),
            record(0, 3, 9, "new-fast-box.example.com."),
        ])
        .host("server.example.com", &["172.30.79.10"])
        .host("old-slow-box.example.com", &["172.30.79.11"])
        .host("sysadmins-box.example.com", &["172.30.79.12"])
        .host("new-fast-box.example.com", &["172.30.79.13"]);
    for seed in 0..20 {
        let resolver = resolver_with("example.com", Service::Server, Policy::new(), seed);
        let (_, mut candidates, _) = zone.run(resolver);
        candidates[..2].sort();
        candidates[2..].sort();
        assert_eq!(
            candidates,
            [
                "new-fast-box.example.com 172.30.79.13:9 starttls",
                "old-slow-box.example.com 172.30.79.11:9 starttls",
                "server.example.com 172.30.79.10:9 starttls",
                "sysadmins-box.example.com 172.30.79.12:9 starttls",
            ]
        );
    }
}

#[test]
fn weight_zero_has_a_very_small_chance_where_others_have_more() {
    let mut entropy = Entropy::new(Seed::new([9; 32]));
    // Given last, it is still first in the list: 1 number of 100 is its.
    let firsts = firsts(&[99, 0], 10_000, &mut entropy);
    assert!((50..200).contains(&firsts[1]), "{firsts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn weights_are_chances(
        weights in prop::collection::vec(prop_oneof![Just(0u16), 1..10u16, any::<u16>()], 1..6),
        seed: [u8; 32],
    ) {
        const DRAWS: usize = 4_000;
        let mut entropy = Entropy::new(Seed::new(seed));
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        // The number 0 falls to the first in the list, which is one of weight 0 if there is any.
        let head = weights.iter().position(|weight| *weight == 0).unwrap_or(0);
        let firsts = firsts(&weights, DRAWS, &mut entropy);
        for (index, (weight, count)) in weights.iter().zip(firsts).enumerate() {
            let chance = (f64::from(*weight) + if index == head { 1.0 } else { 0.0 }) / (sum + 1) as f64;
            let expected = chance * DRAWS as f64;
            // Six standard deviations, and room for what is rare.
            let tolerance = 6.0 * (expected * (1.0 - chance)).sqrt() + 3.0;
            prop_assert!((count as f64 - expected).abs() <= tolerance, "{weights:?}: {index} came {count} times, not {expected}");
        }
    }

    #[test]
    fn every_target_comes_once(weights in prop::collection::vec(any::<u16>(), 0..40), seed: [u8; 32]) {
        let mut order = draw(&weights, &mut Entropy::new(Seed::new(seed)));
        order.sort();
        prop_assert_eq!(order, (0..weights.len() as u16).collect::<Vec<_>>());
    }
}
