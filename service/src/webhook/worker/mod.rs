//! The worker: leases due deliveries, attempts them, and stores the results. Each turn is one transaction, which stores the
//! results so far and leases as many deliveries as there are permits for; meanwhile the next results gather. No
//! transaction is open during an HTTP request, and a crash loses nothing: leases expire.

mod concurrency;
mod queue;
pub(super) mod schedule;
mod sweep;
mod unopened;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use entity::value::{DeliveryStatus, Id, WebhookDeliveryId, WebhookEndpointId};
use futures_util::FutureExt;
use opentelemetry::KeyValue;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use self::concurrency::Limiter;
use self::queue::{Attempt, DeliveryOutcome, Job, LEASE, Leased};
use self::unopened::Unopened;
use super::egress::{AttemptResult, SignedRequest};
use super::{ATTEMPT_TIMEOUT, Dispatcher, endpoint};
use crate::contract::error::{Error, Feature};
use crate::core::observed::TraceParent;
use crate::core::trace::Span;

/// How often the worker looks for due deliveries without being woken.
const POLL: Duration = Duration::from_secs(1);
/// The pause after an error of the database.
const RECOVER: Duration = Duration::from_millis(500);
/// How long the worker waits for running attempts when it stops: an attempt takes at most `ATTEMPT_TIMEOUT`, and its result is
/// read at once. An attempt begins only if at least this much of its lease is left.
const LAST_ATTEMPTS: Duration = ATTEMPT_TIMEOUT.saturating_add(Duration::from_secs(1));

/// An attempt that ended: its delivery, its endpoint, its result and whether the receiver accepted, and how long it took.
/// Without a result no attempt could be made; the delivery stays leased until the lease expires.
type Ended = (Leased, WebhookEndpointId, Option<(DeliveryOutcome, bool)>, Duration);

struct Worker {
    app: Dispatcher,
    limiter: Limiter,
    sends: JoinSet<Ended>,
    /// Leased deliveries whose results are not stored yet.
    held: HashMap<WebhookDeliveryId, Leased>,
    finished: Vec<(DeliveryOutcome, Instant)>,
    /// Closed endpoints with the reason, whose due deliveries are to be skipped.
    closed: Vec<(WebhookEndpointId, &'static str)>,
    /// Endpoints whose secrets cannot be opened here, and leases on their deliveries that are to be returned.
    unopened: Unopened,
    returned: Vec<Leased>,
    /// When the next endpoint may be sent to that is due and has used up its rate.
    throttled_until: Option<Instant>,
    /// Whether attempts ended after the last turn had divided the permits: what they free is not given out yet.
    has_freed_permits: bool,
    sent: usize,
}

impl Dispatcher {
    /// Delivers until `stop` is set; then waits for the running attempts, and returns the other leases.
    pub(crate) async fn run_worker(&self, mut stop: watch::Receiver<bool>) {
        let mut worker = Worker::new(self);
        let mut stopping = self.webhooks().stopping.subscribe();
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Err(cause) = worker.turn().await {
                report(&cause);
                worker.forget_lost_leases();
                tokio::time::sleep(RECOVER).await;
            }
            if worker.must_turn_again() {
                if *stop.borrow() || *stopping.borrow() {
                    break;
                }
                continue;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(ended) = worker.sends.join_next() => worker.note(ended),
                () = self.due().notified() => {}
                () = until(worker.throttled_until) => {}
                _ = poll.tick() => {}
            }
        }
        worker.end().await;
    }

    /// Stops the worker: running attempts are finished, other leases returned.
    pub(crate) fn stop_delivering(&self) {
        self.webhooks().stopping.send_replace(true);
    }

    /// Delivers everything that is due now, and returns the number of attempts. The runner does this by itself; tests that
    /// move the clock call it.
    ///
    /// # Errors
    /// `Internal` if the database does not answer.
    pub(crate) async fn deliver_due(&self) -> Result<usize, Error> {
        let mut worker = Worker::new(self);
        loop {
            worker.turn().await?;
            if worker.must_turn_again() {
                continue;
            }
            match worker.sends.join_next().await {
                Some(ended) => worker.note(ended),
                None if worker.throttled_until.is_some() => until(worker.throttled_until).await,
                None => return Ok(worker.sent),
            }
        }
    }
}

impl Worker {
    fn new(app: &Dispatcher) -> Worker {
        Worker {
            app: app.clone(),
            limiter: Limiter::new(app.webhooks().rate),
            sends: JoinSet::new(),
            held: HashMap::new(),
            finished: Vec::new(),
            closed: Vec::new(),
            unopened: Unopened::default(),
            returned: Vec::new(),
            throttled_until: None,
            has_freed_permits: false,
            sent: 0,
        }
    }

    /// Whether the next turn has work already.
    fn must_turn_again(&self) -> bool {
        !self.finished.is_empty() || !self.closed.is_empty() || self.has_freed_permits
    }

