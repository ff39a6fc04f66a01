//! `copy`: from SQLite to PostgreSQL or back, with everything: ids, tokens, idempotency keys, sealed secrets, events.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use service::maintenance::{self, Transfer};

use super::{Failure, print, sqlite};

/// How often progress is shown, at most.
const EVERY: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(super) struct Copy {
    /// The URL of the database to read.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The URL of the empty database to fill.
    #[arg(long, value_name = "URL")]
    to: String,
}

/// What a copy reports.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CopyReport {
    rows: u64,
    tables: Vec<Table>,
    /// The keys that the new server needs: their fingerprints.
    key_ids: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    name: String,
    rows: u64,
    /// SHA-256 of all rows: the same in both databases.
    sha256: String,
}

impl Copy {
    pub(super) async fn run(self, json: bool) -> Result<(), Failure> {
        let (from, to) = (sqlite::with_mode(&self.from), sqlite::with_mode(&self.to));
        super::check_database_url("--from", &from)?;
        super::check_database_url("--to", &to)?;
        if from == to {
            return Err("--from and --to are the same database".into());
        }
        let source = sqlite::path(&from);
        if let Some(file) = source.as_ref().filter(|file| !file.exists()) {
            return Err(format!("--from: there is no database at {}", file.display()).into());
        }
        let (known, unknown) = migration::status(&from).await.map_err(|why| format!("--from: {why}"))?;
        if let Some(step) = known.iter().find(|step| !step.applied) {
            return Err(format!(
                "--from: the database lacks the migration {}: run `hoursmith migrate` on it first",
                step.name
            )
            .into());
        }
        if let Some(step) = unknown.first() {
            return Err(format!(
                "--from: the database is newer than this hoursmith (it has {}): copy it with that release",
                step.name
            )
            .into());
        }
        // Nobody serves the target before it is complete.
        let _lock = sqlite::lock(&to)?;
        migration::up_as(&to, migration::Migrator::Command, false).await.map_err(|why| format!("--to: {why}"))?;
        let served = is_served(&from)?;
        if served {
            print::progress(
                "copy: the source is in use: it is copied as it is now, and what is written to it from now on is not in the copy",
            );
        }
        let mut shown = Instant::now();
        let progress = |table: &str, rows: u64| {
            if shown.elapsed() >= EVERY {
                shown = Instant::now();
                print::progress(&format!("copy: {table}: {rows} rows"));
            }
        };
        let copied = maintenance::copy(Transfer { from: &from, to: &to }, progress).await?;
        let keys = maintenance::keys_in_use(&to).await?;
        let rows = copied.iter().map(|table| table.rows).sum();
        let tables =
            copied.into_iter().map(|table| Table { name: table.table, rows: table.rows, sha256: table.sha256 });
        let report = CopyReport {
            rows,
            tables: tables.collect(),
            key_ids: keys.into_iter().map(|key| key.fingerprint).collect(),
        };
        let mut words: Vec<String> =
            report.tables.iter().map(|table| format!("{:<20} {}", table.name, table.rows)).collect();
        words.push(format!("{rows} rows copied and compared"));
        if !report.key_ids.is_empty() {
            words.push(key_hint(&from, &to, &report.key_ids));
        }
        if served {
            words.push(
                "The source was in use: what was written to it meanwhile is not in the copy. To move for good, stop its server \
                 and copy again into an empty database."
                    .to_owned(),
            );
        }
        print::outcome(json, &report, words.join("\n"))
    }
}

/// Whether a server of an embedded database holds its lock.
fn is_served(url: &str) -> Result<bool, Failure> {
    Ok(sqlite::path(url).is_some() && sqlite::is_locked(url)?)
}

/// Where the key is that opens what was sealed.
fn key_hint(from: &str, to: &str, ids: &[String]) -> String {
    let ids = ids.join(", ");
    match (sqlite::beside(from, ".key"), sqlite::beside(to, ".key")) {
        (Some(file), None) => format!(
            "Its secrets need the key {ids}: start the server with HOURSMITH_SECRET_KEY set to the content of {}",
            file.display()
        ),
        (_, Some(file)) => format!(
            "Its secrets need the key {ids}: set HOURSMITH_SECRET_KEY as before, or write the key to {} (chmod 600)",
            file.display()
        ),
        _ => format!("Its secrets need the key {ids}: start the server with the same HOURSMITH_SECRET_KEY"),
    }
}
