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

/// Every operation, in the order of the document.
pub(super) type Operations = (
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
);

pub(super) const OPERATIONS: Operations = (
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
);

/// How the document groups operations.
#[derive(Tags)]
enum Tag {
    /// Who the caller is, and their workspace.
    Workspace,
    /// The people of the workspace.
    Members,
    /// API tokens. No token can make a token; the operator does.
    Tokens,
    /// Whom work is done for.
    Clients,
    /// Pieces of work for a client.
    Projects,
    /// Steps of a project, assigned to people.
    Tasks,
    /// Time spent on projects.
    #[oai(rename = "Time entries")]
    TimeEntries,
    /// Sums of time.
    Reports,
    /// Money spent for clients.
    Expenses,
    /// Bills to clients, read only. The operator makes, sends and settles them.
    Invoices,
    /// What happened, and where it is sent to: endpoints, deliveries, events.
    Webhooks,
}
