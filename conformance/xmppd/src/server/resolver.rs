//! The way to a foreign domain's server: DNS, as the engine asks for it, and connections, tried one after another.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tracing::{debug, warn};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::BareJid;
use xmpp_core::resolve::{Answer, Exhausted, Policy, Resolver, SrvQuestion, SrvRecord, Step, TlsMode};
use xmpp_core::tls::{Service, TlsRequest};

use super::transport::{Handshake, Transport};
use crate::tls::Tls;

/// How long one address may take, its TLS handshake included where that comes first: others may be better.
const PATIENCE: Duration = Duration::from_secs(10);

/// Finds and connects to the servers of foreign domains.
pub(super) struct Finder {
    /// None if this machine's settings cannot be read.
    dns: Option<TokioResolver>,
    /// Domains whose servers are known without DNS.
    known: BTreeMap<BareJid, SocketAddr>,
    tls: Tls,
}

impl Finder {
    /// Asks as this machine's settings say, but for the domains in `known`.
    pub(super) fn new(known: BTreeMap<BareJid, SocketAddr>, tls: Tls) -> Self {
        let dns = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        if let Err(error) = &dns {
            warn!(%error, "no domain can be looked up");
        }
        Self::asking(dns.ok(), known, tls)
    }

    const fn asking(dns: Option<TokioResolver>, known: BTreeMap<BareJid, SocketAddr>, tls: Tls) -> Self {
        Self { dns, known, tls }
    }

    /// A connection to a server of that domain, and whether TLS protects it already.
    ///
    /// # Errors
    /// Why there is none, when nothing is left to try.
    pub(super) async fn connect(
        &self,
        remote: &BareJid,
        seed: Seed,
    ) -> Result<(Transport, TlsMode), Exhausted> {
        if let Some(&address) = self.known.get(remote) {
            return match self.reach(remote, address, TlsMode::StartTls).await {
                Ok(transport) => Ok((transport, TlsMode::StartTls)),
                Err(error) => {
                    debug!(%remote, %address, %error, "cannot connect");
                    Err(Exhausted::Unreachable)
                }
            };
        }
        let mut resolver = Resolver::new(remote.as_jid(), Service::Server, Policy::new(), seed);
        let mut open: Vec<SrvQuestion> = Vec::new();
        loop {
            match resolver.poll() {
                Some(Step::Srv(question)) => open.push(question),
                Some(Step::Addresses(question)) => {
                    let answer = self.addresses(question.host()).await;
                    // The questions are this resolver's own.
                    let _ = resolver.answer_addresses(question, answer);
                }
                Some(Step::Candidate(candidate)) => {
                    let (address, tls) = (candidate.address(), candidate.tls());
                    match self.reach(remote, address, tls).await {
                        Ok(transport) => return Ok((transport, tls)),
                        Err(error) => {
                            debug!(%remote, host = candidate.host(), %address, ?tls, %error, "cannot connect");
                        }
                    }
                }
                Some(Step::Exhausted(reason)) => return Err(reason),
                Some(_) => return Err(Exhausted::LookupFailed),
                // Nothing more without answers; both kinds of records are asked for at once.
                None => match (open.pop(), open.pop()) {
                    (Some(one), Some(other)) => {
                        let (first, second) =
                            tokio::join!(self.records(one.name()), self.records(other.name()));
                        let _ = resolver.answer_srv(one, first);
                        let _ = resolver.answer_srv(other, second);
                    }
                    (Some(one), None) => {
                        let answer = self.records(one.name()).await;
                        let _ = resolver.answer_srv(one, answer);
                    }
                    (None, _) => return Err(Exhausted::LookupFailed),
                },
            }
        }
    }

    async fn records(&self, name: &str) -> Answer<SrvRecord> {
        let Some(dns) = &self.dns else { return Answer::Failed };
        answer(name, dns.srv_lookup(name).await, |found| {
            let records = found.answers().iter().filter_map(|record| match &record.data {
                RData::SRV(srv) => {
                    let target = srv.target.to_string();
                    Some(SrvRecord::new(srv.priority, srv.weight, srv.port, &target))
                }
                _ => None,
            });
            records.collect()
        })
    }

    async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        let Some(dns) = &self.dns else { return Answer::Failed };
        // With a dot at its end it is not looked for in the domains of the search list.
        answer(host, dns.lookup_ip(format!("{host}.")).await, |found| found.iter().collect())
    }

    async fn reach(&self, remote: &BareJid, address: SocketAddr, mode: TlsMode) -> io::Result<Transport> {
        let connect = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            match mode {
                TlsMode::StartTls => Ok(Transport::new(stream)),
                TlsMode::Direct => {
                    let request = TlsRequest::initiating(remote.as_jid(), Service::Server);
                    let config = Arc::clone(self.tls.to_peers_direct());
                    let connector = TlsConnector::from(config);
                    Transport::secured(stream, Handshake::Connect(connector, server_name(&request, address)?))
                        .await
                }
            }
        };
        timeout(PATIENCE, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finder").field("known", &self.known).finish_non_exhaustive()
    }
}

/// The name to send to a TLS server; its address if it has none.
pub(super) fn server_name(request: &TlsRequest, address: SocketAddr) -> io::Result<ServerName<'static>> {
    match request.server_name() {
        Some(name) => ServerName::try_from(name.into_owned()).map_err(io::Error::other),
        None => Ok(ServerName::from(address.ip())),
    }
}

fn answer<F, T>(name: &str, found: Result<F, NetError>, read: impl FnOnce(F) -> Vec<T>) -> Answer<T> {
    match found {
        Ok(found) => {
            let records = read(found);
            if records.is_empty() { Answer::Absent } else { Answer::Records(records) }
        }
        Err(error) if error.is_no_records_found() => Answer::Absent,
        Err(error) => {
            debug!(name, %error, "a lookup failed");
            Answer::Failed
        }
    }
}

#[cfg(test)]
mod tests;
