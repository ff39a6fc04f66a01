//! The key that encrypts secrets: set by the operator or, for an embedded database, generated once beside it.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use service::SecretKey;

use super::{Failure, sqlite};

const HOW: &str = "make one with `openssl rand -base64 32`";

/// The keys of the setting, or the key of an embedded database, made if there is none.
pub(super) fn ensure(setting: Option<&str>, database_url: &str) -> Result<Vec<SecretKey>, Failure> {
    if let Some(setting) = setting {
        return read(setting);
    }
    match sqlite::beside(database_url, ".key") {
        None => Err(format!("HOURSMITH_SECRET_KEY is needed with PostgreSQL: base64 of 32 bytes; {HOW}").into()),
        Some(path) if path.exists() => read(std::fs::read_to_string(&path)?.trim()),
        Some(path) => {
            let mut bytes = [0_u8; 32];
            rand::TryRngCore::try_fill_bytes(&mut rand::rngs::OsRng, &mut bytes)?;
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let shown = path.display();
            let text = STANDARD.encode(bytes);
            let written = options.open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|e| format!("cannot write {shown}: {e}"))?;
            read(&text)
        }
    }
}

/// One key or several, comma-separated: the first encrypts, all decrypt.
fn read(setting: &str) -> Result<Vec<SecretKey>, Failure> {
    let keys: Option<Vec<_>> = setting.split(',').map(SecretKey::from_base64).collect();
    let message = || format!("HOURSMITH_SECRET_KEY must be base64 of 32 bytes, or several with commas; {HOW}");
    Ok(keys.ok_or_else(message)?)
}
