//! `serve`: bind, migrate, serve until asked to stop, and stop cleanly.

use std::net::TcpListener;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use schema::TrustedDocuments;
use service::otlp::{Otlp, Variables};
use service::{App, Clock, Config, Operator, length_in_words, maintenance, organization};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use super::login_link::local_url;
use super::values::{bind, needs_tls, networks, origins, place_of, public_url};
use super::{Common, Failure, demo, internal, oidc, print, secret_key, sqlite};
use crate::{Limits, Listener, Server};

/// How long running requests may take to finish after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);

/// Open files that are not connections of clients: the database, receivers of webhooks, the binary's own.
const OTHER_FILES: u64 = 256;
/// How far the newest rows may be ahead of the clock, in milliseconds: clocks are set by a little now and then.
const CLOCK_TOLERANCE: i64 = 60_000;
/// Connections to the operator's own address.
const ADMIN_CONNECTIONS: usize = 64;

#[derive(Args)]
pub(super) struct Serve {
    /// On an empty database, first create workspaces with a year of made-up data.
    #[arg(long)]
    demo: bool,
    /// Start only on a database that has every migration, and apply none: the role of PostgreSQL then needs no right to create
    /// or drop.
    #[arg(
        long,
        env = "HOURSMITH_NO_MIGRATE",
        num_args = 0..=1,
        require_equals = true,
        default_value = "off",
        default_missing_value = "on"
    )]
    no_migrate: Switch,
    /// The address to listen on; port 0 takes a free port.
    #[arg(long, env = "HOURSMITH_LISTEN", help_heading = "Addresses", default_value = "127.0.0.1:8080")]
    listen: String,
    /// The URL of this server in the documents.
    #[arg(long, env = "HOURSMITH_PUBLIC_URL", help_heading = "Addresses")]
    public_url: Option<String>,
    /// A manifest of GraphQL documents that clients name by an id: Apollo's, Relay's, or a JSON object from ids to documents.
    #[arg(long, env = "HOURSMITH_DOCUMENTS", help_heading = "GraphQL")]
    documents: Option<PathBuf>,
    /// `on`: no other GraphQL document is executed.
    #[arg(long, env = "HOURSMITH_DOCUMENTS_ONLY", help_heading = "GraphQL", default_value = "off")]
    documents_only: Switch,
    #[command(flatten)]
    oidc: oidc::Setting,
    #[command(flatten)]
    secret_key: secret_key::Setting,
    /// Start although no key at hand opens the stored secrets: the key is lost, and every webhook endpoint gets a new secret.
    #[arg(long)]
    secret_key_lost: bool,
    /// Multiplies every budget: those of tokens, and that of bad credentials of an address.
    #[arg(long, env = "HOURSMITH_RATE_LIMIT_SCALE", help_heading = "Limits", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate_limit_scale: u32,
    /// A Redis or Valkey in which replicas share their rate-limit buckets.
    #[arg(long, env = "HOURSMITH_REDIS_URL", help_heading = "Limits", hide_env_values = true)]
    redis_url: Option<String>,
    /// A PEM file of the authorities that sign the certificate of a Redis behind rediss://; public ones by default.
    #[arg(long, env = "HOURSMITH_REDIS_CA", help_heading = "Limits")]
    redis_ca: Option<PathBuf>,
    /// Whether this process delivers webhooks and deletes expired records; `off`: it only serves.
    #[arg(long, env = "HOURSMITH_WORKER", help_heading = "Webhooks and background work", default_value = "on")]
    worker: Switch,
    /// The address of /metrics for the operator; by default there is none.
    #[arg(long, env = "HOURSMITH_ADMIN_LISTEN", help_heading = "Addresses", default_value = "")]
    admin_listen: String,
    /// Private networks that webhooks may reach, over http too and on any port, comma-separated.
    #[arg(long, env = "HOURSMITH_WEBHOOK_ALLOW", help_heading = "Webhooks and background work", default_value = "")]
    webhook_allow: String,
    /// Networks that webhooks may not reach although public, comma-separated; they take precedence over --webhook-allow.
    #[arg(long, env = "HOURSMITH_WEBHOOK_DENY", help_heading = "Webhooks and background work", default_value = "")]
    webhook_deny: String,
    /// The most webhook attempts per second to one endpoint, by this process.
    #[arg(long, env = "HOURSMITH_WEBHOOK_RATE", help_heading = "Webhooks and background work", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    webhook_rate: u32,
    /// How many days events, deliveries and attempts are kept.
    #[arg(long, env = "HOURSMITH_RETENTION_DAYS", help_heading = "Webhooks and background work", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    retention_days: u32,
    /// How long a connection without a request is kept: `75s`, `2m`, `500ms`; a number alone is seconds.
    #[arg(long, env = "HOURSMITH_IDLE_TIMEOUT", help_heading = "Limits", default_value = "75s", value_parser = duration)]
    idle_timeout: Duration,
    /// How many connections may be open at once; by default 10,000, or fewer where the system allows fewer open files.
    #[arg(long, env = "HOURSMITH_MAX_CONNECTIONS", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: Option<u32>,
    /// How many of them may come from one address; by default a quarter. Trusted proxies have no such limit.
    #[arg(long, env = "HOURSMITH_MAX_CONNECTIONS_PER_ADDRESS", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections_per_address: Option<u32>,
    /// Networks of proxies whose X-Forwarded-For is trusted, comma-separated.
    #[arg(long, env = "HOURSMITH_TRUSTED_PROXIES", help_heading = "Addresses", default_value = "")]
    trusted_proxies: String,
    /// Origins that browsers may call from, comma-separated.
    #[arg(long, env = "HOURSMITH_CORS_ORIGINS", help_heading = "Addresses", default_value = "")]
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
        let cors_origins = origins(&self.cors_origins)?;
        let public_url = self.public_url.filter(|url| !url.is_empty()).map(|url| public_url(&url)).transpose()?;
        let oidc = self.oidc.provider(public_url.as_deref())?;
        let redis_url = self.redis_url.filter(|url| !url.is_empty());
        let redis_ca = self.redis_ca.filter(|path| !path.as_os_str().is_empty());
        let redis_ca = redis_ca.map(|path| read_file("HOURSMITH_REDIS_CA", &path)).transpose()?;
        redis_url.as_deref().map_or(Ok(()), |url| Config::check_redis_url(url, redis_ca.as_deref()))?;
        // What can be refused is refused before anything is made.
        let mut otlp = Otlp::start(Variables::read(|name| std::env::var(name).ok())?)?;
        let documents = documents(self.documents.as_deref(), self.documents_only == Switch::On).await?;
        let listener = bind("HOURSMITH_LISTEN", &self.listen)?;
        let admin = match self.admin_listen.as_str() {
            "" => None,
            address => Some(bind("HOURSMITH_ADMIN_LISTEN", address)?),
        };
        let address = listener.local_addr()?;
        let mut lock = sqlite::lock(&common.database_url)?;
        let secret_keys = self.secret_key.ensure(&common.database_url, self.secret_key_lost).await?;
        common.check_direct().await?;
        secret_key::check(&common.database_url, &secret_keys, self.secret_key_lost).await?;
        migrate(common.migration_url(), self.no_migrate == Switch::Off).await?;

        let config = Config {
            tracer: otlp.as_ref().and_then(Otlp::tracer),
            rate_limit_scale: self.rate_limit_scale,
            redis_url,
            redis_ca,
            secret_keys,
            webhook_allow,
            webhook_deny,
            webhook_rate: NonZeroU32::new(self.webhook_rate).unwrap_or(NonZeroU32::MIN),
            retention_days: self.retention_days,
            serves: true,
            ..common.config()
        };
        let limits =
            limits(self.max_connections, self.max_connections_per_address, self.idle_timeout, &trusted_proxies);
        let app = App::connect(config, Clock::system()).await.map_err(internal)?;
        if let Some(otlp) = &mut otlp {
            app.send_metrics_to(otlp);
        }
        let shown = if self.demo { demo::make(&app, common).await? } else { None };
        say_where(&app, &common.database_url, public_url.as_deref()).await?;

        let (stop, stopped) = watch::channel(false);
        let (jobs, worker) = (app.clone(), self.worker == Switch::On);
        let jobs = tokio::spawn(async move { jobs.run_jobs(worker, stopped).await });
        let mut server = Server::new(app.clone());
        server.trusted_proxies = trusted_proxies;
        server.documents = documents;
        server.cors_origins = cors_origins;
        server.oidc = oidc;
        server.public_url = public_url.clone();
        if let Some(url) = &server.public_url {
            service::document_errors_at(url);
        }

        let sockets = server.sockets.clone();

        // Before anybody can know that it is up, it knows how to stop.
        let (terminated, stopping) = (terminated()?, app.clone());
        let terminated = async move {
            terminated.await;
            stopping.close_subscribers();
            // At once: another replica can send what this one would not.
            stopping.stop_delivering();
        };
        let admin = admin.map(|listener| serve_admin(listener, app.clone(), self.idle_timeout)).transpose()?;
        let url = local_url(&address.to_string());
        // A folder that has become full is no reason not to serve.
        if let Some(Err(cause)) = lock.as_mut().map(|lock| lock.note_url(public_url.as_deref().unwrap_or(&url))) {
            tracing::warn!(%cause, "the address was not noted for `hoursmith login-link`");
        }
        print::text(&format!("listening on http://{address}\n"))?;
        match shown {
            Some(shown) => print::text(&shown.words(&url, public_url.as_deref()))?,
            None => hint_at_first_workspace(&app).await,
        }
        Listener::counted(app.clone(), limits).serve(listener, crate::server(server), terminated).await?;
        // WebSockets are not connections of the listener any more; their operations finish within the time of one.
        let _ = timeout(DRAIN, sockets.closed()).await;

        stop.send_replace(true);
        jobs.await?;
        if let Some(admin) = admin {
            admin.abort();
        }
        if let Some(otlp) = otlp {
            otlp.close().await;
        }
        app.close().await.map_err(internal)?;
        Ok(())
    }
}

