//! What modules match, and finding the one that matches.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, IqType, Stanza};

use super::Module;

/// Whom a stanza is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Target {
    /// One of the host's own domains.
    Server,
    /// An account: its bare JID, or no address at all, from one of its sessions.
    Account,
    /// A connected resource of an account, by its full JID.
    Session,
    /// One of the host's own [services](crate::host::HostConfig::with_service), or an address within its domain.
    Service,
}

/// The stanzas that a module handles.
///
/// ```
/// use xmpp_core::stanza::Condition;
/// use xmpp_im::module::{Match, Target};
///
/// const MATCHES: [Match; 2] = [
///     Match::get(Target::Account, "urn:example:notes", "notes"),
///     Match::set(Target::Account, "urn:example:notes", "notes").for_owner(Condition::Forbidden),
/// ];
/// assert_eq!(MATCHES[1].target(), Target::Account);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    what: What,
    target: Target,
    payload: Option<(&'static str, &'static str)>,
    refusal: Option<Condition>,
}

/// What kind of stanza it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Get,
    Set,
    Message,
    Presence,
}

impl What {
    fn of(stanza: &Stanza) -> Option<Self> {
        match stanza {
            Stanza::Iq(iq) => match iq.type_() {
                IqType::Get => Some(What::Get),
                IqType::Set => Some(What::Set),
                IqType::Result | IqType::Error => None,
            },
            Stanza::Message(_) => Some(What::Message),
            Stanza::Presence(_) => Some(What::Presence),
        }
    }
}

impl Match {
    const fn new(what: What, target: Target, payload: Option<(&'static str, &'static str)>) -> Self {
        Match { what, target, payload, refusal: None }
    }

    /// An iq of type get with this payload.
    #[must_use]
    pub const fn get(target: Target, ns: &'static str, name: &'static str) -> Self {
        Match::new(What::Get, target, Some((ns, name)))
    }

    /// An iq of type set with this payload.
    #[must_use]
    pub const fn set(target: Target, ns: &'static str, name: &'static str) -> Self {
        Match::new(What::Set, target, Some((ns, name)))
    }

    /// A message, errors included.
    #[must_use]
    pub const fn message(target: Target) -> Self {
        Match::new(What::Message, target, None)
    }

    /// Presence of any type.
    #[must_use]
    pub const fn presence(target: Target) -> Self {
        Match::new(What::Presence, target, None)
    }

    /// Only a stanza that has a child of this name.
    #[must_use]
    pub const fn with_payload(mut self, ns: &'static str, name: &'static str) -> Self {
        self.payload = Some((ns, name));
        self
    }

    /// Only from the account's own sessions: a request of anybody else is refused with this condition, whether the account exists or not.
    #[must_use]
    pub const fn for_owner(mut self, others: Condition) -> Self {
        self.refusal = Some(others);
        self
    }

    /// Whom the stanza is for.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }
}

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

    const fn and(self, other: Hooks) -> Self {
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

/// What the modules have to say about a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is for this module.
    Module(usize),
    /// It is for a module that only serves the owner.
    Refused(Condition),
}

/// The modules of a host, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Modules {
    /// With the service that it is for, if it is for that alone.
    list: Vec<(Arc<dyn Module>, Option<BareJid>)>,
    /// By what a stanza is, whom it is for and what it has inside: the matches, in the order of the modules.
    index: BTreeMap<(What, Target), Vec<(Match, usize)>>,
    hooks: Hooks,
}

impl Modules {
    pub(crate) fn push(&mut self, module: Arc<dyn Module>, service: Option<BareJid>) {
        let number = self.list.len();
        for matched in module.matches() {
            self.index.entry((matched.what, matched.target)).or_default().push((*matched, number));
        }
        self.hooks = self.hooks.and(module.hooks());
        self.list.push((module, service));
    }

    /// The modules that have something to do for owners of that kind.
    pub(crate) fn serving<'a>(
        &'a self,
        target: Target,
        owner: &'a BareJid,
    ) -> impl Iterator<Item = (usize, &'a dyn Module)> + 'a {
        let served = move |number: &usize| {
            self.list.get(*number).is_some_and(|(module, service)| {
                let is_here = service.as_ref().is_none_or(|service| service == owner);
                is_here && is_served(&**module, target)
            })
        };
        (0..self.list.len()).filter(served).filter_map(|number| Some((number, &*self.list.get(number)?.0)))
    }

    /// Whether any of those keeps state, so that the owner has to be loaded.
    pub(crate) fn keep_state(&self, target: Target, owner: &BareJid) -> bool {
        self.serving(target, owner).any(|(_, module)| module.keeps_state())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Module> {
        self.list.iter().map(|(module, _)| &**module)
    }

    /// Whether any module has that hook.
    pub(crate) const fn has(&self, hook: Hooks) -> bool {
        self.hooks.has(hook)
    }

    /// The modules that a stanza is for, in order.
    pub(crate) fn find<'a>(
        &'a self,
        stanza: &'a Stanza,
        target: Target,
        from_owner: bool,
    ) -> impl Iterator<Item = Found> + 'a {
        let matches = What::of(stanza).and_then(|what| self.index.get(&(what, target)));
        let fitting = matches.into_iter().flatten().filter(|(matched, _)| fits(matched, stanza));
        fitting.map(move |(matched, module)| match matched.refusal {
            Some(condition) if !from_owner => Found::Refused(condition),
            _ => Found::Module(*module),
        })
    }
}

/// Whether a module has to do with owners of that kind: with accounts too if it only has hooks.
fn is_served(module: &dyn Module, target: Target) -> bool {
    let is_about = |of: Target| match target {
        Target::Account | Target::Session => matches!(of, Target::Account | Target::Session),
        Target::Server | Target::Service => of == target,
    };
    let by_hooks = target == Target::Account && module.hooks() != Hooks::new();
    by_hooks || module.matches().iter().any(|matched| is_about(matched.target))
}

fn fits(matched: &Match, stanza: &Stanza) -> bool {
    match (matched.payload, stanza) {
        (None, _) => true,
        (Some((ns, name)), Stanza::Iq(iq)) => iq.payload().is_some_and(|payload| payload.is(ns, name)),
        (Some((ns, name)), _) => stanza.child(ns, name).is_some(),
    }
}
