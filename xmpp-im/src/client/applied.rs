//! Which privacy list applies to the session, as far as a client can know (RFC 3921 section 10.2).

use alloc::collections::BTreeMap;
use alloc::string::String;

use xmpp_core::stanza::{Iq, RequestId};
use xmpp_core::xml::ElementRef;

use crate::privacy::{Names, Query, Update};

/// The lists in use, learned from the answers to the session's own requests.
#[derive(Debug, Default)]
pub(super) struct AppliedLists {
    /// The session starts without one, and nobody else selects it.
    active: Option<String>,
    /// The default list, if there is no active one: from then on rule 11 keeps other resources from selecting another one. Without it, or while
    /// it does not apply, they may, and nobody is told.
    default: Option<String>,
    /// What will be known when these are answered.
    asked: BTreeMap<RequestId, Asked>,
}

#[derive(Debug)]
enum Asked {
    Names,
    Active(Option<String>),
    Default(Option<String>),
    Removed(String),
}

impl AppliedLists {
    /// Whether a list applies, for all that is known.
    pub(super) fn applies(&self, name: &str) -> bool {
        self.active.as_ref().or(self.default.as_ref()).is_some_and(|applied| applied == name)
    }

    /// Whether a list may apply.
    pub(super) fn may_apply(&self, name: &str) -> bool {
        self.active.is_none() && self.default.is_none() || self.applies(name)
    }

    /// The session has asked for something.
    pub(super) fn queried(&mut self, request: RequestId, query: &Query) {
        if *query == Query::Names {
            self.asked.insert(request, Asked::Names);
        }
    }

    /// The session has asked for a change.
    pub(super) fn requested(&mut self, request: RequestId, update: &Update) {
        let asked = match update {
            Update::Active(name) => Asked::Active(name.clone()),
            Update::Default(name) => Asked::Default(name.clone()),
            Update::Remove(name) => Asked::Removed(name.clone()),
            Update::Set(_) => return,
        };
        self.asked.insert(request, asked);
    }

    /// A request has ended, by that response if by any that is no error.
    pub(super) fn answered(&mut self, request: RequestId, response: Option<&Iq>) {
        let (Some(asked), Some(response)) = (self.asked.remove(&request), response) else { return };
        match asked {
            Asked::Names => self.learn(response.payload()),
            Asked::Active(name) => {
                self.active = name;
                self.default = None;
            }
            Asked::Default(name) => self.default = name.filter(|_| self.active.is_none()),
            Asked::Removed(name) => self.removed(&name),
        }
    }

    fn learn(&mut self, answer: Option<ElementRef<'_>>) {
        if let Some(names) = answer.and_then(Names::parse) {
            self.active = names.active().map(Into::into);
            self.default = names.default_list().filter(|_| self.active.is_none()).map(Into::into);
        }
    }

    /// There is no list of that name.
    pub(super) fn removed(&mut self, name: &str) {
        for list in [&mut self.active, &mut self.default] {
            list.take_if(|list| list == name);
        }
    }
}
