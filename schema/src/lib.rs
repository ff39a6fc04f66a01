//! The GraphQL schema: the same records and inputs as REST, with relations between them.

mod batch;
pub mod bounds;
mod connection;
mod cost;
mod error;
mod gateway;
mod loader;

mod client;
mod expense;
mod invoice;
mod member;
mod mutation;
mod node;
mod payload;
mod project;
mod query;
mod shape;
mod subscription;
mod task;
mod time_entry;
mod webhook;

use async_graphql::Context;
use service::Cx;

pub use cost::{Cost, MAX_COST};
pub use error::{extensions, refused_for_now};
pub use gateway::{Gateway, Kind, Prepared, Refused, Sent, before_execution};
pub use mutation::Mutation;
pub use query::Query;
pub use shape::SchemaIndex;
pub use subscription::Subscription;

/// The schema of Hoursmith.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema; once in a process. The library's own bound is no lower than ours, which tell both numbers.
pub fn build() -> Schema {
    Schema::build(Query, Mutation, Subscription).limit_recursive_depth(bounds::MAX_LEVELS).finish()
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
