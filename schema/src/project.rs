//! Projects and what belongs to them.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::Action;
use service::expense::{ExpenseFilter, ExpenseSort};
use service::project::Project;
use service::task::{TaskFilter, TaskSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::Id;

use crate::client::ClientNode;
use crate::connection::{connection, lists};
use crate::cx;
use crate::error::OrFail;
use crate::expense::{ExpenseConnection, ExpenseNode};
use crate::loader::{ClientById, Loaders, MembersOfProject, one};
use crate::member::MemberNode;
use crate::task::{TaskConnection, TaskNode};
use crate::time_entry::{TimeEntryConnection, TimeEntryNode};

/// A piece of work for a client.
pub struct ProjectNode(pub(crate) Project);

/// A piece of work for a client.
#[Object(name = "Project")]
impl ProjectNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Project {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> ProjectLists {
        ProjectLists(self.0.id)
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// Whom it is for; null for those who do not see clients.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<ClientNode>> {
        Ok(one(ctx, Action::GetClient, Some(ClientById(self.0.client_id))).await?.map(ClientNode))
    }

    /// Who is on it; Members see themselves.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<MemberNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let people = loaders.load_one(MembersOfProject(self.0.id)).await.or_fail(cx(ctx)?)?;
        Ok(people.unwrap_or_default().into_iter().map(MemberNode).collect())
    }
}

lists! {
    /// What belongs to a project.
    ProjectLists(Id) {
        /// Its steps.
        tasks: TaskFilter, TaskSort => TaskConnection(TaskNode) if ListTasks, (below OfProject);
        /// The time spent on it; Members see their own.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode) if ListTimeEntries, (below OfProject);
        /// The money spent for it; null for those who do not see expenses.
        expenses: ExpenseFilter, ExpenseSort => ExpenseConnection(ExpenseNode) if ListExpenses, (below OfProject);
    }
}

connection!(ProjectConnection, ProjectEdge, ProjectNode);
