//! Who may connect: so many in all, so many from one address that have not logged in yet, and so many guests, who logged in as
//! nobody in particular.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The door.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    strangers: Arc<Mutex<HashMap<IpAddr, usize>>>,
    guests: Arc<Semaphore>,
    all: usize,
    per_address: usize,
}

/// The right to be connected; given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    stranger: Option<Stranger>,
    guests: Arc<Semaphore>,
    guest: Option<OwnedSemaphorePermit>,
}

/// One connection of an address that has not logged in.
#[derive(Debug)]
struct Stranger {
    admission: Admission,
    address: IpAddr,
}

impl Admission {
    /// So many connections, so many from one address before login, and so many guests among them all.
    pub(super) fn new(connections: usize, per_address: usize, guests: usize) -> Self {
        let all = connections.min(Semaphore::MAX_PERMITS);
        let guests = Arc::new(Semaphore::new(guests.min(Semaphore::MAX_PERMITS)));
        Self { places: Arc::new(Semaphore::new(all)), all, strangers: Arc::default(), guests, per_address }
    }

    /// A place for a new connection, if there is one.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let address = group(address);
        let mut strangers = self.strangers();
        let count = strangers.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        let stranger = Some(Stranger { admission: self.clone(), address });
        Some(Place { _place: place, stranger, guests: Arc::clone(&self.guests), guest: None })
    }

    /// How many places are taken.
    pub(super) fn admitted(&self) -> usize {
        self.all.saturating_sub(self.places.available_permits())
    }

    fn strangers(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The client has logged in: it no longer counts against its address.
    pub(super) fn known(&mut self) {
        self.stranger = None;
    }

    /// The client has logged in as nobody in particular: it still counts against its address, and as a guest. Whether there is room for
    /// one more.
    pub(super) fn guest(&mut self) -> bool {
        if self.guest.is_none() {
            self.guest = Arc::clone(&self.guests).try_acquire_owned().ok();
        }
        self.guest.is_some()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.admission.strangers().entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// What counts as one address: with IPv6 everybody has a whole /64.
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let door = Admission::new(2, 9, 0);
        let first = door.admit(address("192.0.2.1")).unwrap();
        let _second = door.admit(address("192.0.2.2")).unwrap();
        assert!(door.admit(address("192.0.2.3")).is_none());
        drop(first);
        assert!(door.admit(address("192.0.2.3")).is_some());
    }

    #[test]
    fn an_address_is_limited_until_its_clients_have_logged_in() {
        let door = Admission::new(9, 2, 0);
        let mut first = door.admit(address("192.0.2.1")).unwrap();
        let second = door.admit(address("::ffff:192.0.2.1")).unwrap();
        assert!(door.admit(address("192.0.2.1")).is_none());
        assert!(door.admit(address("192.0.2.2")).is_some());
        first.known();
        let third = door.admit(address("192.0.2.1")).unwrap();
        assert!(door.admit(address("192.0.2.1")).is_none());
        drop((second, third));
        assert!(door.strangers().is_empty(), "nothing is kept of addresses that are gone");
        assert_eq!(door.places.available_permits(), 8, "a refused one takes no place");
    }

    #[test]
    fn guests_are_limited_and_still_count_against_their_address() {
        let door = Admission::new(9, 2, 1);
        let mut first = door.admit(address("192.0.2.1")).unwrap();
        let mut second = door.admit(address("192.0.2.1")).unwrap();
        assert!(first.guest());
        assert!(first.guest(), "it is one guest, however often it asks");
        assert!(!second.guest());
        assert!(door.admit(address("192.0.2.1")).is_none());
        drop(first);
        assert!(second.guest());
        assert!(!Admission::new(9, 9, 0).admit(address("192.0.2.1")).unwrap().guest());
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_together() {
        let door = Admission::new(9, 1, 0);
        let _first = door.admit(address("2001:db8:1:2::1")).unwrap();
        assert!(door.admit(address("2001:db8:1:2:ffff::1")).is_none());
        assert!(door.admit(address("2001:db8:1:3::1")).is_some());
    }
}
