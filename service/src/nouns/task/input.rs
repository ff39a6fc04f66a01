//! What callers send of tasks, and the rules between their fields.

use entity::task;
use entity::value::{
    Date, Decimal, ExternalId, FieldErrors, Name, Note, ProjectId, Tags, TaskPriority, TaskStatus, UserId, fold,
};

use super::array;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::input::{
    Defaulted, Field, Input, NewExternalId, NonNull, Reference, Required, Validate, external_id, references,
};

/// The two inputs of a task differ in what they need.
macro_rules! task_input {
    ($(#[doc = $doc:literal])* $name:ident, needs: $needed:ident, has: $defaulted:ident) => {
        crate::input! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Identifier of the task in another system: at most 255 characters, unique among live tasks. Null or
                /// an empty text clears it.
                pub external_id: Field<ExternalId>,
                /// Identifier of the project that the task belongs to.
                pub project_id: $needed<ProjectId>,
                /// Name of the task: 1 to 200 characters, not only white space.
                pub name: $needed<Name>,
                /// Description of the task: at most 10,000 characters. Null or an empty text clears it.
                pub description: Field<Note>,
                /// State of the task; `TODO` by default. `DONE` sets `completedAt` and sends the event
                /// `task.completed`.
                pub status: $defaulted<TaskStatus>,
                /// Priority of the task; `MEDIUM` by default.
                pub priority: $defaulted<TaskPriority>,
                /// Whether time on the task is billable, unless the time entry says otherwise; `true` by default.
                pub billable: $defaulted<bool>,
                /// Estimated hours, with at most 4 decimals. Null clears it.
                pub estimated_hours: Field<Decimal>,
                /// User identifiers of the people that the task is assigned to. A Member who is assigned is put on the
                /// project.
                pub assignee_ids: $defaulted<Vec<UserId>> => own,
                /// Tags of the task: at most 50, each of 1 to 50 characters.
                pub tags: $defaulted<Tags> => own,
                /// Day on which the task begins. Null clears it.
                pub start_date: Field<Date>,
                /// Day on which the task is due, not before `startDate`. Null clears it.
                pub due_date: Field<Date>,
                /// Day on which the task ends, not before `startDate`. Null clears it.
                pub end_date: Field<Date>,
            }
            read_only "id" "orgId" "completedAt" "version" "createdAt" "updatedAt" "deletedAt"
            into task
        }

        impl $name {
            /// Puts what was sent into a row; whom it is assigned to is in a table of its own besides.
            pub(super) fn apply(self, row: &mut task::Model) {
                if let Some(people) = self.assignee_ids.get() {
                    row.assignee_ids = array(&distinct(people.clone()));
                }
                if let Some(tags) = self.tags.get() {
                    row.tags = array(&Vec::<String>::from(tags.clone()));
                }
                self.change(row);
                row.name_key = fold(&row.name);
                let description = row.description.as_deref().unwrap_or_default();
                row.search_key = fold(&format!("{}\u{1f}{description}", row.name));
            }

            /// The records that it names.
            fn named(&self) -> Vec<(String, Reference)> {
                let mut named = references(&[("projectId", self.project_id.get().copied().map(Reference::Project))]);
                let people = self.assignee_ids.ids().into_iter();
                named.extend(people.map(|(place, person)| (format!("assigneeIds[{place}]"), Reference::User(person))));
                named
            }
        }
    };
}

task_input!(
    /// The fields of a new task. `projectId` and `name` are required.
    CreateTaskInput, needs: Required, has: Defaulted
);
task_input!(
    /// The fields of a task to change. An absent field keeps its value, null clears a nullable one. A Member may change `status`, `description`, `priority`, `tags`, the dates and `estimatedHours` of tasks assigned to them.
    UpdateTaskInput, needs: NonNull, has: NonNull
);

/// Each once, in the order of its first place.
fn distinct(people: Vec<UserId>) -> Vec<UserId> {
    let mut once = Vec::with_capacity(people.len());
    for person in people {
        if !once.contains(&person) {
            once.push(person);
        }
    }
    once
}

/// A task neither is due nor ends before it begins.
pub(super) fn check_dates(start: Option<Date>, due: Option<Date>, end: Option<Date>, problems: &mut FieldErrors) {
    let Some(start) = start else { return };
    for (field, date) in [("dueDate", due), ("endDate", end)] {
        if date.is_some_and(|date| date < start) {
            problems.add(field, format!("must not be before startDate {start}"));
        }
    }
}

impl Validate for CreateTaskInput {
    fn external_ids(&self) -> Vec<NewExternalId> {
        external_id("task", &self.external_id)
    }

    fn references(&self) -> Vec<(String, Reference)> {
        self.named()
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        let date = |field: &Field<Date>| field.get().copied();
        check_dates(date(&self.start_date), date(&self.due_date), date(&self.end_date), &mut problems);
        problems
    }
}

/// The rules between fields need the row and are asked when it is locked.
impl Validate for UpdateTaskInput {
    /// Members change how a task stands, not what it is.
    fn refuse(&self, caller: &Caller) -> Result<(), Error> {
        if policy::sees_all(caller.role) {
            return Ok(());
        }
        let theirs = [
            ("externalId", self.external_id.is_sent()),
            ("projectId", self.project_id.is_sent()),
            ("name", self.name.is_sent()),
            ("billable", self.billable.is_sent()),
            ("assigneeIds", self.assignee_ids.is_sent()),
        ];
        let refused: Vec<_> = theirs.iter().filter(|(_, sent)| *sent).map(|(field, _)| *field).collect();
        if refused.is_empty() {
            return Ok(());
        }
        let message = format!(
            "your role changes status, description, priority, tags, dates and estimatedHours of a task, not {}",
            refused.join(", ")
        );
        Err(Error::Forbidden(message.into()))
    }

    fn references(&self) -> Vec<(String, Reference)> {
        self.named()
    }

    /// What was sent together must fit together, whatever the row.
    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        let date = |field: &Field<Date>| field.get().copied();
        check_dates(date(&self.start_date), date(&self.due_date), date(&self.end_date), &mut problems);
        problems
    }
}
