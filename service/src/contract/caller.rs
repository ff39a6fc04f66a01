//! Who acts, as they are now: made only by `auth`, from a token, for one request.

use entity::value::{Currency, Id, Plan, Role, TokenScope};

/// A member of a workspace, acting through a token.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) organization_id: Id,
    pub(crate) organization_name: String,
    pub(crate) plan: Plan,
    pub(crate) default_currency: Currency,
    pub(crate) member_id: Id,
    pub(crate) user_id: Id,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) token_id: Id,
    pub(crate) token_name: String,
    pub(crate) scope: TokenScope,
}

impl Caller {
    /// The workspace.
    pub fn organization_id(&self) -> Id {
        self.organization_id
    }

    /// The plan of the workspace.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// The role in the workspace.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The token that let them in.
    pub fn token_id(&self) -> Id {
        self.token_id
    }
}
