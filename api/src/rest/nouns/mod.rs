//! The operations of every noun. A handler reads its input, calls one operation of the service and names the kind of
//! answer.

mod clients;
mod events;
mod expenses;
mod invoices;
mod me;
mod members;
mod project_members;
mod projects;
mod reports;
mod tasks;
mod time_entries;
mod tokens;
mod webhook_deliveries;
mod webhook_endpoints;

use poem_openapi::Tags;

/// The operations: their types, and themselves.
macro_rules! operations {
    ($($file:ident::$noun:ident,)*) => {
        /// Every operation, in the order of the document.
        pub(super) type Operations = ($($file::$noun,)*);

        pub(super) const OPERATIONS: Operations = ($($file::$noun,)*);
    };
}

operations! {
    me::Me,
    members::Members,
    tokens::Tokens,
    clients::Clients,
    projects::Projects,
    project_members::ProjectMembers,
    tasks::Tasks,
    time_entries::TimeEntries,
    reports::Reports,
    expenses::Expenses,
    invoices::Invoices,
    webhook_endpoints::WebhookEndpoints,
    webhook_deliveries::WebhookDeliveries,
    events::Events,
}

/// How the document groups operations.
#[derive(Tags)]
enum Tag {
    /// The caller and their workspace.
    Workspace,
    /// People of the workspace and their roles. The operator adds and removes them.
    Members,
    /// API tokens. A token cannot make another one; that is done on the settings pages or the command line.
    Tokens,
    /// People and companies that work is done for.
    Clients,
    /// Pieces of work for a client, and the members who are on them.
    Projects,
    /// Steps of a project, assigned to members.
    Tasks,
    /// Time spent on projects, logged afterwards or tracked with a timer.
    #[oai(rename = "Time entries")]
    TimeEntries,
    /// Sums of time and of what it earns, as JSON or CSV.
    Reports,
    /// Money spent for clients, billed by the next invoice.
    Expenses,
    /// Invoices to clients, read only. The operator creates, sends and settles them.
    Invoices,
    /// Webhook endpoints, deliveries to them, and the events that are delivered.
    Webhooks,
}
