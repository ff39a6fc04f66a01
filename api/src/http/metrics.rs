//! What the server counts of HTTP: answers by surface, method and status, and how long they took.

use std::time::Duration;

use poem::http::{Method, StatusCode};
use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts};
use service::App;

const LATENCIES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// Fewer, since there is one list of them for each route.
const ROUTE_LATENCIES: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 2.5, 15.0];

/// Answers, counted and timed. Labels are few: templates of paths, but nothing that callers made up.
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
    route_seconds: HistogramVec,
}

impl HttpMetrics {
    /// Registered with what the application counts.
    ///
    /// # Errors
    /// If a name or a label above is not valid for Prometheus.
    pub fn new(app: &App) -> Result<HttpMetrics, prometheus::Error> {
        let requests = Opts::new("hoursmith_http_requests_total", "Requests answered, by surface, method and status.");
        let seconds = HistogramOpts::new("hoursmith_http_request_seconds", "How long answers took, by surface.");
        let route = HistogramOpts::new("hoursmith_http_route_seconds", "How long answers of REST took, by route.");
        let metrics = HttpMetrics {
            route_seconds: HistogramVec::new(route.buckets(ROUTE_LATENCIES.to_vec()), &["method", "route"])?,
            requests: IntCounterVec::new(requests, &["surface", "method", "status"])?,
            seconds: HistogramVec::new(seconds.buckets(LATENCIES.to_vec()), &["surface"])?,
        };
        register(app, Box::new(metrics.requests.clone()));
        register(app, Box::new(metrics.seconds.clone()));
        register(app, Box::new(metrics.route_seconds.clone()));
        Ok(metrics)
    }

    /// Counts one answer.
    pub fn answered(&self, method: &Method, path: &str, route: Option<&str>, status: StatusCode, took: Duration) {
        let surface = match path {
            "/graphql" => "graphql",
            "/healthz" | "/readyz" => "health",
            path if path.starts_with("/api/v1/") => "rest",
            path if path == "/mcp" || path.starts_with("/mcp/") => "mcp",
            _ => "pages",
        };
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => method.as_str(),
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        self.requests.with_label_values(&[surface, method, status.as_str()]).inc();
        self.seconds.with_label_values(&[surface]).observe(took.as_secs_f64());
        if let Some(route) = route {
            self.route_seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
        }
    }
}

/// Connections: how many are open, and how many were refused or closed by the server, and why.
#[derive(Clone)]
pub struct ConnectionMetrics {
    open: IntGauge,
    refused: IntCounterVec,
    cut: IntCounterVec,
}

/// An open connection, which counts until this is dropped.
pub(crate) struct OpenConnection(IntGauge);

impl ConnectionMetrics {
    /// Registered with what the application counts.
    ///
    /// # Errors
    /// If a name or a label above is not valid for Prometheus.
    pub fn new(app: &App) -> Result<ConnectionMetrics, prometheus::Error> {
        let refused = Opts::new(
            "hoursmith_http_connections_refused_total",
            "Connections that were refused or had to wait: `all` or `address` for the limits, `head` for the space of long heads, `system` for the operating system.",
        );
        let cut = Opts::new(
            "hoursmith_http_connections_closed_total",
            "Connections that the server has closed: an unfinished `head`, an `unread` answer, `idle`, a `stop`, or a \
             `flood` of frames that ask for nothing.",
        );
        let metrics = ConnectionMetrics {
            open: IntGauge::new("hoursmith_http_connections", "Open connections.")?,
            refused: IntCounterVec::new(refused, &["reason"])?,
            cut: IntCounterVec::new(cut, &["reason"])?,
        };
        for reason in ["all", "address", "head", "system"] {
            metrics.refused.with_label_values(&[reason]);
        }
        for reason in ["head", "unread", "idle", "stop", "flood"] {
            metrics.cut.with_label_values(&[reason]);
        }
        register(app, Box::new(metrics.open.clone()));
        register(app, Box::new(metrics.refused.clone()));
        register(app, Box::new(metrics.cut.clone()));
        Ok(metrics)
    }

    /// Counts a connection for as long as it is open.
    pub(crate) fn opened(&self) -> OpenConnection {
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// Counts a connection that was refused or had to wait.
    pub(crate) fn refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// Counts a connection that the server has closed.
    pub(crate) fn cut(&self, reason: &str) {
        self.cut.with_label_values(&[reason]).inc();
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn register(app: &App, collector: Box<dyn Collector>) {
    if let Err(cause) = app.registry().register(collector) {
        tracing::debug!(%cause, "another server of this application counts this already");
    }
}
