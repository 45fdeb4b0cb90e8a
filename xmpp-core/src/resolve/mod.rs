//! Which hosts to connect to for a domain, and in which order: asks for DNS records, yields candidates.
//! One [`Resolver`] goes with one attempt to reach a domain; the embedder makes the lookups and the connections. [`Backoff`] says how long
//! to wait until the next attempt.
//!
//! - RFC 3920 sections 14.3 and 14.4, RFC 6120 section 3.2: SRV records first, the domain's own addresses if there are none
//! - RFC 6120 section 3.3: reconnection
//! - RFC 2782: priorities and weights, and the target `.` that says no
//! - XEP-0368: records for direct TLS, mixed with the others; RFC 8305 section 4: families of addresses take turns
//!
//! It sends no queries, follows no aliases, keeps no time and caches nothing beyond its own life. It does not sort addresses by their
//! reach (RFC 6724): the embedder's resolver knows the routes.
//!
//! ```
//! use xmpp_core::entropy::Seed;
//! use xmpp_core::jid::BareJid;
//! use xmpp_core::resolve::{Answer, Exhausted, Policy, Resolver, SrvRecord, Step, TlsMode};
//! use xmpp_core::tls::Service;
//!
//! let domain = BareJid::new("example.net")?;
//! let mut resolver = Resolver::new(domain.as_jid(), Service::Server, Policy::new(), Seed::new([7; 32]));
//!
//! // Both kinds of records can be looked up at once.
//! let Some(Step::Srv(direct)) = resolver.poll() else { panic!() };
//! assert_eq!(direct.name(), "_xmpps-server._tcp.example.net.");
//! let Some(Step::Srv(start_tls)) = resolver.poll() else { panic!() };
//! assert_eq!(start_tls.name(), "_xmpp-server._tcp.example.net.");
//! assert_eq!(resolver.poll(), None); // until there are answers
//! resolver.answer_srv(direct, Answer::Absent)?;
//! resolver.answer_srv(start_tls, Answer::Records(vec![SrvRecord::new(5, 0, 5270, "xmpp.example.net.")]))?;
//!
//! let Some(Step::Addresses(host)) = resolver.poll() else { panic!() };
//! assert_eq!(host.host(), "xmpp.example.net");
//! resolver.answer_addresses(host, Answer::Records(vec!["192.0.2.7".parse()?]))?;
//!
//! let Some(Step::Candidate(candidate)) = resolver.poll() else { panic!() };
//! assert_eq!(candidate.address(), "192.0.2.7:5270".parse()?);
//! assert_eq!((candidate.tls(), candidate.domain()), (TlsMode::StartTls, &domain));
//!
//! // It cannot be reached, and there is no other.
//! assert_eq!(resolver.poll(), Some(Step::Exhausted(Exhausted::Unreachable)));
//! assert_eq!(resolver.poll(), None);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod backoff;
mod policy;
mod record;
mod targets;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::net::{IpAddr, SocketAddr};

pub use backoff::Backoff;
pub use policy::{Policy, TlsModes};
pub use record::SrvRecord;

use record::host_name;
use targets::{Target, Targets};

use crate::entropy::{Entropy, Label, Seed};
use crate::error::Misuse;
use crate::jid::{BareJid, Jid};
use crate::stanza;
use crate::stream::OtherHost;
use crate::tls::Service;

/// Characters of a name in DNS, without the final dot (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// How a connection to a candidate is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsMode {
    /// The TLS handshake comes first, with the service's [name](Service::name) as the protocol to negotiate (XEP-0368 section 3).
    Direct,
    /// The stream comes first and negotiates TLS.
    StartTls,
}

/// What DNS has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// These records, in the order in which the resolver gives them. None at all are the same as [`Absent`](Self::Absent).
    Records(Vec<T>),
    /// The name does not exist, or has no such records.
    Absent,
    /// Nobody knows: the lookup took too long, or a name server failed.
    Failed,
}

/// The question for the SRV records of a name, and the right to answer it once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "no candidate comes until there is an answer"]
pub struct SrvQuestion {
    resolver: u64,
    mode: TlsMode,
    name: String,
}

impl SrvQuestion {
    /// The name to look up, in ASCII and with the dot of the root at its end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The question for the A and AAAA records of a host, and the right to answer it once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "no further candidate comes until there is an answer"]
pub struct AddressQuestion {
    resolver: u64,
    host: Arc<str>,
}

impl AddressQuestion {
    /// The name to look up, in ASCII. It is absolute, though it has no dot at its end: no search list applies.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Somewhere to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    domain: BareJid,
    host: Arc<str>,
    address: SocketAddr,
    tls: TlsMode,
}

impl Candidate {
    /// The domain that was asked for: the name that a certificate has to be for, wherever DNS has led (RFC 3920 section 5.1).
    #[must_use]
    pub const fn domain(&self) -> &BareJid {
        &self.domain
    }

