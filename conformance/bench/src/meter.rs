//! What a piece of work costs: time of the processor, and memory.
//!
//! Only the processor's time counts, not what other processes take of it, so that figures mean something on a machine that is not idle.
#![allow(unsafe_code)] // A global allocator cannot be written without; this one only counts and passes on.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rustix::time::{ClockId, clock_gettime};

/// The allocator, which counts for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<i64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

fn count(allocations: i64, bytes: i64) {
    // While a thread ends there is nothing to count with.
    let _ = ALLOCATIONS.try_with(|all| all.set(all.get() + allocations));
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, signed(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -signed(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a piece of work has cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Nanoseconds of this thread on a processor.
    pub(crate) nanos: f64,
    pub(crate) allocations: f64,
    /// Bytes on the heap at most, beyond those before.
    pub(crate) peak: f64,
    /// Bytes on the heap that stay.
    pub(crate) retained: f64,
}

impl Cost {
    /// The cheaper of two runs of the same work: nothing makes it faster than it is.
    pub(crate) fn least(self, other: Self) -> Self {
        Cost {
            nanos: self.nanos.min(other.nanos),
            allocations: self.allocations.min(other.allocations),
            peak: self.peak.min(other.peak),
            retained: self.retained.min(other.retained),
        }
    }

    /// What one part of so many costs.
    pub(crate) fn per(self, parts: usize) -> Self {
        let parts = parts as f64;
        Cost {
            nanos: self.nanos / parts,
            allocations: self.allocations / parts,
            peak: self.peak / parts,
            retained: self.retained / parts,
        }
    }
}

fn nanos() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Does some work and says what it cost.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (Cost, T) {
    let (allocations, held) = (ALLOCATIONS.get(), HELD.get());
    PEAK.set(held);
    let start = nanos();
    let outcome = work();
    let cost = Cost {
        nanos: nanos() - start,
        allocations: (ALLOCATIONS.get() - allocations) as f64,
        peak: (PEAK.get() - held) as f64,
        retained: (HELD.get() - held) as f64,
    };
    (cost, outcome)
}
