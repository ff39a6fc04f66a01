//! Lists of time entries: what they are sorted and filtered by, flat and below projects.

use entity::value::{ClientId, Date, DateOrDateTime, ExternalId, Id, ProjectId, TaskId, TimeEntryId, UserId};
use entity::{project, time_entry};
use sea_orm::{ColumnTrait, Condition};

use super::TimeEntry;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{at_least, at_most, ids_where, is_set, one_of, one_of_texts, since, until};
use crate::list::nested::{CursorList, Relation};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};
use crate::nouns::project::refuse_by_client;

crate::sort! {
    /// What time entries are sorted by.
    pub enum TimeEntrySort of time_entry {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        DurationSeconds "durationSeconds" by "duration_seconds_key" => |row| {
            Key::Number(i64::from(row.duration_seconds.unwrap_or(-1)))
        },
        EntryDate "entryDate" by "entry_date" => |row| Key::Date(row.entry_date),
        Id "id" by "id" => |_row| Key::Id,
        UpdatedAt "updatedAt" by "updated_at" => |row| row.updated_at.into(),
    }
}

crate::input! {
    /// Filters of time entries; an entry must match all of them.
    pub struct TimeEntryFilter {
        /// Only time entries with one of these identifiers.
        pub id: Field<Vec<TimeEntryId>>,
        /// Only time entries with one of these external identifiers.
        pub external_id: Field<Vec<ExternalId>>,
        /// Only time entries on one of these projects.
        pub project_id: Field<Vec<ProjectId>>,
        /// Only time entries on one of these tasks.
        pub task_id: Field<Vec<TaskId>>,
        /// Only time entries on a task (`true`) or on a project alone (`false`).
        pub has_task: Field<Vec<bool>>,
        /// Only time entries of one of these people, by user identifier. Members always get their own only.
        pub user_id: Field<Vec<UserId>>,
        /// Only time entries on projects for one of these clients. Refused for Members (403), who do not see clients.
        pub client_id: Field<Vec<ClientId>>,
        /// Only time entries that are billable (`true`) or not (`false`).
        pub billable: Field<Vec<bool>>,
        /// Only time entries that are on an invoice (`true`) or on none (`false`).
        pub invoiced: Field<Vec<bool>>,
        /// Only running timers (`true`) or finished entries (`false`).
        pub running: Field<Vec<bool>>,
        /// Only time entries that count for this day or a later one.
        pub entry_date_from: Field<Date>,
        /// Only time entries that count for this day or an earlier one.
        pub entry_date_to: Field<Date>,
        /// Only time entries of at least this duration, in seconds.
        pub duration_seconds_min: Field<i32>,
        /// Only time entries of at most this duration, in seconds.
        pub duration_seconds_max: Field<i32>,
        /// Only time entries created at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only time entries created at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
        /// Only time entries last changed at or after this instant; a date means the start of that UTC day. Records may
        /// appear up to 60 seconds late, so let polls overlap by that much.
        pub updated_at_from: Field<DateOrDateTime>,
        /// Only time entries last changed at or before this instant; a date means the end of that UTC day.
        pub updated_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for TimeEntryFilter {
    fn check(&self, caller: &Caller) -> Result<(), Error> {
        refuse_by_client(caller, &[("clientId", self.client_id.is_sent())])
    }

    fn condition(&self, caller: &Caller) -> Condition {
        use time_entry::Column;
        let by_client = one_of(project::Column::ClientId, &self.client_id).map(|of_client| {
            let of_client = Condition::all().add(of_client);
            Column::ProjectId.in_subquery(ids_where::<project::Entity>(caller.organization_id, of_client))
        });
        // A Member's filter is pinned to themself by their scope; another's id in it changes nothing.
        let by_user = if policy::sees_all(caller.role) { one_of(Column::UserId, &self.user_id) } else { None };
        let still = |running: &Field<Vec<bool>>| match running {
            Field::Value(wanted) => Field::Value(wanted.iter().map(|running| !running).collect()),
            _ => Field::Absent,
        };
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of_texts(Column::ExternalId, &self.external_id))
            .add_option(one_of(Column::ProjectId, &self.project_id))
            .add_option(one_of(Column::TaskId, &self.task_id))
            .add_option(is_set(Column::TaskId, &self.has_task))
            .add_option(by_user)
            .add_option(by_client)
            .add_option(one_of(Column::Billable, &self.billable))
            .add_option(is_set(Column::InvoiceId, &self.invoiced))
            .add_option(is_set(Column::DurationSeconds, &still(&self.running)))
            .add_option(at_least(Column::EntryDate, &self.entry_date_from))
            .add_option(at_most(Column::EntryDate, &self.entry_date_to))
            .add_option(at_least(Column::DurationSeconds, &self.duration_seconds_min))
            .add_option(at_most(Column::DurationSeconds, &self.duration_seconds_max))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
            .add_option(since(Column::UpdatedAt, &self.updated_at_from))
            .add_option(until(Column::UpdatedAt, &self.updated_at_to))
    }
}

impl Listed for time_entry::Entity {
    type Sort = TimeEntrySort;
    type Filter = TimeEntryFilter;
    const SEARCH: Option<time_entry::Column> = Some(time_entry::Column::SearchKey);
}

/// The arguments of a time entry list.
pub type TimeEntryArgs = ListArgs<TimeEntryFilter, TimeEntrySort>;

/// A page of time entries.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &TimeEntryArgs) -> Result<Page<TimeEntry>, Error> {
    Ok(cx.list::<time_entry::Entity>(Action::ListTimeEntries, args).await?.map(TimeEntry::from))
}

