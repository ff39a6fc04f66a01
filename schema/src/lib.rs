//! The GraphQL schema: the same records and inputs as REST, with relations between them.

mod engine;
mod nouns;

use async_graphql::MergedObject;

pub use engine::bounds;
pub use engine::completion::SchemaIndex;
pub use engine::cost::{Cost, MAX_COST};
pub use engine::error::{extensions, refused_for_now};
pub use engine::gateway::{Gateway, Kind, Prepared, Refused, Sent, before_execution};
pub use nouns::subscription::Subscription;

/// The queries.
#[derive(MergedObject, Default)]
pub struct Query(
    nouns::client::ClientQueries,
    nouns::project::ProjectQueries,
    nouns::task::TaskQueries,
    nouns::time_entry::TimeEntryQueries,
    nouns::expense::ExpenseQueries,
    nouns::invoice::InvoiceQueries,
    nouns::member::MemberQueries,
    nouns::token::TokenQueries,
    nouns::organization::OrganizationQueries,
    nouns::report::ReportQueries,
    nouns::webhook_endpoint::WebhookEndpointQueries,
    nouns::webhook_delivery::WebhookDeliveryQueries,
    nouns::event::EventQueries,
    nouns::node::NodeQueries,
);

/// The mutations.
#[derive(MergedObject, Default)]
pub struct Mutation(
    nouns::client::ClientMutations,
    nouns::project::ProjectMutations,
    nouns::task::TaskMutations,
    nouns::time_entry::TimeEntryMutations,
    nouns::expense::ExpenseMutations,
    nouns::token::TokenMutations,
    nouns::webhook_endpoint::WebhookEndpointMutations,
    nouns::webhook_delivery::WebhookDeliveryMutations,
);

/// The schema of Hoursmith.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema; once in a process. The library's own bound on recursion is no lower than ours, whose messages have both numbers.
pub fn build() -> Schema {
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .limit_recursive_depth(bounds::MAX_LEVELS)
        .override_output_type_description::<Query>(&engine::audience::QUERY)
        .override_output_type_description::<Mutation>(&engine::audience::MUTATION)
        .finish()
}

/// The schema as a text, the same for the same schema.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_enum_items().sorted_arguments();
    build().sdl_with_options(options)
}
