//! A name server of the tests' own: `.example` names that exist nowhere else,
//! on a free UDP port of the loopback interface.

use super::Failure;
use hickory_proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{DNSClass, Name, RData, Record, RecordType, rdata},
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Nothing is remembered: a name may come while its askers run.
const TTL: u32 = 0;
/// How long the value may take to be dropped.
const TICK: Duration = Duration::from_millis(50);
/// Questions are shorter; what is longer is cut and then ignored as malformed.
const QUESTION: usize = 1500;

/// The one name that is there from the start.
const LOCALHOST: &str = "localhost";

/// What a name has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An A record.
    Host(Ipv4Addr),
    /// An SRV record (RFC 2782); the name is `_service._proto.domain`.
    Service {
        /// Lower comes first.
        priority: u16,
        /// The share among those of one priority.
        weight: u16,
        /// Where the service listens.
        port: u16,
        /// The host that has it; `.` says that there is no service.
        target: String,
    },
}

impl Entry {
    fn data(&self) -> Result<RData, Failure> {
        Ok(match self {
            Self::Host(address) => RData::A((*address).into()),
            Self::Service { priority, weight, port, target } => {
                RData::SRV(rdata::SRV::new(*priority, *weight, *port, name(target)?))
            }
        })
    }
}

type Zone = BTreeMap<Name, Vec<RData>>;

