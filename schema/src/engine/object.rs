//! Objects of an answer, by the specification: fields in the order of the query, null for a nullable field that failed,
//! and where null is not allowed, null for the object (GraphQL, sections 6.4.3 and 6.4.4).
//!
//! The library makes a future of every field. Here the scalars of a record are written in a loop (`plan.rs`), and only what
//! has to be resolved, such as a relation, is a future.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{
    ContainerType, ContextBase, ContextSelectionSet, Name, OutputType, Positioned, ServerError, ServerResult, Value,
};
use futures_util::future::BoxFuture;
use service::WriteJson;

use crate::engine::answer::Answer;
use crate::engine::merged;
use crate::engine::plan::Plan;

/// An object type whose scalars are those of a record.
pub trait Node: ContainerType {
    /// The record, whose serialisation has the scalars under their names.
    type Record: WriteJson;
    /// Scalars that are not taken from the record.
    const RESOLVED: &'static [&'static str] = &[];

    /// The record; none if every field is resolved.
    fn record(&self) -> Option<&Self::Record> {
        None
    }
}

impl<N: Node> Node for Arc<N> {
    type Record = N::Record;
    const RESOLVED: &'static [&'static str] = N::RESOLVED;

    fn record(&self) -> Option<&N::Record> {
        (**self).record()
    }
}

/// Says what the records of object types are.
macro_rules! nodes {
    ($($node:ty $(=> $field:tt: $record:ty $(, resolved $names:expr)?)?;)*) => {
        $($crate::engine::object::nodes!(@one $node $(=> $field: $record $(, $names)?)?);)*
    };
    (@one $node:ty) => {
        impl $crate::engine::object::Node for $node {
            type Record = ();
        }
    };
    (@one $node:ty => self: $record:ty) => {
        impl $crate::engine::object::Node for $node {
            type Record = $record;

            fn record(&self) -> Option<&$record> {
                Some(self)
            }
        }
    };
    (@one $node:ty => $field:tt: $record:ty $(, $names:expr)?) => {
        impl $crate::engine::object::Node for $node {
            type Record = $record;
            $(const RESOLVED: &'static [&'static str] = $names;)?

            fn record(&self) -> Option<&$record> {
                Some(&self.$field)
            }
        }
    };
}

pub(crate) use nodes;

/// An object as the value of a field.
pub struct Output<N>(pub N);

/// Objects as the value of a field.
pub struct Outputs<N>(pub Vec<N>);

impl<N: Node> OutputType for Output<N> {
    fn type_name() -> Cow<'static, str> {
        N::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        N::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        object(ctx, &self.0).await
    }
}

impl<N: Node> OutputType for Outputs<N> {
    fn type_name() -> Cow<'static, str> {
        format!("[{}]", N::qualified_type_name()).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        N::create_type_info(registry);
        Self::qualified_type_name()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        list(ctx, &[&ctx.item.node], &self.0).await
    }
}

/// One object as it is selected.
///
/// # Errors
/// A field that must not be null failed.
pub(crate) async fn object<N: Node>(ctx: &ContextSelectionSet<'_>, node: &N) -> ServerResult<Value> {
    let objects = objects(ctx, &[&ctx.item.node], std::slice::from_ref(node), |_| Place::Here).await?;
    Ok(objects.into_iter().next().unwrap_or_default())
}

/// Where an object stands below a selection.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// It is the only one.
    Here,
    /// In a list.
    Item(usize),
    /// In an object of a list.
    Below(usize, &'a Positioned<Field>),
}

/// Objects of one type that are selected alike.
///
/// # Errors
/// A field that must not be null failed, in any of them.
pub(crate) async fn objects<'a, N: Node>(
    ctx: &ContextSelectionSet<'a>,
    selected: &[&'a SelectionSet],
    nodes: &[N],
    place: impl Fn(usize) -> Place<'a>,
) -> ServerResult<Vec<Value>> {
    let Some(first) = nodes.first() else { return Ok(vec![]) };
    Plan::of(ctx, selected, first)?.parts(ctx, nodes, place).await
}

/// The same as a list.
///
/// # Errors
/// A field that must not be null failed, in any of them.
pub(crate) async fn list<'a, N: Node>(
    ctx: &ContextSelectionSet<'a>,
    selected: &[&'a SelectionSet],
    nodes: &[N],
) -> ServerResult<Value> {
    let Some(first) = nodes.first() else { return Ok(Value::List(vec![])) };
    Plan::of(ctx, selected, first)?.list(ctx, nodes).await
}

/// A field of an answer: everything that is selected under one name.
pub(crate) struct Slot<'a> {
    pub(crate) key: &'a Name,
    pub(crate) fields: Vec<&'a Positioned<Field>>,
}

