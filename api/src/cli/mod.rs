//! The commands. Each takes its settings from flags or the environment, prints its result on standard output, logs to
//! standard error, and fails with a one-line message.

mod backup;
mod copy;
mod demo;
mod doctor;
mod files;
mod invoice;
mod login_link;
mod manage;
mod mcp;
mod migrate;
mod oidc;
mod print;
mod rekey;
mod secret_key;
mod serve;
mod settings;
mod sqlite;
mod values;
mod webhook;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use service::{App, Clock, Config, Environment};

use crate::telemetry::{self, LogFormat};

/// What to do first, below the help.
const FIRST_STEPS: &str = "First steps:
  hoursmith serve --demo                      look around with made-up data
  hoursmith workspace create --name Acme --plan studio --owner-email ann@acme.example --owner-name Ann
  hoursmith token create --workspace ID --member ann@acme.example --name laptop --scope write
  hoursmith serve                             serve on http://127.0.0.1:8080

Settings come from flags, then the environment, then the TOML file that HOURSMITH_CONFIG names.";

/// Time tracking and billing over GraphQL and REST.
#[derive(Parser)]
#[command(name = "hoursmith", version, about, after_help = FIRST_STEPS)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Settings of every command.
#[derive(Args, Clone)]
#[command(next_help_heading = "Settings of every command")]
struct Common {
    /// The database: `sqlite://FILE?mode=rwc` or `postgres://…`.
    #[arg(
        long,
        global = true,
        env = "HOURSMITH_DATABASE_URL",
        default_value = "sqlite://hoursmith.db?mode=rwc",
        hide_env_values = true
    )]
    database_url: String,
    /// A way to PostgreSQL past a pooler, for LISTEN. Behind a pooler and without it, other replicas are noticed by a poll.
    #[arg(long, global = true, env = "HOURSMITH_DATABASE_DIRECT_URL", hide_env_values = true)]
    database_direct_url: Option<String>,
    /// Connections to PostgreSQL, at most.
    #[arg(
        long,
        global = true,
        env = "HOURSMITH_DATABASE_CONNECTIONS",
        default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    database_connections: u32,
    /// Whether tokens and events are live or for tests.
    #[arg(long, global = true, env = "HOURSMITH_ENV", default_value = "live")]
    env: Env,
    /// Print one JSON object or array.
    #[arg(long, global = true)]
    json: bool,
    /// The log filter, such as `warn` or `info,hoursmith=debug`.
    #[arg(long, global = true, env = "HOURSMITH_LOG", default_value = "info")]
    log: String,
    /// The format of the log: text or json.
    #[arg(long, global = true, env = "HOURSMITH_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum Env {
    Live,
    Test,
}

#[derive(Subcommand)]
enum Command {
    /// Migrate the database and serve.
    Serve(Box<serve::Serve>),
    /// Migrate the database to this release.
    Migrate {
        /// Only show which steps are applied and which are pending.
        #[arg(long)]
        status: bool,
    },
    /// Manage workspaces.
    #[command(subcommand)]
    Workspace(manage::Workspace),
    /// Manage the members of a workspace.
    #[command(subcommand)]
    Member(manage::Member),
    /// Manage API tokens.
    #[command(subcommand)]
    Token(manage::Token),
    /// Make a one-use link into the settings pages for a member; it works for ten minutes.
    LoginLink(login_link::LoginLink),
    /// Create and settle invoices.
    #[command(subcommand)]
    Invoice(invoice::Invoice),
    /// For developers of webhook receivers.
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Speak MCP on standard input and output, for assistants that start a program.
    Mcp(mcp::Mcp),
    /// Print the OpenAPI document.
    Openapi {
        /// Print it as YAML.
        #[arg(long)]
        yaml: bool,
        /// Print the OpenAPI 3.0 document.
        #[arg(long = "v3-0")]
        v3_0: bool,
        /// The URL of the server in the document.
        #[arg(long, env = "HOURSMITH_PUBLIC_URL")]
        public_url: Option<String>,
    },
    /// Print the GraphQL schema.
    Sdl,
    /// Write one file with everything that a server needs to come back; also while it serves.
    Backup(backup::Backup),
    /// Bring an embedded database back from its backup.
    Restore(backup::Restore),
    /// Copy everything into an empty database: from SQLite to PostgreSQL, or back.
    Copy(copy::Copy),
    /// Seal the stored secrets anew with the first key of HOURSMITH_SECRET_KEY, so that an old key can be forgotten.
    Rekey(rekey::Rekey),
    /// Look at everything that a server needs, and say what to do about what is wrong.
    Doctor(doctor::Doctor),
    /// Check that a server is ready; exits with 0 if it is. For containers.
    Health {
        /// The server's URL.
        #[arg(
            long,
            env = "HOURSMITH_URL",
            default_value = "http://127.0.0.1:8080",
            value_parser = values::server_url
        )]
        url: String,
    },
    /// Print a script that completes commands in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
    /// Print the page of errors.
    Errors,
    /// Print the page of permissions.
    Permissions,
}