    /// The host whose address it is, for logs.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How the connection is secured.
    #[must_use]
    pub const fn tls(&self) -> TlsMode {
        self.tls
    }
}

/// Why there is no further candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exhausted {
    /// The domain says that it does not offer the service (RFC 2782: the target `.`).
    NoService,
    /// Nothing leads to an address.
    NotFound,
    /// Nothing leads to an address, but not every lookup got an answer: it may later.
    LookupFailed,
    /// There were candidates.
    Unreachable,
}

impl Exhausted {
    /// What the sender of a stanza to the domain is told, when none of the candidates would do (RFC 6120 section 10.4.3).
    #[must_use]
    pub const fn condition(self) -> stanza::Condition {
        match self {
            Exhausted::NoService | Exhausted::NotFound | Exhausted::LookupFailed => {
                stanza::Condition::RemoteServerNotFound
            }
            Exhausted::Unreachable => stanza::Condition::RemoteServerTimeout,
        }
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Exhausted::NoService => "the domain does not offer the service",
            Exhausted::NotFound => "the domain has no address",
            Exhausted::LookupFailed => "the domain could not be looked up",
            Exhausted::Unreachable => "no host of the domain could be reached",
        })
    }
}

impl core::error::Error for Exhausted {}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Look these records up and [answer](Resolver::answer_srv).
    Srv(SrvQuestion),
    /// Look these addresses up and [answer](Resolver::answer_addresses).
    Addresses(AddressQuestion),
    /// Connect. If that fails, or takes long, poll for the next one.
    Candidate(Candidate),
    /// There is nothing more.
    Exhausted(Exhausted),
}

/// Finds the hosts of one domain for one attempt to connect.
#[derive(Debug)]
pub struct Resolver {
    domain: BareJid,
    /// What is looked up: the domain, unless its server named another host.
    place: BareJid,
    /// The port that its server named.
    port: Option<u16>,
    service: Service,
    policy: Policy,
    entropy: Entropy,
    /// Tells its questions from those of others.
    id: u64,
    state: State,
    /// Whether a lookup got no answer.
    failed: bool,
    /// The candidates there were, each once.
    yielded: Vec<(SocketAddr, TlsMode)>,
}

#[derive(Debug)]
enum State {
    /// Both SRV lookups go on.
    Discovery {
        direct: Lookup,
        start_tls: Lookup,
    },
    /// Target by target.
    Connecting(Search),
    Over,
}

/// Where one SRV lookup is.
#[derive(Debug)]
enum Lookup {
    NotAsked,
    Asked,
    Done(Found),
}

/// What one SRV lookup has told.
#[derive(Debug)]
enum Found {
    /// These records, of which those that make no sense are left out; they are an answer all the same.
    Records(Vec<Target>),
    /// The service is decidedly not available.
    NoService,
    Nothing,
}

/// The targets, and how far they have been gone through.
#[derive(Debug)]
struct Search {
    targets: Targets,
    progress: Progress,
    /// Addresses of hosts, which may be the targets of several records.
    known: BTreeMap<Arc<str>, Vec<IpAddr>>,
    /// What to say when there is no candidate and no lookup failed.
    reason: Exhausted,
}

#[derive(Debug)]
enum Progress {
    /// It is the next target's turn.
    NextTarget,
    /// The question for the target's addresses is out.
    AwaitAddresses(Target),
    /// These addresses of the target are left.
    Trying(Target, VecDeque<IpAddr>),
}

impl Search {
    fn new(targets: Targets, reason: Exhausted) -> Self {
        Search { targets, progress: Progress::NextTarget, known: BTreeMap::new(), reason }
    }
}

impl Resolver {
    /// To reach the server that is responsible for the domain of that address. The seed decides among targets of equal priority.
    #[must_use]
    pub fn new(domain: &Jid, service: Service, policy: Policy, seed: Seed) -> Self {
        let mut entropy = Entropy::new(seed);
        let id = entropy.number(Label::Ticket);
        let domain = domain.domain_jid();
        let mut resolver = Resolver {
            state: State::Over,
            place: domain.clone(),
            domain,
            port: None,
            service,
            policy,
            entropy,
            id,
            failed: false,
            yielded: Vec::new(),
        };
        resolver.state = resolver.begin();
        resolver
    }