/// The first time entries of each of these projects, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_projects(
    cx: &Cx,
    projects: &[Id],
    args: &TimeEntryArgs,
) -> Result<crate::list::page::Pages<TimeEntry>, Error> {
    let relation = Relation::<time_entry::Entity>::by(
        time_entry::Column::ProjectId,
        CursorList::Filtered(|filter: &mut TimeEntryFilter, parent| {
            filter.project_id = Field::Value(vec![parent.of()])
        }),
    );
    cx.list_of_parents(Action::ListTimeEntries, relation, projects, args, TimeEntry::from).await
}

/// The first time entries of each of these tasks, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_tasks(
    cx: &Cx,
    tasks: &[Id],
    args: &TimeEntryArgs,
) -> Result<crate::list::page::Pages<TimeEntry>, Error> {
    let relation = Relation::<time_entry::Entity>::by(
        time_entry::Column::TaskId,
        CursorList::Filtered(|filter: &mut TimeEntryFilter, parent| filter.task_id = Field::Value(vec![parent.of()])),
    );
    cx.list_of_parents(Action::ListTimeEntries, relation, tasks, args, TimeEntry::from).await
}

/// The first time entries of each of these people, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_people(
    cx: &Cx,
    people: &[Id],
    args: &TimeEntryArgs,
) -> Result<crate::list::page::Pages<TimeEntry>, Error> {
    let relation = Relation::<time_entry::Entity>::by(
        time_entry::Column::UserId,
        CursorList::Filtered(|filter: &mut TimeEntryFilter, parent| filter.user_id = Field::Value(vec![parent.of()])),
    );
    cx.list_of_parents(Action::ListTimeEntries, relation, people, args, TimeEntry::from).await
}

/// The first time entries for each of these clients, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_clients(
    cx: &Cx,
    clients: &[Id],
    args: &TimeEntryArgs,
) -> Result<crate::list::page::Pages<TimeEntry>, Error> {
    let relation = Relation::<time_entry::Entity>::by(
        project::Column::ClientId,
        CursorList::Filtered(|filter: &mut TimeEntryFilter, parent| filter.client_id = Field::Value(vec![parent.of()])),
    )
    .through::<project::Entity>(project::Column::Id, time_entry::Column::ProjectId);
    cx.list_of_parents(Action::ListTimeEntries, relation, clients, args, TimeEntry::from).await
}

/// The first time entries on each of these invoices, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_invoices(
    cx: &Cx,
    invoices: &[Id],
    args: &TimeEntryArgs,
) -> Result<crate::list::page::Pages<TimeEntry>, Error> {
    let relation = Relation::<time_entry::Entity>::by(time_entry::Column::InvoiceId, CursorList::Own("of an invoice"));
    cx.list_of_parents(Action::ListTimeEntries, relation, invoices, args, TimeEntry::from).await
}

#[cfg(test)]
mod tests {
    use entity::cells::{Columns, TableRow};
    use entity::time_entry::Model;

    use super::TimeEntrySort;
    use crate::list::sort::SortField;

    #[test]
    fn rows_are_needed_with_what_is_shown_of_them_and_what_they_are_sorted_by() {
        let named = |names: &[&str]| {
            let place = |name: &&str| Model::COLUMNS.iter().position(|column| column == name).expect("a column");
            names.iter().map(place).fold(Columns::NONE, Columns::and)
        };
        for (sort, fields, columns) in [
            (TimeEntrySort::CreatedAt, &["note"][..], Some(named(&["id", "created_at", "note"]))),
            (TimeEntrySort::EntryDate, &["orgId", "id"], Some(named(&["id", "entry_date", "organization_id"]))),
            (TimeEntrySort::Id, &[], Some(named(&["id"]))),
            (TimeEntrySort::CreatedAt, &["duration"], None),
            // A key column is in no row.
            (TimeEntrySort::DurationSeconds, &["note"], None),
        ] {
            assert_eq!(sort.columns(fields), columns, "{sort:?} {fields:?}");
        }
    }
}