/// Applies the pending steps, or makes sure that there are none.
async fn migrate(url: &str, may_change: bool) -> Result<(), Failure> {
    if !may_change {
        return Ok(migration::ensure_current(url).await?);
    }
    let migrated = migration::up_as(url, migration::Migrator::Upgrade, false).await?;
    if !migrated.steps.is_empty() {
        tracing::info!(steps = migrated.steps.join(", "), "the database was migrated");
    }
    if let Some(copy) = migrated.copy {
        tracing::info!(copy = %copy.display(), "the database was copied before it was migrated");
    }
    Ok(())
}

/// Serves what only the operator reaches, until the process ends.
fn serve_admin(
    listener: TcpListener,
    app: App,
    idle_timeout: Duration,
) -> Result<tokio::task::JoinHandle<std::io::Result<()>>, Failure> {
    let address = listener.local_addr()?;
    tracing::info!("metrics on http://{address}/metrics");
    let connections = ADMIN_CONNECTIONS;
    let limits = Limits { connections, per_address: connections, idle_timeout, ..Limits::default() };
    let served = Listener::uncounted(app.clone(), limits).serve(listener, crate::admin(app), std::future::pending());
    Ok(tokio::spawn(served))
}

/// The limits of the listener, within the number of files that this process may open.
fn limits(
    connections: Option<u32>,
    per_address: Option<u32>,
    idle_timeout: Duration,
    trusted_proxies: &[IpNet],
) -> Limits {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let default = Limits::default();
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let possible = usize::try_from(files.saturating_sub(OTHER_FILES).max(files / 2)).unwrap_or(usize::MAX);
    let connections = connections.map_or(default.connections.min(possible), number);
    if connections > possible {
        tracing::warn!(connections, files, "more connections are allowed than files can be open; raise `ulimit -n`");
    }
    let per_address = per_address.map_or((connections / 4).max(1), number);
    Limits { connections, per_address, idle_timeout, trusted_proxies: trusted_proxies.to_vec(), ..default }
}

