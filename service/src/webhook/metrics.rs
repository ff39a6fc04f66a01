//! What webhooks count, for Prometheus, with the queue as it is when it is asked.

use std::time::Duration;

use entity::value::DeliveryStatus;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use sea_orm::{ConnectionTrait, Statement};

use super::Dispatcher;
use crate::contract::error::Error;

/// Counters of deliveries, and the registry of all.
pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    attempts: IntCounterVec,
    seconds: Histogram,
    skipped: IntCounter,
    pending: IntGauge,
    due: IntGauge,
    oldest: IntGauge,
}

const LATENCIES: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// All by the partial index of what is pending. The oldest by when it was to be sent, which a lease does not move: what
/// is taken again and again, and never sent, shows.
const QUEUE: &str = "\
    SELECT COUNT(*) AS pending, COALESCE(SUM(CASE WHEN due_at <= $1 THEN 1 ELSE 0 END), 0) AS due, \
    MIN(next_attempt_at) AS oldest FROM webhook_delivery WHERE due_at IS NOT NULL";

pub(crate) fn broken(error: prometheus::Error) -> Error {
    Error::bug(format!("metrics cannot be set up: {error}"))
}

impl Metrics {
    pub(crate) fn new() -> Result<Metrics, Error> {
        let opts = |name: &str, help: &str| Opts::new(format!("hoursmith_webhook_{name}"), help);
        let attempts = opts("attempts_total", "Attempts to deliver, by what came of them.");
        let seconds = HistogramOpts::new("hoursmith_webhook_attempt_seconds", "How long attempts to deliver took.");
        let skipped = opts("deliveries_skipped_total", "Deliveries that were not sent, by plan, switch or deletion.");
        let pending = opts("deliveries_pending", "Deliveries that are to be sent, now or later.");
        let due = opts("deliveries_due", "Deliveries that wait for a worker now.");
        let oldest = opts(
            "oldest_due_seconds",
            "How long the oldest delivery that is to be sent now, or is being sent, has waited.",
        );
        let metrics = (|| {
            Ok(Metrics {
                registry: Registry::new(),
                attempts: IntCounterVec::new(attempts, &["outcome"])?,
                seconds: Histogram::with_opts(seconds.buckets(LATENCIES.to_vec()))?,
                skipped: IntCounter::with_opts(skipped)?,
                pending: IntGauge::with_opts(pending)?,
                due: IntGauge::with_opts(due)?,
                oldest: IntGauge::with_opts(oldest)?,
            })
        })()
        .map_err(broken)?;
        let Metrics { registry, attempts, seconds, skipped, pending, due, oldest } = &metrics;
        for outcome in ["succeeded", "retried", "failed"] {
            attempts.with_label_values(&[outcome]);
        }
        registry.register(Box::new(attempts.clone())).map_err(broken)?;
        registry.register(Box::new(seconds.clone())).map_err(broken)?;
        registry.register(Box::new(skipped.clone())).map_err(broken)?;
        for gauge in [pending, due, oldest] {
            registry.register(Box::new(gauge.clone())).map_err(broken)?;
        }
        Ok(metrics)
    }

    pub(crate) fn attempted(&self, status: DeliveryStatus, took: Duration) {
        let outcome = match status {
            DeliveryStatus::Succeeded => "succeeded",
            DeliveryStatus::Pending => "retried",
            DeliveryStatus::Failed | DeliveryStatus::Skipped => "failed",
        };
        self.attempts.with_label_values(&[outcome]).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn skipped(&self, deliveries: u64) {
        self.skipped.inc_by(deliveries);
    }
}

impl Dispatcher {
    /// Counts what is queued now.
    ///
    /// # Errors
    /// `Internal` if the database does not answer.
    pub(crate) async fn count_queue(&self) -> Result<(), Error> {
        let (reader, now) = (self.database().reader(), self.now());
        let statement = Statement::from_sql_and_values(reader.get_database_backend(), QUEUE, [now.into()]);
        if let Some(row) = reader.query_one_raw(statement).await? {
            let oldest: Option<i64> = row.try_get("", "oldest")?;
            let waited = oldest.map_or(0, |oldest| (now.millis() - oldest).max(0) / 1000);
            let metrics = &self.webhooks().metrics;
            metrics.pending.set(row.try_get("", "pending")?);
            metrics.due.set(row.try_get("", "due")?);
            metrics.oldest.set(waited);
        }
        Ok(())
    }
}
