//! Loaders: what a level of a query needs, gathered and read in one statement.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use service::sort::SortField;
use service::value::Id;
use service::{Action, Cx, Error, Filter, ListArgs, Page};

use crate::engine::answer::Answer;
use crate::engine::connection::{self, Ask, Slice};
use crate::engine::error::OrFail;
use crate::engine::object::Output;

/// Loads on behalf of one caller, for one request.
pub(crate) struct Loaders(pub(crate) Cx);

/// The first rows below a parent of a kind, for the same arguments.
pub(crate) struct Below<P, A> {
    pub(crate) parent: Id,
    pub(crate) asked: Arc<Asked<A>>,
    kind: PhantomData<P>,
}

/// The arguments of a field, shared by the parents that it is resolved for.
pub(crate) struct Asked<A> {
    pub(crate) args: A,
    /// Equal for equal arguments.
    fingerprint: String,
    /// A hash of that.
    digest: u64,
}

impl<F: Filter, S: SortField> Asked<ListArgs<F, S>> {
    fn new(args: ListArgs<F, S>) -> Self {
        let fingerprint = args.fingerprint();
        let mut hasher = DefaultHasher::new();
        fingerprint.hash(&mut hasher);
        Asked { args, fingerprint, digest: hasher.finish() }
    }
}

impl<A> PartialEq for Asked<A> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.fingerprint == other.fingerprint
    }
}

/// The kinds of parents.
pub(crate) struct OfClient;
pub(crate) struct OfProject;
pub(crate) struct OfTask;
pub(crate) struct OfInvoice;
/// By the id of the person.
pub(crate) struct OfPerson;

impl<P, A> Clone for Below<P, A> {
    fn clone(&self) -> Self {
        let Below { parent, asked, kind } = self;
        Below { parent: *parent, asked: asked.clone(), kind: *kind }
    }
}

impl<P, A> PartialEq for Below<P, A> {
    fn eq(&self, other: &Self) -> bool {
        self.parent == other.parent && (Arc::ptr_eq(&self.asked, &other.asked) || self.asked == other.asked)
    }
}

impl<P, A> Eq for Below<P, A> {}

impl<P, A> Hash for Below<P, A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parent.hash(state);
        self.asked.digest.hash(state);
    }
}

/// A page, or why there is none; shared by all who asked for it.
pub(crate) type Outcome<N> = Result<Arc<Page<N>>, Arc<Error>>;

/// Parents, and the keys that ask for what is below them.
type Group<P, A> = (Vec<Id>, Vec<Below<P, A>>);

/// The group that was added to last, with its arguments.
type Latest<'a, P, A> = Option<(&'a Arc<Asked<A>>, Group<P, A>)>;

/// Keys with the same arguments, which are read together.
pub(crate) fn groups<P, A>(keys: &[Below<P, A>]) -> Vec<Group<P, A>> {
    let mut groups: HashMap<&str, Group<P, A>> = HashMap::new();
    let mut last: Latest<'_, P, A> = None;
    for key in keys {
        // Mostly they are all alike.
        match &mut last {
            Some((asked, (parents, same))) if Arc::ptr_eq(asked, &key.asked) => {
                parents.push(key.parent);
                same.push(key.clone());
            }
            _ => {
                if let Some((asked, group)) = last.replace((&key.asked, (vec![key.parent], vec![key.clone()]))) {
                    add(&mut groups, asked, group);
                }
            }
        }
    }
    if let Some((asked, group)) = last {
        add(&mut groups, asked, group);
    }
    groups.into_values().collect()
}

fn add<'a, P, A>(groups: &mut HashMap<&'a str, Group<P, A>>, asked: &'a Asked<A>, group: Group<P, A>) {
    let (parents, same) = groups.entry(&asked.fingerprint).or_default();
    parents.extend(group.0);
    same.extend(group.1);
}

