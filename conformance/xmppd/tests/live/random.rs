//! What is random in tests, and can be repeated.

use std::time::Duration;

use tokio::time::Instant;

/// A number of the environment.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect(name))
}

/// Numbers that follow from a seed (xorshift64*).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From the seed `XMPPD_SEED`, or one that is printed.
    pub fn new() -> Self {
        let seed = number("XMPPD_SEED", getrandom::u64().unwrap() >> 1) | 1;
        println!("seed {seed}");
        Self(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    /// A moment that comes within that time.
    pub fn soon(&mut self, limit: Duration) -> Instant {
        Instant::now() + Duration::from_micros(self.below(limit.as_micros() as u64))
    }
}
