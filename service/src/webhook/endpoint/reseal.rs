//! Sealing the secrets of all endpoints anew, under the first key: the last step before an old key can be forgotten.

use entity::value::{OrganizationId, WebhookEndpointId};
use entity::webhook_endpoint;
use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;

use super::{open, seal};
use crate::contract::error::Error;
use crate::core::vault::Vault;
use crate::door::operator::Operator;

/// What became of the secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resealed {
    /// Endpoints whose secrets are sealed with the first key now.
    pub resealed: u64,
    /// Endpoints whose secrets were so before.
    pub unchanged: u64,
    /// Endpoints whose secrets were sealed with a key that is not among those given.
    pub unopened: u64,
}

/// Seals the secrets of every live endpoint with the first key, each in a transaction of its own, beside servers that work.
/// Nothing that callers see changes.
///
/// # Errors
/// `Internal` (database); what was resealed before stays so.
pub async fn reseal(operator: &Operator) -> Result<Resealed, Error> {
    let reader = operator.reader();
    let sql = "SELECT organization_id, id FROM webhook_endpoint WHERE deleted_at IS NULL ORDER BY organization_id, id";
    let rows = reader.query_all_raw(Statement::from_string(reader.get_database_backend(), sql)).await?;
    let mut done = Resealed::default();
    for row in rows {
        let organization: OrganizationId = row.try_get("", "organization_id")?;
        let id: WebhookEndpointId = row.try_get("", "id")?;
        let outcome = operator.write(organization, async |write| {
            let before = write.lock_exclusive::<webhook_endpoint::Entity>(id).await?;
            let Some(after) = resealed(write.core().vault(), &before)? else { return Ok(false) };
            write.store::<webhook_endpoint::Entity>(after).await?;
            Ok(true)
        });
        match outcome.await {
            Ok(true) => done.resealed += 1,
            Ok(false) => done.unchanged += 1,
            // It was deleted meanwhile.
            Err(Error::NotFound(_)) => {}
            Err(Error::Internal(cause @ crate::contract::error::Cause::Bug(_))) => {
                tracing::warn!(%cause, endpoint = %id, "the secret of an endpoint was left as it is");
                done.unopened += 1;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(done)
}

/// An endpoint with its secrets under the first key; none if they are so already.
fn resealed(vault: &Vault, before: &webhook_endpoint::Model) -> Result<Option<webhook_endpoint::Model>, Error> {
    let sealed = std::iter::once(&before.secret).chain(&before.previous_secret);
    if sealed.into_iter().all(|sealed| vault.is_sealed_with_first(sealed)) {
        return Ok(None);
    }
    let anew = |sealed: &Vec<u8>| {
        let secret = open(vault, before.organization_id, before.id, sealed)?;
        seal(vault, before.organization_id, before.id, &secret)
    };
    let (secret, previous) = (anew(&before.secret)?, before.previous_secret.as_ref().map(anew).transpose()?);
    Ok(Some(webhook_endpoint::Model { secret, previous_secret: previous, ..before.clone() }))
}
