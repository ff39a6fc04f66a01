//! The worker's statements: which endpoints have deliveries due, a lease on some of them, and the results. Each is one
//! statement for many deliveries, which it takes as JSON, so that its text stays the same and is planned once.
//!
//! Decision: `docs/decisions/0031-per-endpoint-concurrency-in-the-delivery-queue.md`.

use entity::value::{
    DeliveryStatus, EndpointStatus, EventId, Id, OrganizationId, Plan, Timestamp, WebhookDeliveryId, WebhookEndpointId,
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement, Value};
use serde::Serialize;

use crate::contract::error::Feature;
use crate::core::database::Tx;
use crate::webhook::{ATTEMPT_TIMEOUT, Dispatcher};

/// The length of a lease, in milliseconds: two attempts long, since an attempt begins at once.
pub(super) const LEASE: i64 = 2 * ATTEMPT_TIMEOUT.as_millis() as i64;
/// The most deliveries that one statement skips, so that no other write waits long for it.
const SKIPPED_AT_ONCE: i64 = 1000;

/// The endpoints with due deliveries, ordered by their oldest one. It jumps from endpoint to endpoint in the index of
/// pending deliveries, so its cost does not depend on how many each endpoint has.
const DUE: &str = "\
    WITH RECURSIVE pending (endpoint_id) AS (\
      SELECT (SELECT d.endpoint_id FROM webhook_delivery d WHERE d.due_at IS NOT NULL \
        ORDER BY d.endpoint_id LIMIT 1) \
      UNION ALL \
      SELECT (SELECT d.endpoint_id FROM webhook_delivery d WHERE d.due_at IS NOT NULL \
        AND d.endpoint_id > pending.endpoint_id ORDER BY d.endpoint_id LIMIT 1) \
      FROM pending WHERE pending.endpoint_id IS NOT NULL), \
    first (endpoint_id, due_at) AS (\
      SELECT pending.endpoint_id, (SELECT d.due_at FROM webhook_delivery d WHERE d.endpoint_id = pending.endpoint_id \
        AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1) FROM pending WHERE pending.endpoint_id IS NOT NULL) \
    SELECT endpoint_id FROM first WHERE due_at <= $1 ORDER BY due_at";

/// Rows that another worker has locked are left to it. Rows are named by their `ctid`: for so many key values the planner
/// would choose to read the whole table.
const CLAIM_POSTGRES: &str = "\
    UPDATE webhook_delivery SET due_at = $3, lease = $4 WHERE ctid = ANY (ARRAY(\
      SELECT d.ctid FROM jsonb_to_recordset($1::jsonb) AS w(e uuid, n int) CROSS JOIN LATERAL (\
        SELECT d.ctid FROM webhook_delivery d WHERE d.endpoint_id = w.e AND d.due_at <= $2 \
        ORDER BY d.due_at LIMIT w.n FOR UPDATE SKIP LOCKED) d)) RETURNING organization_id, id";

/// The one writer of SQLite needs no locks. It takes one endpoint at a time, since SQLite has no LATERAL joins.
const CLAIM_SQLITE: &str = "\
    UPDATE webhook_delivery SET due_at = $3, lease = $4 WHERE rowid IN (\
      SELECT rowid FROM webhook_delivery WHERE endpoint_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT $5) \
    RETURNING organization_id, id";

/// Everything that an attempt needs, in its present state.
const JOBS: &str = "\
    SELECT d.organization_id, d.id, d.endpoint_id, d.event_id, d.attempt_count, e.body, w.url, w.secret, \
      w.previous_secret, w.previous_until, w.enabled, w.deleted_at, o.plan, e.traceparent \
    FROM {rows} {deliveries} \
    JOIN event e ON e.organization_id = d.organization_id AND e.id = d.event_id \
    JOIN webhook_endpoint w ON w.organization_id = d.organization_id AND w.id = d.endpoint_id \
    JOIN organization o ON o.id = d.organization_id";

/// Stores results only where the lease still holds; a worker that took over stores its own.
const FINISH: &str = "\
    UPDATE webhook_delivery SET status = v.s, reason = v.reason, next_attempt_at = v.next, due_at = v.next, lease = NULL, \
      attempt_count = v.n, last_attempt_at = COALESCE(v.at, last_attempt_at), \
      last_response_status = CASE WHEN v.at IS NULL THEN last_response_status ELSE v.code END \
    FROM {rows} WHERE {rows_named} webhook_delivery.organization_id = v.o AND webhook_delivery.id = v.i \
      AND webhook_delivery.lease = v.l RETURNING webhook_delivery.id";