/// Why a command failed, in one line.
#[derive(Debug)]
struct Failure(String);

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.to_string())
    }
}

/// Runs the command that the process was started with.
pub async fn run() -> ExitCode {
    files::make_private();
    let arguments = match settings::arguments(&commands()) {
        Ok(arguments) => arguments,
        Err(Failure(why)) => {
            print::problem(&format!("hoursmith: {why}"));
            return ExitCode::from(2);
        }
    };
    let Cli { mut common, command } = match parse(arguments) {
        Ok(cli) => cli,
        Err(asked) if !asked.use_stderr() => asked.exit(),
        // Nothing was asked: the help in its lines, with what to do first.
        Err(asked) if asked.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            print::problem(&asked.render().to_string());
            return ExitCode::from(2);
        }
        // The same where settings come from the environment, which counts as having asked for something.
        Err(wrong) if wrong.kind() == ErrorKind::MissingSubcommand => {
            print::problem(&help_of_commands(std::env::args().skip(1)));
            return ExitCode::from(2);
        }
        Err(wrong) => {
            print::problem(&format!("hoursmith: {}; --help shows how", one_line(&wrong.to_string())));
            return ExitCode::from(2);
        }
    };
    common.database_url = sqlite::with_mode(&common.database_url);
    let urls = common.clone();
    match dispatch(common, command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(why)) => {
            // A driver may quote the whole URL, password included.
            let why = urls.without_urls(&why);
            let line = why.split_whitespace().collect::<Vec<_>>().join(" ");
            print::problem(&format!("hoursmith: {line}"));
            ExitCode::FAILURE
        }
    }
}

/// All commands, each with the settings that matter to it in its help.
fn commands() -> clap::Command {
    settings::hiding_database(Cli::command())
}

/// The help of the command that these arguments lead to.
fn help_of_commands(arguments: impl Iterator<Item = String>) -> String {
    let mut command = commands();
    command.build();
    for argument in arguments {
        if let Some(below) = command.find_subcommand(&argument).cloned() {
            command = below;
        }
    }
    command.render_help().to_string()
}

fn parse(arguments: Vec<std::ffi::OsString>) -> Result<Cli, clap::Error> {
    let mut command = settings::without_empty(commands());
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|wrong| wrong.format(&mut command))
}

/// What is wrong and what may have been meant, without the usage: `--help` is a command away.
fn one_line(error: &str) -> String {
    let usage = |part: &&str| !part.starts_with("Usage:") && !part.starts_with("For more information");
    let parts: Vec<&str> = error.trim_start_matches("error: ").split("\n\n").filter(usage).collect();
    parts.join("; ").split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn dispatch(common: Common, command: Command) -> Result<(), Failure> {
    values::log_filter(&common.log)?;
    telemetry::init(&common.log, common.log_format)?;
    match command {
        // Its future is large, and that of no other command need be.
        Command::Serve(serve) => Box::pin(serve.run(&common)).await,
        Command::Migrate { status } => migrate::run(&common, status).await,
        Command::Workspace(command) => command.run(&common).await,
        Command::Member(command) => command.run(&common).await,
        Command::Token(command) => command.run(&common).await,
        Command::LoginLink(command) => command.run(&common).await,
        Command::Invoice(command) => command.run(&common).await,
        Command::Webhook(command) => command.run(&common).await,
        Command::Mcp(command) => command.run().await,
        Command::Openapi { yaml, v3_0, public_url } => {
            let documents = crate::rest::openapi::Documents::new(public_url.as_deref());
            print::text(match (yaml, v3_0) {
                (true, true) => &documents.yaml_3_0,
                (true, false) => &documents.yaml,
                (false, true) => &documents.json_3_0,
                (false, false) => &documents.json,
            })
        }
        Command::Backup(command) => command.run(&common).await,
        Command::Restore(command) => command.run(&common).await,
        Command::Copy(command) => command.run(common.json).await,
        Command::Rekey(command) => command.run(&common).await,
        Command::Doctor(command) => command.run(&common).await,
        Command::Sdl => print::text(&schema::published_sdl()),
        Command::Health { url } => health(&url, common.json).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut commands(), "hoursmith", &mut script);
            print::text(&String::from_utf8_lossy(&script))
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(commands()).render(&mut page)?;
            print::text(&String::from_utf8_lossy(&page))
        }
        Command::Errors => print::text(&crate::rest::errors_page::page()),
        Command::Permissions => print::text(&crate::permissions_page::page()),
    }
}

