//! What a workspace and a member use of the limits of their plan.

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::door::Cx;
use crate::nouns::member::member_cap;
use crate::nouns::token::MAX_TOKENS;
use crate::webhook::endpoint::MAX_ENDPOINTS;

/// A number that is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// How many there are.
    pub used: u64,
    /// How many there may be.
    pub limit: u64,
}

/// What is used of the limits.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Members of the workspace.
    pub members: Used,
    /// Live tokens of the caller.
    pub tokens: Used,
    /// Webhook endpoints of the workspace.
    pub endpoints: Used,
}

const COUNTS: &str = "\
    SELECT (SELECT COUNT(*) FROM member WHERE organization_id = $1 AND deleted_at IS NULL) AS members, \
    (SELECT COUNT(*) FROM token WHERE organization_id = $1 AND member_id = $2 AND revoked_at IS NULL \
        AND (expires_at IS NULL OR expires_at > $3)) AS tokens, \
    (SELECT COUNT(*) FROM webhook_endpoint WHERE organization_id = $1 AND deleted_at IS NULL) AS endpoints";

/// What is used of the limits, counted in one statement.
///
/// # Errors
/// `Internal` (database).
pub async fn get(cx: &Cx) -> Result<Usage, Error> {
    let (workspace, member) = (cx.caller().organization_id(), cx.caller().member_id());
    let read = cx.read(Action::GetOrganization)?;
    let rows = read.raw(COUNTS, [workspace.into(), member.into(), cx.now().into()]).await?;
    let row = rows.first().ok_or_else(|| Error::bug("a count gave no row"))?;
    let number = |name: &str| -> Result<u64, Error> { Ok(u64::try_from(row.try_get::<i64>("", name)?).unwrap_or(0)) };
    Ok(Usage {
        members: Used { used: number("members")?, limit: member_cap(cx.caller().plan()) },
        tokens: Used { used: number("tokens")?, limit: MAX_TOKENS },
        endpoints: Used { used: number("endpoints")?, limit: MAX_ENDPOINTS },
    })
}
