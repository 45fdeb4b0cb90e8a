//! All lists of an account, which of them apply to whom, and what may be done to them (RFC 3921 sections 10.2 to 10.8, XEP-0191 section 5).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Condition, StanzaError};

use super::item::{Action, Item, Subject, Traffic};
use super::kept;
use super::list::List;
use super::query::{Names, Update};
use super::refusal::Denial;
use crate::blocking::Command;
use crate::limits::HostLimits;
use crate::roster::Roster;
use crate::store::RosterItem;

/// What the default list is called that the blocking command makes where there is none.
const BLOCKLIST: &str = "blocklist";

/// The privacy lists of one account. Clones share the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists {
    owner: BareJid,
    lists: BTreeMap<String, Arc<List>>,
    /// The name of one of them.
    default: Option<String>,
    /// What sessions use instead of the default one.
    active: BTreeMap<FullJid, String>,
}

/// What has to follow an update of the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    modified: Option<String>,
    kept: Vec<(String, Option<Vec<u8>>)>,
}

impl Edit {
    /// The list that is not what it was: all connected resources have to be told (RFC 3921 section 10.2, rule 10).
    #[must_use]
    pub fn modified(&self) -> Option<&str> {
        self.modified.as_deref()
    }

    /// What has to be kept under which keys instead of what was; none: nothing any more.
    #[must_use]
    pub fn into_kept(self) -> Vec<(String, Option<Vec<u8>>)> {
        self.kept
    }
}

impl Lists {
    /// No lists.
    #[must_use]
    pub const fn new(owner: BareJid) -> Self {
        Lists { owner, lists: BTreeMap::new(), default: None, active: BTreeMap::new() }
    }