/// Writes the loaders of rows below kinds of parents.
macro_rules! below_loaders {
    ($($parent:ident: $args:ty => $node:path, $list:path;)*) => {
        $(impl async_graphql::dataloader::Loader<$crate::engine::loader::Below<$parent, $args>>
            for $crate::engine::loader::Loaders
        {
            type Value = $crate::engine::loader::Outcome<$node>;
            type Error = std::sync::Arc<service::Error>;

            async fn load(
                &self,
                keys: &[$crate::engine::loader::Below<$parent, $args>],
            ) -> Result<
                std::collections::HashMap<$crate::engine::loader::Below<$parent, $args>, Self::Value>,
                std::sync::Arc<service::Error>,
            > {
                let mut found = std::collections::HashMap::with_capacity(keys.len());
                for (parents, keys) in $crate::engine::loader::groups(keys) {
                    let Some(asked) = keys.first().map(|key| key.asked.clone()) else { continue };
                    let mut pages = $list(&self.0, &parents, &asked.args).await?;
                    for key in keys {
                        if let Some(page) = pages.remove(&key.parent) {
                            let page = page.map(|page| std::sync::Arc::new(page.map($node)));
                            found.insert(key, page.map_err(std::sync::Arc::new));
                        }
                    }
                }
                Ok(found)
            }
        })*
    };
}

/// Writes the loader of records by their id.
macro_rules! by_id_loader {
    ($key:ident => $node:path, $read:path) => {
        impl async_graphql::dataloader::Loader<$key> for $crate::engine::loader::Loaders {
            type Value = std::sync::Arc<$node>;
            type Error = std::sync::Arc<service::Error>;

            async fn load(
                &self,
                keys: &[$key],
            ) -> Result<std::collections::HashMap<$key, Self::Value>, std::sync::Arc<service::Error>> {
                let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
                let records = $read(&self.0, &ids).await?;
                Ok(records.into_iter().map(|record| ($key(record.id), std::sync::Arc::new($node(record)))).collect())
            }
        }
    };
}

pub(crate) use {below_loaders, by_id_loader};

/// The page below a parent, gathered with those of its siblings.
pub(crate) async fn below<P, F: Filter, S: SortField, N>(
    ctx: &Context<'_>,
    parent: Id,
    slice: Slice,
    ask: Ask<F, S>,
) -> async_graphql::Result<Arc<Page<N>>>
where
    P: Send + Sync + 'static,
    N: Send + Sync + 'static,
    Loaders: Loader<Below<P, ListArgs<F, S>>, Value = Outcome<N>, Error = Arc<Error>>,
{
    let cx = ctx.data::<Cx>()?;
    let asked =
        ctx.data::<Answer>()?.of_field(ctx.item, || connection::args(slice, ask).map(Asked::new)).or_fail(cx)?;
    let backward = asked.args.backward;
    let key = Below { parent, asked, kind: PhantomData };
    let page = ctx.data::<DataLoader<Loaders>>()?.load_one(key).await.or_fail(cx)?;
    let page = page.unwrap_or_else(|| Err(Arc::new(Error::bug("a page was not loaded"))));
    page.map_err(|error| connection::in_graphql(error, backward)).or_fail(cx)
}

/// The record that a relation leads to, gathered with those of its siblings; null where there is none, and for those whose
/// role may not read it.
pub(crate) async fn one<K, N>(
    ctx: &Context<'_>,
    action: Action,
    key: Option<K>,
) -> async_graphql::Result<Option<Linked<N>>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    N: Send + Sync + 'static,
    Loaders: Loader<K, Value = Arc<N>, Error = Arc<Error>>,
{
    let cx = ctx.data::<Cx>()?;
    match key {
        Some(key) if cx.may(action) => {
            Ok(ctx.data::<DataLoader<Loaders>>()?.load_one(key).await.or_fail(cx)?.map(Output))
        }
        _ => Ok(None),
    }
}

/// A record that others may lead to as well, as the value of a field.
pub(crate) type Linked<N> = Output<Arc<N>>;
