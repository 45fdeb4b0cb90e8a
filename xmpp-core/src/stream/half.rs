//! The two directions of a stream and how they close (RFC 3920 sections 4.2 and 4.4, RFC 6120 section 4.4).
//!
//! This file does not know which side we are: a stream is one document each way, and either side may close first.
//!
//! ```
//! use xmpp_core::stream::{Half, Halves};
//!
//! let mut halves = Halves::new();
//! halves.open_ours();
//! halves.open_theirs();
//! halves.close_ours();
//! assert_eq!((halves.ours(), halves.theirs()), (Half::Closed, Half::Open)); // still reading
//! halves.close_theirs();
//! assert!(halves.is_over());
//! ```

/// One direction of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Half {
    /// No header yet, or a restart awaits a new one.
    #[default]
    Idle,
    /// Between the header and the closing tag.
    Open,
    /// After the closing tag.
    Closed,
}

/// Both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Halves {
    ours: Half,
    theirs: Half,
}

impl Halves {
    /// Nothing was sent either way.
    #[must_use]
    pub const fn new() -> Self {
        Halves { ours: Half::Idle, theirs: Half::Idle }
    }

    /// The direction that we send in.
    #[must_use]
    pub const fn ours(self) -> Half {
        self.ours
    }

    /// The direction that the peer sends in.
    #[must_use]
    pub const fn theirs(self) -> Half {
        self.theirs
    }

    /// Our header was sent.
    pub fn open_ours(&mut self) {
        open(&mut self.ours);
    }

    /// The peer's header came.
    pub fn open_theirs(&mut self) {
        open(&mut self.theirs);
    }

    /// Our closing tag was sent. A direction that never opened closes all the same.
    pub fn close_ours(&mut self) {
        self.ours = Half::Closed;
    }

    /// The peer's closing tag came.
    pub fn close_theirs(&mut self) {
        self.theirs = Half::Closed;
    }

    /// The stream is replaced: both directions await a new header, and no closing tag is sent (RFC 6120 section 4.3.3).
    pub fn restart(&mut self) {
        if self.ours == Half::Open && self.theirs == Half::Open {
            *self = Halves::new();
        }
    }

    /// Whether both closing tags have passed, so that the transport has nothing left to carry.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.ours == Half::Closed && self.theirs == Half::Closed
    }
}

fn open(half: &mut Half) {
    if *half == Half::Idle {
        *half = Half::Open;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reopens_a_closed_direction() {
        let mut halves = Halves::new();
        halves.close_ours();
        halves.open_ours();
        halves.open_theirs();
        halves.restart();
        assert_eq!((halves.ours(), halves.theirs()), (Half::Closed, Half::Open));
    }

    #[test]
    fn r6120_4_3_3_01_a_restart_awaits_new_headers() {
        let mut halves = Halves::new();
        halves.open_ours();
        halves.open_theirs();
        halves.restart();
        assert_eq!(halves, Halves::new());
    }
}
