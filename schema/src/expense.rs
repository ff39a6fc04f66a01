//! Expenses and what they belong to.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Object, Result};
use service::expense::Expense;

use crate::client::ClientNode;
use crate::connection::connection;
use crate::cx;
use crate::error::OrFail;
use crate::invoice::InvoiceNode;
use crate::loader::{ClientById, InvoiceById, Loaders, ProjectById};
use crate::project::ProjectNode;

/// Money spent for a client.
pub struct ExpenseNode(pub(crate) Expense);

/// Money spent for a client.
#[Object(name = "Expense")]
impl ExpenseNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Expense {
        &self.0
    }

    /// Whom it was spent for.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<ClientNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(ClientById(self.0.client_id)).await.or_fail(cx(ctx)?)?.map(ClientNode))
    }

    /// The project of that client.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        let Some(project) = self.0.project_id else { return Ok(None) };
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(ProjectById(project)).await.or_fail(cx(ctx)?)?.map(ProjectNode))
    }

    /// The invoice that bills it.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<InvoiceNode>> {
        let Some(invoice) = self.0.invoice_id else { return Ok(None) };
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        Ok(loaders.load_one(InvoiceById(invoice)).await.or_fail(cx(ctx)?)?.map(InvoiceNode))
    }
}

connection!(ExpenseConnection, ExpenseEdge, ExpenseNode);
