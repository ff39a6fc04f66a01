//! The columns that say who asks, as both look-ups read them, and the caller that they make.

use entity::value::{Currency, MemberId, OrganizationId, Plan, Role, TokenId, TokenScope, UserId};
use sea_orm::FromQueryResult;

use crate::contract::caller::{Caller, CallerSession};

/// The columns of `Who`, of the member `m`, the workspace `o` and its access epoch `a`.
macro_rules! who_columns {
    () => {
        "m.id AS member_id, m.user_id, m.name, m.email, m.role, \
         o.id AS organization_id, o.name AS organization_name, o.plan, o.default_currency, a.epoch"
    };
}
pub(super) use who_columns;

/// A member with their workspace.
#[derive(FromQueryResult)]
pub(super) struct Who {
    member_id: MemberId,
    user_id: UserId,
    name: String,
    email: String,
    role: Role,
    organization_id: OrganizationId,
    organization_name: String,
    plan: Plan,
    default_currency: Currency,
    pub(super) epoch: Option<i64>,
}

/// What lets a caller in.
pub(super) enum Pass {
    /// A token, with its name.
    Token(TokenId, String, TokenScope),
    /// A session on the settings pages. All sessions of a member share one budget, and may do what the member may.
    Session(CallerSession),
}

impl Who {
    /// The caller that they are, with what has let them in.
    pub(super) fn with(self, pass: Pass) -> Caller {
        let (token_id, token_name, scope, session) = match pass {
            Pass::Token(id, name, scope) => (id, name, scope, None),
            Pass::Session(session) => {
                (self.member_id.any().of(), "settings pages".to_owned(), TokenScope::Write, Some(session))
            }
        };
        Caller {
            organization_id: self.organization_id,
            organization_name: self.organization_name,
            plan: self.plan,
            default_currency: self.default_currency,
            member_id: self.member_id,
            user_id: self.user_id,
            name: self.name,
            email: self.email,
            role: self.role,
            token_id,
            token_name,
            scope,
            session,
        }
    }
}
