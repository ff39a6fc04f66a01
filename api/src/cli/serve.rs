//! `serve`: bind, migrate, serve until told to stop, and stop cleanly.

use std::net::TcpListener;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use poem::listener::TcpAcceptor;
use service::{App, Clock, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Common, Failure, demo, internal, print, secret_key, sqlite};
use crate::Server;
use crate::http::listener::NoDelay;

/// How long running requests may take to finish after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);

/// A connection that says nothing for longer is closed.
const IDLE: Duration = Duration::from_secs(75);

#[derive(Args)]
pub(super) struct Serve {
    /// On an empty database, first make workspaces with a year of data.
    #[arg(long)]
    demo: bool,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "HOURSMITH_LISTEN", default_value = "127.0.0.1:8080")]
    listen: String,
    /// How the documents call this server.
    #[arg(long, env = "HOURSMITH_PUBLIC_URL")]
    public_url: Option<String>,
    /// Encrypts stored secrets: base64 of 32 bytes, or several with commas, of which the first encrypts.
    #[arg(long, env = "HOURSMITH_SECRET_KEY", hide_env_values = true)]
    secret_key: Option<String>,
    /// Multiplies every rate budget.
    #[arg(long, env = "HOURSMITH_RATE_LIMIT_SCALE", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate_limit_scale: u32,
    /// A Redis or Valkey in which replicas share their rate-limit buckets.
    #[arg(long, env = "HOURSMITH_REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// A PEM file of the authorities that sign the certificate of a Redis behind rediss://; public ones by default.
    #[arg(long, env = "HOURSMITH_REDIS_CA")]
    redis_ca: Option<PathBuf>,
    /// Whether this process works on what is due; off, it serves only.
    #[arg(long, env = "HOURSMITH_WORKER", default_value = "on")]
    worker: Switch,
    /// Where the operator's own /metrics is; nowhere unless said.
    #[arg(long, env = "HOURSMITH_ADMIN_LISTEN", default_value = "")]
    admin_listen: String,
    /// Networks that webhooks may reach although private, over http too and on any port, comma-separated.
    #[arg(long, env = "HOURSMITH_WEBHOOK_ALLOW", default_value = "")]
    webhook_allow: String,
    /// Networks that webhooks may not reach although public, comma-separated; they take precedence over --webhook-allow.
    #[arg(long, env = "HOURSMITH_WEBHOOK_DENY", default_value = "")]
    webhook_deny: String,
    /// The most webhook attempts per second to one endpoint, by this process.
    #[arg(long, env = "HOURSMITH_WEBHOOK_RATE", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    webhook_rate: u32,
    /// How many days events, deliveries and attempts are kept.
    #[arg(long, env = "HOURSMITH_RETENTION_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    retention_days: u32,
    /// Networks of proxies whose X-Forwarded-For is believed, comma-separated.
    #[arg(long, env = "HOURSMITH_TRUSTED_PROXIES", default_value = "")]
    trusted_proxies: String,
    /// Origins that browsers may call from, comma-separated.
    #[arg(long, env = "HOURSMITH_CORS_ORIGINS", default_value = "")]
    cors_origins: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Serve {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        common.check_url()?;
        let trusted_proxies = networks("HOURSMITH_TRUSTED_PROXIES", &self.trusted_proxies)?;
        let webhook_allow = networks("HOURSMITH_WEBHOOK_ALLOW", &self.webhook_allow)?;
        let webhook_deny = networks("HOURSMITH_WEBHOOK_DENY", &self.webhook_deny)?;
        let redis_url = self.redis_url.filter(|url| !url.is_empty());
        let redis_ca = self.redis_ca.filter(|path| !path.as_os_str().is_empty());
        let redis_ca = redis_ca.map(|path| read_file("HOURSMITH_REDIS_CA", &path)).transpose()?;
        redis_url.as_deref().map_or(Ok(()), |url| Config::check_redis_url(url, redis_ca.as_deref()))?;
        // What can be refused is refused before anything is made.
        let listener = bind("HOURSMITH_LISTEN", &self.listen)?;
        let admin = match self.admin_listen.as_str() {
            "" => None,
            address => Some(bind("HOURSMITH_ADMIN_LISTEN", address)?),
        };
        let address = listener.local_addr()?;
        let _lock = sqlite::lock(&common.database_url)?;
        let secret_key = self.secret_key.as_deref().filter(|key| !key.is_empty());
        let secret_keys = secret_key::ensure(secret_key, &common.database_url)?;
        migration::up(&common.database_url).await?;

        let config = Config {
            rate_limit_scale: self.rate_limit_scale,
            redis_url,
            redis_ca,
            secret_keys,
            webhook_allow,
            webhook_deny,
            webhook_rate: NonZeroU32::new(self.webhook_rate).unwrap_or(NonZeroU32::MIN),
            retention_days: self.retention_days,
            ..common.config()
        };
        let app = App::connect(config, Clock::system()).await.map_err(internal)?;
        let shown = if self.demo { demo::make(&app).await? } else { None };

        let (stop, stopped) = watch::channel(false);
        let (jobs, worker) = (app.clone(), self.worker == Switch::On);
        let jobs = tokio::spawn(async move { jobs.run_jobs(worker, stopped).await });
        let mut server = Server::new(app.clone());
        server.trusted_proxies = trusted_proxies;
        server.cors_origins = listed(&self.cors_origins).map(str::to_owned).collect();
        server.public_url = self.public_url.filter(|url| !url.is_empty());

        let sockets = server.sockets.clone();

        listener.set_nonblocking(true)?;
        let acceptor = NoDelay(TcpAcceptor::from_std(listener)?);
        // Before anybody can know that it is up, it knows how to stop.
        let (terminated, stopping) = (terminated()?, app.clone());
        let terminated = async move {
            terminated.await;
            stopping.close_subscribers();
            // At once: another replica can send what this one would not.
            stopping.stop_delivering();
        };
        let admin = admin.map(|listener| serve_admin(listener, app.clone())).transpose()?;
        print::text(&format!("listening on http://{address}\n"))?;
        if let Some(shown) = shown {
            print::text(&shown.words(&format!("http://{address}")))?;
        }
        poem::Server::new_with_acceptor(acceptor)
            .idle_timeout(IDLE)
            .run_with_graceful_shutdown(crate::server(server), terminated, Some(DRAIN))
            .await?;
        // They are no requests any more to those who serve, and finish within the time of an operation.
        let _ = timeout(DRAIN, sockets.closed()).await;

        stop.send_replace(true);
        jobs.await?;
        if let Some(admin) = admin {
            admin.abort();
        }
        app.close().await.map_err(internal)?;
        Ok(())
    }
}

