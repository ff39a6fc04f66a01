//! Expenses and what they belong to.

use async_graphql::{Context, Object, Result};
use service::Action;
use service::expense::Expense;
use service::value::Id;

use crate::client::ClientNode;
use crate::connection::connection;
use crate::invoice::InvoiceNode;
use crate::loader::{ClientById, InvoiceById, ProjectById, one};
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

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// Whom it was spent for.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<ClientNode>> {
        Ok(one(ctx, Action::GetClient, Some(ClientById(self.0.client_id))).await?.map(ClientNode))
    }

    /// The project of that client.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        Ok(one(ctx, Action::GetProject, self.0.project_id.map(ProjectById)).await?.map(ProjectNode))
    }

    /// The invoice that bills it.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<InvoiceNode>> {
        Ok(one(ctx, Action::GetInvoice, self.0.invoice_id.map(InvoiceById)).await?.map(InvoiceNode))
    }
}

connection!(ExpenseConnection, ExpenseEdge, ExpenseNode);
