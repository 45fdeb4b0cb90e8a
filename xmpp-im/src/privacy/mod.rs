//! Privacy lists: whom an account does not want to hear from, and who is not to know of it (RFC 3921 section 10, XEP-0016).
//!
//! - section 10.1: [`Item`], [`Subject`], [`Kinds`] and [`List`], which reads, writes and [decides](List::decide)
//! - sections 10.3 to 10.8: [`Query`], [`Update`], [`Names`] and [`push`], for clients and servers; [`Lists`], which has them all
//! - section 10.14: [`Denial`], what the sender of a denied stanza is told
//!
//! A domain stands for its subdomains too, as RFC 3921 has it and XEP-0016 no longer does: who denies a domain is spared what its services send.
//! [Blocking](crate::blocking) is another face of the same lists. It does not cancel subscriptions, and filters nothing but stanzas.
//!
//! ```
//! use xmpp_core::xml::Element;
//! use xmpp_im::privacy::{Action, Item, List, Subject, Update};
//! use xmpp_im::limits::HostLimits;
//! use xmpp_im::store::Subscription;
//!
//! // "block all communications with any user not in my roster" (section 10.15).
//! let strangers = Item::new(437, Action::Deny, Subject::Subscription(Subscription::None));
//! let set = Update::Set(List::new("heuristic-example", [strangers]).expect("one item"));
//! let query = set.to_element();
//! assert_eq!(
//!     query.to_string(),
//!     "<query xmlns='jabber:iq:privacy'><list name='heuristic-example'>\
//!      <item type='subscription' value='none' action='deny' order='437'/></list></query>"
//! );
//! assert_eq!(Update::parse(query.as_ref(), &HostLimits::new()), Ok(set));
//! ```
//!
//! A list decides alone, whoever has it:
//!
//! ```
//! use xmpp_core::jid::Jid;
//! use xmpp_im::privacy::{Action, Item, Kinds, List, Subject, Traffic};
//! use xmpp_im::store::{RosterItem, Subscription};
//!
//! // Friends may write; nobody else may, but everything else passes.
//! let friends = Item::new(1, Action::Allow, Subject::Group("Friends".into()));
//! let others = Item::new(2, Action::Deny, Subject::Anyone).with_kinds(Kinds::MESSAGE);
//! let list = List::new("friends-only", [friends, others]).expect("no order twice");
//!
//! let romeo = RosterItem::new(Jid::new("romeo@example.net")?).with_subscription(Subscription::Both).with_group("Friends");
//! let decided = list.decide(Traffic::Message, &Jid::new("romeo@example.net/orchard")?, || Some(&romeo));
//! assert_eq!(decided.map(Item::action), Some(Action::Allow));
//! let tybalt = Jid::new("tybalt@example.com")?;
//! assert_eq!(list.decide(Traffic::Message, &tybalt, || None).map(Item::action), Some(Action::Deny));
//! assert_eq!(list.decide(Traffic::Iq, &tybalt, || None), None); // no item is about it
//! # Ok::<(), xmpp_core::jid::JidError>(())
//! ```

mod item;
mod kept;
mod list;
mod lists;
mod part;
mod query;
mod refusal;

pub use item::{Action, Item, Kinds, Subject, Traffic};
pub use list::List;
pub use lists::{Edit, Lists};
pub(crate) use part::Privacy;
pub use query::{Names, Query, Update, parse_push, push};
pub use refusal::Denial;

#[cfg(test)]
mod tests;
