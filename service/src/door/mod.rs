//! The door: to get at the database, name the action first. There is no begin, commit, check or key that an operation could
//! leave out; events are emitted by the nouns (`outbox`).

pub(crate) mod admission;
mod confirm;
mod list;
pub(crate) mod operator;
mod parts;
mod pipeline;
mod read;
pub(crate) mod visitor;
pub(crate) mod write;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use entity::value::{FieldErrors, OrganizationId, TimeEntryId, Timestamp, UserId};
use futures_util::future::BoxFuture;
use moka::sync::Cache;
use tokio::time::Instant;

use self::admission::Standing;
pub(crate) use self::read::Read;
use crate::access::action::Action;
use crate::access::auth::{Callers, KnownCaller};
use crate::access::policy;
use crate::contract::caller::Caller;
use crate::contract::error::Error;
use crate::core::Core;
use crate::core::database::{Class, Reader};
use crate::door::write::{EventTargets, Write};
use crate::idempotency::{Idempotency, IdempotencyKey};
use crate::limit::{Budget, Limits};

/// What stands at the door for as long as the process lives.
pub(crate) struct Door {
    pub(crate) core: Core,
    pub(crate) limits: Limits,
    pub(crate) callers: Callers,
    idempotency: Idempotency,
    /// Who is sent events, by workspace, as it was at an access epoch.
    pub(crate) event_targets: Cache<OrganizationId, (i64, Arc<EventTargets>)>,
    url_policy: Arc<dyn UrlPolicy>,
    on_commit: OnCommit,
}

/// Hears what a transaction of a workspace has committed.
pub(crate) type OnCommit = Box<dyn Fn(OrganizationId, &[Signal]) + Send + Sync>;

/// What others are to hear of a transaction once it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// There are new events.
    Events,
    /// There are new deliveries.
    Deliveries,
    /// A timer was started, changed or stopped.
    Timer {
        /// Whose it is.
        user_id: UserId,
        /// Its time entry.
        entry_id: TimeEntryId,
    },
}

/// Which URLs webhooks may be sent to; decided above the door.
pub(crate) trait UrlPolicy: Send + Sync {
    /// Checks every rule but those about the addresses of the host, which need DNS.
    fn check(&self, url: &str) -> Result<(), &'static str>;
    /// Checks every rule, with the addresses that the host has now.
    fn check_now<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<(), &'static str>>;
}

/// Workspaces whose webhook endpoints are remembered, at most.
const KNOWN_WORKSPACES: u64 = 5_000;

impl Door {
    pub(crate) fn new(core: Core, limits: Limits, url_policy: Arc<dyn UrlPolicy>, on_commit: OnCommit) -> Door {
        let idempotency = Idempotency::new(core.clone());
        Door {
            core,
            limits,
            callers: Callers::default(),
            idempotency,
            event_targets: Cache::new(KNOWN_WORKSPACES),
            url_policy,
            on_commit,
        }
    }

    /// Runs a body in a transaction inside a workspace, for those who are no callers of it: the operator, and who signs in.
    ///
    /// # Errors
    /// What the body refuses, with which everything is rolled back; or what the database refuses.
    async fn write_in<R>(
        self: &Arc<Self>,
        organization: OrganizationId,
        body: impl AsyncFnOnce(&Write) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let write = Write::new(self.core.database().begin().await?, self.clone(), organization, None, None);
        match body(&write).await {
            Ok(output) => write.commit().await.map(|()| output),
            Err(refused) => {
                write.roll_back().await;
                Err(refused)
            }
        }
    }

    /// How many requests with an idempotency key work or wait in this process.
    pub(crate) fn requests_with_keys(&self) -> usize {
        self.idempotency.requests()
    }
}