    /// Looks for the host that the domain's server named by `see-other-host` (RFC 6120 section 4.9.3.19): with a port for its addresses,
    /// without one for its records first. The domain of the candidates stays the one that was asked for. To be called before anything else.
    #[must_use]
    pub fn redirected(mut self, host: &OtherHost) -> Self {
        self.place = host.jid().clone();
        self.port = host.port();
        self.state = self.begin();
        self
    }

    fn begin(&self) -> State {
        let literal = literal(self.place.domain());
        if literal.is_none() && self.port.is_none() {
            let modes = self.policy.modes();
            let lookup = |mode| if modes.has(mode) { Lookup::NotAsked } else { Lookup::Done(Found::Nothing) };
            return State::Discovery {
                direct: lookup(TlsMode::Direct),
                start_tls: lookup(TlsMode::StartTls),
            };
        }
        let mut search = self.fallback();
        if let Some(address) = literal {
            // An address is no name that records could be under.
            search.known.insert(self.place.domain().into(), in_turns(&[address], 1));
        }
        State::Connecting(search)
    }

    /// The domain that is looked for.
    #[must_use]
    pub const fn domain(&self) -> &BareJid {
        &self.domain
    }

    /// The next thing to do; none until a question has been answered, and after [`Step::Exhausted`].
    pub fn poll(&mut self) -> Option<Step> {
        if let State::Discovery { .. } = self.state
            && let Some(question) = self.next_srv_question()
        {
            return Some(Step::Srv(question));
        }
        self.discovered();
        let State::Connecting(search) = &mut self.state else { return None };
        while self.yielded.len() < self.policy.candidates() {
            match mem::replace(&mut search.progress, Progress::NextTarget) {
                Progress::NextTarget => {
                    let Some(target) = search.targets.next(&mut self.entropy) else { break };
                    let Some(known) = search.known.get(&target.host) else {
                        let question = AddressQuestion { resolver: self.id, host: target.host.clone() };
                        search.progress = Progress::AwaitAddresses(target);
                        return Some(Step::Addresses(question));
                    };
                    search.progress = Progress::Trying(target, known.iter().copied().collect());
                }
                waiting @ Progress::AwaitAddresses(_) => {
                    search.progress = waiting;
                    return None;
                }
                Progress::Trying(target, mut addresses) => {
                    let Some(ip) = addresses.pop_front() else { continue };
                    let (address, tls) = (SocketAddr::new(ip, target.port), target.tls);
                    let host = target.host.clone();
                    search.progress = Progress::Trying(target, addresses);
                    // Two hosts may have an address in common.
                    if !self.yielded.contains(&(address, tls)) {
                        self.yielded.push((address, tls));
                        let domain = self.domain.clone();
                        return Some(Step::Candidate(Candidate { domain, host, address, tls }));
                    }
                }
            }
        }
        let reason = match search.reason {
            _ if !self.yielded.is_empty() => Exhausted::Unreachable,
            _ if self.failed => Exhausted::LookupFailed,
            reason => reason,
        };
        self.state = State::Over;
        Some(Step::Exhausted(reason))
    }

    /// What DNS says of SRV records.
    ///
    /// # Errors
    /// [`Misuse::Stale`] if the question was another resolver's.
    pub fn answer_srv(&mut self, question: SrvQuestion, answer: Answer<SrvRecord>) -> Result<(), Misuse> {
        let State::Discovery { direct, start_tls } = &mut self.state else { return Err(Misuse::Stale) };
        if question.resolver != self.id {
            return Err(Misuse::Stale);
        }
        let lookup = match question.mode {
            TlsMode::Direct => direct,
            TlsMode::StartTls => start_tls,
        };
        let found = match answer {
            Answer::Records(records) => Found::of(&records, question.mode),
            Answer::Absent => Found::Nothing,
            Answer::Failed => {
                self.failed = true;
                Found::Nothing
            }
        };
        *lookup = Lookup::Done(found);
        Ok(())
    }

    /// What DNS says of a host's addresses of both families, the ones to prefer first (RFC 6724).
    ///
    /// # Errors
    /// [`Misuse::Stale`] if the question was another resolver's.
    pub fn answer_addresses(
        &mut self,
        question: AddressQuestion,
        answer: Answer<IpAddr>,
    ) -> Result<(), Misuse> {
        let State::Connecting(search) = &mut self.state else { return Err(Misuse::Stale) };
        if question.resolver != self.id {
            return Err(Misuse::Stale);
        }
        let addresses = match answer {
            Answer::Records(addresses) => in_turns(&addresses, self.policy.addresses()),
            Answer::Absent => Vec::new(),
            Answer::Failed => {
                self.failed = true;
                Vec::new()
            }
        };
        search.progress = match mem::replace(&mut search.progress, Progress::NextTarget) {
            Progress::AwaitAddresses(target) => Progress::Trying(target, addresses.iter().copied().collect()),
            other => other,
        };
        search.known.insert(question.host, addresses);
        Ok(())
    }

