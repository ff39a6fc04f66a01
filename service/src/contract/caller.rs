//! Who acts, as they are now: made only by `auth`, from a token or a session, for one request.

use entity::value::{Currency, MemberId, OrganizationId, Plan, Role, SessionId, TokenId, TokenScope, UserId};

use crate::contract::error::Feature;

/// A member of a workspace, acting through a token or a session.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) organization_id: OrganizationId,
    pub(crate) organization_name: String,
    pub(crate) plan: Plan,
    pub(crate) default_currency: Currency,
    pub(crate) member_id: MemberId,
    pub(crate) user_id: UserId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    /// What is charged for their requests: the token; for a session the member, whose sessions share one budget.
    pub(crate) token_id: TokenId,
    pub(crate) token_name: String,
    pub(crate) scope: TokenScope,
    /// The session that let them in; none for a token.
    pub(crate) session: Option<CallerSession>,
}

/// The session of a caller who is signed in on the settings pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerSession {
    /// Its id.
    pub id: SessionId,
    /// Whether the caller signed in within the last five minutes.
    pub recent: bool,
}

impl Caller {
    /// The workspace.
    pub fn organization_id(&self) -> OrganizationId {
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

    /// The membership.
    pub fn member_id(&self) -> MemberId {
        self.member_id
    }

    /// The name of the member in the workspace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The e-mail address of the member.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The name of the workspace.
    pub fn organization_name(&self) -> &str {
        &self.organization_name
    }

    /// The token that let them in; for a session, the membership.
    pub fn token_id(&self) -> TokenId {
        self.token_id
    }

    /// The session that let them in; none for a token.
    pub fn session(&self) -> Option<CallerSession> {
        self.session
    }

    /// Whether they may use what depends on this feature. Every plan may sign in to the settings pages, so that access to
    /// the API is not asked of a session.
    pub(crate) fn has(&self, feature: Feature) -> bool {
        (feature == Feature::ApiAccess && self.session.is_some()) || feature.is_in(self.plan)
    }
}
