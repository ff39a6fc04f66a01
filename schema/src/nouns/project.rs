//! Projects: the node, its lists, queries, mutations and loaders.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::expense::{ExpenseFilter, ExpenseSort};
use service::member::Member;
use service::project::{CreateProjectInput, Project, ProjectArgs, ProjectFilter, ProjectSort, UpdateProjectInput};
use service::task::{TaskFilter, TaskSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::Id;
use service::{Action, Deleted, Error};

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::{Loaders, OfClient, OfPerson, below_loaders, by_id_loader, one};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::expense::{ExpenseConnection, ExpenseNode};
use crate::nouns::member::MemberNode;
use crate::nouns::task::{TaskConnection, TaskNode};
use crate::nouns::time_entry::{TimeEntryConnection, TimeEntryNode};
use crate::nouns::{cx, expected, parse_id, record};

/// A piece of work for a client.
pub struct ProjectNode(pub(crate) Project);

/// A piece of work for a client.
#[Object(name = "Project")]
impl ProjectNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Project {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> ProjectLists {
        ProjectLists(self.0.id)
    }

    /// The id.
    pub async fn id(&self) -> Id {
        self.0.id
    }

    /// Whom it is for; null for those who do not see clients.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<ClientNode>> {
        Ok(one(ctx, Action::GetClient, Some(ClientById(self.0.client_id))).await?.map(ClientNode))
    }

    /// Who is on it; Members see themselves.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<MemberNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let people = loaders.load_one(MembersOfProject(self.0.id)).await.or_fail(cx(ctx)?)?;
        Ok(people.unwrap_or_default().into_iter().map(MemberNode).collect())
    }
}

lists! {
    /// What belongs to a project.
    ProjectLists(Id) {
        /// Its steps.
        tasks: TaskFilter, TaskSort => TaskConnection(TaskNode) if ListTasks, (below OfProject);
        /// The time spent on it; Members see their own.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode) if ListTimeEntries, (below OfProject);
        /// The money spent for it; null for those who do not see expenses.
        expenses: ExpenseFilter, ExpenseSort => ExpenseConnection(ExpenseNode) if ListExpenses, (below OfProject);
    }
}

connection!(ProjectConnection, ProjectEdge, ProjectNode);

/// A project by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProjectById(pub(crate) Id);

by_id_loader!(ProjectById => Project, service::project::by_ids);

below_loaders! {
    OfClient: ProjectArgs => Project, service::project::list_of_clients;
    OfPerson: ProjectArgs => Project, service::project::list_of_people;
}

/// The people on a project.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MembersOfProject(pub(crate) Id);

impl Loader<MembersOfProject> for Loaders {
    type Value = Vec<Member>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[MembersOfProject]) -> Result<HashMap<MembersOfProject, Vec<Member>>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let people = service::project_member::of_projects(&self.0, &ids).await?;
        Ok(people.into_iter().map(|(project, people)| (MembersOfProject(project), people)).collect())
    }
}

lists! {
    /// The list of this noun.
    ProjectRootLists() {
        /// Projects, a page at a time.
        projects: ProjectFilter, ProjectSort => ProjectConnection(ProjectNode), (flat service::project::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct ProjectQueries;

/// The queries of this noun.
#[Object]
impl ProjectQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> ProjectRootLists {
        ProjectRootLists()
    }

    /// One project.
    async fn project(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<Option<ProjectNode>> {
        let cx = cx(ctx)?;
        service::project::get(cx, parse_id(&id)).await.map(ProjectNode).map(Some).or_fail(cx)
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct ProjectMutations;

/// The mutations of this noun.
#[Object]
impl ProjectMutations {
    /// A new project.
    async fn create_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateProjectInput,
    ) -> Result<CreateProjectPayload> {
        let record = record(ctx, service::project::create(cx(ctx)?, input).await)?;
        Ok(CreateProjectPayload { project: ProjectNode(record) })
    }

    /// Change a project: what is absent stays, null clears.
    async fn update_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateProjectInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateProjectPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::project::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(UpdateProjectPayload { project: ProjectNode(record) })
    }

    /// Delete a project.
    async fn delete_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteProjectPayload> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::project::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(DeleteProjectPayload { id: deleted.id })
    }

    /// Put a project away: it takes no new time.
    async fn archive_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<ArchiveProjectPayload> {
        let project = record(ctx, service::project::archive(cx(ctx)?, parse_id(&id)).await)?;
        Ok(ArchiveProjectPayload { project: ProjectNode(project) })
    }

    /// Bring a project back, archived or deleted.
    async fn restore_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<RestoreProjectPayload> {
        let project = record(ctx, service::project::restore(cx(ctx)?, parse_id(&id)).await)?;
        Ok(RestoreProjectPayload { project: ProjectNode(project) })
    }

    /// Put a member on a project.
    async fn add_project_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The project.")] project_id: ID,
        #[graphql(desc = "The person.")] user_id: ID,
    ) -> Result<AddProjectMemberPayload> {
        let done = service::project_member::add(cx(ctx)?, parse_id(&project_id), parse_id(&user_id)).await;
        Ok(AddProjectMemberPayload { member: MemberNode(record(ctx, done)?) })
    }

    /// Take a member off a project: their tasks there are unassigned, their time stays.
    async fn remove_project_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The project.")] project_id: ID,
        #[graphql(desc = "The person.")] user_id: ID,
    ) -> Result<RemoveProjectMemberPayload> {
        let deleted =
            record(ctx, service::project_member::remove(cx(ctx)?, parse_id(&project_id), parse_id(&user_id)).await)?;
        Ok(RemoveProjectMemberPayload { user_id: deleted.id })
    }
}

/// The project that was made.
#[derive(SimpleObject)]
pub struct CreateProjectPayload {
    /// The project.
    pub(crate) project: ProjectNode,
}

/// The project that was changed.
#[derive(SimpleObject)]
pub struct UpdateProjectPayload {
    /// The project.
    pub(crate) project: ProjectNode,
}

/// The project that was deleted.
#[derive(SimpleObject)]
pub struct DeleteProjectPayload {
    /// Its id.
    pub(crate) id: Id,
}

/// The project that was put away.
#[derive(SimpleObject)]
pub struct ArchiveProjectPayload {
    /// The project.
    pub(crate) project: ProjectNode,
}

/// The project that is back.
#[derive(SimpleObject)]
pub struct RestoreProjectPayload {
    /// The project.
    pub(crate) project: ProjectNode,
}

/// The member who is on the project.
#[derive(SimpleObject)]
pub struct AddProjectMemberPayload {
    /// The member.
    pub(crate) member: MemberNode,
}

/// Who is not on the project any more.
#[derive(SimpleObject)]
pub struct RemoveProjectMemberPayload {
    /// The person.
    pub(crate) user_id: Id,
}
