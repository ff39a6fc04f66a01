//! How much of documents is executed at once: what an answer takes in memory while it is made grows with the cost of its
//! document, so that few of the largest run at the same time, and one workspace cannot take all of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use service::value::Id;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::cost::MAX_COST;

/// Points of the documents of one workspace that are executed at once: one of the largest.
const OF_WORKSPACE: u32 = MAX_COST;
/// Points of all documents.
const OF_ALL: u32 = 3 * MAX_COST;
/// Documents up to this cost do not wait: they take next to nothing.
const SMALL: u32 = 1;

/// The documents that are executed at the moment.
pub(crate) struct InFlight {
    all: Arc<Semaphore>,
    of_workspaces: Mutex<HashMap<Id, Weak<Semaphore>>>,
}

/// A document is executed until this is dropped.
pub(crate) struct Executed {
    _held: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

fn semaphore(points: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(points).unwrap_or(Semaphore::MAX_PERMITS)))
}

impl Default for InFlight {
    fn default() -> InFlight {
        InFlight { all: semaphore(OF_ALL), of_workspaces: Mutex::default() }
    }
}

impl InFlight {
    /// Waits until a document of so many points may be executed. Who waits for their own workspace holds nothing that others
    /// could have.
    pub(crate) async fn enter(&self, workspace: Id, points: u32) -> Executed {
        let points = points.min(OF_WORKSPACE);
        if points <= SMALL {
            return Executed { _held: None };
        }
        // Neither is ever closed, so that both are had in the end.
        let held = async {
            let own = self.own(workspace).acquire_many_owned(points).await.ok()?;
            Some((own, self.all.clone().acquire_many_owned(points).await.ok()?))
        };
        Executed { _held: held.await }
    }

    fn own(&self, workspace: Id) -> Arc<Semaphore> {
        let mut of_workspaces = self.of_workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = of_workspaces.get(&workspace).and_then(Weak::upgrade) {
            return own;
        }
        of_workspaces.retain(|_, own| own.strong_count() > 0);
        let own = semaphore(OF_WORKSPACE);
        of_workspaces.insert(workspace, Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn workspace(number: u128) -> Id {
        format!("01900000-0000-7000-8000-{number:012}").parse().expect("an id")
    }

    #[test]
    fn the_largest_documents_of_a_workspace_run_one_after_another() {
        let documents = InFlight::default();
        let now = |number, points| documents.enter(workspace(number), points).now_or_never();
        let first = now(1, MAX_COST).expect("nobody else runs");
        assert!(now(1, 2).is_none(), "its own workspace waits");
        assert!(now(1, 1).is_some(), "a small one does not");
        let others = (now(2, MAX_COST), now(3, MAX_COST));
        assert!(others.0.is_some() && others.1.is_some() && now(4, 2).is_none(), "three at once");
        drop(first);
        assert!(now(1, MAX_COST).is_some());
        drop(others);
        assert!((5..1_000).all(|number| now(number, 2).is_some()));
        assert!(documents.of_workspaces.lock().expect("no panic").len() <= 2, "those that run nothing are forgotten");
    }
}
