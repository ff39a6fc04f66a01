//! `/tokens`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::token::{self, Token, TokenFilter, TokenSort};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{List, NoContent};
use crate::rest::extract::{Access, PathId, Query};

pub struct Tokens;

#[OpenApi(tag = "Tag::Tokens")]
impl Tokens {
    /// List live tokens
    ///
    /// Own ones; for Owner and Admin all of the workspace.
    #[oai(path = "/tokens", method = "get", operation_id = "listTokens")]
    async fn list_tokens(
        &self,
        Access(cx): Access,
        query: Query<TokenFilter, TokenSort>,
    ) -> Result<List<Token>, Rejection> {
        Ok(List(token::list(&cx, &query.0).await?))
    }

    /// Revoke a token for good
    #[oai(path = "/tokens/:id", method = "delete", operation_id = "revokeToken")]
    async fn revoke_token(&self, Access(cx): Access, id: Path<PathId>) -> Result<NoContent, Rejection> {
        Ok(NoContent(token::revoke(&cx, id.0.0).await?))
    }
}
