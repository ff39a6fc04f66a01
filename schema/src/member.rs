//! Members and what they do; tokens and whose they are.

use async_graphql::{Context, Object, Result};
use service::Action;
use service::member::Member;
use service::project::{ProjectFilter, ProjectSort};
use service::task::{TaskFilter, TaskSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::token::Token;
use service::value::Id;

use crate::connection::{connection, lists};
use crate::loader::{MemberById, one};
use crate::project::{ProjectConnection, ProjectNode};
use crate::task::{TaskConnection, TaskNode};
use crate::time_entry::{TimeEntryConnection, TimeEntryNode};

/// A person in a workspace.
pub struct MemberNode(pub(crate) Member);

/// A token, without its secret.
pub struct TokenNode(pub(crate) Token);

/// A person in a workspace.
#[Object(name = "Member")]
impl MemberNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Member {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> MemberLists {
        MemberLists(self.0.user_id)
    }

    /// The id of this membership.
    pub async fn id(&self) -> Id {
        self.0.id
    }
}

/// A token, without its secret.
#[Object(name = "Token")]
impl TokenNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Token {
        &self.0
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// The member that it acts as.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<MemberNode>> {
        Ok(one(ctx, Action::GetMember, Some(MemberById(self.0.member_id))).await?.map(MemberNode))
    }
}

lists! {
    /// What a person works on.
    MemberLists(Id) {
        /// The projects that they were put on. Everybody but a Member reaches the others too.
        projects: ProjectFilter, ProjectSort => ProjectConnection(ProjectNode) if ListProjects, (below OfPerson);
        /// The tasks that are assigned to them.
        tasks: TaskFilter, TaskSort => TaskConnection(TaskNode) if ListTasks, (below OfPerson);
        /// Their time.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode) if ListTimeEntries, (below OfPerson);
    }
}

connection!(MemberConnection, MemberEdge, MemberNode);
connection!(TokenConnection, TokenEdge, TokenNode);
