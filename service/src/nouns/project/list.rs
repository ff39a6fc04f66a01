//! Lists of projects: what they are sorted and filtered by.

use entity::value::{ClientId, Date, DateOrDateTime, ExternalId, Id, Name, ProjectId, ProjectStatus};
use entity::{project, project_member};
use sea_orm::Condition;

use super::Project;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{at_least, at_most, of_client_named, one_of, one_of_texts, since, until};
use crate::list::nested::{CursorList, Relation};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

crate::sort! {
    /// What projects are sorted by.
    pub enum ProjectSort of project {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        DueDate "dueDate" by "due_date_key" => |row| row.due_date.into(),
        Id "id" by "id" => |_row| Key::Id,
        Name "name" by "name_key" => |row| Key::Text(row.name_key.clone()),
        StartDate "startDate" by "start_date_key" => |row| row.start_date.into(),
        Status "status" by "status" => |row| Key::Number(row.status.rank().into()),
        UpdatedAt "updatedAt" by "updated_at" => |row| row.updated_at.into(),
    }
}

crate::input! {
    /// Filters of the list of projects; a project must match all of them.
    pub struct ProjectFilter {
        /// Only projects with one of these identifiers.
        pub id: Field<Vec<ProjectId>>,
        /// Only projects with one of these external identifiers.
        pub external_id: Field<Vec<ExternalId>>,
        /// Only projects for one of these clients. Refused for Members (403), who do not see clients.
        pub client_id: Field<Vec<ClientId>>,
        /// Only projects for a client with one of these names; case is ignored.
        pub client_name: Field<Vec<Name>>,
        /// Only projects in one of these states.
        pub status: Field<Vec<ProjectStatus>>,
        /// Only projects that begin on this day or later.
        pub start_date_from: Field<Date>,
        /// Only projects that begin on this day or earlier.
        pub start_date_to: Field<Date>,
        /// Only projects due on this day or later.
        pub due_date_from: Field<Date>,
        /// Only projects due on this day or earlier.
        pub due_date_to: Field<Date>,
        /// Only projects created at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only projects created at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
        /// Only projects last changed at or after this instant; a date means the start of that UTC day. Records may
        /// appear up to 60 seconds late, so let polls overlap by that much.
        pub updated_at_from: Field<DateOrDateTime>,
        /// Only projects last changed at or before this instant; a date means the end of that UTC day.
        pub updated_at_to: Field<DateOrDateTime>,
    }
}

/// Refuses a filter by clients to those who may not see clients.
pub(crate) fn refuse_by_client(caller: &Caller, filters: &[(&str, bool)]) -> Result<(), Error> {
    match filters.iter().find(|(_, sent)| *sent) {
        Some((name, _)) if !policy::allows(caller.role, Action::ListClients) => Err(Error::Forbidden(
            format!("your role {} does not see clients, so it cannot filter by {name}", caller.role).into(),
        )),
        _ => Ok(()),
    }
}

impl Filter for ProjectFilter {
    fn check(&self, caller: &Caller) -> Result<(), Error> {
        refuse_by_client(caller, &[("clientId", self.client_id.is_sent()), ("clientName", self.client_name.is_sent())])
    }

    fn condition(&self, caller: &Caller) -> Condition {
        use project::Column;
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of_texts(Column::ExternalId, &self.external_id))
            .add_option(one_of(Column::ClientId, &self.client_id))
            .add_option(of_client_named(Column::ClientId, &self.client_name, caller.organization_id))
            .add_option(one_of(Column::Status, &self.status))
            .add_option(at_least(Column::StartDate, &self.start_date_from))
            .add_option(at_most(Column::StartDate, &self.start_date_to))
            .add_option(at_least(Column::DueDate, &self.due_date_from))
            .add_option(at_most(Column::DueDate, &self.due_date_to))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
            .add_option(since(Column::UpdatedAt, &self.updated_at_from))
            .add_option(until(Column::UpdatedAt, &self.updated_at_to))
    }
}

impl Listed for project::Entity {
    type Sort = ProjectSort;
    type Filter = ProjectFilter;
    const SEARCH: Option<project::Column> = Some(project::Column::SearchKey);
}

/// The arguments of a project list.
pub type ProjectArgs = ListArgs<ProjectFilter, ProjectSort>;

/// A page of projects.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &ProjectArgs) -> Result<Page<Project>, Error> {
    let page = cx.list::<project::Entity>(Action::ListProjects, args).await?;
    Ok(page.map(|row| Project::shown_to(cx.caller(), row)))
}

/// The first projects of each of these clients, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_clients(
    cx: &Cx,
    clients: &[Id],
    args: &ProjectArgs,
) -> Result<crate::list::page::Pages<Project>, Error> {
    let relation = Relation::<project::Entity>::by(
        project::Column::ClientId,
        CursorList::Filtered(|filter: &mut ProjectFilter, parent| filter.client_id = Field::Value(vec![parent.of()])),
    );
    cx.list_of_parents(Action::ListProjects, relation, clients, args, |row| Project::shown_to(cx.caller(), row)).await
}

/// The first projects that each of these people was put on, in one statement.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list_of_people(
    cx: &Cx,
    people: &[Id],
    args: &ProjectArgs,
) -> Result<crate::list::page::Pages<Project>, Error> {
    let relation = Relation::<project::Entity>::by(project_member::Column::UserId, CursorList::Own("of a person"))
        .through::<project_member::Entity>(project_member::Column::ProjectId, project::Column::Id);
    cx.list_of_parents(Action::ListProjects, relation, people, args, |row| Project::shown_to(cx.caller(), row)).await
}
