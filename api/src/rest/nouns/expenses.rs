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
    #[oai(path = "/expenses", method = "get", operation_id = "listExpenses")]
    async fn list_expenses(
        &self,
        Access(cx): Access,
        query: Query<ExpenseFilter, ExpenseSort>,
    ) -> Result<List<Expense>, Rejection> {
        Ok(List(expense::list(&cx, &query.0).await?))
    }

    /// Create an expense
    #[oai(path = "/expenses", method = "post", operation_id = "createExpense")]
    async fn create_expense(
        &self,
        Access(cx): Access,
        body: Body<CreateExpenseInput>,
    ) -> Result<Created<Expense>, Rejection> {
        Ok(Created { written: expense::create(&cx, body.0).await?, list: "/expenses" })
    }

    /// Get an expense
    #[oai(path = "/expenses/:id", method = "get", operation_id = "getExpense")]
    async fn get_expense(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<Expense>, Rejection> {
        Ok(Tagged(expense::get(&cx, id.0.0).await?))
    }

    /// Change an expense
    #[oai(path = "/expenses/:id", method = "patch", operation_id = "updateExpense")]
    async fn update_expense(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateExpenseInput>,
    ) -> Result<Changed<Expense>, Rejection> {
        Ok(Changed(expense::update(&cx, id.0.0, &expected.0, body.0).await?))
    }

    /// Delete an expense
    #[oai(path = "/expenses/:id", method = "delete", operation_id = "deleteExpense")]
    async fn delete_expense(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(expense::delete(&cx, id.0.0, &expected.0).await?))
    }
}