/// A time such as `75s`, `2m` or `500ms`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("must be a number with ms, s, m or h, such as 75s".into()),
    };
    let number = number.parse::<u64>().ok().filter(|number| *number > 0);
    let whole = number.and_then(|number| number.checked_mul(millis));
    whole.map(Duration::from_millis).ok_or_else(|| "must be a positive number with a unit, such as 75s".into())
}

/// The content of the file that a setting names.
fn read_file(setting: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let message = |e| format!("{setting}: cannot read {}: {e}", path.display());
    Ok(std::fs::read(path).map_err(message)?)
}

/// Says what to do first, where there is nothing to serve yet.
async fn hint_at_first_workspace(app: &App) {
    if organization::list(&Operator::of(app)).await.is_ok_and(|all| all.is_empty()) {
        tracing::info!(
            "there is no workspace yet: run `hoursmith workspace create --help` beside this server, or start with --demo on an \
             empty database"
        );
    }
}

/// The documents of a manifest; none without one.
async fn documents(manifest: Option<&Path>, only: bool) -> Result<TrustedDocuments, Failure> {
    let Some(path) = manifest.filter(|path| !path.as_os_str().is_empty()) else {
        return match only {
            true => Err("HOURSMITH_DOCUMENTS_ONLY=on needs HOURSMITH_DOCUMENTS, the file of the documents".into()),
            false => Ok(TrustedDocuments::default()),
        };
    };
    let text = String::from_utf8(read_file("HOURSMITH_DOCUMENTS", path)?);
    let text = text.map_err(|_| format!("HOURSMITH_DOCUMENTS: {} is not UTF-8", path.display()))?;
    let checked = match TrustedDocuments::new(&text, only) {
        Ok(read) => read.validated().await,
        Err(why) => Err(why),
    };
    Ok(checked.map_err(|why| format!("HOURSMITH_DOCUMENTS: {}: {why}", path.display()))?)
}

/// Says which release starts on which database, and what of the surroundings will be missed later.
async fn say_where(app: &App, database_url: &str, public_url: Option<&str>) -> Result<(), Failure> {
    let (version, at) = (app.database_version().await.map_err(internal)?, place_of(database_url));
    let migrations = migration::names().len();
    tracing::info!(release = env!("CARGO_PKG_VERSION"), database = version, at, migrations, "hoursmith starts");
    if let Some(url) = public_url.filter(|url| needs_tls(url)) {
        tracing::warn!(
            "HOURSMITH_PUBLIC_URL is {url}: nobody can sign in to the settings pages over http, since browsers do not return the \
             cookie; terminate TLS in a proxy, and name the https:// address"
        );
    }
    match maintenance::ahead_of_clock(database_url).await {
        Ok(Some(ahead)) if ahead > CLOCK_TOLERANCE => tracing::warn!(
            "the database has rows that were written {} after what is now by this machine's clock: set the clock",
            length_in_words(ahead)
        ),
        Ok(_) => {}
        Err(cause) => tracing::debug!(%cause, "when the newest rows were written could not be read"),
    }
    Ok(())
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