    /// The lists that were kept. One that cannot be read, or that is the default one and missing, denies everybody until it is set anew.
    #[must_use]
    pub fn open<'a>(owner: BareJid, kept: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut lists = Lists::new(owner);
        for (key, value) in kept {
            if key == kept::DEFAULT {
                lists.default = Some(String::from_utf8_lossy(value).into_owned());
            } else if let Some(list) = kept::name(key).and_then(|name| kept::read(name, value)) {
                lists.lists.insert(list.name().to_string(), Arc::new(list));
            }
        }
        if let Some(name) = &lists.default
            && !lists.lists.contains_key(name)
        {
            // A name that no list can have is none that a client can name, but it can set another default.
            let name = if name.is_empty() { BLOCKLIST } else { name };
            if let Some(list) = kept::read(name, &[]) {
                lists.default = Some(list.name().to_string());
                lists.lists.insert(list.name().to_string(), Arc::new(list));
            }
        }
        lists
    }

    /// Which lists there are, as that session sees it.
    #[must_use]
    pub fn names(&self, session: &FullJid) -> Names {
        Names::new(self.lists.keys().map(String::as_str))
            .with_active(self.active.get(session).map(String::as_str))
            .with_default(self.default.as_deref())
    }

    /// The list of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&List> {
        self.lists.get(name).map(Arc::as_ref)
    }

    /// The addresses that the blocking command shows (XEP-0191 section 5).
    pub fn blocked(&self) -> impl Iterator<Item = &Jid> {
        self.applied(self.owner.as_jid()).into_iter().flat_map(|list| list.blocked())
    }

    /// The list that applies to a session: its active one and nothing else, or the default one, which also applies to the account itself and
    /// where there is no session (RFC 3921 section 10.2, rules 1 to 3).
    pub(super) fn applied(&self, own: &Jid) -> Option<&Arc<List>> {
        self.lists.get(self.active.get(own).or(self.default.as_ref())?)
    }

    /// Whether a stanza from or to `peer` does not go on, as far as that session, or by a bare JID the account, is concerned.
    ///
    /// A user's own resources are never kept from each other (XEP-0016 section 2.1), nor is the server that the lists are kept by from its user.
    pub fn denies<'r>(
        &self,
        own: &Jid,
        traffic: Traffic,
        peer: &Jid,
        contact: impl FnOnce() -> Option<&'r RosterItem>,
    ) -> Option<Denial> {
        let list = self.applied(own)?;
        let item = list.decide(traffic, peer, contact).filter(|item| item.action() == Action::Deny)?;
        if self.is_own(peer) {
            return None;
        }
        let is_blocklist = self.default.as_deref() == Some(list.name()) && item.blocked().is_some();
        Some(if is_blocklist { Denial::Blocklist } else { Denial::List })
    }

    fn is_own(&self, peer: &Jid) -> bool {
        let owner = self.owner.as_str();
        let resource = peer.as_str().strip_prefix(owner);
        resource.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            || peer.as_str() == self.owner.domain()
    }

    /// Only these sessions are left: what others used is nobody's.
    pub fn retain_sessions(&mut self, is_left: impl Fn(&FullJid) -> bool) {
        self.active.retain(|session, _| is_left(session));
    }

    /// A session goes on with the list that it used, if there still is one of that name.
    pub(super) fn restore(&mut self, session: &FullJid, name: &str) {
        if self.lists.contains_key(name) {
            self.active.insert(session.clone(), name.to_string());
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Does what one session asks for; `others` are the connected sessions beside it.
    ///
    /// # Errors
    /// `item-not-found` for a list that there is none of, and for a group that the roster has none of (RFC 3921 section 10.1); `conflict` for
    /// another default list, or none, and for the removal of a list, while it applies to another session (section 10.2, rule 11); `not-allowed` when
    /// there is no room for more. Nothing is changed then.
    pub fn update<'s>(
        &mut self,
        session: &FullJid,
        others: impl IntoIterator<Item = &'s FullJid>,
        update: Update,
        roster: &Roster,
        limits: &HostLimits,
    ) -> Result<Edit, StanzaError> {
        match update {
            Update::Active(None) => {
                self.active.remove(session);
                Ok(Edit::default())
            }
            Update::Active(Some(name)) => {
                self.existing(&name)?;
                self.active.insert(session.clone(), name);
                Ok(Edit::default())
            }
            Update::Default(name) => {
                if let Some(name) = &name {
                    self.existing(name)?;
                }
                if name == self.default {
                    return Ok(Edit::default());
                }
                self.unused(self.default.as_deref(), others)?;
                let kept = [(kept::DEFAULT.to_string(), name.clone().map(String::into_bytes))];
                self.default = name;
                Ok(Edit { modified: None, kept: kept.into() })
            }
            Update::Set(list) => {
                has_groups(&list, roster)?;
                self.set(list, limits)
            }
            Update::Remove(name) => {
                self.existing(&name)?;
                self.unused(Some(&name), others)?;
                Ok(self.remove(name))
            }
        }
    }

    /// Blocks or unblocks in the default list, which is made where there is none and goes when nothing is left in it (XEP-0191 section 5).
    ///
    /// # Errors
    /// `not-allowed` when there is no room for more. Nothing is changed then.
    pub fn command(&mut self, command: &Command, limits: &HostLimits) -> Result<Edit, StanzaError> {
        let old = self.applied(self.owner.as_jid());
        let items = old.map(|list| list.items()).unwrap_or_default();
        let name = old.map_or_else(|| self.free_name(), |list| list.name().to_string());
        let items = match command {
            Command::Block(jids) => block(items, jids),
            Command::Unblock(jids) => {
                let jids: BTreeSet<_> = jids.iter().collect();
                let stays = |item: &&Item| item.blocked().is_none_or(|jid| !jids.contains(jid));
                items.iter().filter(stays).cloned().collect()
            }
            Command::UnblockAll => items.iter().filter(|item| item.blocked().is_none()).cloned().collect(),
        };
        if old.map(|list| list.items()).unwrap_or_default() == items {
            return Ok(Edit::default());
        }
        if items.len() > limits.privacy_items() && matches!(command, Command::Block(_)) {
            return Err(full());
        }
        let Some(list) = List::new(&name, items) else {
            // An empty list allows everything, as none does: whoever used it is not told anything else.
            self.active.retain(|_, active| *active != name);
            return Ok(self.remove(name));
        };
        let mut edit = self.set(list, limits)?;
        if self.default.is_none() {
            edit.kept.push((kept::DEFAULT.to_string(), Some(name.clone().into_bytes())));
            self.default = Some(name);
        }
        Ok(edit)
    }

    fn existing(&self, name: &str) -> Result<(), StanzaError> {
        let exists = self.lists.contains_key(name);
        exists.then_some(()).ok_or_else(|| StanzaError::new(Condition::ItemNotFound))
    }

    /// That a list applies to none of these sessions.
    fn unused<'s>(
        &self,
        name: Option<&str>,
        sessions: impl IntoIterator<Item = &'s FullJid>,
    ) -> Result<(), StanzaError> {
        let applies =
            |session: &FullJid| self.applied(session.as_jid()).is_some_and(|list| name == Some(list.name()));
        let used = sessions.into_iter().any(applies);
        (!used).then_some(()).ok_or_else(|| StanzaError::new(Condition::Conflict))
    }

    fn set(&mut self, list: List, limits: &HostLimits) -> Result<Edit, StanzaError> {
        let known = self.lists.get(list.name());
        let before: usize = self.lists.values().map(|list| list.text_bytes()).sum();
        let bytes = before - known.map_or(0, |known| known.text_bytes()) + list.text_bytes();
        let too_many = known.is_none() && self.lists.len() >= limits.privacy_lists();
        // Lists that shrink are never refused, even if the limit was lowered.
        if too_many || bytes > limits.privacy_bytes() && bytes > before {
            return Err(full());
        }
        let name = list.name().to_string();
        let kept = [(kept::key(&name), Some(kept::write(&list)))];
        self.lists.insert(name.clone(), Arc::new(list));
        Ok(Edit { modified: Some(name), kept: kept.into() })
    }

    fn remove(&mut self, name: String) -> Edit {
        self.lists.remove(&name);
        self.active.retain(|_, active| *active != name);
        let mut kept: Vec<_> = [(kept::key(&name), None)].into();
        if self.default.as_ref() == Some(&name) {
            self.default = None;
            kept.push((kept::DEFAULT.to_string(), None));
        }
        Edit { modified: Some(name), kept }
    }

    /// A name for the default list that no other list has.
    fn free_name(&self) -> String {
        let numbered = (2..).map(|number| format!("{BLOCKLIST} {number}"));
        let mut names = core::iter::once(BLOCKLIST.to_string()).chain(numbered);
        names.find(|name| !self.lists.contains_key(name)).unwrap_or_default()
    }
}

