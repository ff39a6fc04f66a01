//! Lists of tasks: what they are sorted and filtered by.

use entity::value::{
    ClientId, Date, DateOrDateTime, ExternalId, Id, ProjectId, ShortText, TaskId, TaskPriority, TaskStatus, UserId,
};
use entity::{project, task, task_assignee};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, Query, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::Task;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{at_least, at_most, ids_where, one_of, one_of_texts, since, until};
use crate::list::nested::{CursorList, Relation};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};
use crate::nouns::project::refuse_by_client;

crate::sort! {
    /// What tasks are sorted by.
    pub enum TaskSort of task {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        DueDate "dueDate" by "due_date_key" => |row| row.due_date.into(),
        EndDate "endDate" by "end_date_key" => |row| row.end_date.into(),
        Id "id" by "id" => |_row| Key::Id,
        Name "name" by "name_key" => |row| Key::Text(row.name_key.clone()),
        Priority "priority" by "priority" => |row| Key::Number(row.priority.rank().into()),
        StartDate "startDate" by "start_date_key" => |row| row.start_date.into(),
        Status "status" by "status" => |row| Key::Number(row.status.rank().into()),
        UpdatedAt "updatedAt" by "updated_at" => |row| row.updated_at.into(),
    }
}

crate::input! {
    /// Filters of the list of tasks; a task must match all of them.
    pub struct TaskFilter {
        /// Only tasks with one of these identifiers.
        pub id: Field<Vec<TaskId>>,
        /// Only tasks with one of these external identifiers.
        pub external_id: Field<Vec<ExternalId>>,
        /// Only tasks of one of these projects.
        pub project_id: Field<Vec<ProjectId>>,
        /// Only tasks of projects for one of these clients. Refused for Members (403), who do not see clients.
        pub client_id: Field<Vec<ClientId>>,
        /// Only tasks assigned to one of these people, by user identifier.
        pub assignee_id: Field<Vec<UserId>>,
        /// Only tasks that are assigned to somebody (`true`) or to nobody (`false`).
        pub assigned: Field<Vec<bool>>,
        /// Only tasks with one of these tags, spelled exactly so.
        pub tag: Field<Vec<ShortText>>,
        /// Only tasks in one of these states.
        pub status: Field<Vec<TaskStatus>>,
        /// Only tasks of one of these priorities.
        pub priority: Field<Vec<TaskPriority>>,
        /// Only tasks whose time is billable (`true`) or not (`false`).
        pub billable: Field<Vec<bool>>,
        /// Only tasks that begin on this day or later.
        pub start_date_from: Field<Date>,
        /// Only tasks that begin on this day or earlier.
        pub start_date_to: Field<Date>,
        /// Only tasks due on this day or later.
        pub due_date_from: Field<Date>,
        /// Only tasks due on this day or earlier.
        pub due_date_to: Field<Date>,
        /// Only tasks that end on this day or later.
        pub end_date_from: Field<Date>,
        /// Only tasks that end on this day or earlier.
        pub end_date_to: Field<Date>,
        /// Only tasks created at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only tasks created at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
        /// Only tasks last changed at or after this instant; a date means the start of that UTC day. Records may appear
        /// up to 60 seconds late, so let polls overlap by that much.
        pub updated_at_from: Field<DateOrDateTime>,
        /// Only tasks last changed at or before this instant; a date means the end of that UTC day.
        pub updated_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for TaskFilter {
    fn check(&self, caller: &Caller) -> Result<(), Error> {
        refuse_by_client(caller, &[("clientId", self.client_id.is_sent())])
    }

    /// Tags are a JSON array, which each database takes apart in its own way.
    fn condition_on(&self, caller: &Caller, postgres: bool) -> Condition {
        let tagged = self.tag.get().map(|tags| {
            let stored = Expr::col((task::Entity, task::Column::Tags));
            let items = match postgres {
                true => Func::cust("jsonb_array_elements_text").arg(stored.cast_as("jsonb")),
                false => Func::cust("json_each").arg(stored),
            };
            let value = Expr::col((Alias::new("item"), Alias::new("value")));
            let wanted = value.is_in(tags.iter().map(ShortText::as_str));
            let items =
                Query::select().expr(Expr::val(1)).from_function(items, Alias::new("item")).and_where(wanted).take();
            Expr::exists(items)
        });
        self.condition(caller).add_option(tagged)
    }

    fn condition(&self, caller: &Caller) -> Condition {
        use task::Column;
        let by_client = one_of(project::Column::ClientId, &self.client_id).map(|of_client| {
            let of_client = Condition::all().add(of_client);
            Column::ProjectId.in_subquery(ids_where::<project::Entity>(caller.organization_id, of_client))
        });
        let with_people = self.assigned.get().map(|wanted| {
            let each =
                wanted.iter().map(|any| if *any { Column::AssigneeIds.ne("[]") } else { Column::AssigneeIds.eq("[]") });
            each.fold(Condition::any().add(SimpleExpr::from(false)), Condition::add)
        });
        let assigned = self.assignee_id.get().map(|people| {
            let places = task_assignee::Entity::all_of(caller.organization_id)
                .filter(task_assignee::Column::UserId.is_in(people.iter().copied()));
            let tasks = places.select_only().column(task_assignee::Column::TaskId).into_query();
            Column::Id.in_subquery(tasks)
        });
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of_texts(Column::ExternalId, &self.external_id))
            .add_option(one_of(Column::ProjectId, &self.project_id))
            .add_option(by_client)
            .add_option(assigned)
            .add_option(with_people)
            .add_option(one_of(Column::Status, &self.status))
            .add_option(one_of(Column::Priority, &self.priority))
            .add_option(one_of(Column::Billable, &self.billable))
            .add_option(at_least(Column::StartDate, &self.start_date_from))
            .add_option(at_most(Column::StartDate, &self.start_date_to))
            .add_option(at_least(Column::DueDate, &self.due_date_from))
            .add_option(at_most(Column::DueDate, &self.due_date_to))
            .add_option(at_least(Column::EndDate, &self.end_date_from))
            .add_option(at_most(Column::EndDate, &self.end_date_to))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
            .add_option(since(Column::UpdatedAt, &self.updated_at_from))
            .add_option(until(Column::UpdatedAt, &self.updated_at_to))
    }
}

impl Listed for task::Entity {
    type Sort = TaskSort;
    type Filter = TaskFilter;
    const SEARCH: Option<task::Column> = Some(task::Column::SearchKey);
}

/// The arguments of a task list.
pub type TaskArgs = ListArgs<TaskFilter, TaskSort>;

/// A page of tasks.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &TaskArgs) -> Result<Page<Task>, Error> {
    Ok(cx.list::<task::Entity>(Action::ListTasks, args).await?.map(Task::from))
}

/// The first tasks of each of these projects, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_projects(
    cx: &Cx,
    projects: &[Id],
    args: &TaskArgs,
) -> Result<crate::list::page::Pages<Task>, Error> {
    let relation = Relation::<task::Entity>::by(
        task::Column::ProjectId,
        CursorList::Filtered(|filter: &mut TaskFilter, parent| filter.project_id = Field::Value(vec![parent.of()])),
    );
    cx.list_of_parents(Action::ListTasks, relation, projects, args, Task::from).await
}

/// The first tasks that are assigned to each of these people, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_people(cx: &Cx, people: &[Id], args: &TaskArgs) -> Result<crate::list::page::Pages<Task>, Error> {
    let relation = Relation::<task::Entity>::by(
        task_assignee::Column::UserId,
        CursorList::Filtered(|filter: &mut TaskFilter, parent| filter.assignee_id = Field::Value(vec![parent.of()])),
    )
    .through::<task_assignee::Entity>(task_assignee::Column::TaskId, task::Column::Id);
    cx.list_of_parents(Action::ListTasks, relation, people, args, Task::from).await
}
