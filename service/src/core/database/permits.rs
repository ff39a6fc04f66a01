//! Who may have a connection. No workspace has more than half of them, few long reads run at once, some connections are
//! left for short reads, and one for authentication, so that whatever one workspace asks for, the others are answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use entity::value::OrganizationId;
use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Long reads of one workspace that run at once.
const HEAVY_PER_WORKSPACE: usize = 2;
/// Workspaces beyond which those that have no connection are forgotten.
const REMEMBERED: usize = 1000;

/// What a connection is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Finding out who asks, and whether the database answers.
    Authentication,
    /// Reads of a workspace by key or of one page: some connections are left for them.
    Small(OrganizationId),
    /// Transactions, of a workspace or of the operator, and everything else; they may have to wait for locks.
    General(Option<OrganizationId>),
    /// Reports, searches, counts and lists that no index narrows.
    Heavy(OrganizationId),
}

/// The permits of a pool. Each is asked for in the order of the fields: who waits for their own workspace holds nothing that
/// others could have.
pub(super) struct Permits {
    size: usize,
    of_workspaces: Mutex<HashMap<OrganizationId, Own>>,
    /// Those that long reads may have.
    heavy: Arc<Semaphore>,
    /// Those that are not left for short reads.
    general: Arc<Semaphore>,
    /// All but the one that is left for authentication.
    others: Arc<Semaphore>,
    /// Every connection that may be open.
    all: Arc<Semaphore>,
}

/// What one workspace may have.
#[derive(Clone)]
struct Own {
    any: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
}

/// A connection may be had until this is dropped.
pub(super) struct Permit {
    _held: [Option<OwnedSemaphorePermit>; 6],
}

fn semaphore(permits: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits.max(1)))
}

impl Permits {
    /// For so many connections at most.
    pub(super) fn new(size: usize) -> Permits {
        let size = size.max(1);
        let left_for_small = if size > 3 { (size / 8).max(1) } else { 0 };
        let others = if size > 1 { size - 1 } else { 1 };
        Permits {
            size,
            of_workspaces: Mutex::default(),
            heavy: semaphore(size / 2),
            general: semaphore(others - left_for_small),
            others: semaphore(others),
            all: semaphore(size),
        }
    }

    /// What has to be had for a class, in order.
    fn asked(&self, class: Class) -> [Option<Arc<Semaphore>>; 6] {
        let own = match class {
            Class::Small(workspace) | Class::Heavy(workspace) | Class::General(Some(workspace)) => {
                Some(self.own(workspace))
            }
            Class::Authentication | Class::General(None) => None,
        };
        let is_heavy = matches!(class, Class::Heavy(_));
        let is_general = is_heavy || matches!(class, Class::General(_));
        let is_other = class != Class::Authentication;
        [
            own.as_ref().filter(|_| is_heavy).map(|own| own.heavy.clone()),
            own.map(|own| own.any),
            is_heavy.then(|| self.heavy.clone()),
            is_general.then(|| self.general.clone()),
            is_other.then(|| self.others.clone()),
            Some(self.all.clone()),
        ]
    }

    /// A permit, if nobody has to be waited for. Those who wait already are given what becomes free before it can be had
    /// here.
    pub(super) fn now(&self, class: Class) -> Option<Permit> {
        let mut held = [const { None }; 6];
        for (slot, asked) in held.iter_mut().zip(self.asked(class)) {
            if let Some(asked) = asked {
                *slot = Some(asked.try_acquire_owned().ok()?);
            }
        }
        Some(Permit { _held: held })
    }

    /// A permit, once there is one.
    ///
    /// # Errors
    /// The pool was closed.
    pub(super) async fn once_free(&self, class: Class) -> Result<Permit, DbErr> {
        let closed = |_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        let mut held = [const { None }; 6];
        for (slot, asked) in held.iter_mut().zip(self.asked(class)) {
            if let Some(asked) = asked {
                *slot = Some(asked.acquire_owned().await.map_err(closed)?);
            }
        }
        Ok(Permit { _held: held })
    }

