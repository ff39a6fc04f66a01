//! What the surfaces share: the application, and what the operator decided about HTTP.

use ipnet::IpNet;
use service::App;
use tokio::sync::watch;

use crate::metrics::HttpMetrics;

/// The server's settings and application.
pub struct Server {
    /// The operations.
    pub app: App,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// How the documents call this server; a path if it is not told.
    pub public_url: Option<String>,
    /// The WebSockets that somebody was let in to: each holds a receiver, so that a stop can wait for them.
    pub(crate) sockets: watch::Sender<()>,
    /// What it counts of HTTP.
    pub(crate) metrics: Option<HttpMetrics>,
}

impl Server {
    /// With nothing decided.
    pub fn new(app: App) -> Server {
        let metrics = HttpMetrics::new(&app).ok();
        let sockets = watch::Sender::default();
        Server { app, trusted_proxies: vec![], cors_origins: vec![], public_url: None, sockets, metrics }
    }
}
