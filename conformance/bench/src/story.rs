//! A day of a user with many contacts, step by step.

use xmpp_core::stanza::{Iq, Message, Presence, PresenceType, Show};
use xmpp_core::xml::{Element, ns};

use super::meter::{Cost, measure};
use super::village::{Contacts, Outcome, Village};

/// How often a step is made that does not grow with the roster.
const TIMES: usize = 100;

/// Whether the user keeps somebody away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lists {
    None,
    /// A default list that denies ten addresses, allows the group that all contacts are in, and denies whoever is not subscribed.
    Default,
}

impl Lists {
    pub(crate) const ALL: [Self; 2] = [Lists::None, Lists::Default];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Lists::None => "no privacy list",
            Lists::Default => "a privacy list of twelve items",
        }
    }
}

/// What a step has cost.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) step: &'static str,
    pub(crate) cost: Cost,
    /// For how many contacts, or how often, it was made.
    pub(crate) parts: usize,
}

/// Plays it once.
pub(crate) fn run(kind: Contacts, lists: Lists, contacts: usize) -> Outcome<Vec<Figure>> {
    let mut village = Village::new(kind, contacts)?;
    village.wake()?;
    let user = village.user.clone();
    let mut figures = Vec::new();
    let mut note = |step, parts, (cost, outcome): (Cost, Outcome)| {
        figures.push(Figure { step, cost, parts });
        outcome
    };

    let (cost, session) = measure(|| village.bind(&user, "balcony"));
    let session = session?;
    // Contacts that came online have asked for the user's presence, so that the account is there.
    if kind != Contacts::Online {
        note("session with its account loaded", contacts, (cost, Ok(())))?;
    }
    if lists == Lists::Default {
        set_list(&mut village, session)?;
    }

    let get = Iq::get("roster", Element::builder(ns::ROSTER, "query").build());
    note("roster get", contacts, measure(|| village.send(session, get)))?;
    let hello = Presence::available();
    note("initial presence, probes, answers", contacts, measure(|| village.send(session, hello)))?;
    let away = Presence::available().with_show(Some(Show::Away)).with_status("I shall return");
    note("presence update", contacts, measure(|| village.send(session, away)))?;

    let contact = village.contacts.last().cloned().ok_or("there are no contacts")?;
    village.meet(&contact)?;
    let message = Message::chat(user.clone()).with_body("O, wilt thou leave me so unsatisfied?");
    note(
        "message from a contact (each)",
        TIMES,
        measure(|| repeat(|| village.says(&contact, message.clone()))),
    )?;
    let presence = Presence::available().with_to(user.clone()).with_show(Some(Show::Dnd));
    note(
        "presence of a contact (each)",
        TIMES,
        measure(|| repeat(|| village.says(&contact, presence.clone()))),
    )?;
    let item = Element::builder(ns::ROSTER, "item")
        .attr("jid", contact.to_bare().as_str())
        .attr("name", "Him")
        .build();
    let set = Iq::set("set", Element::builder(ns::ROSTER, "query").child(item).build());
    note("roster set (each)", TIMES, measure(|| repeat(|| village.send(session, set.clone()))))?;

    note(
        "unavailable presence",
        contacts,
        measure(|| {
            village.send(session, Presence::new(PresenceType::Unavailable))?;
            village.detach(session)
        }),
    )?;
    Ok(figures)
}

/// Does something that costs the same however many contacts there are.
fn repeat(mut work: impl FnMut() -> Outcome) -> Outcome {
    (0..TIMES).try_for_each(|_| work())
}

/// The user sets a list and makes it the default one.
fn set_list(village: &mut Village, session: xmpp_im::host::SessionId) -> Outcome {
    let item = |order: usize, type_: &str, value: &str, action: &str| {
        Element::builder(ns::PRIVACY, "item")
            .attr("type", type_)
            .attr("value", value)
            .attr("action", action)
            .attr("order", &order.to_string())
            .build()
    };
    let addresses = (0..10).map(|number| item(number, "jid", &format!("tybalt{number}@example.org"), "deny"));
    let others = [item(10, "group", "Lovers", "allow"), item(11, "subscription", "none", "deny")];
    let list =
        Element::builder(ns::PRIVACY, "list").attr("name", "feud").children(addresses.chain(others)).build();
    let default = Element::builder(ns::PRIVACY, "default").attr("name", "feud").build();
    for (id, child) in [("list", list), ("default", default)] {
        village.send(session, Iq::set(id, Element::builder(ns::PRIVACY, "query").child(child).build()))?;
    }
    Ok(())
}
