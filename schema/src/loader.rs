//! Loaders: what a level of a query needs, gathered and read in one statement.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use service::client::Client;
use service::invoice::{Invoice, InvoiceLine};
use service::member::Member;
use service::project::{Project, ProjectArgs};
use service::sort::SortField;
use service::task::{Task, TaskArgs};
use service::time_entry::{TimeEntry, TimeEntryArgs};
use service::value::Id;
use service::{Cx, Error, Filter, ListArgs, Page, Pages};

use crate::connection::{self, Ask, Slice};
use crate::error::OrFail;

/// Loads on behalf of one caller, for one request.
pub(crate) struct Loaders(pub(crate) Cx);

/// A client by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientById(pub(crate) Id);

/// A task by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TaskById(pub(crate) Id);

/// An invoice by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct InvoiceById(pub(crate) Id);

/// The lines of an invoice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LinesOfInvoice(pub(crate) Id);

/// A project by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProjectById(pub(crate) Id);

/// The membership of a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemberByUser(pub(crate) Id);

/// The people on a project.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MembersOfProject(pub(crate) Id);

/// The first rows below a parent, for the same arguments.
pub(crate) struct Below<A> {
    parent: Id,
    args: Arc<A>,
    /// Equal for equal arguments.
    fingerprint: Arc<str>,
}

impl<F: Filter, S: SortField> Below<ListArgs<F, S>> {
    pub(crate) fn new(parent: Id, args: ListArgs<F, S>) -> Self {
        Below { parent, fingerprint: args.fingerprint().into(), args: Arc::new(args) }
    }
}

impl<A> Clone for Below<A> {
    fn clone(&self) -> Self {
        Below { parent: self.parent, args: self.args.clone(), fingerprint: self.fingerprint.clone() }
    }
}

impl<A> PartialEq for Below<A> {
    fn eq(&self, other: &Self) -> bool {
        self.parent == other.parent && self.fingerprint == other.fingerprint
    }
}

impl<A> Eq for Below<A> {}

impl<A> Hash for Below<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parent.hash(state);
        self.fingerprint.hash(state);
    }
}

/// A page, or why there is none; shared by all who asked for it.
pub(crate) type Outcome<T> = Result<Page<T>, Arc<Error>>;

/// Parents, and the keys that ask for what is below them.
type Group<A> = (Vec<Id>, Vec<Below<A>>);

/// Keys with the same arguments, which are read together.
fn groups<A>(keys: &[Below<A>]) -> Vec<Group<A>> {
    let mut groups: HashMap<Arc<str>, Group<A>> = HashMap::new();
    for key in keys {
        let (parents, same) = groups.entry(key.fingerprint.clone()).or_default();
        parents.push(key.parent);
        same.push(key.clone());
    }
    groups.into_values().collect()
}

/// Writes the loader of one kind of rows below one kind of parent.
macro_rules! below_loader {
    ($args:ty => $record:ty, $list:path) => {
        impl Loader<Below<$args>> for Loaders {
            type Value = Outcome<$record>;
            type Error = Arc<Error>;

            async fn load(&self, keys: &[Below<$args>]) -> Result<HashMap<Below<$args>, Self::Value>, Arc<Error>> {
                let mut found = HashMap::with_capacity(keys.len());
                for (parents, keys) in groups(keys) {
                    let Some(args) = keys.first().map(|key| key.args.clone()) else { continue };
                    let mut pages: Pages<$record> = $list(&self.0, &parents, &args).await?;
                    for key in keys {
                        if let Some(page) = pages.remove(&key.parent) {
                            found.insert(key, page.map_err(Arc::new));
                        }
                    }
                }
                Ok(found)
            }
        }
    };
}

below_loader!(ProjectArgs => Project, service::project::list_of_clients);
below_loader!(TaskArgs => Task, service::task::list_of_projects);
below_loader!(TimeEntryArgs => TimeEntry, service::time_entry::list_of_projects);

/// The page below a parent, gathered with those of its siblings.
pub(crate) async fn below<F: Filter, S: SortField, T>(
    ctx: &Context<'_>,
    parent: Id,
    slice: Slice,
    ask: Ask<F, S>,
) -> async_graphql::Result<Page<T>>
where
    T: Clone + Send + Sync + 'static,
    Loaders: Loader<Below<ListArgs<F, S>>, Value = Outcome<T>, Error = Arc<Error>>,
{
    let cx = ctx.data::<Cx>()?;
    let args = connection::args(slice, ask).or_fail(cx)?;
    let backward = args.backward;
    let page = ctx.data::<DataLoader<Loaders>>()?.load_one(Below::new(parent, args)).await.or_fail(cx)?;
    let page = page.unwrap_or_else(|| Err(Arc::new(Error::bug("a page was not loaded"))));
    page.map_err(|error| connection::in_graphql(error, backward)).or_fail(cx)
}

/// Writes the loader of records by their id.
macro_rules! by_id_loader {
    ($key:ident => $record:ty, $read:path) => {
        impl Loader<$key> for Loaders {
            type Value = $record;
            type Error = Arc<Error>;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, $record>, Arc<Error>> {
                let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
                let records = $read(&self.0, &ids).await?;
                Ok(records.into_iter().map(|record| ($key(record.id), record)).collect())
            }
        }
    };
}

by_id_loader!(ClientById => Client, service::client::by_ids);
by_id_loader!(ProjectById => Project, service::project::by_ids);
by_id_loader!(TaskById => Task, service::task::by_ids);
by_id_loader!(InvoiceById => Invoice, service::invoice::by_ids);

impl Loader<LinesOfInvoice> for Loaders {
    type Value = Vec<InvoiceLine>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[LinesOfInvoice]) -> Result<HashMap<LinesOfInvoice, Vec<InvoiceLine>>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let lines = service::invoice::lines_of(&self.0, &ids).await?;
        Ok(lines.into_iter().map(|(invoice, lines)| (LinesOfInvoice(invoice), lines)).collect())
    }
}

impl Loader<MembersOfProject> for Loaders {
    type Value = Vec<Member>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[MembersOfProject]) -> Result<HashMap<MembersOfProject, Vec<Member>>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let people = service::project_member::of_projects(&self.0, &ids).await?;
        Ok(people.into_iter().map(|(project, people)| (MembersOfProject(project), people)).collect())
    }
}

impl Loader<MemberByUser> for Loaders {
    type Value = Member;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[MemberByUser]) -> Result<HashMap<MemberByUser, Member>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let members = service::member::of_users(&self.0, &ids).await?;
        Ok(members.into_iter().map(|member| (MemberByUser(member.user_id), member)).collect())
    }
}
