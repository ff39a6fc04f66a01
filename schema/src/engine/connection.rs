//! Connections (Relay's cursor connections specification): a page of the service with edges, nodes and page info.

use std::sync::Arc;

use async_graphql::SimpleObject;
use service::input::Field;
use service::sort::{Sort, SortField};
use service::value::{FieldErrors, Json};
use service::{Cx, Error, Filter, ListArgs, Page};

use crate::engine::error::OrFail;

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

impl PageInfo {
    pub(crate) fn of<T>(page: &Page<T>) -> PageInfo {
        let (after, before) = if page.backward { (page.continued, page.more) } else { (page.more, page.continued) };
        PageInfo {
            has_next_page: after,
            has_previous_page: before,
            start_cursor: page.cursor(0),
            end_cursor: page.items.len().checked_sub(1).and_then(|last| page.cursor(last)),
        }
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

/// The arguments of a connection as those of a list.
pub(crate) fn args<F: Filter, S: SortField>(slice: Slice, ask: Ask<F, S>) -> Result<ListArgs<F, S>, Error> {
    let Slice { first, after, last, before } = slice;
    let backward = last.is_some() || before.is_some();
    if backward && (first.is_some() || after.is_some()) {
        let message = "pages go forward with first and after, or backward with last and before, not both";
        return Err(Error::Invalid(FieldErrors::at(if last.is_some() { "last" } else { "before" }, message)));
    }
    let Ask { filter, sort, search, include_deleted } = ask;
    Ok(ListArgs {
        limit: first.or(last).map_or(Field::Absent, Field::Value),
        cursor: after.or(before).map_or(Field::Absent, |cursor| Field::from_json(Json::Text(cursor))),
        backward,
        sort: sort.map_or(Field::Absent, Field::Value),
        search: search.map_or(Field::Absent, |search| Field::from_json(Json::Text(search))),
        include_deleted: include_deleted.map_or(Field::Absent, Field::Value),
        count: Field::Absent,
        filter: filter.unwrap_or_default(),
        not_taken: FieldErrors::none(),
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

/// Writes a connection and its edge for one kind of node.
macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ty) => {
        /// One page of a list.
        pub struct $connection(pub(crate) service::Page<$node>);

        /// A record of a page, with its cursor.
        pub struct $edge<'a> {
            page: &'a service::Page<$node>,
            index: usize,
        }

        /// One page of a list.
        #[async_graphql::Object]
        impl $connection {
            /// The records of the page, each with its cursor.
            async fn edges(&self) -> Vec<$edge<'_>> {
                (0..self.0.items.len()).map(|index| $edge { page: &self.0, index }).collect()
            }

            /// The records of the page.
            async fn nodes(&self) -> Vec<&$node> {
                self.0.items.iter().collect()
            }

            /// Position of the page in its list.
            async fn page_info(&self) -> $crate::engine::connection::PageInfo {
                $crate::engine::connection::PageInfo::of(&self.0)
            }
        }

        /// A record of a page, with its cursor.
        #[async_graphql::Object]
        impl $edge<'_> {
            /// Cursor of the record, the same as over REST.
            async fn cursor(&self) -> String {
                self.page.cursor(self.index).unwrap_or_default()
            }

            /// The record itself.
            async fn node(&self) -> &$node {
                &self.page.items[self.index]
            }
        }
    };
}

/// Writes lists with pages as the fields of an object, at the root or below a record; all take the same arguments.
macro_rules! lists {
    ($(#[doc = $about:literal])* $lists:ident($($id:ident)?) {
        $($(#[doc = $doc:literal])+ $field:ident: $filter:ty, $sort:ty => $connection:ident($node:path) $(if $action:ident)?, $source:tt;)*
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
                #[graphql(desc = "Text that a record must contain, at most 200 characters; case is ignored.")] search: Option<String>,
                #[graphql(desc = "Whether to list deleted records too. Only for Owners, Admins and Managers.")] include_deleted: Option<bool>,
            ) -> async_graphql::Result<Option<$connection>> {
                $(if !$crate::nouns::cx(ctx)?.may(service::Action::$action) {
                    return Ok(None);
                })?
                let slice = $crate::engine::connection::Slice { first, after, last, before };
                let ask = $crate::engine::connection::Ask { filter, sort, search, include_deleted };
                let page = $crate::engine::connection::lists!(@page self, ctx, slice, ask, $source);
                Ok(Some($connection(page.map($node))))
            })*
        }
    };
    (@page $self:ident, $ctx:ident, $slice:ident, $ask:ident, (below $parent:ident)) => {
        $crate::engine::loader::below::<$crate::engine::loader::$parent, _, _, _>($ctx, $self.0, $slice, $ask).await?
    };
    (@page $self:ident, $ctx:ident, $slice:ident, $ask:ident, (flat $list:path)) => {
        $crate::engine::connection::flat($crate::nouns::cx($ctx)?, $slice, $ask, async |cx, args| $list(cx, args).await).await?
    };
}

pub(crate) use {connection, lists};

/// A page of a flat list.
pub(crate) async fn flat<F: Filter, S: SortField, T>(
    cx: &Cx,
    slice: Slice,
    ask: Ask<F, S>,
    list: impl AsyncFn(&Cx, &ListArgs<F, S>) -> Result<Page<T>, Error>,
) -> async_graphql::Result<Page<T>> {
    let args = args(slice, ask).or_fail(cx)?;
    list(cx, &args).await.map_err(|error| in_graphql(error.into(), args.backward)).or_fail(cx)
}
