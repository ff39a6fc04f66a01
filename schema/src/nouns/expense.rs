//! Expenses: the node, queries, mutations and loaders.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::expense::{CreateExpenseInput, Expense, ExpenseArgs, ExpenseFilter, ExpenseSort, UpdateExpenseInput};
use service::value::Id;
use service::{Action, Deleted};

use crate::engine::connection::lists;
use crate::engine::loader::{Linked, OfClient, OfInvoice, OfProject, below_loaders, one};
use crate::engine::object::{Output, nodes};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::invoice::{InvoiceById, InvoiceNode};
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::{cx, expected, parse_id, record, shared};

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
        self.0.id.any()
    }

    /// The client that the money was spent for.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Linked<ClientNode>>> {
        one(ctx, Action::GetClient, Some(ClientById(self.0.client_id))).await
    }

    /// The project of that client; null if the expense belongs to none.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Linked<ProjectNode>>> {
        one(ctx, Action::GetProject, self.0.project_id.map(ProjectById)).await
    }

    /// The invoice that bills the expense; null while it is not billed.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Linked<InvoiceNode>>> {
        one(ctx, Action::GetInvoice, self.0.invoice_id.map(InvoiceById)).await
    }
}

nodes! {
    ExpenseNode => 0: Expense;
    CreateExpensePayload;
    UpdateExpensePayload;
    DeleteExpensePayload;
}

below_loaders! {
    OfClient: ExpenseArgs => ExpenseNode, service::expense::list_of_clients;
    OfProject: ExpenseArgs => ExpenseNode, service::expense::list_of_projects;
    OfInvoice: ExpenseArgs => ExpenseNode, service::expense::list_of_invoices;
}

lists! {
    /// The list of this noun.
    ExpenseRootLists() {
        /// A page of expenses. `search` looks in description and custom category.
        expenses[search]: ExpenseFilter, ExpenseSort => ExpenseNode[], (flat service::expense::list);
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
    ) -> Result<Option<Linked<ExpenseNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "expense", &id, async { service::expense::get(cx, parse_id(&id)).await.map(ExpenseNode) }).await
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
    ) -> Result<Output<CreateExpensePayload>> {
        let record = record(ctx, service::expense::create(cx(ctx)?, input).await)?;
        Ok(Output(CreateExpensePayload { expense: Output(ExpenseNode(record)) }))
    }

    /// Changes an expense: an absent field keeps its value, null clears a nullable one. A billed expense is refused
    /// (reason `invoiced`).
    async fn update_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the expense.")] id: ID,
        #[graphql(desc = "The fields to change.")] input: UpdateExpenseInput,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<UpdateExpensePayload>> {
        let expected = expected(expected_version);
        let record = record(ctx, service::expense::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(Output(UpdateExpensePayload { expense: Output(ExpenseNode(record)) }))
    }

    /// Deletes an expense. A billed expense is refused (reason `invoiced`).
    async fn delete_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the expense.")] id: ID,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<DeleteExpensePayload>> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::expense::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(Output(DeleteExpensePayload { deleted_id: deleted.id }))
    }
}

/// The result of creating an expense.
#[derive(SimpleObject)]
pub struct CreateExpensePayload {
    /// The created expense.
    pub(crate) expense: Output<ExpenseNode>,
}

/// The result of changing an expense.
#[derive(SimpleObject)]
pub struct UpdateExpensePayload {
    /// The changed expense.
    pub(crate) expense: Output<ExpenseNode>,
}

/// The result of deleting an expense.
#[derive(SimpleObject)]
pub struct DeleteExpensePayload {
    /// The id of what was deleted.
    pub(crate) deleted_id: Id,
}