    /// Stores results, leases due deliveries, and begins their attempts.
    async fn turn(&mut self) -> Result<(), Error> {
        self.note_ended();
        self.has_freed_permits = false;
        let now = self.app.now();
        let instant = Instant::now();
        let has_permits = !self.limiter.permits(instant).is_empty();
        let due = if has_permits { queue::due(&self.app, now).await? } else { vec![] };
        let due = self.unopened.leave_out(due, instant);
        self.throttled_until = self.limiter.throttled_until(&due, instant);
        let wanted = self.limiter.permits(instant).allocate(&due);
        if self.finished.is_empty() && wanted.is_empty() && self.closed.is_empty() {
            return Ok(());
        }
        let lease = self.app.new_id();
        let tx = self.app.database().begin().await?;
        // The database may have taken long: results that came meanwhile are stored before more is leased.
        self.has_freed_permits = self.note_ended();
        let finished: Vec<DeliveryOutcome> = self.finished.iter().map(|(outcome, _)| outcome.clone()).collect();
        queue::finish(&tx, &finished, now).await?;
        let mut skipped = 0;
        for (endpoint, reason) in &self.closed {
            skipped += queue::skip(&tx, *endpoint, reason, now).await?;
        }
        // The lease counts from this instant, however long the database took until here.
        let taken_at = self.app.now();
        let jobs = if wanted.is_empty() { vec![] } else { queue::claim(&tx, &wanted, taken_at, lease).await? };
        tx.commit().await?;
        self.app.webhooks().metrics.skipped(skipped);
        self.closed.clear();
        self.stored();
        let left = taken_at.millis() + LEASE - self.app.now().millis();
        if !jobs.is_empty() && left < LAST_ATTEMPTS.as_millis() as i64 {
            // An attempt that still runs goes on under its new lease; only its result is waited for.
            for job in &jobs {
                if let Some(held) = self.held.get_mut(&job.id) {
                    held.lease = lease;
                }
            }
            tracing::warn!(
                deliveries = jobs.len(),
                left,
                "the database was slow: these deliveries wait for their lease to expire"
            );
            return Ok(());
        }
        for job in jobs {
            self.begin(job, lease);
        }
        self.return_leases().await
    }

    /// Returns the leases on deliveries that cannot be signed here, at once: another process can.
    async fn return_leases(&mut self) -> Result<(), Error> {
        let returned = std::mem::take(&mut self.returned);
        if returned.is_empty() {
            return Ok(());
        }
        let tx = self.app.database().begin().await?;
        queue::hand_back(&tx, &returned).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets the results, which are stored now, and notes endpoints that turned out to be closed.
    fn stored(&mut self) {
        for (outcome, _) in std::mem::take(&mut self.finished) {
            self.held.remove(&outcome.held.id);
            if let Some(reason) = outcome.reason {
                self.app.webhooks().metrics.skipped(1);
                if !self.closed.contains(&(outcome.endpoint, reason)) {
                    self.closed.push((outcome.endpoint, reason));
                }
            }
        }
    }

    /// Notes the attempts that have ended so far, and returns whether there were any.
    fn note_ended(&mut self) -> bool {
        let mut any = false;
        while let Some(ended) = self.sends.try_join_next() {
            self.note(ended);
            any = true;
        }
        any
    }

    /// Begins the attempt of a leased delivery, unless its endpoint is closed.
    fn begin(&mut self, job: Job, lease: Id) {
        if let Some(held) = self.held.get_mut(&job.id) {
            // Its attempt still runs although the lease expired: it goes on under the new lease.
            held.lease = lease;
            return;
        }
        let held = Leased { organization: job.organization_id, id: job.id, lease };
        let reason = match &job {
            job if job.deleted_at.is_some() => Some("deleted"),
            job if !job.enabled => Some("disabled"),
            job if !Feature::OutboundWebhooks.is_in(job.plan) => Some("plan"),
            _ => None,
        };
        let lacking = || job.sealed(self.app.now()).find_map(|sealed| self.app.vault().lacks_key_of(sealed));
        if reason.is_none()
            && let Some(key) = lacking()
        {
            self.unopened.pass_over(job.endpoint_id, key, Instant::now());
            self.returned.push(held);
            return;
        }
        self.held.insert(job.id, held);
        if reason.is_some() {
            let (endpoint, attempts) = (job.endpoint_id, job.attempt_count);
            let (status, next, attempt) = (DeliveryStatus::Skipped, None, None);
            let outcome = DeliveryOutcome { held, endpoint, status, reason, attempts, next, attempt, gone: None };
            self.finished.push((outcome, Instant::now()));
            return;
        }
        self.sent += 1;
        self.limiter.begin(job.endpoint_id, Instant::now());
        let app = self.app.clone();
        self.sends.spawn(async move {
            let (endpoint, begun) = (job.endpoint_id, Instant::now());
            // The permit is returned even if the attempt panics.
            let outcome = match AssertUnwindSafe(attempt(&app, job, held)).catch_unwind().await {
                Ok(Ok(outcome)) => Some(outcome),
                Ok(Err(cause)) => {
                    report(&cause);
                    None
                }
                Err(_) => {
                    tracing::error!(delivery = %held.id, "an attempt to deliver panicked");
                    None
                }
            };
            (held, endpoint, outcome, begun.elapsed())
        });
    }

    /// Notes the result of an attempt.
    fn note(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok((held, endpoint, Some((mut outcome, succeeded)), took)) => {
                self.limiter.end(endpoint, succeeded, took);
                outcome.held = self.held.get(&held.id).copied().unwrap_or(held);
                self.finished.push((outcome, Instant::now()));
            }
            // The lease is left to expire, so that the delivery is not taken again at once.
            Ok((held, endpoint, None, took)) => {
                self.limiter.end(endpoint, false, took);
                self.held.remove(&held.id);
            }
            Err(cause) => tracing::error!(%cause, "an attempt to deliver was aborted"),
        }
    }