impl<'a> Slot<'a> {
    /// The field in the schema.
    pub(crate) fn name(&self) -> &'a str {
        self.fields.first().map_or("", |field| field.node.name.node.as_str())
    }

    /// What is selected of it.
    pub(crate) fn below(&self) -> Vec<&'a SelectionSet> {
        self.fields.iter().map(|field| &field.node.selection_set.node).collect()
    }

    /// Whether it selects nothing further and has no arguments.
    pub(crate) fn is_plain(&self) -> bool {
        self.fields
            .iter()
            .all(|field| field.node.selection_set.node.items.is_empty() && field.node.arguments.is_empty())
    }
}

/// What is selected of an object type, in order, with fragments in their places.
pub(crate) fn slots<'a>(
    ctx: &ContextSelectionSet<'a>,
    selected: &[&'a SelectionSet],
    type_name: &str,
) -> ServerResult<Vec<Slot<'a>>> {
    // Mostly it is `nodes` alone.
    if let [SelectionSet { items }] = selected
        && let [Positioned { node: Selection::Field(field), .. }] = items.as_slice()
    {
        return Ok(vec![Slot { key: &field.node.response_key().node, fields: vec![field] }]);
    }
    let mut slots = IndexMap::new();
    selected.iter().try_for_each(|set| collect(ctx, set, type_name, &mut slots))?;
    Ok(slots.into_iter().map(|(key, fields)| Slot { key, fields }).collect())
}

fn collect<'a>(
    ctx: &ContextSelectionSet<'a>,
    set: &'a SelectionSet,
    type_name: &str,
    slots: &mut IndexMap<&'a Name, Vec<&'a Positioned<Field>>>,
) -> ServerResult<()> {
    let is = |on: &str| {
        on == type_name || ctx.schema_env.registry.implements.get(type_name).is_some_and(|all| all.contains(on))
    };
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => slots.entry(&field.node.response_key().node).or_default().push(field),
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let fragment = ctx
                    .query_env
                    .fragments
                    .get(name)
                    .ok_or_else(|| ServerError::new(format!("Unknown fragment \"{name}\"."), Some(spread.pos)))?;
                if is(&fragment.node.type_condition.node.on.node) {
                    collect(ctx, &fragment.node.selection_set.node, type_name, slots)?;
                }
            }
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                if on.is_none_or(is) {
                    collect(ctx, &fragment.node.selection_set.node, type_name, slots)?;
                }
            }
        }
    }
    Ok(())
}

/// Resolves a field of an object; with which of the gaps of the text it fills.
pub(crate) fn resolve<'f, N: Node>(
    ctx: &ContextSelectionSet<'f>,
    place: Place<'f>,
    node: &'f N,
    fields: &'f [&'f Positioned<Field>],
    gap: usize,
) -> BoxFuture<'f, (usize, ServerResult<Value>)> {
    let ctx = ctx.clone();
    Box::pin(async move {
        let value = match place {
            Place::Here => resolve_at(&ctx, node, fields).await,
            Place::Item(index) => resolve_at(&ctx.with_index(index), node, fields).await,
            Place::Below(index, field) => {
                let item = ctx.with_index(index);
                resolve_at(&item.with_field(field), node, fields).await
            }
        };
        (gap, value)
    })
}

/// Resolves one field; what is selected more than once under one name is merged.
async fn resolve_at<'f, N: Node, T>(
    ctx: &'f ContextBase<'f, T>,
    node: &N,
    fields: &[&'f Positioned<Field>],
) -> ServerResult<Value>
where
    T: Send + Sync,
{
    let mut merged = None;
    for field in fields {
        let ctx = ctx.with_field(field);
        let value = match node.resolve_field(&ctx).await {
            Ok(value) => value.unwrap_or_default(),
            // An answer that is given up is given up at once, not field by field.
            Err(error) if ctx.data_opt::<Answer>().is_some_and(Answer::is_full) => return Err(error),
            Err(error) if is_nullable(&ctx.schema_env.registry, &node.introspection_type_name(), field) => {
                ctx.add_error(error);
                Value::Null
            }
            Err(error) => return Err(error),
        };
        merged = Some(match merged {
            Some(before) => merged::merge(before, value),
            None => value,
        });
    }
    Ok(merged.unwrap_or_default())
}

fn is_nullable(registry: &Registry, type_name: &str, field: &Positioned<Field>) -> bool {
    let field = registry.types.get(type_name).and_then(|ty| ty.field_by_name(&field.node.name.node));
    field.is_none_or(|field| !field.ty.ends_with('!'))
}
