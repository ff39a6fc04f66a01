//! What the server counts of HTTP: answers by surface, method and status, and how long they took.

use std::time::Duration;

use poem::http::{Method, StatusCode};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};
use service::App;

const LATENCIES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// Answers, counted and timed. Labels are few: neither paths nor what callers made up are among them.
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl HttpMetrics {
    /// Registered with what the application counts.
    ///
    /// # Errors
    /// If a name or a label above is not valid for Prometheus.
    pub fn new(app: &App) -> Result<HttpMetrics, prometheus::Error> {
        let requests = Opts::new("hoursmith_http_requests_total", "Requests answered, by surface, method and status.");
        let seconds = HistogramOpts::new("hoursmith_http_request_seconds", "How long answers took, by surface.");
        let metrics = HttpMetrics {
            requests: IntCounterVec::new(requests, &["surface", "method", "status"])?,
            seconds: HistogramVec::new(seconds.buckets(LATENCIES.to_vec()), &["surface"])?,
        };
        for registered in [
            app.registry().register(Box::new(metrics.requests.clone())),
            app.registry().register(Box::new(metrics.seconds.clone())),
        ] {
            if let Err(cause) = registered {
                tracing::debug!(%cause, "HTTP is counted by another server of this application already");
            }
        }
        Ok(metrics)
    }

    /// Counts one answer.
    pub fn answered(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let surface = match path {
            "/graphql" => "graphql",
            "/healthz" | "/readyz" => "health",
            path if path.starts_with("/api/v1/") => "rest",
            _ => "pages",
        };
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => method.as_str(),
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        self.requests.with_label_values(&[surface, method, status.as_str()]).inc();
        self.seconds.with_label_values(&[surface]).observe(took.as_secs_f64());
    }
}
