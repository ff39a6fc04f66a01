//! What the process counts, for Prometheus. The server adds what it knows of HTTP to the same registry.

use futures_util::FutureExt;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

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
    subscriptions: IntGauge,
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
            subscriptions: gauge("subscriptions", "Connections that events and timers are sent to.")?,
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
        self.subscriptions.set(number(subscriptions));
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
        Ok(self.registry().gather())
    }
}
