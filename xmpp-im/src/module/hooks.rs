//! Which hooks a module has.

/// The hooks that the parts of a module have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks(u8);

impl Hooks {
    pub(crate) const INCOMING: Hooks = Hooks(1);
    pub(crate) const OUTGOING: Hooks = Hooks(1 << 1);
    pub(crate) const ADMITS: Hooks = Hooks(1 << 2);
    pub(crate) const UNDELIVERABLE: Hooks = Hooks(1 << 3);
    pub(crate) const SESSIONS: Hooks = Hooks(1 << 4);
    pub(crate) const PRESENCE: Hooks = Hooks(1 << 5);
    pub(crate) const ROSTER: Hooks = Hooks(1 << 6);

    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Hooks(0)
    }

    pub(super) const fn and(self, other: Hooks) -> Self {
        Hooks(self.0 | other.0)
    }

    /// [`Part::incoming`](super::Part::incoming).
    #[must_use]
    pub const fn incoming(self) -> Self {
        self.and(Hooks::INCOMING)
    }

    /// [`Part::outgoing`](super::Part::outgoing).
    #[must_use]
    pub const fn outgoing(self) -> Self {
        self.and(Hooks::OUTGOING)
    }

    /// [`Part::admits`](super::Part::admits).
    #[must_use]
    pub const fn admits(self) -> Self {
        self.and(Hooks::ADMITS)
    }

    /// [`Part::undeliverable`](super::Part::undeliverable).
    #[must_use]
    pub const fn undeliverable(self) -> Self {
        self.and(Hooks::UNDELIVERABLE)
    }

    /// [`Part::session_started`](super::Part::session_started) and [`Part::session_ended`](super::Part::session_ended).
    #[must_use]
    pub const fn sessions(self) -> Self {
        self.and(Hooks::SESSIONS)
    }

    /// [`Part::presence_changed`](super::Part::presence_changed).
    #[must_use]
    pub const fn presence(self) -> Self {
        self.and(Hooks::PRESENCE)
    }

    /// [`Part::roster_changed`](super::Part::roster_changed).
    #[must_use]
    pub const fn roster(self) -> Self {
        self.and(Hooks::ROSTER)
    }

    pub(crate) const fn has(self, hook: Hooks) -> bool {
        self.0 & hook.0 != 0
    }
}
