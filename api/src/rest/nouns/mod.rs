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

/// The operations by group: their types, themselves, and the groups.
macro_rules! operations {
    ($($(#[$about:meta])+ $tag:ident: $($file:ident::$noun:ident),+;)*) => {
        /// Every operation, in the order of the document.
        pub(super) type Operations = ($($($file::$noun,)+)*);

        pub(super) const OPERATIONS: Operations = ($($($file::$noun,)+)*);

        /// How the document groups operations.
        #[derive(Tags)]
        enum Tag {
            $($(#[$about])+ $tag,)*
        }
    };
}

operations! {
    /// The caller and their workspace.
    Workspace: me::Me;
    /// People of the workspace and their roles, read only. Owners and Admins add and remove them in the settings pages, the
    /// operator on the command line.
    Members: members::Members;
    /// API tokens. A token cannot make another one; that is done on the settings pages or the command line.
    Tokens: tokens::Tokens;
    /// People and companies that work is done for.
    Clients: clients::Clients;
    /// Pieces of work for a client, and the members who are on them.
    Projects: projects::Projects, project_members::ProjectMembers;
    /// Steps of a project, assigned to members.
    Tasks: tasks::Tasks;
    /// Time spent on projects, logged afterwards or tracked with a timer.
    #[oai(rename = "Time entries")]
    TimeEntries: time_entries::TimeEntries;
    /// Sums of time and of what it earns, as JSON or CSV.
    Reports: reports::Reports;
    /// Money spent for clients, billed by the next invoice.
    Expenses: expenses::Expenses;
    /// Invoices to clients, read only. Owners, Admins and Managers create, send and settle them in the settings pages, the
    /// operator on the command line.
    Invoices: invoices::Invoices;
    /// Webhook endpoints, deliveries to them, and the events that are delivered.
    Webhooks: webhook_endpoints::WebhookEndpoints, webhook_deliveries::WebhookDeliveries, events::Events;
}
