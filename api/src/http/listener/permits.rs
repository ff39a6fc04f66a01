//! How many connections are open, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use service::network_of;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many connections are many.
const MANY: usize = 256;

/// The open connections of a listener.
#[derive(Clone)]
pub(super) struct ConnectionPermits {
    free: Arc<Semaphore>,
    total: usize,
    per_address: usize,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// The right of one connection to be open, given back when this is dropped.
pub(super) struct ConnectionPermit {
    _permit: OwnedSemaphorePermit,
    address: Option<IpAddr>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl ConnectionPermits {
    /// So many permits in all, and for each address.
    pub(super) fn new(total: usize, per_address: usize) -> ConnectionPermits {
        let total = total.clamp(1, Semaphore::MAX_PERMITS);
        ConnectionPermits { free: Arc::new(Semaphore::new(total)), total, per_address, by_address: Arc::default() }
    }

    /// A free permit, if there is one.
    pub(super) fn try_any(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().try_acquire_owned().ok()
    }

    /// Waits for a free permit. `None` never comes, since the semaphore is not closed.
    pub(super) async fn any(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().acquire_owned().await.ok()
    }

    /// Whether many permits are taken, so that each connection is to take as little as it can.
    pub(super) fn are_many(&self) -> bool {
        self.free.available_permits() + MANY < self.total
    }

    /// Whether most permits are taken.
    pub(super) fn is_crowded(&self) -> bool {
        self.free.available_permits() < self.total / 8
    }

    /// Gives the permit to a connection from this address; `None` if the address has too many. Without an address the
    /// connection counts in all only: it comes from a proxy that is trusted.
    pub(super) fn take(&self, permit: OwnedSemaphorePermit, address: Option<IpAddr>) -> Option<ConnectionPermit> {
        let address = address.map(network_of);
        if let Some(address) = address {
            let mut by_address = lock(&self.by_address);
            let open = by_address.entry(address).or_default();
            if *open >= self.per_address {
                return None;
            }
            *open += 1;
        }
        Some(ConnectionPermit { _permit: permit, address, by_address: self.by_address.clone() })
    }
}

impl ConnectionPermit {
    /// The address that it counts for; none if that of a trusted proxy.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut by_address = lock(&self.by_address);
        if let Some(open) = by_address.get_mut(&address) {
            *open -= 1;
            if *open == 0 {
                by_address.remove(&address);
            }
        }
    }
}

fn lock(by_address: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    by_address.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_bounded_in_all_and_per_address_and_given_back() {
        let permits = ConnectionPermits::new(3, 2);
        let take = |address: &str| permits.take(permits.try_any()?, Some(address.parse().unwrap()));
        let (one, two) = (take("2001:db8::1"), take("2001:db8::2"));
        assert!(one.is_some() && two.is_some());
        assert!(take("2001:db8::3").is_none(), "one /64 is one address");
        let other = take("::ffff:192.0.2.1");
        assert!(other.is_some() && take("192.0.2.2").is_none(), "there are three permits in all");
        drop((one, two, other));
        assert!(take("2001:db8::3").is_some());
        assert_eq!(lock(&permits.by_address).len(), 0, "addresses without connections are not kept");
    }
}
