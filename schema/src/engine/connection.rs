//! Connections (Relay's cursor connections specification): a page of the service with edges, nodes and page info.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field as Selected, SelectionSet};
use async_graphql::registry::{MetaField, MetaType, MetaTypeId, Registry};
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, SimpleObject, Value};
use futures_util::future::try_join_all;
use service::input::Field;
use service::sort::{Sort, SortField};
use service::value::{FieldErrors, Json};
use service::{Cx, Error, Filter, ListArgs, Page};

use crate::engine::answer::Answer;
use crate::engine::error::OrFail;
use crate::engine::object::{Node, Place, Slot, list, objects, slots};
use crate::engine::written;

/// A page of a list.
pub struct Connection<N>(pub(crate) Arc<Page<N>>);

/// A row of a page, with its cursor: the type only, since a connection writes its edges itself.
struct Edge<N>(PhantomData<fn() -> N>);

/// Position of a page in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether there are records after this page.
    has_next_page: bool,
    /// Whether there are records before this page.
    has_previous_page: bool,
    /// Cursor of the first record; null on an empty page.
    start_cursor: Option<String>,
    /// Cursor of the last record; null on an empty page.
    end_cursor: Option<String>,
}

impl<N: Node + 'static> OutputType for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let fields = [
                ("edges", "The records of the page, each with its cursor.", format!("[{}]!", Edge::<N>::create_type_info(registry))),
                ("nodes", "The records of the page.", format!("[{}]!", N::create_type_info(registry))),
                ("pageInfo", "Position of the page in its list.", PageInfo::create_type_info(registry)),
                (
                    "totalCount",
                    "How many rows the whole list has, on all its pages; 100000 stands for that many and more. Costs one \
                     point.",
                    i32::create_type_info(registry),
                ),
            ];
            object_type::<Self>("One page of a list.", fields)
        })
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Selected>) -> ServerResult<Value> {
        let slots = slots(ctx, &[&ctx.item.node], &Self::type_name())?;
        let lists = slots.iter().filter(|slot| matches!(slot.name(), "nodes" | "edges")).count();
        let values = if lists > 1 {
            // What both need is read at once.
            try_join_all(slots.iter().map(|slot| self.field(ctx, slot))).await?
        } else {
            let mut values = Vec::with_capacity(slots.len());
            for slot in &slots {
                values.push(self.field(ctx, slot).await?);
            }
            values
        };
        written::object(slots.iter().map(|slot| slot.key).zip(&values))
    }
}

impl<N: Node> OutputType for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let fields = [
                ("cursor", "Cursor of the record, the same as over REST.", String::create_type_info(registry)),
                ("node", "The record itself.", N::create_type_info(registry)),
            ];
            object_type::<Self>("A record of a page, with its cursor.", fields)
        })
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Selected>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

/// An object type of a few fields without arguments.
fn object_type<T: OutputType>(
    about: &str,
    fields: impl IntoIterator<Item = (&'static str, &'static str, String)>,
) -> MetaType {
    let field = |(name, about, ty): (&str, &str, String)| {
        let field = MetaField {
            name: name.to_owned(),
            description: Some(about.to_owned()),
            args: IndexMap::new(),
            ty,
            deprecation: Default::default(),
            cache_control: Default::default(),
            external: false,
            requires: None,
            provides: None,
            visible: None,
            shareable: false,
            inaccessible: false,
            tags: vec![],
            override_from: None,
            compute_complexity: None,
            directive_invocations: vec![],
            requires_scopes: vec![],
        };
        (name.to_owned(), field)
    };
    meta_object::<T>(about, fields.into_iter().map(field).collect())
}

/// An object type for the schema.
pub(crate) fn meta_object<T: OutputType>(about: &str, fields: IndexMap<String, MetaField>) -> MetaType {
    MetaType::Object {
        name: T::type_name().into_owned(),
        description: Some(about.to_owned()),
        fields,
        cache_control: Default::default(),
        extends: false,
        shareable: false,
        resolvable: true,
        keys: None,
        visible: None,
        inaccessible: false,
        interface_object: false,
        tags: vec![],
        is_subscription: false,
        rust_typename: Some(std::any::type_name::<T>()),
        directive_invocations: vec![],
        requires_scopes: vec![],
    }
}

impl<N: Node> Connection<N> {
    async fn field(&self, ctx: &ContextSelectionSet<'_>, slot: &Slot<'_>) -> ServerResult<Value> {
        let [first, ..] = slot.fields.as_slice() else { return Ok(Value::Null) };
        let ctx = ctx.with_field(first);
        let ctx = ctx.with_selection_set(&first.node.selection_set);
        let selected = slot.below();
        match slot.name() {
            "nodes" => list(&ctx, &selected, &self.0.items).await,
            "edges" => self.edges(&ctx, &selected).await,
            "pageInfo" => self.page_info(&ctx, &selected),
            "totalCount" => Ok(self.0.total.map_or(Value::Null, |total| Value::Number(total.rows.into()))),
            _ => Ok(Value::String(format!("{}Connection", N::type_name()))),
        }
    }