/// What a request brings along besides its input.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// The id that leads from an answer to the log.
    pub request_id: String,
    /// The idempotency key, if one was sent.
    pub key: IdempotencyKey,
    /// Whether it is neither charged nor bounded in time: what the operator makes for a demo.
    pub unlimited: bool,
    /// SHA-256 of what makes a request the same request: method, path and body by value.
    pub fingerprint: [u8; 32],
    /// SHA-256 of the arguments of an MCP call as they were sent, before the names in them were resolved to ids. A retry is
    /// recognized by them, even if the names lead elsewhere by then.
    pub call: Option<[u8; 32]>,
    /// Parameters that were sent where none are taken.
    pub not_taken: FieldErrors,
    /// Whether a write is only tried: everything is checked and done, then rolled back. Such a request has no key.
    pub dry_run: bool,
}

/// A caller at the door, for one request. Cheap to clone.
#[derive(Clone)]
pub struct Cx(Arc<Inner>);

struct Inner {
    door: Arc<Door>,
    /// The caller as they were known when the request came.
    known: Arc<KnownCaller>,
    /// The caller as they are now, if that is another one.
    renewed: OnceLock<Arc<KnownCaller>>,
    /// Whether the access epoch of the caller was read since the request came.
    confirmed: AtomicBool,
    facts: RequestFacts,
    /// What the token has left, as far as this request knows.
    budget: Mutex<Budget>,
    /// Points that this request has taken so far: what it takes anew if it comes again.
    paid: AtomicU32,
    /// Whether the whole request is paid for.
    settled: AtomicBool,
    /// Whether its answer was given before, under the same key.
    replayed: AtomicBool,
    /// When the operation must have its answer.
    until: Instant,
    /// Whether it goes on for longer than an operation, as a subscription does.
    lasting: AtomicBool,
    /// Sums of reports that this request holds in memory.
    sums: AtomicU64,
}

impl Cx {
    fn new(door: Arc<Door>, standing: Standing, facts: RequestFacts, budget: Budget) -> Cx {
        let Standing { known, confirmed, until } = standing;
        let (renewed, confirmed) = (OnceLock::new(), AtomicBool::new(confirmed));
        let (budget, settled) = (Mutex::new(budget), AtomicBool::new(facts.unlimited));
        let (paid, replayed) = (AtomicU32::new(1), AtomicBool::new(false));
        // What the operator makes for a demo is no operation of a caller who waits.
        let (lasting, sums) = (AtomicBool::new(facts.unlimited), AtomicU64::new(0));
        Cx(Arc::new(Inner {
            door,
            known,
            renewed,
            confirmed,
            facts,
            budget,
            paid,
            settled,
            replayed,
            until,
            lasting,
            sums,
        }))
    }

    /// This instant.
    pub fn now(&self) -> Timestamp {
        self.0.door.core.now()
    }

    /// Seals a text that a client is to bring back, bound to its purpose.
    ///
    /// # Errors
    /// `Internal` where the server has no secret key.
    pub fn seal_state(&self, purpose: &str, text: &str) -> Result<String, Error> {
        self.0.door.core.vault().seal_text(purpose, text)
    }

    /// The text of a state that was sealed for this purpose; none for anything else.
    pub fn open_state(&self, purpose: &str, sealed: &str) -> Option<String> {
        self.0.door.core.vault().open_sealed(purpose, sealed).ok()
    }

    /// Who acts.
    pub fn caller(&self) -> &Caller {
        &self.known().caller
    }

    fn known(&self) -> &KnownCaller {
        self.0.renewed.get().unwrap_or(&self.0.known)
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0.door.core
    }

    /// Which URLs webhooks may be sent to.
    pub(crate) fn url_policy(&self) -> &dyn UrlPolicy {
        &*self.0.door.url_policy
    }

