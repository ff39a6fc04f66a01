//! What can be done: one mutation per action, named as over REST, with a payload that can grow.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use service::client::{ClientChanges, NewClient};
use service::input::Field;
use service::member::Member;
use service::project::{NewProject, ProjectChanges};
use service::time_entry::{Batch, NewTimeEntry, NewTimer, TimeEntryChanges, TimerStop};
use service::value::{Id, Instant};
use service::{Done, Expected, Gone, Record};

use crate::client::ClientNode;
use crate::cx;
use crate::error::OrFail;
use crate::project::ProjectNode;
use crate::query::id;
use crate::time_entry::TimeEntryNode;

/// What can be done.
pub struct Mutation;

/// The client that was made.
#[derive(SimpleObject)]
pub struct CreateClientPayload {
    /// The client.
    client: ClientNode,
}

/// The client that was changed.
#[derive(SimpleObject)]
pub struct UpdateClientPayload {
    /// The client.
    client: ClientNode,
}

/// The client that is gone.
#[derive(SimpleObject)]
pub struct DeleteClientPayload {
    /// Its id.
    id: Id,
}

/// The project that was made.
#[derive(SimpleObject)]
pub struct CreateProjectPayload {
    /// The project.
    project: ProjectNode,
}

/// The project that was changed.
#[derive(SimpleObject)]
pub struct UpdateProjectPayload {
    /// The project.
    project: ProjectNode,
}

/// The project that is gone.
#[derive(SimpleObject)]
pub struct DeleteProjectPayload {
    /// Its id.
    id: Id,
}

/// The time entry that was made.
#[derive(SimpleObject)]
pub struct CreateTimeEntryPayload {
    /// The time entry.
    time_entry: TimeEntryNode,
}

/// The time entry that was changed.
#[derive(SimpleObject)]
pub struct UpdateTimeEntryPayload {
    /// The time entry.
    time_entry: TimeEntryNode,
}

/// The time entry that is gone.
#[derive(SimpleObject)]
pub struct DeleteTimeEntryPayload {
    /// Its id.
    id: Id,
}

/// The time entries that were made, in the order sent.
#[derive(SimpleObject)]
pub struct CreateTimeEntriesPayload {
    /// The time entries.
    time_entries: Vec<TimeEntryNode>,
}

/// The member who is on the project.
#[derive(SimpleObject)]
pub struct AddProjectMemberPayload {
    /// The member.
    member: Member,
}

/// Who is not on the project any more.
#[derive(SimpleObject)]
pub struct RemoveProjectMemberPayload {
    /// The person.
    user_id: Id,
}

/// The timer that runs.
#[derive(SimpleObject)]
pub struct StartTimerPayload {
    /// The time entry.
    time_entry: TimeEntryNode,
}

/// The timer that was stopped.
#[derive(SimpleObject)]
pub struct StopTimerPayload {
    /// The time entry.
    time_entry: TimeEntryNode,
}

/// The project that was put away.
#[derive(SimpleObject)]
pub struct ArchiveProjectPayload {
    /// The project.
    project: ProjectNode,
}

/// The project that is back.
#[derive(SimpleObject)]
pub struct RestoreProjectPayload {
    /// The project.
    project: ProjectNode,
}

/// The token that was ended.
#[derive(SimpleObject)]
pub struct RevokeTokenPayload {
    /// Its id.
    id: Id,
}

/// `expectedVersion` as the versions that a change is meant for.
fn expected(version: Option<i32>) -> Expected {
    version.map_or(Expected::Any, |version| Expected::OneOf(vec![version]))
}

/// The record that an operation gives, selected again if it was stored.
fn record<R: Record>(ctx: &Context<'_>, done: Result<Done<R>, service::Error>) -> Result<R> {
    done.and_then(Done::into_record).or_fail(cx(ctx)?)
}

/// What can be done.
#[Object]
impl Mutation {
    /// A new client.
    async fn create_client(&self, ctx: &Context<'_>, input: NewClient) -> Result<CreateClientPayload> {
        let record = record(ctx, service::client::create(cx(ctx)?, input).await)?;
        Ok(CreateClientPayload { client: ClientNode(record) })
    }

