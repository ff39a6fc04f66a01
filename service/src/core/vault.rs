//! Secrets at rest: sealed with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) under several keys, of which the first
//! seals and all open. What is sealed is bound to its context (table, column and row), so that it cannot be moved to another row.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::TryRngCore;
use sha2::{Digest, Sha256};

use crate::contract::error::Error;

/// The form of what is stored: this byte, the id of the key, the nonce, the sealed text with its tag.
const FORM: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 24;
/// What a sealed text begins with where plain ones are stored too; no JSON document does.
const MARK: &str = "sealed:";

/// A key of 32 bytes.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// From the base64 of 32 bytes, as the operator sets it.
    pub fn from_base64(text: &str) -> Option<SecretKey> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        Some(SecretKey(bytes.try_into().ok()?))
    }

    /// Its id in hexadecimal, by which operators distinguish keys; nothing can be derived from it.
    pub fn fingerprint(&self) -> String {
        in_hexadecimal(&self.id())
    }

    /// Its id: stored beside what it has sealed, which it reveals nothing of.
    fn id(&self) -> [u8; KEY_ID] {
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&Sha256::new().chain_update("hoursmith key").chain_update(self.0).finalize()[..KEY_ID]);
        id
    }
}

/// Never in a log.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// The id of a key, as operators see it.
fn in_hexadecimal(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The keys.
pub(crate) struct Vault(Vec<([u8; KEY_ID], XChaCha20Poly1305)>);

impl Vault {
    pub(crate) fn new(keys: &[SecretKey]) -> Vault {
        Vault(keys.iter().map(|key| (key.id(), XChaCha20Poly1305::new(&key.0.into()))).collect())
    }

    /// Seals with the first key. `context` says where it will be stored, and is demanded again to open it.
    pub(crate) fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let (id, cipher) = self.0.first().ok_or_else(|| Error::bug("there is no secret key to seal with"))?;
        let mut nonce = [0; NONCE];
        rand::rngs::OsRng.try_fill_bytes(&mut nonce).map_err(|e| Error::bug(format!("no randomness: {e}")))?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::bug("sealing failed"))?;
        Ok([&[FORM][..], &id[..], &nonce[..], &sealed[..]].concat())
    }

    /// Opens what was sealed for this context, with whichever key it was.
    pub(crate) fn open(&self, context: &str, stored: &[u8]) -> Result<Vec<u8>, Error> {
        let strange = || Error::bug("a stored secret has an unknown form");
        let (form, rest) = stored.split_first().ok_or_else(strange)?;
        let (id, rest) = rest.split_first_chunk::<KEY_ID>().ok_or_else(strange)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(strange)?;
        if *form != FORM {
            return Err(strange());
        }
        let known = self.0.iter().find(|(own, _)| own == id);
        let lacks = || {
            let id = in_hexadecimal(id);
            Error::bug(format!("a secret was sealed with the key {id}, which HOURSMITH_SECRET_KEY lacks"))
        };
        let (_, cipher) = known.ok_or_else(lacks)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let altered = |_| Error::bug("a stored secret was altered or moved");
        cipher.decrypt(&XNonce::from(*nonce), payload).map_err(altered)
    }

    /// The id of the key that a secret was sealed with, if it is none of these.
    pub(crate) fn lacks_key_of(&self, stored: &[u8]) -> Option<String> {
        let id = stored.get(1..=KEY_ID)?;
        (!self.0.iter().any(|(own, _)| own == id)).then(|| in_hexadecimal(id))
    }

    /// Whether a secret was sealed with the first key.
    pub(crate) fn is_sealed_with_first(&self, stored: &[u8]) -> bool {
        self.0.first().is_some_and(|(id, _)| stored.get(1..=KEY_ID) == Some(&id[..]))
    }

    /// Seals a text into a column that holds plain texts too.
    pub(crate) fn seal_text(&self, context: &str, plain: &str) -> Result<String, Error> {
        Ok(format!("{MARK}{}", STANDARD.encode(self.seal(context, plain.as_bytes())?)))
    }

    /// The text of such a column, opened if it was sealed.
    pub(crate) fn open_text(&self, context: &str, stored: Arc<str>) -> Result<Arc<str>, Error> {
        if !stored.starts_with(MARK) {
            return Ok(stored);
        }
        Ok(self.open_sealed(context, &stored)?.into())
    }

    /// A text that must have been sealed.
    pub(crate) fn open_sealed(&self, context: &str, stored: &str) -> Result<String, Error> {
        let sealed = stored.strip_prefix(MARK).ok_or_else(|| Error::bug("a text is not sealed"))?;
        let sealed = STANDARD.decode(sealed).map_err(|_| Error::bug("a sealed text is not base64"))?;
        String::from_utf8(self.open(context, &sealed)?).map_err(|_| Error::bug("a sealed text is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vault {
        Vault::new(&bytes.iter().map(|byte| SecretKey([*byte; 32])).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = keys(&[1]).seal("here", b"secret").unwrap();
        let both = keys(&[2, 1]);
        assert_eq!(both.open("here", &old).unwrap(), b"secret");
        let new = both.seal("here", b"secret").unwrap();
        assert!(keys(&[1]).open("here", &new).is_err() && keys(&[2]).open("here", &new).is_ok());
        assert!(keys(&[]).seal("here", b"secret").is_err());
        assert!(
            both.lacks_key_of(&old).is_none() && both.is_sealed_with_first(&new) && !both.is_sealed_with_first(&old)
        );
        let id = keys(&[2]).lacks_key_of(&old).unwrap();
        assert_eq!(id, SecretKey([1; 32]).fingerprint());
        let Err(Error::Internal(cause)) = keys(&[2]).open("here", &old) else { panic!("it has not the key") };
        assert!(cause.to_string().contains(&id), "the operator learns which key it was");
    }

    #[test]
    fn what_is_sealed_cannot_be_moved_changed_or_cut() {
        let vault = keys(&[7]);
        let sealed = vault.seal("here", b"secret").unwrap();
        assert_ne!(sealed, vault.seal("here", b"secret").unwrap(), "no nonce is used twice");
        assert!(vault.open("there", &sealed).is_err());
        for i in 0..sealed.len() {
            let mut other = sealed.clone();
            other[i] ^= 1;
            assert!(vault.open("here", &other).is_err(), "byte {i}");
            assert!(vault.open("here", &sealed[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn a_plain_text_stays_and_a_sealed_one_is_opened() {
        let vault = keys(&[7]);
        let sealed = vault.seal_text("row", r#"{"secret":"x"}"#).unwrap();
        assert!(!sealed.contains("secret"));
        assert_eq!(&*vault.open_text("row", sealed.into()).unwrap(), r#"{"secret":"x"}"#);
        assert_eq!(&*vault.open_text("row", "{}".into()).unwrap(), "{}");
    }

    #[test]
    fn keys_are_base64_of_32_bytes_and_are_not_printed() {
        let key = SecretKey::from_base64(" MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= ").unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey");
        for bad in ["", "MDEy", "not base64", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy"] {
            assert!(SecretKey::from_base64(bad).is_none(), "{bad}");
        }
    }
}
