//! The modules of a host, and finding those that a stanza is for.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, Stanza};

use super::Module;
use super::hooks::Hooks;
use super::matching::{Match, Target, What};

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
            self.index.entry((matched.what(), matched.target())).or_default().push((*matched, number));
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
        let fitting = matches.into_iter().flatten().filter(|(matched, _)| matched.fits(stanza));
        fitting.map(move |(matched, module)| match matched.refusal() {
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
    by_hooks || module.matches().iter().any(|matched| is_about(matched.target()))
}
