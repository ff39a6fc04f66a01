//! Clients: the node, its lists, queries, mutations and loaders.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::Deleted;
use service::client::{Client, ClientFilter, ClientSort, CreateClientInput, UpdateClientInput};
use service::expense::{ExpenseFilter, ExpenseSort};
use service::invoice::{InvoiceFilter, InvoiceSort};
use service::project::{ProjectFilter, ProjectSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::Id;

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::by_id_loader;
use crate::nouns::expense::{ExpenseConnection, ExpenseNode};
use crate::nouns::invoice::{InvoiceConnection, InvoiceNode};
use crate::nouns::project::{ProjectConnection, ProjectNode};
use crate::nouns::time_entry::{TimeEntryConnection, TimeEntryNode};
use crate::nouns::{cx, expected, parse_id, record};

/// Who work is done for.
pub struct ClientNode(pub(crate) Client);

/// Who work is done for.
#[Object(name = "Client")]
impl ClientNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Client {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> ClientLists {
        ClientLists(self.0.id)
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }
}

lists! {
    /// What belongs to a client.
    ClientLists(Id) {
        /// The projects for this client.
        projects: ProjectFilter, ProjectSort => ProjectConnection(ProjectNode) if ListProjects, (below OfClient);
        /// The time spent on its projects.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode) if ListTimeEntries, (below OfClient);
        /// The money spent for it.
        expenses: ExpenseFilter, ExpenseSort => ExpenseConnection(ExpenseNode) if ListExpenses, (below OfClient);
        /// The bills to it.
        invoices: InvoiceFilter, InvoiceSort => InvoiceConnection(InvoiceNode) if ListInvoices, (below OfClient);
    }
}

connection!(ClientConnection, ClientEdge, ClientNode);

/// A client by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientById(pub(crate) Id);

by_id_loader!(ClientById => Client, service::client::by_ids);

lists! {
    /// The list of this noun.
    ClientRootLists() {
        /// Clients, a page at a time.
        clients: ClientFilter, ClientSort => ClientConnection(ClientNode), (flat service::client::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct ClientQueries;

/// The queries of this noun.
#[Object]
impl ClientQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> ClientRootLists {
        ClientRootLists()
    }

    /// One client.
    async fn client(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<ClientNode>> {
        let cx = cx(ctx)?;
        service::client::get(cx, parse_id(&id)).await.map(ClientNode).map(Some).or_fail(cx)
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct ClientMutations;

/// The mutations of this noun.
#[Object]
impl ClientMutations {
    /// A new client.
    async fn create_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateClientInput,
    ) -> Result<CreateClientPayload> {
        let record = record(ctx, service::client::create(cx(ctx)?, input).await)?;
        Ok(CreateClientPayload { client: ClientNode(record) })
    }

    /// Change a client: what is absent stays, null clears.
    async fn update_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateClientInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateClientPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::client::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(UpdateClientPayload { client: ClientNode(record) })
    }

    /// Delete a client.
    async fn delete_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteClientPayload> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::client::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(DeleteClientPayload { id: deleted.id })
    }
}

/// The client that was made.
#[derive(SimpleObject)]
pub struct CreateClientPayload {
    /// The client.
    pub(crate) client: ClientNode,
}

/// The client that was changed.
#[derive(SimpleObject)]
pub struct UpdateClientPayload {
    /// The client.
    pub(crate) client: ClientNode,
}

/// The client that was deleted.
#[derive(SimpleObject)]
pub struct DeleteClientPayload {
    /// Its id.
    pub(crate) id: Id,
}
