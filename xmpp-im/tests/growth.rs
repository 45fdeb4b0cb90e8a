//! What grows with the number of somebody's contacts grows in proportion to it: what is said, and what memory is asked for.
//!
//! A test of its own: it counts what its threads allocate. It looks at no clock, so it says the same on any machine; for times there is the
//! package `xmpp-bench`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]
#![allow(unsafe_code)] // A global allocator cannot be written without; this one only counts and passes on.

mod stage;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use stage::*;
use xmpp_im::store::{Change, Subscription};

struct Counting;

thread_local! {
    static BLOCKS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = BLOCKS.try_with(|all| all.set(all.get() + 1));
        let _ = BYTES.try_with(|all| all.set(all.get() + layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const JULIET: &str = "juliet@example.com/balcony";

/// What somebody does, and what it takes: blocks and bytes that were asked for, and stanzas that are said by it.
type Taken = (&'static str, [usize; 3]);

/// A day of somebody with that many contacts, every second of them on her own server and online, the others elsewhere.
fn day(contacts: usize) -> Vec<Taken> {
    let contact = |number: usize| match number % 2 {
        0 => format!("romeo{number:05}@example.com"),
        _ => format!("romeo{number:05}@example.net"),
    };
    let local = |number: usize| number.is_multiple_of(2).then(|| contact(number));
    let locals: Vec<_> = (0..contacts).filter_map(local).collect();
    let accounts: Vec<_> = locals.iter().map(String::as_str).chain(["juliet@example.com"]).collect();
    let mut stage = Stage::new(&["example.com"], &accounts);
    let both = |contact: &str, version| {
        Change::SetRosterItem(item(contact, Subscription::Both).with_version(version))
    };
    let roster: Vec<_> = (0..contacts).map(|number| both(&contact(number), number as u64 + 1)).collect();
    stage.keep("juliet@example.com", &roster);
    for local in &locals {
        stage.keep(local, &[both("juliet@example.com", 1)]);
        stage.login(&format!("{local}/orchard"));
        stage.send(&format!("{local}/orchard"), "<presence/>");
        stage.stanzas(&format!("{local}/orchard"));
    }

    let mut taken = Vec::new();
    let mut step = |name, stage: &mut Stage, work: &dyn Fn(&mut Stage)| {
        let before = (BLOCKS.get(), BYTES.get());
        work(stage);
        let (blocks, bytes) = (BLOCKS.get() - before.0, BYTES.get() - before.1);
        let mut said = stage.gone_stanzas().len();
        if stage.is_there(JULIET) {
            said += stage.stanzas(JULIET).len();
        }
        said += locals.iter().map(|local| stage.stanzas(&format!("{local}/orchard")).len()).sum::<usize>();
        taken.push((name, [blocks, bytes, said]));
    };
    step("login", &mut stage, &|stage| stage.login(JULIET));
    let get = "<iq id='get' type='get'><query xmlns='jabber:iq:roster'/></iq>";
    step("roster", &mut stage, &|stage| stage.send(JULIET, get));
    step("initial presence", &mut stage, &|stage| stage.send(JULIET, "<presence/>"));
    step("update", &mut stage, &|stage| stage.send(JULIET, "<presence><show>away</show></presence>"));
    let list = "<iq id='list' type='set'><query xmlns='jabber:iq:privacy'><list name='feud'>
        <item type='jid' value='tybalt@example.org' action='deny' order='1'/>
        <item type='subscription' value='none' action='deny' order='2'/></list></query></iq>";
    step("list", &mut stage, &|stage| {
        stage.send(JULIET, list);
        let default = "<iq id='default' type='set'><query xmlns='jabber:iq:privacy'><default name='feud'/></query></iq>";
        stage.send(JULIET, default);
    });
    step("update with a list", &mut stage, &|stage| stage.send(JULIET, "<presence/>"));
    step("logout", &mut stage, &|stage| stage.logout(JULIET));
    taken
}

#[test]
fn ten_times_the_contacts_take_ten_times_as_much() {
    let (few, many) = (day(100), day(1_000));
    for ((name, few), (_, many)) in few.into_iter().zip(many) {
        println!("{name}: {few:?} blocks, bytes, stanzas; {many:?}");
        for (few, many) in few.into_iter().zip(many) {
            // What grows twice as fast as the contacts would be two hundred times as much. The sizes of tables grow by leaps.
            assert!(many <= 15 * few.max(20), "{name}: {few} grew to {many}");
        }
    }
}

#[test]
fn what_is_about_one_contact_takes_the_same_among_many() {
    let one = |contacts: usize| {
        let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
        let change = |number: usize| {
            let item = item(&format!("romeo{number:05}@example.net"), Subscription::Both);
            Change::SetRosterItem(item.with_version(number as u64 + 1))
        };
        stage.keep("juliet@example.com", &(0..contacts).map(change).collect::<Vec<_>>());
        stage.online(JULIET);
        let story = [
            "<message to='juliet@example.com' from='romeo00001@example.net/orchard' type='chat'><body>!</body></message>",
            "<presence to='juliet@example.com' from='romeo00001@example.net/orchard'/>",
            "<presence to='juliet@example.com' from='romeo00001@example.net' type='probe'/>",
            "<presence to='juliet@example.com' from='romeo00001@example.net' type='unsubscribe'/>",
            "<presence to='juliet@example.com' from='romeo00001@example.net' type='subscribe'/>",
        ];
        let before = (BLOCKS.get(), BYTES.get());
        for text in story {
            stage.arrives(text);
        }
        let set = "<iq id='set' type='set'><query xmlns='jabber:iq:roster'><item jid='romeo00002@example.net' name='Him'/></query></iq>";
        stage.send(JULIET, set);
        (BLOCKS.get() - before.0, BYTES.get() - before.1)
    };
    let (few, many) = (one(100), one(1_000));
    println!("{few:?} blocks and bytes, {many:?}");
    assert!(many.0 <= 2 * few.0 && many.1 <= 2 * few.1, "{few:?} grew to {many:?}");
}