/// Takes an address, or tells which setting names another.
fn bind(setting: &str, address: &str) -> Result<TcpListener, Failure> {
    let told = |e| format!("cannot listen on {address}: {e}; set {setting} to a free address");
    Ok(TcpListener::bind(address).map_err(told)?)
}

/// Serves what only the operator reaches, until the process ends.
fn serve_admin(listener: TcpListener, app: App) -> Result<tokio::task::JoinHandle<std::io::Result<()>>, Failure> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let acceptor = TcpAcceptor::from_std(listener)?;
    tracing::info!("metrics on http://{address}/metrics");
    Ok(tokio::spawn(poem::Server::new_with_acceptor(acceptor).idle_timeout(IDLE).run(crate::admin(app))))
}

/// The content of the file that a setting names.
fn read_file(setting: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let message = |e| format!("{setting}: cannot read {}: {e}", path.display());
    Ok(std::fs::read(path).map_err(message)?)
}

/// The networks of a setting.
fn networks(setting: &str, listed_there: &str) -> Result<Vec<IpNet>, Failure> {
    let network = |net: &str| net.parse().map_err(|_| format!("{setting}: {net} is no network such as 10.0.0.0/8"));
    Ok(listed(listed_there).map(network).collect::<Result<_, _>>()?)
}

/// The parts of a comma-separated setting; an empty one has none.
fn listed(setting: &str) -> impl Iterator<Item = &str> {
    setting.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Ready when an operator or a terminal asks to stop.
fn terminated() -> Result<impl Future<Output = ()>, Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing what runs");
    })
}