    async fn edges(&self, ctx: &ContextSelectionSet<'_>, selected: &[&SelectionSet]) -> ServerResult<Value> {
        let type_name = format!("{}Edge", N::type_name());
        let slots = slots(ctx, selected, &type_name)?;
        let length = self.0.items.len();
        let mut fields = Vec::with_capacity(slots.len());
        for slot in &slots {
            let values = match (slot.name(), slot.fields.as_slice()) {
                ("node", [field, ..]) => {
                    objects(ctx, &slot.below(), &self.0.items, |index| Place::Below(index, field)).await?
                }
                ("cursor", _) => {
                    let cursors: Vec<_> = (0..length).map(|index| self.0.cursor(index)).collect();
                    if let Some(answer) = ctx.data_opt::<Answer>() {
                        // With its quotes; there is nothing in a cursor that is escaped.
                        let bytes = cursors.iter().flatten().map(|cursor| cursor.len() + 2).sum();
                        answer.count(bytes, length, ctx)?;
                    }
                    cursors.into_iter().map(|cursor| cursor.map_or(Value::Null, Value::String)).collect()
                }
                _ => vec![Value::String(type_name.clone()); length],
            };
            fields.push((slot.key, values));
        }
        written::list_of_objects(length, &fields)
    }

    fn page_info(&self, ctx: &ContextSelectionSet<'_>, selected: &[&SelectionSet]) -> ServerResult<Value> {
        let page = &self.0;
        let (after, before) = if page.backward { (page.continued, page.more) } else { (page.more, page.continued) };
        let cursor =
            |index: Option<usize>| index.and_then(|index| page.cursor(index)).map_or(Value::Null, Value::String);
        let slots = slots(ctx, selected, "PageInfo")?;
        let value = |slot: &Slot<'_>| match slot.name() {
            "hasNextPage" => Value::Boolean(after),
            "hasPreviousPage" => Value::Boolean(before),
            "startCursor" => cursor(Some(0)),
            "endCursor" => cursor(page.items.len().checked_sub(1)),
            _ => Value::String("PageInfo".into()),
        };
        Ok(Value::Object(slots.iter().map(|slot| (slot.key.clone(), value(slot))).collect()))
    }
}