/// A running name server; ended on drop.
///
/// It is the authority for everything: a name that was not added does not exist.
/// An answer that does not fit into a datagram is truncated, and there is no TCP
/// to get the rest.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Dns {
    /// Starts without any name but `localhost`.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start() -> Result<Self, Failure> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(TICK))?;
        let address = socket.local_addr()?;
        let here = RData::A(Ipv4Addr::LOCALHOST.into());
        let zone = Arc::new(Mutex::new(Zone::from([(name(LOCALHOST)?, vec![here])])));
        let ended = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name("dns".into()).spawn({
            let (zone, ended) = (zone.clone(), ended.clone());
            move || {
                let mut question = [0; QUESTION];
                while !ended.load(Ordering::Relaxed) {
                    // A timeout, or a report that an asker has gone.
                    let Ok((length, asker)) = socket.recv_from(&mut question) else { continue };
                    let answer = question.get(..length).and_then(|question| {
                        answer(&zone.lock().unwrap_or_else(PoisonError::into_inner), question)
                    });
                    if let Some(answer) = answer {
                        let _ = socket.send_to(&answer, asker);
                    }
                }
            }
        })?;
        Ok(Self { address, zone, ended, thread: Some(thread) })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives `name` one more record.
    ///
    /// # Errors
    /// `name`, or the target of a service, is not a domain name.
    pub fn add(&self, name: &str, entry: &Entry) -> Result<(), Failure> {
        let (name, data) = (self::name(name)?, entry.data()?);
        self.zone.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().push(data);
        Ok(())
    }

    /// Says on which port of 127.0.0.1 the server of `domain` accepts other
    /// servers, by the SRV record that RFC 6120 section 3.2.1 asks for first. Its
    /// target has another name than the domain, which no certificate here has:
    /// only the domain's own may be looked for there. That name is `localhost`,
    /// because ejabberd asks us for SRV records, but the system for addresses.
    ///
    /// # Errors
    /// `domain` is not a domain name.
    pub fn announce(&self, domain: &str, port: u16) -> Result<(), Failure> {
        let service = Entry::Service { priority: 0, weight: 0, port, target: LOCALHOST.into() };
        self.add(&format!("_xmpp-server._tcp.{domain}"), &service)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn name(text: &str) -> Result<Name, Failure> {
    let mut name = Name::from_ascii(text).map_err(|error| Failure::new(format!("{text}: {error}")))?;
    name.set_fqdn(true);
    Ok(name)
}

/// The answer to one datagram, if it is a question at all.
fn answer(zone: &Zone, datagram: &[u8]) -> Option<Vec<u8>> {
    let question = Message::from_vec(datagram).ok()?;
    if question.metadata.message_type != MessageType::Query {
        return None;
    }
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.recursion_desired = question.metadata.recursion_desired;
    // Its askers are configured with it as their recursive resolver.
    reply.metadata.recursion_available = true;
    reply.metadata.authoritative = true;
    reply.edns = question.edns.clone();
    reply.metadata.response_code = match question.queries.as_slice() {
        [query] if question.metadata.op_code == OpCode::Query && query.query_class() == DNSClass::IN => {
            reply.add_query(query.clone());
            look_up(zone, query.name(), query.query_type(), &mut reply)
        }
        _ => ResponseCode::NotImp,
    };
    let written = reply.to_vec().ok()?;
    match written.len() > usize::from(question.max_payload()) {
        true => reply.truncate().to_vec().ok(),
        false => Some(written),
    }
}

fn look_up(zone: &Zone, name: &Name, kind: RecordType, reply: &mut Message) -> ResponseCode {
    if let Some(entries) = zone.get(name) {
        let wanted = entries.iter().filter(|data| data.record_type() == kind);
        reply.add_answers(wanted.map(|data| Record::from_rdata(name.clone(), TTL, data.clone())));
    }
    if !reply.answers.is_empty() {
        return ResponseCode::NoError;
    }
    // RFC 2308 section 3: only with this does an asker know how long not to ask again.
    let soa = rdata::SOA::new(Name::root(), Name::root(), 1, 0, 0, 0, TTL);
    reply.add_authority(Record::from_rdata(Name::root(), TTL, RData::SOA(soa)));
    // A name above another exists too, without records (RFC 8020).
    match zone.keys().any(|known| name.zone_of(known)) {
        true => ResponseCode::NoError,
        false => ResponseCode::NXDomain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Query;

    fn ask(dns: &Dns, text: &str, kind: RecordType) -> Message {
        let mut question = Message::query();
        question.add_query(Query::query(name(text).unwrap(), kind));
        let reply = send(dns, &question.to_vec().unwrap()).unwrap();
        assert_eq!(reply.metadata.id, question.metadata.id);
        reply
    }

    fn send(dns: &Dns, datagram: &[u8]) -> Option<Message> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.send_to(datagram, dns.address()).unwrap();
        let mut reply = [0; 1500];
        let (length, _) = socket.recv_from(&mut reply).ok()?;
        Message::from_vec(&reply[..length]).ok()
    }

    #[test]
    fn an_announced_domain_is_found_by_srv_and_a() {
        let dns = Dns::start().unwrap();
        dns.announce("montague.example", 15269).unwrap();

        let reply = ask(&dns, "_XMPP-server._tcp.Montague.example", RecordType::SRV);
        assert_eq!(reply.metadata.response_code, ResponseCode::NoError);
        let data: Vec<_> = reply.answers.iter().map(|record| &record.data).collect();
        let expected = rdata::SRV::new(0, 0, 15269, name("localhost").unwrap());
        assert_eq!(data, [&RData::SRV(expected)]);

        let reply = ask(&dns, "localhost", RecordType::A);
        let data: Vec<_> = reply.answers.iter().map(|record| &record.data).collect();
        assert_eq!(data, [&RData::A(Ipv4Addr::LOCALHOST.into())]);
    }

    #[test]
    fn a_name_without_such_a_record_exists_and_another_does_not() {
        let dns = Dns::start().unwrap();
        dns.announce("montague.example", 15269).unwrap();
        for (name, kind, code) in [
            ("localhost", RecordType::AAAA, ResponseCode::NoError),
            ("montague.example", RecordType::A, ResponseCode::NoError),
            ("capulet.example", RecordType::A, ResponseCode::NXDomain),
            ("_xmpps-server._tcp.montague.example", RecordType::SRV, ResponseCode::NXDomain),
        ] {
            let reply = ask(&dns, name, kind);
            assert_eq!(reply.metadata.response_code, code, "{name}");
            assert!(reply.answers.is_empty(), "{name}");
            assert_eq!(reply.authorities.len(), 1, "{name}");
        }
    }

    #[test]
    fn no_service_is_said_with_the_root() {
        let dns = Dns::start().unwrap();
        let none = Entry::Service { priority: 0, weight: 0, port: 0, target: ".".into() };
        dns.add("_xmpp-server._tcp.capulet.example", &none).unwrap();
        let reply = ask(&dns, "_xmpp-server._tcp.capulet.example", RecordType::SRV);
        let RData::SRV(srv) = &reply.answers[0].data else { panic!("{reply:?}") };
        assert!(srv.target.is_root());
    }

    #[test]
    fn garbage_is_passed_over_and_other_opcodes_are_refused() {
        let dns = Dns::start().unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for garbage in [&[][..], b"\0", &[0xff; QUESTION], &[0; QUESTION + 1]] {
            socket.send_to(garbage, dns.address()).unwrap();
        }
        let update = Message::new(1, MessageType::Query, OpCode::Update);
        let reply = send(&dns, &update.to_vec().unwrap()).unwrap();
        assert_eq!(reply.metadata.response_code, ResponseCode::NotImp);
    }

    #[test]
    fn what_does_not_fit_is_truncated() {
        let dns = Dns::start().unwrap();
        for number in 0..64 {
            dns.add("many.example", &Entry::Host(Ipv4Addr::new(127, 0, 1, number))).unwrap();
        }
        let reply = ask(&dns, "many.example", RecordType::A);
        assert!(reply.metadata.truncation && reply.answers.is_empty());
    }
}
