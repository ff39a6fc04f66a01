//! Clients and what belongs to them.

use async_graphql::Object;
use service::client::Client;
use service::expense::{ExpenseFilter, ExpenseSort};
use service::invoice::{InvoiceFilter, InvoiceSort};
use service::project::{ProjectFilter, ProjectSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::Id;

use crate::connection::{connection, lists};
use crate::expense::{ExpenseConnection, ExpenseNode};
use crate::invoice::{InvoiceConnection, InvoiceNode};
use crate::project::{ProjectConnection, ProjectNode};
use crate::time_entry::{TimeEntryConnection, TimeEntryNode};

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
