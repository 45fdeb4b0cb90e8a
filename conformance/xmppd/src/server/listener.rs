//! One listener: takes connections while there is a place for them, and gives each to a task of its own.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{error, warn};
use xmpp_core::entropy::Seed;

use super::admission::{Admission, Place};
use super::seed;
use super::tally::Tally;

/// How long to wait after connections could not be accepted: what is lacking has to be given back first.
const BACKOFF: Duration = Duration::from_millis(100);

/// A connection that has been taken.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) place: Place,
    pub(super) seed: Seed,
    /// Turns true when the server shuts down.
    pub(super) shutdown: watch::Receiver<bool>,
}

/// Takes connections until the server is shut down, then waits for them to end, each end of a transport taking `close` at the longest.
pub(super) async fn listen<S, F>(
    listener: TcpListener,
    admission: Admission,
    close: Duration,
    mut shutdown: watch::Receiver<bool>,
    serve: S,
) where
    S: Fn(Arrival) -> F + Send,
    F: Future<Output = ()> + Send + 'static,
{
    let watching = shutdown.clone();
    let mut connections = JoinSet::new();
    let turned_away = Tally::default();
    let mut pause = None;
    loop {
        let accept = async {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            listener.accept().await
        };
        tokio::select! {
            _ = shutdown.wait_for(|down| *down) => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept => match accepted {
                Ok((stream, peer)) => {
                    pause = None;
                    let Some(place) = admission.admit(peer.ip()) else {
                        if let Some(connections) = turned_away.count() {
                            warn!(%peer, connections, "there is no place for more connections");
                        }
                        continue;
                    };
                    match prepare(&stream) {
                        Ok(seed) => {
                            let shutdown = watching.clone();
                            connections.spawn(serve(Arrival { stream, peer, place, seed, shutdown }));
                        }
                        Err(error) => warn!(%peer, %error, "cannot serve a connection"),
                    }
                }
                Err(error) => {
                    // Out of descriptors or memory, or a connection that ended before it was taken.
                    warn!(%error, "cannot accept a connection");
                    pause = Some(BACKOFF);
                }
            },
        }
    }
    drop(listener);
    drop(serve);
    // Flushing, closing TLS and the peer's own end, each with its limit, and a little for the host to take what was sent.
    finish(connections, 3 * close + Duration::from_secs(1)).await;
}

/// Waits for connections that were told to end, and cuts off those that do not.
pub(super) async fn finish(mut connections: JoinSet<()>, patience: Duration) {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if timeout(patience, all).await.is_err() {
        warn!(connections = connections.len(), "connections are cut off");
        connections.shutdown().await;
    }
}

/// Says that a connection's task has failed, which only a fault in this program explains.
pub(super) fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a connection failed");
    }
}

/// Makes a connection ready for the engine.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<Seed> {
    // What is written belongs together, and an answer must not wait for more of it.
    stream.set_nodelay(true)?;
    seed()
}
