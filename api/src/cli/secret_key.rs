//! The key that encrypts secrets: set by the operator or, for an embedded database, generated once beside it.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use service::{SecretKey, maintenance};

use super::{Failure, files, sqlite};

const HOW: &str = "make one with `openssl rand -base64 32`";

/// The setting, for the commands that look at keys.
#[derive(Args)]
#[group(id = "secret_key_settings")]
pub(super) struct Setting {
    /// Encrypts stored secrets: base64 of 32 bytes, or several with commas, of which the first encrypts.
    #[arg(long, env = "HOURSMITH_SECRET_KEY", hide_env_values = true)]
    secret_key: Option<String>,
}

/// Keys, and where they are from.
pub(super) struct Ring {
    /// The text that they were read from: one key or several with commas.
    pub(super) text: String,
    /// The first encrypts, all decrypt.
    pub(super) keys: Vec<SecretKey>,
    /// The file beside the database, if they are from there.
    pub(super) file: Option<PathBuf>,
}

impl Ring {
    /// What distinguishes the keys, without giving them away.
    pub(super) fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(SecretKey::fingerprint).collect()
    }
}

impl Setting {
    fn text(&self) -> Option<&str> {
        self.secret_key.as_deref().filter(|text| !text.is_empty())
    }

    /// The keys of the setting, or else those beside an embedded database; none if there are neither.
    pub(super) fn find(&self, database_url: &str) -> Result<Option<Ring>, Failure> {
        if let Some(text) = self.text() {
            return Ok(Some(Ring { text: text.to_owned(), keys: read(text)?, file: None }));
        }
        let Some(path) = sqlite::beside(database_url, ".key").filter(|path| path.exists()) else { return Ok(None) };
        files::refuse_open_secret(&path)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|cause| format!("cannot read {}: {cause}", path.display()))?
            .trim()
            .to_owned();
        let damaged = |_| {
            let shown = path.display();
            format!("{shown} is damaged: it must hold the base64 of 32 bytes; put the key file of the backup there")
        };
        let keys = read(&text).map_err(damaged)?;
        Ok(Some(Ring { text, keys, file: Some(path) }))
    }

    /// The keys for a server, which makes one beside an embedded database that has none. If something in it was sealed
    /// with a key that is missing, it refuses: with a new one, nothing of that could be opened any more. Unless the operator
    /// says that the key is lost.
    pub(super) async fn ensure(&self, database_url: &str, is_lost: bool) -> Result<Vec<SecretKey>, Failure> {
        if let Some(ring) = self.find(database_url)? {
            return Ok(ring.keys);
        }
        let (Some(path), Some(database)) = (sqlite::beside(database_url, ".key"), sqlite::path(database_url)) else {
            return Err(format!("HOURSMITH_SECRET_KEY is needed with PostgreSQL: base64 of 32 bytes; {HOW}").into());
        };
        if database.exists() && !is_lost {
            let secrets: i64 = maintenance::keys_in_use(database_url).await?.iter().map(|key| key.secrets).sum();
            if secrets > 0 {
                return Err(missing(&path, secrets).into());
            }
        }
        let mut bytes = [0_u8; 32];
        rand::TryRngCore::try_fill_bytes(&mut rand::rngs::OsRng, &mut bytes)?;
        let text = STANDARD.encode(bytes);
        let mut file = files::create(&path)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
        read(&text)
    }
}

fn missing(path: &Path, secrets: i64) -> String {
    let shown = path.display();
    format!(
        "{shown} is missing, and the database holds {secrets} secrets that were sealed with its key: put the key file of the \
         backup there, or set HOURSMITH_SECRET_KEY; if the key is lost, start with --secret-key-lost, which makes another, and \
         rotate the secret of every webhook endpoint"
    )
}

/// Refuses keys of which none opens anything that the database holds: a server with another key than the one beside it would
/// seal what that one cannot open. Where some is opened, the log names the keys that the rest needs.
pub(super) async fn check(database_url: &str, keys: &[SecretKey], is_lost: bool) -> Result<(), Failure> {
    let in_use = match maintenance::keys_of_endpoints(database_url).await {
        Ok(in_use) => in_use,
        Err(cause) => {
            tracing::debug!(%cause, "which keys are in use could not be read");
            return Ok(());
        }
    };
    let at_hand: Vec<String> = keys.iter().map(SecretKey::fingerprint).collect();
    let (opened, missing): (Vec<_>, Vec<_>) = in_use.into_iter().partition(|key| at_hand.contains(&key.fingerprint));
    if opened.is_empty() && !missing.is_empty() && !is_lost {
        let secrets: i64 = missing.iter().map(|key| key.secrets).sum();
        let ids = missing.iter().map(|key| key.fingerprint.as_str()).collect::<Vec<_>>().join(", ");
        return Err(format!(
            "HOURSMITH_SECRET_KEY ({}) opens none of the {secrets} secrets in the database, which were sealed with the key {ids}: \
             every replica needs that key; if it is lost, start with --secret-key-lost and rotate the secret of every webhook \
             endpoint",
            at_hand.join(", ")
        )
        .into());
    }
    for key in &missing {
        let (id, secrets) = (&key.fingerprint, key.secrets);
        tracing::warn!(%id, secrets, "webhook secrets were sealed with a key that HOURSMITH_SECRET_KEY lacks: their deliveries wait for it; every replica needs the same keys");
    }
    Ok(())
}

/// One key or several, comma-separated: the first encrypts, all decrypt.
fn read(setting: &str) -> Result<Vec<SecretKey>, Failure> {
    let keys: Option<Vec<_>> = setting.split(',').map(SecretKey::from_base64).collect();
    let message = || format!("HOURSMITH_SECRET_KEY must be base64 of 32 bytes, or several with commas; {HOW}");
    Ok(keys.ok_or_else(message)?)
}
