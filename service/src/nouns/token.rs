//! API tokens: listed and ended over the surfaces, made on the settings pages and by the operator. No token can make a
//! token.

use entity::value::{
    DateOrDateTime, FieldErrors, Id, Instant, MemberId, Name, OrganizationId, Timestamp, TokenId, TokenScope,
};
use entity::{member, token};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};

use crate::access::action::Action;
use crate::access::auth::FreshToken;
use crate::access::caller::Caller;
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::input::{Field, Input, Required, Validate};
use crate::contract::outcome::{Deleted, Record, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::door::operator::Operator;
use crate::door::write::Write;
use crate::list::filter::{one_of, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

/// Live tokens that a member may have.
pub(crate) const MAX_TOKENS: u64 = 50;

/// An API token, without its secret. The secret is shown once, where the token is made: on the settings pages or the
/// command line.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
#[graphql(name = "TokenFields")]
pub struct Token {
    /// Identifier of the token (UUID v7).
    pub id: TokenId,
    /// Identifier of the workspace that the token belongs to.
    pub org_id: OrganizationId,
    /// Identifier of the membership that the token acts as.
    pub member_id: MemberId,
    /// Name of the token, as given when it was made.
    pub name: String,
    /// Characters by which the token is recognised, after `hsk_live_` or `hsk_test_`.
    pub prefix: String,
    /// Scopes of the token: `read`, or `read` and `write`.
    pub scopes: Vec<String>,
    /// Time at which the token expires (UTC); null means never.
    #[oai(nullable)]
    pub expires_at: Option<Timestamp>,
    /// Time at which the token was revoked (UTC); null while it is live.
    #[oai(nullable)]
    pub revoked_at: Option<Timestamp>,
    /// Time of its last use (UTC), to about a minute; null if it was never used.
    #[oai(nullable)]
    pub last_used_at: Option<Timestamp>,
    /// Time at which the token was made (UTC).
    pub created_at: Timestamp,
}

crate::contract::record::written!(Token);

impl From<token::Model> for Token {
    fn from(row: token::Model) -> Token {
        let token::Model {
            id,
            organization_id,
            member_id,
            name,
            prefix,
            hash: _,
            scope,
            expires_at,
            revoked_at,
            last_used_at,
            created_at,
        } = row;
        let scopes = scopes(scope);
        Token {
            id,
            org_id: organization_id,
            member_id,
            name,
            prefix,
            scopes,
            expires_at,
            revoked_at,
            last_used_at,
            created_at,
        }
    }
}

/// What a scope includes.
pub(crate) fn scopes(scope: TokenScope) -> Vec<String> {
    let included = TokenScope::ALL.iter().filter(|included| **included <= scope);
    included.map(|included| included.as_str().to_owned()).collect()
}

crate::sort! {
    /// What tokens are sorted by.
    pub enum TokenSort of token {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
    }
}

crate::input! {
    /// Filters of the list of tokens; a token must match all of them.
    pub struct TokenFilter {
        /// Only tokens with one of these identifiers.
        pub id: Field<Vec<TokenId>>,
        /// Only tokens made at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only tokens made at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for TokenFilter {
    fn condition(&self, _: &Caller) -> Condition {
        use token::Column;
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
    }
}

impl Listed for token::Entity {
    type Sort = TokenSort;
    type Filter = TokenFilter;
    const SEARCH: Option<token::Column> = None;
}

/// A page of live tokens: own ones; for Owner and Admin all of the workspace.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &ListArgs<TokenFilter, TokenSort>) -> Result<Page<Token>, Error> {
    Ok(cx.list::<token::Entity>(Action::ListTokens, args).await?.map(Token::from))
}

/// One live token: an own one; for Owner and Admin any of the workspace.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx, id: TokenId) -> Result<Token, Error> {
    Ok(cx.read(Action::ListTokens)?.get::<token::Entity>(id).await?.into())
}

/// The live tokens of a member that the caller sees, the oldest first: at most 50.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn of_member(cx: &Cx, member: MemberId) -> Result<Vec<Token>, Error> {
    let now = cx.now();
    let read = cx.read(Action::ListTokens)?;
    let rows = read.all::<token::Entity>(|query| {
        let live = query.filter(token::Column::MemberId.eq(member)).filter(is_live(now));
        live.order_by_asc(token::Column::CreatedAt).order_by_asc(token::Column::Id)
    });
    Ok(rows.await?.into_iter().map(Token::from).collect())
}

/// Revokes a token permanently.
///
/// # Errors
/// `Forbidden` (role or scope), `Invalid` (input), `NotFound`, `Conflict` (state or key), or `Internal`
/// (database).
#[crate::boxed]
pub async fn revoke(cx: &Cx, id: TokenId) -> Result<Written<Deleted>, Error> {
    cx.write(Action::RevokeToken, (), async |write, ()| {
        let row = write.lock_exclusive::<token::Entity>(id).await?;
        end(write, row).await?;
        Ok(Deleted { id: id.any() })
    })
    .await
}

async fn end(write: &Write, row: token::Model) -> Result<token::Model, Error> {
    let row = token::Model { revoked_at: Some(write.now), ..row };
    write.store::<token::Entity>(row.clone()).await?;
    Ok(row)
}