    fn next_srv_question(&mut self) -> Option<SrvQuestion> {
        let State::Discovery { direct, start_tls } = &mut self.state else { return None };
        for (mode, lookup) in [(TlsMode::Direct, direct), (TlsMode::StartTls, start_tls)] {
            if !matches!(lookup, Lookup::NotAsked) {
                continue;
            }
            let prefix = match mode {
                TlsMode::Direct => "s",
                TlsMode::StartTls => "",
            };
            // `xmpp-client` becomes `xmpps-client`.
            let (xmpp, role) = self.service.name().split_once('-').unwrap_or_default();
            let name = format!("_{xmpp}{prefix}-{role}._tcp.{}.", self.place.as_jid().ascii_domain());
            if name.len() <= MAX_NAME + 1 {
                *lookup = Lookup::Asked;
                return Some(SrvQuestion { resolver: self.id, mode, name });
            }
            // No such name can exist.
            *lookup = Lookup::Done(Found::Nothing);
        }
        None
    }

    /// Goes on to connecting if both lookups are done.
    fn discovered(&mut self) {
        let State::Discovery { direct: Lookup::Done(direct), start_tls: Lookup::Done(start_tls) } =
            &mut self.state
        else {
            return;
        };
        let mut is_answered = false;
        let mut is_refused = false;
        let mut targets = Vec::new();
        for found in [direct, start_tls] {
            match found {
                Found::Records(found) => {
                    is_answered = true;
                    targets.append(found);
                }
                Found::NoService => is_refused = true,
                Found::Nothing => {}
            }
        }
        let search = if is_answered {
            Search::new(Targets::new(targets, self.policy.records()), Exhausted::NotFound)
        } else if is_refused {
            // XEP-0368 section 5: whoever says no by SRV records would say yes by them.
            Search::new(Targets::default(), Exhausted::NoService)
        } else {
            self.fallback()
        };
        self.state = State::Connecting(search);
    }

    /// RFC 6120 section 3.2.2: the domain itself, at the default port. There is none for direct TLS.
    fn fallback(&self) -> Search {
        let port = self.port.unwrap_or(match self.service {
            Service::Client => 5222,
            Service::Server => 5269,
        });
        let host = self.place.as_jid().ascii_domain();
        // A port that is named can be for either.
        let named = self.port.map(|_| TlsMode::Direct);
        let tls = if self.policy.modes().has(TlsMode::StartTls) { Some(TlsMode::StartTls) } else { named };
        let target = tls.filter(|_| host.len() <= MAX_NAME);
        let target = target.map(|tls| Target::new(&SrvRecord::new(0, 0, port, &host), host.into(), tls));
        Search::new(Targets::new(target.into_iter().collect(), 1), Exhausted::NotFound)
    }
}

impl Found {
    fn of(records: &[SrvRecord], mode: TlsMode) -> Self {
        match records {
            [] => Found::Nothing,
            [record] if record.is_refusal() => Found::NoService,
            records => {
                let target = |record: &SrvRecord| Some(Target::new(record, host_name(record)?, mode));
                Found::Records(records.iter().filter_map(target).collect())
            }
        }
    }
}

/// The address that a prepared domain is, if it is no name.
fn literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(domain).parse().ok()
}

/// At most `limit` addresses that a connection can be opened to, each once, the families taking turns (RFC 8305 section 4).
fn in_turns(addresses: &[IpAddr], limit: usize) -> Vec<IpAddr> {
    let mut usable: Vec<IpAddr> = Vec::new();
    for address in addresses.iter().map(IpAddr::to_canonical).filter(is_usable) {
        if usable.len() < limit && !usable.contains(&address) {
            usable.push(address);
        }
    }
    let starts_with_ipv6 = usable.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (VecDeque<_>, VecDeque<_>) =
        usable.into_iter().partition(|address| address.is_ipv6() == starts_with_ipv6);
    let mut turns = [first, second];
    let mut ordered = Vec::new();
    while turns.iter().any(|family| !family.is_empty()) {
        ordered.extend(turns.iter_mut().filter_map(VecDeque::pop_front));
    }
    ordered
}

/// Whether it is the address of one host. A system may take the unspecified address for its own.
fn is_usable(address: &IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || is_broadcast)
}

#[cfg(test)]
mod tests;
