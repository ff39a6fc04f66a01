//! What the surfaces share: the application, and the operator's settings for HTTP.

use ipnet::IpNet;
use schema::TrustedDocuments;
use service::App;
use service::openid::Provider;
use tokio::sync::watch;

use super::memory::AnswerMemory;
use super::metrics::HttpMetrics;

/// The server's settings and application.
pub struct Server {
    /// The operations.
    pub app: App,
    /// Networks of proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// The URL of this server in the documents; without it they use paths.
    pub public_url: Option<String>,
    /// The GraphQL documents that clients name by an id; taken when the routes are made.
    pub documents: TrustedDocuments,
    /// The operator's OpenID provider, at which members sign in to the settings pages.
    pub oidc: Option<Provider>,
    /// Each admitted WebSocket holds a receiver of this, so that a stop can wait for them.
    pub(crate) sockets: watch::Sender<()>,
    /// The space for large answers.
    pub(crate) memory: AnswerMemory,
    /// Counts answers.
    pub(crate) metrics: Option<HttpMetrics>,
}

impl Server {
    /// With the default settings.
    pub fn new(app: App) -> Server {
        let metrics = HttpMetrics::new(&app).ok();
        let sockets = watch::Sender::default();
        Server {
            app,
            trusted_proxies: vec![],
            cors_origins: vec![],
            public_url: None,
            documents: TrustedDocuments::default(),
            oidc: None,
            sockets,
            memory: AnswerMemory::default(),
            metrics,
        }
    }
}
