//! What can be done: one mutation per action, named as over REST, with a payload that can grow.

use async_graphql::{Context, ID, Object, Result};
use service::client::{CreateClientInput, UpdateClientInput};
use service::expense::{CreateExpenseInput, UpdateExpenseInput};
use service::input::Field;
use service::project::{CreateProjectInput, UpdateProjectInput};
use service::task::{CreateTaskInput, UpdateTaskInput};
use service::time_entry::{Batch, CreateTimeEntryInput, StartTimerInput, StopTimerInput, UpdateTimeEntryInput};
use service::value::{Instant, Json};
use service::webhook::endpoint::{CreateWebhookEndpointInput, RotateWebhookSecretInput, UpdateWebhookEndpointInput};
use service::webhook::replay::ReplayInput;
use service::webhook::test::TestWebhookEndpointInput;
use service::{Deleted, Precondition, Record, Written};

use crate::client::ClientNode;
use crate::cx;
use crate::error::OrFail;
use crate::expense::ExpenseNode;
use crate::member::MemberNode;
use crate::payload::*;
use crate::project::ProjectNode;
use crate::query::id;
use crate::task::TaskNode;
use crate::time_entry::TimeEntryNode;
use crate::webhook::{
    CreateWebhookEndpointPayload, DeleteWebhookEndpointPayload, ReplayWebhookDeliveriesPayload,
    ReplayWebhookDeliveryPayload, RotateWebhookSecretPayload, TestWebhookEndpointPayload, UpdateWebhookEndpointPayload,
    WebhookDeliveryNode,
};

/// What can be done.
pub struct Mutation;

/// `expectedVersion` as the versions that a change is meant for.
fn expected(version: Option<i32>) -> Precondition {
    version.map_or(Precondition::Any, |version| Precondition::OneOf(vec![version]))
}

/// The record that an operation gives, selected again if it was stored.
fn record<R: Record>(ctx: &Context<'_>, done: Result<Written<R>, service::Error>) -> Result<R> {
    done.and_then(Written::into_record).or_fail(cx(ctx)?)
}