/// Asks a server whether it is ready.
async fn health(url: &str, json: bool) -> Result<(), Failure> {
    let forwarder = service::webhook::Forwarder::new().map_err(internal)?;
    let url = format!("{}/readyz", url.trim_end_matches('/'));
    match forwarder.get(&url).await {
        Ok(reply) if reply.status == 200 => {
            print::outcome(json, &serde_json::json!({ "status": "ready", "url": url }), "ready".to_owned())
        }
        Ok(reply) => Err(format!("{url} answered {}: the server is not ready", reply.status).into()),
        Err(why) => Err(format!("{url}: {why}").into()),
    }
}

impl Common {
    /// Where migrations are run: past a pooler, if there is a way.
    fn migration_url(&self) -> &str {
        self.direct_url().unwrap_or(&self.database_url)
    }

    /// The way past a pooler.
    fn direct_url(&self) -> Option<&str> {
        self.database_direct_url.as_deref().filter(|url| !url.is_empty())
    }

    /// A text with the names of settings in place of their URLs.
    fn without_urls(&self, text: &str) -> String {
        let urls = [
            (Some(self.database_url.as_str()), "HOURSMITH_DATABASE_URL"),
            (self.direct_url(), "HOURSMITH_DATABASE_DIRECT_URL"),
        ];
        urls.into_iter()
            .filter_map(|(url, name)| Some((url?, name)))
            .filter(|(url, _)| !url.is_empty())
            .fold(text.to_owned(), |text, (url, name)| text.replace(url, name))
    }

    fn config(&self) -> Config {
        let environment = match self.env {
            Env::Live => Environment::Live,
            Env::Test => Environment::Test,
        };
        Config {
            environment,
            database_direct_url: self.direct_url().map(str::to_owned),
            database_connections: self.database_connections,
            ..Config::new(&self.database_url)
        }
    }

    /// Refuses a way past the pooler that leads elsewhere.
    async fn check_direct(&self) -> Result<(), Failure> {
        match self.direct_url().filter(|_| sqlite::path(&self.database_url).is_none()) {
            Some(direct) => Ok(migration::check_direct(&self.database_url, direct).await?),
            None => Ok(()),
        }
    }

    /// Refuses what is no database of ours before anything is made.
    fn check_url(&self) -> Result<(), Failure> {
        check_database_url("HOURSMITH_DATABASE_URL", &self.database_url)
    }

    /// A migrated database, for commands that work beside a server. One that is not there is not made: a command in another folder
    /// than the server's would find nothing in it.
    async fn open(&self) -> Result<App, Failure> {
        self.check_there()?;
        self.open_or_make().await
    }

    /// Refuses a database that is not there.
    fn check_there(&self) -> Result<(), Failure> {
        self.check_url()?;
        if let Some(file) = sqlite::path(&self.database_url).filter(|file| !file.exists()) {
            let file = file.display();
            let advice =
                "set HOURSMITH_DATABASE_URL to the server's, or make one with `hoursmith serve` or `hoursmith migrate`";
            return Err(format!("there is no database at {file}: {advice}").into());
        }
        Ok(())
    }

    /// The same, for one that may begin an installation.
    async fn open_or_make(&self) -> Result<App, Failure> {
        self.check_url()?;
        self.migrate_for_command().await?;
        Ok(App::connect(self.config(), Clock::system()).await.map_err(internal)?)
    }

    /// Migrates the database, unless a server uses it.
    async fn migrate_for_command(&self) -> Result<(), Failure> {
        let served = sqlite::is_locked(&self.database_url)?;
        self.check_direct().await?;
        migration::up_as(self.migration_url(), migration::Migrator::Command, served).await?;
        Ok(())
    }
}

/// Refuses what is no database of ours.
fn check_database_url(setting: &str, url: &str) -> Result<(), Failure> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(());
    }
    if !url.starts_with("sqlite:") {
        return Err(format!("{setting} must begin with sqlite:// or postgres://").into());
    }
    match sqlite::path(url) {
        Some(_) => Ok(()),
        None => Err(format!("{setting} must name a file, such as sqlite://hoursmith.db?mode=rwc").into()),
    }
}

/// Shows the operator the cause of an internal error, which callers do not see.
fn internal(error: service::Error) -> String {
    match error {
        service::Error::Internal(cause) => cause.to_string(),
        service::Error::NotFound(what) => {
            let list = match what {
                "member" => "member list --workspace ID",
                "token" => "token list --workspace ID",
                "invoice" => "invoice list --workspace ID",
                _ => "workspace list",
            };
            format!("no such {what}; `hoursmith {list}` shows what there is")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the library checks of commands when they are used: in a build that is not optimized, and only there.
    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }
}
