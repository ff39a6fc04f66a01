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
use service::value::{Id, ProjectId, UserId};
use service::{Action, Deleted, Error, Precondition};

use crate::engine::connection::lists;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, Loaders, OfClient, OfPerson, below_loaders, by_id_loader, one};
use crate::engine::object::{Output, Outputs, nodes};
use crate::nouns::client::{ClientById, ClientNode};
use crate::nouns::expense::ExpenseNode;
use crate::nouns::member::MemberNode;
use crate::nouns::task::TaskNode;
use crate::nouns::time_entry::TimeEntryNode;
use crate::nouns::totals::{self, ProjectTotals};
use crate::nouns::{cx, expected, parse_id, record, shared};

/// A project: a piece of work for a client. Members see the projects that they are on, without rates, fees and money
/// budgets.
pub struct ProjectNode(pub(crate) Project);

/// A project: a piece of work for a client. Members see the projects that they are on, without rates, fees and money
/// budgets.
#[Object(name = "Project")]
impl ProjectNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Project {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> ProjectLists {
        ProjectLists(self.0.id.any())
    }

    /// Identifier of the project (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id.any()
    }

    /// The client that the project is for; null for Members, who do not see clients.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Linked<ClientNode>>> {
        one(ctx, Action::GetClient, Some(ClientById(self.0.client_id))).await
    }

    /// All time on the project, and what it earns, whatever the arguments of its lists. Costs 10 points, whatever the number
    /// of projects.
    async fn totals(&self, ctx: &Context<'_>) -> Result<Option<Output<ProjectTotals>>> {
        totals::of_project(ctx, self.0.id).await
    }

    /// Members who are on the project; a Member sees only themself.
    async fn members(&self, ctx: &Context<'_>) -> Result<Outputs<MemberNode>> {
        let loaders = ctx.data::<DataLoader<Loaders>>()?;
        let people = loaders.load_one(MembersOfProject(self.0.id)).await.or_fail(cx(ctx)?)?;
        Ok(Outputs(people.unwrap_or_default().into_iter().map(MemberNode).collect()))
    }
}

nodes! {
    ProjectNode => 0: Project;
    CreateProjectPayload;
    UpdateProjectPayload;
    DeleteProjectPayload;
    ArchiveProjectPayload;
    RestoreProjectPayload;
    AddProjectMemberPayload;
    RemoveProjectMemberPayload;
}

lists! {
    /// What belongs to a project.
    ProjectLists(Id) {
        /// Tasks of the project.
        tasks[search]: TaskFilter, TaskSort => TaskNode[ListTasks], (below OfProject);
        /// Time entries on the project; Members see their own.
        time_entries[search]: TimeEntryFilter, TimeEntrySort => TimeEntryNode[ListTimeEntries], (below OfProject);
        /// Expenses of the project; null for Members, who do not see expenses.
        expenses[search]: ExpenseFilter, ExpenseSort => ExpenseNode[ListExpenses], (below OfProject);
    }
}

/// A project by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProjectById(pub(crate) ProjectId);

by_id_loader!(ProjectById => ProjectNode, service::project::by_ids);

below_loaders! {
    OfClient: ProjectArgs => ProjectNode, service::project::list_of_clients;
    OfPerson: ProjectArgs => ProjectNode, service::project::list_of_people;
}

/// The people on a project.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MembersOfProject(pub(crate) ProjectId);

impl Loader<MembersOfProject> for Loaders {
    type Value = Vec<Member>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[MembersOfProject]) -> Result<HashMap<MembersOfProject, Vec<Member>>, Arc<Error>> {
        let ids: Vec<ProjectId> = keys.iter().map(|key| key.0).collect();
        let people = service::project_member::of_projects(&self.0, &ids).await?;
        Ok(people.into_iter().map(|(project, people)| (MembersOfProject(project), people)).collect())
    }
}

lists! {
    /// The list of this noun.
    ProjectRootLists() {
        /// A page of projects. `search` looks in name and description.
        projects[search]: ProjectFilter, ProjectSort => ProjectNode[], (flat service::project::list);
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

    /// A project by its identifier; null with the error `not_found` if the caller sees none.
    async fn project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the project.")] id: ID,
    ) -> Result<Option<Linked<ProjectNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "project", &id, async { service::project::get(cx, parse_id(&id)).await.map(ProjectNode) }).await
    }
}

/// The mutations of this noun.
#[derive(Default)]
pub struct ProjectMutations;

