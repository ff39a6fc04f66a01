//! Reports of money: expenses and invoices, counted and summed per currency.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use service::Action;
use service::expense::ExpenseFilter;
use service::input::Field;
use service::invoice::InvoiceFilter;
use service::report::{
    ExpenseReport, ExpenseReportAmount, ExpenseReportArgs, ExpenseReportKeys, ExpenseReportRow, ExpenseReportTotal,
    InvoiceReport, InvoiceReportAmount, InvoiceReportArgs, InvoiceReportKeys, InvoiceReportRow, InvoiceReportTotal,
};
use service::value::{
    ClientId, ExpenseCategory, ExpenseReportGroup, FieldErrors, InvoiceReportGroup, InvoiceStatus, PaymentStatus,
    ProjectId,
};

use crate::engine::answer::Answer;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, one};
use crate::engine::object::{Output, Outputs, nodes};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::cx;
use crate::nouns::project::{ProjectById, ProjectNode};

/// Expenses, summed by what was asked.
pub struct ExpenseReportNode(Arc<ExpenseReport>);

/// The expenses of one group.
pub struct ExpenseReportRowNode(ExpenseReportRow);

/// The expenses of all groups.
pub struct ExpenseReportTotalNode(ExpenseReportTotal);

/// What the expenses of a row have in common: what was asked for, and null for the rest.
pub struct ExpenseReportKeysNode(ExpenseReportKeys);

nodes! {
    ExpenseReportNode;
    ExpenseReportRowNode => 0: ExpenseReportRow;
    ExpenseReportTotalNode => 0: ExpenseReportTotal;
    ExpenseReportKeysNode => 0: ExpenseReportKeys;
    ExpenseReportAmount => self: ExpenseReportAmount;
}

/// Expenses, summed by what was asked.
#[Object(name = "ExpenseReport")]
impl ExpenseReportNode {
    /// One row for each group that has expenses, in the order of its keys; none without groups.
    async fn rows(&self) -> Outputs<ExpenseReportRowNode> {
        Outputs(self.0.rows.iter().cloned().map(ExpenseReportRowNode).collect())
    }

    /// The sums of all expenses that the filter selects.
    async fn total(&self) -> Output<ExpenseReportTotalNode> {
        Output(ExpenseReportTotalNode(self.0.total.clone()))
    }
}

/// The expenses of one group.
#[Object(name = "ExpenseReportRow")]
impl ExpenseReportRowNode {
    /// What the expenses of this row have in common.
    async fn keys(&self) -> Output<ExpenseReportKeysNode> {
        Output(ExpenseReportKeysNode(self.0.keys.clone()))
    }

    /// The number of expenses in this row.
    async fn count(&self) -> i64 {
        self.0.count
    }

    /// The sums per currency; currencies are never added to each other.
    async fn amounts(&self) -> Outputs<ExpenseReportAmount> {
        Outputs(self.0.amounts.clone())
    }
}

/// The expenses of all groups.
#[Object(name = "ExpenseReportTotal")]
impl ExpenseReportTotalNode {
    /// The number of expenses that the filter selects.
    async fn count(&self) -> i64 {
        self.0.count
    }

    /// The sums per currency; currencies are never added to each other.
    async fn amounts(&self) -> Outputs<ExpenseReportAmount> {
        Outputs(self.0.amounts.clone())
    }
}

/// What the expenses of a row have in common: what was asked for, and null for the rest.
#[Object(name = "ExpenseReportKeys")]
impl ExpenseReportKeysNode {
    /// The id of the client.
    async fn client_id(&self) -> Option<ClientId> {
        self.0.client.get().map(|key| key.id.of())
    }

    /// The client that the expenses of the row were for; null in a report by something else.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Linked<ClientNode>>> {
        one(ctx, Action::GetClient, self.0.client.get().map(|key| ClientById(key.id.of()))).await
    }

    /// The id of the project.
    async fn project_id(&self) -> Option<ProjectId> {
        self.0.project.get().map(|key| key.id.of())
    }

    /// The project that the expenses of the row belong to; null in a report by something else, and for expenses of none.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Linked<ProjectNode>>> {
        one(ctx, Action::GetProject, self.0.project.get().map(|key| ProjectById(key.id.of()))).await
    }

    /// The category of the expenses.
    async fn category(&self) -> Option<ExpenseCategory> {
        self.0.category.get().copied()
    }

    /// The month of `expenseDate`, `YYYY-MM`.
    async fn month(&self) -> Option<String> {
        self.0.month.get().cloned()
    }
}

/// Invoices, summed by what was asked.
pub struct InvoiceReportNode(Arc<InvoiceReport>);

/// The invoices of one group.
pub struct InvoiceReportRowNode(InvoiceReportRow);

/// The invoices of all groups.
pub struct InvoiceReportTotalNode(InvoiceReportTotal);

