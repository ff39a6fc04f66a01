//! Invoices, their lines, and what they belong to.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::invoice::{Invoice, InvoiceLine};

use crate::client::ClientNode;
use crate::connection::connection;
use crate::cx;
use crate::error::OrFail;
use crate::loader::{ClientById, LinesOfInvoice, Loaders, ProjectById, TaskById};
use crate::project::ProjectNode;
use crate::task::TaskNode;

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

    /// Whom it bills.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<ClientNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(ClientById(self.0.client_id)).await.or_fail(cx(ctx)?)?.map(ClientNode))
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
        let Some(project) = self.0.project_id else { return Ok(None) };
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(ProjectById(project)).await.or_fail(cx(ctx)?)?.map(ProjectNode))
    }

    /// The task, if it bills the time on one.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<TaskNode>> {
        let Some(task) = self.0.task_id else { return Ok(None) };
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(TaskById(task)).await.or_fail(cx(ctx)?)?.map(TaskNode))
    }
}

connection!(InvoiceConnection, InvoiceEdge, InvoiceNode);
