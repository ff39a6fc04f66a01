//! Which kind of record an id is of: one statement over every table that the caller's role may read.

use entity::value::Id;
use entity::{
    client, event, expense, invoice, member, project, task, time_entry, token, webhook_delivery, webhook_endpoint,
};
use sea_orm::sea_query::{Alias, Expr, SelectStatement, UnionType};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::access::action::Action;
use crate::access::scope::Identified;
use crate::contract::error::Error;
use crate::door::Cx;
use crate::door::Read;

/// The kind of a record that can be found by its id alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A client.
    Client,
    /// A project.
    Project,
    /// A task.
    Task,
    /// A time entry.
    TimeEntry,
    /// An expense.
    Expense,
    /// An invoice.
    Invoice,
    /// A member.
    Member,
    /// A token.
    Token,
    /// A webhook endpoint.
    WebhookEndpoint,
    /// A delivery of an event to an endpoint.
    WebhookDelivery,
    /// An event.
    Event,
}

const ALL: [(RecordKind, Action); 11] = [
    (RecordKind::Client, Action::GetClient),
    (RecordKind::Project, Action::GetProject),
    (RecordKind::Task, Action::GetTask),
    (RecordKind::TimeEntry, Action::GetTimeEntry),
    (RecordKind::Expense, Action::GetExpense),
    (RecordKind::Invoice, Action::GetInvoice),
    (RecordKind::Member, Action::GetMember),
    (RecordKind::Token, Action::ListTokens),
    (RecordKind::WebhookEndpoint, Action::GetWebhookEndpoint),
    (RecordKind::WebhookDelivery, Action::GetWebhookDelivery),
    (RecordKind::Event, Action::GetEvent),
];

impl RecordKind {
    fn look(self, read: &Read<'_>, id: Id, number: i32) -> SelectStatement {
        match self {
            RecordKind::Client => look::<client::Entity>(read, id, number),
            RecordKind::Project => look::<project::Entity>(read, id, number),
            RecordKind::Task => look::<task::Entity>(read, id, number),
            RecordKind::TimeEntry => look::<time_entry::Entity>(read, id, number),
            RecordKind::Expense => look::<expense::Entity>(read, id, number),
            RecordKind::Invoice => look::<invoice::Entity>(read, id, number),
            RecordKind::Member => look::<member::Entity>(read, id, number),
            RecordKind::Token => look::<token::Entity>(read, id, number),
            RecordKind::WebhookEndpoint => look::<webhook_endpoint::Entity>(read, id, number),
            RecordKind::WebhookDelivery => look::<webhook_delivery::Entity>(read, id, number),
            RecordKind::Event => look::<event::Entity>(read, id, number),
        }
    }
}

fn look<E: Identified>(read: &Read<'_>, id: Id, number: i32) -> SelectStatement {
    let query = read.query::<E>(|query| E::live(query.filter(E::ID.eq(id))).select_only());
    query.into_query().expr_as(Expr::val(number), Alias::new("kind")).take()
}

/// The kind of the live record with this id, if the caller sees one.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
pub async fn kind_of(cx: &Cx, id: Id) -> Result<RecordKind, Error> {
    let read = cx.read(Action::GetMe)?;
    let mut looks =
        (0..).zip(ALL).filter(|(_, (_, action))| cx.may(*action)).map(|(n, (kind, _))| kind.look(&read, id, n));
    let mut statement = looks.next().ok_or(Error::NotFound("record"))?;
    looks.for_each(|look| {
        statement.union(UnionType::All, look);
    });
    let rows = read.rows(&statement).await?;
    let row = rows.first().ok_or(Error::NotFound("record"))?;
    let number: i32 = row.try_get("", "kind")?;
    let known = usize::try_from(number).ok().and_then(|number| ALL.get(number));
    known.map(|(kind, _)| *kind).ok_or_else(|| Error::bug("a look gave a kind that was not asked for"))
}
