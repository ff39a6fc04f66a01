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

/// An expense: money spent for a client. Only Owners, Admins and Managers see expenses.
pub struct ExpenseNode(pub(crate) Expense);

/// An expense: money spent for a client. Only Owners, Admins and Managers see expenses.
#[Object(name = "Expense")]
impl ExpenseNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Expense {
        &self.0
    }

    /// Identifier of the expense (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// The client that the money was spent for.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<ClientNode>> {
        Ok(one(ctx, Action::GetClient, Some(ClientById(self.0.client_id))).await?.map(ClientNode))
    }

    /// The project of that client; null if the expense belongs to none.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<ProjectNode>> {
        Ok(one(ctx, Action::GetProject, self.0.project_id.map(ProjectById)).await?.map(ProjectNode))
    }

    /// The invoice that bills the expense; null while it is not billed.
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
        /// A page of expenses. `search` looks in description and custom category.
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

    /// An expense by its identifier; null with the error `not_found` if the caller sees none.
    async fn expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the expense.")] id: ID,
    ) -> Result<Option<ExpenseNode>> {
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
    /// Creates an expense in the client's currency.
    async fn create_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields of the new expense.")] input: CreateExpenseInput,
    ) -> Result<CreateExpensePayload> {
        let record = record(ctx, service::expense::create(cx(ctx)?, input).await)?;
        Ok(CreateExpensePayload { expense: ExpenseNode(record) })
    }

    /// Changes an expense: an absent field keeps its value, null clears a nullable one. A billed expense is refused
    /// (reason `invoiced`).
    async fn update_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the expense.")] id: ID,
        #[graphql(desc = "The fields to change.")] input: UpdateExpenseInput,
        #[graphql(
            desc = "Version that the change is meant for; any other version is refused (`conflict`, reason `stale`)."
        )]
        expected_version: Option<i32>,
    ) -> Result<UpdateExpensePayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::expense::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(UpdateExpensePayload { expense: ExpenseNode(record) })
    }

    /// Deletes an expense. A billed expense is refused (reason `invoiced`).
    async fn delete_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the expense.")] id: ID,
        #[graphql(
            desc = "Version that the change is meant for; any other version is refused (`conflict`, reason `stale`)."
        )]
        expected_version: Option<i32>,
    ) -> Result<DeleteExpensePayload> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::expense::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(DeleteExpensePayload { id: deleted.id })
    }
}

/// The result of creating an expense.
#[derive(SimpleObject)]
pub struct CreateExpensePayload {
    /// The created expense.
    pub(crate) expense: ExpenseNode,
}

/// The result of changing an expense.
#[derive(SimpleObject)]
pub struct UpdateExpensePayload {
    /// The changed expense.
    pub(crate) expense: ExpenseNode,
}

/// The result of deleting an expense.
#[derive(SimpleObject)]
pub struct DeleteExpensePayload {
    /// Identifier of the expense.
    pub(crate) id: Id,
}
