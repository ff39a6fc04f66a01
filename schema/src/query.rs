//! What can be asked.

use async_graphql::{Context, ID, Object, Result};
use service::client::{ClientFilter, ClientSort};
use service::expense::{ExpenseFilter, ExpenseSort};
use service::invoice::{InvoiceFilter, InvoiceSort};
use service::member::{Me, Member, MemberFilter, MemberSort};
use service::organization::Organization;
use service::project::{ProjectFilter, ProjectSort};
use service::sort::{Sort, SortField};
use service::task::{TaskFilter, TaskSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::token::{TokenFilter, TokenSort};
use service::value::Id;
use service::{Cx, Error, Filter, ListArgs, Page};

use crate::client::{ClientConnection, ClientNode};
use crate::connection::{Ask, Slice, args, in_graphql};
use crate::cx;
use crate::error::OrFail;
use crate::expense::{ExpenseConnection, ExpenseNode};
use crate::invoice::{InvoiceConnection, InvoiceNode};
use crate::member::{MemberConnection, TokenConnection};
use crate::project::{ProjectConnection, ProjectNode};
use crate::task::{TaskConnection, TaskNode};
use crate::time_entry::{TimeEntryConnection, TimeEntryNode};

/// What can be asked.
pub struct Query;

/// What is no UUID stands for no row, and is not found.
pub(crate) fn id(id: &ID) -> Id {
    id.parse().unwrap_or(Id::NONE)
}

/// A page of a flat list.
async fn page<F: Filter, S: SortField, T>(
    cx: &Cx,
    slice: Slice,
    ask: Ask<F, S>,
    list: impl AsyncFn(&Cx, &ListArgs<F, S>) -> Result<Page<T>, Error>,
) -> Result<Page<T>> {
    let args = args(slice, ask).or_fail(cx)?;
    list(cx, &args).await.map_err(|error| in_graphql(error.into(), args.backward)).or_fail(cx)
}

/// What can be asked.
#[Object]
impl Query {
    /// Who asks, and what their token may do.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Me> {
        let cx = cx(ctx)?;
        service::member::me(cx).await.or_fail(cx)
    }

    /// The workspace.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let cx = cx(ctx)?;
        service::organization::get(cx).await.or_fail(cx)
    }

    /// One client.
    async fn client(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ClientNode>> {
        let cx = cx(ctx)?;
        service::client::get(cx, self::id(&id)).await.map(ClientNode).map(Some).or_fail(cx)
    }

    /// Clients, a page at a time.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn clients(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<ClientFilter>,
        sort: Option<Sort<ClientSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<Option<ClientConnection>> {
        let slice = Slice { first, after, last, before };
        let ask = Ask { filter, sort, search, include_deleted };
        let page = page(cx(ctx)?, slice, ask, async |cx, args| service::client::list(cx, args).await).await?;
        Ok(Some(ClientConnection(page.map(ClientNode))))
    }

    /// One project.
    async fn project(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ProjectNode>> {
        let cx = cx(ctx)?;
        service::project::get(cx, self::id(&id)).await.map(ProjectNode).map(Some).or_fail(cx)
    }

    /// Projects, a page at a time.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn projects(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<ProjectFilter>,
        sort: Option<Sort<ProjectSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<Option<ProjectConnection>> {
        let slice = Slice { first, after, last, before };
        let ask = Ask { filter, sort, search, include_deleted };
        let page = page(cx(ctx)?, slice, ask, async |cx, args| service::project::list(cx, args).await).await?;
        Ok(Some(ProjectConnection(page.map(ProjectNode))))
    }

    /// One task.
    async fn task(&self, ctx: &Context<'_>, id: ID) -> Result<Option<TaskNode>> {
        let cx = cx(ctx)?;
        service::task::get(cx, self::id(&id)).await.map(TaskNode).map(Some).or_fail(cx)
    }

    /// Tasks, a page at a time.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TaskFilter>,
        sort: Option<Sort<TaskSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<Option<TaskConnection>> {
        let slice = Slice { first, after, last, before };
        let ask = Ask { filter, sort, search, include_deleted };
        let page = page(cx(ctx)?, slice, ask, async |cx, args| service::task::list(cx, args).await).await?;
        Ok(Some(TaskConnection(page.map(TaskNode))))
    }

    /// One time entry.
    async fn time_entry(&self, ctx: &Context<'_>, id: ID) -> Result<Option<TimeEntryNode>> {
        let cx = cx(ctx)?;
        service::time_entry::get(cx, self::id(&id)).await.map(TimeEntryNode).map(Some).or_fail(cx)
    }

    /// Time entries, a page at a time.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn time_entries(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TimeEntryFilter>,
        sort: Option<Sort<TimeEntrySort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<Option<TimeEntryConnection>> {
        let slice = Slice { first, after, last, before };
        let ask = Ask { filter, sort, search, include_deleted };
        let page = page(cx(ctx)?, slice, ask, async |cx, args| service::time_entry::list(cx, args).await).await?;
        Ok(Some(TimeEntryConnection(page.map(TimeEntryNode))))
    }

    /// The caller's running timer, if there is one.
    async fn running_timer(&self, ctx: &Context<'_>) -> Result<Option<TimeEntryNode>> {
        let cx = cx(ctx)?;
        Ok(service::time_entry::running(cx).await.or_fail(cx)?.map(TimeEntryNode))
    }

    /// One expense.
    async fn expense(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ExpenseNode>> {
        let cx = cx(ctx)?;
        service::expense::get(cx, self::id(&id)).await.map(ExpenseNode).map(Some).or_fail(cx)
    }

    /// Expenses, a page at a time.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn expenses(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<ExpenseFilter>,
        sort: Option<Sort<ExpenseSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<Option<ExpenseConnection>> {
        let slice = Slice { first, after, last, before };
        let ask = Ask { filter, sort, search, include_deleted };
        let page = page(cx(ctx)?, slice, ask, async |cx, args| service::expense::list(cx, args).await).await?;
        Ok(Some(ExpenseConnection(page.map(ExpenseNode))))
    }

    /// One invoice.
    async fn invoice(&self, ctx: &Context<'_>, id: ID) -> Result<Option<InvoiceNode>> {
        let cx = cx(ctx)?;
        service::invoice::find(cx, self::id(&id)).await.map(InvoiceNode).map(Some).or_fail(cx)
    }

    /// Invoices, a page at a time.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<InvoiceFilter>,
        sort: Option<Sort<InvoiceSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<Option<InvoiceConnection>> {
        let slice = Slice { first, after, last, before };
        let ask = Ask { filter, sort, search, include_deleted };
        let page = page(cx(ctx)?, slice, ask, async |cx, args| service::invoice::list(cx, args).await).await?;
        Ok(Some(InvoiceConnection(page.map(InvoiceNode))))
    }

    /// One member.
    async fn member(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Member>> {
        let cx = cx(ctx)?;
        service::member::get(cx, self::id(&id)).await.map(Some).or_fail(cx)
    }

    /// Members, a page at a time.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<MemberFilter>,
        sort: Option<Sort<MemberSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<Option<MemberConnection>> {
        let slice = Slice { first, after, last, before };
        let ask = Ask { filter, sort, search, include_deleted };
        let page = page(cx(ctx)?, slice, ask, async |cx, args| service::member::list(cx, args).await).await?;
        Ok(Some(MemberConnection(page)))
    }

    /// Tokens, a page at a time.
    #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
    async fn tokens(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TokenFilter>,
        sort: Option<Sort<TokenSort>>,
        search: Option<String>,
        include_deleted: Option<bool>,
    ) -> Result<Option<TokenConnection>> {
        let slice = Slice { first, after, last, before };
        let ask = Ask { filter, sort, search, include_deleted };
        let page = page(cx(ctx)?, slice, ask, async |cx, args| service::token::list(cx, args).await).await?;
        Ok(Some(TokenConnection(page)))
    }
}
