use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections are let in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections_max: usize,
    /// From one address, before their hello. A clinic may sit behind one address.
    pub unheard_per_address_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { connections_max: 4_096, unheard_per_address_max: 24 }
    }
}

/// Counts connections, so that nobody fills the house before having said who they are.
#[derive(Debug)]
pub(super) struct Door {
    limits: Limits,
    connections: Arc<Semaphore>,
    unheard: DashMap<IpAddr, usize>,
}

/// A connection's place among all: given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    _connection: OwnedSemaphorePermit,
    unheard: Option<Unheard>,
}

#[derive(Debug)]
struct Unheard {
    door: Arc<Door>,
    address: IpAddr,
}

impl Door {
    pub fn new(limits: Limits) -> Arc<Door> {
        let connections = Arc::new(Semaphore::new(limits.connections_max));
        Arc::new(Door { limits, connections, unheard: DashMap::new() })
    }

    /// None: too many are here already.
    pub fn come_in(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let connection = self.connections.clone().try_acquire_owned().ok()?;
        let unheard = match address.map(network) {
            Some(address) => Some(self.count(address)?),
            None => None,
        };
        Some(Place { _connection: connection, unheard })
    }

    fn count(self: &Arc<Self>, address: IpAddr) -> Option<Unheard> {
        let mut count = self.unheard.entry(address).or_insert(0);
        if *count >= self.limits.unheard_per_address_max {
            return None;
        }
        *count += 1;
        Some(Unheard { door: self.clone(), address })
    }
}

impl Place {
    /// The hello was good: no longer among the unheard.
    pub fn heard(&mut self) {
        self.unheard = None;
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        if let Some(mut count) = self.door.unheard.get_mut(&self.address) {
            *count -= 1;
        }
        self.door.unheard.remove_if(&self.address, |_, count| *count == 0);
    }
}

/// One household of IPv6 is a /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limits: Limits, coming: &[&str], expected: &[bool]) {
        let door = Door::new(limits);
        let address = |text: &&str| Some(text.parse().expect("an address"));
        let places: Vec<_> = coming.iter().map(|text| door.come_in(address(text))).collect();
        assert_eq!(places.iter().map(Option::is_some).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_address_has_few_places_before_its_hello_and_the_house_is_finite() {
        let limits = Limits { connections_max: 3, unheard_per_address_max: 1 };
        check(limits, &["10.0.0.1", "10.0.0.1", "10.0.0.2"], &[true, false, true]);
        check(limits, &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"], &[true, true, true, false]);
        check(limits, &["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"], &[true, false, true]);
    }

    #[test]
    fn a_place_is_given_back() {
        let door = Door::new(Limits { connections_max: 9, unheard_per_address_max: 1 });
        let address = Some(IpAddr::from([10, 0, 0, 1]));
        let mut place = door.come_in(address).expect("the first one");
        assert!(door.come_in(address).is_none());
        place.heard();
        drop(door.come_in(address).expect("the first one was heard"));
        assert!(door.come_in(address).is_some());
        assert!(door.unheard.len() <= 1);
    }
}
