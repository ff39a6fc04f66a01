//! Tokens: the node, queries and mutations.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::token::{Token, TokenFilter, TokenSort};
use service::value::Id;
use service::{Action, Deleted, Precondition};

use crate::engine::connection::lists;
use crate::engine::loader::{Linked, one};
use crate::engine::object::{Output, nodes};
use crate::nouns::member::{MemberById, MemberNode};
use crate::nouns::{cx, parse_id, record, shared};

/// An API token, without its secret.
pub struct TokenNode(pub(crate) Token);

/// An API token, without its secret.
#[Object(name = "Token")]
impl TokenNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Token {
        &self.0
    }

    /// Identifier of the token (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id.any()
    }

    /// The member that the token acts as.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Linked<MemberNode>>> {
        one(ctx, Action::GetMember, Some(MemberById(self.0.member_id))).await
    }
}

nodes! {
    TokenNode => 0: Token;
    RevokeTokenPayload;
}

lists! {
    /// The list of this noun.
    TokenRootLists() {
        /// A page of live tokens: the caller's own, for Owners and Admins all of the workspace.
        tokens[]: TokenFilter, TokenSort => TokenNode[], (flat service::token::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct TokenQueries;

/// The queries of this noun.
#[Object]
impl TokenQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> TokenRootLists {
        TokenRootLists()
    }

    /// A live token by its identifier: an own one, for Owners and Admins any of the workspace.
    async fn token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the token.")] id: ID,
    ) -> Result<Option<Linked<TokenNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "token", &id, async { service::token::get(cx, parse_id(&id)).await.map(TokenNode) }).await
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct TokenMutations;

/// The mutations of this noun.
#[Object]
impl TokenMutations {
    /// Revokes a token permanently; the next request with it is refused.
    async fn revoke_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the token.")] id: ID,
    ) -> Result<Output<RevokeTokenPayload>> {
        let deleted: Deleted = record(ctx, service::token::revoke(cx(ctx)?, parse_id(&id), &Precondition::Any).await)?;
        Ok(Output(RevokeTokenPayload { deleted_id: deleted.id }))
    }
}

/// The result of revoking a token.
#[derive(SimpleObject)]
pub struct RevokeTokenPayload {
    /// The id of what was deleted.
    pub(crate) deleted_id: Id,
}