const ATTEMPTS: &str = "\
    INSERT INTO webhook_attempt (organization_id, delivery_id, number, started_at, duration_ms, response_status, error, \
      response_excerpt) SELECT v.o, v.i, v.n, v.at, v.ms, v.code, v.error, v.excerpt FROM {rows} \
    WHERE v.at IS NOT NULL";

/// A change of a field that callers see raises the version of the endpoint. A 410 from an old URL does not disable the
/// endpoint with its new URL.
const VERDICT: &str = "\
    UPDATE webhook_endpoint SET status = v.s, enabled = (enabled AND COALESCE(url <> v.gone, TRUE)), \
      version = version + 1, updated_at = CASE WHEN updated_at < $2 THEN $2 ELSE updated_at + 1 END \
    FROM {rows} WHERE webhook_endpoint.organization_id = v.o AND webhook_endpoint.id = v.i \
      AND (webhook_endpoint.status <> v.s OR (webhook_endpoint.enabled AND webhook_endpoint.url = v.gone))";

/// Skips only while the endpoint is closed: it may have been enabled since the worker saw it closed, and then its due
/// deliveries are to be sent.
const SKIP: &str = "\
    UPDATE webhook_delivery SET status = $3, reason = $4, next_attempt_at = NULL, due_at = NULL, lease = NULL \
    WHERE (organization_id, id) IN (SELECT d.organization_id, d.id FROM webhook_delivery d \
      JOIN webhook_endpoint w ON w.organization_id = d.organization_id AND w.id = d.endpoint_id \
      JOIN organization o ON o.id = d.organization_id \
      WHERE d.endpoint_id = $1 AND d.due_at <= $2 AND (w.deleted_at IS NOT NULL OR NOT w.enabled OR o.plan < $6) \
      ORDER BY d.due_at LIMIT $5 {locked})";

const HAND_BACK: &str = "\
    UPDATE webhook_delivery SET due_at = next_attempt_at, lease = NULL FROM {rows} \
    WHERE webhook_delivery.organization_id = v.o AND webhook_delivery.id = v.i AND webhook_delivery.lease = v.l";

/// A delivery that this worker has leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leased {
    pub(super) organization: OrganizationId,
    pub(super) id: WebhookDeliveryId,
    pub(super) lease: Id,
}

/// A leased delivery with everything that an attempt needs.
#[derive(FromQueryResult)]
pub(super) struct Job {
    pub(super) organization_id: OrganizationId,
    pub(super) id: WebhookDeliveryId,
    pub(super) endpoint_id: WebhookEndpointId,
    pub(super) event_id: EventId,
    pub(super) attempt_count: i32,
    pub(super) body: String,
    pub(super) url: String,
    pub(super) secret: Vec<u8>,
    pub(super) previous_secret: Option<Vec<u8>>,
    pub(super) previous_until: Option<Timestamp>,
    pub(super) enabled: bool,
    pub(super) deleted_at: Option<Timestamp>,
    pub(super) plan: Plan,
    pub(super) traceparent: Option<String>,
}

impl Job {
    /// The sealed secrets that sign an attempt at this instant: two while an overlap lasts.
    pub(super) fn sealed(&self, now: Timestamp) -> impl Iterator<Item = &Vec<u8>> {
        let previous = self.previous_secret.as_ref().filter(|_| self.previous_until > Some(now));
        std::iter::once(&self.secret).chain(previous)
    }
}

/// The result of a delivery, after an attempt or without one.
#[derive(Clone, Debug)]
pub(super) struct DeliveryOutcome {
    pub(super) held: Leased,
    pub(super) endpoint: WebhookEndpointId,
    pub(super) status: DeliveryStatus,
    /// Why the delivery was skipped.
    pub(super) reason: Option<&'static str>,
    /// The number of attempts so far.
    pub(super) attempts: i32,
    /// When the next attempt is made.
    pub(super) next: Option<Timestamp>,
    /// The attempt, if there was one.
    pub(super) attempt: Option<Attempt>,
    /// The URL whose receiver answered 410.
    pub(super) gone: Option<String>,
}

/// One attempt, as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) started_at: Timestamp,
    pub(super) ms: i32,
    pub(super) code: Option<u16>,
    pub(super) error: Option<String>,
    pub(super) excerpt: Option<String>,
}