/// Where in a list, and how much: `first` with `after`, or `last` with `before`.
#[derive(Default)]
pub(crate) struct Slice {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

/// What to look for, and in which order.
pub(crate) struct Ask<F, S> {
    pub(crate) filter: Option<F>,
    pub(crate) sort: Option<Sort<S>>,
    pub(crate) search: Option<String>,
    pub(crate) include_deleted: Option<bool>,
}

/// The fields of the records of a connection that are selected; none if one of them has to be resolved.
pub(crate) fn shown_fields<'a, N: Node + 'static>(ctx: &async_graphql::Context<'a>) -> Option<Vec<&'a str>> {
    let field: &'a Positioned<Selected> = ctx.item;
    let ctx = ctx.with_selection_set(&field.node.selection_set);
    let mut fields = vec![];
    let mut add = |slot: &Slot<'a>| {
        for slot in slots(&ctx, &slot.below(), &N::type_name()).ok()? {
            match slot.name() {
                "__typename" => {}
                name if slot.is_plain() && !N::RESOLVED.contains(&name) => fields.push(name),
                _ => return None,
            }
        }
        Some(())
    };
    for slot in slots(&ctx, &[&field.node.selection_set.node], &Connection::<N>::type_name()).ok()? {
        match slot.name() {
            "nodes" => add(&slot)?,
            "edges" => {
                let edges = slots(&ctx, &slot.below(), &Edge::<N>::type_name()).ok()?;
                edges.iter().filter(|slot| slot.name() == "node").try_for_each(&mut add)?;
            }
            _ => {}
        }
    }
    Some(fields)
}

/// The arguments of a connection as those of a list.
pub(crate) fn args<F: Filter, S: SortField>(
    ctx: &async_graphql::Context<'_>,
    slice: Slice,
    ask: Ask<F, S>,
) -> Result<ListArgs<F, S>, Error> {
    let Slice { first, after, last, before } = slice;
    let backward = last.is_some() || before.is_some();
    if backward && (first.is_some() || after.is_some()) {
        let message = "pages go forward with first and after, or backward with last and before, not both";
        return Err(Error::Invalid(FieldErrors::at(if last.is_some() { "last" } else { "before" }, message)));
    }
    let Ask { filter, sort, search, include_deleted } = ask;
    let count = ctx.look_ahead().field("totalCount").exists();
    Ok(ListArgs {
        limit: first.or(last).map_or(Field::Absent, Field::Value),
        cursor: after.or(before).map_or(Field::Absent, |cursor| Field::from_json(Json::Text(cursor))),
        backward,
        sort: sort.map_or(Field::Absent, Field::Value),
        search: search.map_or(Field::Absent, |search| Field::from_json(Json::Text(search))),
        count: if count { Field::Value(true) } else { Field::Absent },
        include_deleted: include_deleted.map_or(Field::Absent, Field::Value),
        filter: filter.unwrap_or_default(),
        not_taken: FieldErrors::none(),
        columns: Default::default(),
    })
}

/// A list calls it `limit`; here it is `first` or `last`.
pub(crate) fn in_graphql(error: Arc<Error>, backward: bool) -> Arc<Error> {
    match &*error {
        Error::Invalid(problems) => {
            let name = if backward { "last" } else { "first" };
            Arc::new(Error::Invalid(problems.clone().renamed("limit", name)))
        }
        _ => error,
    }
}

/// Writes lists with pages as the fields of an object, at the root or below a record; all take the same arguments.
macro_rules! lists {
    ($(#[doc = $about:literal])* $lists:ident($($id:ident)?) {
        $($(#[doc = $doc:literal])+ $field:ident[$($search:ident)?]: $filter:ty, $sort:ty => $node:path $(as $make:path)? [$($action:ident)?], $source:tt;)*
    }) => {
        $(#[doc = $about])*
        pub struct $lists($(pub(crate) $id)?);

        $(#[doc = $about])*
        #[async_graphql::Object]
        impl $lists {
            $($(#[doc = $doc])+
            #[expect(clippy::too_many_arguments, reason = "they are the arguments of a connection")]
            async fn $field(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = "Number of records from the beginning, or after `after`: 1 to 200, by default 50.")] first: Option<i32>,
                #[graphql(desc = "Cursor of the record after which the page begins.")] after: Option<String>,
                #[graphql(desc = "Number of records before the end, or before `before`: 1 to 200.")] last: Option<i32>,
                #[graphql(desc = "Cursor of the record before which the page ends.")] before: Option<String>,
                #[graphql(desc = "Filters; a record must match all of them.")] filter: Option<$filter>,
                #[graphql(desc = "Sort order; by default the newest first.")] sort: Option<service::sort::Sort<$sort>>,
                $(#[graphql(desc = "Text that a record must contain, at most 200 characters; case is ignored. Costs two points.")] $search: Option<String>,)?
                #[graphql(desc = "Whether to list deleted records too. Only for Owners, Admins and Managers.")] include_deleted: Option<bool>,
            ) -> async_graphql::Result<Option<$crate::engine::connection::Connection<$node>>> {
                $(if !$crate::nouns::cx(ctx)?.may(service::Action::$action) {
                    return Ok(None);
                })?
                let slice = $crate::engine::connection::Slice { first, after, last, before };
                let search = $crate::engine::connection::lists!(@search $($search)?);
                let ask = $crate::engine::connection::Ask { filter, sort, search, include_deleted };
                let page = $crate::engine::connection::lists!(@page self, ctx, slice, ask, $field, $node $(as $make)?, $source);
                Ok(Some($crate::engine::connection::Connection(page)))
            })*
        }
    };
    (@search) => { None };
    (@search $search:ident) => { $search };
    (@page $self:ident, $ctx:ident, $slice:ident, $ask:ident, $field:ident, $node:path, (below $parent:ident)) => {
        $crate::engine::loader::below::<$crate::engine::loader::$parent, _, _, $node>($ctx, $self.0, $slice, $ask).await?
    };
    (@page $self:ident, $ctx:ident, $slice:ident, $ask:ident, $field:ident, $node:path, (flat $list:path)) => {
        $crate::engine::connection::lists!(@page $self, $ctx, $slice, $ask, $field, $node as $node, (flat $list))
    };
    (@page $self:ident, $ctx:ident, $slice:ident, $ask:ident, $field:ident, $node:path as $make:path, (flat $list:path)) => {
        $crate::engine::connection::flat($ctx, stringify!($field), $slice, $ask, async |cx, args| {
            Ok($list(cx, args).await?.map($make))
        })
        .await?
    };
}

pub(crate) use lists;

/// A page of a flat list.
pub(crate) async fn flat<F: Filter, S: SortField, N: Send + Sync + 'static>(
    ctx: &async_graphql::Context<'_>,
    name: &str,
    slice: Slice,
    ask: Ask<F, S>,
    list: impl AsyncFn(&Cx, &ListArgs<F, S>) -> Result<Page<N>, Error>,
) -> async_graphql::Result<Arc<Page<N>>> {
    let cx = ctx.data::<Cx>()?;
    let args = args(ctx, slice, ask).or_fail(cx)?;
    let key = format!("{name} {}", args.fingerprint());
    let page = ctx.data::<Answer>()?.once(key, list(cx, &args)).await;
    page.map_err(|error| in_graphql(error, args.backward)).or_fail(cx)
}