/// What can be done.
#[Object]
impl Mutation {
    /// A new client.
    async fn create_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateClientInput,
    ) -> Result<CreateClientPayload> {
        let record = record(ctx, service::client::create(cx(ctx)?, input).await)?;
        Ok(CreateClientPayload { client: ClientNode(record) })
    }

    /// Change a client: what is absent stays, null clears.
    async fn update_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateClientInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
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
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteClientPayload> {
        let expected = expected(expected_version);
        let gone: Deleted = record(ctx, service::client::delete(cx(ctx)?, self::id(&id), &expected).await)?;
        Ok(DeleteClientPayload { id: gone.id })
    }

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
        let record = record(ctx, service::project::update(cx(ctx)?, self::id(&id), &expected, input).await)?;
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
        let gone: Deleted = record(ctx, service::project::delete(cx(ctx)?, self::id(&id), &expected).await)?;
        Ok(DeleteProjectPayload { id: gone.id })
    }

    /// Log time.
    async fn create_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateTimeEntryInput,
    ) -> Result<CreateTimeEntryPayload> {
        let record = record(ctx, service::time_entry::create(cx(ctx)?, input).await)?;
        Ok(CreateTimeEntryPayload { time_entry: TimeEntryNode(record) })
    }

    /// Change a time entry: what is absent stays, null clears.
    async fn update_time_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateTimeEntryInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
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
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteTimeEntryPayload> {
        let expected = expected(expected_version);
        let gone: Deleted = record(ctx, service::time_entry::delete(cx(ctx)?, self::id(&id), &expected).await)?;
        Ok(DeleteTimeEntryPayload { id: gone.id })
    }

    /// Start a timer; the one that runs is stopped, and on the same project and task it goes on.
    async fn start_timer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is started on.")] input: StartTimerInput,
    ) -> Result<StartTimerPayload> {
        let entry = record(ctx, service::time_entry::start(cx(ctx)?, input).await)?;
        Ok(StartTimerPayload { time_entry: TimeEntryNode(entry) })
    }

    /// Stop a timer, now unless said.
    async fn stop_timer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "When it ended, with an offset; now unless said.")] stopped_at: Field<Instant>,
    ) -> Result<StopTimerPayload> {
        let input = StopTimerInput { stopped_at, ..StopTimerInput::default() };
        let entry = record(ctx, service::time_entry::stop(cx(ctx)?, self::id(&id), input).await)?;
        Ok(StopTimerPayload { time_entry: TimeEntryNode(entry) })
    }

    /// Put a project away: it takes no new time.
    async fn archive_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<ArchiveProjectPayload> {
        let project = record(ctx, service::project::archive(cx(ctx)?, self::id(&id)).await)?;
        Ok(ArchiveProjectPayload { project: ProjectNode(project) })
    }

    /// Bring a project back, archived or deleted.
    async fn restore_project(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<RestoreProjectPayload> {
        let project = record(ctx, service::project::restore(cx(ctx)?, self::id(&id)).await)?;
        Ok(RestoreProjectPayload { project: ProjectNode(project) })
    }

    /// Log up to 100 entries at once, all or nothing.
    async fn create_time_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entries, 1 to 100.")] input: Vec<CreateTimeEntryInput>,
    ) -> Result<CreateTimeEntriesPayload> {
        let entries = record(ctx, service::time_entry::create_batch(cx(ctx)?, Batch::from(input)).await)?;
        Ok(CreateTimeEntriesPayload { time_entries: entries.into_iter().map(TimeEntryNode).collect() })
    }

    /// Put a member on a project.
    async fn add_project_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The project.")] project_id: ID,
        #[graphql(desc = "The person.")] user_id: ID,
    ) -> Result<AddProjectMemberPayload> {
        let done = service::project_member::add(cx(ctx)?, id(&project_id), id(&user_id)).await;
        Ok(AddProjectMemberPayload { member: MemberNode(record(ctx, done)?) })
    }

    /// Take a member off a project: their tasks there are unassigned, their time stays.
    async fn remove_project_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The project.")] project_id: ID,
        #[graphql(desc = "The person.")] user_id: ID,
    ) -> Result<RemoveProjectMemberPayload> {
        let gone = record(ctx, service::project_member::remove(cx(ctx)?, id(&project_id), id(&user_id)).await)?;
        Ok(RemoveProjectMemberPayload { user_id: gone.id })
    }

    /// A new task.
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateTaskInput,
    ) -> Result<CreateTaskPayload> {
        let record = record(ctx, service::task::create(cx(ctx)?, input).await)?;
        Ok(CreateTaskPayload { task: TaskNode(record) })
    }

    /// Change a task: what is absent stays, null clears.
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateTaskInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateTaskPayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::task::update(cx(ctx)?, self::id(&id), &expected, input).await)?;
        Ok(UpdateTaskPayload { task: TaskNode(record) })
    }

    /// Delete a task.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteTaskPayload> {
        let expected = expected(expected_version);
        let gone: Deleted = record(ctx, service::task::delete(cx(ctx)?, self::id(&id), &expected).await)?;
        Ok(DeleteTaskPayload { id: gone.id })
    }

    /// Delete a task, and get it.
    async fn archive_task(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<ArchiveTaskPayload> {
        let task = record(ctx, service::task::archive(cx(ctx)?, self::id(&id)).await)?;
        Ok(ArchiveTaskPayload { task: TaskNode(task) })
    }

    /// Bring a deleted task back.
    async fn restore_task(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<RestoreTaskPayload> {
        let task = record(ctx, service::task::restore(cx(ctx)?, self::id(&id)).await)?;
        Ok(RestoreTaskPayload { task: TaskNode(task) })
    }

    /// A new expense.
    async fn create_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateExpenseInput,
    ) -> Result<CreateExpensePayload> {
        let record = record(ctx, service::expense::create(cx(ctx)?, input).await)?;
        Ok(CreateExpensePayload { expense: ExpenseNode(record) })
    }

    /// Change an expense: what is absent stays, null clears.
    async fn update_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateExpenseInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateExpensePayload> {
        let expected = expected(expected_version);
        let record = record(ctx, service::expense::update(cx(ctx)?, self::id(&id), &expected, input).await)?;
        Ok(UpdateExpensePayload { expense: ExpenseNode(record) })
    }

    /// Delete an expense.
    async fn delete_expense(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteExpensePayload> {
        let expected = expected(expected_version);
        let gone: Deleted = record(ctx, service::expense::delete(cx(ctx)?, self::id(&id), &expected).await)?;
        Ok(DeleteExpensePayload { id: gone.id })
    }

    /// End a token for good.
    async fn revoke_token(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> Result<RevokeTokenPayload> {
        let gone: Deleted = record(ctx, service::token::revoke(cx(ctx)?, self::id(&id)).await)?;
        Ok(RevokeTokenPayload { id: gone.id })
    }

    /// A new webhook endpoint; the answer shows its secret, this once.
    async fn create_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is sent.")] input: CreateWebhookEndpointInput,
    ) -> Result<CreateWebhookEndpointPayload> {
        let webhook_endpoint = record(ctx, service::webhook::endpoint::create(cx(ctx)?, input).await)?;
        let secret = webhook_endpoint.secret.get().cloned();
        Ok(CreateWebhookEndpointPayload { webhook_endpoint, secret })
    }

    /// Change a webhook endpoint: what is absent stays, null clears.
    async fn update_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "What is sent.")] input: UpdateWebhookEndpointInput,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<UpdateWebhookEndpointPayload> {
        let expected = expected(expected_version);
        let done = service::webhook::endpoint::update(cx(ctx)?, self::id(&id), &expected, input).await;
        Ok(UpdateWebhookEndpointPayload { webhook_endpoint: record(ctx, done)? })
    }

    /// Delete a webhook endpoint.
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "Only if the record still has this version; else a conflict, `stale`.")]
        expected_version: Option<i32>,
    ) -> Result<DeleteWebhookEndpointPayload> {
        let expected = expected(expected_version);
        let done = service::webhook::endpoint::delete(cx(ctx)?, self::id(&id), &expected).await;
        let gone: Deleted = record(ctx, done)?;
        Ok(DeleteWebhookEndpointPayload { id: gone.id })
    }

    /// Give a webhook endpoint a new secret; the answer shows it, this once. The old one goes on signing for
    /// `overlapSeconds`.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "How long the old secret goes on signing, in seconds; not at all unless said.")]
        overlap_seconds: Option<i32>,
    ) -> Result<RotateWebhookSecretPayload> {
        let overlap_seconds = overlap_seconds.map_or(Field::Absent, Field::Value);
        let input = RotateWebhookSecretInput { overlap_seconds, ..RotateWebhookSecretInput::default() };
        let done = service::webhook::endpoint::rotate_secret(cx(ctx)?, self::id(&id), input).await;
        let webhook_endpoint = record(ctx, done)?;
        let secret = webhook_endpoint.secret.get().cloned();
        Ok(RotateWebhookSecretPayload { webhook_endpoint, secret })
    }

    /// Send a test event to a webhook endpoint; of the first type that it is subscribed to unless said.
    async fn test_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
        #[graphql(desc = "The type of event; the first that it is subscribed to unless said.")] r#type: Option<String>,
    ) -> Result<TestWebhookEndpointPayload> {
        let kind = r#type.map_or(Field::Absent, |kind| Field::from_json(Json::Text(kind)));
        let input = TestWebhookEndpointInput { r#type: kind, ..TestWebhookEndpointInput::default() };
        let delivery = record(ctx, service::webhook::test::send(cx(ctx)?, self::id(&id), input).await)?;
        Ok(TestWebhookEndpointPayload { webhook_delivery: WebhookDeliveryNode(delivery) })
    }

    /// Send the event of a delivery again.
    async fn replay_webhook_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<ReplayWebhookDeliveryPayload> {
        let delivery = record(ctx, service::webhook::replay::one(cx(ctx)?, self::id(&id)).await)?;
        Ok(ReplayWebhookDeliveryPayload { webhook_delivery: WebhookDeliveryNode(delivery) })
    }

    /// Send the events of many deliveries again, or count them.
    async fn replay_webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is sent.")] input: ReplayInput,
    ) -> Result<ReplayWebhookDeliveriesPayload> {
        let replayed = record(ctx, service::webhook::replay::many(cx(ctx)?, input.into()).await)?;
        Ok(ReplayWebhookDeliveriesPayload { count: replayed.count })
    }
}