/// A row of the JSON that a statement takes. Names are short, since they are sent with each row.
#[derive(Default, Serialize)]
struct Row {
    o: String,
    i: String,
    l: Option<String>,
    s: i16,
    n: i32,
    reason: Option<&'static str>,
    next: Option<i64>,
    at: Option<i64>,
    ms: i32,
    code: Option<u16>,
    error: Option<String>,
    excerpt: Option<String>,
    gone: Option<String>,
}

fn hex<T>(id: Id<T>) -> String {
    id.0.simple().to_string()
}

impl From<Leased> for Row {
    fn from(held: Leased) -> Row {
        Row { o: hex(held.organization), i: hex(held.id), l: Some(hex(held.lease)), ..Row::default() }
    }
}

impl From<&DeliveryOutcome> for Row {
    fn from(outcome: &DeliveryOutcome) -> Row {
        let (attempt, next) = (outcome.attempt.as_ref(), outcome.next.map(Timestamp::millis));
        let row =
            Row { s: outcome.status.rank(), n: outcome.attempts, reason: outcome.reason, next, ..outcome.held.into() };
        match attempt.cloned() {
            Some(Attempt { started_at, ms, code, error, excerpt }) => {
                Row { at: Some(started_at.millis()), ms, code, error, excerpt, ..row }
            }
            None => row,
        }
    }
}

/// Joins the deliveries of the rows one by one: without the OFFSET the planner would read all deliveries first.
const DELIVERIES_POSTGRES: &str = "\
    CROSS JOIN LATERAL (SELECT * FROM webhook_delivery d WHERE d.organization_id = v.o AND d.id = v.i OFFSET 0) d";

/// How a statement that changes deliveries on PostgreSQL finds their rows: by their physical place, looked up first.
const NAMED_POSTGRES: &str = "\
    webhook_delivery.ctid = ANY (ARRAY(SELECT d.ctid FROM {rows} CROSS JOIN LATERAL (\
      SELECT d.ctid FROM webhook_delivery d WHERE d.organization_id = v.o AND d.id = v.i OFFSET 0) d)) AND";

/// A statement about many rows: `{rows}` in its text is replaced by them, under the name `v`.
fn about(db: &impl ConnectionTrait, sql: &str, rows: &[Row], others: Vec<Value>) -> Result<Statement, DbErr> {
    const POSTGRES: &str = "jsonb_to_recordset($1::jsonb) AS v(o uuid, i uuid, l uuid, s smallint, n int, reason text, \
        next bigint, at bigint, ms int, code int, error text, excerpt text, gone text)";
    const SQLITE: &str = "(SELECT unhex(value ->> 'o') AS o, unhex(value ->> 'i') AS i, unhex(value ->> 'l') AS l, \
        value ->> 's' AS s, value ->> 'n' AS n, value ->> 'reason' AS reason, value ->> 'next' AS next, \
        value ->> 'at' AS at, value ->> 'ms' AS ms, value ->> 'code' AS code, value ->> 'error' AS error, \
        value ->> 'excerpt' AS excerpt, value ->> 'gone' AS gone FROM json_each($1)) AS v";
    let backend = db.get_database_backend();
    let [rows_as_v, deliveries, rows_named] = match backend {
        DbBackend::Postgres => [POSTGRES, DELIVERIES_POSTGRES, NAMED_POSTGRES],
        _ => [SQLITE, "JOIN webhook_delivery d ON d.organization_id = v.o AND d.id = v.i", ""],
    };
    let sql = sql.replace("{deliveries}", deliveries).replace("{rows_named}", rows_named).replace("{rows}", rows_as_v);
    let json = serde_json::to_string(rows).map_err(|e| DbErr::Custom(e.to_string()))?;
    let values = std::iter::once(Value::from(json)).chain(others);
    Ok(Statement::from_sql_and_values(backend, sql, values))
}

/// The endpoints with due deliveries, ordered by their oldest one.
pub(super) async fn due(app: &Dispatcher, now: Timestamp) -> Result<Vec<WebhookEndpointId>, DbErr> {
    let reader = app.database().reader();
    let statement = Statement::from_sql_and_values(reader.get_database_backend(), DUE, [now.into()]);
    reader.query_all_raw(statement).await?.iter().map(|row| row.try_get("", "endpoint_id")).collect()
}

