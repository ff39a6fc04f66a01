//! Sign-in by an e-mail address that somebody else has verified: the operator's OpenID provider.

use entity::member;
use entity::value::{MemberId, OrganizationId, Timestamp, email_key};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use super::{Browser, NewSession, SignInMethod, begin, spend};
use crate::contract::error::Error;
use crate::door::visitor::Visitor;

/// Workspaces of one person that are offered, at most.
const MOST: u32 = 50;

/// A membership that an e-mail address leads to.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Membership {
    /// The workspace.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
    member_id: MemberId,
    email: String,
}

/// The live memberships of the person with this e-mail address, by the name of the workspace, at most 50. The address must be
/// verified: what is returned lets in. Letters count as the same in upper and lower case only within ASCII: by the wider rule
/// that members are found by, another person could hold an address that looks the same.
///
/// # Errors
/// `Internal` (database).
pub(crate) async fn memberships(visitor: &Visitor, verified_email: &str) -> Result<Vec<Membership>, Error> {
    let sql = format!(
        "SELECT m.organization_id, o.name AS organization_name, m.id AS member_id, m.email FROM user_account u \
         JOIN member m ON m.user_id = u.id JOIN organization o ON o.id = m.organization_id \
         WHERE u.email_key = $1 AND m.deleted_at IS NULL ORDER BY o.name, o.id LIMIT {MOST}"
    );
    let reader = visitor.reader();
    let values = [email_key(verified_email).into()];
    let statement = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
    let mut found = Membership::find_by_statement(statement).all(&reader).await?;
    found.retain(|membership| membership.email.eq_ignore_ascii_case(verified_email));
    Ok(found)
}

/// Begins a session of a membership; none if the membership has ended, or the proof was used. A proof is known by its name,
/// and counts once until it expires.
///
/// # Errors
/// `Internal` (database).
pub(crate) async fn begin_verified(
    visitor: &Visitor,
    membership: &Membership,
    proof: &str,
    until: Timestamp,
    browser: &Browser,
) -> Result<Option<NewSession>, Error> {
    let begun = visitor.write(membership.organization_id, async |write| {
        let is_member = write.lock_shared::<member::Entity>(membership.member_id).await?.is_some();
        if !is_member || !spend(write, proof, until.millis()).await? {
            return Ok(None);
        }
        begin(write, visitor, membership.member_id, SignInMethod::Oidc, browser).await.map(Some)
    });
    begun.await
}
