//! Clients: the node, its lists, queries, mutations and loaders.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::Deleted;
use service::client::{Client, ClientFilter, ClientSort, CreateClientInput, UpdateClientInput};
use service::expense::{ExpenseFilter, ExpenseSort};
use service::invoice::{InvoiceFilter, InvoiceSort};
use service::project::{ProjectFilter, ProjectSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::{ClientId, Id};

use crate::engine::connection::lists;
use crate::engine::loader::{Linked, by_id_loader};
use crate::engine::object::{Output, nodes};
use crate::nouns::expense::ExpenseNode;
use crate::nouns::invoice::InvoiceNode;
use crate::nouns::project::ProjectNode;
use crate::nouns::time_entry::TimeEntryNode;
use crate::nouns::totals::{self, ClientTotals};
use crate::nouns::{cx, expected, parse_id, record, shared};

/// A client: a person or company that work is done for. Only Owners, Admins and Managers see clients.
pub struct ClientNode(pub(crate) Client);

/// A client: a person or company that work is done for. Only Owners, Admins and Managers see clients.
#[Object(name = "Client")]
impl ClientNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Client {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> ClientLists {
        ClientLists(self.0.id.any())
    }

    /// Identifier of the client (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id.any()
    }

    /// All time on the client's projects, what it earns, and what is still to be paid. Costs 10 points, whatever the number
    /// of clients.
    async fn totals(&self, ctx: &Context<'_>) -> Result<Option<Output<ClientTotals>>> {
        totals::of_client(ctx, self.0.id).await
    }
}

nodes! {
    ClientNode => 0: Client;
    CreateClientPayload;
    UpdateClientPayload;
    DeleteClientPayload;
}

lists! {
    /// What belongs to a client.
    ClientLists(Id) {
        /// Projects for the client.
        projects[search]: ProjectFilter, ProjectSort => ProjectNode[ListProjects], (below OfClient);
        /// Time entries on projects for the client.
        time_entries[search]: TimeEntryFilter, TimeEntrySort => TimeEntryNode[ListTimeEntries], (below OfClient);
        /// Expenses for the client.
        expenses[search]: ExpenseFilter, ExpenseSort => ExpenseNode[ListExpenses], (below OfClient);
        /// Invoices to the client.
        invoices[search]: InvoiceFilter, InvoiceSort => InvoiceNode[ListInvoices], (below OfClient);
    }
}

/// A client by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientById(pub(crate) ClientId);

by_id_loader!(ClientById => ClientNode, service::client::by_ids);

lists! {
    /// The list of this noun.
    ClientRootLists() {
        /// A page of clients. `search` looks in name, contact name and email.
        clients[search]: ClientFilter, ClientSort => ClientNode[], (flat service::client::list);
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

    /// A client by its identifier; null with the error `not_found` if the caller sees none.
    async fn client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the client.")] id: ID,
    ) -> Result<Option<Linked<ClientNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "client", &id, async { service::client::get(cx, parse_id(&id)).await.map(ClientNode) }).await
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct ClientMutations;

/// The mutations of this noun.
#[Object]
impl ClientMutations {
    /// Creates a client and sends the event `client.created`.
    async fn create_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields of the new client.")] input: CreateClientInput,
    ) -> Result<Output<CreateClientPayload>> {
        let record = record(ctx, service::client::create(cx(ctx)?, input).await)?;
        Ok(Output(CreateClientPayload { client: Output(ClientNode(record)) }))
    }

    /// Changes a client: an absent field keeps its value, null clears a nullable one.
    async fn update_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the client.")] id: ID,
        #[graphql(desc = "The fields to change.")] input: UpdateClientInput,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<UpdateClientPayload>> {
        let expected = expected(expected_version);
        let record = record(ctx, service::client::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(Output(UpdateClientPayload { client: Output(ClientNode(record)) }))
    }

    /// Deletes a client. Refused while it has active projects (reason `active_projects`) or invoices that are not
    /// cancelled (reason `has_invoices`).
    async fn delete_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the client.")] id: ID,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<DeleteClientPayload>> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::client::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(Output(DeleteClientPayload { deleted_id: deleted.id }))
    }
}

/// The result of creating a client.
#[derive(SimpleObject)]
pub struct CreateClientPayload {
    /// The created client.
    pub(crate) client: Output<ClientNode>,
}

/// The result of changing a client.
#[derive(SimpleObject)]
pub struct UpdateClientPayload {
    /// The changed client.
    pub(crate) client: Output<ClientNode>,
}

/// The result of deleting a client.
#[derive(SimpleObject)]
pub struct DeleteClientPayload {
    /// The id of what was deleted.
    pub(crate) deleted_id: Id,
}