/// The mutations of this noun.
#[Object]
impl ProjectMutations {
    /// Creates a project and sends the event `project.created`. Without `hourlyRate` it copies the client's default
    /// rate.
    async fn create_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields of the new project.")] input: CreateProjectInput,
    ) -> Result<Output<CreateProjectPayload>> {
        let record = record(ctx, service::project::create(cx(ctx)?, input).await)?;
        Ok(Output(CreateProjectPayload { project: Output(ProjectNode(record)) }))
    }

    /// Changes a project: an absent field keeps its value, null clears a nullable one.
    async fn update_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the project.")] id: ID,
        #[graphql(desc = "The fields to change.")] input: UpdateProjectInput,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<UpdateProjectPayload>> {
        let expected = expected(expected_version);
        let record = record(ctx, service::project::update(cx(ctx)?, parse_id(&id), &expected, input).await)?;
        Ok(Output(UpdateProjectPayload { project: Output(ProjectNode(record)) }))
    }

    /// Deletes a project. Refused while a timer runs on it (reason `timer_running`) and when it has billed time (reason
    /// `invoiced`).
    async fn delete_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the project.")] id: ID,
        #[graphql(
            desc = "The version that the record must still have; otherwise the error is `conflict` with reason `stale`. Without it, any version is changed."
        )]
        expected_version: Option<i32>,
    ) -> Result<Output<DeleteProjectPayload>> {
        let expected = expected(expected_version);
        let deleted: Deleted = record(ctx, service::project::delete(cx(ctx)?, parse_id(&id), &expected).await)?;
        Ok(Output(DeleteProjectPayload { deleted_id: deleted.id }))
    }

    /// Archives a project: it refuses new time entries, and keeps its time and tasks.
    async fn archive_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the project.")] id: ID,
    ) -> Result<Output<ArchiveProjectPayload>> {
        let project = record(ctx, service::project::archive(cx(ctx)?, parse_id(&id), &Precondition::Any).await)?;
        Ok(Output(ArchiveProjectPayload { project: Output(ProjectNode(project)) }))
    }

    /// Restores an archived or deleted project: its status becomes `ACTIVE`.
    async fn restore_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the project.")] id: ID,
    ) -> Result<Output<RestoreProjectPayload>> {
        let project = record(ctx, service::project::restore(cx(ctx)?, parse_id(&id)).await)?;
        Ok(Output(RestoreProjectPayload { project: Output(ProjectNode(project)) }))
    }

    /// Adds a member to a project, so that a Member sees it and logs time on it.
    async fn add_project_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the project.")] project_id: ID,
        #[graphql(desc = "User identifier of the member.")] user_id: ID,
    ) -> Result<Output<AddProjectMemberPayload>> {
        let done = service::project_member::add(cx(ctx)?, parse_id(&project_id), parse_id(&user_id)).await;
        Ok(Output(AddProjectMemberPayload { member: Output(MemberNode(record(ctx, done)?)) }))
    }

    /// Removes a member from a project. Its tasks are no longer assigned to them; their time stays.
    async fn remove_project_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the project.")] project_id: ID,
        #[graphql(desc = "User identifier of the member.")] user_id: ID,
    ) -> Result<Output<RemoveProjectMemberPayload>> {
        let deleted =
            record(ctx, service::project_member::remove(cx(ctx)?, parse_id(&project_id), parse_id(&user_id)).await)?;
        Ok(Output(RemoveProjectMemberPayload { user_id: deleted.id.of() }))
    }
}

/// The result of creating a project.
#[derive(SimpleObject)]
pub struct CreateProjectPayload {
    /// The created project.
    pub(crate) project: Output<ProjectNode>,
}

/// The result of changing a project.
#[derive(SimpleObject)]
pub struct UpdateProjectPayload {
    /// The changed project.
    pub(crate) project: Output<ProjectNode>,
}

/// The result of deleting a project.
#[derive(SimpleObject)]
pub struct DeleteProjectPayload {
    /// The id of what was deleted.
    pub(crate) deleted_id: Id,
}

/// The result of archiving a project.
#[derive(SimpleObject)]
pub struct ArchiveProjectPayload {
    /// The archived project.
    pub(crate) project: Output<ProjectNode>,
}

/// The result of restoring a project.
#[derive(SimpleObject)]
pub struct RestoreProjectPayload {
    /// The restored project.
    pub(crate) project: Output<ProjectNode>,
}

/// The result of adding a member to a project.
#[derive(SimpleObject)]
pub struct AddProjectMemberPayload {
    /// The member, who is on the project now.
    pub(crate) member: Output<MemberNode>,
}

/// The result of removing a member from a project.
#[derive(SimpleObject)]
pub struct RemoveProjectMemberPayload {
    /// User identifier of the member.
    pub(crate) user_id: UserId,
}
