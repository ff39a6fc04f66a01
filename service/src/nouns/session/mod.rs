//! Sessions on the settings pages, and the login links that begin them. A member sees and ends their own sessions.

mod verified;

use entity::value::{Id, LoginLinkId, MemberId, OrganizationId, SessionId, Timestamp};
use entity::{login_link, session};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, Statement};
use serde::{Deserialize, Serialize};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::session::{FreshSecret, IDLE, LIFETIME, hash_of};
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::contract::outcome::{Deleted, Record, Written};
use crate::door::Cx;
use crate::door::operator::Operator;
use crate::door::visitor::Visitor;
use crate::door::write::Write;
use crate::list::filter::one_of;
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

pub use self::verified::Membership;
pub(crate) use self::verified::{begin_verified, memberships};

/// How long a login link may be used, in milliseconds.
const LINK_LIFETIME: i64 = 10 * 60 * 1000;
/// Characters that are stored of what a browser says it is.
const DEVICE: usize = 200;
/// One answer for every link that lets nobody in, so that nothing can be learned from it.
const BAD_LINK: &str =
    "this link does not sign in: it was used, has expired, or never existed; ask the operator for a new one";

/// A session of a member on the settings pages.
#[derive(Clone, Debug)]
pub struct Session {
    /// Identifier of the session (UUID v7).
    pub id: SessionId,
    /// How the member signed in.
    pub method: SignInMethod,
    /// What the browser said it is (`User-Agent`), cut to 200 characters; none if it said nothing.
    pub device: Option<String>,
    /// The address that the member signed in from.
    pub address: String,
    /// When the member signed in.
    pub created_at: Timestamp,
    /// When the session was last used, to about five minutes.
    pub seen_at: Timestamp,
    /// When the session ends if it is not used.
    pub expires_at: Timestamp,
}

impl From<session::Model> for Session {
    fn from(row: session::Model) -> Session {
        let session::Model {
            id,
            organization_id: _,
            member_id: _,
            hash: _,
            sign_in_method,
            device,
            address,
            created_at,
            seen_at,
            expires_at,
            ends_at: _,
            ended_at: _,
        } = row;
        let method = SignInMethod::ALL.into_iter().find(|method| method.as_str() == sign_in_method);
        let method = method.unwrap_or(SignInMethod::Link);
        Session { id, method, device, address, created_at, seen_at, expires_at }
    }
}

/// How a member signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// By a one-use link of the operator.
    Link,
    /// With a passkey.
    Passkey,
    /// At the operator's OpenID provider.
    Oidc,
}

impl SignInMethod {
    /// All of them.
    pub const ALL: [SignInMethod; 3] = [SignInMethod::Link, SignInMethod::Passkey, SignInMethod::Oidc];

    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            SignInMethod::Link => "link",
            SignInMethod::Passkey => "passkey",
            SignInMethod::Oidc => "oidc",
        }
    }
}

/// A new session with its secret, which goes into the cookie and nowhere else.
pub struct NewSession {
    /// The secret.
    pub secret: String,
    /// When the session ends at the latest.
    pub ends_at: Timestamp,
}

/// What a browser brings along when it signs in.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// What it says it is.
    pub device: Option<String>,
    /// The secret of the session that it has, which the new one replaces.
    pub previous: Option<String>,
}

/// A login link, with the code that it carries, which is shown this once.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginLink {
    /// The code of the link.
    #[serde(skip)]
    pub code: String,
    /// When it can be used no more.
    pub expires_at: Timestamp,
}

/// Makes a one-use link into the settings pages for a member. It works for ten minutes.
///
/// # Errors
/// `NotFound` (workspace or member), or `Internal` (database).
pub async fn create_link(operator: &Operator, organization: OrganizationId, email: &str) -> Result<LoginLink, Error> {
    crate::nouns::organization::find(operator.reader(), organization).await?;
    operator
        .write(organization, async |write| {
            let member = crate::nouns::member::find_live(write, email).await?;
            let FreshSecret { text: code, hash } = FreshSecret::new()?;
            let expires_at = write.now.plus_millis(LINK_LIFETIME);
            let row = login_link::Model {
                id: write.new_id(),
                organization_id: organization,
                member_id: member.id,
                hash,
                created_at: write.now,
                expires_at,
                used_at: None,
            };
            write.insert::<login_link::Entity>(row).await?;
            Ok(LoginLink { code, expires_at })
        })
        .await
}

/// Whom a login link signs in.
#[derive(Clone, Debug, FromQueryResult)]
pub struct LinkOwner {
    link_id: LoginLinkId,
    organization_id: OrganizationId,
    member_id: MemberId,
    /// The name of the member.
    pub name: String,
    /// The e-mail address of the member.
    pub email: String,
    /// The name of the workspace.
    pub organization_name: String,
}

const LOOK: &str = "\
    SELECT l.id AS link_id, l.organization_id, l.member_id, m.name, m.email, o.name AS organization_name \
    FROM login_link l JOIN member m ON m.organization_id = l.organization_id AND m.id = l.member_id \
    JOIN organization o ON o.id = l.organization_id \
    WHERE l.hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND m.deleted_at IS NULL";

/// Whom a link would sign in. Changes nothing, so that programs that preview links do not use them up.
///
/// # Errors
/// `Unauthenticated` for any link that does not sign in, or `RateLimited` for an address that guesses.
pub async fn look_at_link(visitor: &Visitor, code: &str) -> Result<LinkOwner, Error> {
    let reader = visitor.reader();
    let values = [hash_of(code).into(), visitor.now().into()];
    let statement = Statement::from_sql_and_values(reader.get_database_backend(), LOOK, values);
    let found = LinkOwner::find_by_statement(statement).one(&reader).await?;
    found.ok_or_else(|| visitor.refused(BAD_LINK))
}

