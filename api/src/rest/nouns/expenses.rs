//! `/expenses`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::expense::{self, CreateExpenseInput, Expense, ExpenseFilter, ExpenseSort, UpdateExpenseInput};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Changed, Created, List, NoContent, Tagged};
use crate::rest::extract::{Access, Body, IfMatch, PathId, Query};

pub struct Expenses;

#[OpenApi(tag = "Tag::Expenses")]
impl Expenses {
    /// List expenses
    ///
    /// Expenses of the workspace. `search` looks in description and custom category.
    #[oai(path = "/expenses", method = "get", operation_id = "listExpenses")]
    async fn list_expenses(
        &self,
        Access(cx): Access,
        query: Query<ExpenseFilter, ExpenseSort>,
    ) -> Result<List<Expense>, Rejection> {
        Ok(List(expense::list(&cx, &query.0).await?))
    }

    /// Create an expense
    ///
    /// Creates an expense in the client's currency. The next invoice of the client bills it if it is billable.
    #[oai(path = "/expenses", method = "post", operation_id = "createExpense")]
    async fn create_expense(
        &self,
        Access(cx): Access,
        body: Body<CreateExpenseInput>,
    ) -> Result<Created<Expense>, Rejection> {
        Ok(Created { written: expense::create(&cx, body.0).await?, list: "/expenses" })
    }

    /// Get an expense
    ///
    /// Returns one expense.
    #[oai(path = "/expenses/:id", method = "get", operation_id = "getExpense")]
    async fn get_expense(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<Expense>, Rejection> {
        Ok(Tagged(expense::get(&cx, id.0.into()).await?))
    }

    /// Change an expense
    ///
    /// Changes the fields that are sent. A billed expense is refused (409 `invoiced`). Another client means another
    /// currency.
    #[oai(path = "/expenses/:id", method = "patch", operation_id = "updateExpense")]
    async fn update_expense(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateExpenseInput>,
    ) -> Result<Changed<Expense>, Rejection> {
        Ok(Changed(expense::update(&cx, id.0.into(), &expected.0, body.0).await?))
    }

    /// Delete an expense
    ///
    /// Deletes an expense. A billed expense is refused (409 `invoiced`).
    #[oai(path = "/expenses/:id", method = "delete", operation_id = "deleteExpense")]
    async fn delete_expense(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(expense::delete(&cx, id.0.into(), &expected.0).await?))
    }
}
