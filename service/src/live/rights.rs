//! The rights of subscribers: what their tokens may do now, read for many tokens by one statement.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use entity::value::{Plan, Role, Timestamp, TokenId, TokenScope};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use tokio::sync::oneshot;

use super::Hub;
use super::reader::CHUNK;
use crate::contract::error::Error;

/// What decides which records a token may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) role: Role,
    pub(super) plan: Plan,
    pub(super) scope: TokenScope,
}

/// Gathers the questions for the rights of single tokens: those that arrive while a statement runs share the next one.
#[derive(Default)]
pub(super) struct RightsReader {
    waiting: Mutex<Vec<(TokenId, oneshot::Sender<Option<Rights>>)>>,
    turn: tokio::sync::Mutex<()>,
}

const RIGHTS: &str = "\
    SELECT t.id, t.scope, t.expires_at, t.revoked_at, m.role, m.deleted_at AS removed_at, o.plan FROM token t \
    JOIN member m ON m.organization_id = t.organization_id AND m.id = t.member_id \
    JOIN organization o ON o.id = t.organization_id WHERE t.id IN";

#[derive(FromQueryResult)]
struct FoundToken {
    id: TokenId,
    scope: TokenScope,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    role: Role,
    removed_at: Option<Timestamp>,
    plan: Plan,
}

impl FoundToken {
    fn rights(&self, now: Timestamp) -> Option<Rights> {
        let valid = self.revoked_at.is_none() && self.removed_at.is_none() && self.expires_at.is_none_or(|at| now < at);
        valid.then_some(Rights { role: self.role, plan: self.plan, scope: self.scope })
    }
}

impl Hub {
    /// The present rights of a valid token; none for any other.
    pub(super) async fn rights_of(&self, token: TokenId) -> Result<Option<Rights>, Error> {
        loop {
            let (sender, answer) = oneshot::channel();
            let waiting = || self.rights.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting().push((token, sender));
            let turn = self.rights.turn.lock().await;
            let batch = std::mem::take(&mut *waiting());
            if !batch.is_empty() {
                let tokens = batch.iter().map(|(token, _)| *token).collect();
                let rights = self.read_rights(tokens).await?;
                for (token, sender) in batch {
                    // The receiver is gone if its subscriber is.
                    _ = sender.send(rights.get(&token).copied());
                }
            }
            drop(turn);
            // Without an answer the turn of another task was cancelled or has failed: ask again.
            if let Ok(rights) = answer.await {
                return Ok(rights);
            }
        }
    }

    /// Closes those of these subscribers whose token has other rights now, and returns the others. What was read from the
    /// database before may be sent to them: a change of rights that was committed before it would have been seen.
    pub(super) async fn entitled(&self, subscribers: Vec<(u64, TokenId)>) -> Result<HashSet<u64>, Error> {
        let tokens = subscribers.iter().map(|(_, token)| *token).collect();
        let rights = self.read_rights(tokens).await?;
        Ok(self.live().state().close_changed(&subscribers, &rights))
    }

    /// The present rights of those of these tokens that are valid.
    async fn read_rights(&self, tokens: HashSet<TokenId>) -> Result<HashMap<TokenId, Rights>, Error> {
        let tokens: Vec<TokenId> = tokens.into_iter().collect();
        let now = self.now();
        let mut rights = HashMap::with_capacity(tokens.len());
        for some in tokens.chunks(CHUNK) {
            let parameters: Vec<_> = (1..=some.len()).map(|n| format!("${n}")).collect();
            let sql = format!("{RIGHTS} ({})", parameters.join(", "));
            let reader = self.database().reader();
            let values = some.iter().map(|id| (*id).into());
            let statement = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
            let found = FoundToken::find_by_statement(statement).all(reader).await?;
            rights.extend(found.iter().filter_map(|found| Some((found.id, found.rights(now)?))));
        }
        Ok(rights)
    }
}
