//! Replays: the event of a delivery is sent again in a new delivery, signed with the present secret.

use entity::value::{DeliveryStatus, FieldErrors, Id, Json, OrganizationId, WebhookDeliveryId};
use entity::{webhook_delivery, webhook_endpoint};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::{Deserialize, Serialize};

use super::delivery::{WebhookDelivery, WebhookDeliveryFilter};
use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::input::{Field, FromBody, Input, Validate};
use crate::contract::outcome::{Record, Written};
use crate::contract::reason::Reason;
use crate::door::Cx;
use crate::door::write::Write;
use crate::list::filter::ids_where;
use crate::nouns::organization;
use crate::outbox::{self, Delivery};

/// The most deliveries that one call replays.
const MAX_REPLAYS: u64 = 1000;
/// The deliveries that one point of the sustained rate limit replays.
const REPLAYS_PER_POINT: u64 = 20;
/// The most pending deliveries of a workspace after a replay or a test event. The events of changes are not bounded by it.
const MAX_PENDING: u64 = 10_000;

/// Refuses new deliveries that would exceed the cap of pending ones. The workspace must be locked, so that two replays
/// together do not exceed it either.
pub(super) async fn refuse_above_cap(write: &Write, new: u64) -> Result<(), Error> {
    use webhook_delivery::Column;
    // By the index of what is pending, which is ordered by endpoint.
    let endpoints = ids_where::<webhook_endpoint::Entity>(write.organization_id(), Condition::all());
    let pending = write.count::<webhook_delivery::Entity>(|query| {
        let pending = query.filter(Column::EndpointId.in_subquery(endpoints)).filter(Column::DueAt.is_not_null());
        // No more than decides are counted, since the workspace is locked meanwhile.
        pending.limit(MAX_PENDING + 1)
    });
    let pending = pending.await?;
    if pending + new > MAX_PENDING {
        let some = if pending > MAX_PENDING { "more than " } else { "" };
        let pending = pending.min(MAX_PENDING);
        let message = format!(
            "the workspace has {some}{pending} pending deliveries, and replays may add up to {MAX_PENDING}; wait until some have \
             been sent"
        );
        return Err(Error::conflict(Reason::PendingCap, message));
    }
    Ok(())
}

/// Refuses an endpoint that is disabled or deleted.
pub(super) fn refuse_unless_open(endpoint: Option<&webhook_endpoint::Model>) -> Result<(), Error> {
    match endpoint {
        Some(row) if row.deleted_at.is_none() && row.enabled => Ok(()),
        Some(row) if row.deleted_at.is_none() => {
            Err(Error::conflict(Reason::EndpointDisabled, "the webhook endpoint is switched off; enable it first"))
        }
        _ => Err(Error::conflict(Reason::EndpointDeleted, "the webhook endpoint has been deleted")),
    }
}

/// Sends the event of one delivery again.
///
/// # Errors
/// `NotFound`; `Conflict` while the delivery is pending, where the endpoint is disabled or deleted, or where the workspace has
/// too many pending deliveries; what the door refuses.
pub async fn one(cx: &Cx, id: WebhookDeliveryId) -> Result<Written<WebhookDelivery>, Error> {
    cx.create(Action::ReplayWebhookDelivery, (), async |write, ()| {
        organization::lock(write).await?;
        let before =
            write.lock_shared::<webhook_delivery::Entity>(id).await?.ok_or(Error::NotFound("webhook delivery"))?;
        if before.status == DeliveryStatus::Pending {
            let message = "the delivery is pending; wait until it has succeeded or failed";
            return Err(Error::conflict(Reason::DeliveryPending, message));
        }
        let endpoint = write.find::<webhook_endpoint::Entity>(|query| {
            query.filter(webhook_endpoint::Column::Id.eq(before.endpoint_id)).lock_shared()
        });
        refuse_unless_open(endpoint.await?.as_ref())?;
        refuse_above_cap(write, 1).await?;
        let again = Delivery { endpoint: before.endpoint_id, event: before.event_id, replay_of: Some(before.id) };
        let row = again.row(write, &before.event_type);
        outbox::insert_deliveries(write, vec![row.clone()]).await?;
        Ok(row.into())
    })
    .await
}

