//! Loaders: what a level of a query needs, gathered and read in one statement.

use std::any::type_name;
use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use service::sort::SortField;
use service::value::Id;
use service::{Action, Cx, Error, Filter, ListArgs, Page, Pages};
use tokio::sync::Notify;

use crate::engine::answer::Answer;
use crate::engine::batch::{MAX_KEYS, Queue};
use crate::engine::connection::{self, Ask, Slice};
use crate::engine::error::OrFail;
use crate::engine::object::{Node, Output};

/// Loads on behalf of one caller, for one request.
pub(crate) struct Loaders(pub(crate) Cx);

/// The kinds of parents.
pub(crate) struct OfClient;
pub(crate) struct OfProject;
pub(crate) struct OfTask;
pub(crate) struct OfInvoice;
/// By the id of the person.
pub(crate) struct OfPerson;

/// Objects of a type of which each parent of a kind has a list.
pub(crate) trait Children<P>: Sized + Send + Sync + 'static {
    /// The arguments of the lists.
    type Args: Send + Sync + 'static;

    /// The page of each of these parents, which are distinct.
    fn read(cx: &Cx, parents: &[Id], args: &Self::Args) -> impl Future<Output = Result<Pages<Self>, Error>> + Send;
}

/// Says how the lists below kinds of parents are read.
macro_rules! below_loaders {
    ($($parent:ident: $args:ty => $node:path, $list:path;)*) => {
        $(impl $crate::engine::loader::Children<$parent> for $node {
            type Args = $args;

            async fn read(
                cx: &service::Cx,
                parents: &[service::value::Id],
                args: &$args,
            ) -> Result<service::Pages<$node>, service::Error> {
                let pages = $list(cx, parents, args).await?;
                Ok(pages.into_iter().map(|page| page.map(|page| page.map($node))).collect())
            }
        })*
    };
}

/// A page, or why there is none; shared by all who asked for it.
type Outcome<N> = Result<Arc<Page<N>>, Arc<Error>>;

/// The lists that fields ask for with the same arguments, below parents of one kind. The library's loader, by its keys, takes a
/// table of its own for each parent.
struct Level<P, N: Children<P>> {
    args: N::Args,
    /// What was gathered since the last read began.
    open: Mutex<Option<Arc<Gathered<N>>>>,
    kind: PhantomData<fn() -> P>,
}

/// What is read together.
struct Gathered<N> {
    parents: Mutex<Parents>,
    /// The pages, or why there are none, once they are read.
    pages: OnceLock<Result<Vec<Outcome<N>>, Arc<Error>>>,
    ended: Notify,
}

/// Distinct parents, each with its place among them.
#[derive(Default)]
struct Parents {
    ids: Vec<Id>,
    places: HashMap<Id, usize>,
}

impl Parents {
    fn place(&mut self, id: Id) -> usize {
        let Parents { ids, places } = self;
        *places.entry(id).or_insert_with(|| {
            ids.push(id);
            ids.len() - 1
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P: 'static, N: Children<P>> Level<P, N> {
    fn new(args: N::Args) -> Level<P, N> {
        Level { args, open: Mutex::default(), kind: PhantomData }
    }

    /// Takes part in the next read, which begins when the execution comes to a rest; and the place of the parent in it.
    fn join(self: &Arc<Self>, cx: &Cx, queue: &Queue, parent: Id) -> (Arc<Gathered<N>>, usize) {
        let mut open = lock(&self.open);
        let gathered = open.get_or_insert_with(|| {
            let (parents, pages, ended) = (Mutex::default(), OnceLock::new(), Notify::new());
            let gathered = Arc::new(Gathered { parents, pages, ended });
            queue.add(self.clone().read(cx.clone(), gathered.clone()));
            gathered
        });
        let place = lock(&gathered.parents).place(parent);
        (gathered.clone(), place)
    }

    async fn read(self: Arc<Self>, cx: Cx, gathered: Arc<Gathered<N>>) {
        lock(&self.open).take();
        let parents = std::mem::take(&mut *lock(&gathered.parents)).ids;
        let mut all = Ok(Vec::with_capacity(parents.len()));
        for part in parents.chunks(MAX_KEYS) {
            match (N::read(&cx, part, &self.args).await, &mut all) {
                (Ok(pages), Ok(all)) => all.extend(pages.into_iter().map(|page| page.map(Arc::new).map_err(Arc::new))),
                (Err(error), Ok(_)) => all = Err(Arc::new(error)),
                (_, Err(_)) => {}
            }
        }
        // Nobody else sets it.
        _ = gathered.pages.set(all);
        gathered.ended.notify_waiters();
    }
}

impl<N> Gathered<N> {
    /// The page below the parent at a place, once it is read.
    async fn page(&self, place: usize) -> Outcome<N> {
        // Before it is looked at: from here on it hears of the end.
        let ended = self.ended.notified();
        if self.pages.get().is_none() {
            ended.await;
        }
        let not_read = || Arc::new(Error::bug("a page was not read"));
        match self.pages.get() {
            Some(Ok(pages)) => pages.get(place).cloned().unwrap_or_else(|| Err(not_read())),
            Some(Err(error)) => Err(error.clone()),
            None => Err(not_read()),
        }
    }
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

/// The page below a parent, gathered with those of its siblings. What is asked for is worked out at once, so that the future,
/// which is made for each parent, is small.
pub(crate) fn below<'a, P, F: Filter, S: SortField, N>(
    ctx: &'a Context<'_>,
    parent: Id,
    slice: Slice,
    ask: Ask<F, S>,
) -> impl Future<Output = async_graphql::Result<Arc<Page<N>>>> + Send + use<'a, P, F, S, N>
where
    P: 'static,
    N: Node + Children<P, Args = ListArgs<F, S>>,
{
    let joined = join::<P, F, S, N>(ctx, parent, slice, ask);
    async move {
        let (gathered, place, backward) = joined?;
        let page = gathered.page(place).await;
        page.map_err(|error| connection::in_graphql(error, backward)).or_fail(ctx.data::<Cx>()?)
    }
}

/// What the page of a parent is read with, and its place in it; and whether it is asked for from the end.
type Joined<N> = (Arc<Gathered<N>>, usize, bool);

fn join<P, F: Filter, S: SortField, N>(
    ctx: &Context<'_>,
    parent: Id,
    slice: Slice,
    ask: Ask<F, S>,
) -> async_graphql::Result<Joined<N>>
where
    P: 'static,
    N: Node + Children<P, Args = ListArgs<F, S>>,
{
    let (cx, answer) = (ctx.data::<Cx>()?, ctx.data::<Answer>()?);
    let level = || {
        let mut args = connection::args(ctx, slice, ask)?;
        if let Some(fields) = connection::shown_fields::<N>(ctx) {
            args.narrow_to(&fields);
        }
        let key = format!("below {} {} {}", type_name::<P>(), type_name::<N>(), args.fingerprint());
        answer.shared(key, || Level::<P, N>::new(args))
    };
    let level = answer.of_field(ctx.item, level).or_fail(cx)?;
    let (gathered, place) = level.join(cx, ctx.data::<Queue>()?, parent);
    Ok((gathered, place, level.args.backward))
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
