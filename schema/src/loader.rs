//! Loaders: what a level of a query needs, gathered and read in one statement.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use service::client::Client;
use service::event::Event;
use service::expense::{Expense, ExpenseArgs};
use service::invoice::{Invoice, InvoiceArgs, InvoiceLine};
use service::member::Member;
use service::project::{Project, ProjectArgs};
use service::sort::SortField;
use service::task::{Task, TaskArgs};
use service::time_entry::{TimeEntry, TimeEntryArgs};
use service::value::Id;
use service::webhook::delivery::WebhookAttempt;
use service::webhook::endpoint::WebhookEndpoint;
use service::{Action, Cx, Error, Filter, ListArgs, Page, Pages};

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

/// A membership by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemberById(pub(crate) Id);

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

/// A webhook endpoint by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EndpointById(pub(crate) Id);

/// An event by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EventById(pub(crate) Id);

/// What became of the attempts of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AttemptsOfDelivery(pub(crate) Id);

/// The first rows below a parent of a kind, for the same arguments.
pub(crate) struct Below<P, A> {
    parent: Id,
    args: Arc<A>,
    /// Equal for equal arguments.
    fingerprint: Arc<str>,
    kind: PhantomData<P>,
}

/// The kinds of parents.
pub(crate) struct OfClient;
pub(crate) struct OfProject;
pub(crate) struct OfTask;
pub(crate) struct OfInvoice;
/// By the id of the person.
pub(crate) struct OfPerson;

impl<P, F: Filter, S: SortField> Below<P, ListArgs<F, S>> {
    fn new(parent: Id, args: ListArgs<F, S>) -> Self {
        Below { parent, fingerprint: args.fingerprint().into(), args: Arc::new(args), kind: PhantomData }
    }
}

impl<P, A> Clone for Below<P, A> {
    fn clone(&self) -> Self {
        let Below { parent, args, fingerprint, kind } = self;
        Below { parent: *parent, args: args.clone(), fingerprint: fingerprint.clone(), kind: *kind }
    }
}

impl<P, A> PartialEq for Below<P, A> {
    fn eq(&self, other: &Self) -> bool {
        self.parent == other.parent && self.fingerprint == other.fingerprint
    }
}

impl<P, A> Eq for Below<P, A> {}

impl<P, A> Hash for Below<P, A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parent.hash(state);
        self.fingerprint.hash(state);
    }
}

/// A page, or why there is none; shared by all who asked for it.
pub(crate) type Outcome<T> = Result<Page<T>, Arc<Error>>;

/// Parents, and the keys that ask for what is below them.
type Group<P, A> = (Vec<Id>, Vec<Below<P, A>>);

/// Keys with the same arguments, which are read together.
fn groups<P, A>(keys: &[Below<P, A>]) -> Vec<Group<P, A>> {
    let mut groups: HashMap<Arc<str>, Group<P, A>> = HashMap::new();
    for key in keys {
        let (parents, same) = groups.entry(key.fingerprint.clone()).or_default();
        parents.push(key.parent);
        same.push(key.clone());
    }
    groups.into_values().collect()
}

/// Writes the loaders of rows below kinds of parents.
macro_rules! below_loaders {
    ($($parent:ident: $args:ty => $record:ty, $list:path;)*) => {
        $(impl Loader<Below<$parent, $args>> for Loaders {
            type Value = Outcome<$record>;
            type Error = Arc<Error>;

            async fn load(
                &self,
                keys: &[Below<$parent, $args>],
            ) -> Result<HashMap<Below<$parent, $args>, Self::Value>, Arc<Error>> {
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
        })*
    };
}

below_loaders! {
    OfClient: ProjectArgs => Project, service::project::list_of_clients;
    OfClient: TimeEntryArgs => TimeEntry, service::time_entry::list_of_clients;
    OfClient: ExpenseArgs => Expense, service::expense::list_of_clients;
    OfClient: InvoiceArgs => Invoice, service::invoice::list_of_clients;
    OfProject: TaskArgs => Task, service::task::list_of_projects;
    OfProject: TimeEntryArgs => TimeEntry, service::time_entry::list_of_projects;
    OfProject: ExpenseArgs => Expense, service::expense::list_of_projects;
    OfTask: TimeEntryArgs => TimeEntry, service::time_entry::list_of_tasks;
    OfInvoice: TimeEntryArgs => TimeEntry, service::time_entry::list_of_invoices;
    OfInvoice: ExpenseArgs => Expense, service::expense::list_of_invoices;
    OfPerson: ProjectArgs => Project, service::project::list_of_people;
    OfPerson: TaskArgs => Task, service::task::list_of_people;
    OfPerson: TimeEntryArgs => TimeEntry, service::time_entry::list_of_people;
}

/// The page below a parent, gathered with those of its siblings.
pub(crate) async fn below<P, F: Filter, S: SortField, T>(
    ctx: &Context<'_>,
    parent: Id,
    slice: Slice,
    ask: Ask<F, S>,
) -> async_graphql::Result<Page<T>>
where
    P: Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    Loaders: Loader<Below<P, ListArgs<F, S>>, Value = Outcome<T>, Error = Arc<Error>>,
{
    let cx = ctx.data::<Cx>()?;
    let args = connection::args(slice, ask).or_fail(cx)?;
    let backward = args.backward;
    let page = ctx.data::<DataLoader<Loaders>>()?.load_one(Below::new(parent, args)).await.or_fail(cx)?;
    let page = page.unwrap_or_else(|| Err(Arc::new(Error::bug("a page was not loaded"))));
    page.map_err(|error| connection::in_graphql(error, backward)).or_fail(cx)
}

/// The record that a relation leads to, gathered with those of its siblings; null where there is none, and for those whose
/// role may not read it.
pub(crate) async fn one<K, T>(ctx: &Context<'_>, action: Action, key: Option<K>) -> async_graphql::Result<Option<T>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    T: Clone + Send + Sync + 'static,
    Loaders: Loader<K, Value = T, Error = Arc<Error>>,
{
    let cx = ctx.data::<Cx>()?;
    match key {
        Some(key) if cx.may(action) => ctx.data::<DataLoader<Loaders>>()?.load_one(key).await.or_fail(cx),
        _ => Ok(None),
    }
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
by_id_loader!(MemberById => Member, service::member::by_ids);

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

impl Loader<EndpointById> for Loaders {
    type Value = WebhookEndpoint;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[EndpointById]) -> Result<HashMap<EndpointById, WebhookEndpoint>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let endpoints = service::webhook::endpoint::by_ids(&self.0, &ids).await?;
        Ok(endpoints.into_iter().map(|(id, endpoint)| (EndpointById(id), endpoint)).collect())
    }
}

impl Loader<EventById> for Loaders {
    type Value = Event;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[EventById]) -> Result<HashMap<EventById, Event>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let events = service::event::by_ids(&self.0, &ids).await?;
        Ok(events.into_iter().map(|event| (EventById(event.id), event)).collect())
    }
}

impl Loader<AttemptsOfDelivery> for Loaders {
    type Value = Vec<WebhookAttempt>;
    type Error = Arc<Error>;

    async fn load(
        &self,
        keys: &[AttemptsOfDelivery],
    ) -> Result<HashMap<AttemptsOfDelivery, Vec<WebhookAttempt>>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let attempts = service::webhook::delivery::attempts_of(&self.0, &ids).await?;
        Ok(attempts.into_iter().map(|(id, attempts)| (AttemptsOfDelivery(id), attempts)).collect())
    }
}
