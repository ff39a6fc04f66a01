//! Traces and metrics over OTLP, by OpenTelemetry's own variables: off unless an endpoint is set. Spans wait in a bounded
//! queue and are sent by a thread of its own, so that no request waits for a collector; what finds no place is dropped.

mod client;
mod metrics;
mod variables;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::client::Collector;
pub(crate) use self::metrics::ReadMetrics;
pub use self::variables::Variables;
use crate::core::clock::Clock;
use crate::core::trace::Tracer;

/// How long what is left may take to be sent when the server stops.
const LAST: Duration = Duration::from_secs(5);
/// What this server is called where the operator has given it no name.
const NAME: &str = "hoursmith";

/// What is sent to a collector, until it is closed.
pub struct Otlp {
    variables: Variables,
    resource: Resource,
    collector: Collector,
    spans: Option<SdkTracerProvider>,
    metrics: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Otlp {
    /// Begins what the variables ask for; nothing without an endpoint.
    ///
    /// # Errors
    /// Which variable cannot be used, and what it should be, in one line.
    pub fn start(variables: Variables) -> Result<Option<Otlp>, String> {
        if variables.traces.is_none() && variables.metrics.is_none() {
            return Ok(None);
        }
        let resource = Resource::builder().with_attributes(variables.of_the_process()).build();
        let collector = Collector::new(variables.certificate.as_deref())?;
        let spans = variables.traces.is_some().then(|| spans(&collector, &resource)).transpose()?;
        Ok(Some(Otlp { variables, resource, collector, spans, metrics: None }))
    }

    /// Makes the spans, if traces are wanted.
    pub fn tracer(&self) -> Option<Tracer> {
        self.spans.as_ref().map(|spans| Tracer::new(spans.tracer(NAME)))
    }

    /// Sends from now on what is counted, if metrics are wanted.
    pub(crate) fn send_metrics(&mut self, clock: Clock, read: ReadMetrics) {
        if let Some(target) = &self.variables.metrics {
            let (stop, stopped) = watch::channel(false);
            let source = metrics::Source { clock, read, resource: self.resource.clone() };
            let work = metrics::run(source, self.collector.clone(), target.clone(), stopped);
            self.metrics = Some((stop, tokio::spawn(work)));
        }
    }

    /// Sends what is left, within a few seconds, whatever the collector does.
    pub async fn close(self) {
        if let Some((stop, running)) = self.metrics {
            stop.send_replace(true);
            let aborted = running.abort_handle();
            if tokio::time::timeout(LAST, running).await.is_err() {
                aborted.abort();
            }
        }
        let Some(spans) = self.spans else { return };
        let closed = tokio::task::spawn_blocking(move || spans.shutdown_with_timeout(LAST));
        match closed.await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::warn!(%why, "the last traces were not sent"),
            Err(why) => tracing::warn!(%why, "the last traces were not sent"),
        }
    }
}

/// The queue of spans: its size, its batches and its sampler are read from the variables by the library.
fn spans(collector: &Collector, resource: &Resource) -> Result<SdkTracerProvider, String> {
    let exporter = SpanExporter::builder().with_http().with_http_client(collector.clone()).build();
    let exporter = exporter.map_err(|why| format!("the traces cannot be sent: {why}"))?;
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.clone()).build())
}
