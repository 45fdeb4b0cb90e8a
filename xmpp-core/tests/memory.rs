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

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use pair::*;
use xmpp_core::conn::{Action, BindAnswer, ClientConnection, Drive as _, Question, ServerConnection};
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
