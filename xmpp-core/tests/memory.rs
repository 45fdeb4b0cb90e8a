//! What a connection costs while nothing happens on it.
//!
//! A test of its own: it counts all that its process allocates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![allow(unsafe_code)] // A global allocator cannot be written without; this one only counts and passes on.

mod pair;
mod peer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use pair::*;
use xmpp_core::conn::{
    Action, BindAnswer, ClientConnection, Drive, PeerInbound, PeerOutbound, Question, ServerConnection,
};
use xmpp_core::dialback::Verdict;
use xmpp_core::entropy::Seed;
use xmpp_core::sasl::ScramHash;
use xmpp_core::sasl::server::CredentialsAnswer;
use xmpp_core::time::Instant;

struct Counting;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static BLOCKS: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize, blocks: isize) {
    let _ = BYTES.try_with(|all| all.set(all.get() + bytes));
    let _ = BLOCKS.try_with(|all| all.set(all.get() + blocks));
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize, 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize), -1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn held() -> (isize, isize) {
    (BYTES.get(), BLOCKS.get())
}

fn drain(conn: &mut ServerConnection) {
    let now = Instant::ZERO;
    while let Some(action) = conn.poll() {
        match action {
            Action::Ask(Question::Credentials { ticket, .. }) => {
                conn.answer(now, ticket, CredentialsAnswer::Keys(keys(ScramHash::Sha256))).unwrap();
            }
            Action::Ask(Question::Derivation { ticket, request }) => {
                conn.answer(now, ticket, request.run()).unwrap();
            }
            Action::Ask(Question::Binding { ticket, identity, .. }) => {
                let jid = identity.account().with_resource("balcony").unwrap();
                conn.answer(now, ticket, BindAnswer::Bound(jid)).unwrap();
            }
            _ => {}
        }
    }
}

#[test]
fn an_idle_connection_is_small() {
    // Shared by all connections, so it is nobody's own.
    let config = std::sync::Arc::new(open_server());
    let (before, blocks_before) = held();
    let mut conn = ServerConnection::new(config.clone(), Seed::new([1; 32]), Instant::ZERO);
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER, BIND] {
        conn.receive(Instant::ZERO, part.as_bytes()).unwrap();
        drain(&mut conn);
    }
    assert!(conn.jid().is_some());
    let (heap, blocks) = (held().0 - before, held().1 - blocks_before);
    // Traffic leaves nothing behind.
    for _ in 0..50 {
        let big = format!("<message><body>{}</body></message>", "x".repeat(100_000));
        conn.receive(Instant::ZERO, big.as_bytes()).unwrap();
        drop(big);
        drain(&mut conn);
        conn.send(Instant::ZERO, message("hello")).unwrap();
        drain(&mut conn);
    }
    // Nor does a burst of many small stanzas.
    for _ in 0..1000 {
        conn.send(Instant::ZERO, message("hello")).unwrap();
    }
    drain(&mut conn);
    let after = held().0 - before;
    let sizes = (size_of::<ServerConnection>(), size_of::<ClientConnection>());
    println!(
        "server {} + {heap} bytes on the heap in {blocks} blocks, {after} after traffic; client {}",
        sizes.0, sizes.1
    );
    assert!(sizes.0 + heap as usize <= 4096, "{} + {heap}", sizes.0);
    assert!(after <= heap + 256, "{heap} grew to {after}");
}

/// Performs what a stream between servers wants, saying that every key is valid.
fn drain_peer<C: Drive + peer::Peer>(conn: &mut C) {
    while let Some(action) = conn.poll() {
        if let Action::Ask(Question::Verification { ticket, .. }) = action {
            conn.verdict(Instant::ZERO, ticket, Verdict::Valid).unwrap();
        }
    }
}

/// What belongs to an end on the heap once the parts have come.
fn peer_heap<C: Drive + peer::Peer>(mut conn: C, before: isize, parts: &[&str]) -> (isize, C) {
    drain_peer(&mut conn);
    for part in parts {
        conn.receive(Instant::ZERO, part.as_bytes()).unwrap();
        drain_peer(&mut conn);
    }
    (held().0 - before, conn)
}

#[test]
fn an_idle_stream_between_servers_is_small() {
    let config = std::sync::Arc::new(peer::open_inbound_config());
    let key = peer::result(peer::CAPULET, peer::MONTAGUE, "key");
    let before = held().0;
    let inbound = PeerInbound::new(config.clone(), Seed::new([1; 32]), Instant::ZERO);
    let (inbound_heap, mut inbound) = peer_heap(inbound, before, &[peer::HEADER, &key]);
    // Traffic leaves nothing behind, and neither do dialbacks that came to nothing.
    let big = format!(
        "<message from='capulet.example' to='montague.example'><body>{}</body></message>",
        "x".repeat(100_000)
    );
    for _ in 0..50 {
        inbound.receive(Instant::ZERO, big.as_bytes()).unwrap();
        drain_peer(&mut inbound);
        inbound.receive(Instant::ZERO, key.as_bytes()).unwrap();
        drain_peer(&mut inbound);
    }
    let after = held().0 - before - big.capacity() as isize;
    drop(big);

    let valid = peer::result_is(peer::MONTAGUE, peer::CAPULET, "valid");
    let config = peer::open_outbound_config();
    let before = held().0;
    let outbound = PeerOutbound::new(config.clone(), Seed::new([1; 32]), Instant::ZERO);
    let (outbound_heap, outbound) =
        peer_heap(outbound, before, &[peer::ANSWER, peer::OFFER_DIALBACK, &valid]);
    println!(
        "inbound {} + {inbound_heap} bytes on the heap, {after} after traffic; outbound {} + {outbound_heap}",
        size_of_val(&inbound),
        size_of_val(&outbound)
    );
    for (size, heap) in [(size_of_val(&inbound), inbound_heap), (size_of_val(&outbound), outbound_heap)] {
        assert!(size + heap as usize <= 4096, "{size} + {heap}");
    }
    assert!(after <= inbound_heap + 256, "{inbound_heap} grew to {after}");
}
