//! Requests about lists, their answers, and the pushes that tell of changes (RFC 3921 sections 10.3 to 10.8), for both sides.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::stanza::{Condition, StanzaError};
use xmpp_core::xml::{Builder, Element, ElementRef, ns};

use super::list::List;
use crate::limits::HostLimits;

/// What a client wants to see: the content of an iq get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The names of all lists; the answer is [`Names`].
    Names,
    /// The list of that name; the answer is a [`List`], as [`List::to_answer`] writes it.
    List(String),
}

impl Query {
    /// Reads the `<query/>` of an iq get.
    ///
    /// # Errors
    /// `bad-request` for more than one list (RFC 3921 section 10.3), a list without name, and anything else.
    pub fn parse(query: ElementRef<'_>) -> Result<Self, StanzaError> {
        let mut children = query.children();
        match (children.next(), children.next()) {
            (None, _) => Ok(Query::Names),
            (Some(list), None) if list.is(ns::PRIVACY, "list") => Ok(Query::List(required_name(list)?)),
            _ => Err(StanzaError::new(Condition::BadRequest)),
        }
    }

    /// The `<query/>`.
    #[must_use]
    pub fn to_element(&self) -> Element {
        match self {
            Query::Names => query([]),
            Query::List(name) => query([named("list", Some(name)).build()]),
        }
    }
}

/// What a client wants changed: the content of an iq set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Its session is to use the list of that name, or none but the default.
    Active(Option<String>),
    /// The list of that name is to apply wherever there is no active one, or none is.
    Default(Option<String>),
    /// There is to be this list, instead of the one of the same name if there is one.
    Set(List),
    /// The list of that name is to go.
    Remove(String),
}

impl Update {
    /// Reads the `<query/>` of an iq set.
    ///
    /// # Errors
    /// RFC 3921 section 10.1: `bad-request` unless there is exactly one child, it is `active`, `default` or `list`, the first two are empty, and a name
    /// that is needed is there and not empty; `not-acceptable` for a list of more items, or of a longer name, than the limits allow; and what
    /// [`List::parse`] finds.
    pub fn parse(query: ElementRef<'_>, limits: &HostLimits) -> Result<Self, StanzaError> {
        let bad_request = || StanzaError::new(Condition::BadRequest);
        let mut children = query.children();
        let (Some(child), None) = (children.next(), children.next()) else {
            return Err(bad_request());
        };
        let items = child.children().count();
        match child.name() {
            _ if child.ns() != ns::PRIVACY => Err(bad_request()),
            "active" if items == 0 => Ok(Update::Active(name(child)?)),
            "default" if items == 0 => Ok(Update::Default(name(child)?)),
            "list" if items == 0 => Ok(Update::Remove(required_name(child)?)),
            "list" if items > limits.privacy_items() => Err(StanzaError::new(Condition::NotAcceptable)),
            "list" => {
                let list = List::parse(child)?;
                let fits = list.name().len() <= limits.privacy_text();
                fits.then_some(Update::Set(list)).ok_or_else(|| StanzaError::new(Condition::NotAcceptable))
            }
            _ => Err(bad_request()),
        }
    }

    /// The `<query/>`.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let child = match self {
            Update::Active(name) => named("active", name.as_deref()).build(),
            Update::Default(name) => named("default", name.as_deref()).build(),
            Update::Set(list) => list.to_element(),
            Update::Remove(name) => named("list", Some(name)).build(),
        };
        query([child])
    }
}

/// Which lists there are: the answer to [`Query::Names`].
///
/// ```
/// use xmpp_im::privacy::Names;
///
/// let names = Names::new(["private", "public"]).with_default(Some("public"));
/// assert_eq!(
///     names.to_element().to_string(),
///     "<query xmlns='jabber:iq:privacy'><default name='public'/><list name='private'/><list name='public'/></query>"
/// );
/// assert_eq!(Names::parse(names.to_element().as_ref()), Some(names));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    active: Option<String>,
    default: Option<String>,
    lists: Vec<String>,
}

