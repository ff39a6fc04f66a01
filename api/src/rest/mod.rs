//! The REST surface: the operations of every noun, behind one pipeline.

pub mod envelope;
pub mod error;
pub mod errors_page;
pub mod extract;
pub mod openapi;
pub mod pipeline;
pub mod route;

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

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, IntoEndpoint, Response};
use poem_openapi::{OpenApiService, Tags};

use crate::server::Server;

/// Every operation, in the order of the document.
type Operations = (
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

const OPERATIONS: Operations = (
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

/// Where the REST surface is.
pub const BASE: &str = "/api/v1";

/// Its paths.
pub fn routes() -> route::Routes {
    route::Routes::of::<Operations>()
}

/// The operations behind the pipeline, to be mounted under `/api/v1`.
pub fn endpoint(server: Arc<Server>) -> impl Endpoint<Output = Response> {
    let inner =
        OpenApiService::new(OPERATIONS, "Hoursmith", env!("CARGO_PKG_VERSION")).into_endpoint().map_to_response();
    pipeline::Pipeline { inner, routes: routes(), server }
}

/// poem-openapi's document of the operations, before our passes.
fn document() -> String {
    OpenApiService::new(OPERATIONS, "Hoursmith", env!("CARGO_PKG_VERSION")).spec()
}
