//! Lists of tasks: what they are sorted and filtered by.

use entity::value::{Date, DateOrDateTime, ExternalId, Id, TaskPriority, TaskStatus};
use entity::{task, task_assignee};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::Task;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::scope::Scoped;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{at_least, at_most, one_of, one_of_texts, since, until};
use crate::list::nested::{Place, Relation};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

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
        pub id: Field<Vec<Id>>,
        /// Only tasks with one of these external identifiers.
        pub external_id: Field<Vec<ExternalId>>,
        /// Only tasks of one of these projects.
        pub project_id: Field<Vec<Id>>,
        /// Only tasks assigned to one of these people, by user identifier.
        pub assignee_id: Field<Vec<Id>>,
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
    fn condition(&self, caller: &Caller) -> Condition {
        use task::Column;
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
            .add_option(assigned)
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
pub async fn list(cx: &Cx, args: &TaskArgs) -> Result<Page<Task>, Error> {
    Ok(cx.list::<task::Entity>(Action::ListTasks, args).await?.map(Task::from))
}

/// The first tasks of each of these projects, in one statement.
pub async fn list_of_projects(
    cx: &Cx,
    projects: &[Id],
    args: &TaskArgs,
) -> Result<crate::list::page::Pages<Task>, Error> {
    let relation = Relation::<task::Entity>::by(
        task::Column::ProjectId,
        Place::Filtered(|filter: &mut TaskFilter, parent| filter.project_id = Field::Value(vec![parent])),
    );
    cx.list_of_parents(Action::ListTasks, relation, projects, args, Task::from).await
}

/// The first tasks that are assigned to each of these people, in one statement.
pub async fn list_of_people(cx: &Cx, people: &[Id], args: &TaskArgs) -> Result<crate::list::page::Pages<Task>, Error> {
    let relation = Relation::<task::Entity>::by(
        task_assignee::Column::UserId,
        Place::Filtered(|filter: &mut TaskFilter, parent| filter.assignee_id = Field::Value(vec![parent])),
    )
    .through::<task_assignee::Entity>(task_assignee::Column::TaskId, task::Column::Id);
    cx.list_of_parents(Action::ListTasks, relation, people, args, Task::from).await
}
