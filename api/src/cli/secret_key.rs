//! The key that secrets are encrypted with: told by the operator, or for an embedded database made once beside it.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, sqlite};

const HOW: &str = "make one with `openssl rand -base64 32`";

/// Checks the setting, or makes the key of an embedded database.
pub(super) fn ensure(setting: Option<&str>, database_url: &str) -> Result<(), Failure> {
    if let Some(setting) = setting {
        return check(setting);
    }
    match sqlite::beside(database_url, ".key") {
        None => Err(format!("HOURSMITH_SECRET_KEY is needed with PostgreSQL: base64 of 32 bytes; {HOW}").into()),
        Some(path) if path.exists() => check(std::fs::read_to_string(&path)?.trim()),
        Some(path) => {
            let mut bytes = [0_u8; 32];
            rand::TryRngCore::try_fill_bytes(&mut rand::rngs::OsRng, &mut bytes)?;
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let shown = path.display();
            let written = options.open(&path).and_then(|mut file| file.write_all(STANDARD.encode(bytes).as_bytes()));
            Ok(written.map_err(|e| format!("cannot write {shown}: {e}"))?)
        }
    }
}

/// One key or several, comma-separated: the first encrypts, all decrypt.
fn check(setting: &str) -> Result<(), Failure> {
    for key in setting.split(',') {
        if STANDARD.decode(key.trim()).map(|bytes| bytes.len()) != Ok(32) {
            return Err(
                format!("HOURSMITH_SECRET_KEY must be base64 of 32 bytes, or several with commas; {HOW}").into()
            );
        }
    }
    Ok(())
}
