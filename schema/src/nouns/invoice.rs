//! Invoices and their lines: the nodes, queries and loaders.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, ID, Object, Result};
use service::expense::{ExpenseFilter, ExpenseSort};
use service::invoice::{Invoice, InvoiceArgs, InvoiceFilter, InvoiceLine, InvoiceSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::{Id, InvoiceId};
use service::{Action, Error};

use crate::engine::connection::lists;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, Loaders, OfClient, below_loaders, by_id_loader, one};
use crate::engine::object::{Outputs, nodes};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::expense::ExpenseNode;
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::task::{TaskById, TaskNode};
use crate::nouns::time_entry::TimeEntryNode;
use crate::nouns::{cx, parse_id, shared};

/// An invoice to a client, read only. Only Owners, Admins and Managers see invoices.
pub struct InvoiceNode(pub(crate) Invoice);

/// One line of an invoice.
pub struct InvoiceLineNode(InvoiceLine);

/// An invoice to a client, read only. Only Owners, Admins and Managers see invoices.
#[Object(name = "Invoice")]
impl InvoiceNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Invoice {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> InvoiceLists {
        InvoiceLists(self.0.id.any())
    }

    /// Identifier of the invoice (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id.any()
    }

    /// The client that the invoice bills.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Linked<ClientNode>>> {
        one(ctx, Action::GetClient, Some(ClientById(self.0.client_id))).await
    }

    /// Lines of the invoice, in the order in which they are printed.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Outputs<InvoiceLineNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let lines = loaders.load_one(LinesOfInvoice(self.0.id)).await.or_fail(cx(ctx)?)?;
        Ok(Outputs(lines.unwrap_or_default().into_iter().map(InvoiceLineNode).collect()))
    }
}

/// One line of an invoice.
#[Object(name = "InvoiceLine")]
impl InvoiceLineNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &InvoiceLine {
        &self.0
    }

    /// The project that the line bills; null if it bills none.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Linked<ProjectNode>>> {
        one(ctx, Action::GetProject, self.0.project_id.map(ProjectById)).await
    }

    /// The task whose time the line bills; null if it bills none.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Linked<TaskNode>>> {
        one(ctx, Action::GetTask, self.0.task_id.map(TaskById)).await
    }
}

nodes! {
    InvoiceNode => 0: Invoice;
    InvoiceLineNode => 0: InvoiceLine;
}

lists! {
    /// What an invoice bills.
    InvoiceLists(Id) {
        /// Time entries that the invoice bills.
        time_entries[search]: TimeEntryFilter, TimeEntrySort => TimeEntryNode[ListTimeEntries], (below OfInvoice);
        /// Expenses that the invoice bills.
        expenses[search]: ExpenseFilter, ExpenseSort => ExpenseNode[ListExpenses], (below OfInvoice);
    }
}

/// An invoice by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct InvoiceById(pub(crate) InvoiceId);

by_id_loader!(InvoiceById => InvoiceNode, service::invoice::by_ids);

below_loaders! {
    OfClient: InvoiceArgs => InvoiceNode, service::invoice::list_of_clients;
}

/// The lines of an invoice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LinesOfInvoice(pub(crate) InvoiceId);

impl Loader<LinesOfInvoice> for Loaders {
    type Value = Vec<InvoiceLine>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[LinesOfInvoice]) -> Result<HashMap<LinesOfInvoice, Vec<InvoiceLine>>, Arc<Error>> {
        let ids: Vec<InvoiceId> = keys.iter().map(|key| key.0).collect();
        let lines = service::invoice::lines_of(&self.0, &ids).await?;
        Ok(lines.into_iter().map(|(invoice, lines)| (LinesOfInvoice(invoice), lines)).collect())
    }
}

lists! {
    /// The list of this noun.
    InvoiceRootLists() {
        /// A page of invoices. `search` looks in the number.
        invoices[search]: InvoiceFilter, InvoiceSort => InvoiceNode[], (flat service::invoice::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct InvoiceQueries;

/// The queries of this noun.
#[Object]
impl InvoiceQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> InvoiceRootLists {
        InvoiceRootLists()
    }

    /// An invoice by its identifier; null with the error `not_found` if the caller sees none.
    async fn invoice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the invoice.")] id: ID,
    ) -> Result<Option<Linked<InvoiceNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "invoice", &id, async { service::invoice::find(cx, parse_id(&id)).await.map(InvoiceNode) }).await
    }
}
