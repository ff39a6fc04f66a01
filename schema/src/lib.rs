//! The GraphQL schema: the same records and inputs as REST, with relations between them.

mod batch;
mod connection;
mod error;
mod loader;

mod client;
mod expense;
mod invoice;
mod member;
mod mutation;
mod payload;
mod project;
mod query;
mod shape;
mod task;
mod time_entry;

use async_graphql::{Context, EmptySubscription};
use service::Cx;

pub use batch::execute;
pub use error::extensions;
pub use mutation::Mutation;
pub use query::Query;
pub use shape::Shapes;

/// The schema of Hoursmith.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// How deep a query may nest.
const MAX_DEPTH: usize = 15;

/// Builds the schema; once in a process.
pub fn build() -> Schema {
    Schema::build(Query, Mutation, EmptySubscription).limit_depth(MAX_DEPTH).finish()
}

/// The schema as a text, the same for the same schema.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_enum_items().sorted_arguments();
    build().sdl_with_options(options)
}

/// The caller at the door.
fn cx<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Cx> {
    ctx.data::<Cx>()
}
