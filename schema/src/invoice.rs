//! Invoices, their lines, and what they belong to.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::Action;
use service::expense::{ExpenseFilter, ExpenseSort};
use service::invoice::{Invoice, InvoiceLine};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::Id;

use crate::client::ClientNode;
use crate::connection::{connection, lists};
use crate::cx;
use crate::error::OrFail;
use crate::expense::{ExpenseConnection, ExpenseNode};
use crate::loader::{ClientById, LinesOfInvoice, Loaders, ProjectById, TaskById, one};
use crate::project::ProjectNode;
use crate::task::TaskNode;
use crate::time_entry::{TimeEntryConnection, TimeEntryNode};

/// A bill to a client.
pub struct InvoiceNode(pub(crate) Invoice);

/// One line of an invoice.
pub struct InvoiceLineNode(InvoiceLine);

/// A bill to a client.
#[Object(name = "Invoice")]
impl InvoiceNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Invoice {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> InvoiceLists {
        InvoiceLists(self.0.id)
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// Whom it bills.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<ClientNode>> {
        Ok(one(ctx, Action::GetClient, Some(ClientById(self.0.client_id))).await?.map(ClientNode))
    }

    /// What it bills, in order.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<InvoiceLineNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let lines = loaders.load_one(LinesOfInvoice(self.0.id)).await.or_fail(cx(ctx)?)?;
        Ok(lines.unwrap_or_default().into_iter().map(InvoiceLineNode).collect())
    }
}

/// One line of an invoice.
#[Object(name = "InvoiceLine")]
impl InvoiceLineNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &InvoiceLine {
        &self.0
    }

    /// The project, if it bills one.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        Ok(one(ctx, Action::GetProject, self.0.project_id.map(ProjectById)).await?.map(ProjectNode))
    }

    /// The task, if it bills the time on one.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<TaskNode>> {
        Ok(one(ctx, Action::GetTask, self.0.task_id.map(TaskById)).await?.map(TaskNode))
    }
}

lists! {
    /// What an invoice bills.
    InvoiceLists(Id) {
        /// The time that it bills.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode) if ListTimeEntries, (below OfInvoice);
        /// The expenses that it bills.
        expenses: ExpenseFilter, ExpenseSort => ExpenseConnection(ExpenseNode) if ListExpenses, (below OfInvoice);
    }
}

connection!(InvoiceConnection, InvoiceEdge, InvoiceNode);