/// The input of a replay of many deliveries, over REST: `{filters, dryRun}`. The filters may also stand beside `dryRun`.
#[derive(Debug, Default)]
pub struct Replay {
    filters: WebhookDeliveryFilter,
    dry_run: Field<bool>,
    /// The path of the filters in the body, for the names of bad fields.
    path: &'static str,
    not_taken: FieldErrors,
    /// How many deliveries were found: so many are paid for, and no more are replayed.
    found: u64,
}

/// Which deliveries to replay.
#[derive(Debug, async_graphql::InputObject)]
#[graphql(name = "ReplayWebhookDeliveriesInput")]
pub struct ReplayInput {
    /// Which deliveries to replay; those with status `failed` unless a status is named. Pending ones are refused.
    filters: Option<WebhookDeliveryFilter>,
    /// Whether to only count the deliveries, without sending anything; `false` by default.
    dry_run: Option<bool>,
}

impl From<ReplayInput> for Replay {
    fn from(input: ReplayInput) -> Replay {
        let filters = input.filters.unwrap_or_default();
        let dry_run = input.dry_run.map_or(Field::Absent, Field::Value);
        Replay { filters, dry_run, path: "filters", not_taken: FieldErrors::none(), found: 0 }
    }
}

impl FromBody for Replay {
    fn from_json(json: Json) -> Replay {
        let mut replay = Replay::default();
        let Json::Object(pairs) = json else {
            replay.not_taken.add("body", format!("must be a JSON object, not {}", json.kind()));
            return replay;
        };
        let mut beside = Vec::new();
        for (key, value) in pairs {
            match (key.as_str(), value) {
                ("dryRun", value) => replay.dry_run = Field::from_json(value),
                ("filters", Json::Object(filters)) => {
                    replay.path = "filters";
                    replay.filters = WebhookDeliveryFilter::from_json(Json::Object(listed(filters)));
                }
                ("filters", Json::Null) => {}
                ("filters", other) => {
                    replay.not_taken.add(key, format!("must be an object, not {}", other.kind()));
                }
                (_, value) => beside.push((key, value)),
            }
        }
        if replay.path.is_empty() {
            replay.filters = WebhookDeliveryFilter::from_json(Json::Object(listed(beside)));
        } else {
            beside.into_iter().for_each(|(key, _)| replay.not_taken.add(key, "unknown beside filters"));
        }
        replay
    }
}

/// Accepts a single value in place of a list, as in a query.
fn listed(filters: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let one = |(name, value): (String, Json)| match value {
        value @ (Json::List(_) | Json::Null) => (name, value),
        value if name.starts_with("createdAt") => (name, value),
        value => (name, Json::List(vec![value])),
    };
    filters.into_iter().map(one).collect()
}

impl Replay {
    fn is_dry_run(&self) -> bool {
        self.dry_run.get() == Some(&true)
    }

    /// The deliveries to replay, the oldest first: finished ones of endpoints that are enabled. Replays are not replayed
    /// again, so that repeated calls do not multiply them.
    fn select(
        &self,
        organization: OrganizationId,
        query: Select<webhook_delivery::Entity>,
    ) -> Select<webhook_delivery::Entity> {
        use webhook_delivery::Column;
        let enabled = Condition::all()
            .add(webhook_endpoint::Column::Enabled.eq(true))
            .add(webhook_endpoint::Column::DeletedAt.is_null());
        let states = match self.filters.status.get() {
            Some(_) => Column::Status.ne(DeliveryStatus::Pending),
            None => Column::Status.eq(DeliveryStatus::Failed),
        };
        query
            .filter(self.filters.demands())
            .filter(states)
            .filter(Column::ReplayOf.is_null())
            .filter(Column::EndpointId.in_subquery(ids_where::<webhook_endpoint::Entity>(organization, enabled)))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
    }
}

impl Validate for Replay {
    fn points(&self) -> u32 {
        u32::try_from(self.found.div_ceil(REPLAYS_PER_POINT)).unwrap_or(u32::MAX).max(1)
    }