/// The items with these addresses blocked before anything else is looked at (XEP-0191 section 5), behind those that already are.
fn block(items: &[Item], jids: &[Jid]) -> Vec<Item> {
    let leading = items.iter().take_while(|item| item.blocked().is_some()).count();
    let (leading, rest) = items.split_at_checked(leading).unwrap_or((items, &[]));
    let mut blocked: BTreeSet<_> = leading.iter().filter_map(Item::blocked).collect();
    let new: Vec<_> = jids.iter().filter(|jid| blocked.insert(jid)).collect();
    if new.is_empty() {
        return items.to_vec();
    }
    let rest = rest.iter().filter(|item| item.blocked().is_none_or(|jid| !blocked.contains(jid)));
    let new = new.into_iter().map(|jid| Item::new(0, Action::Deny, Subject::Jid(jid.clone())));
    let items = leading.iter().cloned().chain(new).chain(rest.cloned());
    (1..).zip(items).map(|(order, item)| item.with_order(order)).collect()
}

/// RFC 3921 section 10.1: that every group is one of the roster's.
fn has_groups(list: &List, roster: &Roster) -> Result<(), StanzaError> {
    let mut missing: BTreeSet<&str> = list.groups().collect();
    for contact in roster.items() {
        if missing.is_empty() {
            break;
        }
        contact.groups().for_each(|group| {
            missing.remove(group);
        });
    }
    missing.is_empty().then_some(()).ok_or_else(|| StanzaError::new(Condition::ItemNotFound))
}

fn full() -> StanzaError {
    StanzaError::new(Condition::NotAllowed).with_text("en", "the privacy lists are full")
}
