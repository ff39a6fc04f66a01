//! What a token of the provider must say to sign somebody in (OpenID Connect Core 1.0, section 3.1.3.7).

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::value::Timestamp;
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata};
use openidconnect::{ClaimsVerificationError, Nonce};

use super::provider::Client;

/// How long ago the person may have signed in at the provider, as it is asked to see to.
pub(super) const MAX_AGE: Duration = Duration::from_secs(300);
/// How far the provider's clock and ours may be apart, with the time that a token is under way.
const SKEW: i64 = 300;
/// What a token may be signed by: a key that only the provider has. Neither `none` nor a secret that is shared.
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The claims of a token that is signed by the provider, for this server, for this sign-in and for now.
pub(super) fn verified<'t>(
    client: &Client,
    metadata: &CoreProviderMetadata,
    token: &'t CoreIdToken,
    nonce: &Nonce,
    now: Timestamp,
) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
    let seconds = now.seconds();
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let offered = metadata.id_token_signing_alg_values_supported();
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS.into_iter().filter(|own| offered.contains(own)))
        .set_time_fn(move || time)
        .set_issue_time_verifier_fn(move |at| within(at, seconds, SKEW))
        .set_auth_time_verifier_fn(move |at| match at {
            Some(at) => within(at, seconds, SKEW + MAX_AGE.as_secs().cast_signed()),
            None => Ok(()),
        });
    let claims = token.claims(&verifier, nonce)?;
    match claims.authorized_party() {
        Some(party) if *party != *client.client_id() => {
            Err(ClaimsVerificationError::InvalidAudience("the authorized party is another client".into()))
        }
        _ => Ok(claims),
    }
}

/// Whether an instant is at most so many seconds away.
fn within(at: DateTime<Utc>, now: i64, seconds: i64) -> Result<(), String> {
    match at.timestamp().abs_diff(now) <= seconds.unsigned_abs() {
        true => Ok(()),
        false => Err(format!("{} is too far from now", at.timestamp())),
    }
}
