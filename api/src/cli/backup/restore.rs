//! `restore`: an embedded database comes back from its backup. Everything is checked before anything is touched, and what
//! was there before is moved aside, never destroyed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use service::{SecretKey, maintenance};

use super::archive::{self, DatabaseKind, Manifest};
use super::postgres;
use crate::cli::secret_key::{self, Ring};
use crate::cli::{Common, Failure, files, print, sqlite};

#[derive(Args)]
pub(crate) struct Restore {
    /// The file of the backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Replace a database that is not empty; it is moved aside.
    #[arg(long)]
    force: bool,
    /// Restore although the key of its secrets is missing: every webhook endpoint then needs a new secret.
    #[arg(long)]
    without_key: bool,
    #[command(flatten)]
    secret_key: secret_key::Setting,
}

/// What a restore reports.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoreReport {
    database: String,
    key_file: Option<String>,
    /// Where the database is that was there before.
    replaced: Option<String>,
    release: String,
    migrations: Vec<String>,
    counts: BTreeMap<String, i64>,
}

/// The files that a restore makes or moves.
struct Places {
    database: PathBuf,
    key: PathBuf,
    new_database: PathBuf,
    new_key: PathBuf,
}

impl Restore {
    pub(crate) async fn run(self, common: &Common) -> Result<(), Failure> {
        common.check_url()?;
        let (manifest, key) = archive::read(&self.from, None)?;
        let from = self.from.display();
        let Some(database) = sqlite::resolved(&common.database_url) else {
            return match manifest.database {
                DatabaseKind::Postgresql => {
                    if !self.force && !maintenance::is_empty(common.migration_url()).await? {
                        return Err("the database is not empty: the line that loads the dump would replace its rows; to have \
                                    it all the same, stop every server and add --force"
                            .into());
                    }
                    let run = postgres::load_line(common.migration_url(), &self.from);
                    print::outcome(common.json, &serde_json::json!({ "run": run }), run.clone())?;
                    Err("nothing was restored: PostgreSQL is loaded by its own program; run the line above".into())
                }
                DatabaseKind::Sqlite => Err(format!(
                    "{from} holds an embedded database: restore it with --database-url sqlite://FILE, then move it with \
                     `hoursmith copy`"
                )
                .into()),
            };
        };
        if manifest.database == DatabaseKind::Postgresql {
            return Err(format!("{from} belongs to a dump of PostgreSQL and holds no rows: set HOURSMITH_DATABASE_URL to the database to load").into());
        }
        let ring = self.ring(&manifest, key, &common.database_url)?;
        // Held until everything is in its place.
        let _lock = sqlite::lock(&common.database_url)?;
        let replaces = self.replaces(&database, &common.database_url).await?;
        let places = Places {
            key: files::with_ending(&database, ".key"),
            new_database: files::with_ending(&database, ".restoring"),
            new_key: files::with_ending(&database, ".key.restoring"),
            database,
        };
        let _temporary = files::Temporary(vec![places.new_database.clone(), places.new_key.clone()]);
        self.extract(&places, &manifest).await?;
        if let Some(text) = &ring {
            let mut file = files::create(&places.new_key)?;
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
        }
        let replaced = places.replace(replaces, ring.as_deref())?;
        let Manifest { release, migrations, counts, .. } = manifest;
        let key_file = ring.map(|_| places.key.display().to_string());
        let database = places.database.display().to_string();
        let replaced = replaced.map(|path| path.display().to_string());
        let rows: i64 = counts.values().sum();
        let aside = replaced.as_ref().map(|path| format!("; what was there is now {path}")).unwrap_or_default();
        let words = format!("{database}: {rows} rows from {from}{aside}");
        print::outcome(common.json, &RestoreReport { database, key_file, replaced, release, migrations, counts }, words)
    }

    /// The key to be put beside the database, after it is sure that every secret has its key.
    fn ring(&self, manifest: &Manifest, key: Option<String>, url: &str) -> Result<Option<String>, Failure> {
        let mut known: Vec<String> = Vec::new();
        for text in key.iter().flat_map(|text| text.split(',')) {
            known.extend(SecretKey::from_base64(text).map(|key| key.fingerprint()));
        }
        known.extend(self.secret_key.find(url)?.iter().flat_map(Ring::fingerprints));
        let missing: Vec<_> = manifest.sealed_with.iter().filter(|(id, _)| !known.contains(id)).collect();
        if let Some((id, secrets)) = missing.first().filter(|_| !self.without_key) {
            return Err(format!(
                "{secrets} secrets of the backup were sealed with the key {id}, which is neither in it nor in \
                 HOURSMITH_SECRET_KEY nor beside the database: set it, or add --without-key and give every webhook endpoint a \
                 new secret afterwards"
            )
            .into());
        }
        Ok(key)
    }

    /// Whether there is something to be moved aside, which is refused without `--force`.
    async fn replaces(&self, database: &Path, url: &str) -> Result<bool, Failure> {
        let bytes = fs::metadata(database).map_or(0, |file| file.len());
        // One that cannot be read may hold something all the same.
        let replaces = bytes > 0 && !maintenance::is_empty(url).await.unwrap_or(false);
        if replaces && !self.force {
            let shown = database.display();
            return Err(format!("{shown} is not empty: add --force, and it is moved aside and replaced").into());
        }
        Ok(replaces)
    }

    /// Writes the database beside its place, and checks it there.
    async fn extract(&self, places: &Places, manifest: &Manifest) -> Result<(), Failure> {
        let mut file = files::create(&places.new_database)?;
        archive::read(&self.from, Some(&mut file))?;
        file.sync_all()?;
        let inside = maintenance::inspect_file(&places.new_database).await?;
        let counts: BTreeMap<String, i64> = inside.counts.into_iter().collect();
        if counts != manifest.counts || inside.migrations != manifest.migrations {
            return Err(format!(
                "{}: the database in it is not what its manifest says; nothing was changed",
                self.from.display()
            )
            .into());
        }
        migration::check(&maintenance::url_of(&places.new_database)?).await?;
        Ok(())
    }
}

impl Places {
    /// Puts everything into its place; gives where the database went that was there before.
    fn replace(&self, keeps_old: bool, key: Option<&str>) -> Result<Option<PathBuf>, Failure> {
        let companions = ["-wal", "-shm"];
        let mut replaced = None;
        if keeps_old {
            let aside = (1..=u32::MAX).map(|n| files::with_ending(&self.database, &format!(".replaced-{n}")));
            let Some(aside) = aside.into_iter().find(|path| !path.exists()) else {
                return Err("there is no free name for the database that is there; nothing was changed".into());
            };
            fs::rename(&self.database, &aside)?;
            for ending in companions {
                move_if_there(&files::with_ending(&self.database, ending), &files::with_ending(&aside, ending))?;
            }
            let differs =
                key.is_some_and(|key| fs::read_to_string(&self.key).is_ok_and(|own| own.trim() != key.trim()));
            if differs {
                move_if_there(&self.key, &files::with_ending(&aside, ".key"))?;
            }
            replaced = Some(aside);
        }
        // A log of another life would be written over the database that is restored.
        for ending in companions {
            files::remove(&files::with_ending(&self.database, ending))?;
        }
        if key.is_some() {
            fs::rename(&self.new_key, &self.key)?;
        }
        fs::rename(&self.new_database, &self.database)?;
        files::sync_folder(&self.database)?;
        Ok(replaced)
    }
}

fn move_if_there(from: &Path, to: &Path) -> Result<(), Failure> {
    if from.exists() {
        fs::rename(from, to)?;
    }
    Ok(())
}
