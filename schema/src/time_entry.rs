//! Time entries and what they belong to.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::Action;
use service::member::Member;
use service::time_entry::TimeEntry;

use crate::connection::connection;
use crate::cx;
use crate::error::OrFail;
use crate::invoice::InvoiceNode;
use crate::loader::{InvoiceById, Loaders, MemberByUser, ProjectById, TaskById};
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

    /// What it was spent on; null for a Member who has left the project.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(ProjectById(self.0.project_id)).await.or_fail(cx(ctx)?)?.map(ProjectNode))
    }

    /// The task of that project.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<TaskNode>> {
        let Some(task) = self.0.task_id else { return Ok(None) };
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(TaskById(task)).await.or_fail(cx(ctx)?)?.map(TaskNode))
    }

    /// The invoice that bills it; null for those who do not see invoices.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<InvoiceNode>> {
        let cx = cx(ctx)?;
        let Some(invoice) = self.0.invoice_id.filter(|_| cx.may(Action::GetInvoice)) else { return Ok(None) };
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(InvoiceById(invoice)).await.or_fail(cx)?.map(InvoiceNode))
    }

    /// Whose time it is.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        loaders.load_one(MemberByUser(self.0.user_id)).await.or_fail(cx(ctx)?)
    }
}

connection!(TimeEntryConnection, TimeEntryEdge, TimeEntryNode);
