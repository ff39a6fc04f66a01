//! What the process counts, for Prometheus. The server adds what it knows of HTTP to the same registry.

use futures_util::FutureExt;
use prometheus::proto::{Counter, MetricFamily};
use prometheus::{Encoder, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
use tokio::runtime::Handle;

use crate::app::App;
use crate::contract::error::{Error, report};
use crate::core::database::Database;
use crate::otlp::Otlp;
use crate::webhook::metrics::broken;

/// What is read when it is asked for.
pub(crate) struct Gauges {
    in_use: IntGauge,
    idle: IntGauge,
    most: IntGauge,
    waiting: IntGauge,
    away: IntGauge,
    full: IntGauge,
    subscriptions: IntGauge,
    tasks: IntGauge,
}

impl Gauges {
    pub(crate) fn new(registry: &Registry) -> Result<Gauges, Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("hoursmith_{name}"), help).map_err(broken)?;
            registry.register(Box::new(gauge.clone())).map_err(broken)?;
            Ok::<_, Error>(gauge)
        };
        let build = Opts::new("hoursmith_build_info", "Always 1; the label is the release that runs.");
        let build = IntGaugeVec::new(build, &["version"]).map_err(broken)?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build)).map_err(broken)?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self())).map_err(broken)?;
        Ok(Gauges {
            in_use: gauge(
                "database_connections_in_use",
                "Connections to the database that are in use; on SQLite, writers.",
            )?,
            idle: gauge("database_connections_idle", "Connections to the database that are idle; on SQLite, writers.")?,
            most: gauge("database_connections_max", "Connections to the database that may be open.")?,
            waiting: gauge("database_requests_waiting", "Requests that wait for a connection to the database.")?,
            away: gauge("database_away", "1 while the database cannot be reached.")?,
            full: gauge("database_disk_full", "1 while the last write has found the database's disk full.")?,
            subscriptions: gauge("subscriptions", "Connections that events and timers are sent to.")?,
            tasks: gauge("tasks", "Tasks of the runtime: connections, attempts, jobs.")?,
        })
    }

    fn set(&self, database: &Database, subscriptions: usize) {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let (in_use, idle) = database.usage();
        let (waiting, most) = database.waiting_and_size();
        self.in_use.set(number(in_use));
        self.idle.set(number(idle));
        self.most.set(number(most));
        self.waiting.set(number(waiting));
        self.away.set(database.is_away().into());
        self.full.set(database.is_full().into());
        self.subscriptions.set(number(subscriptions));
        let tasks = Handle::try_current().map(|runtime| runtime.metrics().num_alive_tasks());
        self.tasks.set(number(tasks.unwrap_or_default()));
    }
}

impl App {
    /// Where the server registers what it counts itself.
    pub fn registry(&self) -> &Registry {
        &self.dispatcher().webhooks().metrics.registry
    }

    /// Everything that is counted, in the text form of Prometheus, with the queue as it is now.
    ///
    /// # Errors
    /// `Internal` if the database does not answer.
    pub async fn metrics(&self) -> Result<String, Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.counted().await?, &mut text).map_err(broken)?;
        String::from_utf8(text).map_err(|_| Error::bug("metrics are not UTF-8"))
    }

    /// Sends all of it to a collector from now on, if the operator wants that.
    pub fn send_metrics_to(&self, otlp: &mut Otlp) {
        let app = self.clone();
        let read = move || {
            let app = app.clone();
            async move { app.counted().await }.boxed()
        };
        otlp.send_metrics(self.core().clock.clone(), Box::new(read));
    }

    /// The metrics as they are counted, before they are written in a format.
    ///
    /// # Errors
    /// `Internal` if the database does not answer.
    pub(crate) async fn counted(&self) -> Result<Vec<MetricFamily>, Error> {
        // While the database is away, that is what counts; the queue is shown as it was last seen.
        report("queue gauges", self.dispatcher().count_queue().await);
        self.gauges().set(self.core().database(), self.subscriber_count());
        let mut all = self.registry().gather();
        with_fractions(&mut all);
        Ok(all)
    }
}

/// Ticks per second in which Linux reports processor time to programs, on every machine.
const TICKS: f64 = 100.0;

/// Puts the processor time with its fractions in place of the whole seconds that the library counts, which would make stairs of
/// a rate.
fn with_fractions(all: &mut [MetricFamily]) {
    let Some(family) = all.iter_mut().find(|family| family.name() == "process_cpu_seconds_total") else { return };
    let Some(seconds) = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat)) else {
        return;
    };
    for metric in family.mut_metric() {
        let mut counter = Counter::default();
        counter.set_value(seconds);
        metric.set_counter(counter);
    }
}

/// The processor time of a process, as the kernel describes it in `/proc/PID/stat`; its name may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((f64::from(user) + f64::from(system)) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_has_fractions() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20";
        assert_eq!(cpu_seconds(stat), Some(1.68));
        assert_eq!(cpu_seconds("nothing"), None);
    }
}
