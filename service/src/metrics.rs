//! What the process counts, for Prometheus. The server adds what it knows of HTTP to the same registry.

use prometheus::{Encoder, Registry, TextEncoder};

use crate::app::App;
use crate::contract::error::Error;
use crate::webhook::metrics::broken;

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
        self.dispatcher().count_queue().await?;
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry().gather(), &mut text).map_err(broken)?;
        String::from_utf8(text).map_err(|_| Error::bug("metrics are not UTF-8"))
    }
}