    fn own(&self, workspace: OrganizationId) -> Own {
        let mut of_workspaces = self.of_workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        if of_workspaces.len() > REMEMBERED {
            of_workspaces.retain(|_, own| Arc::strong_count(&own.any) > 1);
        }
        let half = self.size / 2;
        let new = || Own { any: semaphore(half), heavy: semaphore(HEAVY_PER_WORKSPACE.min(half)) };
        of_workspaces.entry(workspace).or_insert_with(new).clone()
    }

    /// How many connections there may be.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// How many connections are in use.
    pub(super) fn in_use(&self) -> usize {
        self.size.saturating_sub(self.all.available_permits())
    }

    /// Gives no permit any more.
    pub(super) fn close(&self) {
        self.all.close();
    }
}

/// Counts one who waits, until this is dropped.
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    pub(super) fn of(waiting: &'a AtomicUsize) -> Waiting<'a> {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn workspace(number: u128) -> OrganizationId {
        OrganizationId::new(Uuid::from_u128(number))
    }

    /// As many permits as there are.
    fn all(permits: &Permits, class: Class) -> Vec<Permit> {
        std::iter::from_fn(|| permits.now(class)).collect()
    }

    #[test]
    fn a_workspace_has_at_most_half() {
        for (size, half) in [(16, 8), (4, 2), (3, 1), (2, 1), (1, 1)] {
            let permits = Permits::new(size);
            assert_eq!(all(&permits, Class::Small(workspace(1))).len(), half, "of {size}");
            let held = all(&permits, Class::Small(workspace(1)));
            assert_eq!(held.len(), half, "given back");
            if size > 3 {
                assert!(permits.now(Class::Small(workspace(2))).is_some(), "another of {size}");
            }
        }
    }

    #[test]
    fn authentication_has_one_that_nobody_else_takes() {
        for size in [2, 3, 4, 16] {
            let permits = Permits::new(size);
            let mut held = Vec::new();
            for number in 1..20 {
                held.extend(all(&permits, Class::Small(workspace(number))));
                held.extend(all(&permits, Class::General(None)));
                held.extend(all(&permits, Class::Heavy(workspace(number))));
            }
            assert_eq!(held.len(), size - 1);
            assert!(permits.now(Class::Authentication).is_some(), "of {size}");
        }
    }

    #[test]
    fn long_reads_are_few() {
        let permits = Permits::new(4);
        let held = all(&permits, Class::Heavy(workspace(1)));
        assert_eq!(held.len(), 2);
        assert!(permits.now(Class::Heavy(workspace(2))).is_none(), "half of the connections at most");
        assert!(permits.now(Class::Small(workspace(2))).is_some());
        drop(held);
        assert_eq!(all(&permits, Class::Heavy(workspace(2))).len(), 2);
    }

    #[test]
    fn who_waits_for_their_own_workspace_holds_up_nobody_else() {
        let permits = Permits::new(1);
        let held = permits.now(Class::General(Some(workspace(1)))).expect("the only one");
        let mut crowd: Vec<_> =
            (0..10).map(|_| Box::pin(permits.once_free(Class::General(Some(workspace(1)))))).collect();
        let mut other = Box::pin(permits.once_free(Class::General(Some(workspace(2)))));
        for waiting in &mut crowd {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        assert!(other.as_mut().now_or_never().is_none());
        drop(held);
        // One of the crowd may be before the other workspace, and no more.
        let mut turns = 0;
        while other.as_mut().now_or_never().is_none() {
            let mut turn = None;
            for (index, waiting) in crowd.iter_mut().enumerate() {
                if let Some(permit) = waiting.as_mut().now_or_never() {
                    turn = Some((index, permit));
                    break;
                }
            }
            let (index, permit) = turn.expect("somebody has a turn");
            drop((permit, crowd.remove(index)));
            turns += 1;
        }
        assert!(turns <= 1, "{turns} turns");
    }
}
