//! The search across nouns: for a search box that does not know what is looked for.

use async_graphql::{Context, Object, Result};
use service::Action;
use service::search::{DEFAULT_FOUND, SearchHit, SearchType};
use service::value::Id;

use crate::engine::answer::Answer;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, one};
use crate::engine::object::{Outputs, nodes};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::cx;
use crate::nouns::invoice::{InvoiceById, InvoiceNode};
use crate::nouns::member::{MemberById, MemberNode};
use crate::nouns::project::{ProjectById, ProjectNode};
use crate::nouns::task::{TaskById, TaskNode};

/// A record that was found.
pub struct SearchHitNode(SearchHit);

nodes! {
    SearchHitNode;
}

impl SearchHitNode {
    fn id_of<T>(&self, kind: SearchType) -> Option<Id<T>> {
        (self.0.kind == kind).then_some(self.0.id.of())
    }
}

/// A record that a search has found: its kind, its title, and the record itself.
#[Object(name = "SearchHit")]
impl SearchHitNode {
    /// The kind of the record.
    #[graphql(name = "type")]
    async fn kind(&self) -> SearchType {
        self.0.kind
    }

    /// The identifier of the record.
    async fn record_id(&self) -> Id {
        self.0.id
    }

    /// The name of the record; the number of an invoice.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The client; null for a record of another kind.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Linked<ClientNode>>> {
        one(ctx, Action::GetClient, self.id_of(SearchType::Client).map(ClientById)).await
    }

    /// The project; null for a record of another kind.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Linked<ProjectNode>>> {
        one(ctx, Action::GetProject, self.id_of(SearchType::Project).map(ProjectById)).await
    }

    /// The task; null for a record of another kind.
    async fn task(&self, ctx: &Context<'_>) -> Result<Option<Linked<TaskNode>>> {
        one(ctx, Action::GetTask, self.id_of(SearchType::Task).map(TaskById)).await
    }

    /// The member; null for a record of another kind.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Linked<MemberNode>>> {
        one(ctx, Action::GetMember, self.id_of(SearchType::Member).map(MemberById)).await
    }

    /// The invoice; null for a record of another kind.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Linked<InvoiceNode>>> {
        one(ctx, Action::GetInvoice, self.id_of(SearchType::Invoice).map(InvoiceById)).await
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct SearchQueries;

/// The queries of this noun.
#[Object]
impl SearchQueries {
    /// Clients, projects, tasks, members and invoices that contain a text, of those that the caller sees. Titles that begin
    /// with the text come first, then the newest records. Costs 2 points more than its rows.
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text, up to 200 characters, without regard to case.")] query: String,
        #[graphql(desc = "The kinds of records; by default all that the role may read.")] types: Option<
            Vec<SearchType>,
        >,
        #[graphql(desc = "The number of records, 1 to 50; by default 20.")] first: Option<u32>,
    ) -> Result<Option<Outputs<SearchHitNode>>> {
        let cx = cx(ctx)?;
        let (types, first) = (types.unwrap_or_default(), first.unwrap_or(DEFAULT_FOUND));
        let key = format!("search {query:?} {types:?} {first}");
        let found = service::search::find(cx, &query, &types, first);
        let found = ctx.data::<Answer>()?.once(key, found).await.or_fail(cx)?;
        Ok(Some(Outputs(found.iter().cloned().map(SearchHitNode).collect())))
    }
}