/// What a new token needs.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The member's e-mail address.
    pub member: String,
    /// What it is called.
    pub name: Name,
    /// What it may do.
    pub scope: TokenScope,
    /// When it ends by itself.
    pub expires_at: Option<Instant>,
}

crate::input! {
    /// A new token of the caller's own.
    pub struct CreateTokenInput {
        /// Name of the token, by which its owner recognises it.
        pub name: Required<Name>,
        /// What the token may do: `read`, or `write`, which includes reading.
        pub scope: Required<TokenScope>,
        /// Time at which the token expires, in the future; null means never.
        pub expires_at: Field<Instant>,
    }
}

impl Validate for CreateTokenInput {
    fn problems(&self) -> FieldErrors {
        self.field_problems()
    }
}

/// A new token, with its secret, which is shown this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MintedToken {
    /// The whole token.
    pub token: String,
    /// Its record.
    #[serde(flatten)]
    pub record: Token,
}

impl Record for MintedToken {
    fn id(&self) -> Id {
        self.record.id.any()
    }

    fn version(&self) -> Option<i32> {
        None
    }

    fn holds_secret(&self) -> bool {
        true
    }
}

/// Makes a token of the caller's own. A repetition under the same key shows the same token once more.
///
/// # Errors
/// `PlanLacks` (access to the API), `Forbidden` (a token asks, or the sign-in is not recent), `Invalid` (input),
/// `Conflict` (cap or key), or `Internal` (database).
#[crate::boxed]
pub async fn mint(cx: &Cx, input: CreateTokenInput) -> Result<Written<MintedToken>, Error> {
    cx.create(Action::CreateToken, input, async |write, input| {
        let member = write.lock_exclusive::<member::Entity>(write.caller()?.member_id).await?;
        let CreateTokenInput { name, scope, expires_at, not_taken: _ } = input;
        make(write, &member, name.value()?, scope.value()?, expires_at.take()).await
    })
    .await
}

/// Makes a token for a member.
///
/// # Errors
/// `NotFound` (workspace or record), `Invalid` (input), `Conflict` (state or cap), or `Internal` (database).
pub async fn create(operator: &Operator, organization: OrganizationId, input: NewToken) -> Result<MintedToken, Error> {
    operator
        .write(organization, async |write| {
            let member = crate::nouns::member::find_live(write, &input.member).await?;
            make(write, &member, input.name, input.scope, input.expires_at).await
        })
        .await
}

/// Makes a token of a member, whose row is locked, so that nobody else makes one meanwhile.
async fn make(
    write: &Write,
    member: &member::Model,
    name: Name,
    scope: TokenScope,
    expires_at: Option<Instant>,
) -> Result<MintedToken, Error> {
    let expires_at = expires_at.map(Instant::utc);
    if expires_at.is_some_and(|at| at <= write.now) {
        return Err(Error::invalid("expiresAt", "must lie in the future"));
    }
    if live_tokens(write, member).await? >= MAX_TOKENS {
        let message = format!("{} has {MAX_TOKENS} live tokens; revoke one first", member.email);
        return Err(Error::conflict(Reason::TokenCap, message));
    }
    let FreshToken { text, prefix, hash } = FreshToken::new(write.core().environment)?;
    let row = token::Model {
        id: write.new_id(),
        organization_id: write.organization_id(),
        member_id: member.id,
        name: name.into(),
        prefix,
        hash,
        scope,
        expires_at,
        revoked_at: None,
        last_used_at: None,
        created_at: write.now,
    };
    write.insert::<token::Entity>(row.clone()).await?;
    Ok(MintedToken { token: text, record: row.into() })
}

async fn live_tokens(write: &Write, member: &member::Model) -> Result<u64, Error> {
    let now = write.now;
    let count =
        write.count::<token::Entity>(|query| query.filter(token::Column::MemberId.eq(member.id)).filter(is_live(now)));
    count.await
}

/// Neither revoked nor expired.
fn is_live(now: Timestamp) -> Condition {
    let unexpired = Condition::any().add(token::Column::ExpiresAt.is_null()).add(token::Column::ExpiresAt.gt(now));
    Condition::all().add(token::Column::RevokedAt.is_null()).add(unexpired)
}

/// Every token of a workspace, ended ones too, the oldest first.
///
/// # Errors
/// `NotFound` (workspace or record), or `Internal` (database).
pub async fn all_of(operator: &Operator, organization: OrganizationId) -> Result<Vec<Token>, Error> {
    crate::nouns::organization::find(operator.reader(), organization).await?;
    let query = token::Entity::all_of(organization).order_by_asc(token::Column::CreatedAt);
    let rows = query.order_by_asc(token::Column::Id).all(operator.reader()).await?;
    Ok(rows.into_iter().map(Token::from).collect())
}

/// Ends a token by its prefix, in whichever workspace it is.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn revoke_by_prefix(operator: &Operator, prefix: &str) -> Result<Token, Error> {
    let by_prefix = token::Entity::everywhere().filter(token::Column::Prefix.eq(prefix));
    let found = by_prefix.one(operator.reader()).await?.ok_or(Error::NotFound("token"))?;
    operator
        .write(found.organization_id, async |write| {
            let row = write.lock_exclusive::<token::Entity>(found.id).await?;
            Ok(end(write, row).await?.into())
        })
        .await
}