/// What the invoices of a row have in common: what was asked for, and null for the rest.
pub struct InvoiceReportKeysNode(InvoiceReportKeys);

nodes! {
    InvoiceReportNode;
    InvoiceReportRowNode => 0: InvoiceReportRow;
    InvoiceReportTotalNode => 0: InvoiceReportTotal;
    InvoiceReportKeysNode => 0: InvoiceReportKeys;
    InvoiceReportAmount => self: InvoiceReportAmount;
}

/// Invoices, summed by what was asked.
#[Object(name = "InvoiceReport")]
impl InvoiceReportNode {
    /// One row for each group that has invoices, in the order of its keys; none without groups.
    async fn rows(&self) -> Outputs<InvoiceReportRowNode> {
        Outputs(self.0.rows.iter().cloned().map(InvoiceReportRowNode).collect())
    }

    /// The sums of all invoices that the filter selects.
    async fn total(&self) -> Output<InvoiceReportTotalNode> {
        Output(InvoiceReportTotalNode(self.0.total.clone()))
    }
}

/// The invoices of one group.
#[Object(name = "InvoiceReportRow")]
impl InvoiceReportRowNode {
    /// What the invoices of this row have in common.
    async fn keys(&self) -> Output<InvoiceReportKeysNode> {
        Output(InvoiceReportKeysNode(self.0.keys.clone()))
    }

    /// The number of invoices in this row.
    async fn count(&self) -> i64 {
        self.0.count
    }

    /// The sums per currency; currencies are never added to each other.
    async fn amounts(&self) -> Outputs<InvoiceReportAmount> {
        Outputs(self.0.amounts.clone())
    }
}

/// The invoices of all groups.
#[Object(name = "InvoiceReportTotal")]
impl InvoiceReportTotalNode {
    /// The number of invoices that the filter selects.
    async fn count(&self) -> i64 {
        self.0.count
    }

    /// The sums per currency; currencies are never added to each other.
    async fn amounts(&self) -> Outputs<InvoiceReportAmount> {
        Outputs(self.0.amounts.clone())
    }
}

/// What the invoices of a row have in common: what was asked for, and null for the rest.
#[Object(name = "InvoiceReportKeys")]
impl InvoiceReportKeysNode {
    /// The id of the client.
    async fn client_id(&self) -> Option<ClientId> {
        self.0.client.get().map(|key| key.id.of())
    }

    /// The client that the invoices of the row were sent to; null in a report by something else.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Linked<ClientNode>>> {
        one(ctx, Action::GetClient, self.0.client.get().map(|key| ClientById(key.id.of()))).await
    }

    /// The status of the invoices.
    async fn status(&self) -> Option<InvoiceStatus> {
        self.0.status.get().copied()
    }

    /// The payment status of the invoices.
    async fn payment_status(&self) -> Option<PaymentStatus> {
        self.0.payment_status.get().copied()
    }

    /// The month of `issueDate`, `YYYY-MM`; null for invoices without one.
    async fn month(&self) -> Option<String> {
        self.0.month.get().cloned()
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct MoneyReportQueries;

/// The queries of this noun.
#[Object]
impl MoneyReportQueries {
    /// Expenses counted and summed per currency, by up to two groups; for Manager and above. Costs ten points.
    async fn expense_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to sum by: up to two groups. An empty list gives just the total.")] group_by: Vec<
            ExpenseReportGroup,
        >,
        #[graphql(desc = "Only the expenses that fit all of it.")] filter: Option<ExpenseFilter>,
    ) -> Result<Option<Output<ExpenseReportNode>>> {
        let cx = cx(ctx)?;
        let filter = filter.unwrap_or_default();
        let args = ExpenseReportArgs { group_by: Field::Value(group_by), filter, not_taken: FieldErrors::none() };
        let key = format!("expenseReport {args:?}");
        let report = ctx.data::<Answer>()?.once(key, service::report::expenses(cx, &args)).await.or_fail(cx)?;
        Ok(Some(Output(ExpenseReportNode(report))))
    }

    /// Invoices counted and summed per currency, by up to two groups; for Manager and above. Costs ten points.
    async fn invoice_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to sum by: up to two groups. An empty list gives just the total.")] group_by: Vec<
            InvoiceReportGroup,
        >,
        #[graphql(desc = "Only the invoices that fit all of it.")] filter: Option<InvoiceFilter>,
    ) -> Result<Option<Output<InvoiceReportNode>>> {
        let cx = cx(ctx)?;
        let filter = filter.unwrap_or_default();
        let args = InvoiceReportArgs { group_by: Field::Value(group_by), filter, not_taken: FieldErrors::none() };
        let key = format!("invoiceReport {args:?}");
        let report = ctx.data::<Answer>()?.once(key, service::report::invoices(cx, &args)).await.or_fail(cx)?;
        Ok(Some(Output(InvoiceReportNode(report))))
    }
}