    fn is_priced_by_count(&self) -> bool {
        true
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.not_taken.clone();
        if problems.names("body") {
            return problems;
        }
        let mut inner = self.filters.field_problems();
        if self.filters.status.get().is_some_and(|wanted| wanted.contains(&DeliveryStatus::Pending)) {
            inner.add("status", "must not be pending: deliveries that are pending cannot be replayed");
        }
        problems.nest(self.path, inner);
        if let Some(inner) = self.dry_run.problems() {
            problems.nest("dryRun", inner);
        }
        problems
    }
}

/// The result of a replay.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[oai(rename = "WebhookReplay")]
pub struct Replayed {
    /// Number of deliveries that are sent again, or would be: at most 1,000.
    pub count: i32,
}

impl Record for Replayed {
    fn id(&self) -> Id {
        Id::NONE
    }

    fn version(&self) -> Option<i32> {
        None
    }
}

/// Sends the events of many deliveries again, the oldest first, or only counts them. Pending deliveries, replays, and
/// deliveries to disabled or deleted endpoints are left out. It costs one point for each 20 deliveries, which are counted
/// and charged before the transaction begins.
///
/// # Errors
/// `Invalid` for bad filters; `RateLimited`; `Conflict` where the workspace would have too many pending deliveries; what the
/// door refuses.
pub async fn many(cx: &Cx, mut input: Replay) -> Result<Written<Replayed>, Error> {
    let organization_id = cx.caller().organization_id;
    let action = Action::ReplayWebhookDeliveries;
    // What will be refused is not counted.
    if !input.is_dry_run()
        && cx.may(action)
        && input.problems().is_empty()
        && let Ok(read) = cx.read(action)
    {
        let found =
            read.all::<webhook_delivery::Entity>(|query| input.select(organization_id, query).limit(MAX_REPLAYS));
        input.found = u64::try_from(found.await?.len()).unwrap_or(MAX_REPLAYS);
    }
    cx.write(action, input, async |write, input| {
        let most = if input.is_dry_run() { MAX_REPLAYS } else { input.found };
        if !input.is_dry_run() {
            organization::lock(write).await?;
        }
        let found = write.all::<webhook_delivery::Entity>(|query| input.select(organization_id, query).limit(most));
        let found = found.await?;
        let count = i32::try_from(found.len()).unwrap_or(i32::MAX);
        if !input.is_dry_run() {
            refuse_above_cap(write, u64::try_from(found.len()).unwrap_or(u64::MAX)).await?;
            let replay_of = |row: &webhook_delivery::Model| {
                let (endpoint, event) = (row.endpoint_id, row.event_id);
                Delivery { endpoint, event, replay_of: Some(row.id) }.row(write, &row.event_type)
            };
            outbox::insert_deliveries(write, found.iter().map(replay_of).collect()).await?;
        }
        Ok(Replayed { count })
    })
    .await
}

impl poem_openapi::types::Type for Replay {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> std::borrow::Cow<'static, str> {
        "ReplayWebhookDeliveriesInput".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference("ReplayWebhookDeliveriesInput".into())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Replay, _>("ReplayWebhookDeliveriesInput".into(), |_| {
            let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
            let dry_run =
                MetaSchema { description: Some("Whether to only count the deliveries, without sending anything; `false` by default."), nullable: true, ..MetaSchema::new("boolean") };
            let fields = WebhookDeliveryFilter::fields().into_iter();
            let described = |field: crate::contract::input::FieldInfo| {
                (field.name, inline(MetaSchema { description: Some(field.description), ..field.schema }))
            };
            let filters = MetaSchema {
                title: Some("WebhookDeliveryFilter\nFilters of deliveries; a delivery must match all of them.".into()),
                description: Some("Which deliveries to replay; those with status `failed` unless a status is named. Pending ones are refused."),
                nullable: true,
                properties: fields.map(described).collect(),
                additional_properties: Some(Box::new(inline(MetaSchema::new("never")))),
                ..MetaSchema::new("object")
            };
            MetaSchema {
                description: Some("Which deliveries to replay, the oldest first, at most 1,000."),
                properties: vec![("filters", inline(filters)), ("dryRun", inline(dry_run))],
                additional_properties: Some(Box::new(inline(MetaSchema::new("never")))),
                ..MetaSchema::new("object")
            }
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}
