//! `backup`: one file with everything that a server needs to come back.

mod archive;
mod postgres;
mod restore;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use service::{Clock, maintenance};

use self::archive::{ArchiveFile, DATABASE, DatabaseKind, FORMAT, KEY, Manifest};
pub(super) use self::restore::Restore;
use super::secret_key::{self, Ring};
use super::{Common, Failure, files, print, sqlite};

/// The release of this program.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

#[derive(Args)]
pub(super) struct Backup {
    /// The file to write; one that exists is never overwritten.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    secret_key: secret_key::Setting,
}

/// What a backup reports.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BackupReport<'a> {
    file: String,
    #[serde(flatten)]
    manifest: &'a Manifest,
    /// What is to be run besides, for a PostgreSQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

impl Backup {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        common.check_url()?;
        let shown = self.to.display();
        if self.to.symlink_metadata().is_ok() {
            return Err(
                format!("{shown} exists already, and a backup is never overwritten: choose another name").into()
            );
        }
        let ring = self.secret_key.find(&common.database_url)?;
        let (manifest, run) = match sqlite::path(&common.database_url) {
            Some(database) => (self.embedded(common, &database, ring.as_ref()).await?, None),
            None => {
                let manifest = self.server(common, ring.as_ref()).await?;
                (manifest, Some(postgres::dump_line(common.migration_url(), &self.to)))
            }
        };
        warn_of_missing(&manifest);
        let mut words =
            format!("{shown}: {} rows in {} tables", manifest.counts.values().sum::<i64>(), manifest.counts.len());
        if let Some(line) = &run {
            words = format!(
                "{shown}: the ids of the keys\nThis is not the backup yet: PostgreSQL's own program dumps the rows. Run:\n  {line}"
            );
        }
        print::outcome(common.json, &BackupReport { file: shown.to_string(), manifest: &manifest, run }, words)
    }

    /// A consistent copy of the file, taken while others write to it, with its key.
    async fn embedded(&self, common: &Common, database: &Path, ring: Option<&Ring>) -> Result<Manifest, Failure> {
        if !database.exists() {
            return Err(format!("there is no database at {}", database.display()).into());
        }
        let (copy, partial) = (files::with_ending(&self.to, ".partial-db"), files::with_ending(&self.to, ".partial"));
        let _temporary = files::Temporary(vec![copy.clone(), partial.clone()]);
        files::create(&copy)?;
        let snapshot = maintenance::snapshot(&common.database_url, &copy).await?;
        let mut parts = vec![ArchiveFile::describe(DATABASE, &mut File::open(&copy)?)?];
        let mut contents: Vec<Box<dyn Read + '_>> = vec![Box::new(File::open(&copy)?)];
        if let Some(ring) = ring {
            parts.push(ArchiveFile::describe(KEY, &mut ring.text.as_bytes())?);
            contents.push(Box::new(ring.text.as_bytes()));
        }
        let manifest = Manifest {
            format: FORMAT,
            database: DatabaseKind::Sqlite,
            release: RELEASE.to_owned(),
            created_at: Clock::system().now(),
            migrations: snapshot.migrations,
            counts: snapshot.counts.into_iter().collect(),
            key_ids: ring.map(Ring::fingerprints).unwrap_or_default(),
            sealed_with: snapshot.keys.into_iter().map(|key| (key.fingerprint, key.secrets)).collect(),
            parts,
        };
        archive::write(files::create(&partial)?, &manifest, contents)
            .map_err(|cause| files::not_written(&partial, &cause))?;
        publish(&partial, &self.to)?;
        Ok(manifest)
    }

    /// What belongs to a dump of PostgreSQL: which migrations it has and which keys open its secrets.
    async fn server(&self, common: &Common, ring: Option<&Ring>) -> Result<Manifest, Failure> {
        let url = common.migration_url();
        let (known, unknown) = migration::status(url).await?;
        let keys = maintenance::keys_in_use(url).await?;
        let applied = known.into_iter().filter(|step| step.applied).map(|step| step.name);
        let manifest = Manifest {
            format: FORMAT,
            database: DatabaseKind::Postgresql,
            release: RELEASE.to_owned(),
            created_at: Clock::system().now(),
            migrations: applied.chain(unknown.into_iter().map(|step| step.name)).collect(),
            counts: std::collections::BTreeMap::new(),
            key_ids: ring.map(Ring::fingerprints).unwrap_or_default(),
            sealed_with: keys.into_iter().map(|key| (key.fingerprint, key.secrets)).collect(),
            parts: vec![],
        };
        let partial = files::with_ending(&self.to, ".partial");
        let _temporary = files::Temporary(vec![partial.clone()]);
        archive::write(files::create(&partial)?, &manifest, vec![])
            .map_err(|cause| files::not_written(&partial, &cause))?;
        publish(&partial, &self.to)?;
        Ok(manifest)
    }
}

/// Gives a finished file its name, unless somebody has taken it meanwhile.
fn publish(partial: &Path, to: &Path) -> Result<(), Failure> {
    let shown = to.display();
    match fs::hard_link(partial, to) {
        Ok(()) => files::remove(partial)?,
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(
                format!("{shown} exists already, and a backup is never overwritten: choose another name").into()
            );
        }
        // Some file systems know no second names.
        Err(_) => fs::rename(partial, to).map_err(|cause| format!("cannot write {shown}: {cause}"))?,
    }
    files::sync_folder(to)
}

/// Says which secrets the keys at hand do not open.
fn warn_of_missing(manifest: &Manifest) {
    for (id, secrets) in manifest.sealed_with.iter().filter(|(id, _)| !manifest.key_ids.contains(id)) {
        print::progress(&format!(
            "hoursmith: warning: {secrets} secrets were sealed with the key {id}, which is not at hand and so not in the backup; \
             store it yourself"
        ));
    }
}