    /// Drops results that could not be stored before their lease expired: another worker may have the delivery.
    fn forget_lost_leases(&mut self) {
        let lease = Duration::from_millis(LEASE.unsigned_abs());
        let Worker { finished, held, .. } = self;
        finished.retain(|(outcome, at)| {
            let ours = at.elapsed() < lease;
            if !ours {
                held.remove(&outcome.held.id);
            }
            ours
        });
    }

    /// Waits for the running attempts, stores their results, and returns the other leases.
    async fn end(mut self) {
        let deadline = Instant::now() + LAST_ATTEMPTS;
        while let Ok(Some(ended)) = timeout_at(deadline, self.sends.join_next()).await {
            self.note(ended);
        }
        self.sends.abort_all();
        let finished: Vec<DeliveryOutcome> = self.finished.iter().map(|(outcome, _)| outcome.clone()).collect();
        finished.iter().for_each(|outcome| {
            self.held.remove(&outcome.held.id);
        });
        let held: Vec<Leased> = self.held.values().copied().collect();
        let stored = async {
            let tx = self.app.database().begin().await?;
            queue::finish(&tx, &finished, self.app.now()).await?;
            queue::hand_back(&tx, &held).await?;
            tx.commit().await
        };
        if let Err(cause) = stored.await {
            report(&cause.into());
        }
    }
}

/// Makes one attempt, and returns its result and whether the receiver accepted.
async fn attempt(app: &Dispatcher, job: Job, held: Leased) -> Result<(DeliveryOutcome, bool), Error> {
    let webhooks = app.webhooks();
    let started_at = app.now();
    let secrets = job.sealed(started_at);
    let secrets = secrets.map(|sealed| endpoint::open(app.vault(), job.organization_id, job.endpoint_id, sealed));
    let secrets = secrets.collect::<Result<_, _>>()?;
    // Below the request that has made the event.
    let caused_by = job.traceparent.as_deref().and_then(TraceParent::parse);
    let span = app.core.tracer.as_ref().map(|tracer| tracer.call("POST webhook", caused_by.as_ref()));
    let request = SignedRequest {
        url: job.url,
        id: job.event_id.to_string(),
        body: job.body,
        secrets,
        traceparent: span
            .as_ref()
            .and_then(Span::traceparent)
            .map(|parent| parent.as_str().to_owned())
            .or(job.traceparent),
    };
    let clock = Instant::now();
    let answer = webhooks.sender.send(&request, started_at).await;
    let took = clock.elapsed();
    if let Some(span) = span {
        let code = answer.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status)));
        let host = KeyValue::new("server.address", host(&request.url));
        let method = KeyValue::new("http.request.method", "POST");
        span.end(None, [Some(method), Some(host), code].into_iter().flatten().collect(), !answer.succeeded());
    }

    let (attempts, succeeded, gone) = (job.attempt_count + 1, answer.succeeded(), answer.status == Some(410));
    let wait = if succeeded || gone {
        None
    } else {
        webhooks.wait(usize::try_from(attempts).unwrap_or(schedule::ATTEMPTS), answer.retry_after)
    };
    let gone = gone.then(|| request.url.clone());
    let status = match wait {
        _ if succeeded => DeliveryStatus::Succeeded,
        Some(_) => DeliveryStatus::Pending,
        None => DeliveryStatus::Failed,
    };
    webhooks.metrics.attempted(status, took);
    let AttemptResult { status: code, error, excerpt, .. } = answer;
    let (host, endpoint, ms) =
        (host(&request.url), job.endpoint_id, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    if succeeded {
        tracing::debug!(host, %endpoint, delivery = %held.id, attempts, code, ms, "a webhook was delivered");
    } else {
        let retry_s = wait.map(|millis| millis / 1000);
        tracing::info!(host, %endpoint, delivery = %held.id, attempts, code, error, ms, retry_s, "a webhook was not delivered");
    }
    let next = wait.map(|millis| app.now().plus_millis(millis));
    let ms = i32::try_from(took.as_millis()).unwrap_or(i32::MAX);
    let attempt = Some(Attempt { started_at, ms, code, error, excerpt });
    Ok((
        DeliveryOutcome { held, endpoint: job.endpoint_id, status, reason: None, attempts, next, attempt, gone },
        succeeded,
    ))
}

/// Completes at an instant; never without one.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The host of a URL: nothing else of it may be logged.
fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn report(cause: &Error) {
    if let Error::Internal(cause) = cause {
        tracing::warn!(job = "deliveries", %cause, "a background job failed and will be tried again");
    }
}
