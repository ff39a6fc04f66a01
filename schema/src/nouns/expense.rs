//! Expenses: the node, queries, mutations and loaders.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::expense::{CreateExpenseInput, Expense, ExpenseArgs, ExpenseFilter, ExpenseSort, UpdateExpenseInput};
use service::value::Id;
use service::{Action, Deleted};

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::{OfClient, OfInvoice, OfProject, below_loaders, one};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::invoice::{InvoiceById, InvoiceNode};
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::{cx, expected, parse_id, record};

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

below_loaders! {
    OfClient: ExpenseArgs => Expense, service::expense::list_of_clients;
    OfProject: ExpenseArgs => Expense, service::expense::list_of_projects;
    OfInvoice: ExpenseArgs => Expense, service::expense::list_of_invoices;
}

lists! {
    /// The list of this noun.
    ExpenseRootLists() {
        /// Expenses, a page at a time.
        expenses: ExpenseFilter, ExpenseSort => ExpenseConnection(ExpenseNode), (flat service::expense::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct ExpenseQueries;

/// The queries of this noun.
#[Object]
impl ExpenseQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> ExpenseRootLists {
        ExpenseRootLists()
    }

    /// One expense.
    async fn expense(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<ExpenseNode>> {
        let cx = cx(ctx)?;
        service::expense::get(cx, parse_id(&id)).await.map(ExpenseNode).map(Some).or_fail(cx)
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct ExpenseMutations;

/// The mutations of this noun.
#[Object]
impl ExpenseMutations {
    /// A new expense.
    async fn create_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateExpenseInput,
    ) -> Result<CreateExpensePayload> {
        let record = record(ctx, service::expense::create(cx(ctx)?, input).await)?;
        Ok(CreateExpensePayload { expense: ExpenseNode(record) })
    }

    /// Change an expense: what is absent stays, null clears.
    async fn update_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateExpenseInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateExpensePayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::expense::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(UpdateExpensePayload { expense: ExpenseNode(record) })
    }

    /// Delete an expense.
    async fn delete_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteExpensePayload> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::expense::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(DeleteExpensePayload { id: deleted.id })
    }
}

/// The expense that was made.
#[derive(SimpleObject)]
pub struct CreateExpensePayload {
    /// The expense.
    pub(crate) expense: ExpenseNode,
}

/// The expense that was changed.
#[derive(SimpleObject)]
pub struct UpdateExpensePayload {
    /// The expense.
    pub(crate) expense: ExpenseNode,
}

/// The expense that was deleted.
#[derive(SimpleObject)]
pub struct DeleteExpensePayload {
    /// Its id.
    pub(crate) id: Id,
}