/// Leases due deliveries of these endpoints, up to the given number of each, and reads what their attempts need.
pub(super) async fn claim(
    tx: &Tx,
    wanted: &[(WebhookEndpointId, usize)],
    now: Timestamp,
    lease: Id,
) -> Result<Vec<Job>, DbErr> {
    let backend = tx.get_database_backend();
    let until = now.plus_millis(LEASE);
    let mut taken = Vec::new();
    if backend == DbBackend::Postgres {
        let wanted: Vec<_> = wanted.iter().map(|(e, n)| serde_json::json!({ "e": hex(*e), "n": n })).collect();
        let wanted = serde_json::Value::Array(wanted).to_string();
        let values = [wanted.into(), now.into(), until.into(), lease.into()];
        taken = tx.query_all_raw(Statement::from_sql_and_values(backend, CLAIM_POSTGRES, values)).await?;
    } else {
        for (endpoint, count) in wanted {
            let count = i64::try_from(*count).unwrap_or(1);
            let values = [(*endpoint).into(), now.into(), until.into(), lease.into(), count.into()];
            taken.extend(tx.query_all_raw(Statement::from_sql_and_values(backend, CLAIM_SQLITE, values)).await?);
        }
    }
    if taken.is_empty() {
        return Ok(vec![]);
    }
    let held = |row: &sea_orm::QueryResult| {
        let (organization, id) = (row.try_get("", "organization_id")?, row.try_get("", "id")?);
        Ok(Row::from(Leased { organization, id, lease }))
    };
    let rows = taken.iter().map(held).collect::<Result<Vec<_>, DbErr>>()?;
    Job::find_by_statement(about(tx, JOBS, &rows, vec![])?).all(tx).await
}

/// Stores the results of deliveries whose lease still holds.
pub(super) async fn finish(tx: &Tx, outcomes: &[DeliveryOutcome], now: Timestamp) -> Result<(), DbErr> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = outcomes.iter().map(Row::from).collect();
    let mut ours = std::collections::HashSet::new();
    for row in tx.query_all_raw(about(tx, FINISH, &rows, vec![])?).await? {
        ours.insert(row.try_get::<WebhookDeliveryId>("", "id")?);
    }
    let is_ours = |outcome: &&DeliveryOutcome| ours.contains(&outcome.held.id);
    let rows: Vec<Row> = outcomes.iter().filter(is_ours).map(Row::from).collect();
    tx.execute_raw(about(tx, ATTEMPTS, &rows, vec![])?).await?;

    // The last result of an endpoint gives its status; one 410 among them disables it. Rows are sent in the order of ids; a
    // deadlock with another worker, which the planner may still cause, only makes the turn fail: the next stores its results.
    let mut verdicts = std::collections::BTreeMap::new();
    for outcome in outcomes.iter().filter(is_ours) {
        let (status, gone) = match outcome.status {
            DeliveryStatus::Succeeded => (EndpointStatus::Active, None),
            DeliveryStatus::Failed => (EndpointStatus::Failing, outcome.gone.clone()),
            DeliveryStatus::Pending | DeliveryStatus::Skipped => continue,
        };
        let known = verdicts.entry((outcome.endpoint, outcome.held.organization)).or_insert((status, None));
        *known = (status, gone.or(known.1.take()));
    }
    let row = |((endpoint, organization), (status, gone)): (
        (WebhookEndpointId, OrganizationId),
        (EndpointStatus, Option<String>),
    )| Row { o: hex(organization), i: hex(endpoint), s: status.rank(), gone, ..Row::default() };
    let rows: Vec<Row> = verdicts.into_iter().map(row).collect();
    if !rows.is_empty() {
        tx.execute_raw(about(tx, VERDICT, &rows, vec![now.into()])?).await?;
    }
    Ok(())
}

/// Skips due deliveries of a closed endpoint, up to a bound, and returns their number.
pub(super) async fn skip(
    tx: &Tx,
    endpoint: WebhookEndpointId,
    reason: &'static str,
    now: Timestamp,
) -> Result<u64, DbErr> {
    let (skipped, plan) = (DeliveryStatus::Skipped.rank(), Feature::OutboundWebhooks.required_plan().rank());
    let values = [endpoint.into(), now.into(), skipped.into(), reason.into(), SKIPPED_AT_ONCE.into(), plan.into()];
    let backend = tx.get_database_backend();
    // A row that another worker has locked is left to it.
    let locked = if backend == DbBackend::Postgres { "FOR UPDATE OF d SKIP LOCKED" } else { "" };
    let statement = Statement::from_sql_and_values(backend, SKIP.replace("{locked}", locked), values);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

/// Returns leases of deliveries that were not attempted: they are due again at once.
pub(super) async fn hand_back(tx: &Tx, held: &[Leased]) -> Result<(), DbErr> {
    let rows: Vec<Row> = held.iter().map(|held| Row::from(*held)).collect();
    tx.execute_raw(about(tx, HAND_BACK, &rows, vec![])?).await?;
    Ok(())
}
