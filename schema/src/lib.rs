//! The GraphQL schema: the same records and inputs as REST, with relations between them.

mod engine;
mod nouns;

use std::sync::LazyLock;

pub use engine::answer::MAX_ANSWER_BYTES;
pub use engine::bounds;
pub use engine::completion::SchemaIndex;
pub use engine::cost::{Cost, MAX_COST};
pub use engine::error::{extensions, refused_for_now};
pub use engine::gateway::{Gateway, Kind, Prepared, Refused, Sent, before_execution};
pub use engine::trusted::TrustedDocuments;
pub use engine::written::write;
pub use nouns::subscription::Subscription;
pub use nouns::{Mutation, Query};

/// The schema of Hoursmith.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema, built once in a process. The library's own bound on recursion is no lower than ours, whose messages have both
/// numbers.
pub fn build() -> Schema {
    static BUILT: LazyLock<Schema> = LazyLock::new(|| {
        let schema = Schema::build(Query, Mutation, Subscription);
        schema
            .override_output_type_description::<Query>(&engine::audience::QUERY)
            .override_output_type_description::<Mutation>(&engine::audience::MUTATION)
            .limit_recursive_depth(bounds::MAX_LEVELS)
            .extension(engine::session::Sessions)
            .finish()
    });
    BUILT.clone()
}

/// The schema as a text, the same for the same schema.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_enum_items().sorted_arguments();
    build().sdl_with_options(options)
}

/// The schema as clients read it: with what its fields cost.
pub fn published_sdl() -> String {
    engine::price_list::priced(&sdl())
}