impl Names {
    /// These lists, none of them in use.
    #[must_use]
    pub fn new<'a>(lists: impl IntoIterator<Item = &'a str>) -> Self {
        Names { lists: lists.into_iter().map(ToOwned::to_owned).collect(), ..Names::default() }
    }

    /// Sets the list that the asking session uses.
    #[must_use]
    pub fn with_active(mut self, name: Option<&str>) -> Self {
        self.active = name.map(ToOwned::to_owned);
        self
    }

    /// Sets the default list.
    #[must_use]
    pub fn with_default(mut self, name: Option<&str>) -> Self {
        self.default = name.map(ToOwned::to_owned);
        self
    }

    /// The list that the asking session uses instead of the default one.
    #[must_use]
    pub fn active(&self) -> Option<&str> {
        self.active.as_deref()
    }

    /// The default list.
    #[must_use]
    pub fn default_list(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// All lists.
    pub fn lists(&self) -> impl Iterator<Item = &str> + Clone {
        self.lists.iter().map(String::as_str)
    }

    /// Reads the `<query/>` of an answer: none if it has anything but names.
    #[must_use]
    pub fn parse(query: ElementRef<'_>) -> Option<Self> {
        let mut names = Names::default();
        for child in query.children().filter(|child| child.ns() == ns::PRIVACY) {
            let name = name(child).ok()?;
            match child.name() {
                "active" => names.active = name,
                "default" => names.default = name,
                "list" => names.lists.push(name?),
                _ => return None,
            }
        }
        query.is(ns::PRIVACY, "query").then_some(names)
    }

    /// The `<query/>`: active and default come before the others (RFC 3921 section 10.3).
    #[must_use]
    pub fn to_element(&self) -> Element {
        let active = self.active().map(|name| named("active", Some(name)).build());
        let default = self.default_list().map(|name| named("default", Some(name)).build());
        let lists = self.lists().map(|name| named("list", Some(name)).build());
        query(active.into_iter().chain(default).chain(lists))
    }
}

impl List {
    /// The `<query/>` that answers [`Query::List`].
    #[must_use]
    pub fn to_answer(&self) -> Element {
        query([self.to_element()])
    }

    /// Reads the `<query/>` of an answer to [`Query::List`]: none unless it has exactly one list, and that is one.
    #[must_use]
    pub fn parse_answer(query: ElementRef<'_>) -> Option<Self> {
        let list = only_list(query)?;
        List::parse(list).ok()
    }
}

/// The `<query/>` of the push that tells every connected resource that a list is not what it was (RFC 3921 section 10.2, rule 10).
#[must_use]
pub fn push(name: &str) -> Element {
    Query::List(name.to_owned()).to_element()
}

/// Reads the `<query/>` of a push: the name of the list that has changed.
#[must_use]
pub fn parse_push(query: ElementRef<'_>) -> Option<String> {
    let list = only_list(query)?;
    required_name(list).ok()
}

fn only_list(query: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let mut children = query.children().filter(|_| query.is(ns::PRIVACY, "query"));
    let (list, None) = (children.next()?, children.next()) else { return None };
    list.is(ns::PRIVACY, "list").then_some(list)
}

fn query(children: impl IntoIterator<Item = Element>) -> Element {
    Element::builder(ns::PRIVACY, "query").children(children).build()
}

fn named(element: &str, name: Option<&str>) -> Builder {
    Element::builder(ns::PRIVACY, element).maybe_attr("name", name)
}

/// The name, if there is one. No list has an empty one.
fn name(element: ElementRef<'_>) -> Result<Option<String>, StanzaError> {
    match element.attr("name") {
        Some("") => Err(StanzaError::new(Condition::BadRequest)),
        name => Ok(name.map(ToOwned::to_owned)),
    }
}

fn required_name(element: ElementRef<'_>) -> Result<String, StanzaError> {
    name(element)?.ok_or_else(|| StanzaError::new(Condition::BadRequest))
}