    /// Change a client: what is absent stays, null clears.
    async fn update_client(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: ClientChanges,
        expected_version: Option<i32>,
    ) -> Result<UpdateClientPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::client::update(cx(ctx)?, self::id(&id), &expected, input).await)?;
        Ok(UpdateClientPayload { client: ClientNode(record) })
    }

    /// Delete a client.
    async fn delete_client(
        &self,
        ctx: &Context<'_>,
        id: ID,
        expected_version: Option<i32>,
    ) -> Result<DeleteClientPayload> {
        let expected = expected(expected_version);
        let gone: Gone = record(ctx, service::client::delete(cx(ctx)?, self::id(&id), &expected).await)?;
        Ok(DeleteClientPayload { id: gone.id })
    }

    /// A new project.
    async fn create_project(&self, ctx: &Context<'_>, input: NewProject) -> Result<CreateProjectPayload> {
        let record = record(ctx, service::project::create(cx(ctx)?, input).await)?;
        Ok(CreateProjectPayload { project: ProjectNode(record) })
    }

    /// Change a project: what is absent stays, null clears.
    async fn update_project(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: ProjectChanges,
        expected_version: Option<i32>,
    ) -> Result<UpdateProjectPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::project::update(cx(ctx)?, self::id(&id), &expected, input).await)?;
        Ok(UpdateProjectPayload { project: ProjectNode(record) })
    }

    /// Delete a project.
    async fn delete_project(
        &self,
        ctx: &Context<'_>,
        id: ID,
        expected_version: Option<i32>,
    ) -> Result<DeleteProjectPayload> {
        let expected = expected(expected_version);
        let gone: Gone = record(ctx, service::project::delete(cx(ctx)?, self::id(&id), &expected).await)?;
        Ok(DeleteProjectPayload { id: gone.id })
    }

    /// Log time.
    async fn create_time_entry(&self, ctx: &Context<'_>, input: NewTimeEntry) -> Result<CreateTimeEntryPayload> {
        let record = record(ctx, service::time_entry::create(cx(ctx)?, input).await)?;
        Ok(CreateTimeEntryPayload { time_entry: TimeEntryNode(record) })
    }

    /// Change a time entry: what is absent stays, null clears.
    async fn update_time_entry(
        &self,
        ctx: &Context<'_>,
        id: ID,
        input: TimeEntryChanges,
        expected_version: Option<i32>,
    ) -> Result<UpdateTimeEntryPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::time_entry::update(cx(ctx)?, self::id(&id), &expected, input).await)?;
        Ok(UpdateTimeEntryPayload { time_entry: TimeEntryNode(record) })
    }

    /// Delete a time entry.
    async fn delete_time_entry(
        &self,
        ctx: &Context<'_>,
        id: ID,
        expected_version: Option<i32>,
    ) -> Result<DeleteTimeEntryPayload> {
        let expected = expected(expected_version);
        let gone: Gone = record(ctx, service::time_entry::delete(cx(ctx)?, self::id(&id), &expected).await)?;
        Ok(DeleteTimeEntryPayload { id: gone.id })
    }

    /// Start a timer; the one that runs is stopped, and on the same project and task it goes on.
    async fn start_timer(&self, ctx: &Context<'_>, input: NewTimer) -> Result<StartTimerPayload> {
        let entry = record(ctx, service::time_entry::start(cx(ctx)?, input).await)?;
        Ok(StartTimerPayload { time_entry: TimeEntryNode(entry) })
    }

    /// Stop a timer, now unless said.
    async fn stop_timer(&self, ctx: &Context<'_>, id: ID, stopped_at: Option<Instant>) -> Result<StopTimerPayload> {
        let input = TimerStop { stopped_at: stopped_at.map_or(Field::Absent, Field::Value), ..TimerStop::default() };
        let entry = record(ctx, service::time_entry::stop(cx(ctx)?, self::id(&id), input).await)?;
        Ok(StopTimerPayload { time_entry: TimeEntryNode(entry) })
    }

    /// Put a project away: it takes no new time.
    async fn archive_project(&self, ctx: &Context<'_>, id: ID) -> Result<ArchiveProjectPayload> {
        let project = record(ctx, service::project::archive(cx(ctx)?, self::id(&id)).await)?;
        Ok(ArchiveProjectPayload { project: ProjectNode(project) })
    }

    /// Bring a project back, archived or deleted.
    async fn restore_project(&self, ctx: &Context<'_>, id: ID) -> Result<RestoreProjectPayload> {
        let project = record(ctx, service::project::restore(cx(ctx)?, self::id(&id)).await)?;
        Ok(RestoreProjectPayload { project: ProjectNode(project) })
    }

    /// Log up to 100 entries at once, all or nothing.
    async fn create_time_entries(
        &self,
        ctx: &Context<'_>,
        input: Vec<NewTimeEntry>,
    ) -> Result<CreateTimeEntriesPayload> {
        let entries = record(ctx, service::time_entry::create_batch(cx(ctx)?, Batch::from(input)).await)?;
        Ok(CreateTimeEntriesPayload { time_entries: entries.into_iter().map(TimeEntryNode).collect() })
    }

    /// Put a member on a project.
    async fn add_project_member(
        &self,
        ctx: &Context<'_>,
        project_id: ID,
        user_id: ID,
    ) -> Result<AddProjectMemberPayload> {
        let done = service::project_member::add(cx(ctx)?, id(&project_id), id(&user_id)).await;
        Ok(AddProjectMemberPayload { member: record(ctx, done)? })
    }

    /// Take a member off a project: their tasks there are unassigned, their time stays.
    async fn remove_project_member(
        &self,
        ctx: &Context<'_>,
        project_id: ID,
        user_id: ID,
    ) -> Result<RemoveProjectMemberPayload> {
        let gone = record(ctx, service::project_member::remove(cx(ctx)?, id(&project_id), id(&user_id)).await)?;
        Ok(RemoveProjectMemberPayload { user_id: gone.id })
    }

    /// End a token for good.
    async fn revoke_token(&self, ctx: &Context<'_>, id: ID) -> Result<RevokeTokenPayload> {
        let gone: Gone = record(ctx, service::token::revoke(cx(ctx)?, self::id(&id)).await)?;
        Ok(RevokeTokenPayload { id: gone.id })
    }
}