    /// When the operation must have its answer; none if it lasts, and then each statement has the time of an operation.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (!self.0.lasting.load(Ordering::Relaxed)).then_some(self.0.until)
    }

    /// It goes on for longer than an operation may take.
    pub(crate) fn set_lasting(&self) {
        self.0.lasting.store(true, Ordering::Relaxed);
    }

    /// The way to the database for reads: heavy ones run few at once for each workspace.
    fn reader(&self, heavy: bool) -> Reader {
        let workspace = self.caller().organization_id;
        let class = if heavy { Class::Heavy(workspace) } else { Class::Small(workspace) };
        self.0.door.core.database().reader_for(class, self.deadline())
    }

    /// The id of this request.
    pub fn request_id(&self) -> &str {
        &self.0.facts.request_id
    }

    /// What the token has left after all that this request has spent so far: for the headers of its answer.
    pub fn budget(&self) -> Budget {
        *self.0.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pays for the whole request at once, `points` of the sustained budget, of which the door has taken one. What the
    /// request then does costs no more: a GraphQL document is charged by its cost, before any of it is executed, and the
    /// operations in it not once more. Gives what is left.
    ///
    /// # Errors
    /// `RateLimited`; nothing but the door's point was taken.
    #[crate::boxed]
    pub async fn prepay(&self, points: u32) -> Result<Budget, Error> {
        self.charge_points(points).await?;
        self.0.settled.store(true, Ordering::Relaxed);
        Ok(self.budget())
    }

    /// Whether what was asked was done before, under the same key, and this answer repeats that one.
    pub fn is_replay(&self) -> bool {
        self.0.replayed.load(Ordering::Relaxed)
    }

    /// Notes that the request holds so many sums of reports more in memory. Returns how many it holds; what lasts, such as a
    /// subscription, lets go of them between its events.
    pub(crate) fn hold_sums(&self, sums: u64) -> u64 {
        match self.0.lasting.load(Ordering::Relaxed) {
            true => sums,
            false => self.0.sums.fetch_add(sums, Ordering::Relaxed) + sums,
        }
    }

    /// Takes what is above the one point of the door, unless the request is paid for.
    ///
    /// # Errors
    /// `RateLimited`; nothing but the door's point was taken.
    pub async fn charge_points(&self, points: u32) -> Result<(), Error> {
        match self.0.settled.load(Ordering::Relaxed) {
            true => Ok(()),
            false => self.charge_extra(points.saturating_sub(1)).await,
        }
    }

    /// Charges points that the prepaid cost of a request does not include: those of a replay by count.
    ///
    /// # Errors
    /// `RateLimited`; nothing was charged.
    pub(crate) async fn charge_extra(&self, more: u32) -> Result<(), Error> {
        let paid = &self.0.paid;
        self.charge_beside(more, paid.load(Ordering::Relaxed)).await?;
        paid.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// Charges what one event of a subscription costs, beside what the subscription was charged when it began.
    ///
    /// # Errors
    /// `RateLimited`; nothing was charged.
    pub async fn charge_event(&self, points: u32) -> Result<(), Error> {
        // A client that is refused and subscribes again is charged the same points.
        self.charge_beside(points, points).await
    }

    /// Charges `more` points to a request that was charged `before` points already.
    async fn charge_beside(&self, more: u32, before: u32) -> Result<(), Error> {
        let Inner { door, facts, budget, .. } = &*self.0;
        if more == 0 || facts.unlimited {
            return Ok(());
        }
        let (charged, left) = door.limits.charge_points(self.caller(), more, before).await;
        *budget.lock().unwrap_or_else(PoisonError::into_inner) = left;
        charged
    }

    /// Whether the caller may do this at all; also asked by relations, which are null where it is false.
    pub fn may(&self, action: Action) -> bool {
        policy::ensure_allowed(self.caller(), action).is_ok()
    }

    fn allow(&self, action: Action) -> Result<(), Error> {
        policy::ensure_allowed(self.caller(), action)
    }

    /// Check, and look.
    pub(crate) fn read(&self, action: Action) -> Result<Read<'_>, Error> {
        self.allow(action)?;
        match &self.0.facts.not_taken {
            unknown if unknown.is_empty() => Ok(Read { cx: self, action, reader: self.reader(action.is_heavy()) }),
            unknown => Err(Error::Invalid(unknown.clone())),
        }
    }
}
