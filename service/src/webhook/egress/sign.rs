//! Signatures of a delivery: `Hoursmith-Signature`, and the headers of Standard Webhooks (standardwebhooks.com). Both cover
//! the body as it is sent and the instant of the attempt.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRngCore;
use sha2::Sha256;

use crate::contract::error::Error;

const PREFIX: &str = "wsk_";
/// The prefix by which libraries of Standard Webhooks know a secret.
const STANDARD_PREFIX: &str = "whsec_";
/// The length of the prefix of a secret that stays visible, so that secrets can be distinguished.
const PREFIX_SHOWN: usize = PREFIX.len() + 6;

/// The signing secret of an endpoint: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// Hides the bytes, so that no log contains them.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// From the system's random source.
    ///
    /// # Errors
    /// `Internal` if the operating system provides no random bytes.
    pub fn random() -> Result<Secret, Error> {
        let mut bytes = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|e| Error::bug(format!("no randomness: {e}")))?;
        Ok(Secret(bytes))
    }

    /// From its text, `wsk_…` or `whsec_…`; none if the text is neither with the base64 of 32 bytes.
    pub fn parse(text: &str) -> Option<Secret> {
        let encoded = text.strip_prefix(PREFIX).or_else(|| text.strip_prefix(STANDARD_PREFIX))?;
        Some(Secret(STANDARD.decode(encoded).ok()?.try_into().ok()?))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Secret, Error> {
        Ok(Secret(bytes.try_into().map_err(|_| Error::bug("a webhook secret has not 32 bytes"))?))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text that is shown once, when the secret is made: `wsk_` and the base64 of the bytes.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0))
    }

    /// The same secret as a Standard Webhooks library takes it: `whsec_` and the base64 of the bytes.
    pub fn standard_text(&self) -> String {
        format!("{STANDARD_PREFIX}{}", STANDARD.encode(self.0))
    }

    /// The prefix of the text, which stays visible.
    pub(crate) fn prefix(&self) -> String {
        self.text().chars().take(PREFIX_SHOWN).collect()
    }
}

/// The signature headers of one attempt. Two secrets sign while a replaced one is still valid.
pub struct Signed {
    /// The value of `Hoursmith-Signature`, whose key is the whole text of the secret.
    pub hoursmith: String,
    /// The value of `webhook-signature`, whose key is the 32 bytes.
    pub standard: String,
}

/// Signs a body for an attempt at this instant, in Unix seconds, with one secret, or with two while a replaced one is still
/// valid.
pub fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &str) -> Signed {
    let ours = secrets.iter().map(|secret| {
        let digest = mac(secret.text().as_bytes(), &[&timestamp.to_string(), ".", body]);
        format!(",v1={}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    });
    let standard = secrets.iter().map(|secret| {
        let digest = mac(&secret.0, &[id, ".", &timestamp.to_string(), ".", body]);
        format!("v1,{}", STANDARD.encode(digest))
    });
    Signed {
        hoursmith: format!("t={timestamp}{}", ours.collect::<String>()),
        standard: standard.collect::<Vec<_>>().join(" "),
    }
}

fn mac(key: &[u8], parts: &[&str]) -> Vec<u8> {
    // HMAC accepts keys of any length (RFC 2104, section 2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return vec![] };
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values were computed by another program: `printf '1781164800.{}' | openssl dgst -sha256 -hmac "wsk_AAEC…"`.
    #[test]
    fn signatures_are_those_that_openssl_makes() {
        let secret = Secret(std::array::from_fn(|i| i as u8));
        assert_eq!(secret.text(), "wsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        assert_eq!(secret.prefix(), "wsk_AAECAw");
        let signed = sign(&[secret], "evt", 1_781_164_800, "{}");
        assert_eq!(
            signed.hoursmith,
            "t=1781164800,v1=ae9d14b2fdc9c567c0cc8214a08ad0b647b6ffe55e3c01d9039e6bedd9a071e9"
        );
        assert_eq!(signed.standard, "v1,v51wF3a/1JAtzP1SjyqnNldxj7BeOY+7BlJJ38HLt8o=");
    }

    #[test]
    fn two_secrets_make_two_signatures() {
        let (new, old) = (Secret([1; 32]), Secret([2; 32]));
        let alone = |secret: &Secret| sign(std::slice::from_ref(secret), "e", 1, "{}");
        let both = sign(&[new.clone(), old.clone()], "e", 1, "{}");
        assert_eq!(both.standard, format!("{} {}", alone(&new).standard, alone(&old).standard));
        assert_eq!(both.hoursmith.matches(",v1=").count(), 2);
        assert!(both.hoursmith.starts_with(&alone(&new).hoursmith));
    }
}
