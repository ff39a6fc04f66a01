//! `/tokens`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::token::{self, Token, TokenFilter, TokenSort};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{List, NoContent};
use crate::rest::extract::{Access, IfMatch, PathId, Query};

pub struct Tokens;

#[OpenApi(tag = "Tag::Tokens")]
impl Tokens {
    /// List tokens
    ///
    /// Live tokens: the caller's own, for Owners and Admins all of the workspace. Secrets are never returned. A token
    /// is made on the settings pages or the command line.
    #[oai(path = "/tokens", method = "get", operation_id = "listTokens")]
    async fn list_tokens(
        &self,
        Access(cx): Access,
        query: Query<TokenFilter, TokenSort>,
    ) -> Result<List<Token>, Rejection> {
        Ok(List(token::list(&cx, &query.0).await?))
    }

    /// Revoke a token
    ///
    /// Revokes a token permanently; the next request with it answers 401. Owners and Admins may revoke every token of the
    /// workspace, others their own.
    #[oai(path = "/tokens/:id", method = "delete", operation_id = "revokeToken")]
    async fn revoke_token(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(token::revoke(&cx, id.0.into(), &expected.0).await?))
    }
}
