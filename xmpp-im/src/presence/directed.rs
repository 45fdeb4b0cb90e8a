//! Who got directed presence of a resource (RFC 3921 section 5.1.4, RFC 6121 section 4.6).

use alloc::collections::BTreeSet;

use xmpp_core::jid::{BareJid, Jid};

/// Those whom a resource has told that it is available, beside its subscribers: they hear when it no longer is, and may ask
/// until then.
///
/// ```
/// use xmpp_core::jid::Jid;
/// use xmpp_im::presence::Directed;
///
/// let nurse = Jid::new("nurse@example.com")?;
/// let mut directed = Directed::new();
/// assert!(directed.add(&nurse, 256));
/// assert!(directed.has_told(&Jid::new("nurse@example.com/kitchen")?));
/// assert_eq!(directed.take().collect::<Vec<_>>(), [nurse]);
/// # Ok::<(), xmpp_core::jid::JidError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directed {
    told: BTreeSet<Jid>,
}

impl Directed {
    /// Nobody.
    #[must_use]
    pub const fn new() -> Self {
        Directed { told: BTreeSet::new() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.told.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// The resource tells that address that it is available. Whether there is room: there may be `limit` of them.
    pub fn add(&mut self, to: &Jid, limit: usize) -> bool {
        if self.told.contains(to) {
            return true;
        }
        let has_room = self.told.len() < limit;
        if has_room {
            self.told.insert(to.clone());
        }
        has_room
    }

    /// The resource has told that address that it is not available, or that address has said so of itself (RFC 6121 section 4.6.1).
    /// Whether it was there.
    pub fn remove(&mut self, address: &Jid) -> bool {
        self.told.remove(address)
    }

    /// Takes out the bare JID and the resources of an account: its subscription has ended, which has precedence (RFC 6121 section 4.6.1).
    pub fn remove_account(&mut self, account: &BareJid) -> impl Iterator<Item = Jid> + use<> {
        let told = core::mem::take(&mut self.told).into_iter();
        let (theirs, others): (BTreeSet<_>, _) = told.partition(|told| told.to_bare() == *account);
        self.told = others;
        theirs.into_iter()
    }

    /// Whether that address was told: it itself, or its bare JID for all of its resources.
    #[must_use]
    pub fn has_told(&self, address: &Jid) -> bool {
        self.told.contains(address) || address.is_full() && self.told.contains(address.to_bare().as_jid())
    }

    /// All of them, in the order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Jid> + Clone {
        self.told.iter()
    }

    /// Takes out all of them, in the order of their addresses.
    pub fn take(&mut self) -> impl Iterator<Item = Jid> + use<> {
        core::mem::take(&mut self.told).into_iter()
    }
}
