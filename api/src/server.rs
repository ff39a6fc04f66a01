//! What the surfaces share: the application, and what the operator decided about HTTP.

use ipnet::IpNet;
use service::App;

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
}

impl Server {
    /// With nothing decided.
    pub fn new(app: App) -> Server {
        Server { app, trusted_proxies: vec![], cors_origins: vec![], public_url: None }
    }
}
