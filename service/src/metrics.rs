//! What the process counts, for Prometheus. The server adds what it knows of HTTP to the same registry.

use prometheus::{Encoder, IntGauge, Registry, TextEncoder};

use crate::app::App;
use crate::contract::error::{Error, report};
use crate::core::database::Database;
use crate::webhook::metrics::broken;

/// The connections to the database.
pub(crate) struct DatabaseGauges {
    in_use: IntGauge,
    idle: IntGauge,
    away: IntGauge,
}

impl DatabaseGauges {
    pub(crate) fn new(registry: &Registry) -> Result<DatabaseGauges, Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("hoursmith_database_{name}"), help).map_err(broken)?;
            registry.register(Box::new(gauge.clone())).map_err(broken)?;
            Ok::<_, Error>(gauge)
        };
        Ok(DatabaseGauges {
            in_use: gauge("connections_in_use", "Connections to the database that are in use; on SQLite, writers.")?,
            idle: gauge("connections_idle", "Connections to the database that are idle; on SQLite, writers.")?,
            away: gauge("away", "1 while the database cannot be reached.")?,
        })
    }

    fn set(&self, database: &Database) {
        let (in_use, idle) = database.usage();
        self.in_use.set(i64::try_from(in_use).unwrap_or(i64::MAX));
        self.idle.set(i64::try_from(idle).unwrap_or(i64::MAX));
        self.away.set(database.is_away().into());
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
        // While the database is away, that is what counts; the queue is shown as it was last seen.
        report("queue gauges", self.dispatcher().count_queue().await);
        self.database_gauges().set(self.core().database());
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry().gather(), &mut text).map_err(broken)?;
        String::from_utf8(text).map_err(|_| Error::bug("metrics are not UTF-8"))
    }
}
