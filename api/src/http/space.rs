//! A bounded number of bytes of memory that many take parts of, of which those of one address, or of one IPv6 network of 64
//! bits, can take only a share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use service::network_of;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for.
pub(crate) const UNIT: usize = 1024;

/// The memory that is shared.
pub(crate) struct Spaces {
    all: Arc<Semaphore>,
    per_address: usize,
    by_address: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

/// A part of it, given back when this is dropped.
pub(crate) struct Space {
    _own: Option<OwnedSemaphorePermit>,
    _all: OwnedSemaphorePermit,
}

impl Spaces {
    /// So many bytes in all, and for each address.
    pub(crate) fn new(total: usize, per_address: usize) -> Spaces {
        Spaces { all: Arc::new(Semaphore::new(total / UNIT)), per_address, by_address: Mutex::default() }
    }

    /// So many bytes, if they are free now. Without an address they count in all only.
    pub(crate) fn try_take(&self, bytes: usize, address: Option<IpAddr>) -> Option<Space> {
        let own = match self.of_address(address) {
            Some(own) => Some(own.try_acquire_many_owned(units(bytes)).ok()?),
            None => None,
        };
        Some(Space { _own: own, _all: self.all.clone().try_acquire_many_owned(units(bytes)).ok()? })
    }

    /// Waits for so many bytes. `None` never comes, since the semaphores are not closed.
    pub(crate) async fn take(&self, bytes: usize, address: Option<IpAddr>) -> Option<Space> {
        let own = match self.of_address(address) {
            Some(own) => Some(own.acquire_many_owned(units(bytes)).await.ok()?),
            None => None,
        };
        Some(Space { _own: own, _all: self.all.clone().acquire_many_owned(units(bytes)).await.ok()? })
    }

    /// The share of an address, which is remembered while some of it is taken.
    fn of_address(&self, address: Option<IpAddr>) -> Option<Arc<Semaphore>> {
        let address = network_of(address?);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = by_address.get(&address).and_then(Weak::upgrade) {
            return Some(space);
        }
        by_address.retain(|_, space| space.strong_count() > 0);
        let space = Arc::new(Semaphore::new(self.per_address / UNIT));
        by_address.insert(address, Arc::downgrade(&space));
        Some(space)
    }
}

/// The permits for so many bytes.
pub(crate) fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}
