//! Time entries and what they belong to.

use async_graphql::{Context, Object, Result};
use service::Action;
use service::time_entry::TimeEntry;
use service::value::Id;

use crate::connection::connection;
use crate::invoice::InvoiceNode;
use crate::loader::{InvoiceById, MemberByUser, ProjectById, TaskById, one};
use crate::member::MemberNode;
use crate::project::ProjectNode;
use crate::task::TaskNode;

/// Time spent on a project by a person.
pub struct TimeEntryNode(pub(crate) TimeEntry);

/// Time spent on a project by a person.
#[Object(name = "TimeEntry")]
impl TimeEntryNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &TimeEntry {
        &self.0
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// What it was spent on; null for a Member who has left the project.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        Ok(one(ctx, Action::GetProject, Some(ProjectById(self.0.project_id))).await?.map(ProjectNode))
    }

    /// The task of that project.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<TaskNode>> {
        Ok(one(ctx, Action::GetTask, self.0.task_id.map(TaskById)).await?.map(TaskNode))
    }

    /// The invoice that bills it; null for those who do not see invoices.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<InvoiceNode>> {
        Ok(one(ctx, Action::GetInvoice, self.0.invoice_id.map(InvoiceById)).await?.map(InvoiceNode))
    }

    /// Whose time it is.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<MemberNode>> {
        Ok(one(ctx, Action::GetMember, Some(MemberByUser(self.0.user_id))).await?.map(MemberNode))
    }
}

connection!(TimeEntryConnection, TimeEntryEdge, TimeEntryNode);
