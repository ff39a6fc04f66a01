//! Root types that are merged from the nouns.
//!
//! The library's own merging nests the future of each part in that of the one before: with a dozen nouns that takes a
//! megabyte of stack in a debug build, and tries one part after the other. Here a field is looked up.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Which part of a root type has a field.
pub(crate) type Parts = OnceLock<HashMap<String, usize>>;

/// Writes a root type: the fields of all its parts.
macro_rules! root {
    ($(#[doc = $doc:literal])+ $root:ident { $($part:ty),* $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Default)]
        pub struct $root;

        const _: () = {
            use async_graphql::indexmap::IndexMap;
            use async_graphql::parser::types::Field;
            use async_graphql::registry::{MetaType, MetaTypeId, Registry};
            use async_graphql::{ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned};
            use async_graphql::{ServerResult, Value};

            static PARTS: $crate::engine::root::Parts = $crate::engine::root::Parts::new();

            impl OutputType for $root {
                fn type_name() -> std::borrow::Cow<'static, str> {
                    stringify!($root).into()
                }

                fn create_type_info(registry: &mut Registry) -> String {
                    registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
                        let mut fields = IndexMap::new();
                        let mut parts = std::collections::HashMap::new();
                        let all = [$(registry.create_fake_output_type::<$part>()),*];
                        for (number, part) in all.into_iter().enumerate() {
                            if let MetaType::Object { fields: own, .. } = part {
                                parts.extend(own.keys().map(|name| (name.clone(), number)));
                                fields.extend(own);
                            }
                        }
                        PARTS.get_or_init(|| parts);
                        $crate::engine::connection::meta_object::<Self>(concat!($($doc),+).trim(), fields)
                    })
                }

                async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
                    async_graphql::resolver_utils::resolve_container(ctx, self).await
                }
            }

            impl ContainerType for $root {
                async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
                    let part = PARTS.get().and_then(|parts| parts.get(ctx.item.node.name.node.as_str()));
                    let Some(part) = part.copied() else { return Ok(None) };
                    let mut number = 0;
                    $(if part == number {
                        let own = <$part>::default();
                        return Box::pin(own.resolve_field(ctx)).await;
                    }
                    number += 1;)*
                    debug_assert!(part < number, "a part that does not exist");
                    Ok(None)
                }
            }

            impl ObjectType for $root {}
        };
    };
}

pub(crate) use root;