/// Uses a link up, and begins a session.
///
/// # Errors
/// As `look_at_link`.
#[expect(clippy::disallowed_methods, reason = "the filter begins with the workspace that the link is of")]
pub async fn redeem_link(visitor: &Visitor, code: &str, browser: &Browser) -> Result<NewSession, Error> {
    let owner = look_at_link(visitor, code).await?;
    let begun = visitor.write(owner.organization_id, async |write| {
        // The condition decides between two that use it at once.
        let used = login_link::Entity::update_many()
            .col_expr(login_link::Column::UsedAt, Expr::value(write.now))
            .filter(login_link::Column::OrganizationId.eq(owner.organization_id))
            .filter(login_link::Column::Id.eq(owner.link_id))
            .filter(login_link::Column::UsedAt.is_null())
            .exec(write.connection())
            .await?;
        if used.rows_affected == 0 {
            return Ok(None);
        }
        begin(write, visitor, owner.member_id, SignInMethod::Link, browser).await.map(Some)
    });
    begun.await?.ok_or_else(|| visitor.refused(BAD_LINK))
}

/// Begins a session of a member, always with a secret of its own; the one that the browser had is ended,
/// whichever workspace it is of.
#[expect(clippy::disallowed_methods, reason = "the browser's session may be of another workspace; hashes are unique")]
pub(crate) async fn begin(
    write: &Write,
    visitor: &Visitor,
    member_id: MemberId,
    method: SignInMethod,
    browser: &Browser,
) -> Result<NewSession, Error> {
    if let Some(previous) = &browser.previous {
        session::Entity::update_many()
            .col_expr(session::Column::EndedAt, Expr::value(write.now))
            .filter(session::Column::Hash.eq(hash_of(previous)))
            .filter(session::Column::EndedAt.is_null())
            .exec(write.connection())
            .await?;
    }
    let FreshSecret { text: secret, hash } = FreshSecret::new()?;
    let ends_at = write.now.plus_millis(LIFETIME);
    let device = browser.device.as_deref().map(|device| device.chars().take(DEVICE).collect());
    let row = session::Model {
        id: write.new_id(),
        organization_id: write.organization_id(),
        member_id,
        hash,
        sign_in_method: method.as_str().into(),
        device,
        address: visitor.address().to_canonical().to_string(),
        created_at: write.now,
        seen_at: write.now,
        expires_at: write.now.plus_millis(IDLE),
        ends_at,
        ended_at: None,
    };
    write.insert::<session::Entity>(row).await?;
    Ok(NewSession { secret, ends_at })
}

/// Marks a ceremony or a proof as used, by its name; false if it was so already.
pub(crate) async fn spend(write: &Write, id: &str, until: i64) -> Result<bool, Error> {
    let sql = "INSERT INTO spent_challenge (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    let values = [hash_of(id).into(), Timestamp::from_millis(until).into()];
    let tx = write.connection();
    let spent = tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(spent.rows_affected() == 1)
}

crate::sort! {
    /// What sessions are sorted by.
    pub enum SessionSort of session {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
    }
}

crate::input! {
    /// Filters of the list of sessions.
    pub struct SessionFilter {
        /// Only sessions with one of these identifiers.
        pub id: Field<Vec<SessionId>>,
    }
}

impl Filter for SessionFilter {
    fn condition(&self, _: &Caller) -> Condition {
        Condition::all().add_option(one_of(session::Column::Id, &self.id))
    }
}

impl Listed for session::Entity {
    type Sort = SessionSort;
    type Filter = SessionFilter;
    const SEARCH: Option<session::Column> = None;
}

/// A page of the caller's own live sessions.
///
/// # Errors
/// `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &ListArgs<SessionFilter, SessionSort>) -> Result<Page<Session>, Error> {
    let now = cx.now();
    let live = |query: sea_orm::Select<session::Entity>| query.filter(session::Column::ExpiresAt.gt(now));
    Ok(cx.list_below::<session::Entity>(Action::ListSessions, args, "", live).await?.map(Session::from))
}

/// Ends one of the caller's own sessions.
///
/// # Errors
/// `NotFound`, `Conflict` (idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn end(cx: &Cx, id: SessionId) -> Result<Written<Deleted>, Error> {
    cx.write(Action::EndSession, (), async |write, ()| {
        let row = write.lock_exclusive::<session::Entity>(id).await?;
        write.store::<session::Entity>(session::Model { ended_at: Some(write.now), ..row }).await?;
        Ok(Deleted { id: id.any() })
    })
    .await
}

/// How many sessions were ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// Their number.
    pub count: u64,
}

impl Record for Ended {
    fn id(&self) -> Id {
        Id::NONE
    }

    fn version(&self) -> Option<i32> {
        None
    }
}

/// Ends all of the caller's own sessions, this one too.
///
/// # Errors
/// `Conflict` (idempotency key), or `Internal` (database).
#[expect(clippy::disallowed_methods, reason = "the filter begins with the workspace")]
#[crate::boxed]
pub async fn end_all(cx: &Cx) -> Result<Written<Ended>, Error> {
    cx.write(Action::EndAllSessions, (), async |write, ()| {
        let caller = write.caller()?;
        let ended = session::Entity::update_many()
            .col_expr(session::Column::EndedAt, Expr::value(write.now))
            .filter(session::Column::OrganizationId.eq(caller.organization_id))
            .filter(session::Column::MemberId.eq(caller.member_id))
            .filter(session::Column::EndedAt.is_null())
            .exec(write.connection())
            .await?;
        Ok(Ended { count: ended.rows_affected })
    })
    .await
}
